//! Modular, capacitated, multi-target location and allocation: which sites open, how many modules they get, and who is
//! served where, within a budget. A mixed-integer program; plans are read back from its solution.

mod build;
mod equity;
mod hinge;
mod kernel;
mod noise;

use crate::plan::{Assignment, Modules, Plan, Status, gap};
use crate::problem::{Model, Problem, Tables, invalid};
use crate::program::{EngineError, News, Program, ProgramSolution};
use crate::solve::{OptimiseError, Part, ids, infeasible, status};
use crate::watch::{Improving, Watch};
use build::{Built, Relaxed, build};

/// Relative gap below which a plan of the engine is optimal: its own tolerances are no finer.
const PROVEN: f64 = 1e-6;
/// Programs of so few columns are mostly solved before anybody could read of their relaxation: they are given so many
/// seconds to be.
const SMALL: usize = 3_000;
const AT_ONCE: f64 = 0.5;
/// Amounts and shares below this are the engine's rounding.
const NOTHING: f64 = 1e-7;
/// By how much a solution that the engine tells on its way may break a limit: its own tolerance.
const FEASIBLE: f64 = 1e-6;

/// Solves a problem by its mixed-integer program.
pub(crate) fn solve(
    problem: &Problem,
    tables: &Tables,
    watch: &dyn Watch,
) -> Result<Plan, OptimiseError> {
    if problem.model == Model::Lscp {
        return Err(invalid(
            "budget",
            "lscp finds the least cost and takes no budget; leave it out",
        )
        .into());
    }
    if problem.robust.is_some() {
        return Err(invalid(
            "robust",
            "is for p-median, mclp and warehouses without capacity; leave it out",
        )
        .into());
    }
    let demand: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
    let mut built = build(problem, tables, &demand, Relaxed::default());
    let solution = solve_built(problem, &mut built, &Part::of(watch))?;
    if solution.is_infeasible {
        let reason = hinge::smallest_relaxation(problem, tables, &demand, watch)?;
        return Ok(infeasible(problem, reason));
    }
    if solution.values.is_empty() {
        let reason = "no plan was found in time; allow more seconds".to_owned();
        return Ok(Plan::without(
            problem.model,
            problem.seed,
            Status::Cancelled,
            Some(reason),
        ));
    }
    let mut plan = told(problem, &built, &solution, watch);
    let asks = demand.iter().any(|&demand| demand > 0.0);
    if asks && problem.explain {
        plan.explanation = Some(hinge::explanation(
            problem, tables, &built, &solution, watch,
        )?);
    }
    if asks {
        plan.alternatives = hinge::alternatives(problem, &built, &solution, watch)?;
    }
    if problem.demand.iter().any(|row| row.variance > 0.0) && problem.draws > 0 {
        plan.stability = noise::stability(problem, tables, &built, &solution, watch)?;
    }
    Ok(plan)
}

/// Solves a program with its model's objective; the bound of one that takes time is told before the search begins, and as it rises.
fn solve_built(
    problem: &Problem,
    built: &mut Built,
    watch: &dyn Watch,
) -> Result<ProgramSolution, EngineError> {
    let sign = sign(problem);
    let told = |value: f64| sign * value;
    let watch = &Improving::new(watch, &told);
    match problem.model {
        Model::MaxMin => return equity::max_min(built, watch),
        Model::Cvar => equity::cvar(built, problem.tail.unwrap_or(0.2)),
        _ => {}
    }
    if built.program.columns.len() <= SMALL {
        let left = watch.seconds_left().unwrap_or(f64::INFINITY);
        let solution = built.program.solve(Some(left.min(AT_ONCE)))?;
        if solution.is_infeasible || solution.is_optimal {
            tell(&solution, built, watch);
            return Ok(solution);
        }
    }
    let relaxed = built.program.relaxed().solve(watch.seconds_left())?;
    if relaxed.is_infeasible {
        return Ok(relaxed);
    }
    if relaxed.is_optimal {
        watch.bound(relaxed.objective);
        if let Some(start) = rounded(built, &relaxed.values, watch)? {
            watch.incumbent(built.program.objective(&start), &open_sites(built, &start));
            built.program.start = Some(start);
        }
        if let Some(start) = kernel::solution(built, &relaxed.values, watch)? {
            built.program.start = Some(start);
        }
    }
    let telling = passing_on(&built.program, built, watch);
    let mut solution = (built.program).solve_telling(watch.seconds_left(), Some(&telling))?;
    if relaxed.is_optimal {
        solution.bound = solution
            .bound
            .max(relaxed.objective)
            .min(solution.objective);
    }
    if solution.values.is_empty()
        && !solution.is_infeasible
        && let Some(start) = built.program.start.clone()
    {
        solution.objective = built.program.objective(&start);
        solution.values = start;
    }
    tell(&solution, built, watch);
    Ok(solution)
}

