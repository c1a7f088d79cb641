//! Forecasts as resources: asked for with a cube, worked out in the background from its releases, kept while the coordinator runs
//! under the hash of their input, so that the same forecast is worked out once. They spend nothing and store nothing.

mod series;
mod work;

use super::consistent::rounded;
use crate::state::State;
use crate::store::accounts::{Account, Role};
use crate::{CoordinatorError, Problem};
use serde::{Deserialize, Serialize};
use series::Past;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;

/// The longest horizon, in periods.
pub const MOST_PERIODS: usize = 24;

/// Most forecasts that are kept; of more, the oldest that is not being worked on goes.
const KEPT: usize = 64;

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

/// An explicit assumption about periods to come, kept apart from the forecast it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// Areas it holds for; all where empty.
    #[serde(default)]
    pub areas: Vec<String>,
    /// The first period ahead it holds for, counted from 1.
    pub from: usize,
    /// The last.
    pub to: usize,
    /// Multiplies the forecast and its width, in thousandths: 1,200 for a fifth more.
    pub thousandths: u32,
    /// Why, in words of whoever assumes it.
    pub reason: String,
}

/// How far a forecast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForecastState {
    /// It waits for another to end.
    Waiting,
    /// It is being worked out.
    Running,
    /// It is there.
    Done,
    /// It was called off.
    Cancelled,
    /// It cannot be worked out.
    Failed,
}

impl ForecastState {
    fn is_final(self) -> bool {
        !matches!(self, ForecastState::Waiting | ForecastState::Running)
    }
}

/// A forecast, as far as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ForecastView {
    /// Its identifier: the hash of what it is made of.
    pub id: String,
    /// What was wanted.
    pub wanted: ForecastWanted,
    /// How far it is.
    pub state: ForecastState,
    /// Series done, and all there are.
    pub done: usize,
    /// See `done`.
    pub series: usize,
    /// Releases that are its past.
    pub releases: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ForecastResult>,
}

/// What came of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ForecastResult {
    /// Periods of the past, each a key of the cube.
    pub past: Vec<String>,
    /// Periods ahead.
    pub ahead: Vec<String>,
    /// Periods of the past that are left out, since other organisations answered than last.
    pub left_out: Vec<String>,
    /// Levels of the intervals in percent.
    pub levels: Vec<u8>,
    /// The whole first where there are several areas, as `together`; then one per area.
    pub series: Vec<SeriesView>,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesView {
    /// The area's key, or `together`.
    pub key: String,
    /// What was released, made consistent, by period of the past; absent where it is left out.
    pub past: Vec<Option<PastView>>,
    /// By period ahead, without adjustments.
    pub ahead: Vec<AheadView>,
    /// The same with the adjustments that were asked for; absent without any for this area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted: Option<Vec<AheadView>>,
    /// What it consists of.
    pub explanation: ExplanationView,
    /// Rolling origins; empty where the past is short.
    pub backtest: Vec<BacktestView>,
}

/// A past value: between two numbers, nine times in ten.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct PastView {
    /// The estimate.
    pub value: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// A period to come: the true count, without the noise a release will add.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AheadView {
    /// The most plausible value.
    pub mean: f64,
    /// At least, by level.
    pub low: Vec<f64>,
    /// At most, by level.
    pub high: Vec<f64>,
    /// The parts of the variance, which make 1: privacy noise of the past, the process, counting.
    pub width: WidthView,
}

/// Where the width of an interval is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct WidthView {
    /// Privacy noise of past releases.
    pub privacy: f64,
    /// Level, slope and season moving.
    pub process: f64,
    /// Counts vary by themselves.
    pub counting: f64,
}

/// What a forecast consists of.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExplanationView {
    /// Where the series is.
    pub level: f64,
    /// What it gains per period.
    pub slope: f64,
    /// What each place in the year adds, by period modulo the season; empty without a season.
    pub season: Vec<f64>,
    /// The best model, of `level`, `damped`, `reverting`, with `-season` and `-logarithm`; absent for a series too short for any.
    pub model: Option<String>,
    /// Whether its season is borrowed from all areas together.
    pub borrowed_season: bool,
    /// Whether its level is.
    pub borrowed_level: bool,
    /// Unusual periods of the past.
    pub unusual: Vec<UnusualView>,
}

/// An unusual period.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnusualView {
    /// Which.
    pub period: String,
    /// `outlier` or `level-shift`.
    pub what: String,
    /// By how many standard deviations.
    pub deviations: f64,
}

/// How forecasts from past origins would have done at one horizon.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BacktestView {
    /// Periods ahead.
    pub horizon: usize,
    /// Origins.
    pub origins: usize,
    /// Mean absolute error over the mean step of a season.
    pub mase: Option<f64>,
    /// Share of released values inside intervals of 95 percent widened by their noise.
    pub coverage: f64,
    /// Mean score of those intervals.
    pub interval_score: f64,
    /// One less the mean absolute error over that of last year's values.
    pub skill: Option<f64>,
    /// The same of squared errors with the noise of released values taken off.
    pub skill_noise_corrected: Option<f64>,
}

/// A forecast being worked out, or there.
struct Job {
    wanted: ForecastWanted,
    past: Past,
    done: AtomicUsize,
    cancelled: AtomicBool,
    outcome: Mutex<(ForecastState, Option<Result<ForecastResult, String>>)>,
}

impl Job {
    fn state(&self) -> ForecastState {
        lock(&self.outcome).0
    }

