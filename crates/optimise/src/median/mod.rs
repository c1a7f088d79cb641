//! Solves problems of the p-median family: plans by interchange, bounds by Lagrangean relaxation, sites settled by
//! reduced cost, and branch and bound on what is left. Every bound holds, whatever was stopped when.

mod branch;
mod instance;
mod interchange;
mod lagrangean;
mod network;
mod search;

pub use instance::{Count, Instance, Standing};
pub use network::Network;

use crate::random::Random;
use crate::watch::Watch;
use lagrangean::{Effort as Climb, Prices, Relaxation};
use search::Found;
use std::cell::RefCell;

/// How much work a solve may do; time limits come with the [`Watch`].
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Seed of the local search.
    pub seed: u64,
    /// Rounds of local search without a better plan, after the root's bound.
    pub rounds: usize,
    /// Nodes of branch and bound.
    pub nodes: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            seed: 1,
            rounds: 40,
            nodes: 1_000_000,
        }
    }
}

/// A plan with its proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// Open sites in ascending order.
    pub open: Vec<usize>,
    /// The objective of opening them.
    pub value: f64,
    /// No plan has a lower objective.
    pub bound: f64,
    /// Whether the plan is optimal, up to a relative error of 1e-9 from sums of floating-point numbers.
    pub is_proven: bool,
    /// Nodes of branch and bound.
    pub nodes: usize,
}

/// Above which value a plan is no improvement on one of a given value.
#[derive(Clone, Copy, Debug)]
struct Cutoff {
    is_whole: bool,
}

impl Cutoff {
    fn of(self, value: f64) -> f64 {
        if self.is_whole {
            value - 1.0 + 1e-6
        } else {
            value - 1e-9 * (1.0 + value.abs())
        }
    }
}

/// Tells of plans in the numbering of the whole problem.
struct Improvement<'a> {
    watch: &'a dyn Watch,
    sites: Vec<usize>,
}

impl Improvement<'_> {
    fn found(&self, found: &Found) {
        self.watch.incumbent(found.value, &self.original(found));
    }

    fn original(&self, found: &Found) -> Vec<usize> {
        found.open.iter().map(|&site| self.sites[site]).collect()
    }
}

/// Solves, or `None` where required sites, closed sites and the count contradict each other.
pub fn solve(instance: &Instance, effort: Effort, watch: &dyn Watch) -> Option<Solved> {
    solve_from(instance, None, effort, watch)
}

/// Solves, beginning with a plan known to be allowed.
pub fn solve_from(
    whole: &Instance,
    plan: Option<&[usize]>,
    effort: Effort,
    watch: &dyn Watch,
) -> Option<Solved> {
    if !whole.is_consistent() {
        return None;
    }
    let stopped = || watch.is_stopped();
    let mut random = Random::part(effort.seed, 0);
    let mut instance = whole.merged();
    let cutoff = Cutoff {
        is_whole: instance.is_whole(),
    };
    let mut improvement = Improvement {
        watch,
        sites: (0..whole.sites()).collect(),
    };
    let from = plan.map_or_else(|| search::start(&instance), <[usize]>::to_vec);
    let mut best = search::iterated(&instance, &from, 3, &mut random, &stopped, &mut |found| {
        improvement.found(found);
    });
    let mut prices = Prices::at_plan(&instance, &marked(&instance, &best.open));
    let mut fixings = instance.standing.clone();
    let mut bound = f64::NEG_INFINITY;
    let mut root = None;
    for (stage, root_effort) in ROOT.into_iter().enumerate() {
        let shared = RefCell::new(best.clone());
        let mut relaxation = Relaxation::new(&instance);
        let climbed = relaxation.climb(
            prices,
            &mut fixings,
            cutoff.of(best.value),
            root_effort,
            &stopped,
            &mut |relaxation, now, iteration| {
                if now > bound {
                    bound = now;
                    watch.bound(now.min(shared.borrow().value));
                }
                if iteration % 20 != 10 {
                    return None;
                }
                let found = search::repaired(&instance, &relaxation.chosen(), &stopped)?;
                let mut best = shared.borrow_mut();
                if found.value >= best.value {
                    return None;
                }
                *best = found;
                improvement.found(&best);
                Some(cutoff.of(best.value))
            },
        );
        best = shared.into_inner();
        if climbed.is_closed || stopped() {
            root = Some(climbed);
            break;
        }
        if stage == 0 {
            let rounds = effort.rounds;
            best = search::iterated(
                &instance,
                &best.open.clone(),
                rounds,
                &mut random,
                &stopped,
                &mut |found| improvement.found(found),
            );
            // A better plan settles more sites at the bound that is there.
            if let Some(again) = relaxation.bound(&climbed.prices, &fixings) {
                relaxation.fix(again, cutoff.of(best.value), &mut fixings);
            }
        }
        let smaller = smaller(
            &instance,
            &fixings,
            &climbed.prices,
            &mut best,
            &mut improvement,
        );
        prices = climbed.prices.clone();
        if let Some((reduced, fewer, cheaper)) = smaller {
            (instance, fixings, prices) = (reduced, fewer, cheaper);
            root = Some(lagrangean::Climbed {
                prices: prices.clone(),
                frequency: vec![0.5; instance.sites()],
                ..climbed
            });
        } else {
            root = Some(climbed);
        }
    }
    // Unwrap safety: there is at least one stage, and each sets it.
    let root = root.unwrap();
    let mut is_proven = root.is_closed;
    let mut nodes = 0;
    if !is_proven && !stopped() {
        let searched = branch::search(
            &instance,
            &root,
            &fixings,
            &cutoff,
            &mut best,
            effort.nodes,
            &improvement,
        );
        nodes = searched.nodes;
        match searched.bound {
            Some(lowest) => bound = bound.max(lowest),
            None => is_proven = true,
        }
    }
    let mut open = improvement.original(&best);
    open.sort_unstable();
    let value = whole.value(&marked(whole, &open));
    if is_proven || bound > cutoff.of(value) {
        is_proven = true;
        bound = if cutoff.is_whole {
            value
        } else {
            cutoff.of(value)
        };
    }
    watch.bound(bound);
    Some(Solved {
        open,
        value,
        bound: bound.min(value),
        is_proven,
        nodes,
    })
}

