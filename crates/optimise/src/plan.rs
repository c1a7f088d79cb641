//! What was decided, and how far it can be trusted.

use crate::problem::{Model, VERSION};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of what plans say: it rises with every change by which the same problem and seed give another plan or another judgement of
/// one, so that kept plans are not taken for new ones. Plans that name none are of the first.
pub const METHOD: u32 = 2;

fn first_method() -> u32 {
    1
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Plan {
    /// Version of this format: 1.
    pub version: u32,
    /// Version of the method by which it was made; 1 where it is not told.
    #[serde(default = "first_method")]
    pub method: u32,
    /// What was optimised.
    pub model: Model,
    /// How it ended.
    pub status: Status,
    /// Why there is no plan, and what would have to give, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same for programs: each limit that would have to give, alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relaxations: Vec<Relaxation>,
    /// The objective of the plan, in the model's unit; absent where there is no plan.
    pub objective: Option<f64>,
    /// No plan has a better objective than this.
    pub bound: Option<f64>,
    /// |objective - bound| / |objective|.
    pub gap: Option<f64>,
    /// Sites that are open, by id.
    pub open: Vec<String>,
    /// Further modules at open sites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Modules>,
    /// Who is served where.
    pub assignment: Vec<Assignment>,
    /// What is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<f64>,
    /// How the plan stands up to the demand's noise; absent where no demand has a variance.
    pub stability: Option<Stability>,
    /// What the plan hinges on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// Further plans, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// The objective at smaller limits, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub front: Vec<FrontPoint>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Seed of searches and draws.
    pub seed: u64,
    /// Where demand and travel come from, as the problem said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_version: Option<String>,
}

/// A limit that would have to give for a plan to exist.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Relaxation {
    /// `p` (to be raised), `p-down`, `radius`, `budget`, `unserved` (demand to be left out) or `travel` (pairs to be added).
    pub limit: String,
    /// What it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// What would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// The areas that stand against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<String>,
}

/// Why no plan is allowed: in words, and limit by limit.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    pub(crate) words: String,
    pub(crate) relaxations: Vec<Relaxation>,
}

impl Reason {
    pub(crate) fn of(words: String, limit: &str, from: Option<f64>, to: Option<f64>) -> Self {
        let limit = limit.to_owned();
        Self {
            words,
            relaxations: vec![Relaxation {
                limit,
                from,
                to,
                areas: Vec::new(),
            }],
        }
    }

    pub(crate) fn at(mut self, areas: Vec<String>) -> Self {
        for relaxation in &mut self.relaxations {
            relaxation.areas.clone_from(&areas);
        }
        self
    }
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The plan is proven to be the best, up to a relative error of 1e-6 or less.
    Optimal,
    /// The plan is allowed; `gap` says how much better another might be. A time limit ends here.
    Feasible,
    /// No plan is allowed, which is proven.
    Infeasible,
    /// Stopped before the proof was complete; the plan, where there is one, is allowed.
    Cancelled,
}

/// Further modules at a site.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Modules {
    /// The site.
    pub id: String,
    /// How many.
    pub number: u64,
}

/// A demand served by a site, wholly or in part.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Assignment {
    /// The area.
    pub id: String,
    /// The target group, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The site.
    pub site: String,
    /// Minutes between the two.
    pub minutes: f64,
    /// The part of the demand that is served there, from 0 to 1.
    pub share: f64,
}

