//! Forecasts of all levels made to add up: the minimum trace projection (Wickramasinghe, Athanasopoulos and Hyndman
//! 2019) with each node's forecast variance, and with the covariance that shared privacy noise makes, known exactly.
//! Leaves of non-negative series stay non-negative. It moves centres only; each node keeps its own deviations.
//!
//! With leaf errors `b`, errors of sums `a` and the sums' matrix `A`, the incoherence `r = a - A b` is observed, and
//! leaves move by their regression on it: `b - Cov(b, r) Var(r)^-1 r`. That is one system of the size of the sums.

use crate::combine::Forecast;
use crate::hierarchy::Hierarchy;
use crate::series::{ForecastError, Series};
use ndarray::{Array1, Array2};

/// Rounds in which leaves are put to, or freed from, zero.
const MOST_ROUNDS: usize = 60;

/// Variances below this part of the largest are taken for it, so that a still series does not stop the rest.
const LEAST_VARIANCE: f64 = 1e-10;

/// A node of the lattice in one period to come.
struct Beliefs {
    centre: Vec<f64>,
    /// Variance without the part of privacy noise.
    own: Vec<f64>,
    /// The node's privacy error is this much of the sum of its leaves' noise.
    pull: Vec<f64>,
}

impl Beliefs {
    fn new(forecasts: &[Forecast], noise: &[f64], step: usize, largest: f64) -> Self {
        let mut beliefs = Self {
            centre: Vec::with_capacity(forecasts.len()),
            own: Vec::with_capacity(forecasts.len()),
            pull: Vec::with_capacity(forecasts.len()),
        };
        for (forecast, &noise) in forecasts.iter().zip(noise) {
            let total = forecast.deviation(step).powi(2);
            let share = &forecast.explanation().shares[step];
            let part = if share.total() > 0.0 {
                share.privacy / share.total()
            } else {
                0.0
            };
            let privacy = if noise > 0.0 { part * total } else { 0.0 };
            beliefs.centre.push(forecast.centre()[step]);
            beliefs
                .own
                .push((total - privacy).max(LEAST_VARIANCE * largest));
            beliefs.pull.push(if noise > 0.0 {
                (privacy / noise).sqrt()
            } else {
                0.0
            });
        }
        beliefs
    }
}

/// Forecasts of the sums and of the leaves around centres that add up. `leaf_series` gives the noise of the leaves.
pub fn reconcile(
    hierarchy: &Hierarchy,
    sums: &[Forecast],
    leaves: &[Forecast],
    leaf_series: &[Series],
) -> Result<(Vec<Forecast>, Vec<Forecast>), ForecastError> {
    if sums.len() != hierarchy.nodes().len()
        || leaves.len() != hierarchy.leaves()
        || leaf_series.len() != leaves.len()
    {
        return Err(ForecastError::InvalidHierarchy(
            "there must be one forecast for each node and each series of the hierarchy".to_owned(),
        ));
    }
    let horizon = leaves.first().map_or(0, |f| f.centre().len());
    let noise: Vec<f64> = leaf_series.iter().map(Series::mean_privacy).collect();
    let sum_noise: Vec<f64> = hierarchy
        .nodes()
        .iter()
        .map(|node| node.leaves.iter().map(|&l| noise[l]).sum())
        .collect();
    let non_negative: Vec<bool> = leaves.iter().map(Forecast::non_negative).collect();
    let ancestors = hierarchy.ancestors();
    let mut leaf_centres = vec![Vec::with_capacity(horizon); leaves.len()];
    let mut sum_centres = vec![Vec::with_capacity(horizon); sums.len()];
    for step in 0..horizon {
        let largest = sums
            .iter()
            .chain(leaves)
            .map(|f| f.deviation(step).powi(2))
            .fold(f64::MIN_POSITIVE, f64::max);
        let above = Beliefs::new(sums, &sum_noise, step, largest);
        let below = Beliefs::new(leaves, &noise, step, largest);
        let centres = project(hierarchy, &ancestors, &above, &below, &noise, &non_negative);
        for (node, series) in hierarchy.nodes().iter().zip(&mut sum_centres) {
            series.push(node.leaves.iter().map(|&l| centres[l]).sum());
        }
        for (series, centre) in leaf_centres.iter_mut().zip(centres) {
            series.push(centre);
        }
    }
    let around = |forecasts: &[Forecast], centres: Vec<Vec<f64>>| -> Vec<Forecast> {
        forecasts
            .iter()
            .zip(centres)
            .map(|(forecast, centre)| forecast.around(centre))
            .collect()
    };
    Ok((around(sums, sum_centres), around(leaves, leaf_centres)))
}

