//! How solid a plan of the mixed-integer program is: draws of the true demand, and for each the plan's own sites with
//! the best allocation that the draw allows (a linear program) and the best sites (a mixed-integer one, of which fewer may
//! fit into the time). A draw in which a demand is not positive asks for no place there, which a capacity cannot express
//! otherwise.

use super::build::{Relaxed, build};
use super::{Built, open_sites, sign, solve_built};
use crate::plan::{SiteStability, Stability};
use crate::posterior::Posterior;
use crate::problem::{Model, Problem, Tables};
use crate::program::{EngineError, ProgramSolution};
use crate::stability::{Quiet, interval, mean};
use crate::watch::Watch;
use std::time::{Duration, Instant};

/// What the values of all draws may take, and what their best plans may; those that are done are counted.
const VALUES: Duration = Duration::from_secs(4);
const PLANS: Duration = Duration::from_secs(6);

/// Judges a plan, or nothing where no draw could be solved.
pub(super) fn stability(
    problem: &Problem,
    tables: &Tables,
    built: &Built,
    solution: &ProgramSolution,
    watch: &dyn Watch,
) -> Result<Option<Stability>, EngineError> {
    let estimate: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
    let variance: Vec<f64> = problem.demand.iter().map(|row| row.variance).collect();
    let posterior = Posterior::new(problem, &estimate, &variance);
    let drawn = |number: usize| build(problem, tables, &posterior.draw(number), Relaxed::default());
    // By draw: what the plan is worth, or none where its places do not suffice.
    let mut kept: Vec<Option<f64>> = Vec::new();
    let began = Instant::now();
    while kept.len() < problem.draws && !watch.is_stopped() && began.elapsed() < VALUES {
        let settled = with_sites(&drawn(kept.len()), built, &solution.values);
        let value = settled.solve_quickly(problem, watch)?;
        if value.is_none() && watch.is_stopped() {
            break;
        }
        kept.push(value);
    }
    let plan = open_sites(built, &solution.values);
    let mut hits = vec![0_usize; problem.sites.len()];
    let (mut regrets, mut done, mut same) = (Vec::new(), 0, 0);
    let began = Instant::now();
    for (number, kept) in kept.iter().enumerate() {
        if watch.is_stopped() || began.elapsed() > PLANS {
            break;
        }
        let mut drawn = drawn(number);
        let best = solve_built(problem, &mut drawn, &Quiet(watch))?;
        if !best.is_optimal || best.values.is_empty() {
            continue;
        }
        let open = open_sites(&drawn, &best.values);
        for &site in &open {
            hits[site] += 1;
        }
        done += 1;
        same += usize::from(open == plan);
        regrets.extend(kept.map(|kept| (kept - best.objective).max(0.0)));
    }
    let values: Vec<f64> = (kept.iter().flatten())
        .map(|kept| sign(problem) * kept)
        .collect();
    if done == 0 || values.is_empty() {
        return Ok(None);
    }
    let in_100 = |hits: usize, of: usize| 100.0 * hits as f64 / of as f64;
    let mut sites: Vec<SiteStability> = (0..problem.sites.len())
        .filter(|site| hits[*site] > 0 || plan.contains(site))
        .map(|site| SiteStability {
            id: problem.sites[site].id.clone(),
            in_100: in_100(hits[site], done),
            is_open: plan.contains(&site),
        })
        .collect();
    sites.sort_by(|a, b| b.in_100.total_cmp(&a.in_100).then(a.id.cmp(&b.id)));
    Ok(Some(Stability {
        draws: done,
        sites,
        same_plan: in_100(same, done),
        regret: interval(&regrets),
        value: interval(&values),
        out_of_sample: mean(&values),
        short: in_100(kept.len() - values.len(), kept.len()),
        interchangeable: Vec::new(),
    }))
}

/// A program whose sites and modules are settled.
struct Settled(Built);

impl Settled {
    fn solve_quickly(
        mut self,
        problem: &Problem,
        watch: &dyn Watch,
    ) -> Result<Option<f64>, EngineError> {
        let found = if problem.model == Model::MaxMin {
            solve_built(problem, &mut self.0, &Quiet(watch))?
        } else {
            // The model's objective is in the program already.
            self.0.program.solve(watch.seconds_left())?
        };
        Ok(found.is_optimal.then_some(found.objective))
    }
}

/// `program` with the sites and modules that `values` opens in `of`.
fn with_sites(program: &Built, of: &Built, values: &[f64]) -> Settled {
    let mut settled = program.clone();
    settled.program.start = None;
    let columns =
        (program.open.iter().zip(&of.open)).chain(program.modules.iter().zip(&of.modules));
    for (own, other) in columns {
        if let (Some(own), Some(other)) = (*own, *other) {
            let value = values[other].round();
            let column = &mut settled.program.columns[own];
            (column.lower, column.upper) = (value, value);
        }
    }
    Settled(settled)
}
