//! The dynamic optimised theta forecast (Fiorucci et al. 2016): simple exponential smoothing with a drift that is
//! half the running linear trend where theta is two. It takes complete series; it knows no observation noise.

use crate::decompose::{Pattern, tested};
use crate::simplex::{MOST, Search};

/// The fewest observations a trend is estimated from.
const FEWEST: usize = 8;

/// The running state of the model.
#[derive(Clone, Copy)]
struct Running {
    level: f64,
    mean: f64,
    intercept: f64,
    slope: f64,
    /// `(1 - alpha)^t`.
    decay: f64,
    t: f64,
}

#[derive(Clone, Copy)]
struct Parameters {
    level: f64,
    alpha: f64,
    /// `1 - 1/theta`.
    weight: f64,
}

impl Running {
    fn start(p: &Parameters, first: f64) -> Self {
        Self {
            level: p.alpha * first + (1.0 - p.alpha) * p.level,
            mean: first,
            intercept: first,
            slope: 0.0,
            decay: 1.0 - p.alpha,
            t: 1.0,
        }
    }

    /// The forecast of the next period.
    fn ahead(&self, p: &Parameters) -> f64 {
        let drift = self.decay * self.intercept
            + (1.0 - self.decay * (1.0 - p.alpha)) / p.alpha * self.slope;
        self.level + p.weight * drift
    }

    fn learn(&mut self, p: &Parameters, value: f64) {
        let n = self.t + 1.0;
        self.level = p.alpha * value + (1.0 - p.alpha) * self.level;
        self.slope = ((n - 2.0) * self.slope + 6.0 * (value - self.mean) / n) / (n + 1.0);
        self.mean = ((n - 1.0) * self.mean + value) / n;
        self.intercept = self.mean - 0.5 * (n + 1.0) * self.slope;
        self.decay *= 1.0 - p.alpha;
        self.t = n;
    }
}

fn errors(p: &Parameters, values: &[f64]) -> (f64, Running) {
    let mut running = Running::start(p, values[0]);
    let mut sum = 0.0;
    for (i, &value) in values.iter().enumerate().skip(1) {
        if i >= 2 {
            let error = value - running.ahead(p);
            sum += error * error;
        }
        running.learn(p, value);
    }
    (sum, running)
}

/// A theta forecast.
pub(crate) struct Theta {
    /// By horizon.
    pub(crate) ahead: Vec<f64>,
    /// What it misses of a growth by one in every period, by horizon: how far the same smoothing with the same trend, fed with 0, 1,
    /// 2, .., falls short of going on so. Given its parameters it is linear in the values, so this holds of any growth, and `season`
    /// factors take both alike.
    pub(crate) missed: Vec<f64>,
}

/// Forecasts the next `horizon` periods of `values`, with the season removed first and restored last.
/// `None` where the series is too short.
pub(crate) fn theta(values: &[f64], season: usize, horizon: usize) -> Option<Theta> {
    if values.len() < FEWEST || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let pattern = tested(values, season);
    Some(theta_with(values, &pattern, horizon))
}

/// As [`theta`], with a given pattern.
fn theta_with(values: &[f64], pattern: &Pattern, horizon: usize) -> Theta {
    let n = values.len();
    let flat: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(t, &v)| pattern.remove(t, v))
        .collect();
    let mean = flat.iter().sum::<f64>() / n as f64;
    let spread = flat.iter().map(|v| (v - mean).abs()).sum::<f64>() / n as f64;
    if spread <= 1e-12 * mean.abs() {
        return Theta {
            ahead: (0..horizon).map(|h| pattern.restore(n + h, mean)).collect(),
            // A mean is as old as the middle of its values.
            missed: (0..horizon)
                .map(|h| 0.5 * (n + 1) as f64 + h as f64)
                .collect(),
        };
    }
    let decode = |x: &[f64; MOST]| Parameters {
        level: flat[0] + x[2] * spread,
        alpha: 0.1 + 0.89 / (1.0 + (-x[0]).exp()),
        // theta from 1 to infinity: from smoothing alone to smoothing plus the whole trend.
        weight: 1.0 / (1.0 + (-x[1]).exp()),
    };
    let scale = n as f64;
    let search = Search {
        dimensions: 3,
        start: [0.0, 0.0, -0.5, 0.0, 0.0],
        spread: [1.5, 1.5, 0.5, 0.0, 0.0],
        evaluations: 90,
        tolerance: 1e-3,
    };
    let (best, _) = search.minimum(|x| scale * errors(&decode(x), &flat).0.ln());
    let p = decode(&best);
    let ahead = on(&p, &flat, horizon);
    let ramp: Vec<f64> = (0..n).map(|t| t as f64).collect();
    let still = Parameters { level: 0.0, ..p };
    let of_ramp = on(&still, &ramp, horizon);
    Theta {
        ahead: (ahead.iter().enumerate())
            .map(|(h, value)| pattern.restore(n + h, *value))
            .collect(),
        missed: (of_ramp.iter().enumerate())
            .map(|(h, reached)| (n + h) as f64 - reached)
            .collect(),
    }
}

/// Where `values` go on to.
fn on(p: &Parameters, values: &[f64], horizon: usize) -> Vec<f64> {
    let (_, mut running) = errors(p, values);
    (0..horizon)
        .map(|_| {
            let ahead = running.ahead(p);
            running.learn(p, ahead);
            ahead
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On any values, a growth added to them moves the forecast of the same parameters by all of it but what is said to be missed.
    #[test]
    fn what_is_missed_of_a_growth_is_what_the_forecast_does_not_follow() {
        let values: Vec<f64> = (0..40).map(|t| 50.0 + ((t * 7919) % 13) as f64).collect();
        for (alpha, weight) in [(0.1, 0.0), (0.3, 0.5), (0.9, 0.4), (0.5, 1.0)] {
            let p = Parameters {
                level: 52.0,
                alpha,
                weight,
            };
            let grown: Vec<f64> = (values.iter().enumerate())
                .map(|(t, value)| value + 2.0 * t as f64)
                .collect();
            let ramp: Vec<f64> = (0..40).map(|t| t as f64).collect();
            let of_ramp = on(&Parameters { level: 0.0, ..p }, &ramp, 6);
            let (before, after) = (on(&p, &values, 6), on(&p, &grown, 6));
            for h in 0..6 {
                let moved = (after[h] - before[h]) / 2.0;
                assert!((moved - of_ramp[h]).abs() < 1e-9, "{moved} {}", of_ramp[h]);
                // Smoothing alone is 1/alpha behind, with the whole trend it follows.
                let behind = (1.0 - weight) / alpha;
                let missed = (40 + h) as f64 - of_ramp[h];
                assert!(h > 0 || (missed - behind).abs() < 0.2, "{missed} {behind}");
            }
        }
    }
}
