//! What a plan of the mixed-integer program hinges on: what a place or 10,000 euro more is worth, which limits bind,
//! what forcing a site costs, other plans, and for a problem without a plan what would have to give.

use super::build::{Built, Relaxed, build};
use super::{open_sites, sign, solve_built};
use crate::plan::{Alternative, Explanation, Forced, Marginal, Reason, Relaxation};
use crate::problem::{Model, Problem, SiteStatus, Tables};
use crate::program::{EngineError, ProgramSolution};
use crate::solve::ids;
use crate::stability::Quiet;
use crate::watch::Watch;
use std::time::{Duration, Instant};

/// The step of the budget whose worth is told.
const EURO: f64 = 10_000.0;
/// What explaining may take, beside what the solve took.
const PATIENCE: Duration = Duration::from_secs(2);
/// What looking for a radius that is enough may take.
const RADIUS_PATIENCE: Duration = Duration::from_secs(10);
const SMALL: f64 = 1e-7;

/// Stops with the other and after a time of its own.
struct Until<'a> {
    watch: &'a dyn Watch,
    until: Instant,
}

impl Watch for Until<'_> {
    fn is_stopped(&self) -> bool {
        self.watch.is_stopped() || Instant::now() >= self.until
    }

    fn seconds_left(&self) -> Option<f64> {
        let own = self
            .until
            .saturating_duration_since(Instant::now())
            .as_secs_f64();
        Some(self.watch.seconds_left().map_or(own, |left| left.min(own)))
    }
}

/// What the plan hinges on, as far as time allows.
pub(super) fn explanation(
    problem: &Problem,
    tables: &Tables,
    built: &Built,
    solution: &ProgramSolution,
    watch: &dyn Watch,
) -> Result<Explanation, EngineError> {
    let mut explanation = Explanation::default();
    places(problem, built, solution, &mut explanation)?;
    if problem.model == Model::MaxMin {
        return Ok(explanation);
    }
    let until = Until {
        watch,
        until: Instant::now() + PATIENCE,
    };
    if let Some(budget) = problem.budget {
        let mut richer = problem.clone();
        richer.budget = Some(budget + EURO);
        let demand: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
        let mut more = build(&richer, tables, &demand, Relaxed::default());
        more.program.start = built.program.start.clone();
        let found = solve_built(&richer, &mut more, &Quiet(&until))?;
        if found.is_optimal {
            let improvement = (solution.objective - found.objective).max(0.0);
            if improvement > SMALL {
                explanation.binding.push(format!(
                    "budget: {EURO} euro more would improve the objective by {improvement:.2}"
                ));
            }
            explanation.marginal.push(Marginal {
                limit: "budget".to_owned(),
                more: EURO,
                improvement,
            });
        }
    }
    let open = open_sites(built, &solution.values);
    for (site, place) in problem.sites.iter().enumerate() {
        let Some(column) = built.open[site] else {
            continue;
        };
        if place.status != SiteStatus::Candidate || until.is_stopped() {
            continue;
        }
        let is_open = open.contains(&site);
        let mut forced = built.program.clone();
        forced.start = None;
        let state = f64::from(u8::from(!is_open));
        (forced.columns[column].lower, forced.columns[column].upper) = (state, state);
        let found = forced.solve(until.seconds_left())?;
        if found.is_optimal || found.is_infeasible {
            explanation.forced.push(Forced {
                id: place.id.clone(),
                open: !is_open,
                worsening: found
                    .is_optimal
                    .then(|| (found.objective - solution.objective).max(0.0)),
            });
        }
    }
    Ok(explanation)
}

/// What one more place is worth at each full site: the duals of the program with its integers fixed.
fn places(
    problem: &Problem,
    built: &Built,
    solution: &ProgramSolution,
    explanation: &mut Explanation,
) -> Result<(), EngineError> {
    if problem.model == Model::MaxMin {
        // Its levels are settled one after another; no single program has their duals.
        return Ok(());
    }
    let fixed = built.program.with_integers_at(&solution.values);
    let Some(duals) = fixed.duals()? else {
        return Ok(());
    };
    for (site, row) in built.capacity.iter().enumerate() {
        let Some(row) = *row else { continue };
        let improvement = -duals.rows[row];
        let is_open = built.open[site].is_some_and(|column| solution.values[column] > 0.5);
        if is_open && improvement > SMALL && problem.sites[site].capacity.is_some() {
            let id = &problem.sites[site].id;
            explanation.marginal.push(Marginal {
                limit: format!("capacity of {id}"),
                more: 1.0,
                improvement,
            });
            explanation.binding.push(format!(
                "capacity of {id}: one more place would improve the objective by {improvement:.2}"
            ));
        }
    }
    if let (Some(_), Some(p)) = (built.count, problem.p)
        && open_sites(built, &solution.values).len() >= p
    {
        explanation
            .binding
            .push(format!("p: all {p} sites allowed are open"));
    }
    Ok(())
}

/// The best plans with other open sites, each proven best after those before it, as far as time allows.
pub(super) fn alternatives(
    problem: &Problem,
    built: &Built,
    solution: &ProgramSolution,
    watch: &dyn Watch,
) -> Result<Vec<Alternative>, EngineError> {
    let mut given = Vec::new();
    if problem.model == Model::MaxMin {
        return Ok(given);
    }
    let until = Until {
        watch,
        until: Instant::now() + 2 * PATIENCE,
    };
    let mut program = built.program.clone();
    program.start = None;
    let mut last = open_sites(built, &solution.values);
    while given.len() < problem.alternatives && !until.is_stopped() {
        // At least one site differs.
        let (mut terms, mut limit) = (Vec::new(), 1.0);
        for (site, column) in built.open.iter().enumerate() {
            let Some(column) = *column else { continue };
            if last.contains(&site) {
                terms.push((column, -1.0));
                limit -= 1.0;
            } else {
                terms.push((column, 1.0));
            }
        }
        program.at_least(terms, limit);
        let found = program.solve(until.seconds_left())?;
        if !found.is_optimal {
            break;
        }
        last = open_sites(built, &found.values);
        given.push(Alternative {
            open: ids(problem, &last),
            objective: sign(problem) * found.objective,
        });
    }
    Ok(given)
}

