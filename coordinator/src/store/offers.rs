//! What organisations offer: the latest signed version of each, exactly as it was signed.

use crate::CoordinatorError;
use protocol::Envelope;
use sqlx::{Row, SqliteConnection};

/// A stored offer.
#[derive(Clone, Debug)]
pub struct StoredOffer {
    /// Whose it is.
    pub organisation: String,
    /// Its version.
    pub revision: u64,
    /// As it was signed.
    pub envelope: Envelope,
    /// When it came in, Unix seconds.
    pub at: i64,
}

/// Stores an offer unless the same or a later version is there; returns whether it was stored.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn offer_replace(
    connection: &mut SqliteConnection,
    offer: &StoredOffer,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO offers (organisation, revision, envelope, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organisation) DO UPDATE SET revision = excluded.revision, envelope = excluded.envelope, at = excluded.at \
         WHERE excluded.revision > offers.revision",
    )
    .bind(&offer.organisation)
    .bind(i64::try_from(offer.revision).unwrap_or(i64::MAX))
    .bind(serde_json::to_string(&offer.envelope)?)
    .bind(offer.at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// All offers, by organisation.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn offers(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredOffer>, CoordinatorError> {
    let rows = sqlx::query(
        "SELECT organisation, revision, envelope, at FROM offers ORDER BY organisation",
    )
    .fetch_all(connection)
    .await?;
    let corrupt = || CoordinatorError::Corrupt { what: "offer" };
    rows.iter()
        .map(|row| {
            let (revision, envelope): (i64, String) = (row.try_get(1)?, row.try_get(2)?);
            Ok(StoredOffer {
                organisation: row.try_get(0)?,
                revision: u64::try_from(revision).map_err(|_| corrupt())?,
                envelope: serde_json::from_str(&envelope).map_err(|_| corrupt())?,
                at: row.try_get(3)?,
            })
        })
        .collect()
}
