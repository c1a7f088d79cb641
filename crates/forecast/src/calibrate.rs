//! How wide intervals must be to cover what they state, learnt from rolling origins over all series at hand:
//! the last periods of each are held out, forecast, and the distances pooled by horizon (split conformal prediction
//! across series). Held-out values are noisy, so they are scored against deviations widened by their own noise.

use crate::borrow::Prior;
use crate::combine::{Forecast, forecast};
use crate::hierarchy::Hierarchy;
use crate::lattice::Lattice;
use crate::quantile::estimated_quantile;
use crate::series::{ForecastError, Season, Series};
use crate::trials::Trials;
use rayon::prelude::*;

/// At most so many series are held out: enough for a 95 percent point, and little beside forecasting thousands.
pub const MOST_SERIES: usize = 150;

/// The distribution assumed before any window counts as so many windows.
const ASSUMED: f64 = 15.0;

/// What was learnt counts at most this much: all series share the shocks of the few periods held out.
const MOST_WEIGHT: f64 = 0.6;

/// At most so many windows are held out of one series.
const ORIGINS: usize = 2;

/// Parts of the horizon that are pooled.
const PARTS: usize = 3;

/// How wide intervals must be.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    horizon: usize,
    windows: usize,
    /// Absolute deviations by part of the horizon, in order.
    parts: [Vec<f64>; PARTS],
}

impl Calibration {
    /// Nothing learnt: the assumed distribution holds.
    pub fn assumed() -> Self {
        Self::default()
    }

    /// Holds out periods of at most [`MOST_SERIES`] of the series, spread evenly over them: the last `horizon`,
    /// and those before them where the series is long enough. At least half of it and three cycles must remain.
    pub fn learn(series: &[&Series], horizon: usize) -> Result<Self, ForecastError> {
        let able: Vec<&Series> = series
            .iter()
            .copied()
            .filter(|s| origins(s, horizon).next().is_some())
            .collect();
        let chosen: Vec<&Series> = if able.len() <= MOST_SERIES {
            able
        } else {
            (0..MOST_SERIES)
                .map(|i| able[i * able.len() / MOST_SERIES])
                .collect()
        };
        let deviations: Vec<Vec<(usize, f64)>> = chosen
            .par_iter()
            .map(|series| {
                let mut found = Vec::new();
                for origin in origins(series, horizon) {
                    if let Some(past) = series.until(origin) {
                        let ahead = forecast(&past, horizon, &Prior::default())?;
                        found.extend(deviations(series, origin, &ahead));
                    }
                }
                Ok(found)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::from_deviations(&deviations, horizon))
    }

    /// From standardised distances by window, each with its period counted from zero.
    pub fn from_deviations(windows: &[Vec<(usize, f64)>], horizon: usize) -> Self {
        let mut parts: [Vec<f64>; PARTS] = Default::default();
        for &(step, deviation) in windows.iter().flatten() {
            parts[(step * PARTS / horizon.max(1)).min(PARTS - 1)].push(deviation.abs());
        }
        for part in &mut parts {
            part.sort_by(f64::total_cmp);
        }
        Self {
            horizon,
            windows: windows.iter().filter(|w| !w.is_empty()).count(),
            parts,
        }
    }

    /// Series that were held out.
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// How many deviations an interval of `level` (between 0 and 1) is wide around `ahead`, on either side, in period `step`.
    pub fn deviations(&self, level: f64, step: usize, ahead: &Forecast) -> f64 {
        let assumed = estimated_quantile(level, ahead.estimated(step));
        if self.windows == 0 {
            return assumed;
        }
        let place = (step as f64 + 0.5) * PARTS as f64 / self.horizon as f64 - 0.5;
        let place = place.clamp(0.0, (PARTS - 1) as f64);
        let (from, part) = (place.floor() as usize, place.fract());
        let to = (from + 1).min(PARTS - 1);
        let seen = |i: usize| quantile(&self.parts[i], level).unwrap_or(assumed);
        let seen = (1.0 - part) * seen(from) + part * seen(to);
        let weight = MOST_WEIGHT * self.windows as f64 / (self.windows as f64 + ASSUMED);
        weight * seen + (1.0 - weight) * assumed
    }
}

/// A calibration for each level of a hierarchy, as [`Lattice::calibrate`]. `sums` are the series of the hierarchy's nodes.
///
/// # Errors
/// [`ForecastError`].
pub fn calibrate_levels(
    hierarchy: &Hierarchy,
    sums: &[Series],
    leaves: &[Series],
    horizon: usize,
) -> Result<Vec<Calibration>, ForecastError> {
    let all: Vec<Series> = sums.iter().chain(leaves).cloned().collect();
    hierarchy.lattice(leaves)?.calibrate(&all, horizon)
}

/// See [`Lattice::calibrate`].
pub(crate) fn calibrate_lattice(
    lattice: &Lattice,
    series: &[Series],
    horizon: usize,
) -> Result<Vec<Calibration>, ForecastError> {
    let mut trials = Trials::try_new(lattice, series, horizon, false)?;
    for origin in trials.origins().to_vec() {
        let found = (trials.past(origin).par_iter())
            .map(|past| forecast(past, horizon, &Prior::default()))
            .collect::<Result<Vec<_>, _>>()?;
        trials.add(origin, &found)?;
    }
    Ok(trials.calibrations())
}

fn quantile(sorted: &[f64], level: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = level * last as f64;
    let (from, part) = (place.floor() as usize, place.fract());
    Some((1.0 - part) * sorted[from] + part * sorted[(from + 1).min(last)])
}

/// Where a series is cut to hold out what follows: the last first.
fn origins(series: &Series, horizon: usize) -> impl Iterator<Item = usize> {
    origins_before(series.values().len(), series.season(), horizon)
}

/// The same of a past of so many periods.
pub(crate) fn origins_before(
    end: usize,
    season: Season,
    horizon: usize,
) -> impl Iterator<Item = usize> {
    let least = (3 * season.periods()).max(12).max(end / 2);
    (1..=ORIGINS)
        .map_while(move |back| end.checked_sub(back * horizon))
        .take_while(move |&origin| origin >= least)
}

/// Standardised distances of what followed `origin` from its forecast.
pub(crate) fn deviations<'a>(
    series: &'a Series,
    origin: usize,
    ahead: &'a Forecast,
) -> impl Iterator<Item = (usize, f64)> + 'a {
    let noise = move |t: usize| series.privacy().map_or(0.0, |p| p[t]);
    ahead
        .centre()
        .iter()
        .enumerate()
        .filter_map(move |(step, centre)| {
            let actual = *series.values().get(origin + step)?;
            if !series.comparable(origin.saturating_sub(1), origin + step) {
                return None;
            }
            let variance = ahead.side(step, actual).powi(2) + noise(origin + step);
            (!actual.is_nan() && variance > 0.0)
                .then(|| (step, (actual - centre) / variance.sqrt()))
        })
}
