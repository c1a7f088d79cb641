//! Running totals of what organisations were asked to spend: each question counts once per dataset and edition, since a node answers it
//! again from store; refused and unsigned requests count nothing; unanswered ones count, since their nodes may have charged. Triggers
//! keep them in the transaction of every change, so reading them costs the same whatever was asked before.

use crate::CoordinatorError;
use sqlx::SqliteConnection;

const CORRUPT: CoordinatorError = CoordinatorError::Corrupt { what: "loss" };

/// What was asked of an organisation on one day in one study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayLoss {
    /// The organisation.
    pub organisation: String,
    /// The dataset.
    pub dataset: String,
    /// The study it was first asked in.
    pub study: String,
    /// The day, its first second, Unix time.
    pub day: i64,
    /// Nano-rho.
    pub rho: u64,
}

/// All that organisations were asked to spend, day by day, each question on the day and in the study it was first asked.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn losses_by_day(
    connection: &mut SqliteConnection,
) -> Result<Vec<DayLoss>, CoordinatorError> {
    type Row = (String, String, String, i64, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT organisation, dataset, study, day, rho FROM day_losses WHERE scope = '' AND rho > 0 \
         ORDER BY organisation, dataset, study, day",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(organisation, dataset, study, day, rho)| {
            Ok(DayLoss {
                organisation,
                dataset,
                study,
                day,
                rho: u64::try_from(rho).map_err(|_| CORRUPT)?,
            })
        })
        .collect()
}

/// What each organisation has been asked to spend, in nano-rho, in one study or in all.
pub async fn rho_asked(
    connection: &mut SqliteConnection,
    study: Option<&str>,
) -> Result<Vec<(String, u64)>, CoordinatorError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT organisation, SUM(rho) FROM day_losses WHERE scope = $1 GROUP BY organisation HAVING SUM(rho) > 0 \
         ORDER BY organisation",
    )
    .bind(study.unwrap_or_default())
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(organisation, rho)| Ok((organisation, u64::try_from(rho).map_err(|_| CORRUPT)?)))
        .collect()
}

/// What an organisation had been asked to spend, nano-rho, in one study or in all, up to the second `until` and not after it.
pub async fn asked_until(
    connection: &mut SqliteConnection,
    organisation: &str,
    study: Option<&str>,
    until: i64,
) -> Result<u64, CoordinatorError> {
    let (rho,): (i64,) = sqlx::query_as(
        "SELECT COALESCE(SUM(rho), 0) FROM counted_requests WHERE scope = $1 AND organisation = $2 AND asked_at <= $3",
    )
    .bind(study.unwrap_or_default())
    .bind(organisation)
    .bind(until)
    .fetch_one(connection)
    .await?;
    u64::try_from(rho).map_err(|_| CORRUPT)
}

/// Of each study: how many questions were asked in it, and when the first and the last.
pub async fn questions_by_study(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, u64, i64, i64)>, CoordinatorError> {
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT study, questions, first_asked_at, last_asked_at FROM study_questions ORDER BY study",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(study, count, first, last)| (study, count.unsigned_abs(), first, last))
        .collect())
}
