//! What each node last said it serves: dataset, edition, finest level. Public facts only.
//! A dataset a node no longer names is forgotten; requests already made for it are not.

use crate::CoordinatorError;
use geography::Level;
use protocol::exchange::DatasetNotice;
use sqlx::SqliteConnection;

/// A dataset of an organisation.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The organisation.
    pub organisation: String,
    /// What its node says of it.
    pub notice: DatasetNotice,
}

/// All datasets, by organisation and id.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn datasets(connection: &mut SqliteConnection) -> Result<Vec<Dataset>, CoordinatorError> {
    let rows: Vec<(String, String, i64, String)> = sqlx::query_as(
        "SELECT organisation, dataset, edition, finest_level FROM datasets ORDER BY organisation, dataset",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(organisation, id, edition, level)| {
            Ok(Dataset {
                organisation,
                notice: DatasetNotice {
                    id,
                    edition: super::edition(edition)?,
                    finest_level: Level::from_id(&level)
                        .ok_or(CoordinatorError::Corrupt { what: "level" })?,
                },
            })
        })
        .collect()
}

/// Replaces what is known of an organisation's datasets. True where something changed.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn datasets_replace(
    connection: &mut SqliteConnection,
    organisation: &str,
    notices: &[DatasetNotice],
    now: i64,
) -> Result<bool, CoordinatorError> {
    let mut known: Vec<DatasetNotice> = (datasets(connection).await?.into_iter())
        .filter(|dataset| dataset.organisation == organisation)
        .map(|dataset| dataset.notice)
        .collect();
    let mut named = notices.to_vec();
    known.sort_by(|a, b| a.id.cmp(&b.id));
    named.sort_by(|a, b| a.id.cmp(&b.id));
    if known == named {
        return Ok(false);
    }
    sqlx::query("DELETE FROM datasets WHERE organisation = $1")
        .bind(organisation)
        .execute(&mut *connection)
        .await?;
    for notice in notices {
        sqlx::query(
            "INSERT INTO datasets (organisation, dataset, edition, finest_level, seen_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(organisation)
        .bind(&notice.id)
        .bind(i64::from(notice.edition))
        .bind(notice.finest_level.id())
        .bind(now)
        .execute(&mut *connection)
        .await?;
    }
    Ok(true)
}
