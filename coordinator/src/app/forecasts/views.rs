//! Forecasts as they are served and stored. Everything here is data; nothing is worked out.

use super::ForecastWanted;
use crate::app::consistent::rounded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub(super) const ALL: [ForecastState; 5] = [
        ForecastState::Waiting,
        ForecastState::Running,
        ForecastState::Done,
        ForecastState::Cancelled,
        ForecastState::Failed,
    ];

    pub(super) fn id(self) -> &'static str {
        match self {
            ForecastState::Waiting => "waiting",
            ForecastState::Running => "running",
            ForecastState::Done => "done",
            ForecastState::Cancelled => "cancelled",
            ForecastState::Failed => "failed",
        }
    }
}

/// A forecast, as far as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ForecastView {
    /// Its identifier: the hash of what it is made of.
    pub id: String,
    /// The statistical forecast that adjustments are applied to, where there are any: a resource of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// What was wanted.
    pub wanted: ForecastWanted,
    /// How far it is.
    pub state: ForecastState,
    /// How much of the work is done, from 0 to 1: forecasts of all series, from earlier ends of their pasts too.
    pub share: f64,
    /// The same of so many series.
    pub done: usize,
    /// How many series there are.
    pub series: usize,
    /// The version of the forecasting that made it. One that is kept stays as it was made.
    pub engine: u32,
    /// The version in force. Where it is another, asking for the same forecast works it out anew.
    pub engine_now: u32,
    /// Releases that are its past.
    pub releases: Vec<String>,
    /// When it was asked for, or its adjustments made, RFC 3339.
    pub asked_at: String,
    /// Why it failed, a stable code: `series` for a past that no model takes, `engine` where another version of the
    /// forecasting began it and was replaced before the end, `fault` for a fault of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ForecastResult>,
}

/// What came of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastResult {
    /// Periods of the past, each a key of the cube.
    pub past: Vec<String>,
    /// Periods ahead.
    pub ahead: Vec<String>,
    /// Periods of the past that are left out, since other organisations answered than last.
    pub left_out: Vec<String>,
    /// Periods without any value, those before the first value among them, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingPeriod>,
    /// Periods from which on the bounds cut otherwise than in the one before, so that the level may be another: learnt as a step of
    /// that moment, and not taken for a change in need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds_changed: Vec<String>,
    /// Levels of the intervals in percent.
    pub levels: Vec<u8>,
    /// Levels of areas that were forecast together and agree, coarsest first: a forecast of another of them says the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agree: Vec<String>,
    /// The whole first where there are several areas, as `together`; then one per area.
    pub series: Vec<SeriesView>,
}

/// A period of which there is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingPeriod {
    /// Which.
    pub period: String,
    /// Why.
    pub why: WhyMissing,
}

/// Why nothing is there of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhyMissing {
    /// Its release was to be kept until a day that is past.
    Ended,
    /// No release of it is there.
    NotReleased,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesView {
    /// The area's key, or `together`.
    pub key: String,
    /// What was released, made consistent, by period of the past; absent where it is left out.
    pub past: Vec<Option<PastView>>,
    /// By period ahead, without adjustments.
    pub ahead: Vec<AheadView>,
    /// The same with the adjustments that were made; absent without any for this area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusted: Option<Vec<AheadView>>,
    /// What it consists of.
    pub explanation: ExplanationView,
    /// Rolling origins, at each of which all was done as for the forecast itself: what all levels agree on, calibrated by what was
    /// known then. Empty where the past is short.
    pub backtest: Vec<BacktestView>,
}

/// A past value: between two numbers, nine times in ten.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PastView {
    /// The estimate.
    pub value: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// A period to come: the true count, without the noise a release will add.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AheadView {
    /// The most plausible value.
    pub mean: f64,
    /// At least, by level.
    pub low: Vec<f64>,
    /// At most, by level.
    pub high: Vec<f64>,
    /// The parts of the variance, which make 1: privacy noise of the past, the process, counting, growth.
    pub width: WidthView,
}

/// Where the width of an interval is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WidthView {
    /// Privacy noise of past releases.
    pub privacy: f64,
    /// Level, slope and season moving.
    pub process: f64,
    /// Counts vary by themselves.
    pub counting: f64,
    /// Growth that all areas may have in common and the past does not show; not told apart in results of earlier versions.
    #[serde(default)]
    pub growth: f64,
}

/// What a forecast consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplanationView {
    /// Where the series is.
    pub level: f64,
    /// What it gains per period.
    pub slope: f64,
    /// What each place in the year adds, by period modulo the season; empty without a season.
    pub season: Vec<f64>,
    /// What one working day more adds to a month, where weekends and Italian public holidays stand out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_working_day: Option<f64>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnusualView {
    /// Which.
    pub period: String,
    /// `outlier` or `level-shift`.
    pub what: String,
    /// By how many standard deviations.
    pub deviations: f64,
}

/// How forecasts from past origins would have done at one horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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

/// A forecast in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ForecastSummary {
    /// Its identifier.
    pub id: String,
    /// The statistical forecast it adjusts, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// What was wanted.
    pub wanted: ForecastWanted,
    /// How far it is.
    pub state: ForecastState,
    /// The version of the forecasting that made it.
    pub engine: u32,
    /// When it was asked for, or its adjustments made, RFC 3339.
    pub asked_at: String,
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
