//! What is to be decided, as people write it: demand, sites, travel, a model and its limits. Tables come from CSV or
//! stand in one JSON document; this module checks them and names what is wrong and how to mend it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Version of the format of problems and plans.
pub const VERSION: u32 = 1;

/// A problem.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// Version of this format: 1.
    pub version: u32,
    /// What is optimised.
    pub model: Model,
    /// Who needs something, where.
    pub demand: Vec<Demand>,
    /// Where it can be offered.
    pub sites: Vec<Site>,
    /// Travel between the two; an absent pair is unreachable.
    pub costs: Vec<Cost>,
    /// Number of sites to open, required ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<usize>,
    /// Minutes within which a demand is covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// Minutes from which on nothing of a demand is covered; between `radius` and this the covered part falls evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer_radius: Option<f64>,
    /// The most that may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// What one unit of demand that is not served costs; where absent everything must be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet_cost: Option<f64>,
    /// Share of the worst-served demand that `cvar` looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<f64>,
    /// Where the demand and travel come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_version: Option<String>,
    /// Seconds after which the best plan so far is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<f64>,
    /// Seed of searches and draws.
    #[serde(default = "one")]
    pub seed: u64,
    /// Draws of the demand's noise that judge how solid the plan is.
    #[serde(default = "two_hundred")]
    pub draws: usize,
    /// Optimise the mean over the worst share of noise draws instead of the estimate (sample average).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robust: Option<f64>,
    /// How many different plans to give beside the best.
    #[serde(default)]
    pub alternatives: usize,
    /// Solve for every smaller p, or tenths of the budget, too.
    #[serde(default)]
    pub front: bool,
    /// Also say what the plan hinges on, which takes further solves.
    #[serde(default = "yes")]
    pub explain: bool,
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

fn two_hundred() -> usize {
    200
}

/// What is optimised.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, PartialOrd, Ord,
)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Open p sites with the least demand-weighted travel.
    PMedian,
    /// Open sites with the least sum of travel and fixed cost; with capacities where sites have them.
    Warehouse,
    /// Open p sites that cover the most demand (maximal covering).
    Mclp,
    /// Cover all demand with the cheapest set of sites (set covering).
    Lscp,
    /// Open p sites with the least longest travel.
    PCenter,
    /// Open, extend and serve by target within a budget: the least travel and unmet demand.
    LocationAllocation,
    /// Buy capacity at sites within a budget: the most demand served.
    BudgetAllocation,
    /// The worst-served area first, then the next (lexicographic max-min of shares served).
    MaxMin,
    /// The mean share served of the worst-served part of the demand (CVaR).
    Cvar,
}

impl Model {
    /// Every model, in the order of the documentation.
    pub const ALL: [Model; 9] = [
        Model::PMedian,
        Model::Warehouse,
        Model::Mclp,
        Model::Lscp,
        Model::PCenter,
        Model::LocationAllocation,
        Model::BudgetAllocation,
        Model::MaxMin,
        Model::Cvar,
    ];

    /// Its name in files and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Model::PMedian => "p-median",
            Model::Warehouse => "warehouse",
            Model::Mclp => "mclp",
            Model::Lscp => "lscp",
            Model::PCenter => "p-center",
            Model::LocationAllocation => "location-allocation",
            Model::BudgetAllocation => "budget-allocation",
            Model::MaxMin => "max-min",
            Model::Cvar => "cvar",
        }
    }

    /// The model of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.id() == id)
    }

    /// Whether a larger objective is better.
    pub fn is_maximised(self) -> bool {
        matches!(
            self,
            Model::Mclp | Model::BudgetAllocation | Model::MaxMin | Model::Cvar
        )
    }
}

/// A demand: an unbiased estimate, which may be negative.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The area.
    pub id: String,
    /// How much is needed there.
    pub demand: f64,
    /// Variance of the estimate.
    #[serde(default)]
    pub variance: f64,
    /// The target group, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What may be done with a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SiteStatus {
    /// May be opened.
    #[default]
    Candidate,
    /// Is open in every plan.
    Required,
    /// Is open and may get more modules.
    Extendable,
    /// Stays closed.
    Closed,
}

impl SiteStatus {
    /// The status of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Some(match id {
            "candidate" => Self::Candidate,
            "required" => Self::Required,
            "extendable" => Self::Extendable,
            "closed" => Self::Closed,
            _ => return None,
        })
    }

    /// Whether it is open in every plan.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Required | Self::Extendable)
    }
}

