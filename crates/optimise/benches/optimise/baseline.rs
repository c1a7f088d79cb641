//! The plain formulations that a modeller would hand to HiGHS: assignment variables with a linking row for each pair.

use super::instances::Warehouses;
use super::timed;
use optimise::median::{Count, Instance};
use optimise::{Problem, Program};
use std::error::Error;

/// Seconds after which HiGHS is stopped.
pub(crate) const LIMIT: f64 = 60.0;

/// What HiGHS took.
pub(crate) struct Run {
    pub(crate) cpu: f64,
    /// Whether it proved its plan.
    pub(crate) is_complete: bool,
    /// |objective - bound| of where it ended; infinite where it found no plan.
    pub(crate) left: f64,
}

impl Run {
    /// What it left open of an objective, where it was stopped.
    pub(crate) fn stopped(&self, value: f64) -> Option<String> {
        let gap = 100.0 * self.left / value.abs();
        (!self.is_complete).then(|| {
            if gap.is_finite() {
                format!("HiGHS was stopped with {gap:.2} % left")
            } else {
                "HiGHS was stopped without a plan".to_owned()
            }
        })
    }
}

fn run(program: &Program, limit: f64) -> Result<Run, Box<dyn Error>> {
    let (solution, cpu) = timed(|| program.solve(Some(limit)));
    let solution = solution?;
    Ok(Run {
        cpu,
        is_complete: solution.is_optimal,
        left: solution.objective - solution.bound,
    })
}

/// Each point is assigned to an open site, or to none at its outside distance. A negative weight is left to the
/// program, which then assigns it to the farthest site: as many variables and rows, another optimum.
pub(crate) fn median(instance: &Instance, limit: f64) -> Result<Run, Box<dyn Error>> {
    let mut program = Program::default();
    let open: Vec<usize> = (instance.fixed.iter())
        .map(|&cost| program.column(cost, 0.0, 1.0, true))
        .collect();
    for point in 0..instance.points() {
        let weight = instance.weight[point];
        let (sites, distances) = instance.network.reach(point);
        let mut served = Vec::new();
        for (&site, &distance) in sites.iter().zip(distances) {
            let column = program.column(weight * distance, 0.0, 1.0, false);
            program.at_most(vec![(column, 1.0), (open[site as usize], -1.0)], 0.0);
            served.push((column, 1.0));
        }
        served.push((
            program.column(weight * instance.outside[point], 0.0, 1.0, false),
            1.0,
        ));
        program.equal(served, 1.0);
    }
    if let Count::Exactly(p) = instance.count {
        program.equal(open.iter().map(|&column| (column, 1.0)).collect(), p as f64);
    }
    run(&program, limit)
}

/// Warehouses: the share of each customer served at each, within capacities.
pub(crate) fn warehouses(read: &Warehouses, limit: f64) -> Result<Run, Box<dyn Error>> {
    let mut program = Program::default();
    let open: Vec<usize> = (read.fixed.iter())
        .map(|&cost| program.column(cost, 0.0, 1.0, true))
        .collect();
    let mut load: Vec<Vec<(usize, f64)>> = (open.iter().zip(&read.capacity))
        .map(|(&column, &capacity)| vec![(column, -capacity)])
        .collect();
    for (&demand, costs) in read.demand.iter().zip(&read.cost) {
        let mut served = Vec::new();
        for (site, &cost) in costs.iter().enumerate() {
            let column = program.column(cost, 0.0, 1.0, false);
            program.at_most(vec![(column, 1.0), (open[site], -1.0)], 0.0);
            load[site].push((column, demand));
            served.push((column, 1.0));
        }
        program.equal(served, 1.0);
    }
    for terms in load {
        program.at_most(terms, 0.0);
    }
    run(&program, limit)
}

/// Location and allocation with places, modules and a budget: how many of each area are served where, or not at all. Travel is in the
/// order of areas, then sites.
pub(crate) fn places(problem: &Problem, limit: f64) -> Result<Run, Box<dyn Error>> {
    let mut program = Program::default();
    let (mut load, mut spent) = (Vec::new(), Vec::new());
    let mut open = Vec::new();
    for site in &problem.sites {
        let (column, modules) = (
            program.column(0.0, 0.0, 1.0, true),
            program.column(0.0, 0.0, site.modules as f64, true),
        );
        program.at_most(vec![(modules, 1.0), (column, -(site.modules as f64))], 0.0);
        let capacity = site.capacity.ok_or("places")?;
        load.push(vec![(column, -capacity), (modules, -site.module_capacity)]);
        spent.push((column, site.fixed_cost + site.running_cost));
        spent.push((modules, site.module_cost));
        open.push(column);
    }
    program.at_most(spent, problem.budget.ok_or("a budget")?);
    let (radius, unmet) = (problem.radius, problem.unmet_cost.ok_or("a price")?);
    let rows = problem.costs.chunks(problem.sites.len());
    for (row, ways) in problem.demand.iter().zip(rows) {
        let mut served = vec![(program.column(unmet, 0.0, row.demand, false), 1.0)];
        for (site, way) in ways.iter().enumerate() {
            if radius.is_some_and(|radius| way.minutes > radius) {
                continue;
            }
            let column = program.column(way.minutes, 0.0, row.demand, false);
            program.at_most(vec![(column, 1.0), (open[site], -row.demand)], 0.0);
            load[site].push((column, 1.0));
            served.push((column, 1.0));
        }
        program.equal(served, row.demand);
    }
    for terms in load {
        program.at_most(terms, 0.0);
    }
    run(&program, limit)
}
