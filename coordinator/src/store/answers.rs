//! Answers of nodes exactly as they were handed in, and once each.
//! Only answers that passed the signature check are stored.

use crate::CoordinatorError;
use protocol::{Envelope, PublicKey};
use sqlx::SqliteConnection;

/// Stores a verified answer, as [`Envelope::from_bytes`] reads it. It takes the bytes, since they may be many.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn answer_insert(
    connection: &mut SqliteConnection,
    request: &str,
    node_key: &PublicKey,
    payload_hash: &[u8; 32],
    envelope: Vec<u8>,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("INSERT INTO answers (request, node_key, payload_hash, envelope, received_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(request)
        .bind(node_key.to_string())
        .bind(&payload_hash[..])
        .bind(envelope)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// A stored answer with all it is verified against.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// The key that vouched for it.
    pub node_key: PublicKey,
    /// The answer.
    pub envelope: Envelope,
    /// The exact bytes of its request.
    pub request_payload: Vec<u8>,
}

/// The stored answer to a request.
pub async fn answer_by_request(
    connection: &mut SqliteConnection,
    request: &str,
) -> Result<Option<StoredAnswer>, CoordinatorError> {
    let row: Option<(String, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT answers.node_key, answers.envelope, requests.payload FROM answers \
         JOIN requests ON requests.id = answers.request WHERE answers.request = $1",
    )
    .bind(request)
    .fetch_optional(connection)
    .await?;
    row.map(|(key, envelope, request_payload)| {
        let corrupt = |what| CoordinatorError::Corrupt { what };
        Ok(StoredAnswer {
            node_key: PublicKey::from_hex(&key).ok_or(corrupt("node's key"))?,
            envelope: Envelope::from_shared(&envelope.into()).map_err(|_| corrupt("answer"))?,
            request_payload,
        })
    })
    .transpose()
}