/// The stages of the root; after each, closed sites leave the problem.
const ROOT: [Climb; 2] = [
    Climb {
        iterations: 160,
        patience: 10,
        step: 1.0,
    },
    Climb {
        iterations: 500,
        patience: 12,
        step: 0.5,
    },
];

fn marked(instance: &Instance, open: &[usize]) -> Vec<bool> {
    let mut marks = vec![false; instance.sites()];
    for &site in open {
        marks[site] = true;
    }
    marks
}

/// The problem without closed sites, where enough of them are closed to be worth it, and without what lies farther than
/// a site that must open; points that this makes alike are added up. The best plan stays expressible: its sites are kept.
fn smaller(
    instance: &Instance,
    fixings: &[Standing],
    prices: &Prices,
    best: &mut Found,
    improvement: &mut Improvement<'_>,
) -> Option<(Instance, Vec<Standing>, Prices)> {
    let in_best = marked(instance, &best.open);
    let keep: Vec<usize> = (0..instance.sites())
        .filter(|&site| fixings[site] != Standing::Closed || in_best[site])
        .collect();
    if keep.len() * 10 > instance.sites() * 9 {
        return None;
    }
    let mut number = vec![None; instance.sites()];
    for (new, &old) in keep.iter().enumerate() {
        number[old] = Some(new);
    }
    let required: Vec<bool> = (fixings.iter())
        .map(|fixing| *fixing == Standing::Required)
        .collect();
    let reduced = Instance {
        network: std::sync::Arc::new(instance.network.restricted_to(&keep, &required)),
        weight: instance.weight.clone(),
        outside: instance.outside.clone(),
        fixed: keep.iter().map(|&site| instance.fixed[site]).collect(),
        standing: keep.iter().map(|&site| instance.standing[site]).collect(),
        count: instance.count,
    };
    best.open = best.open.iter().filter_map(|&site| number[site]).collect();
    improvement.sites = keep.iter().map(|&site| improvement.sites[site]).collect();
    let fewer = keep.iter().map(|&site| fixings[site]).collect();
    let prices = prices.restricted_to(&reduced, &number);
    let (merged, groups) = reduced.merged_from();
    let cheaper = prices.added_up(&reduced, &merged, &groups, &marked(&merged, &best.open));
    Some((merged, fewer, cheaper))
}

#[cfg(test)]
mod tests {
    use super::instance::random;
    use super::*;
    use crate::watch::Unwatched;

    #[test]
    fn proves_the_optimum_that_enumeration_finds() {
        let mut random = Random::new(31);
        let mut solved = 0;
        for case in 0..300 {
            let instance = random::instance(&mut random, 12, 9);
            let optimum = random::enumerated(&instance);
            let found = solve(&instance, Effort::default(), &Unwatched);
            match (optimum, found) {
                (None, None) => {}
                (Some(optimum), Some(found)) => {
                    let room = 1e-7 * (1.0 + optimum.abs());
                    assert!(found.is_proven, "case {case}");
                    assert!((found.value - optimum).abs() < room, "case {case}");
                    assert!(found.bound <= optimum + room, "case {case}");
                    solved += 1;
                }
                (optimum, found) => panic!("case {case}: {optimum:?} but {found:?}"),
            }
        }
        assert!(solved > 200);
    }

    #[test]
    fn bounds_hold_however_early_it_is_stopped() {
        let mut random = Random::new(32);
        for _ in 0..100 {
            let instance = random::instance(&mut random, 12, 9);
            let Some(optimum) = random::enumerated(&instance) else {
                continue;
            };
            let effort = Effort {
                nodes: random.below(4),
                rounds: 0,
                seed: 5,
            };
            // Unwrap safety: an instance with an optimum is consistent.
            let found = solve(&instance, effort, &Unwatched).unwrap();
            let room = 1e-7 * (1.0 + optimum.abs());
            assert!(found.bound <= optimum + room && optimum <= found.value + room);
            assert!(!found.is_proven || (found.value - optimum).abs() < room);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        let mut random = Random::new(33);
        for _ in 0..20 {
            let instance = random::instance(&mut random, 30, 14);
            let first = solve(&instance, Effort::default(), &Unwatched);
            assert_eq!(first, solve(&instance, Effort::default(), &Unwatched));
        }
    }
}
