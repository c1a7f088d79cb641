//! From rows to a snapshot: link, deduplicate, take the latest of each attribute, sort by keyed hashes.
//! The order of rows never matters, and no person's rows decide how another's are read, households aside.

use crate::draft::Draft;
use crate::error::SnapshotError;
use crate::facts::Fact;
use crate::gather::{Gathered, Input, gather};
use crate::households::Households;
use crate::keys::NodeKey;
use crate::mapping::{Field, Mapping};
use crate::objections::Objections;
use crate::parallel::on_threads;
use crate::person_key::PersonKey;
use crate::quality::LocalQuality;
use crate::row::HouseholdId;
use crate::shard::{ClosedShard, RawEvent, Shard};
use crate::snapshot::{Edition, MUNICIPIO_ONLY, NEVER, PROTECTED, Snapshot};
use crate::traits::Traits;
use geography::{Level, Partition};
use std::num::NonZero;
use std::thread;
use taxonomy::model::Quantity;

/// Most threads of a build, which must not take a whole office computer.
const MAX_THREADS: usize = 8;

pub(crate) fn build(
    mapping: &Mapping,
    register: Input<'_>,
    key: &NodeKey,
    edition: Edition,
    objections: &Objections,
) -> Result<(Snapshot, LocalQuality), SnapshotError> {
    let threads = (thread::available_parallelism().map_or(1, NonZero::get)).min(MAX_THREADS);
    let Gathered {
        shards,
        mut quality,
    } = gather(mapping, register, key, threads)?;
    let mut waiting = shards.into_iter();
    let share = waiting.len().div_ceil(threads);
    let shares = (0..threads).map(|_| waiting.by_ref().take(share).collect::<Vec<_>>());
    let close = |shards: Vec<Shard>| {
        let parts = shards.into_iter().map(|shard| {
            let shard = shard.close(key, objections);
            let counts = [shard.duplicates, shard.objected];
            (Part::of(mapping, &shard), counts)
        });
        parts.collect::<Vec<_>>()
    };
    let parts = on_threads(shares, close).into_iter().flatten();
    let (parts, counts): (Vec<Part>, Vec<[u64; 2]>) = parts.unzip();
    quality.duplicates = counts.iter().map(|count| count[0]).sum();
    quality.objections = counts.iter().map(|count| count[1]).sum();
    let events: usize = parts.iter().map(|part| part.months.len()).sum();
    let facts: usize = parts.iter().map(|part| part.facts.len()).sum();
    if u32::try_from(events).is_err() || u32::try_from(facts).is_err() {
        return Err(SnapshotError::TooLarge);
    }
    let persons = parts.iter().map(|part| part.words.len()).sum();
    let all = parts
        .into_iter()
        .fold(Part::with_capacity(persons, events), Part::followed_by);
    let households = Households::of(all.named, &all.births, |place| {
        key.member_rank(&key.pseudonym(all.people[place as usize].bytes()))
    });
    let unknown = Partition::milan().unknown().0;
    quality.homes_unknown = (all.homes.iter())
        .filter(|home| [unknown, PROTECTED].contains(*home))
        .count() as u64;
    quality.persons = all.words.len() as u64;
    quality.households = households.count() as u64;
    quality.beyond_household = households.beyond;
    [quality.births_differ, quality.sexes_differ] = all.differ;
    let snapshot = Snapshot {
        sampling_key: key.sampling(&edition.label),
        edition,
        mapping_hash: mapping.hash(),
        finest_level: mapping.finest_level(),
        quantities: Quantity::ALL
            .iter()
            .filter(|quantity| mapping.column(column_of(**quantity)).is_some())
            .fold(0, |known, quantity| known | 1 << *quantity as u8),
        attributes: mapping.attributes(),
        words: all.words,
        births: all.births,
        homes: all.homes,
        households: households.of_person,
        traits: all.traits,
        fact_starts: all.fact_starts,
        facts: all.facts,
        fact_months: all.fact_months,
        event_starts: all.event_starts,
        months: all.months,
        services: all.services,
        counts: all.counts,
        cents: all.cents,
        minutes: all.minutes,
        household_starts: households.starts,
        household_births: households.births,
        household_members: households.members,
    };
    Ok((snapshot, quality))
}

/// The column that fills a quantity.
fn column_of(quantity: Quantity) -> Field {
    match quantity {
        Quantity::Amount => Field::Amount,
        Quantity::Duration => Field::Quantity,
    }
}

/// Columns of the people of some shards.
struct Part {
    words: Vec<u64>,
    /// To rank the members of a household that is too large.
    people: Vec<PersonKey>,
    births: Vec<u16>,
    homes: Vec<u16>,
    traits: Vec<Traits>,
    fact_starts: Vec<u32>,
    facts: Vec<Fact>,
    fact_months: Vec<u16>,
    /// Households as the register names them, and people's places.
    named: Vec<(HouseholdId, u32)>,
    event_starts: Vec<u32>,
    months: Vec<u16>,
    services: Vec<u8>,
    counts: Vec<u16>,
    cents: Vec<u32>,
    minutes: Vec<u32>,
    /// People whose recorded date of birth, and sex, differ from the codice fiscale's.
    differ: [u64; 2],
}

