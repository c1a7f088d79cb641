//! Forecasts of all levels made to agree: the minimum trace projection (Wickramasinghe, Athanasopoulos and Hyndman
//! 2019) with each node's forecast variance, and with the covariance that shared privacy noise makes, known exactly.
//! Leaves of non-negative series stay non-negative. It moves centres only; each node keeps its own deviations.
//!
//! With errors of covariance `W` and relations `C y = 0` that the truth keeps, the incoherence `r = C y` is observed, and all
//! forecasts move by their regression on it: `y - W C' (C W C')^-1 r`. That is one system of the size of the relations.
//! Errors that share a cause are correlated as past errors were (`alike`).
//!
//! # Growth that all have in common
//! Noise hides from each small series a growth that their sum shows: a filter learns a level from values that are the older the less of
//! each new one it takes for change, so that a growth of all by the rate `g` a period leaves in the forecast of series `i` the error
//! `g c_i m_i`, with its centre `c_i` and what it misses of a growth by one, `m_i`: its own filters, and the theta forecast they are
//! drawn to, each by its weight. How much that is, each fit says: it need not be more where more noise is known.
//! These errors are one cause, not many: taken for independent they drew the whole to the sum of its parts (in simulated cities of
//! 90 areas that grow by 2 percent a quarter by 0.4 of its deviation).
//! With `g` normal around zero, errors have the covariance `W + x x'` with `x_i = c_i m_i sd(g)`; the incoherence `r` then tells
//! `g` too, all levels follow it as far as each misses it, and what is left unknown, `x_i^2 (1 - x'C' (C (W + x x') C')^-1 C x)`,
//! stays in each width. Assumed is that growth is in common, and its size before anything is seen (`combine`).

use crate::alike::correlation;
use crate::combine::Forecast;
use crate::hierarchy::Hierarchy;
use crate::lattice::Lattice;
use crate::series::{ForecastError, Series};
use ndarray::{Array1, Array2};
use std::collections::{BTreeSet, HashMap};

/// Rounds in which leaves are put to, or freed from, zero: so many, and one for each leaf.
const MOST_ROUNDS: usize = 200;

/// So many rounds may leave no fewer leaves on the wrong side before they change sides one at a time.
const PATIENCE: usize = 3;

/// What is this part of the largest number is rounding.
const ROUNDING: f64 = 1e-9;

/// A relation that is missed by more than this part of the largest value is broken.
const BROKEN: f64 = 1e-6;

/// Variances below this part of the largest are taken for it, so that a still series does not stop the rest.
const LEAST_VARIANCE: f64 = 1e-10;

/// The model variance of a sum of k leaves counts as k to the power of minus this: noise hides in the leaves a slope that
/// their sum shows, and the leaves' models do not know what they miss. Chosen by rolling origins.
const TRUST: f64 = 0.5;

/// What is believed of every series in one period to come.
struct Beliefs {
    centre: Vec<f64>,
    /// Variance without the part of privacy noise.
    own: Vec<f64>,
    /// The series' privacy error is this much of the noise of its past.
    pull: Vec<f64>,
    /// The series' error by growth that all have in common, one standard deviation of it.
    growth: Vec<f64>,
}

impl Beliefs {
    fn new(lattice: &Lattice, forecasts: &[Forecast], step: usize) -> Self {
        let variance = |forecast: &Forecast| forecast.variance_but_growth(step);
        let largest = forecasts
            .iter()
            .map(variance)
            .fold(f64::MIN_POSITIVE, f64::max);
        let mut beliefs = Self {
            centre: Vec::with_capacity(forecasts.len()),
            own: Vec::with_capacity(forecasts.len()),
            pull: Vec::with_capacity(forecasts.len()),
            growth: Vec::with_capacity(forecasts.len()),
        };
        for (at, forecast) in forecasts.iter().enumerate() {
            let (total, noise) = (variance(forecast), lattice.privacy()[[at, at]]);
            let share = &forecast.explanation().shares[step];
            let part = if share.but_growth() > 0.0 {
                share.privacy / share.but_growth()
            } else {
                0.0
            };
            let privacy = if noise > 0.0 { part * total } else { 0.0 };
            let own = (total - privacy).max(LEAST_VARIANCE * largest);
            let mean = forecast.mean(step);
            beliefs.centre.push(mean);
            beliefs.growth.push(mean * forecast.growth(step));
            beliefs.own.push(own / lattice.sizes()[at].powf(TRUST));
            beliefs.pull.push(if noise > 0.0 {
                (privacy / noise).sqrt()
            } else {
                0.0
            });
        }
        beliefs
    }

