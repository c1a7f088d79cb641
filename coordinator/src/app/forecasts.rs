//! Forecasts as resources: asked for with a cube, worked out in the background from its releases, kept under the hash of their
//! input across restarts, so that the same forecast is worked out once. They spend nothing. What people assume of the future is
//! kept apart, and entered in the log.

mod adjust;
mod jobs;
mod levels;
mod series;
mod views;
mod work;

pub use adjust::Adjustment;
pub use jobs::{Forecasts, forget, resume, stop};
pub use views::*;

use crate::app::audience;
use crate::app::consistent::rounded;
use crate::clock::rfc3339;
use crate::state::{App, State};
use crate::store::accounts::{Account, Role};
use crate::store::forecasts::{self as store, NewForecast, StoredAdjustments, StoredForecast};
use crate::store::log::{self, Entry};
use crate::store::visible::Viewer;
use crate::store::{cubes, stored};
use crate::{CoordinatorError, Problem};
use audit::EntryKind;
use serde::{Deserialize, Serialize};
use serde_json::json;
use series::Past;
use sqlx::SqliteConnection;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The longest horizon, in periods.
pub const MOST_PERIODS: usize = 24;

/// Most forecasts that are kept without anything being assumed of them; of more, the oldest goes.
const KEPT: i64 = 400;

/// Most forecasts in a list.
const LISTED: i64 = 50;

/// Most forecasts that wait or are being worked out.
const MOST_WAITING: usize = 32;

/// What is to be forecast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForecastWanted {
    /// The cube whose releases are the past.
    pub cube: String,
    /// The level of the areas: `city`, `municipio`, `nil` or `micro-area`.
    pub level: String,
    /// The key of each other axis that has more than one, without `period`.
    #[serde(default)]
    pub at: BTreeMap<String, String>,
    /// How many periods ahead, 1 to 24.
    pub horizon: usize,
    /// What somebody knows of the future, in the order in which it is applied; never part of the statistical forecast.
    #[serde(default)]
    pub adjustments: Vec<Adjustment>,
}

/// What a forecast is worked out of, as it is stored. Its hash is the forecast's identifier.
#[derive(Serialize, Deserialize)]
struct Input {
    /// Of this form.
    version: u32,
    /// Of the forecasting itself: another may say something else of the same past.
    engine: u32,
    /// What was wanted, without adjustments.
    wanted: ForecastWanted,
    past: Past,
}

/// A result as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredResult {
    version: u32,
    result: ForecastResult,
}

const VERSION: u32 = 1;

fn identifier(of: &[u8]) -> String {
    protocol::hex(&protocol::sha256(of)[..16])
}

/// Begins a forecast, or finds it; with adjustments, enters them in the log. Its identifier.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy; nothing is stored then.
pub async fn begin(
    app: &App,
    account: &Account,
    wanted: ForecastWanted,
) -> Result<String, Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    if !(1..=MOST_PERIODS).contains(&wanted.horizon) {
        return Err(Problem::InvalidBody {
            path: "$.horizon".to_owned(),
            code: "out-of-range",
        });
    }
    let past = series::past(app, account, &wanted).await?;
    adjust::check(&wanted.adjustments, wanted.horizon, &past.keys)?;
    let ForecastWanted { adjustments, .. } = wanted.clone();
    let input = Input {
        version: VERSION,
        engine: forecast::ENGINE,
        wanted: ForecastWanted {
            adjustments: Vec::new(),
            ..wanted
        },
        past,
    };
    let text = serde_json::to_string(&input).map_err(CoordinatorError::from)?;
    let id = identifier(text.as_bytes());
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let new = NewForecast {
        id: &id,
        cube: &input.wanted.cube,
        input: &text,
        series: stored(input.past.count() as u64)?,
        asked_by: account.id,
        asked_at: now,
    };
    let is_new = store::forecast_insert(&mut transaction, &new).await?;
    if is_new && app.forecasts.waiting() >= MOST_WAITING {
        return Err(Problem::Busy);
    }
    let found = if adjustments.is_empty() {
        id.clone()
    } else {
        assume(&mut transaction, account, &new, &adjustments).await?
    };
    store::forecasts_trim(&mut transaction, KEPT).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    if is_new {
        jobs::spawn(app, id, input);
    }
    Ok(found)
}

/// Stores what is assumed on top of a forecast and enters it in the log, once.
async fn assume(
    transaction: &mut SqliteConnection,
    account: &Account,
    of: &NewForecast<'_>,
    adjustments: &[Adjustment],
) -> Result<String, Problem> {
    let text = serde_json::to_string(adjustments).map_err(CoordinatorError::from)?;
    let new = StoredAdjustments {
        id: identifier(format!("{}\n{text}", of.id).as_bytes()),
        forecast: of.id.to_owned(),
        adjustments: text,
        made_at: of.asked_at,
    };
    if store::adjustments_insert(transaction, &new, account.id).await? {
        let cube = cubes::cube_by_id(transaction, of.cube).await?;
        let cube = cube.ok_or(CoordinatorError::Corrupt { what: "cube" })?;
        let entry = Entry::new(EntryKind::Release, "forecast-adjusted")
            .study(cube.cube.study())
            .fact("cube", of.cube)
            .fact("forecast", new.id.as_str())
            .fact("baseline", of.id)
            .fact(
                "adjustments-hash",
                protocol::hex(&protocol::sha256(new.adjustments.as_bytes())),
            )
            .body(json!({ "account": account.name, "adjustments": adjustments }));
        log::append(transaction, of.asked_at, entry).await?;
    }
    Ok(new.id)
}