/// Passes on what the engine tells of a program whose columns begin with those of `built`.
fn passing_on<'a>(
    program: &'a Program,
    built: &'a Built,
    watch: &'a dyn Watch,
) -> impl Fn(News<'_>) + Sync + 'a {
    move |news| match news {
        News::Bound(bound) => watch.bound(bound),
        News::Solution(values) if program.violation(values) <= FEASIBLE => {
            watch.incumbent(program.objective(values), &open_sites(built, values));
        }
        News::Solution(_) => {}
    }
}

fn tell(solution: &ProgramSolution, built: &Built, watch: &dyn Watch) {
    if !solution.values.is_empty() {
        watch.incumbent(solution.objective, &open_sites(built, &solution.values));
        watch.bound(solution.bound);
    }
}

/// A solution near the relaxation's: every integer rounded up, and the rest solved again. None where that breaks a limit.
fn rounded(
    built: &Built,
    values: &[f64],
    watch: &dyn Watch,
) -> Result<Option<Vec<f64>>, EngineError> {
    for threshold in [1e-6, 0.5] {
        let up: Vec<f64> = (built.program.columns.iter().zip(values))
            .map(|(column, &value)| {
                if !column.is_integer {
                    value
                } else if value - value.floor() > threshold {
                    value.ceil()
                } else {
                    value.floor()
                }
            })
            .collect();
        let found = (built.program.with_integers_at(&up)).solve(watch.seconds_left())?;
        if found.is_optimal {
            return Ok(Some(found.values));
        }
    }
    Ok(None)
}

/// Programs are minimised; what people see of a maximised model has the other sign.
fn sign(problem: &Problem) -> f64 {
    if problem.model.is_maximised() {
        -1.0
    } else {
        1.0
    }
}

fn open_sites(built: &Built, values: &[f64]) -> Vec<usize> {
    (0..built.open.len())
        .filter(|&site| built.open[site].is_some_and(|column| values[column] > 0.5))
        .collect()
}

fn told(problem: &Problem, built: &Built, solution: &ProgramSolution, watch: &dyn Watch) -> Plan {
    let values = &solution.values;
    let (objective, bound) = (
        sign(problem) * solution.objective,
        sign(problem) * solution.bound,
    );
    let open = open_sites(built, values);
    let mut plan = Plan::without(problem.model, problem.seed, Status::Feasible, None);
    // Objective and bound of levels are those of the first alone, and prove nothing of the others.
    let is_near =
        problem.model != Model::MaxMin && gap(objective, bound).is_some_and(|gap| gap <= PROVEN);
    plan.status = status(solution.is_optimal || is_near, watch);
    plan.objective = Some(objective);
    plan.bound = Some(bound).filter(|bound| bound.is_finite());
    plan.gap = gap(objective, bound);
    plan.modules = (0..problem.sites.len())
        .filter_map(|site| {
            let number = values[built.modules[site]?].round() as u64;
            (number > 0).then(|| Modules {
                id: problem.sites[site].id.clone(),
                number,
            })
        })
        .collect();
    plan.assignment = (built.flows.iter())
        .filter_map(|flow| {
            let demand = &problem.demand[flow.row];
            let share = values[flow.column] / demand.demand;
            (share > NOTHING).then(|| Assignment {
                id: demand.id.clone(),
                target: demand.target.clone(),
                site: problem.sites[flow.site].id.clone(),
                minutes: flow.minutes,
                share: share.min(1.0),
            })
        })
        .collect();
    plan.spent = Some(spent(problem, built, values)).filter(|&spent| spent > 0.0);
    plan.open = ids(problem, &open);
    plan
}

fn spent(problem: &Problem, built: &Built, values: &[f64]) -> f64 {
    (problem.sites.iter().enumerate())
        .map(|(at, site)| {
            let open = built.open[at].map_or(0.0, |column| values[column].round());
            let modules = built.modules[at].map_or(0.0, |column| values[column].round());
            open * (site.fixed_cost + site.running_cost) + modules * site.module_cost
        })
        .sum()
}
