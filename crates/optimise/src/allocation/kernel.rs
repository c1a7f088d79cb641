//! Plans of large programs: the sites that the relaxation opens most are solved alone, a kernel of the problem (Guastaroba and Speranza
//! 2014). What is found there is a plan of the whole problem, and proves nothing of it.

use super::build::Built;
use super::open_sites;
use crate::program::{EngineError, News, Program};
use crate::watch::Watch;

/// How many times as many sites as the relaxation opens in all.
const WIDTH: f64 = 2.0;
/// Sites that are never too many.
const FEWEST: usize = 12;
/// Gap at which the kernel's plan will do: the whole problem goes on from it.
const GAP: f64 = 2e-3;
/// Of its limit, how far below a row may be that still counts as reached.
const TIGHT: f64 = 1e-6;
/// Of the time that is left.
const SHARE: f64 = 0.4;
/// Nodes of its search, where time does not end it: with no limit of seconds the plan is the same on every machine.
const NODES: i32 = 2_000;

/// The best plan found with the kernel's sites alone, if it is better than the one the program starts from. `values` are the
/// relaxation's. None where leaving sites out saves little.
pub(super) fn solution(
    built: &Built,
    values: &[f64],
    watch: &dyn Watch,
) -> Result<Option<Vec<f64>>, EngineError> {
    let Some(kept) = sites(built, values) else {
        return Ok(None);
    };
    let program = without_others(built, &kept, values);
    let telling = |news: News<'_>| {
        // A bound of the kernel is none of the whole.
        if let News::Solution(values) = news
            && program.violation(values) <= super::FEASIBLE
        {
            watch.incumbent(program.objective(values), &open_sites(built, values));
        }
    };
    let seconds = watch.seconds_left().map(|left| SHARE * left);
    let found = program.solve_telling(seconds, Some(&telling))?;
    if found.values.is_empty() {
        return Ok(None);
    }
    // What the engine takes for a whole number may be off by its tolerance, and much may flow through that.
    let found = built.program.with_integers_at(&found.values);
    let found = found.solve(watch.seconds_left())?;
    if !found.is_optimal {
        return Ok(None);
    }
    let before = (built.program.start.as_ref()).map(|start| built.program.objective(start));
    if before.is_some_and(|before| before <= found.objective) {
        return Ok(None);
    }
    watch.incumbent(found.objective, &open_sites(built, &found.values));
    Ok(Some(found.values))
}

/// The kernel: sites by how far the relaxation opens them, those that must open among them.
fn sites(built: &Built, values: &[f64]) -> Option<Vec<bool>> {
    let columns = &built.program.columns;
    let opened = |site: usize| built.open[site].map_or(-1.0, |column| values[column]);
    let mut order: Vec<usize> = (0..built.open.len())
        .filter(|&site| built.open[site].is_some())
        .collect();
    order.sort_by(|&a, &b| opened(b).total_cmp(&opened(a)).then(a.cmp(&b)));
    let in_all: f64 = order.iter().map(|&site| opened(site)).sum();
    let number = ((WIDTH * in_all).ceil() as usize).max(FEWEST);
    if 2 * number > order.len() {
        return None;
    }
    let mut kept = vec![false; built.open.len()];
    for (place, &site) in order.iter().enumerate() {
        let must = built.open[site].is_some_and(|column| columns[column].lower > 0.5);
        kept[site] = place < number || must;
    }
    Some(kept)
}

/// The program with all sites closed that are not kept. Capacities let nothing flow to a closed site, so rows of single pairs only
/// sharpen the relaxation: those that do not at `values` are left out.
fn without_others(built: &Built, kept: &[bool], values: &[f64]) -> Program {
    let mut program = built.program.clone();
    let mut is_idle = vec![false; program.rows.len()];
    for flow in &built.flows {
        let column = &mut program.columns[flow.column];
        if !kept[flow.site] {
            column.upper = 0.0;
        }
        if let (Some(link), Some(open)) = (flow.link, built.open[flow.site]) {
            let most = column.upper * values[open];
            is_idle[link] = !kept[flow.site] || values[flow.column] < most * (1.0 - TIGHT);
        }
    }
    let others = (0..kept.len()).filter(|&site| !kept[site]);
    let columns = others.flat_map(|site| [built.open[site], built.modules[site]]);
    for column in columns.flatten() {
        program.columns[column].upper = 0.0;
    }
    let mut is_idle = is_idle.into_iter();
    program.rows.retain(|_| is_idle.next() != Some(true));
    (program.start, program.gap, program.nodes) = (None, GAP, Some(NODES));
    program
}

