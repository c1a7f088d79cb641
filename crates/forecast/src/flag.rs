//! Outliers and level shifts, from the auxiliary residuals of a fitted model (Harvey and Koopman 1992).
//! They are named to the reader; no value is changed or left out because of them.

use crate::fit::{Fit, Observed};
use crate::kalman::{Layout, State};
use statrs::distribution::{ContinuousCDF as _, Normal};

/// What is unusual about a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusual {
    /// This value alone is far off.
    Outlier,
    /// From this period on the level is another.
    LevelShift,
}

impl std::fmt::Display for Unusual {
    /// `outlier` or `level-shift`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unusual::Outlier => "outlier",
            Unusual::LevelShift => "level-shift",
        })
    }
}

/// An unusual period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flag {
    /// Counted from zero.
    pub period: usize,
    /// What is unusual.
    pub unusual: Unusual,
    /// How far, in standard deviations, with its sign.
    pub deviations: f64,
}

/// The chance that a series which follows its model gets a flag at all.
const FALSE_ALARM: f64 = 0.01;

/// Flags of `values` in the eyes of `fit`, and the mean errors
/// of its forecasts of `reach` periods from every past origin (NaN where there is none, or a break lies between). A level that is another
/// at one of the `breaks` is known to be, and no flag.
pub(crate) fn flags<const M: usize>(
    fit: &Fit<M>,
    (values, breaks): (&[f64], &[usize]),
    observed: &Observed<'_>,
    mut state: State<M>,
    reach: usize,
) -> (Vec<Flag>, Vec<f64>) {
    let start = state.clone();
    let n = values.len();
    let mut steps = Vec::with_capacity(n);
    let mut residuals = vec![f64::NAN; n];
    let reach = reach.min(n / 4).max(1);
    for (period, &value) in values.iter().enumerate() {
        if breaks.contains(&period) {
            state.loosen(&start);
        }
        let mut step = None;
        if !value.is_nan() {
            let variance = observed.variance(period);
            let gain = state.gain(period, variance);
            let seen = state.observe(period, value, variance);
            step = Some((seen, gain));
        }
        steps.push(step);
        state.advance(&fit.disturbances);
        let whole = !breaks
            .iter()
            .any(|at| (period + 1..=period + reach).contains(at));
        if state.rank == 0 && whole && period + reach < n {
            residuals[period] =
                mean_error(&state, values, period + 1, reach, fit.disturbances.damping);
        }
    }
    // Backwards: `r` and `big` (N) are the weighted sum of later innovations and its variance.
    let mut r = [0.0_f64; M];
    let mut big = [[0.0_f64; M]; M];
    let tests = 2.0 * n as f64;
    // Unwrap safety: mean and deviation of the standard normal distribution are valid.
    let normal = Normal::new(0.0, 1.0).unwrap();
    let limit = -normal.inverse_cdf(0.5 * FALSE_ALARM / tests);
    let mut found: Vec<Flag> = Vec::new();
    for (period, step) in steps.iter().enumerate().rev() {
        let shift = if big[0][0] > 0.0 {
            r[0] / big[0][0].sqrt()
        } else {
            0.0
        };
        if shift.abs() > limit && period + 1 < n {
            found.push(Flag {
                period: period + 1,
                unusual: Unusual::LevelShift,
                deviations: shift,
            });
        }
        back(&mut r, &mut big, fit.disturbances.damping);
        let Some((seen, gain)) = step else { continue };
        if seen.diffuse {
            // Periods spent on the start, or on the level at a break, are explained by construction; what was before a break is
            // judged by what was seen before it.
            if breaks.iter().all(|at| *at > period) {
                break;
            }
            r = [0.0; M];
            big = [[0.0; M]; M];
            continue;
        }
        let weighted: [f64; M] =
            std::array::from_fn(|i| big[i].iter().zip(gain).map(|(a, b)| a * b).sum());
        let u = seen.error / seen.variance - dot(gain, &r);
        let d = 1.0 / seen.variance + dot(gain, &weighted);
        let outlier = u / d.sqrt();
        if outlier.abs() > limit {
            found.push(Flag {
                period,
                unusual: Unusual::Outlier,
                deviations: outlier,
            });
        }
        let z = State::<M>::loading(period);
        for i in 0..M {
            r[i] += z[i] * u;
            for j in 0..M {
                big[i][j] += z[i] * z[j] * d - z[i] * weighted[j] - weighted[i] * z[j];
            }
        }
    }
    (peaks(found), residuals)
}

/// Mean error of the forecasts of `reach` periods from `first` on; NaN where one of their values is missing.
fn mean_error<const M: usize>(
    state: &State<M>,
    values: &[f64],
    first: usize,
    reach: usize,
    damping: f64,
) -> f64 {
    let mut ahead = State::<M> {
        mean: state.mean,
        ..State::known()
    };
    let mut sum = 0.0;
    for (period, value) in values.iter().enumerate().skip(first).take(reach) {
        sum += value - ahead.signal(period);
        if Layout::<M>::SLOPE {
            ahead.mean[0] += ahead.mean[1];
            ahead.mean[1] *= damping;
        }
    }
    sum / reach as f64
}

fn dot<const M: usize>(a: &[f64; M], b: &[f64; M]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `T' r` and `T' N T`.
fn back<const M: usize>(r: &mut [f64; M], big: &mut [[f64; M]; M], damping: f64) {
    if !Layout::<M>::SLOPE {
        return;
    }
    r[1] = r[0] + damping * r[1];
    let level = big[0];
    for (cell, of_level) in big[1].iter_mut().zip(&level) {
        *cell = of_level + damping * *cell;
    }
    for row in big.iter_mut() {
        row[1] = row[0] + damping * row[1];
    }
}

/// One flag for each event: the strongest of those within two periods of each other.
fn peaks(mut found: Vec<Flag>) -> Vec<Flag> {
    found.sort_by(|a, b| b.deviations.abs().total_cmp(&a.deviations.abs()));
    let mut kept: Vec<Flag> = Vec::new();
    for flag in found {
        if kept.iter().all(|k| k.period.abs_diff(flag.period) > 2) {
            kept.push(flag);
        }
    }
    kept.sort_by_key(|flag| flag.period);
    kept
}
