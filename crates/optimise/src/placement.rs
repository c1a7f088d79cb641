//! p-median, uncapacitated warehouse location, maximal covering and set covering as problems of the p-median family,
//! and plans of those read back.

use crate::median::{Count, Instance, Network, Standing};
use crate::plan::Assignment;
use crate::posterior::Posterior;
use crate::problem::{InvalidProblem, Model, Problem, SiteStatus, Tables, invalid};
use std::sync::Arc;

/// A problem of the p-median family and how its objective is told.
pub(crate) struct Placement {
    pub(crate) instance: Instance,
    /// What is told is `offset + sign * value`.
    offset: f64,
    sign: f64,
    /// Whether a row that no site serves makes a plan invalid; by row.
    must_serve: Vec<bool>,
    variance: Vec<f64>,
}

impl Placement {
    /// The objective people see for an internal value.
    pub(crate) fn told(&self, value: f64) -> f64 {
        self.offset + self.sign * value
    }

    /// The objective people see for an internal value under another demand: covering tells of that demand what is covered.
    pub(crate) fn told_of(&self, demand: &[f64], value: f64) -> f64 {
        self.told(self.comparable(demand, value))
    }

    /// What one unit of demand more in a row adds to what [`Placement::told_of`] tells of a plan.
    pub(crate) fn told_of_one(&self, row: usize, open: &[bool]) -> f64 {
        let served = self.instance.served_at(row, open);
        if self.sign > 0.0 {
            served
        } else {
            1.0 - served
        }
    }

    /// An internal value under another demand, moved so that [`Placement::told`] tells it. Where values are of what stays uncovered, a
    /// demand that is larger in all leaves more, and covers no less.
    pub(crate) fn comparable(&self, demand: &[f64], value: f64) -> f64 {
        if self.sign > 0.0 {
            return value;
        }
        value + self.offset - demand.iter().sum::<f64>()
    }

    /// Variances of the rows' demand.
    pub(crate) fn variance(&self) -> &[f64] {
        &self.variance
    }

    /// What the true demand of the rows may be.
    pub(crate) fn posterior(&self, problem: &Problem) -> Posterior {
        Posterior::new(problem, &self.instance.weight, &self.variance)
    }

    /// Whether a plan must serve a row.
    pub(crate) fn must_be_served(&self, row: usize) -> bool {
        self.must_serve[row]
    }

    /// Rows that must be served and are not.
    pub(crate) fn unserved(&self, open: &[bool]) -> Vec<usize> {
        (0..self.must_serve.len())
            .filter(|&row| self.must_serve[row] && self.instance.nearest(row, open).is_none())
            .collect()
    }

    /// The same problem under another demand.
    pub(crate) fn with_demand(&self, weight: Vec<f64>) -> Instance {
        let mut instance = self.instance.clone();
        let last = |row: usize| instance.network.reach(row).1.last().copied();
        instance.outside = (0..weight.len())
            .map(|row| {
                let outside = instance.outside[row];
                // Not being served must not pay where a draw is negative.
                if self.must_serve[row] && weight[row] <= 0.0 {
                    last(row).unwrap_or(outside)
                } else {
                    outside
                }
            })
            .collect();
        instance.weight = weight;
        instance
    }
}

/// What the plan may do with each site.
pub(crate) fn standings(problem: &Problem) -> Vec<Standing> {
    (problem.sites.iter())
        .map(|site| match site.status {
            SiteStatus::Candidate => Standing::Free,
            SiteStatus::Required | SiteStatus::Extendable => Standing::Required,
            SiteStatus::Closed => Standing::Closed,
        })
        .collect()
}

/// Whether a problem of this model with these sites belongs to the p-median family.
pub(crate) fn is_placement(problem: &Problem) -> bool {
    match problem.model {
        Model::PMedian | Model::Mclp | Model::Lscp => problem.budget.is_none(),
        Model::Warehouse => {
            problem.budget.is_none() && problem.sites.iter().all(|site| site.capacity.is_none())
        }
        _ => false,
    }
}

/// How much of a demand is covered at a distance.
pub(crate) fn coverage(problem: &Problem, minutes: f64) -> f64 {
    let radius = problem.radius.unwrap_or(f64::INFINITY);
    let outer = problem.outer_radius.unwrap_or(radius);
    if minutes <= radius {
        1.0
    } else if minutes >= outer {
        0.0
    } else {
        (outer - minutes) / (outer - radius)
    }
}

/// The problem of the p-median family.
///
/// # Errors
/// Where p is more than there are sites.
pub(crate) fn placement(problem: &Problem, tables: &Tables) -> Result<Placement, InvalidProblem> {
    if let Some(p) = problem.p
        && p > problem.sites.len()
    {
        return Err(invalid(
            "p",
            format!(
                "{p} sites cannot open where there are {}",
                problem.sites.len()
            ),
        ));
    }
    Ok(match problem.model {
        Model::Mclp => covering(problem, tables),
        Model::Lscp => set_covering(problem, tables),
        _ => travelling(problem, tables),
    })
}

fn costs(problem: &Problem) -> Vec<f64> {
    (problem.sites.iter())
        .map(|site| site.fixed_cost + site.running_cost)
        .collect()
}