    fn view(&self, id: &str) -> ForecastView {
        let outcome = lock(&self.outcome);
        ForecastView {
            id: id.to_owned(),
            wanted: self.wanted.clone(),
            state: outcome.0,
            done: self.done.load(Ordering::Relaxed),
            series: self.past.count(),
            releases: self.past.releases.clone(),
            failure: outcome
                .1
                .as_ref()
                .and_then(|outcome| outcome.as_ref().err().cloned()),
            result: outcome
                .1
                .as_ref()
                .and_then(|outcome| outcome.as_ref().ok().cloned()),
        }
    }
}

/// The forecasts there are, the oldest first.
pub struct Forecasts {
    jobs: Mutex<VecDeque<(String, Arc<Job>)>>,
    /// One at a time: each uses all cores.
    turn: Arc<tokio::sync::Semaphore>,
}

impl Default for Forecasts {
    fn default() -> Forecasts {
        Forecasts {
            jobs: Mutex::default(),
            turn: Arc::new(tokio::sync::Semaphore::new(1)),
        }
    }
}

/// A lock that another thread's panic does not take away: what is under these locks is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a forecast, or finds it; its identifier.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn begin(
    app: &State,
    account: &Account,
    wanted: ForecastWanted,
) -> Result<String, Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    check(&wanted)?;
    let past = series::past(app, &wanted).await?;
    let input = serde_json::to_vec(&(env!("CARGO_PKG_VERSION"), &wanted, &past.releases))
        .map_err(CoordinatorError::from)?;
    let id = protocol::hex(&protocol::sha256(&input)[..16]);
    let job = {
        let mut jobs = lock(&app.forecasts.jobs);
        let known = jobs.iter().position(|(known, _)| *known == id);
        if let Some(known) = known {
            let state = jobs[known].1.state();
            if !matches!(state, ForecastState::Cancelled | ForecastState::Failed) {
                return Ok(id);
            }
            jobs.remove(known);
        }
        if jobs.len() >= KEPT {
            let Some(old) = jobs.iter().position(|(_, job)| job.state().is_final()) else {
                return Err(Problem::Busy);
            };
            jobs.remove(old);
        }
        let job = Arc::new(Job {
            wanted,
            past,
            done: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            outcome: Mutex::new((ForecastState::Waiting, None)),
        });
        jobs.push_back((id.clone(), Arc::clone(&job)));
        job
    };
    let turn = Arc::clone(&app.forecasts.turn);
    tokio::spawn(async move {
        // The semaphore is never closed.
        let Ok(_turn) = turn.acquire_owned().await else {
            return;
        };
        let _ = tokio::task::spawn_blocking(move || run(&job)).await;
    });
    Ok(id)
}

fn run(job: &Job) {
    if job.cancelled.load(Ordering::Relaxed) {
        return;
    }
    lock(&job.outcome).0 = ForecastState::Running;
    let work = || work::forecast(&job.past, &job.wanted, &job.done, &job.cancelled);
    // A panic is a fault of ours; whoever waits is told that it failed, not left waiting.
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let mut outcome = lock(&job.outcome);
    *outcome = match found {
        Ok(Ok(Some(result))) => (ForecastState::Done, Some(Ok(result))),
        Ok(Ok(None)) => (ForecastState::Cancelled, None),
        Ok(Err(error)) => (ForecastState::Failed, Some(Err(error.to_string()))),
        Err(_) => (
            ForecastState::Failed,
            Some(Err("the work ended by a fault".to_owned())),
        ),
    };
}

/// A forecast, as far as it is.
///
/// # Errors
/// [`Problem::NotFound`].
pub fn one(app: &State, id: &str) -> Result<ForecastView, Problem> {
    let job = find(app, id).ok_or(Problem::NotFound)?;
    Ok(job.view(id))
}

/// Calls a forecast off; one that is there stays.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::Forbidden`].
pub fn cancel(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    let job = find(app, id).ok_or(Problem::NotFound)?;
    job.cancelled.store(true, Ordering::Relaxed);
    let mut outcome = lock(&job.outcome);
    if !outcome.0.is_final() {
        outcome.0 = ForecastState::Cancelled;
    }
    Ok(())
}

fn find(app: &State, id: &str) -> Option<Arc<Job>> {
    let jobs = lock(&app.forecasts.jobs);
    jobs.iter()
        .find(|(known, _)| known == id)
        .map(|(_, job)| Arc::clone(job))
}

fn check(wanted: &ForecastWanted) -> Result<(), Problem> {
    let invalid = |path: &str, code| {
        Err(Problem::InvalidBody {
            path: path.to_owned(),
            code,
        })
    };
    if !(1..=MOST_PERIODS).contains(&wanted.horizon) {
        return invalid("$.horizon", "out-of-range");
    }
    for adjustment in &wanted.adjustments {
        if !(1..=wanted.horizon).contains(&adjustment.from)
            || !(adjustment.from..=wanted.horizon).contains(&adjustment.to)
            || adjustment.thousandths > 10_000
        {
            return invalid("$.adjustments", "out-of-range");
        }
        if adjustment.reason.trim().is_empty() || adjustment.reason.len() > 500 {
            return invalid("$.adjustments.reason", "missing-field");
        }
    }
    Ok(())
}

/// The result as a table: a row per area and period ahead, as `coordinator forecast` writes them.
pub fn csv(result: &ForecastResult) -> String {
    let mut table = String::from("unique_id,ds,mean");
    for level in &result.levels {
        table.push_str(&format!(",lo-{level},hi-{level}"));
    }
    table.push_str("\r\n");
    for series in &result.series {
        let rows = series.adjusted.as_ref().unwrap_or(&series.ahead);
        for (period, ahead) in result.ahead.iter().zip(rows) {
            table.push_str(&format!("{},{period},{}", series.key, rounded(ahead.mean)));
            for (low, high) in ahead.low.iter().zip(&ahead.high) {
                table.push_str(&format!(",{},{}", rounded(*low), rounded(*high)));
            }
            table.push_str("\r\n");
        }
    }
    table
}
