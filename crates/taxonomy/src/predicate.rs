//! Predicates over the common model, and the view of a person they are evaluated on.
//! A predicate never sees a register: only what [`PersonAsOf`] says of one person on one day.

use crate::model::{Benefit, CitizenshipGroup, HouseholdKind, Need, Sex};
use serde::Deserialize;

/// One person as of the last day of a period. `None` means the register does not say.
pub trait PersonAsOf {
    /// Age in completed years.
    fn age(&self) -> Option<u16>;
    /// Recorded sex.
    fn sex(&self) -> Sex;
    /// Group of citizenships.
    fn citizenship(&self) -> Option<CitizenshipGroup>;
    /// Kind of household among the members the register knows. Reads other members' rows.
    fn household(&self) -> Option<HouseholdKind>;
    /// Whether this need was recorded up to the period's end.
    fn has_need(&self, need: Need) -> bool;
    /// Whether this benefit was recorded up to the period's end.
    fn has_benefit(&self, benefit: Benefit) -> bool;
    /// Grade of disability, 0 (none) to 3 (severe).
    fn disability_grade(&self) -> Option<u8>;
    /// ISEE band, 0 (up to 3,000 euro) to 5 (over 25,000).
    fn income_band(&self) -> Option<u8>;
    /// Service events of the person inside the period.
    fn events_in_period(&self) -> u32;
}

/// An inclusive range of small integers, open where an end is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Smallest value inside.
    #[serde(default)]
    pub min: Option<u16>,
    /// Largest value inside.
    #[serde(default)]
    pub max: Option<u16>,
}

impl Range {
    /// Whether `value` lies inside; an unknown value lies in no range.
    pub fn holds(&self, value: Option<u16>) -> bool {
        value.is_some_and(|v| {
            self.min.is_none_or(|min| v >= min) && self.max.is_none_or(|max| v <= max)
        })
    }
}

/// A rule that says whether a person belongs to a target group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Predicate {
    /// Every part holds.
    All(Vec<Predicate>),
    /// At least one part holds.
    Any(Vec<Predicate>),
    /// The part does not hold.
    Not(Box<Predicate>),
    /// Age in completed years on the period's last day.
    Age(Range),
    /// Recorded sex.
    Sex(Sex),
    /// Group of citizenships.
    Citizenship(CitizenshipGroup),
    /// Kind of household: reads other members' rows.
    Household(HouseholdKind),
    /// A recorded need.
    Need(Need),
    /// A benefit received.
    Benefit(Benefit),
    /// Grade of disability.
    Disability(Range),
    /// ISEE band.
    Income(Range),
    /// Use of services inside the period.
    ServiceUse {
        /// Fewest events in the period.
        min_events: u32,
    },
}

impl Predicate {
    /// Whether the predicate holds for `person`.
    pub fn holds(&self, person: &impl PersonAsOf) -> bool {
        match self {
            Predicate::All(parts) => parts.iter().all(|part| part.holds(person)),
            Predicate::Any(parts) => parts.iter().any(|part| part.holds(person)),
            Predicate::Not(part) => !part.holds(person),
            Predicate::Age(range) => range.holds(person.age()),
            Predicate::Sex(sex) => person.sex() == *sex,
            Predicate::Citizenship(group) => person.citizenship() == Some(*group),
            Predicate::Household(kind) => person.household() == Some(*kind),
            Predicate::Need(need) => person.has_need(*need),
            Predicate::Benefit(benefit) => person.has_benefit(*benefit),
            Predicate::Disability(range) => range.holds(person.disability_grade().map(u16::from)),
            Predicate::Income(range) => range.holds(person.income_band().map(u16::from)),
            Predicate::ServiceUse { min_events } => person.events_in_period() >= *min_events,
        }
    }

    /// Whether the answer for one person can change when another member's rows change. Such a
    /// predicate is priced at the household.
    pub fn reads_household(&self) -> bool {
        match self {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().any(Predicate::reads_household)
            }
            Predicate::Not(part) => part.reads_household(),
            Predicate::Household(_) => true,
            Predicate::Age(_)
            | Predicate::Sex(_)
            | Predicate::Citizenship(_)
            | Predicate::Need(_)
            | Predicate::Benefit(_)
            | Predicate::Disability(_)
            | Predicate::Income(_)
            | Predicate::ServiceUse { .. } => false,
        }
    }
}
