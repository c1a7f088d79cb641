//! How a series' forecasts would have done: it is cut at rolling origins, forecast, and scored at chosen horizons.
//! Held-out values are noisy too: coverage is counted with intervals widened by their noise, and errors are also
//! given with the noise taken off. It never sees a true value, and makes no forecast itself.

use crate::baseline::seasonal_naive;
use crate::calibrate::Calibration;
use crate::combine::Forecast;
use crate::score::{ROUNDING, interval_score, seasonal_scale};
use crate::series::{Season, Series};

/// Horizons at which a backtest scores, in periods.
pub const HORIZONS: [usize; 4] = [1, 3, 6, 12];

/// At most so many origins, the last first.
const MOST_ORIGINS: usize = 12;

/// Level of the intervals scored.
pub const LEVEL: f64 = 0.95;

/// Scores at one horizon over all origins.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// Periods ahead.
    pub horizon: usize,
    /// Origins that were scored.
    pub origins: usize,
    /// Mean absolute error over the mean step of a season; `None` where nothing ever changes.
    pub mase: Option<f64>,
    /// Share of held-out values in intervals of [`LEVEL`] widened by the values' own noise.
    pub coverage: f64,
    /// Mean score of those intervals, in units of the values.
    pub interval_score: f64,
    /// One less the mean absolute error over that of the seasonal naive forecast.
    pub skill: Option<f64>,
    /// One less the mean squared error over that of the seasonal naive forecast, the noise of the held-out values
    /// taken off both; `None` where nothing is left to compare.
    pub skill_noise_corrected: Option<f64>,
}

/// Of the deviation of known noise: what is less is left of rounding.
const BESIDE_NOISE: f64 = 1e-9;

/// What is scored of every series: horizons, and ends of its past.
pub(crate) struct Plan {
    pub(crate) horizons: Vec<usize>,
    /// The latest first; of each horizon the first [`MOST_ORIGINS`] count at which it can be scored.
    pub(crate) origins: Vec<usize>,
}

impl Plan {
    /// For a past of so many periods: two cycles and four periods remain before every origin. Nothing where nothing is `scored`.
    pub(crate) fn of(n: usize, season: Season, horizon: usize, scored: bool) -> Self {
        let first = (2 * season.periods() + 4).max(8).max(n / 3);
        let horizons: Vec<usize> = (HORIZONS.into_iter())
            .filter(|&h| scored && h <= horizon)
            .collect();
        let origins = match horizons.last() {
            Some(longest) => (first..n).rev().take(MOST_ORIGINS + longest - 1).collect(),
            None => Vec::new(),
        };
        Self { horizons, origins }
    }
}

/// How one forecast did at one horizon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scored {
    error: f64,
    naive_error: f64,
    /// How large the value was.
    size: f64,
    /// The error over the mean step of a season.
    scaled: Option<f64>,
    inside: bool,
    interval_score: f64,
    noise: f64,
}

/// A series cut at an origin, and what it is measured against there.
pub(crate) struct Cut<'a> {
    series: &'a Series,
    origin: usize,
    /// The naive forecast needs whole history; what is missing is passed on as missing.
    naive: Vec<f64>,
    scale: Option<f64>,
}

impl<'a> Cut<'a> {
    /// `past` is the series until `origin`; `None` where it is nothing.
    pub(crate) fn of(
        series: &'a Series,
        past: &Series,
        origin: usize,
        longest: usize,
    ) -> Option<Self> {
        let season = series.season().periods();
        Some(Self {
            series,
            origin,
            naive: seasonal_naive(past.values(), season, longest)?,
            // Estimates that cancel leave more of rounding than their own size tells; noise tells how large their parts are.
            scale: seasonal_scale(past.values(), season)
                .filter(|scale| *scale > BESIDE_NOISE * past.mean_privacy().sqrt()),
        })
    }

    /// Whether a forecast of so many periods ahead can be scored. Nobody could know how much another way of measuring would move.
    pub(crate) fn is_known(&self, horizon: usize) -> bool {
        let at = self.origin + horizon - 1;
        let values = self.series.values();
        at < values.len()
            && self.series.comparable(self.origin - 1, at)
            && (self.series).comparable(at.saturating_sub(self.series.season().periods()), at)
            && !values[at].is_nan()
            && !self.naive[horizon - 1].is_nan()
    }