impl Part {
    fn with_capacity(persons: usize, events: usize) -> Part {
        let starts = || {
            let mut starts = Vec::with_capacity(persons + 1);
            starts.push(0);
            starts
        };
        Part {
            words: Vec::with_capacity(persons),
            people: Vec::with_capacity(persons),
            births: Vec::with_capacity(persons),
            homes: Vec::with_capacity(persons),
            traits: Vec::with_capacity(persons),
            fact_starts: starts(),
            facts: Vec::new(),
            fact_months: Vec::new(),
            named: Vec::new(),
            event_starts: starts(),
            months: Vec::with_capacity(events),
            services: Vec::with_capacity(events),
            counts: Vec::with_capacity(events),
            cents: Vec::with_capacity(events),
            minutes: Vec::with_capacity(events),
            differ: [0; 2],
        }
    }

    /// The people of a shard in the order of their pseudonyms.
    fn of(mapping: &Mapping, shard: &ClosedShard) -> Part {
        let mut part = Part::with_capacity(shard.order.len(), shard.event_count());
        for (pseudonym, place) in &shard.order {
            let word = (pseudonym >> 64) as u64;
            part.push_person(mapping, word, &shard.drafts[*place as usize]);
            part.push_events(shard.events(*place));
            part.event_starts.push(part.months.len() as u32);
        }
        part
    }

    fn push_person(&mut self, mapping: &Mapping, word: u64, draft: &Draft) {
        let derive = mapping.derive_from_codice_fiscale;
        if let Some(household) = draft.household() {
            self.named.push((household, self.words.len() as u32));
        }
        self.words.push(word);
        self.people.push(draft.person);
        for (count, differs) in self.differ.iter_mut().zip(draft.differs_from_code()) {
            *count += u64::from(differs);
        }
        self.births.push(draft.birth_month(derive).unwrap_or(NEVER));
        self.homes.push(home(mapping.finest_level(), draft));
        self.traits.push(draft.traits(derive));
        for (month, fact) in draft.statements.timeline() {
            self.facts.push(fact);
            self.fact_months.push(month);
        }
        self.fact_starts.push(self.facts.len() as u32);
    }

    /// Adds one person's distinct events, counted and added up by month and service.
    fn push_events(&mut self, events: &[RawEvent]) {
        for same in events.chunk_by(|a, b| a.adds_to(*b)) {
            let (mut cents, mut minutes) = (0u32, 0u32);
            for event in same {
                cents = cents.saturating_add(event.cents());
                minutes = minutes.saturating_add(event.minutes());
            }
            self.months.push(same[0].month());
            self.services.push(same[0].service());
            self.counts
                .push(u16::try_from(same.len()).unwrap_or(u16::MAX));
            self.cents.push(cents);
            self.minutes.push(minutes);
        }
    }

    /// These people, then those of `next`.
    fn followed_by(mut self, next: Part) -> Part {
        let (persons, facts) = (self.words.len() as u32, self.facts.len() as u32);
        let events = self.months.len() as u32;
        self.words.extend(next.words);
        self.people.extend(next.people);
        for (count, more) in self.differ.iter_mut().zip(next.differ) {
            *count += more;
        }
        self.births.extend(next.births);
        self.homes.extend(next.homes);
        self.traits.extend(next.traits);
        let starts = next.fact_starts.into_iter().skip(1);
        self.fact_starts.extend(starts.map(|start| facts + start));
        self.facts.extend(next.facts);
        self.fact_months.extend(next.fact_months);
        let named = next.named.into_iter();
        self.named
            .extend(named.map(|(household, place)| (household, persons + place)));
        let starts = next.event_starts.into_iter().skip(1);
        self.event_starts.extend(starts.map(|start| events + start));
        self.months.extend(next.months);
        self.services.extend(next.services);
        self.counts.extend(next.counts);
        self.cents.extend(next.cents);
        self.minutes.extend(next.minutes);
        self
    }
}

/// The stored home of a person, at the level the register declares.
fn home(finest: Level, draft: &Draft) -> u16 {
    let areas = Partition::milan();
    match finest {
        _ if draft.is_protected() => PROTECTED,
        Level::City => areas.unknown().0,
        // Such a register is asked by municipio and city only, where this is still one area per person.
        Level::Municipio => match (draft.municipio(), draft.home()) {
            (Some(municipio), _) => MUNICIPIO_ONLY | municipio,
            (None, Some((nil, _))) => areas.micro_area(Some(nil), None).0,
            (None, None) => areas.unknown().0,
        },
        Level::Nil | Level::MicroArea => match draft.home() {
            Some((nil, municipio)) => areas.micro_area(Some(nil), municipio).0,
            None => areas.unknown().0,
        },
    }
}
