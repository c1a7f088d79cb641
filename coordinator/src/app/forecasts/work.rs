//! The work of a forecast, on all cores: every area of every level, reconciled, calibrated, explained, and all of that again from earlier
//! ends of the past, by which it is calibrated and backtested. All of it is the `forecast` crate's; here is only what goes in and how
//! far it is.

use super::super::consistent::rounded;
use super::ForecastWanted;
use super::adjust::TOGETHER;
use super::levels::Together;
use super::series::{Past, ahead, months};
use super::views::{
    AheadView, BacktestView, ExplanationView, ForecastResult, PastView, SeriesView, UnusualView,
    WidthView,
};
use compose::{Confidence, Estimate};
use forecast::{
    Backtest, CalendarEffect, Calibration, Forecast, ForecastError, Kind, Months, Parent, Prior,
    Season, Series, Trials, backtest, backtest_origins, borrow, forecast_on_calendar,
};
use query::PeriodKind;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Levels of the intervals in percent.
const LEVELS: [u8; 3] = [50, 80, 95];

/// In so many parts the progress of a forecast is told.
pub(super) const PARTS: usize = 1_000;

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the forecast was called off")]
    CalledOff,
    #[error("the series cannot be forecast")]
    Unfit(#[from] ForecastError),
}

/// Works a forecast out; `None` where it was called off. `done` tells of [`PARTS`] how many are done.
pub(super) fn forecast(
    past: &Past,
    wanted: &ForecastWanted,
    done: &AtomicUsize,
    cancelled: &AtomicBool,
) -> Result<Option<ForecastResult>, ForecastError> {
    match found(past, wanted, done, cancelled) {
        Ok(result) => Ok(Some(result)),
        Err(Ended::CalledOff) => Ok(None),
        Err(Ended::Unfit(error)) => Err(error),
    }
}

fn found(
    past: &Past,
    wanted: &ForecastWanted,
    done: &AtomicUsize,
    cancelled: &AtomicBool,
) -> Result<ForecastResult, Ended> {
    let horizon = wanted.horizon;
    let season = match past.kind {
        PeriodKind::Month => Season::Months,
        PeriodKind::Quarter => Season::Quarters,
        PeriodKind::Year => Season::None,
    };
    let kind = if past.counts {
        Kind::Counts
    } else {
        Kind::Amounts
    };
    let together = Together::of(past, &wanted.level, |values, variances| {
        let series = Series::try_new(values.to_vec(), Some(variances.to_vec()), season, kind)?;
        Ok(series.with_breaks(&past.breaks()))
    })?;
    let series = &together.series;
    let mut trials = (together.lattice.as_ref())
        .map(|lattice| Trials::try_new(lattice, series, horizon, true))
        .transpose()?;
    let origins = (trials.as_ref()).map_or_else(Vec::new, |trials| trials.origins().to_vec());
    let maker = Maker {
        horizon,
        levels: together.by_level(),
        months: months(past),
        cancelled,
        made: AtomicUsize::new(0),
        all: match &trials {
            Some(_) => series.len() * (1 + origins.len()),
            None => (series.iter())
                .map(|one| 1 + backtest_origins(one, horizon))
                .sum(),
        },
        done,
    };
    let found = maker.together(series)?;
    let (found, effects): (Vec<Forecast>, Vec<_>) = found.into_iter().unzip();
    if let Some(trials) = &mut trials {
        for origin in origins {
            let tried = maker.together(&trials.past(origin))?;
            let tried: Vec<Forecast> = tried.into_iter().map(|(forecast, _)| forecast).collect();
            trials.add(origin, &tried)?;
        }
    }
    let (forecasts, calibrations, backtests) = match (&together.lattice, &trials) {
        (Some(lattice), Some(trials)) => (
            lattice.reconcile(&found)?,
            trials.calibrations(),
            trials.backtests(),
        ),
        _ => {
            let calibration = Calibration::learn(&series.iter().collect::<Vec<_>>(), horizon)?;
            let alone = |past: &Series| maker.one(past, &Prior::default()).map(|(found, _)| found);
            let backtests = (series.par_iter())
                .map(|series| backtest(series, horizon, &calibration, alone))
                .collect::<Result<_, Ended>>()?;
            (found, vec![calibration], backtests)
        }
    };
    let level_of = |at: usize| together.lattice.as_ref().map_or(0, |all| all.levels()[at]);
    let shown: Vec<(&str, usize)> = (together.whole.iter().map(|at| (TOGETHER, *at)))
        .chain(past.keys.iter().map(String::as_str).zip(together.shown..))
        .collect();
    let views = (shown.iter())
        .map(|&(key, at)| {
            let (calibration, tried) = (&calibrations[level_of(at)], &backtests[at]);
            let mut view = view(key, &series[at], &forecasts[at], calibration, tried, past);
            view.explanation.per_working_day = effects[at].map(|effect| rounded(effect.per_day));
            view
        })
        .collect();
    Ok(ForecastResult {
        past: past.periods.clone(),
        ahead: ahead(past, horizon),
        left_out: past.left_out.clone(),
        missing: past.missing.clone(),
        bounds_changed: past.bounds_changed.clone(),
        levels: LEVELS.to_vec(),
        agree: together.levels.clone(),
        series: views,
    })
}