/// A site.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its identifier.
    pub id: String,
    /// What may be done with it.
    #[serde(default)]
    pub status: SiteStatus,
    /// Places once open; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Cost of opening, paid by every open site; 0 for one that is there already.
    #[serde(default)]
    pub fixed_cost: f64,
    /// Cost of being open.
    #[serde(default)]
    pub running_cost: f64,
    /// Places of one further module.
    #[serde(default)]
    pub module_capacity: f64,
    /// Cost of one further module.
    #[serde(default)]
    pub module_cost: f64,
    /// The most further modules.
    #[serde(default)]
    pub modules: usize,
    /// Targets served; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// Travel from an area to a site.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The area.
    pub from_id: String,
    /// The site.
    pub to_id: String,
    /// Minutes, or any other cost of one unit of demand.
    pub minutes: f64,
}

/// A problem that cannot be solved as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct InvalidProblem {
    /// The field.
    pub field: String,
    /// What is wrong and how to mend it.
    pub what: String,
}

pub(crate) fn invalid(field: impl Into<String>, what: impl Into<String>) -> InvalidProblem {
    InvalidProblem {
        field: field.into(),
        what: what.into(),
    }
}

/// Identifiers resolved to numbers.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// Of each demand row, its reachable sites with minutes.
    pub(crate) reach: Vec<Vec<(u32, f64)>>,
    /// Names of areas, in the order they first come.
    pub(crate) areas: Vec<String>,
    /// Of each demand row, its area.
    pub(crate) area_of: Vec<usize>,
}

impl Problem {
    /// A problem with tables and nothing else said.
    pub fn new(model: Model, demand: Vec<Demand>, sites: Vec<Site>, costs: Vec<Cost>) -> Self {
        Self {
            version: VERSION,
            model,
            demand,
            sites,
            costs,
            p: None,
            radius: None,
            outer_radius: None,
            budget: None,
            unmet_cost: None,
            tail: None,
            data_version: None,
            time_limit: None,
            seed: 1,
            draws: 200,
            robust: None,
            alternatives: 0,
            front: false,
            explain: true,
        }
    }

    /// Checks what can be checked without solving.
    ///
    /// # Errors
    /// Names the field and the remedy.
    pub fn check(&self) -> Result<(), InvalidProblem> {
        self.checked().map(drop)
    }

    /// Checks, and resolves identifiers to numbers.
    ///
    /// # Errors
    /// Names the field and the remedy.
    pub(crate) fn checked(&self) -> Result<Tables, InvalidProblem> {
        self.check_limits()?;
        let mut site_number: HashMap<&str, usize> = HashMap::new();
        for (at, site) in self.sites.iter().enumerate() {
            let field = |name: &str| format!("sites[{at}].{name}");
            if site.id.is_empty() {
                return Err(invalid(field("id"), "is empty; name the site"));
            }
            if site_number.insert(&site.id, at).is_some() {
                return Err(invalid(
                    field("id"),
                    format!("`{}` comes twice; keep one row for each site", site.id),
                ));
            }
            for (name, value) in [
                ("fixed_cost", site.fixed_cost),
                ("running_cost", site.running_cost),
                ("module_capacity", site.module_capacity),
                ("module_cost", site.module_cost),
                ("capacity", site.capacity.unwrap_or(0.0)),
            ] {
                if !value.is_finite() || value < 0.0 {
                    return Err(invalid(field(name), "must be a number of at least 0"));
                }
            }
        }
        let mut rows_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut areas: Vec<String> = Vec::new();
        let mut area_of = Vec::new();
        let mut area_number: HashMap<&str, usize> = HashMap::new();
        let mut seen = std::collections::HashSet::new();
        for (at, row) in self.demand.iter().enumerate() {
            let field = |name: &str| format!("demand[{at}].{name}");
            if row.id.is_empty() {
                return Err(invalid(field("id"), "is empty; name the area"));
            }
            if !row.demand.is_finite() {
                return Err(invalid(field("demand"), "must be a number"));
            }
            if !row.variance.is_finite() || row.variance < 0.0 {
                return Err(invalid(field("variance"), "must be a number of at least 0"));
            }
            if !seen.insert((&row.id, &row.target)) {
                return Err(invalid(
                    field("id"),
                    format!("`{}` comes twice for one target; add the rows up", row.id),
                ));
            }
            rows_of.entry(&row.id).or_default().push(at);
            let number = *area_number.entry(&row.id).or_insert_with(|| {
                areas.push(row.id.clone());
                areas.len() - 1
            });
            area_of.push(number);
        }
        let mut reach: Vec<Vec<(u32, f64)>> = vec![Vec::new(); self.demand.len()];
        let mut pairs = std::collections::HashSet::new();
        for (at, cost) in self.costs.iter().enumerate() {
            let field = |name: &str| format!("costs[{at}].{name}");
            if !cost.minutes.is_finite() || cost.minutes < 0.0 {
                return Err(invalid(
                    field("minutes"),
                    "must be a number of at least 0; leave out pairs that are unreachable",
                ));
            }
            // Rows of areas and sites that the problem does not speak of are of no interest: one matrix serves many.
            let (Some(rows), Some(&site)) = (
                rows_of.get(cost.from_id.as_str()),
                site_number.get(cost.to_id.as_str()),
            ) else {
                continue;
            };
            if !pairs.insert((cost.from_id.as_str(), site)) {
                return Err(invalid(
                    field("to_id"),
                    format!(
                        "the pair {} to {} comes twice; keep one row for each pair",
                        cost.from_id, cost.to_id
                    ),
                ));
            }
            for &row in rows {
                if self.sites[site].serves(self.demand[row].target.as_deref()) {
                    reach[row].push((site as u32, cost.minutes));
                }
            }
        }
        if !self.demand.is_empty() && !self.sites.is_empty() && pairs.is_empty() {
            return Err(invalid(
                "costs",
                "no pair names an area of `demand` and a site of `sites`; from_id must be a demand's id and to_id a site's",
            ));
        }
        Ok(Tables {
            reach,
            areas,
            area_of,
        })
    }

