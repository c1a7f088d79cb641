//! Answers of nodes exactly as they were handed in, and once each.
//! Only answers that passed the signature check are stored.

use crate::CoordinatorError;
use protocol::{Envelope, PublicKey};
use sqlx::SqliteConnection;

/// SHA-256 of the answer stored for a request.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn answer_payload_hash(
    connection: &mut SqliteConnection,
    request: &str,
) -> Result<Option<Vec<u8>>, CoordinatorError> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT payload_hash FROM answers WHERE request = $1")
            .bind(request)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(hash,)| hash))
}

/// Stores a verified answer.
pub async fn answer_insert(
    connection: &mut SqliteConnection,
    request: &str,
    node_key: &PublicKey,
    payload_hash: &[u8; 32],
    envelope: &Envelope,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("INSERT INTO answers (request, node_key, payload_hash, envelope, received_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(request)
        .bind(node_key.to_string())
        .bind(&payload_hash[..])
        .bind(serde_json::to_vec(envelope)?)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// The stored answer to a request, with the key that vouched for it.
pub async fn answer_by_request(
    connection: &mut SqliteConnection,
    request: &str,
) -> Result<Option<(PublicKey, Envelope)>, CoordinatorError> {
    let row: Option<(String, Vec<u8>)> =
        sqlx::query_as("SELECT node_key, envelope FROM answers WHERE request = $1")
            .bind(request)
            .fetch_optional(connection)
            .await?;
    row.map(|(key, envelope)| {
        let key =
            PublicKey::from_hex(&key).ok_or(CoordinatorError::Corrupt { what: "node's key" })?;
        Ok((key, serde_json::from_slice(&envelope)?))
    })
    .transpose()
}