    /// How a forecast made at the origin did, its intervals widened by the noise of the value that came.
    pub(crate) fn score(
        &self,
        horizon: usize,
        ahead: &Forecast,
        calibration: &Calibration,
    ) -> Scored {
        let step = horizon - 1;
        let at = self.origin + step;
        let actual = self.series.values()[at];
        let noise = self.series.privacy().map_or(0.0, |p| p[at]);
        let error = actual - ahead.centre()[step];
        let (low, high) =
            ahead.interval_of_release(step, noise, calibration.deviations(LEVEL, step, ahead));
        Scored {
            error,
            naive_error: actual - self.naive[step],
            size: actual.abs(),
            scaled: self.scale.map(|scale| error.abs() / scale),
            inside: low <= actual && actual <= high,
            interval_score: interval_score(actual, low, high, 1.0 - LEVEL),
            noise,
        }
    }
}

/// At how many ends of its past a series is forecast for its backtest, at most: as often [`backtest`] asks for a forecast.
pub fn backtest_origins(series: &Series, horizon: usize) -> usize {
    let plan = Plan::of(series.values().len(), series.season(), horizon, true);
    plan.origins.len()
}

/// Backtests a series by itself at those of [`HORIZONS`] that are no longer than `horizon`: `ahead` forecasts it as far, as the forecast
/// was made that is shown, whose calibration this is. Empty where the series is too short. Series that are made to agree with others are
/// backtested together (`Trials`).
///
/// # Errors
/// The first of `ahead`, which may also call it off.
pub fn backtest<E>(
    series: &Series,
    horizon: usize,
    calibration: &Calibration,
    ahead: impl Fn(&Series) -> Result<Forecast, E>,
) -> Result<Vec<Backtest>, E> {
    let plan = Plan::of(series.values().len(), series.season(), horizon, true);
    let mut scored: Vec<Vec<Scored>> = vec![Vec::new(); plan.horizons.len()];
    for &origin in &plan.origins {
        let Some(past) = series.until(origin) else {
            continue;
        };
        let Some(cut) = Cut::of(series, &past, origin, horizon) else {
            continue;
        };
        let wanted: Vec<usize> = (0..plan.horizons.len())
            .filter(|&i| scored[i].len() < MOST_ORIGINS && cut.is_known(plan.horizons[i]))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let ahead = ahead(&past)?;
        for i in wanted {
            scored[i].push(cut.score(plan.horizons[i], &ahead, calibration));
        }
    }
    Ok(Backtest::all(&plan.horizons, &scored))
}

impl Backtest {
    /// Of what was scored by horizon, the latest origin first; horizons at which nothing could be are left out.
    pub(crate) fn all(horizons: &[usize], scored: &[Vec<Scored>]) -> Vec<Self> {
        (horizons.iter().zip(scored))
            .filter(|(_, scored)| !scored.is_empty())
            .map(|(horizon, scored)| Self::of(*horizon, &scored[..scored.len().min(MOST_ORIGINS)]))
            .collect()
    }

    fn of(horizon: usize, scored: &[Scored]) -> Self {
        let count = scored.len() as f64;
        let sum = |of: &dyn Fn(&Scored) -> f64| scored.iter().map(of).sum::<f64>();
        let absolute = sum(&|one| one.error.abs());
        let absolute_naive = sum(&|one| one.naive_error.abs());
        let noise = sum(&|one| one.noise);
        let rounding = sum(&|one| ROUNDING * one.size + BESIDE_NOISE * one.noise.sqrt());
        let squared = sum(&|one| one.error * one.error);
        let left = sum(&|one| one.naive_error * one.naive_error) - noise;
        let scaled: Vec<f64> = scored.iter().filter_map(|one| one.scaled).collect();
        Self {
            horizon,
            origins: scored.len(),
            mase: (!scaled.is_empty()).then(|| scaled.iter().sum::<f64>() / scaled.len() as f64),
            coverage: sum(&|one| f64::from(u8::from(one.inside))) / count,
            interval_score: sum(&|one| one.interval_score) / count,
            skill: (absolute_naive > rounding).then(|| 1.0 - absolute / absolute_naive),
            skill_noise_corrected: (left > rounding * rounding)
                .then(|| 1.0 - (squared - noise).max(0.0) / left),
        }
    }
}
