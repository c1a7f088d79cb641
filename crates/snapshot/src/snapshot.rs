//! The snapshot: one edition of a register as columns, sorted by pseudonym, never changed.
//! Its exact content is for the crate `kernel` alone; nothing here is serialised for anybody else.

use crate::builder;
use crate::error::SnapshotError;
use crate::keys::{self, NodeKey};
use crate::mapping::Mapping;
use crate::quality::LocalQuality;
use geography::{Level, MicroArea, Partition};
use query::Month;
use ring::hmac;
use std::fmt;
use std::io::Read;
use taxonomy::model::{Benefit, CitizenshipGroup, Need, Quantity, Sex};

/// Number of needs.
pub const NEEDS: usize = 6;
/// Number of benefits.
pub const BENEFITS: usize = 4;
/// A month that never comes: no birth month known, need never recorded.
pub(crate) const NEVER: u16 = u16::MAX;
/// Bit of a stored home that says it is a municipio, not a micro-area.
pub(crate) const MUNICIPIO_ONLY: u16 = 0x8000;
/// A stored grade, band or group that is not known.
pub(crate) const UNKNOWN: u8 = u8::MAX;
/// A stored household: none.
pub(crate) const NO_HOUSEHOLD: u32 = u32::MAX;
/// A stored household: beyond the most members a household may have.
pub(crate) const BEYOND_HOUSEHOLD: u32 = u32::MAX - 1;

/// A numbered publication of the register, on a declared calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Its number, from 1.
    pub number: u32,
    /// Its public label, such as `2026-01`.
    pub label: String,
    /// When it was built, in Unix seconds.
    pub created_at: i64,
}

/// So many events of one service in one month, of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Months since January 1900.
    pub month: u16,
    /// Position of the service in the taxonomy.
    pub service: u8,
    /// How many; at least one.
    pub count: u32,
}

/// Where a person lives: one home per edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A micro-area, `unknown` included.
    MicroArea(MicroArea),
    /// A municipio, 1 to 9, of a register that declares it knows no more.
    Municipio(u8),
}

impl Home {
    /// The index, in `Partition::keys(level)`, of the area this home is counted in.
    pub fn area(self, areas: &Partition, level: Level) -> u16 {
        match (self, level) {
            (Home::MicroArea(micro_area), _) => areas.area_of(micro_area, level),
            (Home::Municipio(municipio), Level::Municipio) => u16::from(municipio) - 1,
            (Home::Municipio(_), _) => areas.area_of(areas.unknown(), level),
        }
    }
}

/// A person's household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HouseholdOf {
    /// The register knows none.
    Unknown,
    /// The household with this index.
    Member(u32),
    /// Of a household that already has the most members; not one of those kept.
    Beyond,
}

/// One person as the kernel reads it.
#[derive(Clone, Copy)]
pub struct PersonRow<'a> {
    /// HMAC-SHA-256 of the codice fiscale under the node's key.
    pub pseudonym: &'a [u8; 32],
    /// Month of birth.
    pub birth: Option<Month>,
    /// Recorded sex.
    pub sex: Sex,
    /// Group of citizenships.
    pub citizenship: Option<CitizenshipGroup>,
    /// Home.
    pub home: Home,
    /// Household.
    pub household: HouseholdOf,
    /// Grade of disability.
    pub disability: Option<u8>,
    /// ISEE band.
    pub income_band: Option<u8>,
    /// Events by month, then service, ascending.
    pub events: &'a [Event],
    /// For each of the events, euro cents.
    pub cents: &'a [u32],
    /// For each of the events, minutes.
    pub minutes: &'a [u32],
    needs: &'a [u16; NEEDS],
    benefits: &'a [u16; BENEFITS],
}

impl PersonRow<'_> {
    /// Whether the need was recorded by the end of `month`.
    pub fn has_need(&self, need: Need, month: Month) -> bool {
        self.needs[need as usize] <= month.index()
    }

    /// Whether the benefit was recorded by the end of `month`.
    pub fn has_benefit(&self, benefit: Benefit, month: Month) -> bool {
        self.benefits[benefit as usize] <= month.index()
    }
}

/// One person's scalar columns, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) birth: u16,
    pub(crate) home: u16,
    pub(crate) household: u32,
    pub(crate) sex: u8,
    pub(crate) citizenship: u8,
    pub(crate) disability: u8,
    pub(crate) income_band: u8,
}

