//! The snapshot file: magic, version, length, columns in little-endian order, SHA-256 over all of it.
//! Written under another name and renamed, readable by its owner only; a fault says nothing of the content.
//!
//! Columns stream between file and memory through one small buffer, so that neither way needs room for a second copy.

use crate::error::SnapshotError;
use crate::facts::Fact;
use crate::older_file::{self, Record};
use crate::snapshot::{BEYOND_HOUSEHOLD, Edition, MUNICIPIO_ONLY, Snapshot};
use crate::traits::Traits;
use geography::{Level, Partition};
use ring::digest::{Context, SHA256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use taxonomy::Attributes;

const MAGIC: &[u8; 8] = b"wi-snap\n";
/// The version written. Version 3 had what was last recorded of disability and income, not from when on; versions 1 and 2 had
/// a row for each event and whole pseudonyms. All are still read.
const VERSION: u32 = 4;
const CHECKSUM: usize = 32;
/// Bytes on their way between a column and the file.
const BUFFER: usize = 1 << 17;

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
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let written = (|| {
            let file = private_file::create_new(&temporary)?;
            let mut output = Output {
                writer: BufWriter::with_capacity(BUFFER, file),
                digest: Context::new(&SHA256),
                buffer: Vec::with_capacity(BUFFER),
            };
            self.encode(&mut output)?;
            let checksum = output.digest.finish();
            output.writer.write_all(checksum.as_ref())?;
            output.writer.into_inner()?.sync_all()?;
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
        let fail = |source| SnapshotError::File {
            action: "read",
            source,
        };
        let file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        let mut input = Input {
            left: length.checked_sub(CHECKSUM as u64).ok_or(Fault::Damaged)?,
            file,
            digest: Context::new(&SHA256),
            buffer: vec![0; BUFFER],
        };
        if input.array::<8>()? != *MAGIC {
            return Err(SnapshotError::Damaged);
        }
        let version = input.number::<u32>()?;
        if !(1..=VERSION).contains(&version) {
            return Err(SnapshotError::UnknownVersion {
                found: version,
                known: VERSION,
            });
        }
        let snapshot = if version < 3 {
            let content = input.column::<u8>(input.left)?;
            older_file::decode(&content, version)
        } else {
            Some(decode(&mut input, version)?)
        };
        if input.left != 0 {
            return Err(SnapshotError::Damaged);
        }
        let mut checksum = [0; CHECKSUM];
        input.file.read_exact(&mut checksum).map_err(Fault::from)?;
        if input.digest.finish().as_ref() != checksum {
            return Err(SnapshotError::Damaged);
        }
        snapshot
            .filter(Snapshot::is_coherent)
            .ok_or(SnapshotError::Damaged)
    }

    fn encode(&self, out: &mut Output) -> io::Result<()> {
        out.bytes(MAGIC)?;
        out.column(&[VERSION, self.edition.number])?;
        out.column(&[
            self.edition.created_at as u64,
            self.edition.label.len() as u64,
        ])?;
        out.bytes(self.edition.label.as_bytes())?;
        out.bytes(&self.mapping_hash)?;
        out.bytes(&[self.finest_level as u8, self.quantities])?;
        out.column(&[self.attributes.bits()])?;
        out.bytes(&self.sampling_key)?;
        let lengths = [
            self.words.len(),
            self.facts.len(),
            self.months.len(),
            self.household_starts.len(),
            self.household_members.len(),
        ];
        out.column(&lengths.map(|length| length as u64))?;
        out.column(&self.words)?;
        out.column(&self.births)?;
        out.column(&self.homes)?;
        out.column(&self.households)?;
        out.column(&self.traits)?;
        out.column(&self.fact_starts)?;
        out.column(&self.facts)?;
        out.column(&self.fact_months)?;
        out.column(&self.event_starts)?;
        out.column(&self.months)?;
        out.column(&self.services)?;
        out.column(&self.counts)?;
        out.column(&self.cents)?;
        out.column(&self.minutes)?;
        out.column(&self.household_starts)?;
        out.column(&self.household_births)?;
        out.column(&self.household_members)
    }

    /// Whether every index points at something, so that reading a person cannot panic.
    fn is_coherent(&self) -> bool {
        let areas = Partition::milan();
        let rising = |starts: &[u32], end: usize| {
            starts.first() == Some(&0)
                && starts.last().is_some_and(|last| *last as usize == end)
                && starts.is_sorted()
        };
        let persons = self.words.len();
        let households = self.household_starts.len().saturating_sub(1) as u32;
        let home = |home: &u16| match home & MUNICIPIO_ONLY {
            0 => *home <= areas.unknown().0,
            // Municipio 0 stands for a protected address.
            _ => (0..=9).contains(&(home & !MUNICIPIO_ONLY)),
        };
        let household = |household: &u32| *household >= BEYOND_HOUSEHOLD || *household < households;
        let member = |place: &u32| (*place as usize) < persons;
        rising(&self.event_starts, self.months.len())
            && rising(&self.fact_starts, self.facts.len())
            && self.fact_starts.len() == persons + 1
            // Everybody has an event.
            && self.event_starts.is_sorted_by(|a, b| a < b)
            && rising(&self.household_starts, self.household_births.len())
            && self.household_members.len() == self.household_births.len()
            && self.household_members.iter().all(member)
            && self.homes.iter().all(home)
            && self.households.iter().all(household)
    }
}

/// A number that columns are made of, little-endian.
pub(crate) trait Number: Copy {
    const SIZE: usize = size_of::<Self>();
    fn put(self, out: &mut Vec<u8>);
    /// The number in these bytes, [`Number::SIZE`] of them; `None` where they are not allowed to be one.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Number for $number {
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn from_bytes(bytes: &[u8]) -> Option<$number> {
                bytes.try_into().ok().map(<$number>::from_le_bytes)
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64);

impl Number for Record {
    fn put(self, out: &mut Vec<u8>) {
        self.iter().for_each(|month| month.put(out));
    }

    fn from_bytes(bytes: &[u8]) -> Option<Record> {
        let mut record = Record::default();
        for (month, bytes) in record.iter_mut().zip(bytes.chunks_exact(u16::SIZE)) {
            *month = u16::from_bytes(bytes)?;
        }
        Some(record)
    }
}

impl Number for Fact {
    fn put(self, out: &mut Vec<u8>) {
        out.push(self.code());
    }

    fn from_bytes(bytes: &[u8]) -> Option<Fact> {
        u8::from_bytes(bytes).and_then(Fact::from_code)
    }
}

impl Number for Traits {
    fn put(self, out: &mut Vec<u8>) {
        self.bits().put(out);
    }

    fn from_bytes(bytes: &[u8]) -> Option<Traits> {
        u16::from_bytes(bytes).and_then(Traits::from_bits)
    }
}

struct Output {
    writer: BufWriter<File>,
    digest: Context,
    buffer: Vec<u8>,
}

impl Output {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.writer.write_all(bytes)
    }

    fn column<T: Number>(&mut self, column: &[T]) -> io::Result<()> {
        for part in column.chunks(BUFFER / T::SIZE) {
            self.buffer.clear();
            part.iter().for_each(|number| number.put(&mut self.buffer));
            self.digest.update(&self.buffer);
            self.writer.write_all(&self.buffer)?;
        }
        Ok(())
    }
}

/// Why reading stopped.
enum Fault {
    Damaged,
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        match error.kind() {
            // The file was cut while it was read.
            io::ErrorKind::UnexpectedEof => Fault::Damaged,
            _ => Fault::Io(error),
        }
    }
}

