//! The snapshot: one edition of a register as columns, sorted by keyed hashes of people, never changed.
//! Its exact content is for the crate `kernel` alone; nothing here is serialised for anybody else.

use crate::builder;
use crate::error::SnapshotError;
use crate::facts::{self, Fact};
use crate::gather::Input;
use crate::keys::{self, NodeKey};
use crate::mapping::Mapping;
use crate::objections::Objections;
use crate::quality::LocalQuality;
use crate::traits::Traits;
use geography::{Level, MicroArea, Partition};
use query::Month;
use ring::hmac;
use std::fmt;
use std::io::Read;
use std::ops::Range;
use taxonomy::model::{Benefit, CitizenshipGroup, HouseholdRole, Need, Quantity, Recorded, Sex};
use taxonomy::{Attribute, Attributes};

/// A month that never comes: no birth month known.
pub(crate) const NEVER: u16 = u16::MAX;
/// Bit of a stored home that says it is a municipio, not a micro-area.
pub(crate) const MUNICIPIO_ONLY: u16 = 0x8000;
/// A stored home: protected, so known to nobody, and neither is the household's.
pub(crate) const PROTECTED: u16 = MUNICIPIO_ONLY;
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
    /// How many; at least one, at most 65,535.
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
    /// The first 64 bits of the HMAC-SHA-256 of the codice fiscale under the node's key: what the choice of a person's
    /// cells is drawn from. The rest of the pseudonym is not kept.
    pub word: u64,
    /// Month of birth.
    pub birth: Option<Month>,
    /// Recorded sex.
    pub sex: Sex,
    /// Group of citizenships.
    pub citizenship: Option<CitizenshipGroup>,
    /// Home.
    pub home: Home,
    /// Whether the address is protected; the home is unknown then.
    pub protected: bool,
    /// Household.
    pub household: HouseholdOf,
    /// Declared place in the household.
    pub role: Option<HouseholdRole>,
    /// Whether the person is declared to care for a relative.
    pub carer: Option<bool>,
    /// For each event, its month, since January 1900. Events are sorted by month, then service.
    pub months: &'a [u16],
    /// For each event, the position of its service in the taxonomy.
    pub services: &'a [u8],
    /// For each event, how often it happened.
    pub counts: &'a [u16],
    /// For each event, euro cents.
    pub cents: &'a [u32],
    /// For each event, minutes.
    pub minutes: &'a [u32],
    facts: &'a [Fact],
    fact_months: &'a [u16],
}

impl<'a> PersonRow<'a> {
    /// Needs and benefits recorded by the end of `month`, and the conditions that held then: what rows up to that month
    /// say, the latest first.
    pub fn recorded_by(&self, month: Month) -> Recorded {
        facts::recorded_by(self.facts, self.fact_months, month)
    }

    /// Whether the need was recorded by the end of `month`.
    pub fn has_need(&self, need: Need, month: Month) -> bool {
        self.recorded_by(month).has_need(need)
    }

    /// Whether the benefit was recorded by the end of `month`.
    pub fn has_benefit(&self, benefit: Benefit, month: Month) -> bool {
        self.recorded_by(month).has_benefit(benefit)
    }

    /// The events, by month, then service, ascending.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event> + 'a {
        let columns = self.months.iter().zip(self.services).zip(self.counts);
        columns.map(|((month, service), count)| Event {
            month: *month,
            service: *service,
            count: u32::from(*count),
        })
    }
}

/// Columns as a whole, for passes that read few of them for everybody. For the crate `kernel` only.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    /// Of each person, the word of [`PersonRow::word`].
    pub words: &'a [u64],
    /// Of each person, the home; see [`Snapshot::home`].
    pub homes: &'a [u16],
    /// Where each person's events start; one more than persons.
    pub event_starts: &'a [u32],
    /// Of each event, the month.
    pub months: &'a [u16],
    /// Of each event, the service.
    pub services: &'a [u8],
    /// Of each event, how often it happened.
    pub counts: &'a [u16],
    /// Of each event, euro cents.
    pub cents: &'a [u32],
    /// Of each event, minutes.
    pub minutes: &'a [u32],
}

