//! The work of a forecast, on all cores: every area and all together, reconciled, calibrated, explained and backtested. All of it is
//! the `forecast` crate's; here is only what goes in and how far it is.

use super::super::consistent::rounded;
use super::adjust::TOGETHER;
use super::series::{Past, ahead, months};
use super::views::{
    AheadView, BacktestView, ExplanationView, ForecastResult, PastView, SeriesView, UnusualView,
    WidthView,
};
use compose::{Confidence, Estimate};
use forecast::{
    CalendarEffect, Calibration, Forecast, ForecastError, Hierarchy, Kind, Parent, Prior, Season,
    Series, backtest, borrow, calibrate_levels, forecast_on_calendar, reconcile,
};
use query::PeriodKind;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Levels of the intervals in percent.
const LEVELS: [u8; 3] = [50, 80, 95];

/// Works a forecast out; `None` where it was called off.
pub(super) fn forecast(
    past: &Past,
    horizon: usize,
    done: &AtomicUsize,
    cancelled: &AtomicBool,
) -> Result<Option<ForecastResult>, ForecastError> {
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
    let leaves = (past.values.iter().zip(&past.variances))
        .map(|(values, variances)| {
            Series::try_new(values.clone(), Some(variances.clone()), season, kind)
        })
        .collect::<Result<Vec<_>, _>>()?;
    // With a single area there is nothing to add up.
    let hierarchy = (leaves.len() > 1).then(|| whole(&past.keys)).transpose()?;
    let sums = match &hierarchy {
        None => Vec::new(),
        Some(hierarchy) => (hierarchy.nodes().iter())
            .map(|node| hierarchy.sum(node, &leaves))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let priors = priors(&leaves)?;
    let months = months(past);
    let nobody = Prior::default();
    let all: Vec<(&Series, &Prior)> = (sums.iter().map(|sum| (sum, &nobody)))
        .chain(leaves.iter().zip(&priors))
        .collect();
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
    let found = (all.par_iter())
        .map(|(series, prior)| counted(series, prior))
        .collect::<Result<Option<Vec<(Forecast, Option<CalendarEffect>)>>, ForecastError>>()?;
    let Some(found) = found else {
        return Ok(None);
    };
    let (mut of_sums, effects): (Vec<Forecast>, Vec<_>) = found.into_iter().unzip();
    let of_leaves = of_sums.split_off(sums.len());
    let (of_sums, of_leaves, calibrations) = match &hierarchy {
        None => {
            let series: Vec<&Series> = leaves.iter().collect();
            (
                of_sums,
                of_leaves,
                vec![Calibration::learn(&series, horizon)?],
            )
        }
        Some(hierarchy) => {
            let calibrations = calibrate_levels(hierarchy, &sums, &leaves, horizon)?;
            let (of_sums, of_leaves) = reconcile(hierarchy, &of_sums, &of_leaves, &leaves)?;
            (of_sums, of_leaves, calibrations)
        }
    };
    let keys: Vec<&str> = (sums.iter().map(|_| TOGETHER))
        .chain(past.keys.iter().map(String::as_str))
        .collect();
    let leaf_level = calibrations.len() - 1;
    let views = (all
        .par_iter()
        .zip(of_sums.par_iter().chain(&of_leaves))
        .enumerate())
    .map(|(at, ((series, _), forecast))| {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let calibration = &calibrations[if at < sums.len() { 0 } else { leaf_level }];
        let mut view = view(keys[at], series, forecast, calibration, past, horizon)?;
        view.explanation.per_working_day = effects[at].map(|effect| rounded(effect.per_day));
        Ok(Some(view))
    })
    .collect::<Result<Option<Vec<SeriesView>>, ForecastError>>()?;
    Ok(views.map(|series| ForecastResult {
        past: past.periods.clone(),
        ahead: ahead(past, horizon),
        left_out: past.left_out.clone(),
        missing: past.missing.clone(),
        levels: LEVELS.to_vec(),
        series,
    }))
}

/// All areas together, and nothing in between.
fn whole(keys: &[String]) -> Result<Hierarchy, ForecastError> {
    let city = ["city".to_owned()];
    let leaves: Vec<(&str, &[String])> = keys.iter().map(|key| (key.as_str(), &city[..])).collect();
    Hierarchy::try_new(&["city".to_owned()], &leaves)
}

/// What short series borrow from all others.
fn priors(leaves: &[Series]) -> Result<Vec<Prior>, ForecastError> {
    (0..leaves.len())
        .map(|leaf| {
            let known = leaves[leaf]
                .values()
                .iter()
                .filter(|value| !value.is_nan())
                .count();
            if known >= 2 * leaves[leaf].season().periods() {
                return Ok(Prior::default());
            }
            let others: Vec<&Series> = (leaves.iter().enumerate())
                .filter(|(other, _)| *other != leaf)
                .map(|(_, series)| series)
                .collect();
            let parent = Parent::of(&others)?;
            Ok(parent.map_or_else(Prior::default, |parent| borrow(&leaves[leaf], &parent)))
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
        });
    AheadView {
        mean: rounded(forecast.centre()[step]),
        low: intervals.iter().map(|(low, _)| rounded(*low)).collect(),
        high: intervals.iter().map(|(_, high)| rounded(*high)).collect(),
        width,
    }
}
