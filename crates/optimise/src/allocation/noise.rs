//! How solid a plan of the mixed-integer program is: draws of the demand, each solved, and the plan's own sites with
//! the best allocation each draw allows. A draw in which a demand is not positive asks for no place there, which a
//! capacity cannot express otherwise; the plan itself is made from the estimate as it is.

use super::build::{Relaxed, build};
use super::{Built, open_sites, sign, solve_built};
use crate::plan::{Interval, SiteStability, Stability};
use crate::problem::{Model, Problem, Tables};
use crate::program::{EngineError, ProgramSolution};
use crate::random::Random;
use crate::stability::{LEVEL, Quiet, quantile};
use crate::watch::Watch;
use std::time::{Duration, Instant};

/// What all draws may take; those that are done are counted.
const PATIENCE: Duration = Duration::from_secs(10);

/// Judges a plan, or nothing where no draw could be solved.
pub(super) fn stability(
    problem: &Problem,
    tables: &Tables,
    built: &Built,
    solution: &ProgramSolution,
    watch: &dyn Watch,
) -> Result<Option<Stability>, EngineError> {
    let began = Instant::now();
    let plan = open_sites(built, &solution.values);
    let mut hits = vec![0_usize; problem.sites.len()];
    let (mut regrets, mut values, mut same, mut optimism) = (Vec::new(), Vec::new(), 0, Vec::new());
    for number in 0..problem.draws {
        if watch.is_stopped() || began.elapsed() > PATIENCE {
            break;
        }
        let mut random = Random::part(problem.seed, 1 + number as u64);
        let demand: Vec<f64> = (problem.demand.iter())
            .map(|row| row.demand + row.variance.sqrt() * random.normal())
            .collect();
        let mut drawn = build(problem, tables, &demand, Relaxed::default());
        let best = solve_built(problem, &mut drawn, &Quiet(watch))?;
        if !best.is_optimal || best.values.is_empty() {
            continue;
        }
        let open = open_sites(&drawn, &best.values);
        for &site in &open {
            hits[site] += 1;
        }
        same += usize::from(open == plan);
        let fixed = with_sites(&drawn, built, &solution.values);
        if let Some(kept) = fixed.solve_quickly(problem, watch)? {
            regrets.push((kept - best.objective).max(0.0));
            values.push(sign(problem) * kept);
        }
        // What this draw's plan is worth under the estimate, less what it looked worth.
        let swapped = with_sites(built, &drawn, &best.values);
        if let Some(real) = swapped.solve_quickly(problem, watch)? {
            optimism.push(real - best.objective);
        }
    }
    let number = values.len();
    if number == 0 {
        return Ok(None);
    }
    let in_100 = |hits: usize| 100.0 * hits as f64 / number as f64;
    let mut sites: Vec<SiteStability> = (0..problem.sites.len())
        .filter(|site| hits[*site] > 0 || plan.contains(site))
        .map(|site| SiteStability {
            id: problem.sites[site].id.clone(),
            in_100: in_100(hits[site]).min(100.0),
            is_open: plan.contains(&site),
        })
        .collect();
    sites.sort_by(|a, b| b.in_100.total_cmp(&a.in_100).then(a.id.cmp(&b.id)));
    let interval = |values: &[f64]| Interval {
        level: LEVEL,
        lower: quantile(values, (1.0 - LEVEL) / 2.0),
        median: quantile(values, 0.5),
        upper: quantile(values, f64::midpoint(1.0, LEVEL)),
    };
    let flattery = if optimism.is_empty() {
        0.0
    } else {
        optimism.iter().sum::<f64>() / optimism.len() as f64
    };
    Ok(Some(Stability {
        draws: number,
        sites,
        same_plan: in_100(same),
        regret: interval(&regrets),
        value: interval(&values),
        out_of_sample: sign(problem) * (solution.objective + flattery),
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
