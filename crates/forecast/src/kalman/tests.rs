//! The filter against the model written out as one Gaussian vector.

use super::*;
use ndarray::{Array1, Array2};

const NOISE: [f64; 14] = [
    2.0, 3.0, 2.5, 4.0, 2.0, 1.0, 0.5, 2.0, 3.0, 2.0, 1.5, 2.0, 2.5, 1.0,
];
const VALUES: [f64; 14] = [
    10.0, 12.0, 8.0, 5.0, 11.5, 13.0, 7.0, -4.0, 12.0, 15.0, 9.0, 6.5, 14.0, 16.0,
];

/// Signal loadings of the initial state and of every later disturbance, written out period by period:
/// the model as one big Gaussian vector, without any recursion of covariances.
struct Dense<const M: usize> {
    /// Covariance of the values apart from the initial state.
    cov: Array2<f64>,
    /// What each element of the initial state does to each value.
    initial: Array2<f64>,
}

impl<const M: usize> Dense<M> {
    fn new(n: usize, d: &Disturbances, noise: &[f64]) -> Self {
        let path = |mut state: [f64; M], from: usize| -> Vec<f64> {
            (from..n)
                .map(|t| {
                    let z = State::<M>::loading(t);
                    let signal: f64 = z.iter().zip(&state).map(|(a, b)| a * b).sum();
                    if Layout::<M>::SLOPE {
                        state[0] += state[1];
                        state[1] *= d.damping;
                    }
                    signal
                })
                .collect()
        };
        let unit = |i: usize| std::array::from_fn::<f64, M, _>(|j| f64::from(u8::from(i == j)));
        let mut initial = Array2::zeros((n, M));
        for i in 0..M {
            for (t, x) in path(unit(i), 0).into_iter().enumerate() {
                initial[[t, i]] = x;
            }
        }
        let mut q = [[0.0; M]; M];
        q[0][0] = d.level;
        if Layout::<M>::SLOPE {
            q[1][1] = d.slope;
            q[0][1] = d.shared;
            q[1][0] = d.shared;
        }
        add_season(&mut q, d.season);
        let mut cov = Array2::from_diag(&Array1::from_vec(noise[..n].to_vec()));
        for from in 1..n {
            let effects: Vec<Vec<f64>> = (0..M).map(|i| path(unit(i), from)).collect();
            for (a, row) in effects.iter().enumerate() {
                for (b, other) in effects.iter().enumerate() {
                    for (s, x) in row.iter().enumerate() {
                        for (t, y) in other.iter().enumerate() {
                            cov[[from + s, from + t]] += q[a][b] * x * y;
                        }
                    }
                }
            }
        }
        Self { cov, initial }
    }
}

/// Lower Cholesky factor.
fn cholesky(a: &Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    let mut l = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
            l[[i, j]] = if i == j {
                (a[[i, i]] - sum).sqrt()
            } else {
                (a[[i, j]] - sum) / l[[j, j]]
            };
        }
    }
    l
}

fn solve_lower(l: &Array2<f64>, b: &Array1<f64>) -> Array1<f64> {
    let mut x = b.clone();
    for i in 0..l.nrows() {
        for k in 0..i {
            x[i] -= l[[i, k]] * x[k];
        }
        x[i] /= l[[i, i]];
    }
    x
}

fn log_determinant(l: &Array2<f64>) -> f64 {
    2.0 * l.diag().iter().map(|x| x.ln()).sum::<f64>()
}

/// A basis `B` of the diffuse elements with `B B'` the filter's diffuse covariance.
fn basis<const M: usize>() -> Array2<f64> {
    let s = Layout::<M>::SEASONS;
    let first = Layout::<M>::FIRST;
    let mut basis = Array2::zeros((M, first + s.saturating_sub(1)));
    for i in 0..first {
        basis[[i, i]] = 1.0;
    }
    // Helmert contrasts are orthonormal and orthogonal to the constant, so they square to I - 11'/s.
    for k in 1..s {
        let scale = 1.0 / ((k * (k + 1)) as f64).sqrt();
        for i in 0..k {
            basis[[first + i, first + k - 1]] = scale;
        }
        basis[[first + k, first + k - 1]] = -(k as f64) * scale;
    }
    basis
}

/// Deviance of the diffuse likelihood by generalised least squares on the dense model.
fn dense_deviance<const M: usize>(d: &Disturbances, missing: &[usize]) -> f64 {
    let n = VALUES.len();
    let dense = Dense::<M>::new(n, d, &NOISE);
    let kept: Vec<usize> = (0..n).filter(|t| !missing.contains(t)).collect();
    let m = kept.len();
    let cov = Array2::from_shape_fn((m, m), |(i, j)| dense.cov[[kept[i], kept[j]]]);
    let x = dense.initial.dot(&basis::<M>());
    let x = Array2::from_shape_fn((m, x.ncols()), |(i, j)| x[[kept[i], j]]);
    let y = Array1::from_iter(kept.iter().map(|&t| VALUES[t]));
    let l = cholesky(&cov);
    let y = solve_lower(&l, &y);
    let mut whitened = x.clone();
    for j in 0..x.ncols() {
        whitened
            .column_mut(j)
            .assign(&solve_lower(&l, &x.column(j).to_owned()));
    }
    let gram = whitened.t().dot(&whitened);
    let lower = cholesky(&gram);
    let projected = solve_lower(&lower, &whitened.t().dot(&y));
    let squares = y.dot(&y) - projected.dot(&projected);
    (m - x.ncols()) as f64 * std::f64::consts::TAU.ln()
        + log_determinant(&l)
        + log_determinant(&lower)
        + squares
}

