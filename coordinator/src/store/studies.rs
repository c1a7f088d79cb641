//! Studies exactly as their requester signed them.
//! The first text of an id stays; another text of the same id is refused, not stored.

use crate::CoordinatorError;
use protocol::{Envelope, Study};
use sqlx::SqliteConnection;

/// A stored study.
#[derive(Clone, Debug)]
pub struct StoredStudy {
    /// SHA-256 of its signed bytes, hex.
    pub hash: String,
    /// What it says.
    pub study: Study,
    /// As it was signed.
    pub envelope: Envelope,
}

fn study((hash, envelope): (String, String)) -> Result<StoredStudy, CoordinatorError> {
    let envelope: Envelope = serde_json::from_str(&envelope)?;
    let payload = envelope
        .unverified_payload()
        .ok_or(CoordinatorError::Corrupt { what: "study" })?;
    // What was verified when it came in is what its hash still says.
    if protocol::hex(&protocol::sha256(&payload)) != hash {
        return Err(CoordinatorError::Corrupt { what: "study" });
    }
    Ok(StoredStudy {
        hash,
        study: serde_json::from_slice(&payload)?,
        envelope,
    })
}

/// All studies, by id.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn studies(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredStudy>, CoordinatorError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT hash, envelope FROM studies ORDER BY id")
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(study).collect()
}

/// When each study was handed in: id, Unix seconds.
pub async fn study_times(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, i64)>, CoordinatorError> {
    Ok(
        sqlx::query_as("SELECT id, added_at FROM studies ORDER BY id")
            .fetch_all(connection)
            .await?,
    )
}

/// Identifiers of all studies.
pub async fn study_ids(connection: &mut SqliteConnection) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT id FROM studies ORDER BY id")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// One study.
pub async fn study_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<StoredStudy>, CoordinatorError> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT hash, envelope FROM studies WHERE id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    row.map(study).transpose()
}

/// Stores a study that has been verified.
pub async fn study_insert(
    connection: &mut SqliteConnection,
    study: &Study,
    hash: &str,
    envelope: &Envelope,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO studies (id, hash, requester, envelope, added_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&study.id)
    .bind(hash)
    .bind(&study.requester)
    .bind(serde_json::to_string(envelope)?)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
