//! What more sites or more money would bring: the model solved at each of a row of limits, each point with its bound.

use crate::plan::{FrontPoint, Plan};
use crate::problem::Problem;
use crate::solve::{OptimiseError, solve_once};
use crate::watch::Watch;

/// Steps into which a budget is cut.
const STEPS: usize = 10;

/// Points of cost against the objective: every p up to the problem's, or tenths of its budget. Each is proven or says
/// how far it may be from the best.
pub(crate) fn front(
    problem: &Problem,
    watch: &dyn Watch,
) -> Result<Vec<FrontPoint>, OptimiseError> {
    let mut points = Vec::new();
    let mut plain = problem.clone();
    (plain.draws, plain.alternatives) = (0, 0);
    (plain.front, plain.explain) = (false, false);
    let required = (problem.sites.iter())
        .filter(|site| site.status.is_open())
        .count();
    let limits: Vec<(Option<usize>, Option<f64>)> = match (problem.budget, problem.p) {
        (Some(budget), p) => (1..=STEPS)
            .map(|step| (p, Some(budget * step as f64 / STEPS as f64)))
            .collect(),
        (None, Some(p)) => (required.max(1)..=p).map(|p| (Some(p), None)).collect(),
        (None, None) => Vec::new(),
    };
    for (p, budget) in limits {
        if watch.is_stopped() {
            break;
        }
        (plain.p, plain.budget) = (p, budget);
        let Plan {
            status,
            objective,
            bound,
            open,
            spent,
            ..
        } = solve_once(&plain, watch)?;
        points.push(FrontPoint {
            p,
            budget,
            status,
            objective,
            bound,
            open,
            spent,
        });
    }
    Ok(points)
}
