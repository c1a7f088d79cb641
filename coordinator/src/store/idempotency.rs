//! What was answered to a request that spends budget, by the key its sender chose.
//! The same key and body get the same answer; a key stands for one body only.

use crate::CoordinatorError;
use sqlx::SqliteConnection;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// SHA-256 of the body it answered.
    pub body_hash: Vec<u8>,
    /// HTTP status.
    pub status: u16,
    /// The Location header.
    pub location: String,
}

/// What was answered under a key.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn idempotency_find(
    connection: &mut SqliteConnection,
    account: i64,
    key: &str,
) -> Result<Option<Replay>, CoordinatorError> {
    let row: Option<(Vec<u8>, i64, String)> = sqlx::query_as(
        "SELECT body_hash, status, location FROM idempotency_keys WHERE account = $1 AND key = $2",
    )
    .bind(account)
    .bind(key)
    .fetch_optional(connection)
    .await?;
    row.map(|(body_hash, status, location)| {
        Ok(Replay {
            body_hash,
            status: u16::try_from(status)
                .map_err(|_| CoordinatorError::Corrupt { what: "status" })?,
            location,
        })
    })
    .transpose()
}

/// Remembers an answer.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn idempotency_insert(
    connection: &mut SqliteConnection,
    account: i64,
    key: &str,
    replay: &Replay,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO idempotency_keys (account, key, body_hash, status, location, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(account)
    .bind(key)
    .bind(&replay.body_hash)
    .bind(i64::from(replay.status))
    .bind(&replay.location)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