    /// Covariance of the errors of all series; `alike` is the correlation of their own errors.
    fn errors(&self, lattice: &Lattice, alike: &Array2<f64>) -> Array2<f64> {
        let own: Vec<f64> = self.own.iter().map(|v| v.sqrt()).collect();
        Array2::from_shape_fn(alike.dim(), |(i, j)| {
            own[i] * own[j] * alike[[i, j]]
                + self.pull[i] * self.pull[j] * lattice.privacy()[[i, j]]
                + self.growth[i] * self.growth[j]
        })
    }
}

/// Forecasts of the sums and of the leaves around centres that add up. `leaf_series` gives the noise of the leaves.
///
/// # Errors
/// [`ForecastError::InvalidHierarchy`] where there is not one forecast for each, [`ForecastError::NotReconciled`].
pub fn reconcile(
    hierarchy: &Hierarchy,
    sums: &[Forecast],
    leaves: &[Forecast],
    leaf_series: &[Series],
) -> Result<(Vec<Forecast>, Vec<Forecast>), ForecastError> {
    if sums.len() != hierarchy.nodes().len() {
        return Err(ForecastError::InvalidHierarchy(
            "there must be one forecast for each node of the hierarchy".to_owned(),
        ));
    }
    let all: Vec<Forecast> = sums.iter().chain(leaves).cloned().collect();
    let mut sums = hierarchy.lattice(leaf_series)?.reconcile(&all)?;
    let leaves = sums.split_off(hierarchy.nodes().len());
    Ok((sums, leaves))
}

/// The forecasts of a lattice's series around centres that keep its relations.
pub(crate) fn reconcile_lattice(
    lattice: &Lattice,
    forecasts: &[Forecast],
) -> Result<Vec<Forecast>, ForecastError> {
    if forecasts.len() != lattice.sizes().len() {
        return Err(ForecastError::InvalidHierarchy(
            "there must be one forecast for each series of the lattice".to_owned(),
        ));
    }
    let horizon = forecasts.first().map_or(0, |f| f.centre().len());
    // A sum is not negative where its parts are not.
    let wholes = lattice.wholes();
    let non_negative: Vec<bool> = (forecasts.iter().enumerate())
        .map(|(at, forecast)| forecast.non_negative() && !wholes.iter().any(|(w, _)| *w == at))
        .collect();
    let alike = correlation(forecasts);
    let mut centres = vec![Vec::with_capacity(horizon); forecasts.len()];
    let mut grown = vec![Vec::with_capacity(horizon); forecasts.len()];
    for step in 0..horizon {
        let beliefs = Beliefs::new(lattice, forecasts, step);
        let errors = beliefs.errors(lattice, &alike);
        let rounds = MOST_ROUNDS + forecasts.len();
        let (mut found, unknown) = project(lattice, &beliefs, &errors, &non_negative, rounds)
            .ok_or(ForecastError::NotReconciled { step })?;
        // What rounding left of the sums.
        for (whole, relation) in &wholes {
            found[*whole] = lattice.whole_of(*relation, &found);
        }
        if !keeps(lattice, &found) {
            return Err(ForecastError::NotReconciled { step });
        }
        for (series, centre) in centres.iter_mut().zip(found) {
            series.push(centre);
        }
        for (series, growth) in grown.iter_mut().zip(&beliefs.growth) {
            series.push(growth.abs() * unknown);
        }
    }
    Ok(forecasts
        .iter()
        .zip(centres)
        .zip(grown)
        .map(|((forecast, centre), grown)| forecast.around(centre).with_growth(grown))
        .collect())
}

/// Whether values keep all relations of a lattice, rounding aside.
fn keeps(lattice: &Lattice, values: &[f64]) -> bool {
    let largest = values.iter().fold(0.0_f64, |m, value| m.max(value.abs()));
    (lattice.relations().iter()).all(|relation| {
        let sum: f64 = (relation.iter())
            .map(|&(at, weight)| weight * values[at])
            .sum();
        sum.abs() <= BROKEN * largest
    })
}

