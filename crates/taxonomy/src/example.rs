//! Invented people by which a target's list shows, and tests, who is meant and who is not.

use crate::model::{
    Benefit, CitizenshipGroup, Dwelling, HouseholdKind, HouseholdRole, Need, Occupation, Recorded,
    Sex,
};
use crate::predicate::{PersonAsOf, Predicate, Use};
use crate::taxonomy::Taxonomy;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One person of an example; what is not said is not known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExamplePerson {
    /// Age in completed years.
    pub age: Option<u16>,
    /// Sex.
    pub sex: Sex,
    /// Group of citizenships.
    pub citizenship: Option<CitizenshipGroup>,
    /// Place in the household.
    pub role: Option<HouseholdRole>,
    /// Whether the person cares for a relative.
    pub carer: Option<bool>,
    /// Grade of disability.
    pub disability: Option<u8>,
    /// ISEE band.
    pub income: Option<u8>,
    /// Condition in work and study.
    pub occupation: Option<Occupation>,
    /// Where the person lives.
    pub dwelling: Option<Dwelling>,
    /// Needs recorded.
    pub needs: Vec<Need>,
    /// Benefits recorded.
    pub benefits: Vec<Benefit>,
    /// Events in the period, by service.
    pub uses: BTreeMap<String, u32>,
    /// Services used before the period.
    pub used_before: Vec<String>,
}

impl Default for ExamplePerson {
    fn default() -> ExamplePerson {
        ExamplePerson {
            age: None,
            sex: Sex::Unknown,
            citizenship: None,
            role: None,
            carer: None,
            disability: None,
            income: None,
            occupation: None,
            dwelling: None,
            needs: Vec::new(),
            benefits: Vec::new(),
            uses: BTreeMap::new(),
            used_before: Vec::new(),
        }
    }
}

/// A member of a household, with the others.
pub struct Member<'a> {
    person: &'a ExamplePerson,
    household: &'a [ExamplePerson],
}

impl<'a> Member<'a> {
    /// The first of a household; `None` of an empty one.
    pub fn first_of(household: &'a [ExamplePerson]) -> Option<Member<'a>> {
        let person = household.first()?;
        Some(Member { person, household })
    }

    /// Whether the predicate holds for the member.
    pub fn is_in(&self, predicate: &Predicate) -> bool {
        predicate.holds(self)
    }
}

impl PersonAsOf for Member<'_> {
    fn age(&self) -> Option<u16> {
        self.person.age
    }

    fn sex(&self) -> Sex {
        self.person.sex
    }

    fn citizenship(&self) -> Option<CitizenshipGroup> {
        self.person.citizenship
    }

    fn household(&self) -> Option<HouseholdKind> {
        HouseholdKind::of_ages(self.household.iter().map(|person| person.age))
    }

    fn role(&self) -> Option<HouseholdRole> {
        self.person.role
    }

    fn is_carer(&self) -> Option<bool> {
        self.person.carer
    }

    fn recorded(&self) -> Recorded {
        let ExamplePerson {
            disability,
            income: income_band,
            occupation,
            dwelling,
            ..
        } = *self.person;
        let needs = (self.person.needs.iter()).fold(0, |bits, need| bits | 1 << *need as u32);
        let benefits = self.person.benefits.iter();
        Recorded {
            needs,
            benefits: benefits.fold(0, |bits, benefit| bits | 1 << *benefit as u32),
            disability,
            income_band,
            occupation,
            dwelling,
        }
    }

    fn used(&self, service: Option<u8>) -> Use {
        let is_meant = |id: &str| service.is_none() || Taxonomy::service_position(id) == service;
        let events = self.person.uses.iter();
        Use {
            events: (events
                .filter(|(id, _)| is_meant(id))
                .map(|(_, events)| events))
            .sum(),
            is_first: !self.person.used_before.iter().any(|id| is_meant(id)),
        }
    }

    fn services_used(&self) -> u32 {
        let used = self.person.uses.values().filter(|events| **events > 0);
        used.count() as u32
    }

    fn for_each_member(&self, mut visit: impl FnMut(&Self)) -> bool {
        for person in self.household {
            visit(&Member {
                person,
                household: self.household,
            });
        }
        true
    }
}
