//! Countersignatures of data protection officers to studies.
//! A consent is to one text of a study; it was verified against an officer's key before it came here.

use crate::CoordinatorError;
use protocol::Envelope;
use sqlx::SqliteConnection;

/// Which organisations' officers countersigned which study: pairs of study and organisation.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn consents(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String)>, CoordinatorError> {
    Ok(
        sqlx::query_as("SELECT study, organisation FROM consents ORDER BY study, organisation")
            .fetch_all(connection)
            .await?,
    )
}

/// When each countersignature was signed: study, organisation, Unix seconds.
pub async fn consent_times(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String, i64)>, CoordinatorError> {
    Ok(sqlx::query_as(
        "SELECT study, organisation, signed_at FROM consents ORDER BY study, organisation",
    )
    .fetch_all(connection)
    .await?)
}

/// Every countersignature as it was signed: study, organisation, envelope.
pub async fn consent_envelopes(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String, String)>, CoordinatorError> {
    Ok(sqlx::query_as(
        "SELECT study, organisation, envelope FROM consents ORDER BY study, organisation",
    )
    .fetch_all(connection)
    .await?)
}

/// The organisations whose officers countersigned a study.
pub async fn consents_of_study(
    connection: &mut SqliteConnection,
    study: &str,
) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT organisation FROM consents WHERE study = $1 ORDER BY organisation")
            .bind(study)
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(organisation,)| organisation)
        .collect())
}

/// Stores a consent; false where there was one.
pub async fn consent_insert(
    connection: &mut SqliteConnection,
    study: &str,
    organisation: &str,
    envelope: &Envelope,
    signed_at: i64,
    now: i64,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO consents (study, organisation, envelope, signed_at, received_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (study, organisation) DO NOTHING",
    )
    .bind(study)
    .bind(organisation)
    .bind(serde_json::to_string(envelope)?)
    .bind(signed_at)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether exactly this countersignature is stored.
pub async fn consent_is_stored(
    connection: &mut SqliteConnection,
    study: &str,
    organisation: &str,
    envelope: &Envelope,
) -> Result<bool, CoordinatorError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM consents WHERE study = $1 AND organisation = $2 AND envelope = $3",
    )
    .bind(study)
    .bind(organisation)
    .bind(serde_json::to_string(envelope)?)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}
