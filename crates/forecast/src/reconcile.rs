//! Forecasts of all levels made to add up: the minimum trace projection (Wickramasinghe, Athanasopoulos and Hyndman
//! 2019) with each node's forecast variance, and with the covariance that shared privacy noise makes, known exactly.
//! Leaves of non-negative series stay non-negative. It moves centres only; each node keeps its own deviations.
//!
//! With leaf errors `b`, errors of sums `a` and the sums' matrix `A`, the incoherence `r = a - A b` is observed, and
//! leaves move by their regression on it: `b - Cov(b, r) Var(r)^-1 r`. That is one system of the size of the sums.
//! Errors that share a cause are correlated as past errors were (`alike`).

use crate::alike::correlation;
use crate::combine::Forecast;
use crate::hierarchy::Hierarchy;
use crate::series::{ForecastError, Series};
use ndarray::{Array1, Array2, Axis};

/// Rounds in which leaves are put to, or freed from, zero.
const MOST_ROUNDS: usize = 60;

/// Variances below this part of the largest are taken for it, so that a still series does not stop the rest.
const LEAST_VARIANCE: f64 = 1e-10;

/// The model variance of a sum of k leaves counts as k to the power of minus this: noise hides in the leaves a slope that
/// their sum shows, and the leaves' models do not know what they miss. Chosen by rolling origins.
const TRUST: f64 = 0.5;

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
            beliefs.centre.push(forecast.mean(step));
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
    let alike = correlation(sums, leaves);
    let mut leaf_centres = vec![Vec::with_capacity(horizon); leaves.len()];
    let mut sum_centres = vec![Vec::with_capacity(horizon); sums.len()];
    for step in 0..horizon {
        let largest = sums
            .iter()
            .chain(leaves)
            .map(|f| f.deviation(step).powi(2))
            .fold(f64::MIN_POSITIVE, f64::max);
        let mut above = Beliefs::new(sums, &sum_noise, step, largest);
        for (variance, node) in above.own.iter_mut().zip(hierarchy.nodes()) {
            *variance /= (node.leaves.len() as f64).powf(TRUST);
        }
        let below = Beliefs::new(leaves, &noise, step, largest);
        let errors = Errors::new(hierarchy, &above, &below, &noise, &alike);
        let centres = project(hierarchy, &above, &below, &errors, &non_negative);
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

/// Covariance of the errors of all nodes in one period, sums before leaves.
struct Errors {
    cov: Array2<f64>,
    sums: usize,
}

impl Errors {
    /// `alike` is the correlation of the nodes' own errors.
    fn new(
        hierarchy: &Hierarchy,
        above: &Beliefs,
        below: &Beliefs,
        noise: &[f64],
        alike: &Array2<f64>,
    ) -> Self {
        let own: Vec<f64> = above
            .own
            .iter()
            .chain(&below.own)
            .map(|v| v.sqrt())
            .collect();
        let mut cov = Array2::from_shape_fn(alike.dim(), |(i, j)| own[i] * own[j] * alike[[i, j]]);
        let sums = hierarchy.nodes().len();
        // Every release of a leaf carries its noise into all sums over it.
        let mut carriers: Vec<Vec<(usize, f64)>> = below
            .pull
            .iter()
            .enumerate()
            .map(|(l, &pull)| vec![(sums + l, pull)])
            .collect();
        for (a, node) in hierarchy.nodes().iter().enumerate() {
            for &leaf in &node.leaves {
                carriers[leaf].push((a, above.pull[a]));
            }
        }
        for (carriers, &noise) in carriers.iter().zip(noise) {
            if noise > 0.0 {
                for &(i, of_i) in carriers {
                    for &(j, of_j) in carriers {
                        cov[[i, j]] += of_i * of_j * noise;
                    }
                }
            }
        }
        Self { cov, sums }
    }

    /// Covariances of every node with the incoherence of every sum.
    fn with_gaps(&self, hierarchy: &Hierarchy) -> Array2<f64> {
        let mut with = self.cov.view().split_at(Axis(1), self.sums).0.to_owned();
        for (a, node) in hierarchy.nodes().iter().enumerate() {
            let mut column = with.column_mut(a);
            for &leaf in &node.leaves {
                column -= &self.cov.column(self.sums + leaf);
            }
        }
        with
    }
}

/// Reconciled leaves in one period.
fn project(
    hierarchy: &Hierarchy,
    above: &Beliefs,
    below: &Beliefs,
    errors: &Errors,
    non_negative: &[bool],
) -> Vec<f64> {
    let with = errors.with_gaps(hierarchy);
    let (of_sums, of_leaves) = with.view().split_at(Axis(0), errors.sums);
    let mut spread = of_sums.to_owned();
    let mut gap = Array1::<f64>::zeros(errors.sums);
    for (a, node) in hierarchy.nodes().iter().enumerate() {
        gap[a] = above.centre[a] - node.leaves.iter().map(|&l| below.centre[l]).sum::<f64>();
        let mut row = spread.row_mut(a);
        for &leaf in &node.leaves {
            row -= &of_leaves.row(leaf);
        }
    }
    let factor = cholesky(spread);
    let shift = of_leaves.dot(&solve(&factor, gap));
    let centres: Vec<f64> = below
        .centre
        .iter()
        .zip(&shift)
        .map(|(c, s)| c - s)
        .collect();
    hold_at_zero(centres, non_negative, |leaf| {
        let load = solve(&factor, of_leaves.row(leaf).to_owned());
        let column = errors.cov.column(errors.sums + leaf);
        let column = &column.split_at(Axis(0), errors.sums).1 - &of_leaves.dot(&load);
        column.to_vec()
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::borrow::Prior;
    use crate::combine::forecast;
    use crate::series::{Kind, Season};

    /// Four leaves in two by two groups, quarterly, with level, slope and a wave of their own.
    fn leaves(low: f64) -> Vec<Series> {
        (0..4_usize)
            .map(|leaf| {
                let values = (0..40_usize)
                    .map(|t| {
                        let wave = ((t * (leaf + 3) * 7919) % 13) as f64 - 6.0;
                        low + 20.0 * leaf as f64 + 0.1 * t as f64 + wave
                    })
                    .collect();
                Series::try_new(values, Some(vec![4.0; 40]), Season::Quarters, Kind::Counts)
                    .unwrap()
            })
            .collect()
    }

    fn reconciled(leaves: &[Series]) -> (Hierarchy, Vec<Forecast>, Vec<Forecast>) {
        let columns = ["a".to_owned(), "b".to_owned()];
        let groups: Vec<Vec<String>> = (0..4)
            .map(|i| vec![format!("a{}", i / 2), format!("b{}", i % 2)])
            .collect();
        let names = ["p", "q", "r", "s"];
        let named: Vec<(&str, &[String])> = names
            .iter()
            .zip(&groups)
            .map(|(n, g)| (*n, g.as_slice()))
            .collect();
        let hierarchy = Hierarchy::try_new(&columns, &named).unwrap();
        let ahead = |s: &Series| forecast(s, 4, &Prior::default()).unwrap();
        let sums: Vec<Forecast> = hierarchy
            .nodes()
            .iter()
            .map(|n| ahead(&hierarchy.sum(n, leaves).unwrap()))
            .collect();
        let of_leaves: Vec<Forecast> = leaves.iter().map(ahead).collect();
        let (sums, of_leaves) = reconcile(&hierarchy, &sums, &of_leaves, leaves).unwrap();
        (hierarchy, sums, of_leaves)
    }

    #[test]
    fn sums_are_sums_and_counts_are_not_negative() {
        for low in [50.0, 0.0, -6.0] {
            let (hierarchy, sums, leaves) = reconciled(&leaves(low));
            for (node, sum) in hierarchy.nodes().iter().zip(&sums) {
                for step in 0..4 {
                    let of_leaves: f64 =
                        node.leaves.iter().map(|&l| leaves[l].centre()[step]).sum();
                    assert!((sum.centre()[step] - of_leaves).abs() < 1e-9);
                }
            }
            assert!(leaves.iter().all(|l| l.centre().iter().all(|c| *c >= 0.0)));
        }
    }

    #[test]
    fn projection_is_that_of_generalised_least_squares() {
        // Two leaves, their sum; W written out, and beta = (S' W^-1 S)^-1 S' W^-1 y in closed form by elimination.
        let hierarchy = Hierarchy::try_new(
            &["g".to_owned()],
            &[
                ("x", &["one".to_owned()][..]),
                ("y", &["one".to_owned()][..]),
            ],
        )
        .unwrap();
        let beliefs = |centre: &[f64], own: &[f64], pull: &[f64]| Beliefs {
            centre: centre.to_vec(),
            own: own.to_vec(),
            pull: pull.to_vec(),
        };
        let above = beliefs(&[10.0], &[2.0], &[0.5]);
        let below = beliefs(&[3.0, 4.0], &[1.0, 3.0], &[0.7, 0.6]);
        let noise = [2.0, 1.0];
        let errors = Errors::new(&hierarchy, &above, &below, &noise, &Array2::eye(3));
        let found = project(&hierarchy, &above, &below, &errors, &[false, false]);
        // Any coherent direction d = S t leaves (S beta - y)' W^-1 d = 0 at the optimum.
        let factor = cholesky(errors.cov.clone());
        let residual = Array1::from_vec(vec![
            found[0] + found[1] - 10.0,
            found[0] - 3.0,
            found[1] - 4.0,
        ]);
        let weighted = solve(&factor, residual);
        assert!((weighted[0] + weighted[1]).abs() < 1e-9);
        assert!((weighted[0] + weighted[2]).abs() < 1e-9);
    }

    #[test]
    fn holding_at_zero_meets_the_conditions_of_optimality() {
        let cov = [[2.0, -0.8, 0.3], [-0.8, 1.5, 0.2], [0.3, 0.2, 1.0]];
        let centre = vec![-1.0, 0.3, 2.0];
        let found = hold_at_zero(centre.clone(), &[true; 3], |j| {
            (0..3).map(|i| cov[i][j]).collect()
        });
        let square = Array2::from_shape_fn((3, 3), |(i, j)| cov[i][j]);
        let shift = Array1::from_iter(found.iter().zip(&centre).map(|(f, c)| f - c));
        let force = solve(&cholesky(square), shift);
        for (value, force) in found.iter().zip(&force) {
            assert!(
                *value >= 0.0 && *force >= -1e-9 && (value * force).abs() < 1e-9,
                "{found:?} {force:?}"
            );
        }
        assert_eq!(found[0], 0.0);
    }
}
