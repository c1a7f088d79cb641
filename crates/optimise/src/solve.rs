//! From a problem to a plan: picks the engine for the model, and puts objective, bound, assignment, stability and
//! explanation together. A plan is called optimal only when its bound says so.

use crate::median::{self, Effort, Solved};
use crate::placement::{self, Placement};
use crate::plan::{Plan, Reason, Status, gap};
use crate::problem::{InvalidProblem, Model, Problem, Tables};
use crate::program::EngineError;
use crate::stability::Quiet;
use crate::watch::{Improving, Watch};
use crate::{allocation, center, explain, front, robust, stability};
use std::time::{Duration, Instant};

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
pub enum OptimiseError {
    /// The problem is written wrongly.
    #[error(transparent)]
    Invalid(#[from] InvalidProblem),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Solves a problem. `watch` is told of every better plan and bound and may stop it.
///
/// # Errors
/// When the problem is written wrongly or the engine fails; infeasible is a plan's status, not an error.
pub fn solve(problem: &Problem, watch: &dyn Watch) -> Result<Plan, OptimiseError> {
    let began = Instant::now();
    let mut plan = solve_once(problem, watch)?;
    if problem.front {
        plan.front = front::front(problem, &Quiet(watch))?;
    }
    plan.seconds = began.elapsed().as_secs_f64();
    plan.data_version.clone_from(&problem.data_version);
    Ok(plan)
}

/// Solves without a front.
pub(crate) fn solve_once(problem: &Problem, watch: &dyn Watch) -> Result<Plan, OptimiseError> {
    let tables = problem.checked()?;
    Ok(match problem.model {
        Model::PCenter => center::solve(problem, &tables, watch)?,
        _ if placement::is_placement(problem) => solve_placement(problem, &tables, watch)?,
        _ => allocation::solve(problem, &tables, watch)?,
    })
}

/// The plan to tell where a solve was stopped from outside: the best that was told, with the bound that was told.
pub fn interrupted(
    problem: &Problem,
    incumbent: Option<(f64, &[String])>,
    bound: Option<f64>,
    status: Status,
    seconds: f64,
) -> Plan {
    let mut plan = Plan::without(problem.model, problem.seed, status, None);
    plan.bound = bound;
    plan.seconds = seconds;
    plan.data_version.clone_from(&problem.data_version);
    let Some((objective, open)) = incumbent else {
        plan.status = Status::Cancelled;
        plan.reason = Some("stopped before a plan was found; allow more seconds".to_owned());
        return plan;
    };
    plan.objective = Some(objective);
    plan.gap = bound.and_then(|bound| gap(objective, bound));
    plan.open = open.to_vec();
    if placement::is_placement(problem) || problem.model == Model::PCenter {
        let marks: Vec<bool> = (problem.sites.iter())
            .map(|site| open.contains(&site.id))
            .collect();
        // The travel of open sites alone: whoever stopped the solve waits for this.
        plan.assignment = placement::assignment(problem, &problem.reach_of(&marks), &marks);
    } else {
        plan.reason = Some("stopped before it was settled who is served where".to_owned());
    }
    plan
}

/// The part of the time that finding the plan may take; judging and explaining it need the rest.
const SHARE: f64 = 0.7;

/// Stops a part of the work before all time is spent.
pub(crate) struct Part<'a> {
    watch: &'a dyn Watch,
    until: Option<Instant>,
}

impl<'a> Part<'a> {
    pub(crate) fn of(watch: &'a dyn Watch) -> Self {
        let until = (watch.seconds_left())
            .and_then(|left| Instant::now().checked_add(Duration::from_secs_f64(SHARE * left)));
        Self { watch, until }
    }
}

impl Watch for Part<'_> {
    fn incumbent(&self, objective: f64, open: &[usize]) {
        self.watch.incumbent(objective, open);
    }

    fn bound(&self, bound: f64) {
        self.watch.bound(bound);
    }

