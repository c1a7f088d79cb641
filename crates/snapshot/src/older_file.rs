//! Snapshot files of versions 1 and 2: a row for each event, whole pseudonyms, needs and benefits of everybody.
//! Read only. Version 1 had no quantities and did not list the members of households.

use crate::snapshot::{
    BENEFITS, BEYOND_HOUSEHOLD, Edition, NEEDS, NO_RECORD, NOTHING_RECORDED, Record, Snapshot,
};
use crate::traits::Traits;
use geography::Level;
use taxonomy::model::{CitizenshipGroup, Sex};

/// Bytes still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A position, which newer files hold in 32 bits.
    fn position(&mut self) -> Option<u32> {
        self.u64().and_then(|position| position.try_into().ok())
    }

    /// A length whose items, at least one byte each, can still be there.
    fn length(&mut self) -> Option<usize> {
        self.u64()
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= self.0.len())
    }

    fn list<T>(
        &mut self,
        length: usize,
        mut item: impl FnMut(&mut Input<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        (0..length).map(|_| item(self)).collect()
    }
}

/// A person's scalars, as these versions stored them.
struct Attributes {
    birth: u16,
    home: u16,
    household: u32,
    traits: Traits,
}

fn attributes(input: &mut Input<'_>) -> Option<Attributes> {
    let (birth, home, household) = (input.u16()?, input.u16()?, input.u32()?);
    let [sex, citizenship, disability, income_band] = input.array()?;
    let known = |value: u8| (value != u8::MAX).then_some(value);
    let group = |value: u8| CitizenshipGroup::ALL.get(usize::from(value)).copied();
    let sex = *Sex::ALL.get(usize::from(sex))?;
    let citizenship = match known(citizenship) {
        Some(value) => Some(group(value)?),
        None => None,
    };
    Some(Attributes {
        birth,
        home,
        household,
        traits: Traits::new(sex, citizenship, known(disability), known(income_band)),
    })
}

/// Members by household, from what is stored of each person.
fn members(households: &[u32], starts: &[u32]) -> Option<Vec<u32>> {
    let mut next = starts.to_vec();
    let count = *starts.last()? as usize;
    let mut members = vec![0; count.min(households.len())];
    for (place, household) in households.iter().enumerate() {
        if *household < BEYOND_HOUSEHOLD {
            let next = next.get_mut(*household as usize)?;
            *members.get_mut(*next as usize)? = place as u32;
            *next = next.checked_add(1)?;
        }
    }
    Some(members)
}

/// The snapshot in the content after the version, where it is one.
pub(crate) fn decode(content: &[u8], version: u32) -> Option<Snapshot> {
    let mut input = Input(content);
    let number = input.u32()?;
    let created_at = input.u64()? as i64;
    let length = input.length()?;
    let label = String::from_utf8(input.take(length)?.to_vec()).ok()?;
    let mapping_hash = input.array()?;
    let finest_level = *Level::ALL.get(usize::from(input.array::<1>()?[0]))?;
    let quantities = if version == 1 {
        0
    } else {
        input.array::<1>()?[0]
    };
    let sampling_key = input.array()?;
    let persons = input.length()?;
    let words = input.list(persons, |input| {
        let pseudonym: [u8; 32] = input.array()?;
        pseudonym.first_chunk().copied().map(u64::from_be_bytes)
    })?;
    let attributes = input.list(persons, attributes)?;
    let mut recorded = vec![NOTHING_RECORDED; persons];
    for months in [0..NEEDS, NEEDS..NEEDS + BENEFITS] {
        for record in &mut recorded {
            for month in &mut record[months.clone()] {
                *month = input.u16()?;
            }
        }
    }
    let event_starts = input.list(persons + 1, Input::position)?;
    let length = input.length()?;
    let (mut months, mut services, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..length {
        months.push(input.u16()?);
        services.push(input.array::<1>()?[0]);
        counts.push(input.u32()?.try_into().unwrap_or(u16::MAX));
    }
    let mut quantity = || {
        if version == 1 {
            Some(vec![0; length])
        } else {
            input.list(length, Input::u32)
        }
    };
    let (cents, minutes) = (quantity()?, quantity()?);
    let length = input.length()?;
    let household_starts = input.list(length, Input::position)?;
    let length = input.length()?;
    let household_births = input.list(length, Input::u16)?;
    let households: Vec<u32> = attributes.iter().map(|person| person.household).collect();
    let household_members = if version == 1 {
        members(&households, &household_starts)?
    } else {
        input.list(household_births.len(), Input::u32)?
    };
    let (record_places, records) = records(&recorded);
    input.0.is_empty().then_some(Snapshot {
        edition: Edition {
            number,
            label,
            created_at,
        },
        mapping_hash,
        finest_level,
        quantities,
        sampling_key,
        words,
        births: attributes.iter().map(|person| person.birth).collect(),
        homes: attributes.iter().map(|person| person.home).collect(),
        households,
        traits: attributes.iter().map(|person| person.traits).collect(),
        record_places,
        records,
        event_starts,
        months,
        services,
        counts,
        cents,
        minutes,
        household_starts,
        household_births,
        household_members,
    })
}

/// Places of what is recorded, of those of whom something is.
fn records(recorded: &[Record]) -> (Vec<u32>, Vec<Record>) {
    let mut records = Vec::new();
    let places = recorded.iter().map(|record| {
        if *record == NOTHING_RECORDED {
            return NO_RECORD;
        }
        records.push(*record);
        (records.len() - 1) as u32
    });
    (places.collect(), records)
}