#[cfg(test)]
mod tests {
    use super::super::build::{Relaxed, build};
    use super::*;
    use crate::problem::{Cost, Demand, Model, Problem, Site, SiteStatus};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard {
        incumbents: Mutex<Vec<f64>>,
        bounds: Mutex<Vec<f64>>,
    }

    impl Watch for Heard {
        fn incumbent(&self, objective: f64, _open: &[usize]) {
            self.incumbents.lock().unwrap().push(objective);
        }

        fn bound(&self, bound: f64) {
            self.bounds.lock().unwrap().push(bound);
        }
    }

    fn problem() -> Problem {
        let demand = (0..50)
            .map(|at| Demand {
                id: format!("a{at}"),
                demand: 3.0 + (at * 37 % 23) as f64,
                ..Demand::default()
            })
            .collect();
        let sites = (0..40).map(|at| Site {
            id: format!("s{at}"),
            capacity: Some(60.0 + (at * 13 % 37) as f64),
            fixed_cost: 50.0 + (at * 7 % 31) as f64,
            modules: 2,
            module_capacity: 15.0,
            module_cost: 9.0,
            status: if at == 17 {
                SiteStatus::Required
            } else {
                SiteStatus::Candidate
            },
            ..Site::default()
        });
        let costs = (0..50).flat_map(|home| {
            (0..40).map(move |site| Cost {
                from_id: format!("a{home}"),
                to_id: format!("s{site}"),
                minutes: ((home * 31 % 47) as f64 - (site * 29 % 43) as f64).abs()
                    + 0.1 * (site % 7) as f64,
            })
        });
        let mut problem = Problem::new(
            Model::LocationAllocation,
            demand,
            sites.collect(),
            costs.collect(),
        );
        (problem.budget, problem.unmet_cost) = (Some(560.0), Some(90.0));
        problem
    }

    #[test]
    fn a_plan_of_the_kernel_is_one_of_the_whole_and_bounds_nothing() {
        let problem = problem();
        // Unwrap safety: the problem is written rightly, and the engine works.
        let tables = problem.checked().unwrap();
        let demand: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
        let built = build(&problem, &tables, &demand, Relaxed::default());
        let relaxed = built.program.relaxed().solve(None).unwrap();
        let heard = Heard::default();
        let found = solution(&built, &relaxed.values, &heard).unwrap().unwrap();
        let value = built.program.objective(&found);
        assert!(built.program.violation(&found) <= crate::allocation::FEASIBLE);
        assert!(relaxed.objective <= value + 1e-6);
        assert!(open_sites(&built, &found).contains(&17), "it is required");
        assert!(heard.bounds.lock().unwrap().is_empty());
        let told = std::mem::take(&mut *heard.incumbents.lock().unwrap());
        assert!(told.iter().all(|&told| told >= relaxed.objective - 1e-6));
        assert_eq!(told.last(), Some(&value));
        // From a plan that is as good there is nothing to give.
        let mut again = built.clone();
        again.program.start = Some(found);
        assert_eq!(solution(&again, &relaxed.values, &heard).unwrap(), None);
    }

    #[test]
    fn where_few_sites_would_be_left_out_there_is_no_kernel() {
        let problem = problem();
        let tables = problem.checked().unwrap();
        let demand: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
        let built = build(&problem, &tables, &demand, Relaxed::default());
        let mut half_open = vec![0.0; built.program.columns.len()];
        for column in built.open.iter().flatten() {
            half_open[*column] = 0.3;
        }
        assert_eq!(sites(&built, &half_open), None);
    }
}