/// Reconciled leaves in one period.
fn project(
    hierarchy: &Hierarchy,
    ancestors: &[Vec<usize>],
    above: &Beliefs,
    below: &Beliefs,
    noise: &[f64],
    non_negative: &[bool],
) -> Vec<f64> {
    let n = hierarchy.nodes().len();
    let mut spread = Array2::<f64>::from_diag(&Array1::from_vec(above.own.clone()));
    for (leaf, over) in ancestors.iter().enumerate() {
        for &a in over {
            let of_a = above.pull[a] - below.pull[leaf];
            for &b in over {
                let of_b = above.pull[b] - below.pull[leaf];
                spread[[a, b]] += below.own[leaf] + of_a * of_b * noise[leaf];
            }
        }
    }
    let factor = cholesky(spread);
    let mut gap = Array1::<f64>::zeros(n);
    for (a, node) in hierarchy.nodes().iter().enumerate() {
        gap[a] = above.centre[a] - node.leaves.iter().map(|&l| below.centre[l]).sum::<f64>();
    }
    let pressure = solve(&factor, gap);
    // Covariance of a leaf with the incoherence of a sum over it.
    let with_gap = |leaf: usize, a: usize| {
        let pull = below.pull[leaf];
        pull * noise[leaf] * (above.pull[a] - pull) - below.own[leaf]
    };
    let centres: Vec<f64> = ancestors
        .iter()
        .enumerate()
        .map(|(leaf, over)| {
            let shift: f64 = over.iter().map(|&a| with_gap(leaf, a) * pressure[a]).sum();
            below.centre[leaf] - shift
        })
        .collect();
    let posterior_column = |leaf: usize| -> Vec<f64> {
        let mut load = Array1::<f64>::zeros(n);
        for &a in &ancestors[leaf] {
            load[a] = with_gap(leaf, a);
        }
        let load = solve(&factor, load);
        ancestors
            .iter()
            .enumerate()
            .map(|(other, over)| {
                let own = if other == leaf {
                    below.own[leaf] + below.pull[leaf].powi(2) * noise[leaf]
                } else {
                    0.0
                };
                own - over
                    .iter()
                    .map(|&a| with_gap(other, a) * load[a])
                    .sum::<f64>()
            })
            .collect()
    };
    hold_at_zero(centres, non_negative, posterior_column)
}

/// The most likely point without negative leaves, under a Gaussian with this centre and these columns of covariance:
/// non-negative least squares by block pivoting on the leaves held at zero (Portugal, Judice and Vicente 1994).
fn hold_at_zero(
    centres: Vec<f64>,
    non_negative: &[bool],
    column: impl Fn(usize) -> Vec<f64>,
) -> Vec<f64> {
    let scale = centres.iter().fold(0.0_f64, |m, c| m.max(c.abs()));
    let tolerance = 1e-9 * scale;
    let mut held: Vec<usize> = Vec::new();
    let mut columns: std::collections::HashMap<usize, Vec<f64>> = std::collections::HashMap::new();
    let mut found = centres.clone();
    for _ in 0..MOST_ROUNDS {
        let fallen: Vec<usize> = (0..found.len())
            .filter(|&l| non_negative[l] && found[l] < -tolerance && !held.contains(&l))
            .collect();
        if fallen.is_empty() {
            break;
        }
        held.extend(fallen);
        held.sort_unstable();
        for &leaf in &held {
            columns.entry(leaf).or_insert_with(|| column(leaf));
        }
        // The forces that hold leaves at zero push up; a leaf that would have to be pulled down is let go.
        let mut force;
        loop {
            let m = held.len();
            let largest = held
                .iter()
                .map(|l| columns[l][*l])
                .fold(f64::MIN_POSITIVE, f64::max);
            let square = Array2::from_shape_fn((m, m), |(i, j)| {
                let ridge = if i == j { 1e-12 * largest } else { 0.0 };
                columns[&held[j]][held[i]] + ridge
            });
            let target = Array1::from_iter(held.iter().map(|&l| -centres[l]));
            force = solve(&cholesky(square), target);
            let kept: Vec<usize> = held
                .iter()
                .zip(&force)
                .filter(|(_, f)| **f >= 0.0)
                .map(|(l, _)| *l)
                .collect();
            if kept.len() == m {
                break;
            }
            held = kept;
        }
        found.clone_from(&centres);
        for (leaf, force) in held.iter().zip(&force) {
            for (value, covariance) in found.iter_mut().zip(&columns[leaf]) {
                *value += force * covariance;
            }
        }
    }
    for (value, &bound) in found.iter_mut().zip(non_negative) {
        if bound && *value < 0.0 {
            *value = 0.0;
        }
    }
    for leaf in held {
        found[leaf] = 0.0;
    }
    found
}

/// Lower factor of a positive definite matrix.
fn cholesky(mut a: Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    for j in 0..n {
        for k in 0..j {
            let factor = a[[j, k]];
            for i in j..n {
                let term = a[[i, k]] * factor;
                a[[i, j]] -= term;
            }
        }
        let root = a[[j, j]].max(f64::MIN_POSITIVE).sqrt();
        for i in j..n {
            a[[i, j]] /= root;
        }
    }
    a
}

/// Solves `L L' x = b`.
fn solve(l: &Array2<f64>, mut x: Array1<f64>) -> Array1<f64> {
    let n = l.nrows();
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| l[[i, k]] * x[k]).sum();
        x[i] = (x[i] - sum) / l[[i, i]];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| l[[k, i]] * x[k]).sum();
        x[i] = (x[i] - sum) / l[[i, i]];
    }
    x
}
