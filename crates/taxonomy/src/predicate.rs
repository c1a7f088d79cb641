//! Predicates over the common model, and the view of a person they are evaluated on.
//! A predicate never sees a register: only what [`PersonAsOf`] says of one person on one day.

use crate::attribute::{Attribute, Attributes};
use crate::group_harm::GroupHarm;
use crate::model::{
    Benefit, CitizenshipGroup, Dwelling, HouseholdKind, HouseholdRole, Need, Occupation, Recorded,
    Sex,
};
use crate::taxonomy::Taxonomy;
use serde::Deserialize;

/// Use of a service, or of any, inside a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Events in the period.
    pub events: u32,
    /// Whether there is none on record before the period.
    pub is_first: bool,
}

/// One person as of the last day of a period. `None` means the register does not say.
pub trait PersonAsOf: Sized {
    /// Age in completed years.
    fn age(&self) -> Option<u16>;
    /// Recorded sex.
    fn sex(&self) -> Sex;
    /// Group of citizenships.
    fn citizenship(&self) -> Option<CitizenshipGroup>;
    /// Kind of household among the members the register knows. Reads other members' rows.
    fn household(&self) -> Option<HouseholdKind>;
    /// Declared place in the household.
    fn role(&self) -> Option<HouseholdRole>;
    /// Whether the person is declared to care for a relative.
    fn is_carer(&self) -> Option<bool>;
    /// Needs, benefits and conditions, as recorded up to the period's end.
    fn recorded(&self) -> Recorded;
    /// Use of the service at this position of the taxonomy, or of any, inside the period.
    fn used(&self, service: Option<u8>) -> Use;
    /// How many different services the person used inside the period.
    fn services_used(&self) -> u32;
    /// Shows the members of the household, the person included, as of the same day; who is not born yet is none. False
    /// where the register knows no household. Reads other members' rows.
    fn for_each_member(&self, visit: impl FnMut(&Self)) -> bool;
}

/// An inclusive range of small integers, open where an end is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
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

/// A condition on the use of services inside the period.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceUse {
    /// The service; any where absent.
    #[serde(default)]
    pub service: Option<String>,
    /// Fewest events in the period.
    #[serde(default = "one")]
    pub min_events: u32,
    /// Whether the service was never used before the period, as far as the register goes back.
    #[serde(default)]
    pub first: bool,
}

fn one() -> u32 {
    1
}

impl ServiceUse {
    pub(crate) fn holds(&self, used: Use) -> bool {
        used.events >= self.min_events.max(1) && (used.is_first || !self.first)
    }
}

/// How many members of the household, the person included, fulfil a condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// The condition on each member, which reads that member's own rows only; every member counts where absent.
    #[serde(default)]
    pub of: Option<Box<Predicate>>,
    /// Fewest of them.
    #[serde(default)]
    pub min: Option<u16>,
    /// Most of them.
    #[serde(default)]
    pub max: Option<u16>,
}

impl Members {
    pub(crate) fn range(&self) -> Range {
        let Members { min, max, .. } = *self;
        Range { min, max }
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
    /// Declared place in the household.
    Role(HouseholdRole),
    /// Whether the person is declared to care for a relative.
    Carer(bool),
    /// Kind of household: reads other members' rows.
    Household(HouseholdKind),
    /// Members of the household: reads other members' rows.
    Members(Members),
    /// A recorded need.
    Need(Need),
    /// A benefit received.
    Benefit(Benefit),
    /// Grade of disability.
    Disability(Range),
    /// ISEE band.
    Income(Range),
    /// Condition in work and study.
    Occupation(Occupation),
    /// Where the person lives.
    Dwelling(Dwelling),
    /// Use of services inside the period.
    ServiceUse(ServiceUse),
    /// Number of different services used inside the period.
    ServicesUsed(Range),
}

impl Predicate {
    /// Whether the predicate holds for `person`: the meaning, step by step. [`crate::PredicateSet`] finds the same faster.
    pub fn holds(&self, person: &impl PersonAsOf) -> bool {
        let small = |value: Option<u8>| value.map(u16::from);
        match self {
            Predicate::All(parts) => parts.iter().all(|part| part.holds(person)),
            Predicate::Any(parts) => parts.iter().any(|part| part.holds(person)),
            Predicate::Not(part) => !part.holds(person),
            Predicate::Age(range) => range.holds(person.age()),
            Predicate::Sex(sex) => person.sex() == *sex,
            Predicate::Citizenship(group) => person.citizenship() == Some(*group),
            Predicate::Role(role) => person.role() == Some(*role),
            Predicate::Carer(carer) => person.is_carer() == Some(*carer),
            Predicate::Household(kind) => person.household() == Some(*kind),
            Predicate::Members(members) => {
                let mut count = 0;
                let known = person.for_each_member(|member| {
                    let counts = members.of.as_ref().is_none_or(|of| of.holds(member));
                    count += u16::from(counts);
                });
                known && members.range().holds(Some(count))
            }
            Predicate::Need(need) => person.recorded().has_need(*need),
            Predicate::Benefit(benefit) => person.recorded().has_benefit(*benefit),
            Predicate::Disability(range) => range.holds(small(person.recorded().disability)),
            Predicate::Income(range) => range.holds(small(person.recorded().income_band)),
            Predicate::Occupation(known) => person.recorded().occupation == Some(*known),
            Predicate::Dwelling(known) => person.recorded().dwelling == Some(*known),
            Predicate::ServiceUse(asked) => match &asked.service {
                None => asked.holds(person.used(None)),
                // A service outside the taxonomy is used by nobody.
                Some(id) => (Taxonomy::service_position(id))
                    .is_some_and(|service| asked.holds(person.used(Some(service)))),
            },
            Predicate::ServicesUsed(range) => {
                range.holds(Some(person.services_used().try_into().unwrap_or(u16::MAX)))
            }
        }
    }

