//! How solid a plan is: the demand is drawn again and again from what the noise leaves possible, and each draw is
//! solved. A draw is the estimate plus normal noise of its variance, never clipped: under a flat prior that is what the
//! true demand may be, and errors that cancel in sums stay able to.

use crate::median::{self, Effort, Instance, Solved};
use crate::placement::Placement;
use crate::plan::{Interchangeable, Interval, SiteStability, Stability};
use crate::problem::Problem;
use crate::random::Random;
use crate::solve::marks;
use crate::watch::Watch;
use rayon::prelude::*;

/// Level of every interval.
pub(crate) const LEVEL: f64 = 0.9;
/// One-sided 95 percent point of the normal distribution.
const ONE_SIDED_95: f64 = 1.644_853_626_951;
/// What each draw may cost: it starts from the plan, which is nearly right.
const EFFORT: Effort = Effort {
    seed: 0,
    rounds: 2,
    nodes: 60,
};

/// One solved draw.
struct Drawn {
    open: Vec<usize>,
    /// The plan's value, and the least any plan can have.
    value: f64,
    bound: f64,
    /// The best found value, and the value of that plan under the estimate.
    best: f64,
    best_at_estimate: f64,
}

/// Draws of the demand, by number: the same for every thread and plan.
pub(crate) fn drawn(placement: &Placement, seed: u64, number: usize) -> Vec<f64> {
    let mut random = Random::part(seed, 1 + number as u64);
    (placement.instance.weight.iter())
        .zip(placement.variance())
        .map(|(&weight, &variance)| {
            if variance > 0.0 {
                weight + variance.sqrt() * random.normal()
            } else {
                weight
            }
        })
        .collect()
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
    let draws: Vec<Drawn> = (0..problem.draws)
        .into_par_iter()
        .filter_map(|number| {
            if watch.is_stopped() {
                return None;
            }
            let instance = placement.with_demand(drawn(placement, problem.seed, number));
            let found = median::solve_from(&instance, Some(&solved.open), EFFORT, &quiet)?;
            let value = instance.value(&open);
            Some(Drawn {
                value,
                bound: found.bound.min(value),
                best: found.value.min(value),
                best_at_estimate: placement.instance.value(&marks(problem, &found.open)),
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
    // The lower ends count what a plan was found to do better by, the upper what none can be excluded to.
    let found: Vec<f64> = draws.iter().map(|draw| draw.value - draw.best).collect();
    let possible: Vec<f64> = draws.iter().map(|draw| draw.value - draw.bound).collect();
    let regret = Interval {
        level: LEVEL,
        lower: quantile(&found, (1.0 - LEVEL) / 2.0),
        median: quantile(&found, 0.5),
        upper: quantile(&possible, f64::midpoint(1.0, LEVEL)),
    };
    // The objective is linear in the demand, so the plan's own error is known without drawing.
    let instance = &placement.instance;
    let variance: f64 = (0..instance.points())
        .map(|row| placement.variance()[row] * square(told_unit(placement, instance, row, &open)))
        .sum();
    let told = placement.told(solved.value);
    let margin = ONE_SIDED_95 * variance.sqrt();
    let optimism = if number == 0 {
        0.0
    } else {
        (draws.iter().map(|draw| draw.best_at_estimate - draw.best)).sum::<f64>() / number as f64
    };
    Stability {
        draws: number,
        sites,
        same_plan: in_100(draws.iter().filter(|draw| draw.open == solved.open).count()),
        regret,
        value: Interval {
            level: LEVEL,
            lower: told - margin,
            median: told,
            upper: told + margin,
        },
        out_of_sample: placement.told(solved.value + optimism),
        interchangeable: interchangeable(problem, placement, solved),
    }
}

/// What one unit of a row's demand adds to the told objective.
fn told_unit(placement: &Placement, instance: &Instance, row: usize, open: &[bool]) -> f64 {
    let served = instance.served_at(row, open);
    if placement.told(0.0) == 0.0 && placement.told(1.0) > 0.0 {
        served
    } else {
        // A covering objective counts what is covered.
        instance.outside[row] - served
    }
}

fn square(x: f64) -> f64 {
    x * x
}

/// The order statistic at `p`, the conservative one of the two neighbours.
pub(crate) fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = p * sorted.len() as f64;
    let rank = if p < 0.5 {
        rank.floor() as usize
    } else {
        rank.ceil() as usize
    };
    sorted
        .get(rank.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
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
