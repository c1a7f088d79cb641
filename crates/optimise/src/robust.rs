//! Robust plans by sample average: the least mean objective over the worst share of noise draws (CVaR).
//!
//! CVaR is the largest mean under weights q that no draw exceeds 1/(share x draws) of, so for any fixed q a plain
//! problem with the mixed demand bounds every plan's CVaR from below. The weights move towards the worst draws of the
//! best plans met (fictitious play), which closes in on both sides.

use crate::median::{self, Effort, Solved};
use crate::placement::Placement;
use crate::problem::Problem;
use crate::solve::marks;
use crate::stability::Quiet;
use crate::watch::Watch;

/// Rounds of play, and draws at most.
const ROUNDS: usize = 24;
const DRAWS: usize = 100;

/// The best plan by the mean over the worst `share` of draws, or `None` where no plan is allowed.
pub(crate) fn solve(
    placement: &Placement,
    share: f64,
    problem: &Problem,
    watch: &dyn Watch,
) -> Option<Solved> {
    let number = problem.draws.clamp(1, DRAWS);
    let posterior = placement.posterior(problem);
    let draws: Vec<Vec<f64>> = (0..number).map(|draw| posterior.draw(draw)).collect();
    let instances: Vec<_> = draws
        .iter()
        .map(|draw| placement.with_demand(draw.clone()))
        .collect();
    let quiet = Quiet(watch);
    let effort = Effort {
        seed: problem.seed,
        rounds: 10,
        nodes: 2_000,
    };
    let mut weights = vec![1.0 / number as f64; number];
    let mut best: Option<Solved> = None;
    let mut bound = f64::NEG_INFINITY;
    for round in 0..ROUNDS {
        let mixed: Vec<f64> = (0..placement.instance.points())
            .map(|row| (draws.iter().zip(&weights)).map(|(d, w)| d[row] * w).sum())
            .collect();
        let instance = placement.with_demand(mixed);
        let from = best.as_ref().map(|best| best.open.clone());
        let solved = median::solve_from(&instance, from.as_deref(), effort, &quiet)?;
        let open = marks(problem, &solved.open);
        let values: Vec<f64> = (instances.iter())
            .map(|draw| placement.comparable(&draw.weight, draw.value(&open)))
            .collect();
        let (value, worst) = tail(&values, share);
        bound = bound.max(placement.comparable(&instance.weight, solved.bound));
        watch.bound(bound);
        if best.as_ref().is_none_or(|best| value < best.value) {
            watch.incumbent(value, &solved.open);
            best = Some(Solved { value, ..solved });
        }
        let best_value = best.as_ref().map_or(f64::INFINITY, |best| best.value);
        if watch.is_stopped() || best_value - bound <= 1e-9 * (1.0 + best_value.abs()) {
            break;
        }
        let step = 2.0 / (round as f64 + 3.0);
        for (weight, worst) in weights.iter_mut().zip(worst) {
            *weight += step * (worst - *weight);
        }
    }
    best.map(|best| Solved {
        bound: bound.min(best.value),
        is_proven: best.value - bound <= 1e-9 * (1.0 + best.value.abs()),
        ..best
    })
}

/// The mean of the largest `share` of the values, and the weights that make it.
pub(crate) fn tail(values: &[f64], share: f64) -> (f64, Vec<f64>) {
    let most = 1.0 / (share * values.len() as f64);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    let (mut left, mut mean) = (1.0_f64, 0.0);
    let mut weights = vec![0.0; values.len()];
    for draw in order {
        let weight = most.min(left);
        weights[draw] = weight;
        mean += weight * values[draw];
        left -= weight;
        if left <= 0.0 {
            break;
        }
    }
    (mean, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_mean_of_the_worst() {
        let values = [1.0, 4.0, 2.0, 3.0];
        assert_eq!(tail(&values, 1.0).0, 2.5);
        assert_eq!(tail(&values, 0.5).0, 3.5);
        assert_eq!(tail(&values, 0.25).0, 4.0);
        // A third of four is one and a third of a draw.
        let (mean, weights) = tail(&values, 1.0 / 3.0);
        assert!((mean - (4.0 * 0.75 + 3.0 * 0.25)).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
