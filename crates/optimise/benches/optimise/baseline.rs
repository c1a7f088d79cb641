//! The plain formulations that a modeller would hand to HiGHS: assignment variables with a linking row for each pair.

use super::instances::Warehouses;
use super::timed;
use optimise::Program;
use optimise::median::{Count, Instance};
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