/// What would have to give for a plan to exist: each limit alone, in words.
pub(super) fn smallest_relaxation(
    problem: &Problem,
    tables: &Tables,
    demand: &[f64],
    watch: &dyn Watch,
) -> Result<Reason, EngineError> {
    let ask_of = |problem: &Problem, relaxed: Relaxed| -> Result<Option<f64>, EngineError> {
        let found = build(problem, tables, demand, relaxed)
            .program
            .solve(watch.seconds_left())?;
        Ok(found.is_optimal.then_some(found.objective))
    };
    let ask = |relaxed: Relaxed| ask_of(problem, relaxed);
    let mut ways = Vec::new();
    let mut relaxations = Vec::new();
    let mut give = |limit: &str, from: Option<f64>, to: f64| {
        relaxations.push(Relaxation {
            limit: limit.to_owned(),
            from,
            to: Some(to),
            areas: Vec::new(),
        });
    };
    if let Some(budget) = problem.budget {
        let cheapest = Relaxed {
            no_budget: true,
            cheapest: true,
            ..Relaxed::default()
        };
        if let Some(cost) = ask(cheapest)? {
            give("budget", Some(budget), cost.ceil());
            ways.push(format!("raise the budget from {budget} to {}", cost.ceil()));
        }
    }
    if let Some(p) = problem.p {
        let fewest = Relaxed {
            no_count: true,
            fewest: true,
            ..Relaxed::default()
        };
        if let Some(sites) = ask(fewest)? {
            give("p", Some(p as f64), sites.round());
            ways.push(format!("raise p from {p} to {}", sites.round()));
        }
    }
    let until = Until {
        watch,
        until: Instant::now() + RADIUS_PATIENCE,
    };
    if let Some(radius) = problem.radius
        && let Some(wider) = enough_radius(problem, tables, radius, &until, ask_of)?
    {
        give("radius", Some(radius), wider);
        ways.push(format!("raise the radius from {radius} to {wider}"));
    }
    let unserved = Relaxed {
        unserved: true,
        ..Relaxed::default()
    };
    if let Some(amount) = ask(unserved)? {
        give("unserved", None, amount);
        ways.push(format!(
            "leave {amount:.1} of the demand unserved by giving unmet_cost, or add as many places within reach"
        ));
    }
    if ways.is_empty() {
        // No limit alone is in the way: budget or p do not even allow the sites that are required.
        let mut steps = Vec::new();
        let required = problem.sites.iter().filter(|site| site.status.is_open());
        let cost: f64 = (required.clone())
            .map(|site| site.fixed_cost + site.running_cost)
            .sum();
        let mut allowed = problem.clone();
        if let Some(budget) = problem.budget.filter(|&budget| budget < cost) {
            allowed.budget = Some(cost);
            steps.push(format!(
                "raise the budget from {budget} to {cost}, which the required sites cost"
            ));
        }
        let count = required.count();
        if let Some(p) = problem.p.filter(|&p| p < count) {
            allowed.p = Some(count);
            steps.push(format!(
                "raise p from {p} to {count}, the number of required sites"
            ));
        }
        if let Some(amount) = ask_of(&allowed, unserved)? {
            steps.push(format!(
                "leave {amount:.1} of the demand unserved by giving unmet_cost, or add as many places within reach"
            ));
            ways.push(steps.join(", and "));
        }
    }
    let words = match ways.as_slice() {
        [] => {
            "the limits contradict each other even when each is relaxed alone; relax several at once"
                .to_owned()
        }
        [way] => format!("not all demand can be served within the limits; {way}"),
        ways => format!(
            "not all demand can be served within the limits; either {}",
            ways.join(", or ")
        ),
    };
    Ok(Reason { words, relaxations })
}

/// A radius at which all demand can be served, where a radius alone is in the way: the smallest, where time allows to find it.
fn enough_radius(
    problem: &Problem,
    tables: &Tables,
    radius: f64,
    until: &Until<'_>,
    ask: impl Fn(&Problem, Relaxed) -> Result<Option<f64>, EngineError>,
) -> Result<Option<f64>, EngineError> {
    let mut wider: Vec<f64> = (tables.reach.iter().flatten())
        .map(|&(_, minutes)| minutes)
        .filter(|&minutes| minutes > radius)
        .collect();
    wider.sort_unstable_by(f64::total_cmp);
    wider.dedup();
    let mut asked = problem.clone();
    let mut serves = |radius: f64| -> Result<bool, EngineError> {
        asked.radius = Some(radius);
        // Any objective tells whether there is a plan; the number of sites is the least work.
        let fewest = Relaxed {
            fewest: true,
            ..Relaxed::default()
        };
        Ok(ask(&asked, fewest)?.is_some())
    };
    let Some(&widest) = wider.last() else {
        return Ok(None);
    };
    if !serves(widest)? {
        return Ok(None);
    }
    let (mut low, mut high) = (0, wider.len() - 1);
    while low < high && !until.is_stopped() {
        let middle = (low + high) / 2;
        if serves(wider[middle])? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(wider[high]))
}
