//! The closed vocabularies of the common model: what a person, a need, a benefit can be.
//! Nothing here is open text, so no register's wording ever leaves a node. Positions are part of snapshot files: new values go
//! last.

mod benefit;
mod need;

pub use benefit::Benefit;
pub use need::Need;

use crate::vocabulary;

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
    /// Place of a person in the household, as declared.
    HouseholdRole {
        /// Reference person.
        Head = "head",
        /// Husband, wife or partner of the reference person.
        Partner = "partner",
        /// Son or daughter of either.
        Child = "child",
        /// Father or mother of either.
        Parent = "parent",
        /// Any other relative.
        Relative = "relative",
        /// No relative.
        Other = "other",
    }
}

vocabulary! {
    /// Condition in work and study, as in the code list `OccupazioneType` of the INPS SINBA schema.
    Occupation {
        /// In work.
        Employed = "employed",
        /// Out of work and looking for it.
        Unemployed = "unemployed",
        /// Looking for a first job.
        FirstJob = "first-job",
        /// At home, not looking for work.
        Homemaker = "homemaker",
        /// At school or university.
        Student = "student",
        /// Retired.
        Retired = "retired",
        /// Unable to work.
        Unable = "unable",
        /// Any other condition.
        Other = "other",
    }
}

vocabulary! {
    /// Where a person lives, as in the code list `LuogoVitaType` of the INPS SINBA schema, with places for adults.
    Dwelling {
        /// In a home of the own family.
        Home = "home",
        /// With relatives.
        Relatives = "relatives",
        /// With a foster family.
        FosterFamily = "foster-family",
        /// In a residential facility of the social services.
        Residential = "residential",
        /// In a residential facility of the health services.
        HealthFacility = "health-facility",
        /// In prison.
        Prison = "prison",
        /// With friends.
        Friends = "friends",
        /// Without a home.
        Homeless = "homeless",
        /// In a night shelter.
        Shelter = "shelter",
        /// In supported or temporary housing.
        SupportedHousing = "supported-housing",
        /// In a settlement or a halting site.
        Settlement = "settlement",
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

/// Facts that come and go, as of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// A bit for each [`Need`] recorded so far.
    pub needs: u32,
    /// A bit for each [`Benefit`] recorded so far.
    pub benefits: u32,
    /// Grade of disability, 0 (none) to 3 (severe).
    pub disability: Option<u8>,
    /// ISEE band, 0 (up to 3,000 euro) to 5 (over 25,000).
    pub income_band: Option<u8>,
    /// Condition in work and study.
    pub occupation: Option<Occupation>,
    /// Where the person lives.
    pub dwelling: Option<Dwelling>,
}

impl Recorded {
    /// Whether this need was recorded.
    pub fn has_need(&self, need: Need) -> bool {
        self.needs >> need as u32 & 1 == 1
    }

    /// Whether this benefit was recorded.
    pub fn has_benefit(&self, benefit: Benefit) -> bool {
        self.benefits >> benefit as u32 & 1 == 1
    }
}

impl HouseholdKind {
    /// First age of an adult.
    pub const ADULT: u16 = 18;

    /// The kind of a household of members of these ages, `None` where one is not known.
    ///
    /// One member lives alone whatever their age; of several, the kind is known only if everybody's age is.
    pub fn of_ages(ages: impl IntoIterator<Item = Option<u16>>) -> Option<HouseholdKind> {
        let (mut adults, mut minors, mut unknown) = (0, 0, 0);
        for age in ages {
            match age {
                None => unknown += 1,
                Some(age) if age < Self::ADULT => minors += 1,
                Some(_) => adults += 1,
            }
        }
        match (adults, minors, unknown) {
            (0, 0, 0) => None,
            (adults, minors, unknown) if adults + minors + unknown == 1 => {
                Some(HouseholdKind::Alone)
            }
            (_, _, 1..) => None,
            (_, 0, 0) => Some(HouseholdKind::Adults),
            (1, _, 0) => Some(HouseholdKind::SingleParent),
            (2.., _, 0) => Some(HouseholdKind::WithMinors),
            // Minors without any adult on record.
            (_, _, _) => None,
        }
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

/// Number of ISEE bands.
pub const INCOME_BANDS: u16 = ISEE_BANDS_CENTS.len() as u16 + 1;

/// Number of grades of disability: none, mild, moderate, severe.
pub const GRADES: u16 = 4;

/// The ISEE band of an amount in cents.
pub fn income_band(cents: i64) -> u8 {
    ISEE_BANDS_CENTS.iter().filter(|&&end| cents > end).count() as u8
}