/// Reconciled centres of all series in one period, and the standard deviation of common growth that is left, of what it was before;
/// `None` where the rounds do not suffice.
fn project(
    lattice: &Lattice,
    beliefs: &Beliefs,
    errors: &Array2<f64>,
    non_negative: &[bool],
    rounds: usize,
) -> Option<(Vec<f64>, f64)> {
    let centre = &beliefs.centre;
    let relations = lattice.relations();
    let (n, m) = (centre.len(), relations.len());
    // Covariances of every series with the incoherence of every relation.
    let mut with = Array2::<f64>::zeros((n, m));
    let mut gap = Array1::<f64>::zeros(m);
    let mut growth = Array1::<f64>::zeros(m);
    for (a, relation) in relations.iter().enumerate() {
        let mut column = with.column_mut(a);
        for &(at, weight) in relation {
            column.scaled_add(weight, &errors.column(at));
            gap[a] += weight * centre[at];
            growth[a] += weight * beliefs.growth[at];
        }
    }
    let mut spread = Array2::<f64>::zeros((m, m));
    for (mut row, relation) in spread.rows_mut().into_iter().zip(relations) {
        for &(at, weight) in relation {
            row.scaled_add(weight, &with.row(at));
        }
    }
    let factor = cholesky(spread);
    let shift = with.dot(&solve(&factor, gap));
    let centres: Vec<f64> = centre.iter().zip(&shift).map(|(c, s)| c - s).collect();
    let told = growth.dot(&solve(&factor, growth.clone()));
    let found = hold_at_zero(centres, non_negative, rounds, |leaf| {
        let load = solve(&factor, with.row(leaf).to_owned());
        let column = &errors.column(leaf) - &with.dot(&load);
        column.to_vec()
    })?;
    Some((found, (1.0 - told).max(0.0).sqrt()))
}

