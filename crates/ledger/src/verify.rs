//! Recomputing the whole ledger: every leaf, the tree, and every table against the leaves.
//! It trusts no column that a leaf also states, and reports what it finds instead of stopping at the first.

use crate::LedgerError;
use crate::caps::year;
use crate::facts::{self, ChargeRow, Facts, ReuseRow};
use crate::log;
use audit::{Checkpoint, EntryKind, Hash, Header, Tree, body_hash, leaf_hash_of, root};
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Number of entries.
    pub entries: u64,
    /// Root recomputed from them.
    pub root: Hash,
    /// Number of debits.
    pub charges: u64,
    /// Sum of the debits' leaves, in nano-rho.
    pub spent_nano: u128,
    /// Number of stored answers.
    pub answers: u64,
    /// Number of reuses.
    pub reuses: u64,
    /// Number of refusals.
    pub refusals: u64,
    /// Everything that is not as it must be; empty for a sound ledger.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Entries are missing, or numbered wrongly.
    #[error("entry {index} is missing")]
    EntryMissing {
        /// Where the numbering breaks.
        index: u64,
    },
    /// The header is not canonical or disagrees with its row.
    #[error("the header of entry {index} was altered")]
    HeaderAltered {
        /// The entry.
        index: u64,
    },
    /// The leaf hash is not that of header and body hash.
    #[error("the leaf of entry {index} was altered")]
    LeafAltered {
        /// The entry.
        index: u64,
    },
    /// The body is missing or does not have its hash.
    #[error("the body of entry {index} was altered")]
    BodyAltered {
        /// The entry.
        index: u64,
    },
    /// The stored tree is not the tree of the entries.
    #[error("the stored tree does not fit the entries")]
    TreeAltered,
    /// A row disagrees with its leaf, or has none.
    #[error("a {kind} row does not fit the log at entry {index}")]
    RowAltered {
        /// The kind of row.
        kind: &'static str,
        /// The entry it names.
        index: i64,
    },
    /// A leaf has no row.
    #[error("the {kind} of entry {index} has no row")]
    RowMissing {
        /// The kind of row.
        kind: &'static str,
        /// The entry.
        index: u64,
    },
    /// The sum of the ledger's debits is not that of the log's.
    #[error("the ledger's total {rows} is not the log's {leaves} (nano-rho)")]
    TotalDiffers {
        /// Sum over rows.
        rows: i128,
        /// Sum over leaves.
        leaves: u128,
    },
    /// More was debited than the lifetime cap allows.
    #[error("more was debited than the lifetime cap")]
    Overspent,
    /// An answer without an earlier charge or reuse of its request.
    #[error("the answer to request {request_id} has neither charge nor reuse")]
    AnswerUncharged {
        /// The request.
        request_id: String,
    },
    /// A stored answer's bytes do not have the logged hash.
    #[error("the stored answer to request {request_id} was altered")]
    AnswerAltered {
        /// The request.
        request_id: String,
    },
    /// Stored noise does not have the hash that its answer's leaf states.
    #[error("the stored noise of request {request_id} was altered")]
    NoiseAltered {
        /// The request.
        request_id: String,
    },
    /// The log does not extend a checkpoint: it was rewritten, cut or forked.
    #[error("the log does not extend its checkpoint at {size}")]
    CheckpointContradicted {
        /// Size of that checkpoint.
        size: u64,
    },
}

/// The log as read back: headers by index, and what was wrong with them.
struct Log {
    headers: BTreeMap<u64, Header>,
    leaves: Vec<Hash>,
    problems: Vec<Problem>,
}

/// A row that a leaf must state: where, and with which facts.
struct Stated {
    index: i64,
    facts: Facts,
}

