//! Streams a register into shards on several threads, a block of lines or a batch of records at a time.
//! Blocks are read in order and counted in any; what is listed of bad rows is put back into the order of the register.

use crate::csv_source::{self, Layout, Outcome};
use crate::error::SnapshotError;
use crate::keys::NodeKey;
use crate::line::{Block, Blocks, Splitter};
use crate::mapping::{Field, Mapping};
use crate::notation::Encoding;
use crate::parallel::on_threads;
use crate::quality::{LocalQuality, Reject, RejectKind};
use crate::records::{Batch, Part, Records};
use crate::row::Row;
use crate::shard::Shard;
use crate::utf16::Utf16Reader;
use foldhash::fast::FixedState;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Many more than threads, so that two rarely want the same one, and that one of them is small. Part of the order of
/// people in a snapshot.
const SHARDS: usize = 256;

/// A register, as a build takes it in.
pub enum Input<'r> {
    /// Bytes of a CSV file in the mapping's format: lines are found and split on all threads.
    Csv(Box<dyn Read + Send + 'r>),
    /// Records of a connector: they come one batch at a time, and are interpreted on all threads.
    Records(Box<dyn Records + 'r>),
}

/// What all rows together say.
pub(crate) struct Gathered {
    pub(crate) shards: Vec<Shard>,
    pub(crate) quality: LocalQuality,
}

/// Reads a register to its end.
pub(crate) fn gather(
    mapping: &Mapping,
    register: Input<'_>,
    key: &NodeKey,
    threads: usize,
) -> Result<Gathered, SnapshotError> {
    match register {
        Input::Csv(register) => {
            let register: Box<dyn Read + Send + '_> = match mapping.encoding {
                Encoding::Utf16 => Box::new(Utf16Reader::new(register)),
                Encoding::Utf8 | Encoding::Latin1 => register,
            };
            let (layout, blocks, first, start) = csv_source::open(register, mapping)?;
            let source = Lines {
                blocks,
                first: Some((first, start)),
            };
            gather_from(source, layout, mapping, key, threads)
        }
        Input::Records(records) => {
            let columns: Vec<&str> = records.columns().iter().map(String::as_str).collect();
            let layout = Layout::of_columns(&columns, mapping)?;
            let source = Batches { records, next: 0 };
            gather_from(source, layout, mapping, key, threads)
        }
    }
}

fn gather_from<S: Source>(
    source: S,
    layout: Layout<'_>,
    mapping: &Mapping,
    key: &NodeKey,
    threads: usize,
) -> Result<Gathered, SnapshotError> {
    let gathering = Gathering {
        mapping,
        layout,
        hasher: FixedState::with_seed(key.shards()),
        source: Mutex::new(source),
        shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        rejects: Mutex::default(),
    };
    let parts = on_threads(0..threads.max(1), |_| gathering.work());
    let mut quality = LocalQuality::default();
    for part in parts {
        quality.add(part?);
    }
    let rejects = unlocked(gathering.rejects.into_inner());
    quality.rejects = rejects.into_values().flatten().collect();
    let shards = gathering.shards.into_iter();
    Ok(Gathered {
        shards: shards
            .map(|shard| unlocked(shard.into_inner()))
            .filter(|shard| !shard.is_empty())
            .collect(),
        quality,
    })
}

/// What a lock holds. A thread that panicked while it held the lock ends the build anyway, by its panic.
fn unlocked<T>(lock: Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    unlocked(mutex.lock())
}

/// Rows still to be read, some at a time.
trait Source: Send {
    /// Some rows.
    type Some: Default;

    /// Replaces `some` by the next rows; false at the end.
    fn next(&mut self, some: &mut Self::Some) -> Result<bool, SnapshotError>;

    /// Which ones they are, in the order of the register.
    fn number(some: &Self::Some) -> usize;

    /// Of which file of the register they are, where it has several.
    fn part(_some: &Self::Some) -> Option<&Part> {
        None
    }

    /// What each row turns out to be, with its number in the register.
    fn each(
        some: &Self::Some,
        layout: &Layout<'_>,
        space: &mut Space,
        note: impl FnMut(u64, Outcome, &[(Field, RejectKind)]),
    );
}

/// Space for one row, reused from row to row.
#[derive(Default)]
struct Space {
    splitter: Splitter,
    ignored: Vec<(Field, RejectKind)>,
}

/// Lines of CSV. The first block was read for the header, which ends at the given byte.
struct Lines<R> {
    blocks: Blocks<R>,
    first: Option<(Block, usize)>,
}

impl<R: Read + Send> Source for Lines<R> {
    type Some = (Block, usize);

    fn next(&mut self, some: &mut (Block, usize)) -> Result<bool, SnapshotError> {
        match self.first.take() {
            Some(first) => {
                *some = first;
                Ok(true)
            }
            None => {
                some.1 = 0;
                (self.blocks.next(&mut some.0)).map_err(SnapshotError::Register)
            }
        }
    }

    fn number((block, _): &(Block, usize)) -> usize {
        block.number
    }