    /// Of each demand row, the marked sites it reaches with minutes. Reads every pair once and looks up no more than it
    /// must; the problem was checked before.
    pub(crate) fn reach_of(&self, marks: &[bool]) -> Vec<Vec<(u32, f64)>> {
        let marked: HashMap<&str, usize> = (self.sites.iter().enumerate())
            .filter(|(at, _)| marks[*at])
            .map(|(at, site)| (site.id.as_str(), at))
            .collect();
        let mut rows_of: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, row) in self.demand.iter().enumerate() {
            rows_of.entry(&row.id).or_default().push(at);
        }
        let mut reach = vec![Vec::new(); self.demand.len()];
        for cost in &self.costs {
            let Some(&site) = marked.get(cost.to_id.as_str()) else {
                continue;
            };
            for &row in rows_of.get(cost.from_id.as_str()).into_iter().flatten() {
                if self.sites[site].serves(self.demand[row].target.as_deref()) {
                    reach[row].push((site as u32, cost.minutes));
                }
            }
        }
        reach
    }

    fn check_limits(&self) -> Result<(), InvalidProblem> {
        if self.version != VERSION {
            return Err(invalid(
                "version",
                format!("{} is not known; write {VERSION}", self.version),
            ));
        }
        if self.demand.is_empty() {
            return Err(invalid("demand", "has no row; give at least one"));
        }
        if self.sites.is_empty() {
            return Err(invalid("sites", "has no row; give at least one"));
        }
        let needs_p = matches!(self.model, Model::PMedian | Model::Mclp | Model::PCenter);
        if needs_p && self.p.is_none_or(|p| p == 0) {
            return Err(invalid(
                "p",
                format!(
                    "{} needs the number of sites to open, at least 1",
                    self.model.id()
                ),
            ));
        }
        let needs_radius = matches!(self.model, Model::Mclp | Model::Lscp);
        if needs_radius && self.radius.is_none() {
            return Err(invalid(
                "radius",
                format!(
                    "{} needs the minutes within which demand is covered",
                    self.model.id()
                ),
            ));
        }
        let needs_budget = matches!(self.model, Model::BudgetAllocation);
        if needs_budget && self.budget.is_none() {
            return Err(invalid(
                "budget",
                "budget-allocation needs the most that may be spent",
            ));
        }
        for (name, value) in [
            ("radius", self.radius),
            ("outer_radius", self.outer_radius),
            ("budget", self.budget),
            ("unmet_cost", self.unmet_cost),
            ("time_limit", self.time_limit),
        ] {
            if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
                return Err(invalid(name, "must be a number of at least 0"));
            }
        }
        if let (Some(outer), Some(inner)) = (self.outer_radius, self.radius)
            && outer < inner
        {
            return Err(invalid("outer_radius", "must be at least `radius`"));
        }
        for (name, value) in [("tail", self.tail), ("robust", self.robust)] {
            if value.is_some_and(|value| !(value > 0.0 && value <= 1.0)) {
                return Err(invalid(name, "must be above 0 and at most 1"));
            }
        }
        if self.draws > 100_000 {
            return Err(invalid("draws", "may be at most 100000"));
        }
        if self.alternatives > 100 {
            return Err(invalid("alternatives", "may be at most 100"));
        }
        Ok(())
    }
}

impl Site {
    /// Whether it serves a target.
    pub fn serves(&self, target: Option<&str>) -> bool {
        self.targets.is_empty()
            || target.is_none_or(|target| self.targets.iter().any(|served| served == target))
    }
}

/// The JSON Schema of problems.
pub fn problem_schema() -> serde_json::Value {
    schemars::schema_for!(Problem).to_value()
}

#[cfg(test)]
mod tests;
