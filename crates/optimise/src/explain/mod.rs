//! Why a plan is as it is: what one more site is worth, what forcing a site costs, the next best plans; and for a
//! problem without a plan the smallest change that would allow one, in words.

mod infeasible;

pub(crate) use infeasible::{contradiction, no_center, too_few, unreachable};

use crate::median::{self, Count, Effort, Instance, Solved, Standing};
use crate::placement::Placement;
use crate::plan::{Alternative, Explanation, Forced, Marginal};
use crate::problem::Problem;
use crate::solve::ids;
use crate::stability::Quiet;
use crate::watch::Watch;
use rayon::prelude::*;

/// Each question is a whole solve that starts from the plan.
const EFFORT: Effort = Effort {
    seed: 0,
    rounds: 4,
    nodes: 100,
};
/// Closed sites that are asked about: those that could be nearly as good.
const FORCED_OPEN: usize = 20;
/// Pairs of points and sites that all questions together may look at: what a plan hinges on must not take longer than
/// the plan. Counted in work and not in seconds, so that the same problem gets the same explanation.
const PAIRS: usize = 400_000;
/// Questions asked however large the problem.
const FEWEST: usize = 4;

/// What a plan of the p-median family hinges on. Worsenings are exact where the small solves end with a proof, and
/// otherwise those of the best plans found.
pub(crate) fn placement(
    problem: &Problem,
    placement: &Placement,
    solved: &Solved,
    watch: &dyn Watch,
) -> Explanation {
    let instance = &placement.instance;
    let mut explanation = Explanation::default();
    if let (Some(p), Count::Exactly(_) | Count::AtMost(_)) = (problem.p, instance.count)
        && p < instance.sites()
    {
        let mut more = instance.clone();
        more.count = match instance.count {
            Count::Exactly(p) => Count::Exactly(p + 1),
            other => match other {
                Count::AtMost(p) => Count::AtMost(p + 1),
                _ => other,
            },
        };
        if let Some(found) = median::solve(&more, EFFORT, &Quiet(watch)) {
            let improvement = solved.value - found.value;
            explanation.marginal.push(Marginal {
                limit: "p".to_owned(),
                more: 1.0,
                improvement,
            });
            if improvement > 1e-9 * (1.0 + solved.value.abs()) {
                explanation.binding.push(format!(
                    "p: one more site would improve the objective by {improvement:.2}"
                ));
            }
        }
    }
    explanation.forced = forced(problem, placement, solved, watch);
    for forced in explanation.forced.iter().filter(|forced| !forced.open) {
        if forced.worsening.is_none() {
            explanation
                .binding
                .push(format!("{}: no plan does without it", forced.id));
        }
    }
    explanation
}

/// Every open site closed, and the closed sites nearest to being opened opened.
fn forced(
    problem: &Problem,
    placement: &Placement,
    solved: &Solved,
    watch: &dyn Watch,
) -> Vec<Forced> {
    let instance = &placement.instance;
    let free = |site: &usize| instance.standing[*site] == Standing::Free;
    let is_open = crate::solve::marks(problem, &solved.open);
    let closing = solved
        .open
        .iter()
        .copied()
        .filter(free)
        .map(|site| (site, false));
    let mut by_swap: Vec<(f64, usize)> = (0..instance.sites())
        .filter(|site| !is_open[*site] && free(site))
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|site| (cheapest_entry(instance, &is_open, solved, site), site))
        .collect();
    by_swap.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let opening = by_swap
        .into_iter()
        .take(FORCED_OPEN)
        .map(|(_, site)| (site, true));
    let most = (PAIRS / instance.network.pairs().max(1)).max(FEWEST);
    let questions: Vec<(usize, bool)> = alternating(closing.collect(), opening.collect())
        .into_iter()
        .take(most)
        .collect();
    (questions.into_par_iter())
        .filter(|_| !watch.is_stopped())
        .map(|(site, open)| {
            let mut asked = instance.clone();
            asked.standing[site] = if open {
                Standing::Required
            } else {
                Standing::Closed
            };
            let found = median::solve(&asked, EFFORT, &Quiet(watch)).filter(|found| {
                let open = crate::solve::marks(problem, &found.open);
                placement.unserved(&open).is_empty()
            });
            Forced {
                id: problem.sites[site].id.clone(),
                open,
                worsening: found.map(|found| (found.value - solved.value).max(0.0)),
            }
        })
        .collect()
}

/// Both lists in turn, so that a few questions are of either kind.
fn alternating<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut both = Vec::new();
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return both;
        }
        both.extend(one);
        both.extend(other);
    }
}

/// The value of the plan with `site` in the place of the open site it replaces best.
fn cheapest_entry(instance: &Instance, is_open: &[bool], solved: &Solved, site: usize) -> f64 {
    let mut open = is_open.to_vec();
    open[site] = true;
    (solved.open.iter())
        .filter(|&&out| instance.standing[out] == Standing::Free)
        .map(|&out| {
            let mut other = open.clone();
            other[out] = false;
            instance.value(&other)
        })
        .fold(f64::INFINITY, f64::min)
}

/// The best plans that differ from the first: the problems without it are split so that each plan belongs to one
/// (Lawler 1972), and the best of their best plans is next.
pub(crate) fn alternatives(
    problem: &Problem,
    placement: &Placement,
    solved: &Solved,
    number: usize,
    watch: &dyn Watch,
) -> Vec<Alternative> {
    let whole = &placement.instance;
    let mut pool: Vec<(Solved, Vec<Standing>)> = Vec::new();
    let mut last = (solved.clone(), whole.standing.clone());
    let mut given = Vec::new();
    while given.len() < number && !watch.is_stopped() {
        pool.extend(split(problem, placement, &last.0, &last.1, watch));
        let best = (0..pool.len()).min_by(|&a, &b| pool[a].0.value.total_cmp(&pool[b].0.value));
        let Some(best) = best else { break };
        last = pool.swap_remove(best);
        given.push(Alternative {
            open: ids(problem, &last.0.open),
            objective: placement.told(last.0.value),
        });
    }
    given
}

/// The best plan of each part into which the plans of `standing` other than `plan` fall.
fn split(
    problem: &Problem,
    placement: &Placement,
    plan: &Solved,
    standing: &[Standing],
    watch: &dyn Watch,
) -> Vec<(Solved, Vec<Standing>)> {
    let is_open = crate::solve::marks(problem, &plan.open);
    let exactly = matches!(placement.instance.count, Count::Exactly(_));
    // With an exact count, plans that contain all open sites are this plan.
    let deciding = (0..problem.sites.len())
        .filter(|&site| standing[site] == Standing::Free && (is_open[site] || !exactly));
    let mut parts = Vec::new();
    let mut settled = standing.to_vec();
    for site in deciding {
        let mut part = settled.clone();
        (part[site], settled[site]) = if is_open[site] {
            (Standing::Closed, Standing::Required)
        } else {
            (Standing::Required, Standing::Closed)
        };
        parts.push(part);
    }
    (parts.into_par_iter())
        .filter_map(|standing| {
            let mut instance = placement.instance.clone();
            instance.standing.clone_from(&standing);
            let found = median::solve(&instance, EFFORT, &Quiet(watch))?;
            let open = crate::solve::marks(problem, &found.open);
            (placement.unserved(&open).is_empty()).then_some((found, standing))
        })
        .collect()
}
