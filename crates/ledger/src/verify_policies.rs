//! Verifying policies and what was decided under them, from the log alone: each policy follows from the one before it, each word is an
//! officer's of the policy in force, each charge and reuse was allowed by that policy. What requests are kept for trial is outside the log;
//! that their bytes are those that were signed is checked apart.

use crate::LedgerError;
use crate::acceptance;
use crate::policies::PolicyRow;
use crate::report::Problem;
use crate::requests::ApprovalRow;
use crate::verify::{Log, Stated, check_rows};
use audit::EntryKind;
use protocol::PolicyChain;
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// Kinds of entries whose body the chain reads.
const FOLLOWED: &str = "'policy-change', 'decision', 'charge', 'reuse', 'acceptance'";

pub(crate) async fn check_policies(
    connection: &mut SqliteConnection,
    log: &mut Log,
) -> Result<(), LedgerError> {
    let mut stated = Vec::new();
    for row in &sqlx::query(PolicyRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        let (row, index) = PolicyRow::read(row)?;
        let facts = row.facts();
        stated.push(Stated { index, facts });
    }
    check_rows(log, EntryKind::PolicyChange, stated);
    let mut stated = Vec::new();
    for row in &sqlx::query(ApprovalRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        let (row, index) = ApprovalRow::read(row)?;
        let facts = row.facts();
        stated.push(Stated { index, facts });
    }
    check_rows(log, EntryKind::Decision, stated);

    let text = format!(
        "SELECT b.entry_index, b.body FROM bodies b JOIN entries e ON e.entry_index = b.entry_index WHERE e.kind IN ({FOLLOWED})"
    );
    let bodies: BTreeMap<i64, Vec<u8>> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .fetch_all(connection)
        .await?
        .into_iter()
        .collect();
    let mut chain = PolicyChain::default();
    let mut problems = Vec::new();
    for (index, header) in &log.headers {
        let body = (i64::try_from(*index).ok()).and_then(|index| bodies.get(&index));
        let followed = chain.follow(
            header.kind.as_str(),
            &|name| header.text(name),
            &|name| header.number(name),
            body.map(Vec::as_slice),
        );
        let heads_differ = header.kind == EntryKind::Acceptance
            && followed.is_ok()
            && !chain.accepted().is_some_and(acceptance::has_its_heads);
        if heads_differ {
            problems.push(Problem::ActUnsigned { index: *index });
        }
        if let Err(fault) = followed {
            problems.push(Problem::NotUnderPolicy {
                index: *index,
                fault,
            });
        }
    }
    log.problems.append(&mut problems);
    Ok(())
}
