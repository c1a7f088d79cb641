//! How a series' forecasts would have done: it is cut at rolling origins, forecast, and scored at chosen horizons.
//! Held-out values are noisy too: coverage is counted with intervals widened by their noise, and errors are also
//! given with the noise taken off. It never sees a true value.

use crate::baseline::seasonal_naive;
use crate::borrow::Prior;
use crate::calibrate::Calibration;
use crate::combine::forecast;
use crate::score::{interval_score, seasonal_scale};
use crate::series::{ForecastError, Series};

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

#[derive(Default)]
struct Sums {
    origins: usize,
    scaled: f64,
    scaled_count: usize,
    inside: f64,
    score: f64,
    absolute: f64,
    absolute_naive: f64,
    squared: f64,
    squared_naive: f64,
    noise: f64,
}

/// Backtests a series at those of [`HORIZONS`] that are no longer than `horizon`. Empty where the series is too short:
/// two cycles and four periods must remain before every origin.
pub fn backtest(
    series: &Series,
    horizon: usize,
    calibration: &Calibration,
) -> Result<Vec<Backtest>, ForecastError> {
    let n = series.values().len();
    let season = series.season().periods();
    let horizons: Vec<usize> = HORIZONS.into_iter().filter(|&h| h <= horizon).collect();
    let Some(&longest) = horizons.last() else {
        return Ok(Vec::new());
    };
    let first = (2 * season + 4).max(8).max(n / 3);
    let mut sums: Vec<Sums> = horizons.iter().map(|_| Sums::default()).collect();
    for origin in (first..n).rev().take(MOST_ORIGINS + longest - 1) {
        let Some(past) = series.until(origin) else {
            continue;
        };
        // The naive forecast needs whole history; what is missing is passed on as missing.
        let Some(naive) = seasonal_naive(past.values(), season, longest) else {
            continue;
        };
        let scored: Vec<usize> = (0..horizons.len())
            .filter(|&i| {
                let at = origin + horizons[i] - 1;
                // Nobody could know how much another way of measuring would move.
                at < n
                    && series.comparable(origin - 1, at)
                    && series.comparable(at.saturating_sub(season), at)
                    && !series.values()[at].is_nan()
                    && !naive[horizons[i] - 1].is_nan()
                    && sums[i].origins < MOST_ORIGINS
            })
            .collect();
        if scored.is_empty() {
            continue;
        }
        let ahead = forecast(&past, longest, &Prior::default())?;
        let scale = seasonal_scale(past.values(), season);
        for i in scored {
            let step = horizons[i] - 1;
            let at = origin + step;
            let actual = series.values()[at];
            let noise = series.privacy().map_or(0.0, |p| p[at]);
            let centre = ahead.centre()[step];
            let (low, high) =
                ahead.interval_of_release(step, noise, calibration.deviations(LEVEL, step, &ahead));
            let error = (actual - centre).abs();
            let naive_error = (actual - naive[step]).abs();
            let sum = &mut sums[i];
            sum.origins += 1;
            if let Some(scale) = scale {
                sum.scaled += error / scale;
                sum.scaled_count += 1;
            }
            sum.inside += f64::from(u8::from(low <= actual && actual <= high));
            sum.score += interval_score(actual, low, high, 1.0 - LEVEL);
            sum.absolute += error;
            sum.absolute_naive += naive_error;
            sum.squared += error * error;
            sum.squared_naive += naive_error * naive_error;
            sum.noise += noise;
        }
    }
    Ok(horizons
        .into_iter()
        .zip(sums)
        .filter(|(_, sum)| sum.origins > 0)
        .map(|(horizon, sum)| sum.finish(horizon))
        .collect())
}

impl Sums {
    fn finish(self, horizon: usize) -> Backtest {
        let count = self.origins as f64;
        let left = self.squared_naive - self.noise;
        Backtest {
            horizon,
            origins: self.origins,
            mase: (self.scaled_count > 0).then(|| self.scaled / self.scaled_count as f64),
            coverage: self.inside / count,
            interval_score: self.score / count,
            skill: (self.absolute_naive > 0.0).then(|| 1.0 - self.absolute / self.absolute_naive),
            skill_noise_corrected: (left > 0.0)
                .then(|| 1.0 - (self.squared - self.noise).max(0.0) / left),
        }
    }
}
