//! Streams a register into shards on several threads, a block of lines at a time.
//! Blocks are read in order and counted in any; what is listed of bad rows is put back into the order of the register.

use crate::csv_source::{self, Layout, Outcome};
use crate::error::SnapshotError;
use crate::keys::NodeKey;
use crate::line::{Block, Blocks, Splitter};
use crate::mapping::{Field, Mapping};
use crate::parallel::on_threads;
use crate::quality::{LISTED_REJECTS, LocalQuality, Reject, RejectKind};
use crate::row::Row;
use crate::shard::Shard;
use foldhash::fast::FixedState;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Many more than threads, so that two rarely want the same one, and that one of them is small. Part of the order of
/// people in a snapshot.
const SHARDS: usize = 256;

/// What all rows together say.
pub(crate) struct Gathered {
    pub(crate) shards: Vec<Shard>,
    pub(crate) quality: LocalQuality,
}

/// Reads a register to its end.
pub(crate) fn gather(
    mapping: &Mapping,
    register: impl Read + Send,
    key: &NodeKey,
    threads: usize,
) -> Result<Gathered, SnapshotError> {
    let (layout, blocks, first, start) = csv_source::open(register, mapping)?;
    let gathering = Gathering {
        mapping,
        layout,
        hasher: FixedState::with_seed(key.shards()),
        source: Mutex::new(Source {
            blocks,
            first: Some((first, start)),
        }),
        shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        rejects: Mutex::default(),
    };
    let parts = on_threads(0..threads.max(1), |_| gathering.work());
    let mut quality = LocalQuality::default();
    for part in parts {
        quality.add(part?);
    }
    let rejects = unlocked(gathering.rejects.into_inner());
    quality.rejects = rejects
        .into_values()
        .flatten()
        .take(LISTED_REJECTS)
        .collect();
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

/// Blocks still to be read. The first one was read for the header, which ends at the given byte.
struct Source<R> {
    blocks: Blocks<R>,
    first: Option<(Block, usize)>,
}

/// What threads share.
struct Gathering<'m, R> {
    mapping: &'m Mapping,
    layout: Layout<'m>,
    /// Chooses the shard of a person, by the node's key, so that the order of rows does not matter.
    hasher: FixedState,
    source: Mutex<Source<R>>,
    shards: Vec<Mutex<Shard>>,
    /// By number of the block: the first [`LISTED_REJECTS`] of the register are among them.
    rejects: Mutex<BTreeMap<usize, Vec<Reject>>>,
}

impl<R: Read + Send> Gathering<'_, R> {
    /// Reads blocks until there are no more; returns what was counted, the list of rejects aside.
    fn work(&self) -> Result<LocalQuality, SnapshotError> {
        let mut worker = Worker {
            counted: LocalQuality::default(),
            rows: (0..SHARDS).map(|_| Vec::new()).collect(),
            places: Vec::new(),
            splitter: Splitter::default(),
            ignored: Vec::new(),
        };
        let mut block = Block::default();
        loop {
            let start = {
                let mut source = lock(&self.source);
                match source.first.take() {
                    Some((first, start)) => {
                        block = first;
                        start
                    }
                    None if !source
                        .blocks
                        .next(&mut block)
                        .map_err(SnapshotError::Register)? =>
                    {
                        return Ok(worker.counted);
                    }
                    None => 0,
                }
            };
            self.read(&mut worker, &block, start);
        }
    }

    fn read(&self, worker: &mut Worker, block: &Block, start: usize) {
        // The header is the first line of the first block.
        let mut line_number = block.lines_before + u64::from(block.number == 0);
        let column = |field: Option<Field>| {
            field
                .and_then(|field| self.mapping.column(field))
                .unwrap_or_default()
        };
        let quality = &mut worker.counted;
        for line in block.lines(start) {
            line_number += 1;
            let (splitter, ignored) = (&mut worker.splitter, &mut worker.ignored);
            match self.layout.read(line, splitter, ignored) {
                None => continue,
                Some(Outcome::Unlinked { missing: true }) => quality.unlinked_missing += 1,
                Some(Outcome::Unlinked { missing: false }) => quality.unlinked_invalid += 1,
                Some(Outcome::Rejected {
                    column: field,
                    kind,
                }) => {
                    quality.rejected += 1;
                    quality.note(line_number, column(field), kind);
                }
                Some(Outcome::Row(row)) => {
                    quality.loaded += 1;
                    // The hash's high bits; the maps inside the shards use the others.
                    let shard = self.hasher.hash_one(row.code) >> 32;
                    worker.rows[shard as usize % SHARDS].push(row);
                    for &(field, kind) in &worker.ignored {
                        quality.fields_ignored += 1;
                        quality.note(line_number, column(Some(field)), kind);
                    }
                }
            }
            quality.rows += 1;
        }
        let rejects = std::mem::take(&mut quality.rejects);
        if !rejects.is_empty() {
            self.list(block.number, rejects);
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
        let mut before = 0;
        all.retain(|_, rejects| {
            let listed = before < LISTED_REJECTS;
            before += rejects.len();
            listed
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
    splitter: Splitter,
    ignored: Vec<(Field, RejectKind)>,
}
