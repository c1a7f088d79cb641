//! Recomputing the whole ledger: every leaf, the tree, and every table against the leaves.
//! It trusts no column that a leaf also states, and reports what it finds instead of stopping at the first.

use crate::LedgerError;
use crate::caps::year;
use crate::facts::{self, AnswerRow, ChargeRow, Facts, ReuseRow};
use crate::log;
use crate::report::{Problem, Report};
use crate::verify_acts::check_acts;
use crate::verify_policies::check_policies;
use crate::verify_requests::check_requests;
use audit::{Checkpoint, EntryKind, Hash, Header, Tree, body_hash, leaf_hash_of, root};
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// The log as read back: headers by index, and what was wrong with them.
pub(crate) struct Log {
    pub(crate) headers: BTreeMap<u64, Header>,
    leaves: Vec<Hash>,
    pub(crate) problems: Vec<Problem>,
}

/// A row that a leaf must state: where, and with which facts.
pub(crate) struct Stated {
    pub(crate) index: i64,
    pub(crate) facts: Facts,
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
    let erased = check_tombstones(&mut *connection, &mut log).await?;
    let answers = check_answers(&mut *connection, &mut log, &charges, &reuses, &erased).await?;
    check_noise(
        &mut *connection,
        &mut log,
        &charges,
        &reuses,
        &answers,
        &erased,
    )
    .await?;
    let acts = check_acts(&mut *connection, &mut log).await?;
    check_policies(&mut *connection, &mut log).await?;
    check_requests(&mut *connection, &mut log).await?;

