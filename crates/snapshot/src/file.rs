//! The snapshot file: magic, version, length, columns in little-endian order, SHA-256 over all of it.
//! Written under another name and renamed, readable by its owner only; a fault says nothing of the content.

use crate::error::SnapshotError;
use crate::mapping::sha256;
use crate::snapshot::{Attributes, BEYOND_HOUSEHOLD, Edition, Event, MUNICIPIO_ONLY, Snapshot};
use geography::{Level, Partition};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use taxonomy::model::{CitizenshipGroup, Sex};

const MAGIC: &[u8; 8] = b"wi-snap\n";
/// The version written. Version 1 had no quantities and did not list members; it is still read.
const VERSION: u32 = 2;
const CHECKSUM: usize = 32;

impl Snapshot {
    /// Writes the snapshot to `path` at once or not at all, with mode 0600.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write(&self, path: &Path) -> Result<(), SnapshotError> {
        let fail = |source| SnapshotError::File {
            action: "written",
            source,
        };
        let mut bytes = self.encode();
        let checksum = sha256(&bytes);
        bytes.extend_from_slice(&checksum);
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            // The new name lasts only once its directory is on disk too.
            let directory = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
        })();
        written.map_err(fail)
    }

    /// Reads a snapshot back.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or has another version.
    pub fn read(path: &Path) -> Result<Snapshot, SnapshotError> {
        let bytes = fs::read(path).map_err(|source| SnapshotError::File {
            action: "read",
            source,
        })?;
        let version = match (bytes.get(..8), bytes.get(8..12)) {
            (Some(magic), Some(version)) if magic == MAGIC => version
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u32::from(*byte)),
            _ => return Err(SnapshotError::Damaged),
        };
        if !(1..=VERSION).contains(&version) {
            return Err(SnapshotError::UnknownVersion {
                found: version,
                known: VERSION,
            });
        }
        let split = bytes
            .len()
            .checked_sub(CHECKSUM)
            .filter(|split| *split > 12)
            .ok_or(SnapshotError::Damaged)?;
        let (content, checksum) = bytes.split_at(split);
        if sha256(content) != checksum {
            return Err(SnapshotError::Damaged);
        }
        decode(&content[12..], version)
            .filter(Snapshot::is_coherent)
            .ok_or(SnapshotError::Damaged)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(4096 + self.pseudonyms.len() * 80 + self.events.len() * 15);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.edition.number.to_le_bytes());
        out.extend_from_slice(&self.edition.created_at.to_le_bytes());
        out.extend_from_slice(&(self.edition.label.len() as u64).to_le_bytes());
        out.extend_from_slice(self.edition.label.as_bytes());
        out.extend_from_slice(&self.mapping_hash);
        out.push(self.finest_level as u8);
        out.push(self.quantities);
        out.extend_from_slice(&self.sampling_key);
        out.extend_from_slice(&(self.pseudonyms.len() as u64).to_le_bytes());
        for pseudonym in &self.pseudonyms {
            out.extend_from_slice(pseudonym);
        }
        for person in &self.attributes {
            out.extend_from_slice(&person.birth.to_le_bytes());
            out.extend_from_slice(&person.home.to_le_bytes());
            out.extend_from_slice(&person.household.to_le_bytes());
            out.extend_from_slice(&[
                person.sex,
                person.citizenship,
                person.disability,
                person.income_band,
            ]);
        }
        for months in self
            .needs
            .iter()
            .map(<[_; _]>::as_slice)
            .chain(self.benefits.iter().map(<[_; _]>::as_slice))
        {
            for month in months {
                out.extend_from_slice(&month.to_le_bytes());
            }
        }
        for start in &self.event_starts {
            out.extend_from_slice(&start.to_le_bytes());
        }
        out.extend_from_slice(&(self.events.len() as u64).to_le_bytes());
        for event in &self.events {
            out.extend_from_slice(&event.month.to_le_bytes());
            out.push(event.service);
            out.extend_from_slice(&event.count.to_le_bytes());
        }
        for value in self.cents.iter().chain(&self.minutes) {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&(self.household_starts.len() as u64).to_le_bytes());
        for start in &self.household_starts {
            out.extend_from_slice(&start.to_le_bytes());
        }
        out.extend_from_slice(&(self.household_births.len() as u64).to_le_bytes());
        for birth in &self.household_births {
            out.extend_from_slice(&birth.to_le_bytes());
        }
        for member in &self.household_members {
            out.extend_from_slice(&member.to_le_bytes());
        }
        out
    }

    /// Whether every index points at something, so that reading a person cannot panic.
    fn is_coherent(&self) -> bool {
        let areas = Partition::milan();
        let rising = |starts: &[u64], end: usize| {
            starts.first() == Some(&0) && starts.last() == Some(&(end as u64)) && starts.is_sorted()
        };
        let households = self.household_starts.len().saturating_sub(1) as u32;
        rising(&self.event_starts, self.events.len())
            && rising(&self.household_starts, self.household_births.len())
            && self.household_members.len() == self.household_births.len()
            && self
                .household_members
                .iter()
                .all(|place| (*place as usize) < self.attributes.len())
            && self.attributes.iter().all(|person| {
                let home = match person.home & MUNICIPIO_ONLY {
                    0 => person.home <= areas.unknown().0,
                    _ => (1..=9).contains(&(person.home & !MUNICIPIO_ONLY)),
                };
                home && usize::from(person.sex) < Sex::ALL.len()
                    && (person.citizenship == u8::MAX
                        || usize::from(person.citizenship) < CitizenshipGroup::ALL.len())
                    && (person.household >= BEYOND_HOUSEHOLD || person.household < households)
            })
    }
}

