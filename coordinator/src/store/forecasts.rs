//! Forecasts and what is assumed on top of them. A result is written once; assumptions are never changed.

use super::visible::Sealed;
use crate::CoordinatorError;
use sqlx::SqliteConnection;

/// A forecast as it is stored, without its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredForecast {
    /// The hash of its input.
    pub id: String,
    /// Its input, JSON.
    pub input: String,
    /// `waiting`, `running`, `done`, `cancelled` or `failed`.
    pub state: String,
    /// Series done.
    pub done: i64,
    /// All there are.
    pub series: i64,
    /// Why it failed, a code.
    pub failure: Option<String>,
    /// When it was first asked for, Unix seconds.
    pub asked_at: i64,
}

/// A forecast to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewForecast<'a> {
    /// The hash of its input.
    pub id: &'a str,
    /// The cube whose releases are its past.
    pub cube: &'a str,
    /// Its input, JSON.
    pub input: &'a str,
    /// How many series it has.
    pub series: i64,
    /// Whose wish it is.
    pub asked_by: i64,
    /// When, Unix seconds.
    pub asked_at: i64,
}

/// What was assumed on top of a forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAdjustments {
    /// The hash of the forecast and of what is assumed.
    pub id: String,
    /// The forecast.
    pub forecast: String,
    /// What is assumed, JSON.
    pub adjustments: String,
    /// When, Unix seconds.
    pub made_at: i64,
}

type ForecastRow = (String, String, String, i64, i64, Option<String>, i64);
type AdjustmentsRow = (String, String, String, i64);

fn forecast((id, input, state, done, series, failure, asked_at): ForecastRow) -> StoredForecast {
    StoredForecast {
        id,
        input,
        state,
        done,
        series,
        failure,
        asked_at,
    }
}

fn adjustments((id, forecast, adjustments, made_at): AdjustmentsRow) -> StoredAdjustments {
    StoredAdjustments {
        id,
        forecast,
        adjustments,
        made_at,
    }
}

/// Stores a forecast that is to be worked out; true where it is new, or where it was called off or failed before.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn forecast_insert(
    connection: &mut SqliteConnection,
    new: &NewForecast<'_>,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO forecasts (id, cube, input, state, done, series, asked_by, asked_at) \
         VALUES ($1, $2, $3, 'waiting', 0, $4, $5, $6) ON CONFLICT (id) DO UPDATE \
         SET state = 'waiting', done = 0, failure = NULL, asked_by = excluded.asked_by, asked_at = excluded.asked_at \
         WHERE forecasts.state IN ('cancelled', 'failed')",
    )
    .bind(new.id)
    .bind(new.cube)
    .bind(new.input)
    .bind(new.series)
    .bind(new.asked_by)
    .bind(new.asked_at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets the oldest forecasts go beyond `kept`: such as are not being worked out and nothing was assumed of.
pub async fn forecasts_trim(
    connection: &mut SqliteConnection,
    kept: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "DELETE FROM forecasts WHERE state NOT IN ('waiting', 'running') \
         AND id NOT IN (SELECT forecast FROM forecast_adjustments) \
         AND id NOT IN (SELECT id FROM forecasts ORDER BY asked_at DESC, id LIMIT $1)",
    )
    .bind(kept)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores how far a forecast is, unless it has ended.
pub async fn forecast_progress(
    connection: &mut SqliteConnection,
    id: &str,
    done: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "UPDATE forecasts SET state = 'running', done = $2 WHERE id = $1 AND state IN ('waiting', 'running')",
    )
    .bind(id)
    .bind(done)
    .execute(connection)
    .await?;
    Ok(())
}

/// How a forecast ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// With a result, JSON.
    Done(&'a str),
    /// It was called off.
    Cancelled,
    /// Not at all, by a code.
    Failed(&'a str),
}

/// Stores how a forecast ended, once.
pub async fn forecast_end(
    connection: &mut SqliteConnection,
    id: &str,
    ended: Ended<'_>,
) -> Result<(), CoordinatorError> {
    let (state, result, failure) = match ended {
        Ended::Done(result) => ("done", Some(result), None),
        Ended::Cancelled => ("cancelled", None, None),
        Ended::Failed(code) => ("failed", None, Some(code)),
    };
    sqlx::query(
        "UPDATE forecasts SET state = $2, result = $3, failure = $4, done = CASE $2 WHEN 'done' THEN series ELSE done END \
         WHERE id = $1 AND state IN ('waiting', 'running')",
    )
    .bind(id)
    .bind(state)
    .bind(result)
    .bind(failure)
    .execute(connection)
    .await?;
    Ok(())
}

/// A forecast without its result.
pub async fn forecast_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Sealed<StoredForecast>>, CoordinatorError> {
    let row: Option<ForecastRow> = sqlx::query_as(
        "SELECT id, input, state, done, series, failure, asked_at FROM forecasts WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(|row| sealed(forecast(row))).transpose()
}

/// A forecast is made of the releases of its past.
fn sealed(forecast: StoredForecast) -> Result<Sealed<StoredForecast>, CoordinatorError> {
    let input: serde_json::Value = serde_json::from_str(&forecast.input)?;
    let releases = serde_json::from_value(input["past"]["releases"].clone())?;
    Ok(Sealed::of_releases(releases, forecast))
}

/// The result of a forecast that was opened, JSON.
pub async fn forecast_result(
    connection: &mut SqliteConnection,
    forecast: &StoredForecast,
) -> Result<Option<String>, CoordinatorError> {
    let row: Option<(Option<String>,)> =
        sqlx::query_as("SELECT result FROM forecasts WHERE id = $1")
            .bind(&forecast.id)
            .fetch_optional(connection)
            .await?;
    Ok(row.and_then(|(result,)| result))
}

/// Forecasts that have not ended, the oldest first: for those who work them out, who show them to nobody.
pub async fn forecasts_unended(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredForecast>, CoordinatorError> {
    let rows: Vec<ForecastRow> = sqlx::query_as(
        "SELECT id, input, state, done, series, failure, asked_at FROM forecasts \
         WHERE state IN ('waiting', 'running') ORDER BY asked_at, id",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(forecast).collect())
}

/// Forecasts, newest first.
pub async fn forecasts_newest(
    connection: &mut SqliteConnection,
    most: i64,
) -> Result<Vec<Sealed<StoredForecast>>, CoordinatorError> {
    let rows: Vec<ForecastRow> = sqlx::query_as(
        "SELECT id, input, state, done, series, failure, asked_at FROM forecasts ORDER BY asked_at DESC, id LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| sealed(forecast(row))).collect()
}

/// Stores what is assumed on top of a forecast; false where it is stored already.
pub async fn adjustments_insert(
    connection: &mut SqliteConnection,
    new: &StoredAdjustments,
    made_by: i64,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO forecast_adjustments (id, forecast, adjustments, made_by, made_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&new.id)
    .bind(&new.forecast)
    .bind(&new.adjustments)
    .bind(made_by)
    .bind(new.made_at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What was assumed, by its hash.
pub async fn adjustments_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<StoredAdjustments>, CoordinatorError> {
    let row = sqlx::query_as(
        "SELECT id, forecast, adjustments, made_at FROM forecast_adjustments WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(adjustments))
}

/// What was assumed, newest first.
pub async fn adjustments_newest(
    connection: &mut SqliteConnection,
    most: i64,
) -> Result<Vec<StoredAdjustments>, CoordinatorError> {
    let rows: Vec<AdjustmentsRow> = sqlx::query_as(
        "SELECT id, forecast, adjustments, made_at FROM forecast_adjustments ORDER BY made_at DESC, id LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(adjustments).collect())
}