impl From<Fault> for SnapshotError {
    fn from(fault: Fault) -> SnapshotError {
        match fault {
            Fault::Damaged => SnapshotError::Damaged,
            Fault::Io(source) => SnapshotError::File {
                action: "read",
                source,
            },
        }
    }
}

/// A file of which some bytes are still to be read. Everything read counts towards the checksum.
struct Input {
    file: File,
    /// Bytes before the checksum.
    left: u64,
    digest: Context,
    buffer: Vec<u8>,
}

impl Input {
    fn take(&mut self, length: usize) -> Result<&[u8], Fault> {
        self.left = (self.left.checked_sub(length as u64)).ok_or(Fault::Damaged)?;
        let part = &mut self.buffer[..length];
        self.file.read_exact(part)?;
        self.digest.update(part);
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| Fault::Damaged)
    }

    fn number<T: Number>(&mut self) -> Result<T, Fault> {
        T::from_bytes(self.take(T::SIZE)?).ok_or(Fault::Damaged)
    }

    /// So many numbers, if the file can still hold them: a wrong length allocates nothing.
    fn column<T: Number>(&mut self, length: u64) -> Result<Vec<T>, Fault> {
        let bytes = length.checked_mul(T::SIZE as u64);
        if bytes.is_none_or(|bytes| bytes > self.left) {
            return Err(Fault::Damaged);
        }
        let length = usize::try_from(length).map_err(|_| Fault::Damaged)?;
        let mut column = Vec::with_capacity(length);
        while column.len() < length {
            let part = (length - column.len()).min(BUFFER / T::SIZE);
            let bytes = self.take(part * T::SIZE)?;
            let before = column.len();
            column.extend(bytes.chunks_exact(T::SIZE).map_while(T::from_bytes));
            if column.len() != before + part {
                return Err(Fault::Damaged);
            }
        }
        Ok(column)
    }
}

