//! One person as of the last day of a period, as target predicates see them.
//! The household's kind is the only thing here that reads other people.

use query::Month;
use snapshot::{HouseholdOf, PersonRow, Snapshot};
use taxonomy::PersonAsOf;
use taxonomy::model::{Benefit, CitizenshipGroup, HouseholdKind, Need, Sex};

/// First age of an adult.
const ADULT: u16 = 18;

/// A person on the last day of a period.
pub(crate) struct AsOf<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) person: PersonRow<'a>,
    /// The period's last month.
    pub(crate) month: Month,
    /// The person's events in the period, of every service.
    pub(crate) events: u32,
}

impl PersonAsOf for AsOf<'_> {
    fn age(&self) -> Option<u16> {
        self.person.birth.and_then(|birth| self.month.age_of(birth))
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
                household_kind(self.snapshot.household_births(household), self.month)
            }
            HouseholdOf::Unknown | HouseholdOf::Beyond => None,
        }
    }

    fn has_need(&self, need: Need) -> bool {
        self.person.has_need(need, self.month)
    }

    fn has_benefit(&self, benefit: Benefit) -> bool {
        self.person.has_benefit(benefit, self.month)
    }

    fn disability_grade(&self) -> Option<u8> {
        self.person.disability
    }

    fn income_band(&self) -> Option<u8> {
        self.person.income_band
    }

    fn events_in_period(&self) -> u32 {
        self.events
    }
}

/// The kind of a household on the last day of `month`, from its kept members' months of birth.
///
/// Who is not born yet is no member yet. One member lives alone whatever their age; of several, the
/// kind is known only if everybody's age is.
pub(crate) fn household_kind(
    births: impl Iterator<Item = Option<Month>>,
    month: Month,
) -> Option<HouseholdKind> {
    let (mut adults, mut minors, mut unknown) = (0, 0, 0);
    for birth in births {
        match birth.map(|birth| month.age_of(birth)) {
            None => unknown += 1,
            Some(None) => {}
            Some(Some(age)) if age < ADULT => minors += 1,
            Some(Some(_)) => adults += 1,
        }
    }
    match (adults, minors, unknown) {
        (0, 0, 0) => None,
        (adults, minors, unknown) if adults + minors + unknown == 1 => Some(HouseholdKind::Alone),
        (_, _, 1..) => None,
        (_, 0, 0) => Some(HouseholdKind::Adults),
        (1, _, 0) => Some(HouseholdKind::SingleParent),
        (2.., _, 0) => Some(HouseholdKind::WithMinors),
        // Minors without any adult on record.
        (_, _, _) => None,
    }
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
