//! Acts by which a node's log goes on from a backup under a new key, and what its earlier key left here.
//! An act is stored as it was signed; whether it is accepted is decided before.

use crate::CoordinatorError;
use protocol::exchange::HeldReceipt;
use protocol::{Envelope, PublicKey, Restoration};
use sqlx::SqliteConnection;

/// Most bytes of one page of receipts, one receipt at least.
const PAGE_BYTES: usize = 4 << 20;
/// Most receipts of one page.
const PAGE: i64 = 64;

/// The act under which the log of `new_key` goes on.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn restoration_by_new_key(
    connection: &mut SqliteConnection,
    organisation: &str,
    new_key: &PublicKey,
) -> Result<Option<Restoration>, CoordinatorError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT envelope FROM restorations WHERE organisation = $1 AND new_key = $2",
    )
    .bind(organisation)
    .bind(new_key.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(|(text,)| {
        let corrupt = || CoordinatorError::Corrupt {
            what: "restoration",
        };
        let envelope: Envelope = serde_json::from_str(&text)?;
        let payload = envelope.unverified_payload().ok_or_else(corrupt)?;
        Ok(serde_json::from_slice(&payload)?)
    })
    .transpose()
}

/// Whether the act's id, or its end of a log, was used before.
pub async fn restoration_is_used(
    connection: &mut SqliteConnection,
    organisation: &str,
    act: &Restoration,
) -> Result<bool, CoordinatorError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM restorations WHERE act_id = $1 OR (organisation = $2 AND (old_key = $3 OR new_key = $4)) LIMIT 1",
    )
    .bind(&act.id)
    .bind(organisation)
    .bind(act.old_key.to_string())
    .bind(act.new_key.to_string())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Stores an accepted act.
pub async fn restoration_insert(
    connection: &mut SqliteConnection,
    act: &Restoration,
    envelope: &Envelope,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO restorations (organisation, new_key, old_key, act_id, envelope, at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&act.organisation)
    .bind(act.new_key.to_string())
    .bind(act.old_key.to_string())
    .bind(&act.id)
    .bind(serde_json::to_string(envelope)?)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the log of `key` ended: an act names it as the one that ended, or another key's log was cosigned after its last
/// checkpoint.
pub async fn log_has_ended(
    connection: &mut SqliteConnection,
    organisation: &str,
    key: &PublicKey,
) -> Result<bool, CoordinatorError> {
    let (ended,): (bool,) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM restorations WHERE organisation = $1 AND old_key = $2) OR COALESCE( \
         (SELECT MAX(at) FROM node_checkpoints WHERE organisation = $1 AND node_key = $2) < \
         (SELECT MAX(at) FROM node_checkpoints WHERE organisation = $1 AND node_key <> $2), FALSE)",
    )
    .bind(organisation)
    .bind(key.to_string())
    .fetch_one(connection)
    .await?;
    Ok(ended)
}

/// The key under which an organisation's log was cosigned last, other than `key`.
pub async fn earlier_key(
    connection: &mut SqliteConnection,
    organisation: &str,
    key: &PublicKey,
) -> Result<Option<PublicKey>, CoordinatorError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT node_key FROM node_checkpoints WHERE organisation = $1 AND node_key <> $2 \
         ORDER BY at DESC, size DESC LIMIT 1",
    )
    .bind(organisation)
    .bind(key.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(|(text,)| {
        PublicKey::from_hex(&text).ok_or(CoordinatorError::Corrupt { what: "node's key" })
    })
    .transpose()
}

/// A page of the answers that a key of the organisation's signed, after a request id, each with its signed request.
pub async fn receipts_after(
    connection: &mut SqliteConnection,
    organisation: &str,
    node_key: &PublicKey,
    after: &str,
) -> Result<Vec<HeldReceipt>, CoordinatorError> {
    let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(
        "SELECT requests.id, requests.envelope, answers.envelope FROM answers \
         JOIN requests ON requests.id = answers.request \
         WHERE requests.organisation = $1 AND answers.node_key = $2 AND answers.request > $3 \
         AND requests.envelope IS NOT NULL ORDER BY answers.request LIMIT $4",
    )
    .bind(organisation)
    .bind(node_key.to_string())
    .bind(after)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    for (request_id, request, answer) in rows {
        bytes += request.len() + answer.len();
        if bytes > PAGE_BYTES && !page.is_empty() {
            break;
        }
        page.push(HeldReceipt {
            request_id,
            request: serde_json::from_str(&request)?,
            answer: protocol::Envelope::from_bytes(&answer)
                .map_err(|_| CoordinatorError::Corrupt { what: "answer" })?,
        });
    }
    Ok(page)
}