/// A forecast, as far as it is.
///
/// # Errors
/// [`Problem::NotFound`], also where the account may not see a release it was made of.
pub async fn one(app: &State, account: &Account, id: &str) -> Result<ForecastView, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let (forecast, assumed) = found(&mut reader, &viewer, id).await?;
    let Input {
        mut wanted,
        past,
        engine,
        ..
    } = read_input(&forecast)?;
    let state = state_of(&forecast)?;
    let mut result = match state {
        ForecastState::Done => {
            let text = store::forecast_result(&mut reader, &forecast).await?;
            Some(read_result(&text.unwrap_or_default())?)
        }
        _ => None,
    };
    let at = assumed.as_ref().map_or(forecast.asked_at, |a| a.made_at);
    if let Some(assumed) = &assumed {
        wanted.adjustments = read_adjustments(assumed)?;
        if let Some(result) = &mut result {
            adjust::apply(result, &wanted.adjustments);
        }
    }
    let live = app.forecasts.progress(&forecast.id);
    let count = past.count();
    let (state, share) = match (state, live) {
        (ForecastState::Waiting | ForecastState::Running, Some(live)) => live,
        // What is stored says enough of forecasts that have ended.
        _ => (state, forecast.done as f64 / count.max(1) as f64),
    };
    Ok(ForecastView {
        id: id.to_owned(),
        baseline: assumed.map(|assumed| assumed.forecast),
        wanted,
        state,
        share: rounded(share),
        done: (share * count as f64) as usize,
        series: count,
        engine,
        engine_now: forecast::ENGINE,
        releases: past.releases,
        asked_at: rfc3339(at),
        failure: forecast.failure,
        result,
    })
}

/// The newest forecasts whose releases the account may see, and what was assumed on top of some.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn list(app: &State, account: &Account) -> Result<Vec<ForecastSummary>, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let mut listed = Vec::new();
    for forecast in store::forecasts_newest(&mut reader, LISTED).await? {
        if let Some(forecast) = forecast.open(&mut reader, &viewer).await? {
            listed.push((forecast.asked_at, summary(&forecast, None)?));
        }
    }
    for assumed in store::adjustments_newest(&mut reader, LISTED).await? {
        let forecast = store::forecast_by_id(&mut reader, &assumed.forecast).await?;
        let forecast = forecast.ok_or(CoordinatorError::Corrupt { what: "forecast" })?;
        if let Some(forecast) = forecast.open(&mut reader, &viewer).await? {
            listed.push((assumed.made_at, summary(&forecast, Some(&assumed))?));
        }
    }
    listed.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(listed.into_iter().map(|(_, summary)| summary).collect())
}

fn summary(
    forecast: &StoredForecast,
    assumed: Option<&StoredAdjustments>,
) -> Result<ForecastSummary, CoordinatorError> {
    let Input {
        mut wanted, engine, ..
    } = read_input(forecast)?;
    if let Some(assumed) = assumed {
        wanted.adjustments = read_adjustments(assumed)?;
    }
    Ok(ForecastSummary {
        id: assumed.map_or(&forecast.id, |assumed| &assumed.id).clone(),
        baseline: assumed.map(|assumed| assumed.forecast.clone()),
        wanted,
        state: state_of(forecast)?,
        engine,
        asked_at: rfc3339(assumed.map_or(forecast.asked_at, |assumed| assumed.made_at)),
    })
}

/// Calls a forecast off; one that is there stays. Called off with adjustments, it is the one they are of.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::Forbidden`].
pub async fn cancel(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    let viewer = audience::viewer(app, account);
    let mut transaction = app.database.write().await?;
    let (forecast, _) = found(&mut transaction, &viewer, id).await?;
    store::forecast_end(&mut transaction, &forecast.id, store::Ended::Cancelled).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    app.forecasts.cancel(&forecast.id);
    Ok(())
}

/// A forecast by its own identifier, or with what is assumed by the identifier of that.
async fn found(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    id: &str,
) -> Result<(StoredForecast, Option<StoredAdjustments>), Problem> {
    if let Some(forecast) = store::forecast_by_id(connection, id).await? {
        let seen = forecast.open(connection, viewer).await?;
        return Ok((seen.ok_or(Problem::NotFound)?, None));
    }
    let assumed = store::adjustments_by_id(connection, id).await?;
    let assumed = assumed.ok_or(Problem::NotFound)?;
    let forecast = store::forecast_by_id(connection, &assumed.forecast).await?;
    let forecast = forecast.ok_or(CoordinatorError::Corrupt { what: "forecast" })?;
    let seen = forecast.open(connection, viewer).await?;
    Ok((seen.ok_or(Problem::NotFound)?, Some(assumed)))
}

const CORRUPT: CoordinatorError = CoordinatorError::Corrupt { what: "forecast" };

fn read_input(forecast: &StoredForecast) -> Result<Input, CoordinatorError> {
    let input: Input = serde_json::from_str(&forecast.input)?;
    match input.version {
        VERSION => Ok(input),
        _ => Err(CORRUPT),
    }
}

fn read_result(text: &str) -> Result<ForecastResult, CoordinatorError> {
    let stored: StoredResult = serde_json::from_str(text)?;
    match stored.version {
        VERSION => Ok(stored.result),
        _ => Err(CORRUPT),
    }
}

fn read_adjustments(assumed: &StoredAdjustments) -> Result<Vec<Adjustment>, CoordinatorError> {
    Ok(serde_json::from_str(&assumed.adjustments)?)
}

fn state_of(forecast: &StoredForecast) -> Result<ForecastState, CoordinatorError> {
    ForecastState::ALL
        .into_iter()
        .find(|state| state.id() == forecast.state)
        .ok_or(CORRUPT)
}

#[cfg(test)]
mod tests;