pub(crate) async fn verify(
    connection: &mut SqliteConnection,
    held: &[Checkpoint],
) -> Result<Report, LedgerError> {
    let mut log = read_log(&mut *connection).await?;
    check_tree(&mut *connection, &mut log).await?;
    check_checkpoints(&mut *connection, &mut log, held).await?;

    let charges = read_charges(&mut *connection).await?;
    let reuses = read_reuses(&mut *connection).await?;
    let spent_nano = check_charges(&mut *connection, &mut log, &charges).await?;
    let stated = reuses.iter().map(|(row, index)| Stated {
        index: *index,
        facts: row.facts(),
    });
    check_rows(&mut log, EntryKind::Reuse, stated.collect());
    let refusals = check_refusals(&mut *connection, &mut log).await?;
    let answers = check_answers(&mut *connection, &mut log, &charges, &reuses).await?;

    Ok(Report {
        entries: log.leaves.len() as u64,
        root: root(&log.leaves),
        charges: charges.len() as u64,
        spent_nano,
        answers,
        reuses: reuses.len() as u64,
        refusals,
        problems: log.problems,
    })
}

async fn read_log(connection: &mut SqliteConnection) -> Result<Log, LedgerError> {
    let mut bodies: BTreeMap<i64, (Vec<u8>, Vec<u8>)> =
        sqlx::query_as::<_, (i64, Vec<u8>, Vec<u8>)>("SELECT entry_index, salt, body FROM bodies")
            .fetch_all(&mut *connection)
            .await?
            .into_iter()
            .map(|(index, salt, body)| (index, (salt, body)))
            .collect();
    let rows = sqlx::query(
        "SELECT entry_index, kind, at, header, body_hash, leaf_hash FROM entries ORDER BY entry_index",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut log = Log {
        headers: BTreeMap::new(),
        leaves: Vec::new(),
        problems: Vec::new(),
    };
    for (index, row) in (0u64..).zip(&rows) {
        let (stored, kind, at, header): (i64, &str, i64, &str) = (
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        );
        let (body_hash_stored, leaf_stored): (&[u8], &[u8]) = (row.try_get(4)?, row.try_get(5)?);
        if u64::try_from(stored) != Ok(index) {
            log.problems.push(Problem::EntryMissing { index });
            break;
        }
        match Header::parse(header) {
            Ok(parsed)
                if parsed.index == index && parsed.kind.as_str() == kind && parsed.at == at =>
            {
                log.headers.insert(index, parsed);
            }
            _ => log.problems.push(Problem::HeaderAltered { index }),
        }
        let body_hash_stored = <Hash>::try_from(body_hash_stored).unwrap_or_default();
        let leaf = leaf_hash_of(header, &body_hash_stored);
        if leaf_stored != leaf {
            log.problems.push(Problem::LeafAltered { index });
        }
        log.leaves.push(leaf);
        let intact = bodies.remove(&stored).is_some_and(|(salt, body)| {
            salt.try_into()
                .is_ok_and(|salt| body_hash(&salt, &body) == body_hash_stored)
        });
        if !intact {
            log.problems.push(Problem::BodyAltered { index });
        }
    }
    for index in bodies.into_keys() {
        log.problems.push(Problem::RowAltered {
            kind: "body",
            index,
        });
    }
    Ok(log)
}

async fn check_tree(connection: &mut SqliteConnection, log: &mut Log) -> Result<(), LedgerError> {
    let mut grown = Tree::default();
    for leaf in &log.leaves {
        grown.append(*leaf);
    }
    match log::tree(connection).await {
        Ok(stored) if stored == grown => {}
        Err(LedgerError::Storage(error)) => return Err(error.into()),
        _ => log.problems.push(Problem::TreeAltered),
    }
    Ok(())
}

async fn check_checkpoints(
    connection: &mut SqliteConnection,
    log: &mut Log,
    held: &[Checkpoint],
) -> Result<(), LedgerError> {
    let rows: Vec<(i64, String)> = sqlx::query_as("SELECT size, checkpoint FROM cosignatures")
        .fetch_all(connection)
        .await?;
    let mut heads = held.to_vec();
    for (size, text) in rows {
        match Checkpoint::parse(&text) {
            Ok(head) if u64::try_from(size) == Ok(head.size) => heads.push(head),
            _ => log.problems.push(Problem::RowAltered {
                kind: "cosignature",
                index: size,
            }),
        }
    }
    for head in heads {
        let extended = usize::try_from(head.size)
            .ok()
            .and_then(|size| log.leaves.get(..size))
            .is_some_and(|leaves| root(leaves) == head.root);
        if !extended {
            log.problems
                .push(Problem::CheckpointContradicted { size: head.size });
        }
    }
    Ok(())
}

/// Each row has the leaf it names, with exactly its facts; each leaf of the kind has exactly one row.
fn check_rows(log: &mut Log, kind: EntryKind, rows: Vec<Stated>) {
    let mut seen = BTreeSet::new();
    for row in rows {
        let index = u64::try_from(row.index).ok();
        let fits = index.is_some_and(|index| {
            seen.insert(index)
                && log
                    .headers
                    .get(&index)
                    .is_some_and(|header| header.kind == kind && header.facts == row.facts)
        });
        if !fits {
            log.problems.push(Problem::RowAltered {
                kind: kind.as_str(),
                index: row.index,
            });
        }
    }
    for (index, header) in &log.headers {
        if header.kind == kind && !seen.contains(index) {
            log.problems.push(Problem::RowMissing {
                kind: kind.as_str(),
                index: *index,
            });
        }
    }
}

async fn read_charges(
    connection: &mut SqliteConnection,
) -> Result<Vec<(ChargeRow, i64)>, LedgerError> {
    sqlx::query(facts::SELECT_CHARGES)
        .fetch_all(connection)
        .await?
        .iter()
        .map(ChargeRow::read)
        .collect()
}

async fn read_reuses(
    connection: &mut SqliteConnection,
) -> Result<Vec<(ReuseRow, i64)>, LedgerError> {
    sqlx::query(
        "SELECT request_id, request_hash, noise_request_id, study, purpose, policy_hash, entry_index FROM reuses",
    )
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        let reuse = ReuseRow {
            request_id: row.try_get(0)?,
            request_hash: row.try_get(1)?,
            noise_request_id: row.try_get(2)?,
            study: row.try_get(3)?,
            purpose: row.try_get(4)?,
            policy_hash: row.try_get(5)?,
        };
        Ok((reuse, row.try_get(6)?))
    })
    .collect()
}

