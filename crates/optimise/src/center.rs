//! p-center: the least longest travel, found by asking at ever fewer radii whether p sites cover everybody.

use crate::explain;
use crate::median::{self, Count, Effort, Instance, Network};
use crate::placement::{assignment, standings};
use crate::plan::{Plan, Status, gap};
use crate::problem::{InvalidProblem, Problem, Tables, invalid};
use crate::solve::{ids, infeasible, marks, status};
use crate::watch::Watch;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Solves a p-center problem over the rows of positive demand.
pub(crate) fn solve(
    problem: &Problem,
    tables: &Tables,
    watch: &dyn Watch,
) -> Result<Plan, InvalidProblem> {
    // Unwrap safety: a checked p-center problem has p.
    let p = problem.p.unwrap();
    if p > problem.sites.len() {
        let sites = problem.sites.len();
        return Err(invalid(
            "p",
            format!("{p} sites cannot open where there are {sites}"),
        ));
    }
    if let Some(reason) = explain::contradiction(problem) {
        return Ok(infeasible(problem, reason));
    }
    let standing = standings(problem);
    let rows: Vec<Vec<(u32, f64)>> = (problem.demand.iter().zip(&tables.reach))
        .filter(|(row, _)| row.demand > 0.0)
        .map(|(_, reach)| {
            (reach.iter().copied())
                .filter(|&(site, _)| standing[site as usize] != median::Standing::Closed)
                .collect()
        })
        .collect();
    let mut radii: Vec<f64> = rows.iter().flatten().map(|&(_, minutes)| minutes).collect();
    radii.push(0.0);
    radii.sort_unstable_by(f64::total_cmp);
    radii.dedup();
    let least = rows
        .iter()
        .map(|row| row.iter().map(|&(_, m)| m).fold(f64::INFINITY, f64::min))
        .fold(0.0, f64::max);
    let covering = |radius: f64| Instance {
        network: Arc::new(Network::new(
            problem.sites.len(),
            (rows.iter())
                .map(|row| {
                    (row.iter())
                        .filter(|&&(_, minutes)| minutes <= radius)
                        .map(|&(site, _)| (site, 0.0))
                        .collect()
                })
                .collect(),
        )),
        weight: vec![1.0; rows.len()],
        outside: vec![1.0; rows.len()],
        fixed: vec![0.0; problem.sites.len()],
        standing: standing.clone(),
        count: Count::Exactly(p),
    };
    // Indices of radii: below `low` nothing covers, at `high` the plan does.
    let mut low = radii.partition_point(|&radius| radius < least);
    let mut high = radii.len();
    let mut best: Option<Vec<usize>> = None;
    let mut is_proven = least.is_finite();
    while low < high && is_proven {
        let middle = if best.is_none() && high == radii.len() {
            radii.len() - 1
        } else {
            low + (high - low) / 2
        };
        match covers(&covering(radii[middle]), problem.seed, watch) {
            Covers::By(open) => {
                watch.incumbent(radii[middle], &open);
                best = Some(open);
                high = middle;
            }
            Covers::Not => {
                low = middle + 1;
                if let Some(&radius) = radii.get(low) {
                    watch.bound(radius);
                }
            }
            Covers::Unknown => is_proven = false,
        }
    }
    let Some(open) = best else {
        return Ok(if is_proven || !least.is_finite() {
            infeasible(
                problem,
                explain::no_center(problem, tables, &covering(f64::INFINITY), watch),
            )
        } else {
            Plan::without(problem.model, problem.seed, Status::Cancelled, None)
        });
    };
    let (objective, bound) = (radii[high], radii[low.min(high)]);
    watch.bound(bound);
    let mut plan = Plan::without(problem.model, problem.seed, status(is_proven, watch), None);
    plan.objective = Some(objective);
    plan.bound = Some(bound);
    plan.gap = gap(objective, bound);
    plan.assignment = assignment(problem, &tables.reach, &marks(problem, &open));
    plan.open = ids(problem, &open);
    Ok(plan)
}

enum Covers {
    By(Vec<usize>),
    Not,
    Unknown,
}

/// Stops as soon as the question is decided.
struct Decided<'a> {
    watch: &'a dyn Watch,
    is_decided: AtomicBool,
}

impl Watch for Decided<'_> {
    fn incumbent(&self, objective: f64, _open: &[usize]) {
        if objective < 0.5 {
            self.is_decided.store(true, Ordering::Relaxed);
        }
    }

    fn bound(&self, bound: f64) {
        if bound > 1e-6 {
            self.is_decided.store(true, Ordering::Relaxed);
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_decided.load(Ordering::Relaxed) || self.watch.is_stopped()
    }
}

fn covers(instance: &Instance, seed: u64, watch: &dyn Watch) -> Covers {
    let decided = Decided {
        watch,
        is_decided: AtomicBool::new(false),
    };
    let effort = Effort {
        seed,
        ..Effort::default()
    };
    match median::solve(instance, effort, &decided) {
        None => Covers::Not,
        Some(solved) if solved.value < 0.5 => Covers::By(solved.open),
        // What stays uncovered is a whole number, so any positive bound is at least one.
        Some(solved) if solved.bound > 1e-6 => Covers::Not,
        Some(_) => Covers::Unknown,
    }
}
