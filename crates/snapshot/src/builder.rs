//! From rows to a snapshot: link, deduplicate, take the latest of each attribute, sort by pseudonym.
//! The order of rows never matters, and no person's rows decide how another's are read, households aside.

use crate::csv_source::{CsvSource, Outcome};
use crate::draft::Draft;
use crate::error::SnapshotError;
use crate::keys::NodeKey;
use crate::mapping::{Field, Mapping};
use crate::quality::LocalQuality;
use crate::row::Day;
use crate::snapshot::{
    Attributes, BEYOND_HOUSEHOLD, Edition, Event, MUNICIPIO_ONLY, NEVER, NO_HOUSEHOLD, Snapshot,
    UNKNOWN,
};
use geography::{Level, Partition};
use privacy_loss::HOUSEHOLD_MEMBERS;
use std::collections::HashMap;
use std::io::Read;
use taxonomy::model::Quantity;

/// What an event declares besides having happened. Less than nothing counts as nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    /// Hundredths of an hour.
    quantity: i64,
    /// Cents.
    amount: i64,
}

impl Worth {
    fn cents(self) -> u32 {
        clamped(self.amount)
    }

    fn minutes(self) -> u32 {
        clamped(self.quantity.saturating_mul(60) / 100)
    }
}

fn clamped(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// One event as read. The order puts repeated rows side by side and months in sequence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RawEvent {
    person: u32,
    day: Day,
    service: u8,
    worth: Worth,
}

struct Gathered {
    drafts: Vec<Draft>,
    events: Vec<RawEvent>,
    quality: LocalQuality,
}

pub(crate) fn build(
    mapping: &Mapping,
    register: impl Read,
    key: &NodeKey,
    edition: Edition,
) -> Result<(Snapshot, LocalQuality), SnapshotError> {
    let Gathered {
        drafts,
        mut events,
        mut quality,
    } = gather(mapping, register, key)?;

    let mut order: Vec<([u8; 32], u32)> = (drafts.iter().enumerate())
        .map(|(index, draft)| (key.pseudonym(draft.code.bytes()), index as u32))
        .collect();
    order.sort_unstable();
    let households = households(mapping, key, &drafts, &order, &mut quality);

    events.sort_unstable();
    let before = events.len();
    events.dedup();
    quality.duplicates = (before - events.len()) as u64;
    let mut starts = vec![0; drafts.len() + 1];
    for event in &events {
        starts[event.person as usize + 1] += 1;
    }
    for index in 1..starts.len() {
        starts[index] += starts[index - 1];
    }

    let mut snapshot = Snapshot {
        sampling_key: key.sampling(&edition.label),
        edition,
        mapping_hash: mapping.hash(),
        finest_level: mapping.finest_level(),
        quantities: Quantity::ALL
            .iter()
            .filter(|quantity| mapping.column(column_of(**quantity)).is_some())
            .fold(0, |known, quantity| known | 1 << *quantity as u8),
        pseudonyms: Vec::with_capacity(order.len()),
        attributes: Vec::with_capacity(order.len()),
        needs: Vec::with_capacity(order.len()),
        benefits: Vec::with_capacity(order.len()),
        event_starts: vec![0],
        events: Vec::new(),
        cents: Vec::new(),
        minutes: Vec::new(),
        household_starts: households.starts,
        household_births: households.births,
        household_members: households.members,
    };
    let areas = Partition::milan();
    for (&(pseudonym, index), household) in order.iter().zip(households.of_person) {
        let draft = &drafts[index as usize];
        let attributes = attributes(mapping, draft, household);
        quality.homes_unknown += u64::from(attributes.home == areas.unknown().0);
        snapshot.pseudonyms.push(pseudonym);
        snapshot.attributes.push(attributes);
        snapshot.needs.push(draft.needs);
        snapshot.benefits.push(draft.benefits);
        push_events(
            &mut snapshot,
            &events[starts[index as usize]..starts[index as usize + 1]],
        );
        snapshot.event_starts.push(snapshot.events.len() as u64);
    }
    quality.persons = snapshot.pseudonyms.len() as u64;
    Ok((snapshot, quality))
}

/// Streams the register into drafts and events.
fn gather(
    mapping: &Mapping,
    register: impl Read,
    key: &NodeKey,
) -> Result<Gathered, SnapshotError> {
    let mut source = CsvSource::open(register, mapping)?;
    let mut quality = LocalQuality::default();
    let mut persons: HashMap<[u8; 16], u32> = HashMap::new();
    let mut households: HashMap<String, [u8; 32]> = HashMap::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut events = Vec::new();
    let column = |field: Option<Field>| {
        field
            .and_then(|field| mapping.column(field))
            .unwrap_or_default()
    };
    loop {
        match source.next_row()? {
            None => break,
            Some(Outcome::Unlinked { missing: true }) => quality.unlinked_missing += 1,
            Some(Outcome::Unlinked { missing: false }) => quality.unlinked_invalid += 1,
            Some(Outcome::Rejected {
                column: field,
                kind,
            }) => {
                quality.rejected += 1;
                quality.note(source.line_number(), column(field), kind);
            }
            Some(Outcome::Row(row)) => {
                quality.loaded += 1;
                let person = *persons.entry(*row.code.bytes()).or_insert_with(|| {
                    drafts.push(Draft::new(&row));
                    (drafts.len() - 1) as u32
                });
                let household = row.household.map(|id| match households.get(id) {
                    Some(tag) => *tag,
                    None => *households
                        .entry(id.to_owned())
                        .or_insert_with(|| key.household(id)),
                });
                drafts[person as usize].note(&row, household);
                events.push(RawEvent {
                    person,
                    day: row.day,
                    service: row.service,
                    worth: Worth {
                        quantity: row.quantity,
                        amount: row.amount,
                    },
                });
                for &(field, kind) in source.ignored_fields() {
                    quality.fields_ignored += 1;
                    quality.note(source.line_number(), column(Some(field)), kind);
                }
            }
        }
        quality.rows += 1;
    }
    Ok(Gathered {
        drafts,
        events,
        quality,
    })
}

