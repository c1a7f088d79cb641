//! Verifying policies and persons' words: every row against its leaf, every leaf against the document or signatures in its body.
//! A policy must name the one before it; what requests are kept for trial is outside the log.

use crate::LedgerError;
use crate::policies::PolicyRow;
use crate::report::Problem;
use crate::requests::ApprovalRow;
use crate::verify::{Log, Stated, check_rows};
use crate::verify_acts::claimed_organisation;
use audit::EntryKind;
use protocol::{Envelope, Officers, PublicKey, VerifiedApproval};
use sqlx::SqliteConnection;

pub(crate) async fn check_policies(
    connection: &mut SqliteConnection,
    log: &mut Log,
) -> Result<(), LedgerError> {
    let mut policies = Vec::new();
    let text = format!("{} ORDER BY entry_index", PolicyRow::SELECT);
    for row in &sqlx::query(sqlx::AssertSqlSafe(text))
        .fetch_all(&mut *connection)
        .await?
    {
        policies.push(PolicyRow::read(row)?);
    }
    let stated = policies.iter().map(|(row, index)| Stated {
        index: *index,
        facts: row.facts(),
    });
    check_rows(log, EntryKind::PolicyChange, stated.collect());
    let mut before = String::new();
    for (row, index) in policies {
        let body = body(&mut *connection, index).await?;
        if row.replaces != before || !row.is_body(&body, claimed_organisation) {
            log.problems.push(Problem::ActUnsigned {
                index: index.unsigned_abs(),
            });
        }
        before = row.policy_hash;
    }

    let mut approvals = Vec::new();
    for row in &sqlx::query(ApprovalRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        approvals.push(ApprovalRow::read(row)?);
    }
    let stated = approvals.iter().map(|(row, index)| Stated {
        index: *index,
        facts: row.facts(),
    });
    check_rows(log, EntryKind::Decision, stated.collect());
    for (row, index) in approvals {
        let body = body(&mut *connection, index).await?;
        if !is_signed(&row, &body) {
            log.problems.push(Problem::ActUnsigned {
                index: index.unsigned_abs(),
            });
        }
    }
    Ok(())
}

fn is_signed(row: &ApprovalRow, body: &[u8]) -> bool {
    let verified = || {
        let envelope: Envelope = serde_json::from_slice(body).ok()?;
        let organisation = claimed_organisation(&envelope)?;
        let signer = PublicKey::from_hex(&row.signer)?;
        VerifiedApproval::verify(&envelope, &Officers::any_of(&[signer]), &organisation).ok()
    };
    verified().is_some_and(|act| ApprovalRow::of(&act, &row.policy_hash).facts() == row.facts())
}

async fn body(connection: &mut SqliteConnection, index: i64) -> Result<Vec<u8>, LedgerError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM bodies WHERE entry_index = $1")
        .bind(index)
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or(Vec::new(), |(body,)| body))
}