    /// Whether the answer for one person can change when another member's rows change. Such a
    /// predicate is priced at the household.
    pub fn reads_household(&self) -> bool {
        self.attributes().holds(Attribute::Household)
    }

    /// Every attribute it reads, of the person and of members.
    pub fn attributes(&self) -> Attributes {
        let all = |parts: &[Predicate]| {
            (parts.iter().map(Predicate::attributes)).fold(Attributes::NONE, Attributes::union)
        };
        let own = |attribute| Attributes::NONE.with(attribute);
        match self {
            Predicate::All(parts) | Predicate::Any(parts) => all(parts),
            Predicate::Not(part) => part.attributes(),
            Predicate::Age(_) => own(Attribute::BirthDate),
            Predicate::Sex(_) => own(Attribute::Sex),
            Predicate::Citizenship(_) => own(Attribute::Citizenship),
            Predicate::Role(_) => own(Attribute::Role),
            Predicate::Carer(_) => own(Attribute::Carer),
            Predicate::Household(_) => own(Attribute::Household).with(Attribute::BirthDate),
            Predicate::Members(members) => (members.of.as_ref())
                .map_or(Attributes::NONE, |of| of.attributes())
                .with(Attribute::Household),
            Predicate::Need(_) => own(Attribute::Need),
            Predicate::Benefit(_) => own(Attribute::Benefit),
            Predicate::Disability(_) => own(Attribute::Disability),
            Predicate::Income(_) => own(Attribute::Isee),
            Predicate::Occupation(_) => own(Attribute::Occupation),
            Predicate::Dwelling(_) => own(Attribute::Dwelling),
            Predicate::ServiceUse(_) | Predicate::ServicesUsed(_) => Attributes::NONE,
        }
    }

    /// Every condition that is not made of others, inside conditions on members too.
    pub(crate) fn for_each_leaf<'a>(&'a self, visit: &mut impl FnMut(&'a Predicate)) {
        match self {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().for_each(|part| part.for_each_leaf(visit));
            }
            Predicate::Not(part) => part.for_each_leaf(visit),
            leaf => {
                visit(leaf);
                if let Predicate::Members(Members { of: Some(of), .. }) = leaf {
                    of.for_each_leaf(visit);
                }
            }
        }
    }

    /// Whether belonging to the group is a special category of data (Art. 9 GDPR), judged by what the predicate reads.
    pub fn reads_special_category(&self) -> bool {
        let mut found = false;
        self.for_each_leaf(&mut |leaf| {
            found |= match leaf {
                Predicate::Disability(_) => true,
                Predicate::Need(need) => need.is_special_category(),
                Predicate::Benefit(benefit) => benefit.is_special_category(),
                Predicate::Dwelling(Dwelling::HealthFacility | Dwelling::Settlement) => true,
                _ => false,
            };
        });
        found
    }

    /// The harm to a group that answers about it could do, judged by what the predicate reads.
    pub fn group_harm(&self) -> Option<GroupHarm> {
        let mut found = None;
        self.for_each_leaf(&mut |leaf| {
            let harm = match leaf {
                Predicate::Need(need) => need.group_harm(),
                Predicate::Citizenship(_) | Predicate::Dwelling(Dwelling::Settlement) => {
                    Some(GroupHarm::Ethnicity)
                }
                Predicate::Dwelling(Dwelling::Prison) => Some(GroupHarm::Offenders),
                _ => None,
            };
            found = found.or(harm);
        });
        found
    }
}