    fn each(
        (block, start): &(Block, usize),
        layout: &Layout<'_>,
        space: &mut Space,
        mut note: impl FnMut(u64, Outcome, &[(Field, RejectKind)]),
    ) {
        // The header is the first line of the first block.
        let mut line_number = block.lines_before + u64::from(block.number == 0);
        for line in block.lines(*start) {
            line_number += 1;
            if let Some(outcome) = layout.read(line, &mut space.splitter, &mut space.ignored) {
                note(line_number, outcome, &space.ignored);
            }
        }
    }
}

/// Records of a connector.
struct Batches<'r> {
    records: Box<dyn Records + 'r>,
    next: usize,
}

impl Source for Batches<'_> {
    type Some = Batch;

    fn next(&mut self, some: &mut Batch) -> Result<bool, SnapshotError> {
        let more = self.records.next(some).map_err(SnapshotError::Records)?;
        some.number = self.next;
        self.next += 1;
        Ok(more)
    }

    fn number(some: &Batch) -> usize {
        some.number
    }

    fn part(some: &Batch) -> Option<&Part> {
        some.part().map(Arc::as_ref)
    }

    fn each(
        some: &Batch,
        layout: &Layout<'_>,
        space: &mut Space,
        mut note: impl FnMut(u64, Outcome, &[(Field, RejectKind)]),
    ) {
        for record in some.records() {
            let outcome = layout.read_record(&record, &mut space.ignored);
            note(record.number, outcome, &space.ignored);
        }
    }
}

/// What threads share.
struct Gathering<'m, S> {
    mapping: &'m Mapping,
    layout: Layout<'m>,
    /// Chooses the shard of a person, by the node's key, so that the order of rows does not matter.
    hasher: FixedState,
    source: Mutex<S>,
    shards: Vec<Mutex<Shard>>,
    /// By number of the block: the first ones of each kind of those that were read.
    rejects: Mutex<BTreeMap<usize, Vec<Reject>>>,
}

impl<S: Source> Gathering<'_, S> {
    /// Reads blocks until there are no more; returns what was counted, the list of rejects aside.
    fn work(&self) -> Result<LocalQuality, SnapshotError> {
        let mut worker = Worker {
            counted: LocalQuality::default(),
            rows: (0..SHARDS).map(|_| Vec::new()).collect(),
            places: Vec::new(),
            space: Space::default(),
        };
        let mut some = S::Some::default();
        while lock(&self.source).next(&mut some)? {
            self.read(&mut worker, &some);
        }
        Ok(worker.counted)
    }

    fn read(&self, worker: &mut Worker, some: &S::Some) {
        let column = |field: Option<Field>| {
            field
                .and_then(|field| self.mapping.column(field))
                .unwrap_or_default()
        };
        let part = S::part(some);
        let (quality, rows) = (&mut worker.counted, &mut worker.rows);
        S::each(
            some,
            &self.layout,
            &mut worker.space,
            |number, outcome, ignored| {
                match outcome {
                    Outcome::Unlinked { missing: true } => quality.unlinked_missing += 1,
                    Outcome::Unlinked { missing: false } => {
                        quality.unlinked_invalid += 1;
                        // Listed, so that it can be corrected.
                        let field = Some(Field::CodiceFiscale);
                        quality.note(number, part, column(field), RejectKind::CodiceFiscale);
                    }
                    Outcome::Rejected {
                        column: field,
                        kind,
                        protects,
                    } => {
                        quality.rejected += 1;
                        if let Some(person) = protects {
                            let shard = self.hasher.hash_one(person) >> 32;
                            lock(&self.shards[shard as usize % SHARDS]).protect(person);
                        }
                        quality.note(number, part, column(field), kind);
                    }
                    Outcome::Row(row) => {
                        quality.loaded += 1;
                        // The hash's high bits; the maps inside the shards use the others.
                        let shard = self.hasher.hash_one(row.person) >> 32;
                        rows[shard as usize % SHARDS].push(row);
                        for &(field, kind) in ignored {
                            quality.fields_ignored += 1;
                            quality.note(number, part, column(Some(field)), kind);
                        }
                    }
                }
                quality.rows += 1;
            },
        );
        let rejects = std::mem::take(&mut quality.rejects);
        if !rejects.is_empty() {
            self.list(S::number(some), rejects);
        }
        for (rows, shard) in worker.rows.iter_mut().zip(&self.shards) {
            if !rows.is_empty() {
                lock(shard).note_all(rows, &mut worker.places);
                rows.clear();
            }
        }
    }

    /// Lists the rejects of a block, and forgets what can no longer be among the first.
    fn list(&self, block: usize, rejects: Vec<Reject>) {
        let mut all = lock(&self.rejects);
        all.insert(block, rejects);
        let mut before = BTreeMap::new();
        all.retain(|_, rejects| {
            LocalQuality::first_of_each_kind(rejects, &mut before);
            !rejects.is_empty()
        });
    }
}

/// What a thread keeps from block to block.
struct Worker {
    counted: LocalQuality,
    /// Rows of one block by shard, so that each shard is locked once a block.
    rows: Vec<Vec<Row>>,
    /// Where people stand in a shard.
    places: Vec<u32>,
    space: Space,
}
