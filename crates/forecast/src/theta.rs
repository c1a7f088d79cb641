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

/// Forecasts the next `horizon` periods of `values`, with the season removed first and restored last.
/// `None` where the series is too short.
pub(crate) fn theta(values: &[f64], season: usize, horizon: usize) -> Option<Vec<f64>> {
    if values.len() < FEWEST || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let pattern = tested(values, season);
    Some(theta_with(values, &pattern, horizon))
}

/// As [`theta`], with a given pattern.
pub(crate) fn theta_with(values: &[f64], pattern: &Pattern, horizon: usize) -> Vec<f64> {
    let n = values.len();
    let flat: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(t, &v)| pattern.remove(t, v))
        .collect();
    let mean = flat.iter().sum::<f64>() / n as f64;
    let spread = flat.iter().map(|v| (v - mean).abs()).sum::<f64>() / n as f64;
    if spread <= 1e-12 * mean.abs() {
        return (0..horizon).map(|h| pattern.restore(n + h, mean)).collect();
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
    let (_, mut running) = errors(&p, &flat);
    (0..horizon)
        .map(|h| {
            let ahead = running.ahead(&p);
            running.learn(&p, ahead);
            pattern.restore(n + h, ahead)
        })
        .collect()
}
