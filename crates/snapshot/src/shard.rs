//! A share of a register's people while rows stream in: who they are, what is said of them, what happened.
//! Which people share a shard is decided by a keyed hash of each one alone; a shard fits into a processor's own memory.

use crate::draft::Draft;
use crate::keys::NodeKey;
use crate::objections::Objections;
use crate::person_key::PersonKey;
use crate::row::Row;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::ops::Range;

/// One event as read, in an integer: person, month, service, day, quantity, amount, from the highest bit down. Sorted,
/// rows that repeat each other stand side by side, and events that are added up stand together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RawEvent(u128);

/// Bits below the service: 5 of the day, 32 each of quantity and amount.
const BELOW_SERVICE: u32 = 69;
const BELOW_MONTH: u32 = BELOW_SERVICE + 8;
const BELOW_PERSON: u32 = BELOW_MONTH + 12;

impl RawEvent {
    fn new(person: u32, row: &Row) -> RawEvent {
        RawEvent(
            u128::from(person) << BELOW_PERSON
                | u128::from(row.day.month()) << BELOW_MONTH
                | u128::from(row.service) << BELOW_SERVICE
                | u128::from(row.day.number() % 32) << 64
                | u128::from(row.quantity as u32) << 32
                | u128::from(row.amount as u32),
        )
    }

    fn person(self) -> u32 {
        (self.0 >> BELOW_PERSON) as u32
    }

    pub(crate) fn month(self) -> u16 {
        (self.0 >> BELOW_MONTH) as u16 & 0xfff
    }

    pub(crate) fn service(self) -> u8 {
        (self.0 >> BELOW_SERVICE) as u8
    }

    /// Whether two events of one person are of one month and service.
    pub(crate) fn adds_to(self, other: RawEvent) -> bool {
        self.0 >> BELOW_SERVICE == other.0 >> BELOW_SERVICE
    }

    /// Less than nothing counts as nothing.
    pub(crate) fn cents(self) -> u32 {
        (self.0 as u32 as i32).max(0) as u32
    }

    /// Less than nothing counts as nothing.
    pub(crate) fn minutes(self) -> u32 {
        let hundredths = ((self.0 >> 32) as u32 as i32).max(0);
        (i64::from(hundredths) * 60 / 100) as u32
    }
}

/// Some people.
#[derive(Default)]
pub(crate) struct Shard {
    places: HashMap<PersonKey, u32, RandomState>,
    drafts: Vec<Draft>,
    events: Vec<RawEvent>,
    /// People whose address a row protects that could not be used otherwise.
    protected: Vec<PersonKey>,
}

impl Shard {
    pub(crate) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// Takes in rows. `places` is space for where their people stand.
    ///
    /// People stand anywhere in memory. In two passes the processor fetches several of them at a time.
    pub(crate) fn note_all(&mut self, rows: &[Row], places: &mut Vec<u32>) {
        places.clear();
        for row in rows {
            let place = match self.places.get(&row.person) {
                Some(place) => *place,
                None => {
                    let place = self.drafts.len() as u32;
                    self.drafts.push(Draft::new(row));
                    self.places.insert(row.person, place);
                    place
                }
            };
            places.push(place);
            self.events.push(RawEvent::new(place, row));
        }
        for (row, place) in rows.iter().zip(places) {
            self.drafts[*place as usize].note(row);
        }
    }

    /// Takes in that a person's address is protected, by a row that is none of the person's otherwise.
    pub(crate) fn protect(&mut self, person: PersonKey) {
        self.protected.push(person);
    }

    /// Hashes the people and sorts them, those who objected aside, sorts the events and leaves out repeated rows.
    pub(crate) fn close(mut self, key: &NodeKey, objections: &Objections) -> ClosedShard {
        for person in std::mem::take(&mut self.protected) {
            // Somebody of whom no row is usable is in no answer, and has nothing to protect here.
            if let Some(place) = self.places.get(&person) {
                self.drafts[*place as usize].protect();
            }
        }
        drop(self.places);
        let mut events = self.events;
        events.sort_unstable();
        let before = events.len();
        events.dedup();
        let mut starts = vec![0; self.drafts.len() + 1];
        for event in &events {
            starts[event.person() as usize + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let people = (0..).zip(&self.drafts).filter_map(|(place, draft)| {
            let pseudonym = key.pseudonym(draft.person.bytes());
            if objections.hold(&pseudonym) {
                return None;
            }
            let first = pseudonym[..16].iter();
            let first = first.fold(0, |value, byte| value << 8 | u128::from(*byte));
            Some((first, place))
        });
        let mut order: Vec<(u128, u32)> = people.collect();
        order.sort_unstable();
        ClosedShard {
            objected: (self.drafts.len() - order.len()) as u64,
            order,
            duplicates: (before - events.len()) as u64,
            drafts: self.drafts,
            starts,
            events,
        }
    }
}

/// Some people of whom all rows were read.
pub(crate) struct ClosedShard {
    /// The first 128 bits of each person's pseudonym and the person's place, in this order. That two people agree in
    /// so many bits is not expected.
    pub(crate) order: Vec<(u128, u32)>,
    pub(crate) drafts: Vec<Draft>,
    starts: Vec<u32>,
    events: Vec<RawEvent>,
    /// People left out because they objected.
    pub(crate) objected: u64,
    /// Rows left out because they repeat another.
    pub(crate) duplicates: u64,
}

impl ClosedShard {
    /// Distinct events of everybody.
    pub(crate) fn event_count(&self) -> usize {
        self.events.len()
    }

    /// The distinct events of the person at `place`, by month, then service.
    pub(crate) fn events(&self, place: u32) -> &[RawEvent] {
        let place = place as usize;
        let events: Range<usize> = self.starts[place] as usize..self.starts[place + 1] as usize;
        &self.events[events]
    }
}
