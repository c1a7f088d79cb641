//! The work of a forecast, on all cores: every area of every level, reconciled, calibrated, explained and backtested. All of it is
//! the `forecast` crate's; here is only what goes in and how far it is.

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
    CalendarEffect, Calibration, Forecast, ForecastError, Kind, Parent, Prior, Season, Series,
    backtest, borrow, forecast_on_calendar,
};
use query::PeriodKind;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Levels of the intervals in percent.
const LEVELS: [u8; 3] = [50, 80, 95];

/// Works a forecast out; `None` where it was called off.
pub(super) fn forecast(
    past: &Past,
    wanted: &ForecastWanted,
    done: &AtomicUsize,
    cancelled: &AtomicBool,
) -> Result<Option<ForecastResult>, ForecastError> {
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
    let mut priors: Vec<Prior> = Vec::with_capacity(series.len());
    for range in together.by_level() {
        priors.extend(lent(&series[range])?);
    }
    let months = months(past);
    let counted = |series: &Series, prior: &Prior| {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let found = match months {
            Some(months) => forecast_on_calendar(series, horizon, prior, months)?,
            None => (forecast::forecast(series, horizon, prior)?, None),
        };
        done.fetch_add(1, Ordering::Relaxed);
        Ok(Some(found))
    };
    let found = (series.par_iter().zip(&priors))
        .map(|(series, prior)| counted(series, prior))
        .collect::<Result<Option<Vec<(Forecast, Option<CalendarEffect>)>>, ForecastError>>()?;
    let Some(found) = found else {
        return Ok(None);
    };
    let (found, effects): (Vec<Forecast>, Vec<_>) = found.into_iter().unzip();
    let (forecasts, calibrations) = match &together.lattice {
        None => {
            let series: Vec<&Series> = series.iter().collect();
            (found, vec![Calibration::learn(&series, horizon)?])
        }
        Some(lattice) => {
            let calibrations = lattice.calibrate(series, horizon)?;
            (lattice.reconcile(&found)?, calibrations)
        }
    };
    let level_of = |at: usize| together.lattice.as_ref().map_or(0, |all| all.levels()[at]);
    let shown: Vec<(&str, usize)> = (together.whole.iter().map(|at| (TOGETHER, *at)))
        .chain(past.keys.iter().map(String::as_str).zip(together.shown..))
        .collect();
    let views = (shown.par_iter())
        .map(|&(key, at)| {
            if cancelled.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let calibration = &calibrations[level_of(at)];
            let mut view = view(key, &series[at], &forecasts[at], calibration, past, horizon)?;
            view.explanation.per_working_day = effects[at].map(|effect| rounded(effect.per_day));
            Ok(Some(view))
        })
        .collect::<Result<Option<Vec<SeriesView>>, ForecastError>>()?;
    Ok(views.map(|series| ForecastResult {
        past: past.periods.clone(),
        ahead: ahead(past, horizon),
        left_out: past.left_out.clone(),
        missing: past.missing.clone(),
        bounds_changed: past.bounds_changed.clone(),
        levels: LEVELS.to_vec(),
        agree: together.levels.clone(),
        series,
    }))
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
    past: &Past,
    horizon: usize,
) -> Result<SeriesView, ForecastError> {
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
    let ahead: Vec<AheadView> = (0..horizon)
        .map(|step| step_ahead(forecast, calibration, step))
        .collect();
    let explanation = forecast.explanation();
    let periods = |period: usize| past.periods.get(period).cloned().unwrap_or_default();
    Ok(SeriesView {
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
        backtest: (backtest(series, horizon, calibration)?.into_iter())
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
    })
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