fn decode(input: &mut Input, version: u32) -> Result<Snapshot, Fault> {
    let number = input.number()?;
    let created_at = input.number::<u64>()? as i64;
    let length = input.number()?;
    let label = String::from_utf8(input.column(length)?).map_err(|_| Fault::Damaged)?;
    let mapping_hash = input.array()?;
    let [level, quantities] = input.array()?;
    let finest_level = *Level::ALL.get(usize::from(level)).ok_or(Fault::Damaged)?;
    let attributes = if version < VERSION {
        Snapshot::first_attributes()
    } else {
        Attributes::from_bits(input.number()?)
    };
    let sampling_key = input.array()?;
    let mut lengths = [0u64; 5];
    for length in &mut lengths {
        *length = input.number()?;
    }
    let [persons, facts, events, household_starts, members] = lengths;
    let starts = persons.checked_add(1).ok_or(Fault::Damaged)?;
    let (words, births) = (input.column(persons)?, input.column(persons)?);
    let (homes, households) = (input.column(persons)?, input.column(persons)?);
    let recorded = if version < VERSION {
        let (traits, places) = (input.column(persons)?, input.column(persons)?);
        let records: Vec<Record> = input.column(facts)?;
        older_file::recorded(&traits, &places, &records).ok_or(Fault::Damaged)?
    } else {
        older_file::Facts {
            traits: input.column(persons)?,
            starts: input.column(starts)?,
            facts: input.column(facts)?,
            months: input.column(facts)?,
        }
    };
    Ok(Snapshot {
        edition: Edition {
            number,
            label,
            created_at,
        },
        mapping_hash,
        finest_level,
        quantities,
        attributes,
        sampling_key,
        words,
        births,
        homes,
        households,
        traits: recorded.traits,
        fact_starts: recorded.starts,
        facts: recorded.facts,
        fact_months: recorded.months,
        event_starts: input.column(starts)?,
        months: input.column(events)?,
        services: input.column(events)?,
        counts: input.column(events)?,
        cents: input.column(events)?,
        minutes: input.column(events)?,
        household_starts: input.column(household_starts)?,
        household_births: input.column(members)?,
        household_members: input.column(members)?,
    })
}