/// A forecast, and what it adds for the calendar.
type Found = (Forecast, Option<CalendarEffect>);

/// How all series are forecast: from all of their past as from an earlier end of it.
struct Maker<'a> {
    horizon: usize,
    levels: Vec<Range<usize>>,
    months: Option<Months>,
    cancelled: &'a AtomicBool,
    /// Forecasts made, and how many will be.
    made: AtomicUsize,
    all: usize,
    /// How far that is, in [`PARTS`].
    done: &'a AtomicUsize,
}

impl Maker<'_> {
    /// Forecasts of all series.
    fn together(&self, series: &[Series]) -> Result<Vec<Found>, Ended> {
        let mut priors: Vec<Prior> = Vec::with_capacity(series.len());
        for range in &self.levels {
            priors.extend(lent(&series[range.clone()])?);
        }
        (series.par_iter().zip(&priors))
            .map(|(series, prior)| self.one(series, prior))
            .collect()
    }

    /// A forecast of one series, counted; each takes milliseconds, so that between two of them is soon enough to end.
    fn one(&self, series: &Series, prior: &Prior) -> Result<Found, Ended> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Ended::CalledOff);
        }
        let found = match self.months {
            Some(months) => forecast_on_calendar(series, self.horizon, prior, months)?,
            None => (forecast::forecast(series, self.horizon, prior)?, None),
        };
        let made = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let done = (made * PARTS / self.all.max(1)).min(PARTS);
        self.done.fetch_max(done, Ordering::Relaxed);
        Ok(found)
    }
}

/// What short series borrow from all others of their level.
fn lent(areas: &[Series]) -> Result<Vec<Prior>, ForecastError> {
    (0..areas.len())
        .map(|area| {
            let known = areas[area]
                .values()
                .iter()
                .filter(|value| !value.is_nan())
                .count();
            if areas.len() < 2 || known >= 2 * areas[area].season().periods() {
                return Ok(Prior::default());
            }
            let others: Vec<&Series> = (areas.iter().enumerate())
                .filter(|(other, _)| *other != area)
                .map(|(_, series)| series)
                .collect();
            let parent = Parent::of(&others)?;
            Ok(parent.map_or_else(Prior::default, |parent| borrow(&areas[area], &parent)))
        })
        .collect()
}

fn view(
    key: &str,
    series: &Series,
    forecast: &Forecast,
    calibration: &Calibration,
    tried: &[Backtest],
    past: &Past,
) -> SeriesView {
    let privacy = series.privacy().unwrap_or_default();
    let released = (series.values().iter().zip(privacy)).map(|(value, variance)| {
        let one = Estimate {
            value: *value,
            variance: *variance,
        };
        let (low, high) = one.interval(Confidence::P90);
        (!value.is_nan()).then(|| PastView {
            value: rounded(*value),
            low: rounded(low),
            high: rounded(high),
        })
    });
    let ahead: Vec<AheadView> = (0..forecast.centre().len())
        .map(|step| step_ahead(forecast, calibration, step))
        .collect();
    let explanation = forecast.explanation();
    let periods = |period: usize| past.periods.get(period).cloned().unwrap_or_default();
    SeriesView {
        key: key.to_owned(),
        past: released.collect(),
        ahead,
        adjusted: None,
        explanation: ExplanationView {
            level: rounded(explanation.level),
            slope: rounded(explanation.slope),
            season: explanation
                .season
                .iter()
                .map(|effect| rounded(*effect))
                .collect(),
            per_working_day: None,
            model: explanation.best.map(|(best, _)| best.to_string()),
            borrowed_season: forecast.borrowed().season,
            borrowed_level: forecast.borrowed().level,
            unusual: (forecast.flags().iter())
                .map(|flag| UnusualView {
                    period: periods(flag.period),
                    what: flag.unusual.to_string(),
                    deviations: rounded(flag.deviations),
                })
                .collect(),
        },
        backtest: (tried.iter())
            .map(|at| BacktestView {
                horizon: at.horizon,
                origins: at.origins,
                mase: at.mase.map(rounded),
                coverage: rounded(at.coverage),
                interval_score: rounded(at.interval_score),
                skill: at.skill.map(rounded),
                skill_noise_corrected: at.skill_noise_corrected.map(rounded),
            })
            .collect(),
    }
}

fn step_ahead(forecast: &Forecast, calibration: &Calibration, step: usize) -> AheadView {
    let interval = |level: &u8| {
        let share = f64::from(*level) / 100.0;
        forecast.interval(step, calibration.deviations(share, step, forecast))
    };
    let intervals: Vec<(f64, f64)> = LEVELS.iter().map(interval).collect();
    let width = (forecast.explanation().shares.get(step))
        .filter(|shares| shares.total() > 0.0)
        .map_or_else(WidthView::default, |shares| WidthView {
            privacy: rounded(shares.privacy / shares.total()),
            process: rounded(shares.process / shares.total()),
            counting: rounded(shares.counting / shares.total()),
            growth: rounded(shares.growth / shares.total()),
        });
    AheadView {
        mean: rounded(forecast.centre()[step]),
        low: intervals.iter().map(|(low, _)| rounded(*low)).collect(),
        high: intervals.iter().map(|(_, high)| rounded(*high)).collect(),
        width,
    }
}