/// One edition of a register, pseudonymised and reduced to what queries can ask.
pub struct Snapshot {
    pub(crate) edition: Edition,
    pub(crate) mapping_hash: [u8; 32],
    pub(crate) finest_level: Level,
    /// A bit for each quantity the mapping knows.
    pub(crate) quantities: u8,
    pub(crate) sampling_key: [u8; 32],
    pub(crate) pseudonyms: Vec<[u8; 32]>,
    pub(crate) attributes: Vec<Attributes>,
    pub(crate) needs: Vec<[u16; NEEDS]>,
    pub(crate) benefits: Vec<[u16; BENEFITS]>,
    /// One more than persons: where each person's events start.
    pub(crate) event_starts: Vec<u64>,
    pub(crate) events: Vec<Event>,
    /// As long as `events`: cents, up to where 32 bits end.
    pub(crate) cents: Vec<u32>,
    /// As long as `events`: minutes.
    pub(crate) minutes: Vec<u32>,
    /// One more than households: where each household's members start.
    pub(crate) household_starts: Vec<u64>,
    /// Birth months of kept members, ascending within a household.
    pub(crate) household_births: Vec<u16>,
    /// Places of kept members, ascending within a household.
    pub(crate) household_members: Vec<u32>,
}

impl Snapshot {
    /// Builds a snapshot from a register. Bad rows are counted in the [`LocalQuality`], not errors.
    ///
    /// # Errors
    /// A header that does not fit the mapping, or a reader that fails.
    pub fn build(
        mapping: &Mapping,
        register: impl Read,
        key: &NodeKey,
        edition: Edition,
    ) -> Result<(Snapshot, LocalQuality), SnapshotError> {
        builder::build(mapping, register, key, edition)
    }

    /// Number, label and time of the edition.
    pub fn edition(&self) -> &Edition {
        &self.edition
    }

    /// SHA-256 of the mapping it was built with.
    pub fn mapping_hash(&self) -> [u8; 32] {
        self.mapping_hash
    }

    /// The finest level the register declares.
    pub fn finest_level(&self) -> Level {
        self.finest_level
    }

    /// Whether the register records a quantity. It follows from the mapping alone.
    pub fn records(&self, quantity: Quantity) -> bool {
        self.quantities & 1 << quantity as u8 != 0
    }

    /// Number of people: exact, so for the crate `kernel` and the node's own page only.
    pub fn person_count(&self) -> usize {
        self.pseudonyms.len()
    }

    /// The person at `index`, for the crate `kernel` only.
    ///
    /// # Panics
    /// Where `index` is not below [`Snapshot::person_count`].
    pub fn person(&self, index: usize) -> PersonRow<'_> {
        let attributes = &self.attributes[index];
        let known = |value: u8| (value != UNKNOWN).then_some(value);
        let events = self.event_starts[index] as usize..self.event_starts[index + 1] as usize;
        PersonRow {
            pseudonym: &self.pseudonyms[index],
            birth: Month::from_index(attributes.birth),
            sex: Sex::ALL[usize::from(attributes.sex)],
            citizenship: known(attributes.citizenship)
                .map(|group| CitizenshipGroup::ALL[usize::from(group)]),
            home: match attributes.home & MUNICIPIO_ONLY {
                0 => Home::MicroArea(MicroArea(attributes.home)),
                _ => Home::Municipio((attributes.home & !MUNICIPIO_ONLY) as u8),
            },
            household: match attributes.household {
                NO_HOUSEHOLD => HouseholdOf::Unknown,
                BEYOND_HOUSEHOLD => HouseholdOf::Beyond,
                household => HouseholdOf::Member(household),
            },
            disability: known(attributes.disability),
            income_band: known(attributes.income_band),
            events: &self.events[events.clone()],
            cents: &self.cents[events.clone()],
            minutes: &self.minutes[events],
            needs: &self.needs[index],
            benefits: &self.benefits[index],
        }
    }

    /// Number of households: exact, so for the crate `kernel` only.
    pub fn household_count(&self) -> usize {
        self.household_starts.len() - 1
    }

    /// Places of a household's kept members, ascending, for the crate `kernel` only.
    ///
    /// # Panics
    /// Where there is no such household.
    pub fn household_members(&self, household: u32) -> &[u32] {
        let household = household as usize;
        &self.household_members[self.household_starts[household] as usize
            ..self.household_starts[household + 1] as usize]
    }

    /// Months of birth of a household's kept members, `None` where not known, for the crate `kernel` only.
    ///
    /// # Panics
    /// Where there is no such household.
    pub fn household_births(&self, household: u32) -> impl Iterator<Item = Option<Month>> + '_ {
        let household = household as usize;
        let members = self.household_starts[household] as usize
            ..self.household_starts[household + 1] as usize;
        self.household_births[members]
            .iter()
            .map(|birth| Month::from_index(*birth))
    }

    /// The keyed hash that decides which cells of a person count when there are more than a query's bound.
    /// Its key comes from the node's key and the edition's label, so the choice is neither foreseeable
    /// outside the node nor a function of anybody's rows.
    pub fn cell_tag(&self, cell_key: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.sampling_key);
        keys::tag(&key, "wi-cell-v1", &[cell_key.as_bytes()])
    }
}

/// Nothing of the content, not even its size.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("edition", &self.edition.number)
            .finish_non_exhaustive()
    }
}