/// Checks debits and account, and returns the sum over the debits' leaves.
async fn check_charges(
    connection: &mut SqliteConnection,
    log: &mut Log,
    charges: &[(ChargeRow, i64)],
) -> Result<u128, LedgerError> {
    let stated = charges.iter().map(|(row, index)| Stated {
        index: *index,
        facts: row.facts(),
    });
    check_rows(log, EntryKind::Charge, stated.collect());
    let accounts: Vec<(i64, i64, i64)> =
        sqlx::query_as("SELECT id, lifetime, entry_index FROM account")
            .fetch_all(connection)
            .await?;
    let stated = accounts.iter().map(|(id, lifetime, index)| Stated {
        // The account that the ledger reads is number one; another number has no leaf.
        index: if *id == 1 { *index } else { -1 },
        facts: facts::account(*lifetime),
    });
    check_rows(log, EntryKind::Account, stated.collect());

    let (mut leaves, mut lifetime, mut misdated) = (0u128, None, Vec::new());
    for (index, header) in &log.headers {
        match header.kind {
            EntryKind::Charge => {
                leaves += u128::from(header.number("rho").unwrap_or(0));
                let dated = header
                    .number("year")
                    .and_then(|year| i64::try_from(year).ok());
                if dated.is_none() || dated != year(header.at).ok() {
                    misdated.push(Problem::HeaderAltered { index: *index });
                }
            }
            EntryKind::Account => lifetime = header.number("lifetime"),
            _ => {}
        }
    }
    log.problems.append(&mut misdated);
    let rows = charges
        .iter()
        .map(|(row, _)| i128::from(row.rho))
        .sum::<i128>();
    if u128::try_from(rows) != Ok(leaves) {
        log.problems.push(Problem::TotalDiffers { rows, leaves });
    }
    if leaves > u128::from(lifetime.unwrap_or(0)) {
        log.problems.push(Problem::Overspent);
    }
    Ok(leaves)
}

