//! Higher lifetime caps that organisations promised, exactly as they were signed, and once each.

use crate::CoordinatorError;
use protocol::{Envelope, NewGuarantee};
use sqlx::SqliteConnection;

/// Stores a guarantee; returns whether it is new.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn guarantee_insert(
    connection: &mut SqliteConnection,
    act: &NewGuarantee,
    envelope: &Envelope,
    now: i64,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO guarantees (act_id, organisation, envelope, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (act_id) DO NOTHING",
    )
    .bind(&act.id)
    .bind(&act.organisation)
    .bind(serde_json::to_string(envelope)?)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
