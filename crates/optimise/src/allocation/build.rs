//! The mixed-integer program of modular, capacitated location and allocation, with the objective of each model.

use crate::placement::coverage;
use crate::problem::{Model, Problem, SiteStatus, Tables};
use crate::program::Program;

/// Pairs up to which each has a linking row of its own, which makes the relaxation tight.
const LINKED: usize = 120_000;

/// An amount of one demand row served at one site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) row: usize,
    pub(super) site: usize,
    pub(super) minutes: f64,
    pub(super) column: usize,
    /// The row that lets nothing flow to a closed site, where the pair has one of its own.
    pub(super) link: Option<usize>,
}

/// The program and where its parts stand in it.
#[derive(Clone, Debug)]
pub(super) struct Built {
    pub(super) program: Program,
    /// Column of each site's being open; closed sites have none.
    pub(super) open: Vec<Option<usize>>,
    /// Column of each site's further modules.
    pub(super) modules: Vec<Option<usize>>,
    pub(super) flows: Vec<Flow>,
    /// Row of each site's capacity.
    pub(super) capacity: Vec<Option<usize>>,
    /// Row of the budget.
    pub(super) budget: Option<usize>,
    /// Row of p.
    pub(super) count: Option<usize>,
    /// By area: terms whose sum is the share served there.
    pub(super) shares: Vec<Vec<(usize, f64)>>,
    /// By area: its part of all demand.
    pub(super) weights: Vec<f64>,
}

/// What is left out or changed, to find out what a limit costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Relaxed {
    pub(super) no_budget: bool,
    pub(super) no_count: bool,
    /// Unserved demand is allowed and minimised instead of the objective.
    pub(super) unserved: bool,
    /// Cost is minimised instead of the objective.
    pub(super) cheapest: bool,
    /// The number of open sites is minimised instead of the objective.
    pub(super) fewest: bool,
}

/// Demand that can be served: rows of non-positive demand ask for no place.
fn asked(demand: f64) -> f64 {
    demand.max(0.0)
}

/// The program for `demand`, which takes the place of the problem's own.
pub(super) fn build(problem: &Problem, tables: &Tables, demand: &[f64], relaxed: Relaxed) -> Built {
    let mut program = Program::default();
    let plain = relaxed == Relaxed::default() || relaxed.no_budget && !relaxed.cheapest;
    let costs_count = relaxed.cheapest || plain && costs_in_objective(problem);
    let mut open = vec![None; problem.sites.len()];
    let mut modules = vec![None; problem.sites.len()];
    let (mut spending, mut counting) = (Vec::new(), Vec::new());
    for (at, site) in problem.sites.iter().enumerate() {
        if site.status == SiteStatus::Closed {
            continue;
        }
        let cost = site.fixed_cost + site.running_cost;
        let lower = f64::from(u8::from(site.status.is_open()));
        let price = if relaxed.fewest {
            1.0
        } else if costs_count {
            cost
        } else {
            0.0
        };
        let column = program.column(price, lower, 1.0, true);
        open[at] = Some(column);
        spending.push((column, cost));
        counting.push((column, 1.0));
        if site.modules > 0 && site.module_capacity > 0.0 && site.capacity.is_some() {
            let price = if costs_count { site.module_cost } else { 0.0 };
            let most = site.modules as f64;
            let module = program.column(price, 0.0, most, true);
            modules[at] = Some(module);
            spending.push((module, site.module_cost));
            if lower < 1.0 {
                program.at_most(vec![(module, 1.0), (column, -most)], 0.0);
            }
        }
    }
    let mut built = Built {
        program,
        open,
        modules,
        flows: Vec::new(),
        capacity: vec![None; problem.sites.len()],
        budget: None,
        count: None,
        shares: vec![Vec::new(); tables.areas.len()],
        weights: vec![0.0; tables.areas.len()],
    };
    flows(problem, tables, demand, relaxed, plain, &mut built);
    capacities(problem, demand, relaxed, &mut built);
    if let (Some(budget), false) = (problem.budget, relaxed.no_budget) {
        built.budget = Some(built.program.at_most(spending, budget));
    }
    if let (Some(p), false) = (problem.p, relaxed.no_count) {
        built.count = Some(built.program.at_most(counting, p as f64));
    }
    built
}