    Ok(Report {
        entries: log.leaves.len() as u64,
        root: root(&log.leaves),
        charges: charges.len() as u64,
        spent_nano,
        answers: answers.len() as u64,
        reuses: reuses.len() as u64,
        refusals,
        acts,
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
    let (mut grown, mut subtrees) = (Tree::default(), BTreeMap::new());
    for leaf in &log.leaves {
        subtrees.extend(grown.grow(*leaf));
    }
    let as_stored = log::tree(&mut *connection).await;
    let parts = merkle_log::stored_subtrees(connection).await;
    let fits = match (as_stored, parts.map_err(LedgerError::from)) {
        (Err(LedgerError::Storage(error)), _) | (_, Err(LedgerError::Storage(error))) => {
            return Err(error.into());
        }
        (stored, parts) => {
            stored.is_ok_and(|it| it == grown) && parts.is_ok_and(|it| it == subtrees)
        }
    };
    if !fits {
        log.problems.push(Problem::TreeAltered);
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
pub(crate) fn check_rows(log: &mut Log, kind: EntryKind, rows: Vec<Stated>) {
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
    sqlx::query(facts::SELECT_REUSES)
        .fetch_all(connection)
        .await?
        .iter()
        .map(ReuseRow::read)
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

    let (mut leaves, mut lifetime, mut problems) = (0u128, 0u64, Vec::new());
    let (mut written_off, mut overspent) = (0u128, false);
    for (index, header) in &log.headers {
        match header.kind {
            EntryKind::Charge => {
                leaves += u128::from(header.number("rho").unwrap_or(0));
                overspent |= leaves + written_off > u128::from(lifetime);
                let dated = header
                    .number("year")
                    .and_then(|year| i64::try_from(year).ok());
                let entered = year(header.at).ok();
                // A recovered debit was made before it was entered.
                let fits = match header.number("recovered-by") {
                    Some(by) => dated <= entered && is_restoration(log, by) && by < *index,
                    None => dated == entered,
                };
                if dated.is_none() || !fits {
                    problems.push(Problem::HeaderAltered { index: *index });
                }
            }
            EntryKind::Account => lifetime = header.number("lifetime").unwrap_or(0),
            EntryKind::WriteOff => {
                let by = header.number("restored-by").unwrap_or(u64::MAX);
                if !is_restoration(log, by) || by >= *index {
                    problems.push(Problem::HeaderAltered { index: *index });
                }
                if header.text("part") == Some("year") {
                    written_off += u128::from(header.number("rho").unwrap_or(0));
                    overspent |= leaves + written_off > u128::from(lifetime);
                }
            }
            // A guarantee replaces the cap it names, and only by a higher one.
            EntryKind::BudgetMove if header.text("act") == Some("new-guarantee") => {
                let raised = header.number("lifetime").unwrap_or(0);
                if header.number("lifetime-before") != Some(lifetime) || raised <= lifetime {
                    problems.push(Problem::ActUnsigned { index: *index });
                }
                lifetime = raised;
            }
            _ => {}
        }
    }
    log.problems.append(&mut problems);
    let rows = charges
        .iter()
        .map(|(row, _)| i128::from(row.rho))
        .sum::<i128>();
    if u128::try_from(rows) != Ok(leaves) {
        log.problems.push(Problem::TotalDiffers { rows, leaves });
    }
    if overspent {
        log.problems.push(Problem::Overspent);
    }
    Ok(leaves + written_off)
}

fn is_restoration(log: &Log, index: u64) -> bool {
    (log.headers.get(&index)).is_some_and(|header| header.kind == EntryKind::Restoration)
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
    let stated = (rows.into_iter())
        .map(|(request_id, hash, rule, field, code, index)| {
            let header = (u64::try_from(index).ok()).and_then(|index| log.headers.get(&index));
            let policy = header.and_then(|header| header.text("policy-hash"));
            let facts = facts::refusal(&request_id, &hash, [&rule, &field, &code], policy);
            Stated { index, facts }
        })
        .collect();
    check_rows(log, EntryKind::Refusal, stated);
    Ok(count)
}

/// Checks tombstones, and returns the requests whose answers were erased, with the hash each had.
async fn check_tombstones(
    connection: &mut SqliteConnection,
    log: &mut Log,
) -> Result<BTreeMap<String, Vec<u8>>, LedgerError> {
    let rows: Vec<(String, Vec<u8>, i64)> =
        sqlx::query_as("SELECT request_id, answer_hash, entry_index FROM tombstones")
            .fetch_all(connection)
            .await?;
    let stated = rows.iter().map(|(request_id, hash, index)| Stated {
        index: *index,
        facts: facts::tombstone(request_id, hash),
    });
    check_rows(log, EntryKind::Tombstone, stated.collect());
    Ok(rows
        .into_iter()
        .map(|(request_id, hash, _)| (request_id, hash))
        .collect())
}

/// Checks answers against their leaves, their bytes and what allowed them.
async fn check_answers(
    connection: &mut SqliteConnection,
    log: &mut Log,
    charges: &[(ChargeRow, i64)],
    reuses: &[(ReuseRow, i64)],
    erased: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<AnswerRow>, LedgerError> {
    let charged = charges
        .iter()
        .map(|(row, index)| (row.request_id.as_str(), *index));
    let reused = reuses
        .iter()
        .map(|(row, index)| (row.request_id.as_str(), *index));
    let allowed: BTreeMap<&str, i64> = charged.chain(reused).collect();
    let rows = sqlx::query(
        "SELECT request_id, allowed_by, answer_hash, noise_hash, sealed, entry_index FROM answers",
    )
    .fetch_all(connection)
    .await?;
    let (mut answers, mut stated) = (Vec::new(), Vec::new());
    for row in &rows {
        let answer = AnswerRow {
            request_id: row.try_get(0)?,
            allowed_by: row.try_get(1)?,
            answer_hash: row.try_get(2)?,
            noise_hash: row.try_get(3)?,
        };
        let (sealed, index): (&[u8], i64) = (row.try_get(4)?, row.try_get(5)?);
        let request_id = answer.request_id.clone();
        if allowed.get(&*request_id) != Some(&answer.allowed_by) || answer.allowed_by >= index {
            log.problems.push(Problem::AnswerUncharged { request_id });
        } else if !is_whole(sealed, &answer.answer_hash, erased.get(&request_id)) {
            log.problems.push(Problem::AnswerAltered { request_id });
        }
        stated.push(Stated {
            index,
            facts: answer.facts(),
        });
        answers.push(answer);
    }
    check_rows(log, EntryKind::Answer, stated);
    Ok(answers)
}

/// Whether stored bytes are those of the hash, or gone with a tombstone that names the hash.
fn is_whole(bytes: &[u8], hash: &[u8], erased: Option<&Vec<u8>>) -> bool {
    match erased {
        Some(was) => bytes.is_empty() && was == hash,
        None => protocol::sha256(bytes) == hash,
    }
}

/// Checks that stored noise is what its answer's leaf states, that every answered charge left noise to reuse
/// (or the question would be charged again), and that every reuse took the noise it names.
async fn check_noise(
    connection: &mut SqliteConnection,
    log: &mut Log,
    charges: &[(ChargeRow, i64)],
    reuses: &[(ReuseRow, i64)],
    answers: &[AnswerRow],
    erased: &BTreeMap<String, Vec<u8>>,
) -> Result<(), LedgerError> {
    let charged: BTreeMap<&str, &ChargeRow> = charges
        .iter()
        .map(|(row, _)| (row.request_id.as_str(), row))
        .collect();
    let hashes: BTreeMap<&str, &[u8]> = answers
        .iter()
        .map(|row| (row.request_id.as_str(), &row.noise_hash[..]))
        .collect();
    let mut altered = |request_id: &str| {
        let request_id = request_id.to_owned();
        log.problems.push(Problem::NoiseAltered { request_id });
    };
    let rows = sqlx::query("SELECT request_id, query_hash, dataset, edition, body FROM noise")
        .fetch_all(connection)
        .await?;
    let mut stored = BTreeSet::new();
    for row in &rows {
        let (request_id, query_hash, dataset, edition, body): (&str, &[u8], &str, i64, &[u8]) = (
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
            row.try_get(4)?,
        );
        let paid = charged.get(request_id).is_some_and(|charge| {
            charge.query_hash == query_hash
                && charge.dataset == dataset
                && charge.edition == edition
        });
        let whole = match erased.contains_key(request_id) {
            true => body.is_empty(),
            false => hashes.get(request_id) == Some(&&protocol::sha256(body)[..]),
        };
        if !paid || !whole {
            altered(request_id);
        }
        stored.insert((query_hash, dataset, edition));
    }
    for answer in answers {
        let lost = charged.get(&*answer.request_id).is_some_and(|charge| {
            !stored.contains(&(&charge.query_hash[..], &*charge.dataset, charge.edition))
        });
        if lost {
            altered(&answer.request_id);
        }
    }
    for (reuse, _) in reuses {
        let source = hashes.get(&*reuse.noise_request_id);
        let own = hashes.get(&*reuse.request_id);
        if source.is_none() || own.is_some_and(|own| Some(own) != source) {
            altered(&reuse.noise_request_id);
        }
    }
    Ok(())
}
