//! What a predicate reads of a person, so that a mapping alone tells whether a register can be asked about a target.

use crate::vocabulary;

vocabulary! {
    /// Attributes of the common model that a register may or may not record. Whom, when and which service are always there.
    Attribute {
        /// Date of birth.
        BirthDate = "birth_date",
        /// Sex.
        Sex = "sex",
        /// Group of citizenships.
        Citizenship = "citizenship",
        /// Who lives with whom.
        Household = "household",
        /// Place in the household.
        Role = "role",
        /// Whether the person cares for a relative.
        Carer = "carer",
        /// ISEE.
        Isee = "isee",
        /// Grade of disability.
        Disability = "disability",
        /// Needs.
        Need = "need",
        /// Benefits.
        Benefit = "benefit",
        /// Condition in work and study.
        Occupation = "occupation",
        /// Where the person lives.
        Dwelling = "dwelling",
    }
}

/// A set of attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(u16);

impl Attributes {
    /// None of them.
    pub const NONE: Attributes = Attributes(0);
    /// All that this version knows.
    pub const ALL: Attributes = Attributes((1 << Attribute::ALL.len()) - 1);

    /// The set as stored, a bit for each attribute in declared order; bits beyond the last are dropped.
    pub fn from_bits(bits: u16) -> Attributes {
        Attributes(bits & Attributes::ALL.0)
    }

    /// A bit for each attribute, in declared order.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// This set and the attribute.
    #[must_use]
    pub fn with(self, attribute: Attribute) -> Attributes {
        Attributes(self.0 | 1 << attribute as u16)
    }

    /// What either holds.
    #[must_use]
    pub fn union(self, other: Attributes) -> Attributes {
        Attributes(self.0 | other.0)
    }

    /// What this set holds and the other does not.
    #[must_use]
    pub fn without(self, other: Attributes) -> Attributes {
        Attributes(self.0 & !other.0)
    }

    /// Whether the attribute is in it.
    pub fn holds(self, attribute: Attribute) -> bool {
        self.0 >> attribute as u16 & 1 == 1
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its attributes, in declared order.
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        let all = Attribute::ALL.iter().copied();
        all.filter(move |attribute| self.holds(*attribute))
    }
}

impl FromIterator<Attribute> for Attributes {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Attributes {
        (attributes.into_iter()).fold(Attributes::NONE, Attributes::with)
    }
}
