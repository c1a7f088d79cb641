//! What a plan is worth, told twice. Draws of the posterior know how much noise is in the estimates and how demand is spread, but not
//! where: that areas far from a plan's sites are small together is news to them, and they lift such areas towards the mean of all. The
//! plan's own objective takes the estimates as they are; it needs no prior, and is flattered, since the plan was chosen for looking best
//! under this very noise (the optimizer's curse, Smith and Winkler 2006). How flattered is found by planning again: for draws of the
//! demand with noise added anew, by how much the plan made of them looks better than it is (the bootstrap's estimate of a bias, Efron and
//! Tibshirani 1993, chapter 10). A prior that is wrong about places changes this difference little.
//!
//! Both are put together by how much they contradict each other. Were the prior right, the mean of the draws and the objective without
//! its flattery would differ with the variance that the noise has beyond that of the draws, and with what chance leaves in both. What their
//! squared difference has above that is taken for the square of the prior's error, and the more there is of it, the less the draws move
//! the middle and narrow the interval.

use crate::median::{self, Solved};
use crate::placement::Placement;
use crate::posterior::Posterior;
use crate::problem::Problem;
use crate::random::Random;
use crate::solve::marks;
use crate::stability::{EFFORT, Quiet, mean};
use crate::watch::Watch;
use rayon::prelude::*;

/// One in so many draws is planned again.
const ONE_IN: usize = 4;
/// A stream of its own, apart from those of draws.
const STREAM: u64 = 0x666C_6174_7465_7279;

/// The values of a plan under draws of the demand, moved and spread as far as the plan's own objective contradicts them.
pub(crate) fn reconciled(
    problem: &Problem,
    placement: &Placement,
    posterior: &Posterior,
    solved: &Solved,
    open: &[bool],
    values: Vec<f64>,
    watch: &dyn Watch,
) -> Vec<f64> {
    let Some(flattery) = flattery(problem, placement, posterior, open, solved, watch) else {
        return values;
    };
    let unflattered = Told {
        value: placement.told(solved.value) + flattery.value,
        chance: flattery.chance,
    };
    moved(values, unflattered, noise(placement, open))
}

/// A value with the variance that chance leaves in it.
#[derive(Clone, Copy, Debug)]
struct Told {
    value: f64,
    chance: f64,
}

/// By how much plans made from noisy demand tell too little, on average: what is told of them under the demand they were made for, less
/// what is told of them under the noisy one. The plan at hand has no such difference on average, so its own is taken off, which leaves
/// less of chance. A plan that leaves somebody out who must be served, as one for noisy demand may where that demand is small, is none
/// that would be made and does not count. None where hardly anything was planned again.
fn flattery(
    problem: &Problem,
    placement: &Placement,
    posterior: &Posterior,
    open: &[bool],
    solved: &Solved,
    watch: &dyn Watch,
) -> Option<Told> {
    let differences: Vec<f64> = (0..problem.draws.div_ceil(ONE_IN))
        .into_par_iter()
        .filter_map(|number| {
            if watch.is_stopped() {
                return None;
            }
            let truth = posterior.draw(number);
            let mut random = Random::part(problem.seed ^ STREAM, number as u64);
            let noisy = (truth.iter().zip(placement.variance()))
                .map(|(truth, variance)| truth + variance.sqrt() * random.normal())
                .collect();
            let (truth, noisy) = (placement.with_demand(truth), placement.with_demand(noisy));
            let again = median::solve_from(&noisy, Some(&solved.open), EFFORT, &Quiet(watch))?;
            let again = marks(problem, &again.open);
            if !placement.unserved(&again).is_empty() {
                return None;
            }
            let too_little = |open: &[bool]| {
                placement.told_of(&truth.weight, truth.value(open))
                    - placement.told_of(&noisy.weight, noisy.value(open))
            };
            Some(too_little(&again) - too_little(open))
        })
        .collect();
    (differences.len() > 1).then(|| Told {
        value: mean(&differences),
        chance: variance(&differences) / differences.len() as f64,
    })
}

/// The variance of numbers, of which there are two or more.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len().max(2) - 1) as f64
}

/// The variance of what is told of a plan that is settled, by the noise alone: it is a sum over the rows' demand.
fn noise(placement: &Placement, open: &[bool]) -> f64 {
    (placement.variance().iter().enumerate())
        .filter(|&(_, &variance)| variance > 0.0)
        .map(|(row, variance)| variance * placement.told_of_one(row, open).powi(2))
        .sum()
}

