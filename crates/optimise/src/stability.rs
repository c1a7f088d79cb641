//! How solid a plan is: the true demand is drawn again and again from what the noisy estimates leave possible
//! (`posterior`), and each draw is solved. The plan itself is made from the unbiased estimates, which are never clipped.

use crate::flattery;
use crate::median::{self, Effort, Solved};
use crate::placement::Placement;
use crate::plan::{Interchangeable, Interval, SiteStability, Stability};
use crate::problem::Problem;
use crate::solve::marks;
use crate::watch::Watch;
use rayon::prelude::*;

/// Level of every interval.
pub(crate) const LEVEL: f64 = 0.9;
/// One-sided 95 percent point of the normal distribution.
const ONE_SIDED_95: f64 = 1.644_853_626_951;
/// What each draw may cost: it starts from the plan, which is nearly right.
pub(crate) const EFFORT: Effort = Effort {
    seed: 0,
    rounds: 2,
    nodes: 60,
};

/// One solved draw.
struct Drawn {
    open: Vec<usize>,
    /// What people see of the plan's value.
    told: f64,
    /// The plan's value, and the least any plan can have.
    value: f64,
    bound: f64,
    /// The best found value.
    best: f64,
}

/// Judges a plan. Stops early, with fewer draws, when the watch does.
pub(crate) fn stability(
    problem: &Problem,
    placement: &Placement,
    solved: &Solved,
    watch: &dyn Watch,
) -> Stability {
    let open = marks(problem, &solved.open);
    let quiet = Quiet(watch);
    let posterior = placement.posterior(problem);
    let draws: Vec<Drawn> = (0..problem.draws)
        .into_par_iter()
        .filter_map(|number| {
            if watch.is_stopped() {
                return None;
            }
            let instance = placement.with_demand(posterior.draw(number));
            let found = median::solve_from(&instance, Some(&solved.open), EFFORT, &quiet)?;
            let value = instance.value(&open);
            Some(Drawn {
                told: placement.told_of(&instance.weight, value),
                value,
                bound: found.bound.min(value),
                best: found.value.min(value),
                open: found.open,
            })
        })
        .collect();
    let number = draws.len();
    let in_100 = |hits: usize| 100.0 * hits as f64 / number.max(1) as f64;
    let mut hits = vec![0; problem.sites.len()];
    for site in draws.iter().flat_map(|draw| &draw.open) {
        hits[*site] += 1;
    }
    let mut sites: Vec<SiteStability> = (0..problem.sites.len())
        .filter(|&site| hits[site] > 0 || open[site])
        .map(|site| SiteStability {
            id: problem.sites[site].id.clone(),
            in_100: in_100(hits[site]),
            is_open: open[site],
        })
        .collect();
    sites.sort_by(|a, b| b.in_100.total_cmp(&a.in_100).then(a.id.cmp(&b.id)));
    // The lower end counts what a plan was found to do better by, the upper what none can be excluded to.
    let found: Vec<f64> = draws.iter().map(|draw| draw.value - draw.best).collect();
    let possible: Vec<f64> = draws.iter().map(|draw| draw.value - draw.bound).collect();
    let (regret, most) = (interval(&found), interval(&possible));
    let values: Vec<f64> = draws.iter().map(|draw| draw.told).collect();
    let values = flattery::reconciled(problem, placement, &posterior, solved, &open, values, watch);
    Stability {
        draws: number,
        sites,
        same_plan: in_100(draws.iter().filter(|draw| draw.open == solved.open).count()),
        regret: Interval {
            upper: most.upper,
            ..regret
        },
        value: interval(&values),
        out_of_sample: mean(&values),
        short: 0.0,
        interchangeable: interchangeable(problem, placement, solved),
    }
}

/// The interval in which one more number like these lies with probability [`LEVEL`]: between the k-th of n from below
/// and from above with probability 1 - 2k/(n + 1). Fewer than 19 numbers give a lower level, which is told.
pub(crate) fn interval(values: &[f64]) -> Interval {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let number = sorted.len();
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
        return Interval {
            level: 0.0,
            lower: 0.0,
            median: 0.0,
            upper: 0.0,
        };
    };
    let more = (number + 1) as f64;
    // Rounding must not cost the last of nineteen.
    let cut = ((1.0 - LEVEL) / 2.0 * more + 1e-9).floor() as usize;
    let reached = (1.0 - 2.0 / more).min(LEVEL);
    match cut {
        0 => Interval {
            level: reached,
            lower: least,
            median: sorted[number / 2],
            upper: most,
        },
        cut => Interval {
            level: LEVEL,
            lower: sorted[cut - 1],
            median: sorted[number / 2],
            upper: sorted[number - cut],
        },
    }
}

/// The mean of numbers, of which there is at least one.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// For each open site, the closed ones that could take its place without a loss the noise would show.
fn interchangeable(
    problem: &Problem,
    placement: &Placement,
    solved: &Solved,
) -> Vec<Interchangeable> {
    let instance = &placement.instance;
    let open = marks(problem, &solved.open);
    let now: Vec<f64> = (0..instance.points())
        .map(|row| instance.served_at(row, &open))
        .collect();
    let swappable = |site: usize| instance.standing[site] == median::Standing::Free;
    (solved.open.par_iter())
        .filter(|&&out| swappable(out))
        .filter_map(|&out| {
            let with: Vec<String> = (0..problem.sites.len())
                .filter(|&site| !open[site] && swappable(site))
                .filter(|&site| {
                    let mut other = open.clone();
                    other[out] = false;
                    other[site] = true;
                    let (mut loss, mut variance) = (0.0, 0.0);
                    for (row, &now) in now.iter().enumerate() {
                        let change = instance.served_at(row, &other) - now;
                        loss += instance.weight[row] * change;
                        variance += placement.variance()[row] * change * change;
                    }
                    loss += instance.fixed[site] - instance.fixed[out];
                    variance > 0.0 && loss <= ONE_SIDED_95 * variance.sqrt()
                })
                .map(|site| problem.sites[site].id.clone())
                .collect();
            (!with.is_empty()).then(|| Interchangeable {
                id: problem.sites[out].id.clone(),
                with,
            })
        })
        .collect()
}

/// Stops when the other does, and tells nothing on.
pub(crate) struct Quiet<'a>(pub(crate) &'a dyn Watch);

impl Watch for Quiet<'_> {
    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }

    fn seconds_left(&self) -> Option<f64> {
        self.0.seconds_left()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_draws_give_an_interval_of_a_lower_level() {
        let numbers = |n: usize| -> Vec<f64> { (1..=n).rev().map(|x| x as f64).collect() };
        let of = |n: usize| {
            let one = interval(&numbers(n));
            (one.lower, one.upper, one.level)
        };
        assert_eq!(of(1), (1.0, 1.0, 0.0));
        assert_eq!(of(3), (1.0, 3.0, 0.5));
        assert_eq!(of(19), (1.0, 19.0, LEVEL));
        assert_eq!(of(99), (5.0, 95.0, LEVEL));
    }
}