/// Bytes still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length whose items, at least one byte each, can still be there.
    fn length(&mut self) -> Option<usize> {
        self.u64()
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= self.0.len())
    }

    fn list<T>(
        &mut self,
        length: usize,
        mut item: impl FnMut(&mut Input<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        (0..length).map(|_| item(self)).collect()
    }

    fn months<const N: usize>(&mut self) -> Option<[u16; N]> {
        let mut months = [0; N];
        for month in &mut months {
            *month = self.u16()?;
        }
        Some(months)
    }
}

/// Members by household, from what is stored of each person.
fn members(attributes: &[Attributes], starts: &[u64]) -> Option<Vec<u32>> {
    let mut next = starts.to_vec();
    let count = usize::try_from(*starts.last()?).ok()?;
    let mut members = vec![0; count.min(attributes.len())];
    for (place, person) in attributes.iter().enumerate() {
        if person.household < BEYOND_HOUSEHOLD {
            let next = next.get_mut(person.household as usize)?;
            *members.get_mut(usize::try_from(*next).ok()?)? = place as u32;
            *next += 1;
        }
    }
    Some(members)
}

fn decode(bytes: &[u8], version: u32) -> Option<Snapshot> {
    let mut input = Input(bytes);
    let number = input.u32()?;
    let created_at = input.u64()? as i64;
    let length = input.length()?;
    let label = String::from_utf8(input.take(length)?.to_vec()).ok()?;
    let mapping_hash = input.array()?;
    let finest_level = *Level::ALL.get(usize::from(input.array::<1>()?[0]))?;
    let quantities = if version == 1 {
        0
    } else {
        input.array::<1>()?[0]
    };
    let sampling_key = input.array()?;
    let persons = input.length()?;
    let pseudonyms = input.list(persons, Input::array)?;
    let attributes = input.list(persons, |input| {
        let (birth, home, household) = (input.u16()?, input.u16()?, input.u32()?);
        let [sex, citizenship, disability, income_band] = input.array()?;
        Some(Attributes {
            birth,
            home,
            household,
            sex,
            citizenship,
            disability,
            income_band,
        })
    })?;
    let needs = input.list(persons, Input::months)?;
    let benefits = input.list(persons, Input::months)?;
    let event_starts = input.list(persons + 1, Input::u64)?;
    let length = input.length()?;
    let events = input.list(length, |input| {
        Some(Event {
            month: input.u16()?,
            service: input.array::<1>()?[0],
            count: input.u32()?,
        })
    })?;
    let mut quantity = || {
        if version == 1 {
            Some(vec![0; events.len()])
        } else {
            input.list(events.len(), Input::u32)
        }
    };
    let (cents, minutes) = (quantity()?, quantity()?);
    let length = input.length()?;
    let household_starts = input.list(length, Input::u64)?;
    let length = input.length()?;
    let household_births = input.list(length, Input::u16)?;
    let household_members = if version == 1 {
        members(&attributes, &household_starts)?
    } else {
        input.list(household_births.len(), Input::u32)?
    };
    input.0.is_empty().then_some(Snapshot {
        edition: Edition {
            number,
            label,
            created_at,
        },
        mapping_hash,
        finest_level,
        quantities,
        sampling_key,
        pseudonyms,
        attributes,
        needs,
        benefits,
        event_starts,
        events,
        cents,
        minutes,
        household_starts,
        household_births,
        household_members,
    })
}