fn filtered<const M: usize>(d: &Disturbances, start: State<M>, missing: &[usize]) -> Evidence {
    let mut values = VALUES;
    for &t in missing {
        values[t] = f64::NAN;
    }
    filter(
        &mut start.clone(),
        d,
        &values,
        |t| NOISE[t],
        &[],
        |_, _, _| {},
    )
}

const DISTURBANCES: Disturbances = Disturbances {
    level: 0.7,
    slope: 0.05,
    shared: -0.1,
    season: 0.2,
    damping: 0.9,
};

fn check<const M: usize>(missing: &[usize]) {
    let found = filtered(&DISTURBANCES, State::<M>::unknown(), missing).deviance();
    let expected = dense_deviance::<M>(&DISTURBANCES, missing);
    assert!(
        (found - expected).abs() < 1e-9,
        "{M}: {found} against {expected}"
    );
}

#[test]
fn likelihood_agrees_with_a_dense_gaussian() {
    check::<1>(&[]);
    check::<2>(&[]);
    check::<5>(&[]);
    check::<6>(&[]);
    check::<13>(&[]);
}

#[test]
fn likelihood_agrees_with_a_dense_gaussian_where_values_are_missing() {
    check::<1>(&[0, 5]);
    check::<2>(&[1, 2, 9]);
    // A whole season's first values are missing, so a diffuse element waits.
    check::<5>(&[2, 6, 13]);
    check::<6>(&[0, 4, 7]);
}

#[test]
fn diffuse_start_is_the_limit_of_a_large_variance() {
    let size = 1e7;
    let mut large = State::<6>::known();
    for (row, diffuse) in large.cov.iter_mut().zip(&State::<6>::unknown().diffuse) {
        for (cell, d) in row.iter_mut().zip(diffuse) {
            *cell = size * d;
        }
    }
    let exact = filtered(&DISTURBANCES, State::<6>::unknown(), &[3]).deviance();
    let limit = filtered(&DISTURBANCES, large, &[3]).deviance();
    // Five diffuse elements, each of which costs the logarithm of its variance and of tau.
    let limit = limit - 5.0 * (size * std::f64::consts::TAU).ln();
    assert!((exact - limit).abs() < 1e-4, "{exact} against {limit}");
}

#[test]
fn a_break_is_the_limit_of_a_level_that_may_move_anywhere_there() {
    let mut exact = State::<5>::unknown();
    let told = filter(
        &mut exact,
        &DISTURBANCES,
        &VALUES,
        |t| NOISE[t],
        &[9],
        |_, _, _| {},
    );
    // By hand: a level variance so large that only rounding is larger.
    let mut state = State::<5>::unknown();
    let mut squares = 0.0;
    for (period, &value) in VALUES.iter().enumerate() {
        if period == 9 {
            state.cov[0][0] += 1e7;
        }
        let seen = state.observe(period, value, NOISE[period]);
        if !seen.diffuse {
            squares += seen.error * seen.error / seen.variance;
        }
        state.advance(&DISTURBANCES);
    }
    assert_eq!((exact.rank, told.observed), (0, VALUES.len() - 5));
    assert!(
        (told.squares - squares).abs() < 1e-4,
        "{} and {squares}",
        told.squares
    );
    for (a, b) in exact.mean.iter().zip(&state.mean) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
    for (a, b) in exact.cov.iter().flatten().zip(state.cov.iter().flatten()) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
}

#[test]
fn seasonal_effects_sum_to_zero_at_all_times() {
    let mut state = State::<6>::unknown();
    filter(
        &mut state,
        &DISTURBANCES,
        &VALUES,
        |t| NOISE[t],
        &[9],
        |t, s, _| {
            let sum: f64 = s.mean[2..].iter().sum();
            assert!(sum.abs() < 1e-9, "period {t}: {sum}");
        },
    );
}

#[test]
fn concentrated_deviance_is_the_deviance_at_the_best_scale() {
    let evidence = filtered(&DISTURBANCES, State::<5>::unknown(), &[]);
    let (scale, deviance) = evidence.concentrated();
    let n = evidence.observed as f64;
    let at = |s: f64| {
        n * (std::f64::consts::TAU * s).ln() + evidence.log_variances + evidence.squares / s
    };
    assert!((at(scale) - deviance).abs() < 1e-9);
    assert!(at(scale) < at(1.01 * scale) && at(scale) < at(0.99 * scale));
}