/// Draws moved towards what is told otherwise, and spread, as far as the two contradict each other.
fn moved(values: Vec<f64>, unflattered: Told, noise: f64) -> Vec<f64> {
    let (mean, variance) = (mean(&values), variance(&values));
    let beyond = (noise - variance).max(0.0);
    let chance = unflattered.chance + variance / values.len().max(1) as f64;
    let difference = unflattered.value - mean;
    let contradiction = (difference.powi(2) - beyond - chance).max(0.0);
    if contradiction == 0.0 {
        return values;
    }
    let part = contradiction / (contradiction + beyond + chance);
    let wider = if variance > 0.0 {
        (1.0 + part * beyond / variance).sqrt()
    } else {
        1.0
    };
    let to = mean + part * difference;
    (values.into_iter())
        .map(|value| to + wider * (value - mean))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::placement;
    use crate::problem::{Cost, Demand, Model, Site};

    const DRAWS: [f64; 5] = [90.0, 95.0, 100.0, 105.0, 110.0];

    fn spread(values: &[f64]) -> f64 {
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            - values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn reconciled(unflattered: f64, chance: f64, noise: f64) -> Vec<f64> {
        let unflattered = Told {
            value: unflattered,
            chance,
        };
        moved(DRAWS.to_vec(), unflattered, noise)
    }

    #[test]
    fn draws_that_nothing_contradicts_stay() {
        // Their variance is 62.5; with 400 of noise, the objective may be off by 18 (a standard deviation) and contradict nothing.
        assert_eq!(reconciled(118.0, 0.0, 400.0), DRAWS);
        // Noise that is no larger than their own changes nothing either where both say the same, up to chance.
        assert_eq!(reconciled(100.0, 0.0, 0.0), DRAWS);
        assert_eq!(reconciled(103.5, 0.0, 62.5), DRAWS);
        assert_eq!(reconciled(109.0, 70.0, 62.5), DRAWS);
        // Where nothing is drawn apart there is nothing to spread.
        let same = Told {
            value: 7.0,
            chance: 0.0,
        };
        assert_eq!(moved(vec![7.0; 3], same, 0.0), [7.0; 3]);
    }

    #[test]
    fn draws_that_are_contradicted_move_and_widen_as_far_as_noise_alone_says() {
        // As wide as the noise: they move nearly all the way, and keep their width. Chance in their mean: 62.5 / 5.
        let values = reconciled(160.0, 0.0, 62.5);
        assert!((mean(&values) - (100.0 + 60.0 * (3_600.0 - 12.5) / 3_600.0)).abs() < 1e-9);
        assert!((spread(&values) - 20.0).abs() < 1e-9);
        // Four times as much noise: less far, and nearly twice as wide.
        let values = reconciled(160.0, 10.0, 250.0);
        let part = (3_600.0 - 187.5 - 22.5) / 3_600.0;
        assert!((mean(&values) - (100.0 + 60.0 * part)).abs() < 1e-9);
        let wider = ((62.5 + part * 187.5) / 62.5_f64).sqrt();
        assert!((spread(&values) - 20.0 * wider).abs() < 1e-9);
    }

    fn city(model: Model) -> Problem {
        let demand = (0..12).map(|at| Demand {
            id: at.to_string(),
            demand: 5.0 + f64::from(at * 7 % 12),
            variance: 1.0 + f64::from(at % 3),
            target: None,
        });
        let sites = (0..5).map(|at| Site {
            id: at.to_string(),
            ..Site::default()
        });
        let costs = (0..12).flat_map(|from| {
            (0..5).map(move |to| Cost {
                from_id: from.to_string(),
                to_id: to.to_string(),
                minutes: f64::from(i32::abs(from - 3 * to)) + 0.5,
            })
        });
        let mut problem = Problem::new(model, demand.collect(), sites.collect(), costs.collect());
        problem.p = Some(2);
        problem.radius = (model == Model::Mclp).then_some(2.0);
        problem.outer_radius = (model == Model::Mclp).then_some(4.0);
        problem
    }

    #[test]
    fn the_noise_of_what_is_told_is_that_of_its_sum() {
        for model in [Model::PMedian, Model::Mclp] {
            let problem = city(model);
            // Unwrap safety: the problem is written rightly.
            let placement = placement(&problem, &problem.checked().unwrap()).unwrap();
            let open = [true, false, false, true, false];
            let told = |demand: &[f64]| {
                let instance = placement.with_demand(demand.to_vec());
                placement.told_of(demand, instance.value(&open))
            };
            let demand: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
            let mut variance = 0.0;
            for (row, one) in problem.demand.iter().enumerate() {
                let mut more = demand.clone();
                more[row] += 1.0;
                variance += one.variance * (told(&more) - told(&demand)).powi(2);
            }
            assert!(
                (noise(&placement, &open) - variance).abs() < 1e-9 * variance,
                "{model:?}"
            );
            assert!(variance > 0.0);
        }
    }

    #[test]
    fn plans_that_would_leave_somebody_out_do_not_count() {
        // One site alone reaches the last area, whose demand is no larger than its noise: where it is drawn small, leaving it out is
        // cheaper than the second site elsewhere, and costs more than any plan does under the demand drawn.
        let minutes = |from: i32, to: i32| match (from, to) {
            (8, 4) => Some(5.0),
            (8, _) | (_, 4) => None,
            (from, to) => Some(3.0 + 6.0 * f64::from(i32::abs(from - 2 * to))),
        };
        for seed in 1..=20 {
            let mut random = Random::new(seed);
            let demand = (0..9).map(|at| Demand {
                id: at.to_string(),
                demand: if at == 8 {
                    8.0
                } else {
                    20.0 + 8.0 * random.normal()
                },
                variance: 64.0,
                target: None,
            });
            let sites = (0..5).map(|at| Site {
                id: at.to_string(),
                ..Site::default()
            });
            let costs = (0..9).flat_map(|from| {
                (0..5).filter_map(move |to| {
                    minutes(from, to).map(|minutes| Cost {
                        from_id: from.to_string(),
                        to_id: to.to_string(),
                        minutes,
                    })
                })
            });
            let mut problem = Problem::new(
                Model::PMedian,
                demand.collect(),
                sites.collect(),
                costs.collect(),
            );
            (problem.p, problem.draws, problem.explain) = (Some(2), 100, false);
            // Unwrap safety: the problem is written rightly, and its demand has variances.
            let plan = crate::solve(&problem, &crate::watch::Unwatched).unwrap();
            let (objective, value) = (plan.objective.unwrap(), plan.stability.unwrap().value);
            assert!(
                (value.median - objective).abs() < 0.12 * objective,
                "seed {seed}: {objective} but {value:?}"
            );
        }
    }
}