/// The most likely point without negative leaves, under a Gaussian with this centre and these columns of covariance:
/// non-negative least squares by block pivoting on the leaves held at zero (Portugal, Judice and Vicente 1994). All leaves on the
/// wrong side change sides at once; where that no longer makes them fewer, one changes at a time until it does, which cannot go in
/// circles. `None` where the rounds did not suffice: whatever was found then is not the point, and need not keep any relation.
fn hold_at_zero(
    centres: Vec<f64>,
    non_negative: &[bool],
    rounds: usize,
    column: impl Fn(usize) -> Vec<f64>,
) -> Option<Vec<f64>> {
    let scale = centres.iter().fold(0.0_f64, |m, c| m.max(c.abs()));
    let tolerance = ROUNDING * scale;
    let mut held: BTreeSet<usize> = BTreeSet::new();
    let mut columns: HashMap<usize, Vec<f64>> = HashMap::new();
    let mut found = centres.clone();
    let mut forces: Vec<f64> = Vec::new();
    let (mut fewest, mut patience) = (usize::MAX, PATIENCE);
    for _ in 0..rounds {
        // Leaves below zero, and leaves that would have to be pulled down to it.
        let mut wrong: Vec<usize> = (0..found.len())
            .filter(|&leaf| non_negative[leaf] && found[leaf] < -tolerance && !held.contains(&leaf))
            .collect();
        wrong
            .extend((held.iter().zip(&forces)).filter_map(|(leaf, f)| (*f < 0.0).then_some(*leaf)));
        if wrong.is_empty() {
            for (leaf, value) in found.iter_mut().enumerate() {
                if held.contains(&leaf) || non_negative[leaf] && *value < 0.0 {
                    *value = 0.0;
                }
            }
            return Some(found);
        }
        if wrong.len() < fewest {
            (fewest, patience) = (wrong.len(), PATIENCE);
        } else if patience > 0 {
            patience -= 1;
        } else {
            let last = wrong.iter().copied().max();
            wrong.retain(|leaf| Some(*leaf) == last);
        }
        for leaf in wrong {
            if !held.remove(&leaf) {
                held.insert(leaf);
                columns.entry(leaf).or_insert_with(|| column(leaf));
            }
        }
        let order: Vec<usize> = held.iter().copied().collect();
        let largest = (order.iter()).fold(f64::MIN_POSITIVE, |m, l| m.max(columns[l][*l]));
        let square = Array2::from_shape_fn((order.len(), order.len()), |(i, j)| {
            let ridge = if i == j { 1e-12 * largest } else { 0.0 };
            columns[&order[j]][order[i]] + ridge
        });
        let target = Array1::from_iter(order.iter().map(|&leaf| -centres[leaf]));
        forces = solve(&cholesky(square), target).to_vec();
        found.clone_from(&centres);
        for (leaf, force) in order.iter().zip(&forces) {
            for (value, covariance) in found.iter_mut().zip(&columns[leaf]) {
                *value += force * covariance;
            }
        }
    }
    None
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
        let noisy = |noise: f64| {
            Series::try_new(vec![1.0], Some(vec![noise]), Season::None, Kind::Amounts).unwrap()
        };
        let lattice = hierarchy.lattice(&[noisy(2.0), noisy(1.0)]).unwrap();
        let beliefs = Beliefs {
            centre: vec![10.0, 3.0, 4.0],
            own: vec![2.0, 1.0, 3.0],
            pull: vec![0.5, 0.7, 0.6],
            growth: vec![0.0, 0.3, 0.2],
        };
        let errors = beliefs.errors(&lattice, &Array2::eye(3));
        // The sum's noise is that of both leaves, and each leaf's is in it.
        assert!((errors[[0, 0]] - (2.0 + 0.25 * 3.0)).abs() < 1e-12);
        assert!((errors[[0, 1]] - 0.5 * 0.7 * 2.0).abs() < 1e-12);
        // Growth that the leaves miss and the sum does not.
        assert!((errors[[1, 2]] - 0.3 * 0.2).abs() < 1e-12);
        let (found, unknown) = project(&lattice, &beliefs, &errors, &[false; 3], 1).unwrap();
        let own = (2.0 + 0.25 * 3.0) + (1.0 + 0.49 * 2.0) + (3.0 + 0.36);
        let incoherence = own - 2.0 * 0.5 * (0.7 * 2.0 + 0.6) + 0.5 * 0.5;
        assert!((unknown.powi(2) - (1.0 - 0.5 * 0.5 / incoherence)).abs() < 1e-12);
        assert!((found[0] - found[1] - found[2]).abs() < 1e-9);
        // Any coherent direction d = S t leaves (S beta - y)' W^-1 d = 0 at the optimum.
        let factor = cholesky(errors);
        let residual = Array1::from_vec(vec![found[0] - 10.0, found[1] - 3.0, found[2] - 4.0]);
        let weighted = solve(&factor, residual);
        assert!((weighted[0] + weighted[1]).abs() < 1e-9);
        assert!((weighted[0] + weighted[2]).abs() < 1e-9);
    }

    #[test]
    fn levels_that_cross_agree_with_each_other_and_with_their_whole() {
        // The whole, two rows and three columns that both add up to it, and no cell that is in one of each.
        let series: Vec<Series> = (0..6_usize)
            .map(|at| {
                let level = [600.0, 250.0, 350.0, 100.0, 200.0, 300.0][at];
                let values = (0..40_usize)
                    .map(|t| level + (((t * (at + 3) * 7919) % 13) as f64 - 6.0))
                    .collect();
                Series::try_new(values, Some(vec![9.0; 40]), Season::Quarters, Kind::Counts)
                    .unwrap()
            })
            .collect();
        let forecasts: Vec<Forecast> = (series.iter())
            .map(|s| forecast(s, 4, &Prior::default()).unwrap())
            .collect();
        let noise: Vec<Vec<f64>> = (0..6)
            .map(|at| {
                (0..=at)
                    .map(|other| if other == at { 9.0 } else { 0.0 })
                    .collect()
            })
            .collect();
        let lattice = Lattice::try_new(
            vec![0, 1, 1, 2, 2, 2],
            vec![3.0, 1.5, 1.5, 1.0, 1.0, 1.0],
            vec![
                vec![(0, 1.0), (1, -1.0), (2, -1.0)],
                vec![(0, 1.0), (3, -1.0), (4, -1.0), (5, -1.0)],
            ],
            &noise,
        )
        .unwrap();
        let found = lattice.reconcile(&forecasts).unwrap();
        let mut parts = Vec::new();
        for step in 0..4 {
            let at = |i: usize| found[i].centre()[step];
            assert!((at(0) - at(1) - at(2)).abs() < 1e-9);
            assert!((at(0) - at(3) - at(4) - at(5)).abs() < 1e-6);
            for (before, after) in forecasts.iter().zip(&found) {
                // All but the growth that the incoherence tells, which is the same part of each one's.
                let before_it = before.mean(step) * before.growth(step);
                let left = after.deviation(step).powi(2) - before.variance_but_growth(step);
                parts.push(left / (before_it * before_it));
                // And it is told as a part of the width.
                let shares = after.explanation().shares[step];
                let told = shares.growth - left;
                let sum = shares.total() - after.deviation(step).powi(2);
                assert!(told.abs() < 1e-6 * shares.total() && sum.abs() < 1e-6 * shares.total());
            }
            let parts = &parts[parts.len() - 6..];
            assert!((0.0..1.0).contains(&parts[0]), "{parts:?}");
            assert!(
                parts.iter().all(|part| (part - parts[0]).abs() < 1e-6),
                "{parts:?}"
            );
        }
        assert_eq!(lattice.calibrate(&series, 4).unwrap().len(), 3);
        assert!(lattice.reconcile(&forecasts[1..]).is_err());
    }

    #[test]
    fn holding_at_zero_meets_the_conditions_of_optimality() {
        let cov = [[2.0, -0.8, 0.3], [-0.8, 1.5, 0.2], [0.3, 0.2, 1.0]];
        let centre = vec![-1.0, 0.3, 2.0];
        let found = hold_at_zero(centre.clone(), &[true; 3], 10, |j| {
            (0..3).map(|i| cov[i][j]).collect()
        })
        .unwrap();
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

    /// Random covariances of few causes, as of areas that err together, and centres of which many are below zero.
    #[test]
    fn holding_at_zero_ends_at_the_optimum_of_hard_cases_and_says_when_it_does_not() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(u32::MAX >> 1) - 1.0
        };
        let mut unfinished = 0;
        for case in 0..300 {
            let n = 4 + case % 25;
            let causes = n + 1;
            let loads = Array2::from_shape_fn((n, causes), |(i, j)| {
                if j == causes - 1 {
                    0.3
                } else {
                    random() + if i == j { 0.2 } else { 0.0 }
                }
            });
            let cov = loads.dot(&loads.t());
            let centre: Vec<f64> = (0..n).map(|_| 3.0 * random() - 1.0).collect();
            let held = |rounds| {
                hold_at_zero(centre.clone(), &vec![true; n], rounds, |j| {
                    cov.column(j).to_vec()
                })
            };
            unfinished += usize::from(held(1).is_none());
            let found = held(MOST_ROUNDS + n).unwrap();
            let shift = Array1::from_iter(found.iter().zip(&centre).map(|(f, c)| f - c));
            let force = solve(&cholesky(cov.clone()), shift);
            let size = force.iter().fold(1.0_f64, |m, f| m.max(f.abs()));
            for (value, force) in found.iter().zip(&force) {
                assert!(
                    *value >= 0.0 && *force >= -1e-6 * size && (value * force).abs() < 1e-6 * size,
                    "case {case}: {found:?} {force:?}"
                );
            }
        }
        assert!(
            unfinished > 100,
            "{unfinished} of 300 needed more than one round"
        );
    }

    #[test]
    fn what_keeps_no_relation_is_not_called_reconciled() {
        let lattice = Lattice::try_new(
            vec![0, 1, 1],
            vec![2.0, 1.0, 1.0],
            vec![vec![(0, 1.0), (1, -1.0), (2, -1.0)]],
            &[vec![0.0], vec![0.0; 2], vec![0.0; 3]],
        )
        .unwrap();
        assert!(keeps(&lattice, &[5.0, 2.0, 3.0]) && keeps(&lattice, &[0.0; 3]));
        assert!(!keeps(&lattice, &[5.0, 2.0, 3.1]));
    }
}
