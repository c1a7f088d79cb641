//! Logging refusals, each once: the ledger's own, and those of the steps before a charge.
//! A refusal names rule, field and code and the policy in force, never a value.

use crate::LedgerError;
use crate::facts;
use crate::log::append;
use crate::policies;
use audit::EntryKind;
use sqlx::SqliteConnection;

/// Logs a refusal, unless the same one of the same request is logged already, and returns its leaf.
pub(crate) async fn log_refusal(
    connection: &mut SqliteConnection,
    request_id: &str,
    request_hash: &[u8; 32],
    [rule, field, code]: [&str; 3],
    now: i64,
) -> Result<i64, LedgerError> {
    let known: Option<(i64,)> = sqlx::query_as(
        "SELECT entry_index FROM refusals \
         WHERE request_id = $1 AND request_hash = $2 AND rule = $3 AND field = $4 AND code = $5",
    )
    .bind(request_id)
    .bind(&request_hash[..])
    .bind(rule)
    .bind(field)
    .bind(code)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some((index,)) = known {
        return Ok(index);
    }
    let in_force = match policies::hash_in_force(&mut *connection).await {
        // After a restoration none is in force until the next one is entered.
        Err(LedgerError::PolicyReplaced) => None,
        in_force => in_force?,
    };
    let policy = in_force.as_deref();
    let facts = facts::refusal(request_id, request_hash, [rule, field, code], policy);
    let index = append(&mut *connection, EntryKind::Refusal, now, facts, b"").await?;
    sqlx::query(
        "INSERT INTO refusals (request_id, request_hash, rule, field, code, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(request_id)
    .bind(&request_hash[..])
    .bind(rule)
    .bind(field)
    .bind(code)
    .bind(index)
    .execute(&mut *connection)
    .await?;
    Ok(index)
}
