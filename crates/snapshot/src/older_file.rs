//! Snapshot files of versions 1 to 3. All had what was last recorded of disability and income, which here holds from the
//! beginning, and fewer needs and benefits. Versions 1 and 2 had a row for each event, whole pseudonyms, needs and benefits
//! of everybody. Read only. Version 1 had no quantities and did not list the members of households.

use crate::facts::Fact;
use crate::snapshot::{BEYOND_HOUSEHOLD, Edition, Snapshot};
use crate::traits::Traits;
use geography::Level;
use taxonomy::model::{Benefit, CitizenshipGroup, Need, Sex};

/// Needs and benefits of these versions, the first of today's.
const NEEDS: usize = 6;
const BENEFITS: usize = 4;
/// A need or benefit never recorded.
const NEVER: u16 = u16::MAX;
/// A person of whom neither is recorded, in version 3.
const NO_RECORD: u32 = u32::MAX;
/// Months each need, then each benefit, was first recorded, or [`NEVER`].
pub(crate) type Record = [u16; NEEDS + BENEFITS];

/// Traits and facts of all people.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) traits: Vec<Traits>,
    pub(crate) starts: Vec<u32>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) months: Vec<u16>,
}

impl Facts {
    fn with_capacity(persons: usize) -> Facts {
        let mut starts = Vec::with_capacity(persons + 1);
        starts.push(0);
        Facts {
            traits: Vec::with_capacity(persons),
            starts,
            ..Facts::default()
        }
    }

    fn push(&mut self, person: &Traits3, record: Option<&Record>) {
        self.traits
            .push(Traits::new(person.sex, person.citizenship, None, None));
        let conditions = (person.disability.map(Fact::disability))
            .into_iter()
            .chain(person.income_band.map(Fact::income));
        let mut facts: Vec<(u16, Fact)> = conditions.map(|fact| (0, fact)).collect();
        let needs = Need::ALL[..NEEDS].iter().map(|need| Fact::need(*need));
        let benefits = Benefit::ALL[..BENEFITS].iter();
        let all = needs.chain(benefits.map(|benefit| Fact::benefit(*benefit)));
        let months = record.into_iter().flatten().copied();
        facts.extend(months.zip(all).filter(|(month, _)| *month != NEVER));
        facts.sort_unstable();
        for (month, fact) in facts {
            self.facts.push(fact);
            self.months.push(month);
        }
        self.starts.push(self.facts.len() as u32);
    }
}

/// What versions 1 to 3 knew of a person in few words each.
struct Traits3 {
    sex: Sex,
    citizenship: Option<CitizenshipGroup>,
    disability: Option<u8>,
    income_band: Option<u8>,
}

impl Traits3 {
    /// The integer of version 3: two bits of sex, two of citizenship, three of disability, four of income; all bits set mean
    /// that the value is not known.
    fn from_bits(bits: u16) -> Option<Traits3> {
        let value = |from: u16, count: u16| {
            let unknown = (1 << count) - 1;
            let value = bits >> from & unknown;
            (value != unknown).then_some(value as u8)
        };
        let citizenship = match value(2, 2) {
            Some(group) => Some(*CitizenshipGroup::ALL.get(usize::from(group))?),
            None => None,
        };
        (bits < 1 << 11).then_some(Traits3 {
            sex: *Sex::ALL.get(usize::from(value(0, 2)?))?,
            citizenship,
            disability: value(4, 3),
            income_band: value(7, 4),
        })
    }
}

/// What version 3 recorded of all people, where it is something.
pub(crate) fn recorded(traits: &[u16], places: &[u32], records: &[Record]) -> Option<Facts> {
    let mut facts = Facts::with_capacity(traits.len());
    for (traits, place) in traits.iter().zip(places) {
        let record = match *place {
            NO_RECORD => None,
            place => Some(records.get(place as usize)?),
        };
        facts.push(&Traits3::from_bits(*traits)?, record);
    }
    Some(facts)
}

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
    traits: Traits3,
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
        traits: Traits3 {
            sex,
            citizenship,
            disability: known(disability),
            income_band: known(income_band),
        },
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
    let mut recorded: Vec<Record> = vec![[NEVER; NEEDS + BENEFITS]; persons];
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
    let mut facts = Facts::with_capacity(persons);
    for (person, record) in attributes.iter().zip(&recorded) {
        facts.push(&person.traits, Some(record));
    }
    input.0.is_empty().then_some(Snapshot {
        edition: Edition {
            number,
            label,
            created_at,
        },
        mapping_hash,
        finest_level,
        quantities,
        attributes: Snapshot::first_attributes(),
        sampling_key,
        words,
        births: attributes.iter().map(|person| person.birth).collect(),
        homes: attributes.iter().map(|person| person.home).collect(),
        households,
        traits: facts.traits,
        fact_starts: facts.starts,
        facts: facts.facts,
        fact_months: facts.months,
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