/// Without a budget, money counts in the objective; with one, it is limited.
fn costs_in_objective(problem: &Problem) -> bool {
    match problem.model {
        Model::Warehouse => true,
        Model::LocationAllocation => problem.budget.is_none(),
        _ => false,
    }
}

/// Whether all demand must be served.
fn serves_all(problem: &Problem) -> bool {
    problem.unmet_cost.is_none()
        && matches!(
            problem.model,
            Model::Warehouse | Model::LocationAllocation | Model::PMedian
        )
}

fn flows(
    problem: &Problem,
    tables: &Tables,
    demand: &[f64],
    relaxed: Relaxed,
    plain: bool,
    built: &mut Built,
) {
    let whole: f64 = demand.iter().copied().map(asked).sum();
    let mut of_area = vec![0.0; tables.areas.len()];
    for (row, &demand) in demand.iter().enumerate() {
        of_area[tables.area_of[row]] += asked(demand);
    }
    for (area, &demand) in of_area.iter().enumerate() {
        built.weights[area] = if whole > 0.0 { demand / whole } else { 0.0 };
    }
    let reach = |row: usize| {
        (tables.reach[row].iter()).filter(|&&(site, minutes)| {
            let within = if problem.model == Model::Mclp {
                coverage(problem, minutes) > 0.0
            } else {
                problem.radius.is_none_or(|radius| minutes <= radius)
            };
            within && problem.sites[site as usize].status != SiteStatus::Closed
        })
    };
    let pairs: usize = (0..demand.len()).map(|row| reach(row).count()).sum();
    for (row, &demand) in demand.iter().enumerate() {
        let amount = asked(demand);
        if amount == 0.0 {
            continue;
        }
        let mut served = Vec::new();
        for &(site, minutes) in reach(row) {
            let site = site as usize;
            let price = match problem.model {
                _ if !plain => 0.0,
                Model::Warehouse | Model::LocationAllocation | Model::PMedian => minutes,
                Model::Mclp => -coverage(problem, minutes),
                Model::BudgetAllocation => -1.0,
                _ => 0.0,
            };
            let column = built.program.column(price, 0.0, amount, false);
            served.push((column, 1.0));
            built.shares[tables.area_of[row]].push((column, 1.0 / of_area[tables.area_of[row]]));
            let link = built.open[site]
                .filter(|_| pairs <= LINKED)
                .map(|open| (built.program).at_most(vec![(column, 1.0), (open, -amount)], 0.0));
            built.flows.push(Flow {
                row,
                site,
                minutes,
                column,
                link,
            });
        }
        if relaxed.unserved {
            let unserved = built.program.column(1.0, 0.0, amount, false);
            served.push((unserved, 1.0));
            built.program.equal(served, amount);
        } else if let (Some(price), false) = (problem.unmet_cost, problem.model.is_maximised()) {
            let price = if plain { price } else { 0.0 };
            let unmet = built.program.column(price, 0.0, amount, false);
            served.push((unmet, 1.0));
            built.program.equal(served, amount);
        } else if serves_all(problem) {
            built.program.equal(served, amount);
        } else {
            built.program.at_most(served, amount);
        }
    }
}

fn capacities(problem: &Problem, demand: &[f64], relaxed: Relaxed, built: &mut Built) {
    let whole: f64 = demand.iter().copied().map(asked).sum();
    let mut at_site: Vec<Vec<(usize, f64)>> = vec![Vec::new(); problem.sites.len()];
    for flow in &built.flows {
        at_site[flow.site].push((flow.column, 1.0));
    }
    let mut all = Vec::new();
    let mut is_limited = true;
    for (at, site) in problem.sites.iter().enumerate() {
        let Some(open) = built.open[at] else { continue };
        let mut terms = std::mem::take(&mut at_site[at]);
        let places = site.capacity.unwrap_or(whole);
        is_limited &= site.capacity.is_some();
        terms.push((open, -places));
        all.push((open, places));
        if let Some(module) = built.modules[at] {
            terms.push((module, -site.module_capacity));
            all.push((module, site.module_capacity));
        }
        built.capacity[at] = Some(built.program.at_most(terms, 0.0));
    }
    let serves_all = serves_all(problem) && !relaxed.unserved;
    if is_limited && serves_all && !all.is_empty() && built.flows.len() > 1 {
        // Implied by the rows above; engines find cuts from it.
        built.program.at_least(all, whole);
    }
}