async fn check_refusals(
    connection: &mut SqliteConnection,
    log: &mut Log,
) -> Result<u64, LedgerError> {
    let rows: Vec<(String, Vec<u8>, String, String, String, i64)> = sqlx::query_as(
        "SELECT request_id, request_hash, rule, field, code, entry_index FROM refusals",
    )
    .fetch_all(connection)
    .await?;
    let count = rows.len() as u64;
    let stated = rows
        .into_iter()
        .map(|(request_id, hash, rule, field, code, index)| Stated {
            index,
            facts: facts::refusal(&request_id, &hash, &rule, &field, &code),
        });
    check_rows(log, EntryKind::Refusal, stated.collect());
    Ok(count)
}

/// Checks answers and noise, and returns the number of answers.
async fn check_answers(
    connection: &mut SqliteConnection,
    log: &mut Log,
    charges: &[(ChargeRow, i64)],
    reuses: &[(ReuseRow, i64)],
) -> Result<u64, LedgerError> {
    let charged: BTreeMap<&str, (&ChargeRow, i64)> = charges
        .iter()
        .map(|(row, index)| (row.request_id.as_str(), (row, *index)))
        .collect();
    let allowed: BTreeMap<&str, i64> = charges
        .iter()
        .map(|(row, index)| (row.request_id.as_str(), *index))
        .chain(
            reuses
                .iter()
                .map(|(row, index)| (row.request_id.as_str(), *index)),
        )
        .collect();
    let rows: Vec<(String, Vec<u8>, Vec<u8>, Vec<u8>, i64, i64)> = sqlx::query_as(
        "SELECT request_id, sealed, answer_hash, noise_hash, allowed_by, entry_index FROM answers",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut noise_hashes = BTreeMap::new();
    let mut stated = Vec::new();
    for (request_id, sealed, answer_hash, noise_hash, allowed_by, index) in &rows {
        if protocol::sha256(sealed) != answer_hash[..] {
            log.problems.push(Problem::AnswerAltered {
                request_id: request_id.clone(),
            });
        }
        if allowed.get(request_id.as_str()) != Some(allowed_by) || allowed_by >= index {
            log.problems.push(Problem::AnswerUncharged {
                request_id: request_id.clone(),
            });
        }
        noise_hashes.insert(request_id.as_str(), noise_hash);
        let facts = facts::answer(request_id, *allowed_by, answer_hash, noise_hash);
        stated.push(Stated {
            index: *index,
            facts,
        });
    }
    check_rows(log, EntryKind::Answer, stated);

    let noise: Vec<(String, Vec<u8>, String, i64, Vec<u8>)> =
        sqlx::query_as("SELECT request_id, query_hash, dataset, edition, body FROM noise")
            .fetch_all(connection)
            .await?;
    let mut stored = BTreeSet::new();
    for (request_id, query_hash, dataset, edition, body) in &noise {
        let paid = charged.get(request_id.as_str()).is_some_and(|(row, _)| {
            row.query_hash == *query_hash && row.dataset == *dataset && row.edition == *edition
        });
        let intact = noise_hashes
            .get(request_id.as_str())
            .is_some_and(|hash| hash[..] == protocol::sha256(body));
        if !paid || !intact {
            log.problems.push(Problem::NoiseAltered {
                request_id: request_id.clone(),
            });
        }
        stored.insert((query_hash, dataset, *edition));
    }
    // Whatever was charged and answered can be reused: else a deleted row would have it charged again.
    for (request_id, ..) in &rows {
        let Some((row, _)) = charged.get(request_id.as_str()) else {
            continue;
        };
        if !stored.contains(&(&row.query_hash, &row.dataset, row.edition)) {
            log.problems.push(Problem::NoiseAltered {
                request_id: request_id.clone(),
            });
        }
    }
    for (row, _) in reuses {
        let (source, own) = (
            noise_hashes.get(row.noise_request_id.as_str()),
            noise_hashes.get(row.request_id.as_str()),
        );
        if source.is_none() || own.is_some_and(|own| Some(own) != source) {
            log.problems.push(Problem::NoiseAltered {
                request_id: row.noise_request_id.clone(),
            });
        }
    }
    Ok(rows.len() as u64)
}
