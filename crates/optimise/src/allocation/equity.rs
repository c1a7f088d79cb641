//! Objectives of fairness between areas, on top of the program of allocation.
//!
//! CVaR follows Rockafellar and Uryasev (2000). Lexicographic max-min asks for the largest smallest share, then for the
//! largest second smallest while the first stays, and so on: "the k-th smallest is at least z" says that fewer than k
//! areas lie below z, which is a row over binary columns.

use super::build::Built;
use super::passing_on;
use crate::program::{EngineError, Program, ProgramSolution};
use crate::watch::Watch;

/// How many of the worst-served areas are ordered before the rest is served as well as possible.
pub(crate) const LEVELS: usize = 8;
const TOLERANCE: f64 = 1e-6;

/// Maximises the mean share of the worst-served `tail` of the demand.
pub(super) fn cvar(built: &mut Built, tail: f64) {
    let level = built.program.column(-1.0, 0.0, 1.0, false);
    for (shares, &weight) in built.shares.iter().zip(&built.weights) {
        if weight == 0.0 {
            continue;
        }
        let below = built.program.column(weight / tail, 0.0, 1.0, false);
        // below >= level - share
        let mut terms = shares.clone();
        terms.push((below, 1.0));
        terms.push((level, -1.0));
        built.program.at_least(terms, 0.0);
    }
}

/// Adds "all but `less` areas have a share of at least a level"; returns the level's column.
fn level(program: &mut Program, built: &Built, less: usize, cost: f64) -> usize {
    let level = program.column(cost, 0.0, 1.0, false);
    let mut excused = Vec::new();
    for (shares, &weight) in built.shares.iter().zip(&built.weights) {
        if weight == 0.0 {
            continue;
        }
        let mut terms = shares.clone();
        terms.push((level, -1.0));
        if less > 0 {
            let excuse = program.column(0.0, 0.0, 1.0, true);
            terms.push((excuse, 1.0));
            excused.push((excuse, 1.0));
        }
        program.at_least(terms, 0.0);
    }
    if less > 0 {
        program.at_most(excused, less as f64);
    }
    level
}

/// Maximises the smallest share, then the next. The objective and bound returned are those of the smallest.
pub(super) fn max_min(
    built: &mut Built,
    watch: &dyn Watch,
) -> Result<ProgramSolution, EngineError> {
    let areas = built.weights.iter().filter(|&&weight| weight > 0.0).count();
    let mut program = built.program.clone();
    let first = level(&mut program, built, 0, -1.0);
    let mut best = {
        let telling = passing_on(&program, built, watch);
        program.solve_telling(watch.seconds_left(), Some(&telling))?
    };
    if best.values.is_empty() {
        return Ok(best);
    }
    let (objective, bound) = (best.objective, best.bound);
    let mut is_optimal = best.is_optimal;
    let mut last = first;
    for less in 1..LEVELS.min(areas) {
        let reached = best.values[last];
        if reached >= 1.0 - TOLERANCE || !is_optimal {
            break;
        }
        if watch.is_stopped() {
            is_optimal = false;
            break;
        }
        program.columns[last].cost = 0.0;
        program.columns[last].lower = reached - TOLERANCE;
        let higher = level(&mut program, built, less, -1.0);
        let next = program.solve(watch.seconds_left())?;
        if next.values.is_empty() {
            // Time is over: the plan is that of the levels so far, and not shown to be best at the others.
            program.columns[higher].cost = 0.0;
            is_optimal = false;
            break;
        }
        is_optimal = next.is_optimal;
        (best, last) = (next, higher);
    }
    // Among plans with these levels, the one that serves most.
    let reached = best.values[last];
    program.columns[last].cost = 0.0;
    program.columns[last].lower = reached - TOLERANCE;
    for flow in &built.flows {
        program.columns[flow.column].cost = -1.0;
    }
    // It is proven only as a whole: that no other plan with these levels serves more, too.
    let most = if watch.is_stopped() {
        None
    } else {
        Some(program.solve(watch.seconds_left())?)
    };
    is_optimal &= most.as_ref().is_some_and(|most| most.is_optimal);
    if let Some(most) = most.filter(|most| !most.values.is_empty()) {
        best.values = most.values;
    }
    Ok(ProgramSolution {
        values: best.values,
        objective,
        bound,
        is_infeasible: false,
        is_optimal,
    })
}

#[cfg(test)]
mod tests {
    use super::super::build::{Relaxed, build};
    use super::*;
    use crate::problem::{Cost, Demand, Model, Problem, Site};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Gives a minute to the first question and nothing to those after it.
    #[derive(Default)]
    struct OnlyTheFirst(AtomicUsize);

    impl Watch for OnlyTheFirst {
        fn seconds_left(&self) -> Option<f64> {
            let is_first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
            Some(if is_first { 60.0 } else { 0.0 })
        }
    }

    #[test]
    fn levels_that_time_does_not_reach_leave_the_plan_of_those_before() {
        let demand: Vec<Demand> = (0..60)
            .map(|at| Demand {
                id: format!("a{at}"),
                demand: 3.0 + (at * 37 % 23) as f64,
                ..Demand::default()
            })
            .collect();
        let sites = (0..20).map(|at| Site {
            id: format!("s{at}"),
            capacity: Some(20.0 + (at * 13 % 17) as f64),
            fixed_cost: 5.0 + (at * 7 % 11) as f64,
            ..Site::default()
        });
        let costs = (0..60).flat_map(|home| {
            (0..20)
                .filter(move |site| (home * 11 + site * 5) % 3 > 0)
                .map(move |site| Cost {
                    from_id: format!("a{home}"),
                    to_id: format!("s{site}"),
                    minutes: 1.0,
                })
        });
        let whole: f64 = demand.iter().map(|row| row.demand).sum();
        let estimate: Vec<f64> = demand.iter().map(|row| row.demand).collect();
        let mut problem = Problem::new(Model::MaxMin, demand, sites.collect(), costs.collect());
        problem.budget = Some(whole / 7.0);
        // Unwrap safety: the problem is written rightly.
        let tables = problem.checked().unwrap();
        let mut built = build(&problem, &tables, &estimate, Relaxed::default());
        let found = max_min(&mut built, &OnlyTheFirst::default()).unwrap();
        assert!(!found.values.is_empty());
        assert!(found.objective < 0.0, "somebody is served everywhere");
        assert!(!found.is_optimal, "the other levels were not solved");
    }
}
