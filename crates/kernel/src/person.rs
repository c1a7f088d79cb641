//! One person as of the last day of a period, as target predicates see them.
//! The kind of household and its members are the only things here that read other people.

use query::{Month, Period};
use snapshot::{HouseholdOf, PersonRow, Snapshot};
use std::ops::Range;
use taxonomy::model::{CitizenshipGroup, HouseholdKind, HouseholdRole, Recorded, Sex};
use taxonomy::{PersonAsOf, Use};

/// A person on the last day of a period.
pub(crate) struct AsOf<'a> {
    snapshot: &'a Snapshot,
    person: PersonRow<'a>,
    period: &'a Period,
    /// The person's events in the period, of every service.
    events: Range<usize>,
}

impl<'a> AsOf<'a> {
    /// The person with the given events, which are those of the period.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        person: PersonRow<'a>,
        period: &'a Period,
        events: Range<usize>,
    ) -> AsOf<'a> {
        AsOf {
            snapshot,
            person,
            period,
            events,
        }
    }

    /// Another person at the same time.
    fn at_place(&self, place: u32) -> AsOf<'a> {
        let person = self.snapshot.person(place as usize);
        let (first, last) = (self.period.first.index(), self.period.last.index());
        let start = person.months.partition_point(|month| *month < first);
        let end = person.months.partition_point(|month| *month <= last);
        AsOf::new(self.snapshot, person, self.period, start..end)
    }
}

impl PersonAsOf for AsOf<'_> {
    fn age(&self) -> Option<u16> {
        self.period.last.age_of(self.person.birth?)
    }

    fn sex(&self) -> Sex {
        self.person.sex
    }

    fn citizenship(&self) -> Option<CitizenshipGroup> {
        self.person.citizenship
    }

    fn household(&self) -> Option<HouseholdKind> {
        match self.person.household {
            HouseholdOf::Member(household) => {
                let births = self.snapshot.household_births(household);
                household_kind(births, self.period.last)
            }
            HouseholdOf::Unknown | HouseholdOf::Beyond => None,
        }
    }

    fn role(&self) -> Option<HouseholdRole> {
        self.person.role
    }

    fn is_carer(&self) -> Option<bool> {
        self.person.carer
    }

    fn recorded(&self) -> Recorded {
        self.person.recorded_by(self.period.last)
    }

    fn used(&self, service: Option<u8>) -> Use {
        let is_meant = |at: usize| service.is_none_or(|id| self.person.services[at] == id);
        let in_period = self.events.clone().filter(|at| is_meant(*at));
        Use {
            events: in_period.fold(0, |all: u32, at| {
                all.saturating_add(self.person.counts[at].into())
            }),
            is_first: !(0..self.events.start).any(is_meant),
        }
    }

    fn services_used(&self) -> u32 {
        let services = self.events.clone().map(|at| self.person.services[at]);
        let used = services.fold([0u64; 4], |mut used, service| {
            used[usize::from(service >> 6)] |= 1 << (service & 63);
            used
        });
        used.iter().map(|word| word.count_ones()).sum()
    }

    fn for_each_member(&self, mut visit: impl FnMut(&Self)) -> bool {
        let HouseholdOf::Member(household) = self.person.household else {
            return false;
        };
        for place in self.snapshot.household_members(household) {
            let member = self.at_place(*place);
            // Who is not born yet is no member yet.
            if (member.person.birth).is_none_or(|birth| birth <= self.period.last) {
                visit(&member);
            }
        }
        true
    }
}

/// The kind of a household on the last day of `month`, from its kept members' months of birth.
///
/// Who is not born yet is no member yet.
pub(crate) fn household_kind(
    births: impl Iterator<Item = Option<Month>>,
    month: Month,
) -> Option<HouseholdKind> {
    let ages = births.filter_map(|birth| match birth {
        None => Some(None),
        Some(birth) => month.age_of(birth).map(Some),
    });
    HouseholdKind::of_ages(ages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(births: &[&str], month: &str, expected: Option<HouseholdKind>) {
        let births = births.iter().map(|birth| Month::parse(birth));
        assert_eq!(
            household_kind(births, Month::parse(month).expect("month")),
            expected
        );
    }

    #[test]
    fn kinds_follow_the_ages_of_members() {
        check(&["1940-01"], "2025-01", Some(HouseholdKind::Alone));
        check(&["unknown"], "2025-01", Some(HouseholdKind::Alone));
        check(
            &["1980-01", "2010-01"],
            "2025-01",
            Some(HouseholdKind::SingleParent),
        );
        check(
            &["1980-01", "1981-01", "2010-01"],
            "2025-01",
            Some(HouseholdKind::WithMinors),
        );
        check(
            &["1980-01", "1981-01"],
            "2025-01",
            Some(HouseholdKind::Adults),
        );
        check(&["1980-01", "unknown"], "2025-01", None);
        check(&["2010-01", "2011-01"], "2025-01", None);
        check(&[], "2025-01", None);
    }

    #[test]
    fn kinds_change_in_the_month_of_a_birth_or_of_coming_of_age() {
        let family = ["1980-01", "2005-06"];
        check(&family, "2005-05", Some(HouseholdKind::Alone));
        check(&family, "2005-06", Some(HouseholdKind::SingleParent));
        check(&family, "2023-05", Some(HouseholdKind::SingleParent));
        check(&family, "2023-06", Some(HouseholdKind::Adults));
    }
}
