//! A declared group of people or families, and what is said of it besides who belongs to it.

use crate::attribute::Attributes;
use crate::example::ExamplePerson;
use crate::group_harm::GroupHarm;
use crate::predicate::Predicate;
use crate::vocabulary;
use geography::Level;
use std::collections::BTreeMap;

vocabulary! {
    /// Areas of users of ISTAT's survey on the social services of single and associated municipalities.
    UserArea {
        /// Families and minors.
        Families = "families",
        /// Disability.
        Disability = "disability",
        /// Addictions and mental health.
        Addictions = "addictions",
        /// Older people.
        Elderly = "elderly",
        /// Immigrants, Roma, Sinti and Caminanti.
        Immigrants = "immigrants",
        /// Poverty, distress of adults, homelessness.
        Poverty = "poverty",
        /// More than one of these.
        MultiUser = "multi-user",
    }
}

impl UserArea {
    /// Its code in ISTAT's data set.
    pub fn istat(self) -> &'static str {
        match self {
            UserArea::Families => "FAM",
            UserArea::Disability => "DIS",
            UserArea::Addictions => "ADD",
            UserArea::Elderly => "ELD",
            UserArea::Immigrants => "IMMNOM",
            UserArea::Poverty => "POV",
            UserArea::MultiUser => "MULBEN",
        }
    }

    /// Its Italian name.
    pub fn it(self) -> &'static str {
        match self {
            UserArea::Families => "Famiglia e minori",
            UserArea::Disability => "Disabili",
            UserArea::Addictions => "Dipendenze e salute mentale",
            UserArea::Elderly => "Anziani",
            UserArea::Immigrants => "Immigrati, Rom, Sinti e Caminanti",
            UserArea::Poverty => "Povertà, disagio adulti e senza dimora",
            UserArea::MultiUser => "Multiutenza",
        }
    }

    /// Its English name.
    pub fn en(self) -> &'static str {
        match self {
            UserArea::Families => "Families and minors",
            UserArea::Disability => "Disability",
            UserArea::Addictions => "Addictions and mental health",
            UserArea::Elderly => "Older people",
            UserArea::Immigrants => "Immigrants, Roma, Sinti and Caminanti",
            UserArea::Poverty => "Poverty, adult distress, homelessness",
            UserArea::MultiUser => "More than one area",
        }
    }
}

vocabulary! {
    /// Whom a target is about.
    Unit {
        /// Persons, one by one.
        Person = "person",
        /// Families: all members of a household belong to it, or none.
        Family = "family",
    }
}

vocabulary! {
    /// Classifications that a target can be set beside.
    Classification {
        /// National nomenclature of social benefits, INPS controlled vocabulary.
        Siuss = "siuss",
        /// Code lists of the INPS schema for minors.
        Sinba = "sinba",
        /// Code lists of the INPS schema for dependent adults.
        Sina = "sina",
        /// ISTAT's survey on the social services of municipalities.
        Istat = "istat",
        /// Categories of the WeMi platform of Milan.
        Wemi = "wemi",
        /// Open Eligibility.
        OpenEligibility = "open-eligibility",
    }
}

/// A declared group of people or families.
#[derive(Clone, Debug)]
pub struct Target {
    /// Public identifier: lower-case ASCII letters, digits, hyphens.
    pub id: String,
    /// Italian name.
    pub it: String,
    /// English name.
    pub en: String,
    /// Italian description.
    pub description_it: String,
    /// English description.
    pub description_en: String,
    /// Whom it is about.
    pub unit: Unit,
    /// Area of users.
    pub area: UserArea,
    /// Finest level at which a release may show the group.
    pub finest_level: Level,
    /// Whether membership is a special category of data (Art. 9 GDPR).
    pub sensitive: bool,
    /// The harm to the group that answers about it could do.
    pub group_harm: Option<GroupHarm>,
    /// Codes of other classifications that mean nearly the same.
    pub crosswalk: BTreeMap<Classification, Vec<String>>,
    /// Who belongs to the group.
    pub predicate: Predicate,
    /// A household of which the first member belongs to the group.
    pub example: Vec<ExamplePerson>,
    /// One of which the first member does not.
    pub counterexample: Vec<ExamplePerson>,
}

impl Target {
    /// What a register has to record before it can be asked about this target. It follows from the predicate alone.
    pub fn needs_fields(&self) -> Attributes {
        self.predicate.attributes()
    }

    /// Whether a policy that allows `any` target does not yet allow this one.
    pub fn must_be_named(&self) -> bool {
        self.sensitive || self.group_harm.is_some()
    }
}
