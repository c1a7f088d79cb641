//! What releases owe the organisations in them: who may see each, below what its numbers are not shown, and until when it is kept.
//! A row is written with its release and never changed.

use crate::CoordinatorError;
use protocol::{Audience, Obligations};
use sqlx::SqliteConnection;

/// Study, audience, display minimum, last second.
type Row = (String, Option<String>, Option<i64>, Option<i64>);

/// What one release owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseTerms {
    /// The study it was asked in.
    pub study: String,
    /// Who may see it.
    pub audience: Audience,
    /// Numbers below it are shown as "fewer than".
    pub display_minimum: u32,
    /// The last second it is kept, Unix seconds; `None` where nobody asked for an end.
    pub keep_until: Option<i64>,
}

/// Writes what a release owes from `released_at` on.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn terms_insert(
    connection: &mut SqliteConnection,
    release: &str,
    owed: &Obligations,
    keep_until: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO release_terms (release, display_minimum, audience, keep_until) VALUES ($1, $2, $3, $4)",
    )
    .bind(release)
    .bind(i64::from(owed.display_minimum))
    .bind(owed.audience.id())
    .bind(keep_until)
    .execute(connection)
    .await?;
    Ok(())
}

/// What a release owes; `None` where there is no such release.
pub async fn terms_of(
    connection: &mut SqliteConnection,
    release: &str,
) -> Result<Option<ReleaseTerms>, CoordinatorError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT r.study, t.audience, t.display_minimum, t.keep_until FROM releases r \
         LEFT JOIN release_terms t ON t.release = r.id WHERE r.id = $1",
    )
    .bind(release)
    .fetch_optional(connection)
    .await?;
    let corrupt = || CoordinatorError::Corrupt {
        what: "release terms",
    };
    let Some((study, audience, display_minimum, keep_until)) = row else {
        return Ok(None);
    };
    Ok(Some(ReleaseTerms {
        study,
        audience: match audience {
            Some(id) => Audience::from_id(&id).ok_or_else(corrupt)?,
            None => Obligations::UNSTATED.audience,
        },
        display_minimum: u32::try_from(display_minimum.unwrap_or_default())
            .map_err(|_| corrupt())?,
        keep_until,
    }))
}

/// Erases the numbers of releases whose time ended before `now`, and returns which, with their studies.
pub async fn erase_ended(
    connection: &mut SqliteConnection,
    now: i64,
) -> Result<Vec<(String, String)>, CoordinatorError> {
    Ok(sqlx::query_as(
        "UPDATE releases SET body = '' WHERE body <> '' AND id IN (SELECT release FROM release_terms WHERE keep_until < $1) \
         RETURNING id, study",
    )
    .bind(now)
    .fetch_all(connection)
    .await?)
}
