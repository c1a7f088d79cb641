//! The closed vocabularies of the common model: what a person, a need, a benefit can be.
//! Nothing here is open text, so no register's wording ever leaves a node.

use serde::{Deserialize, Serialize};

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $id:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $id)] $variant,)+ }

        impl $name {
            /// Every value, in the order public keys are laid out.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The public identifier.
            pub fn id(self) -> &'static str {
                match self { $($name::$variant => $id,)+ }
            }

            /// The value with this identifier.
            pub fn from_id(id: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|value| value.id() == id)
            }
        }
    };
}

vocabulary! {
    /// Recorded sex.
    Sex {
        /// Female.
        Female = "F",
        /// Male.
        Male = "M",
        /// Not recorded.
        Unknown = "X",
    }
}

vocabulary! {
    /// Groups of citizenships.
    CitizenshipGroup {
        /// Italian citizens.
        Italian = "italian",
        /// Citizens of another country of the European Union.
        Eu = "eu",
        /// Citizens of any other country, and stateless people.
        NonEu = "non-eu",
    }
}

vocabulary! {
    /// Kinds of household, judged by the members the register knows.
    HouseholdKind {
        /// One member.
        Alone = "alone",
        /// One adult and at least one minor.
        SingleParent = "single-parent",
        /// Two or more adults and at least one minor.
        WithMinors = "with-minors",
        /// Several members, no minor.
        Adults = "adults",
    }
}

vocabulary! {
    /// Recorded needs.
    Need {
        /// A home, or a better one.
        Housing = "housing",
        /// Food.
        Food = "food",
        /// Care and assistance.
        Care = "care",
        /// Work.
        Work = "work",
        /// Education.
        Education = "education",
        /// Company.
        Isolation = "isolation",
    }
}

vocabulary! {
    /// Benefits received.
    Benefit {
        /// Assegno di inclusione.
        Adi = "adi",
        /// Carer's allowance.
        CarerAllowance = "carer-allowance",
        /// Disability allowance.
        DisabilityAllowance = "disability-allowance",
        /// Help with the rent.
        RentAid = "rent-aid",
    }
}

vocabulary! {
    /// What service events declare besides having happened. Never negative.
    Quantity {
        /// Money spent, in euro cents.
        Amount = "amount",
        /// Time given, in minutes.
        Duration = "duration",
    }
}

/// Age bands, as public keys: identifier and first age. The last key is `unknown`.
pub const AGE_BANDS: [(&str, u16); 11] = [
    ("0-2", 0),
    ("3-5", 3),
    ("6-10", 6),
    ("11-13", 11),
    ("14-17", 14),
    ("18-29", 18),
    ("30-44", 30),
    ("45-64", 45),
    ("65-74", 65),
    ("75-84", 75),
    ("85+", 85),
];

/// Index of the age band of `age` among [`AGE_BANDS`], and one past the last where it is unknown.
pub fn age_band(age: Option<u16>) -> usize {
    match age {
        Some(age) => AGE_BANDS
            .iter()
            .rposition(|&(_, first)| age >= first)
            .unwrap_or(0),
        None => AGE_BANDS.len(),
    }
}

/// Upper ends of the ISEE bands in cents, inclusive; above the last lies band 5.
pub const ISEE_BANDS_CENTS: [i64; 5] = [300_000, 600_000, 936_000, 1_500_000, 2_500_000];

/// The ISEE band of an amount in cents.
pub fn income_band(cents: i64) -> u8 {
    ISEE_BANDS_CENTS.iter().filter(|&&end| cents > end).count() as u8
}