fn travelling(problem: &Problem, tables: &Tables) -> Placement {
    let within = |minutes: f64| problem.radius.is_none_or(|radius| minutes <= radius);
    let rows: Vec<Vec<(u32, f64)>> = (tables.reach.iter())
        .map(|row| row.iter().copied().filter(|&(_, m)| within(m)).collect())
        .collect();
    let weight: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
    let fixed = if problem.model == Model::Warehouse {
        costs(problem)
    } else {
        vec![0.0; problem.sites.len()]
    };
    let count = match (problem.model, problem.p) {
        (Model::Warehouse, Some(p)) => Count::AtMost(p),
        (_, Some(p)) => Count::Exactly(p),
        (_, None) => Count::Any,
    };
    let allowed = (problem.sites.iter())
        .filter(|site| site.status != SiteStatus::Closed)
        .count();
    let longest = |row: &Vec<(u32, f64)>| row.iter().map(|&(_, m)| m).fold(0.0, f64::max);
    // A plan that leaves out a row must cost more than any that leaves out none.
    let all: f64 = (rows.iter().zip(&weight))
        .map(|(row, weight)| weight.abs() * longest(row))
        .sum::<f64>()
        + fixed.iter().sum::<f64>()
        + 1.0;
    let opens_one = matches!(count, Count::Exactly(_));
    let is_allowed = |site: u32| problem.sites[site as usize].status != SiteStatus::Closed;
    let reaches_all =
        |row: &[(u32, f64)]| row.iter().filter(|(site, _)| is_allowed(*site)).count() == allowed;
    let outside = (rows.iter().zip(&weight))
        .map(|(row, &weight)| match problem.unmet_cost {
            Some(unmet) if weight > 0.0 => unmet,
            _ if weight <= 0.0 || (opens_one && reaches_all(row)) => longest(row),
            _ => all / weight + longest(row),
        })
        .collect();
    Placement {
        must_serve: (weight.iter())
            .map(|&w| w > 0.0 && problem.unmet_cost.is_none())
            .collect(),
        instance: Instance {
            network: Arc::new(Network::new(problem.sites.len(), rows)),
            weight,
            outside,
            fixed,
            standing: standings(problem),
            count,
        },
        offset: 0.0,
        sign: 1.0,
        variance: problem.demand.iter().map(|row| row.variance).collect(),
    }
}

fn covering(problem: &Problem, tables: &Tables) -> Placement {
    let rows = (tables.reach.iter())
        .map(|row| {
            (row.iter())
                .map(|&(site, minutes)| (site, 1.0 - coverage(problem, minutes)))
                .filter(|&(_, uncovered)| uncovered < 1.0)
                .collect()
        })
        .collect();
    let weight: Vec<f64> = problem.demand.iter().map(|row| row.demand).collect();
    Placement {
        offset: weight.iter().sum(),
        sign: -1.0,
        must_serve: vec![false; weight.len()],
        instance: Instance {
            network: Arc::new(Network::new(problem.sites.len(), rows)),
            outside: vec![1.0; weight.len()],
            weight,
            fixed: vec![0.0; problem.sites.len()],
            standing: standings(problem),
            count: Count::Exactly(problem.p.unwrap_or(0)),
        },
        variance: problem.demand.iter().map(|row| row.variance).collect(),
    }
}

fn set_covering(problem: &Problem, tables: &Tables) -> Placement {
    let radius = problem.radius.unwrap_or(f64::INFINITY);
    let rows: Vec<Vec<(u32, f64)>> = (tables.reach.iter())
        .map(|row| {
            (row.iter())
                .filter(|&&(_, minutes)| minutes <= radius)
                .map(|&(site, _)| (site, 0.0))
                .collect()
        })
        .collect();
    let mut fixed = costs(problem);
    if fixed.iter().all(|&cost| cost == 0.0) {
        // Without costs the number of sites is what counts.
        fixed.fill(1.0);
    }
    // Leaving a row out costs more than the dearest site that could cover it.
    let outside = fixed.iter().copied().fold(0.0, f64::max) + 1.0;
    let asks: Vec<bool> = problem.demand.iter().map(|row| row.demand > 0.0).collect();
    Placement {
        offset: 0.0,
        sign: 1.0,
        instance: Instance {
            network: Arc::new(Network::new(problem.sites.len(), rows)),
            weight: asks.iter().map(|&asks| f64::from(u8::from(asks))).collect(),
            outside: vec![outside; asks.len()],
            fixed,
            standing: standings(problem),
            count: problem.p.map_or(Count::Any, Count::AtMost),
        },
        // Who must be covered does not change with small changes of how many they are.
        variance: vec![0.0; asks.len()],
        must_serve: asks,
    }
}

/// Who is served where when `open` is open: everybody by the nearest site.
pub(crate) fn assignment(
    problem: &Problem,
    reach: &[Vec<(u32, f64)>],
    open: &[bool],
) -> Vec<Assignment> {
    let radius = match problem.model {
        Model::Mclp => problem.outer_radius.or(problem.radius),
        Model::PCenter => None,
        _ => problem.radius,
    };
    (problem.demand.iter().zip(reach))
        .filter_map(|(row, reach)| {
            let &(site, minutes) = (reach.iter())
                .filter(|&&(site, minutes)| {
                    open[site as usize] && radius.is_none_or(|radius| minutes <= radius)
                })
                .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))?;
            let share = if problem.model == Model::Mclp {
                coverage(problem, minutes)
            } else {
                1.0
            };
            Some(Assignment {
                id: row.id.clone(),
                target: row.target.clone(),
                site: problem.sites[site as usize].id.clone(),
                minutes,
                share,
            })
        })
        .collect()
}