/// One edition of a register, pseudonymised and reduced to what queries can ask.
///
/// Columns are as narrow as their values allow, because an answer is as fast as they can be read: at four events a
/// person, everything together takes less than 24 bytes an event.
pub struct Snapshot {
    pub(crate) edition: Edition,
    pub(crate) mapping_hash: [u8; 32],
    pub(crate) finest_level: Level,
    /// A bit for each quantity the mapping knows.
    pub(crate) quantities: u8,
    /// The attributes the mapping knows.
    pub(crate) attributes: Attributes,
    pub(crate) sampling_key: [u8; 32],
    /// The beginning of each pseudonym. The order of people is that of keyed hashes.
    pub(crate) words: Vec<u64>,
    pub(crate) births: Vec<u16>,
    pub(crate) homes: Vec<u16>,
    pub(crate) households: Vec<u32>,
    pub(crate) traits: Vec<Traits>,
    /// One more than persons: where each person's facts start.
    pub(crate) fact_starts: Vec<u32>,
    /// By the month from which they hold.
    pub(crate) facts: Vec<Fact>,
    pub(crate) fact_months: Vec<u16>,
    /// One more than persons: where each person's events start.
    pub(crate) event_starts: Vec<u32>,
    pub(crate) months: Vec<u16>,
    pub(crate) services: Vec<u8>,
    /// At least one each, up to where 16 bits end.
    pub(crate) counts: Vec<u16>,
    /// Cents, up to where 32 bits end.
    pub(crate) cents: Vec<u32>,
    pub(crate) minutes: Vec<u32>,
    /// One more than households: where each household's members start.
    pub(crate) household_starts: Vec<u32>,
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
        register: impl Read + Send,
        key: &NodeKey,
        edition: Edition,
    ) -> Result<(Snapshot, LocalQuality), SnapshotError> {
        Snapshot::build_from(
            mapping,
            Input::Csv(Box::new(register)),
            key,
            edition,
            &Objections::default(),
        )
    }

    /// Builds a snapshot from a register kept anywhere, without the people who objected.
    ///
    /// # Errors
    /// Columns that do not fit the mapping, or a register that cannot be read on.
    pub fn build_from(
        mapping: &Mapping,
        register: Input<'_>,
        key: &NodeKey,
        edition: Edition,
        objections: &Objections,
    ) -> Result<(Snapshot, LocalQuality), SnapshotError> {
        builder::build(mapping, register, key, edition, objections)
    }

    /// Whether both hold the same people with the same attributes and events, whatever edition and mapping made them.
    /// For tests of connectors: it compares exact data.
    pub fn holds_the_same_as(&self, other: &Snapshot) -> bool {
        // Named one by one, so that a column that is added must be compared or left out on purpose.
        let Snapshot {
            edition: _,
            mapping_hash: _,
            finest_level,
            quantities,
            attributes,
            sampling_key: _,
            words,
            births,
            homes,
            households,
            traits,
            fact_starts,
            facts,
            fact_months,
            event_starts,
            months,
            services,
            counts,
            cents,
            minutes,
            household_starts,
            household_births,
            household_members,
        } = self;
        (*finest_level, *quantities, *attributes)
            == (other.finest_level, other.quantities, other.attributes)
            && *words == other.words
            && *births == other.births
            && *homes == other.homes
            && *households == other.households
            && *traits == other.traits
            && *fact_starts == other.fact_starts
            && *facts == other.facts
            && *fact_months == other.fact_months
            && *event_starts == other.event_starts
            && *months == other.months
            && *services == other.services
            && *counts == other.counts
            && *cents == other.cents
            && *minutes == other.minutes
            && *household_starts == other.household_starts
            && *household_births == other.household_births
            && *household_members == other.household_members
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

    /// The attributes of people the register records. It follows from the mapping alone.
    pub fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// What a register of format 3 or older could record.
    pub(crate) fn first_attributes() -> Attributes {
        let later = [
            Attribute::Role,
            Attribute::Carer,
            Attribute::Occupation,
            Attribute::Dwelling,
        ];
        Attributes::ALL.without(later.into_iter().collect())
    }

    /// Number of people: exact, so for the crate `kernel` and the node's own page only.
    pub fn person_count(&self) -> usize {
        self.words.len()
    }

    /// The person at `index`, for the crate `kernel` only.
    ///
    /// # Panics
    /// Where `index` is not below [`Snapshot::person_count`].
    pub fn person(&self, index: usize) -> PersonRow<'_> {
        let traits = self.traits[index];
        let events = self.event_starts[index] as usize..self.event_starts[index + 1] as usize;
        let facts = self.fact_starts[index] as usize..self.fact_starts[index + 1] as usize;
        PersonRow {
            word: self.words[index],
            birth: Month::from_index(self.births[index]),
            sex: traits.sex(),
            citizenship: traits.citizenship(),
            home: Snapshot::home(self.homes[index]),
            protected: self.homes[index] == PROTECTED,
            household: match self.households[index] {
                NO_HOUSEHOLD => HouseholdOf::Unknown,
                BEYOND_HOUSEHOLD => HouseholdOf::Beyond,
                household => HouseholdOf::Member(household),
            },
            role: traits.role(),
            carer: traits.carer(),
            months: &self.months[events.clone()],
            services: &self.services[events.clone()],
            counts: &self.counts[events.clone()],
            cents: &self.cents[events.clone()],
            minutes: &self.minutes[events],
            facts: &self.facts[facts.clone()],
            fact_months: &self.fact_months[facts],
        }
    }

    /// Columns as a whole, for the crate `kernel` only.
    pub fn columns(&self) -> Columns<'_> {
        Columns {
            words: &self.words,
            homes: &self.homes,
            event_starts: &self.event_starts,
            months: &self.months,
            services: &self.services,
            counts: &self.counts,
            cents: &self.cents,
            minutes: &self.minutes,
        }
    }

    /// The home a stored one stands for.
    pub fn home(stored: u16) -> Home {
        match stored & MUNICIPIO_ONLY {
            _ if stored == PROTECTED => Home::MicroArea(Partition::milan().unknown()),
            0 => Home::MicroArea(MicroArea(stored)),
            _ => Home::Municipio((stored & !MUNICIPIO_ONLY) as u8),
        }
    }

    /// Every home as it may be stored.
    pub fn stored_homes() -> impl Iterator<Item = u16> {
        (0..=Partition::milan().unknown().0)
            .chain((1..=9).map(|municipio| MUNICIPIO_ONLY | municipio))
            .chain([PROTECTED])
    }

    /// Bytes of all columns: exact, so for the node's own page and for measurements only.
    pub fn bytes(&self) -> usize {
        let persons = size_of_val(self.words.as_slice())
            + size_of_val(self.births.as_slice())
            + size_of_val(self.homes.as_slice())
            + size_of_val(self.households.as_slice())
            + size_of_val(self.traits.as_slice())
            + size_of_val(self.fact_starts.as_slice())
            + size_of_val(self.facts.as_slice())
            + size_of_val(self.fact_months.as_slice());
        let events = size_of_val(self.event_starts.as_slice())
            + size_of_val(self.months.as_slice())
            + size_of_val(self.services.as_slice())
            + size_of_val(self.counts.as_slice())
            + size_of_val(self.cents.as_slice())
            + size_of_val(self.minutes.as_slice());
        let households = size_of_val(self.household_starts.as_slice())
            + size_of_val(self.household_births.as_slice())
            + size_of_val(self.household_members.as_slice());
        persons + events + households
    }

    /// Number of households: exact, so for the crate `kernel` only.
    pub fn household_count(&self) -> usize {
        self.household_starts.len() - 1
    }

    fn household(&self, household: u32) -> Range<usize> {
        let household = household as usize;
        self.household_starts[household] as usize..self.household_starts[household + 1] as usize
    }

    /// Places of a household's kept members, ascending, for the crate `kernel` only.
    ///
    /// # Panics
    /// Where there is no such household.
    pub fn household_members(&self, household: u32) -> &[u32] {
        &self.household_members[self.household(household)]
    }

    /// Months of birth of a household's kept members, `None` where not known, for the crate `kernel` only.
    ///
    /// # Panics
    /// Where there is no such household.
    pub fn household_births(&self, household: u32) -> impl Iterator<Item = Option<Month>> + '_ {
        self.household_births[self.household(household)]
            .iter()
            .map(|birth| Month::from_index(*birth))
    }

    /// The seed of the draws that decide which cells of a person count when there are more than a question's bound: one for
    /// each set of cells that a person can have there, named by the keys of its `axes`.
    /// Its key comes from the node's key and the edition's label, so the draws are neither foreseeable
    /// outside the node nor a function of anybody's rows.
    pub fn sampling_seed(&self, axes: &[&[String]]) -> u64 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.sampling_key);
        // No key of an axis holds a line break or another control character.
        let axes: Vec<String> = axes.iter().map(|keys| keys.join("\n")).collect();
        let [a, b, c, d, e, f, g, h, ..] =
            keys::tag(&key, "wi-draw-v1", &[axes.join("\0").as_bytes()]);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
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