/// The households of a register, as stored.
struct Households {
    /// For each person in order.
    of_person: Vec<u32>,
    /// Where each household's members start.
    starts: Vec<u64>,
    /// Months of birth of members, ascending within a household.
    births: Vec<u16>,
    /// Places of members, ascending within a household.
    members: Vec<u32>,
}

/// The column that fills a quantity.
fn column_of(quantity: Quantity) -> Field {
    match quantity {
        Quantity::Amount => Field::Amount,
        Quantity::Duration => Field::Quantity,
    }
}

/// The households people belong to.
///
/// A household with more than M members keeps the M with the lowest keyed ranks. A rank is a function
/// of one person alone, so a new member displaces at most one other and changes nobody's rank.
fn households(
    mapping: &Mapping,
    key: &NodeKey,
    drafts: &[Draft],
    order: &[([u8; 32], u32)],
    quality: &mut LocalQuality,
) -> Households {
    let mut of_person = vec![NO_HOUSEHOLD; order.len()];
    let mut members: Vec<([u8; 32], u32)> = (order.iter().enumerate())
        .filter_map(|(place, (_, index))| {
            drafts[*index as usize]
                .household
                .value()
                .map(|household| (household, place as u32))
        })
        .collect();
    members.sort_unstable();
    let most = HOUSEHOLD_MEMBERS as usize;
    let (mut starts, mut births, mut stored) = (vec![0], Vec::new(), Vec::new());
    for group in members.chunk_by(|a, b| a.0 == b.0) {
        let mut kept: Vec<u32> = group.iter().map(|(_, place)| *place).collect();
        if kept.len() > most {
            kept.sort_by_cached_key(|place| key.member_rank(&order[*place as usize].0));
            for place in kept.drain(most..) {
                of_person[place as usize] = BEYOND_HOUSEHOLD;
                quality.beyond_household += 1;
            }
        }
        let household = (starts.len() - 1) as u32;
        let first = births.len();
        for place in kept {
            of_person[place as usize] = household;
            stored.push(place);
            let draft = &drafts[order[place as usize].1 as usize];
            births.push(
                draft
                    .birth_month(mapping.derive_from_codice_fiscale)
                    .unwrap_or(NEVER),
            );
        }
        births[first..].sort_unstable();
        stored[first..].sort_unstable();
        starts.push(births.len() as u64);
        quality.households += 1;
    }
    Households {
        of_person,
        starts,
        births,
        members: stored,
    }
}

fn attributes(mapping: &Mapping, draft: &Draft, household: u32) -> Attributes {
    let derive = mapping.derive_from_codice_fiscale;
    let areas = Partition::milan();
    let home = match mapping.finest_level() {
        Level::City => areas.unknown().0,
        // Such a register is asked by municipio and city only, where this is still one area per person.
        Level::Municipio => match (draft.municipio.value(), draft.home.value()) {
            (Some(municipio), _) => MUNICIPIO_ONLY | u16::from(municipio),
            (None, Some((nil, _))) => areas.micro_area(Some(nil), None).0,
            (None, None) => areas.unknown().0,
        },
        Level::Nil | Level::MicroArea => match draft.home.value() {
            Some((nil, municipio)) => {
                areas
                    .micro_area(Some(nil), (municipio > 0).then_some(municipio))
                    .0
            }
            None => areas.unknown().0,
        },
    };
    Attributes {
        birth: draft.birth_month(derive).unwrap_or(NEVER),
        home,
        household,
        sex: draft.recorded_sex(derive) as u8,
        citizenship: draft
            .citizenship
            .value()
            .map_or(UNKNOWN, |group| group as u8),
        disability: draft.disability.value().unwrap_or(UNKNOWN),
        income_band: draft.income_band.value().unwrap_or(UNKNOWN),
    }
}

/// Adds one person's distinct events, counted and added up by month and service.
fn push_events(snapshot: &mut Snapshot, raw: &[RawEvent]) {
    let first = snapshot.events.len();
    let mut events: Vec<(u16, u8, Worth)> = raw
        .iter()
        .map(|event| (event.day.month(), event.service, event.worth))
        .collect();
    events.sort_unstable();
    for (month, service, worth) in events {
        let again = (snapshot.events[first..].last_mut())
            .filter(|last| (last.month, last.service) == (month, service));
        match (
            again,
            snapshot.cents.last_mut(),
            snapshot.minutes.last_mut(),
        ) {
            (Some(last), Some(cents), Some(minutes)) => {
                last.count = last.count.saturating_add(1);
                *cents = cents.saturating_add(worth.cents());
                *minutes = minutes.saturating_add(worth.minutes());
            }
            _ => {
                snapshot.events.push(Event {
                    month,
                    service,
                    count: 1,
                });
                snapshot.cents.push(worth.cents());
                snapshot.minutes.push(worth.minutes());
            }
        }
    }
}