    fn is_stopped(&self) -> bool {
        self.watch.is_stopped() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn seconds_left(&self) -> Option<f64> {
        self.until.map(|until| {
            until
                .saturating_duration_since(Instant::now())
                .as_secs_f64()
        })
    }
}

fn solve_placement(
    problem: &Problem,
    tables: &Tables,
    watch: &dyn Watch,
) -> Result<Plan, OptimiseError> {
    let placement = placement::placement(problem, tables)?;
    if let Some(reason) = explain::contradiction(problem) {
        return Ok(infeasible(problem, reason));
    }
    if let Some(reason) = explain::unreachable(problem, tables, &placement) {
        return Ok(infeasible(problem, reason));
    }
    let told = |value: f64| placement.told(value);
    let part = Part::of(watch);
    let improving = Improving::new(&part, &told);
    let effort = Effort {
        seed: problem.seed,
        ..Effort::default()
    };
    let solved = match problem.robust {
        Some(tail) => robust::solve(&placement, tail, problem, &improving),
        None => median::solve(&placement.instance, effort, &improving),
    };
    let Some(solved) = solved else {
        let reason = "required sites, closed sites and p contradict each other; change one of them";
        let reason = Reason {
            words: reason.to_owned(),
            relaxations: Vec::new(),
        };
        return Ok(infeasible(problem, reason));
    };
    let open = marks(problem, &solved.open);
    if !placement.unserved(&open).is_empty() {
        if solved.is_proven {
            let reason = explain::too_few(problem, tables, &placement, watch);
            return Ok(infeasible(problem, reason));
        }
        let reason = "no plan that serves everybody was found in time; allow more seconds, or give unmet_cost";
        return Ok(Plan::without(
            problem.model,
            problem.seed,
            Status::Cancelled,
            Some(reason.to_owned()),
        ));
    }
    let mut plan = told_plan(problem, tables, &placement, &solved, watch);
    if problem.robust.is_none() {
        if placement.variance().iter().any(|&v| v > 0.0) && problem.draws > 0 {
            plan.stability = Some(stability::stability(problem, &placement, &solved, watch))
                .filter(|stability| stability.draws > 0);
        }
        if problem.explain {
            plan.explanation = Some(explain::placement(problem, &placement, &solved, watch));
        }
        plan.alternatives =
            explain::alternatives(problem, &placement, &solved, problem.alternatives, watch);
    }
    Ok(plan)
}

fn told_plan(
    problem: &Problem,
    tables: &Tables,
    placement: &Placement,
    solved: &Solved,
    watch: &dyn Watch,
) -> Plan {
    let (objective, bound) = (placement.told(solved.value), placement.told(solved.bound));
    let mut plan = Plan::without(problem.model, problem.seed, Status::Optimal, None);
    plan.status = status(solved.is_proven, watch);
    plan.objective = Some(objective);
    plan.bound = Some(bound).filter(|bound| bound.is_finite());
    plan.gap = gap(objective, bound);
    plan.open = ids(problem, &solved.open);
    plan.assignment = placement::assignment(problem, &tables.reach, &marks(problem, &solved.open));
    plan.spent = spent(problem, &solved.open);
    plan
}

/// How a solve with a plan ended. Running out of time leaves a feasible plan; being told to stop a cancelled one.
pub(crate) fn status(is_proven: bool, watch: &dyn Watch) -> Status {
    if is_proven {
        Status::Optimal
    } else if watch.is_stopped() && watch.seconds_left().is_none_or(|left| left > 0.0) {
        Status::Cancelled
    } else {
        Status::Feasible
    }
}

fn spent(problem: &Problem, open: &[usize]) -> Option<f64> {
    let cost: f64 = (open.iter())
        .map(|&site| problem.sites[site].fixed_cost + problem.sites[site].running_cost)
        .sum();
    (cost > 0.0).then_some(cost)
}

pub(crate) fn infeasible(problem: &Problem, reason: Reason) -> Plan {
    let words = Some(reason.words);
    let mut plan = Plan::without(problem.model, problem.seed, Status::Infeasible, words);
    plan.relaxations = reason.relaxations;
    plan
}

pub(crate) fn ids(problem: &Problem, open: &[usize]) -> Vec<String> {
    (open.iter())
        .map(|&site| problem.sites[site].id.clone())
        .collect()
}

pub(crate) fn marks(problem: &Problem, open: &[usize]) -> Vec<bool> {
    let mut marks = vec![false; problem.sites.len()];
    for &site in open {
        marks[site] = true;
    }
    marks
}