/// How solid a plan is when the demand is known up to its variance. Frequencies and intervals are over draws of what the
/// true demand may be, given the estimates of all areas.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Stability {
    /// Draws that were solved.
    pub draws: usize,
    /// Of each site that some draw opens, in how many of a hundred draws it is opened.
    pub sites: Vec<SiteStability>,
    /// In how many of a hundred draws exactly this plan is best.
    pub same_plan: f64,
    /// What the plan loses against the best plan for the true demand, in the objective's unit.
    pub regret: Interval,
    /// The plan's objective under the true demand.
    pub value: Interval,
    /// The plan's objective to expect once the demand is known: its mean, as `value` is told. The objective itself is flattered,
    /// since the plan was chosen for looking best under this very noise.
    pub out_of_sample: f64,
    /// In how many of a hundred draws the plan has too few places for all who must be served; regret and value are those
    /// of the other draws.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub short: f64,
    /// Open sites for which another would do as well as far as the noise lets see.
    pub interchangeable: Vec<Interchangeable>,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// An interval with its level.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Interval {
    /// Its probability: 0.9, or what so few draws give.
    pub level: f64,
    /// Its lower end.
    pub lower: f64,
    /// Its middle.
    pub median: f64,
    /// Its upper end.
    pub upper: f64,
}

/// How often a site is opened.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct SiteStability {
    /// The site.
    pub id: String,
    /// In how many of a hundred draws.
    pub in_100: f64,
    /// Whether the plan opens it.
    pub is_open: bool,
}

/// A site and those that would do as well.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Interchangeable {
    /// The open site.
    pub id: String,
    /// Others, each of which loses no more than the noise of the difference (one-sided 95 percent).
    pub with: Vec<String>,
}

/// What a plan hinges on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Explanation {
    /// What one unit more of a limit is worth, in the objective's unit; positive is better.
    pub marginal: Vec<Marginal>,
    /// Limits that keep the objective from being better.
    pub binding: Vec<String>,
    /// What opening a closed site, or closing an open one, costs.
    pub forced: Vec<Forced>,
}

/// What one unit more is worth.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Marginal {
    /// The limit: `p`, `budget` or the capacity of a site.
    pub limit: String,
    /// How much more of it.
    pub more: f64,
    /// By how much the objective improves.
    pub improvement: f64,
}

/// What forcing a site costs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Forced {
    /// The site.
    pub id: String,
    /// Whether it is forced open; else closed.
    pub open: bool,
    /// By how much the objective worsens; absent where no plan is left.
    pub worsening: Option<f64>,
}

/// Another plan.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Alternative {
    /// Sites that are open, by id.
    pub open: Vec<String>,
    /// Its objective.
    pub objective: f64,
}

/// The best plan at one limit.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FrontPoint {
    /// Sites allowed, where they are limited.
    pub p: Option<usize>,
    /// Budget, where it is limited.
    pub budget: Option<f64>,
    /// How it ended.
    pub status: Status,
    /// Its objective.
    pub objective: Option<f64>,
    /// No plan within this limit has a better objective.
    pub bound: Option<f64>,
    /// Its open sites.
    pub open: Vec<String>,
    /// What it spends.
    pub spent: Option<f64>,
}

/// |objective - bound| / |objective|; nothing where the objective is zero and the bound is not.
pub fn gap(objective: f64, bound: f64) -> Option<f64> {
    let distance = (objective - bound).abs();
    if distance == 0.0 {
        return Some(0.0);
    }
    let gap = distance / objective.abs();
    gap.is_finite().then_some(gap)
}

impl Plan {
    pub(crate) fn without(model: Model, seed: u64, status: Status, reason: Option<String>) -> Self {
        Self {
            version: VERSION,
            method: METHOD,
            model,
            status,
            reason,
            relaxations: Vec::new(),
            objective: None,
            bound: None,
            gap: None,
            open: Vec::new(),
            modules: Vec::new(),
            assignment: Vec::new(),
            spent: None,
            stability: None,
            explanation: None,
            alternatives: Vec::new(),
            front: Vec::new(),
            seconds: 0.0,
            seed,
            data_version: None,
        }
    }
}

/// The JSON Schema of plans.
pub fn plan_schema() -> serde_json::Value {
    schemars::schema_for!(Plan).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_relative_to_the_objective() {
        assert_eq!(gap(200.0, 198.0), Some(0.01));
        assert_eq!(gap(-200.0, -202.0), Some(0.01));
        assert_eq!(gap(0.0, 0.0), Some(0.0));
        assert_eq!(gap(0.0, -1.0), None);
        assert_eq!(gap(5.0, f64::NEG_INFINITY), None);
    }
}
