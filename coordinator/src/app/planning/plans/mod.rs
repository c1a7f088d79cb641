//! Plans as resources: begun, followed with their bound and incumbent, cancelled, kept. Each is solved in a process of its
//! own, one at a time, since each uses all cores; what comes of it is stored and outlives the process that served it.

mod solving;
mod table;

pub use solving::{Plans, Progress};
pub use table::csv;

use self::solving::Underway;
use super::basis::Basis;
use super::tables::{DemandView, SiteView, SourceView, Tables};
use super::{checked_name, checked_note, may_plan, may_remove, record, refused, told, travel_json};
use crate::app::audience;
use crate::state::{App, State};
use crate::store::accounts::Account;
use crate::store::planning::{self as kept, NewPlan, StoredPlan};
use crate::{CoordinatorError, Problem, secret};
use optimise::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// Most plans that an account keeps.
pub const MOST_KEPT: usize = 200;
/// Longest time limit, in seconds.
pub const LONGEST: f64 = 600.0;
/// Most draws of the demand's noise.
const MOST_DRAWS: usize = 2_000;
/// Most alternatives.
const MOST_ALTERNATIVES: usize = 10;

/// A plan, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanWanted {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default)]
    pub note: String,
    /// Demand, sites and travel.
    pub basis: Basis,
    /// `p-median`, `warehouse`, `mclp`, `lscp`, `p-center`, `location-allocation`, `budget-allocation`, `max-min` or `cvar`.
    #[schema(value_type = String)]
    pub model: Model,
    /// Number of sites to open, those there are included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<usize>,
    /// Minutes within which demand is covered or may be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// Minutes from which on nothing of a demand is covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer_radius: Option<f64>,
    /// The most that may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// What one unit of demand that is not served costs, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet_cost: Option<f64>,
    /// Share of the worst-served demand that `cvar` looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<f64>,
    /// Plan for the mean over this worst share of noise draws instead of for the estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robust: Option<f64>,
    /// Draws of the demand's noise that judge the plan, at most 2,000.
    #[serde(default = "two_hundred")]
    pub draws: usize,
    /// How many other plans to give, at most 10.
    #[serde(default = "three")]
    pub alternatives: usize,
    /// Solve for every smaller p, or tenths of the budget, too.
    #[serde(default)]
    pub front: bool,
    /// Seconds after which the best plan so far is taken, at most 600.
    #[serde(default = "a_minute")]
    pub time_limit: f64,
    /// Seed of searches and draws.
    #[serde(default = "first_seed")]
    pub seed: u64,
}

fn two_hundred() -> usize {
    200
}

fn three() -> usize {
    3
}

fn a_minute() -> f64 {
    60.0
}

fn first_seed() -> u64 {
    1
}

/// How far a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanState {
    /// It waits for another to end.
    Waiting,
    /// It is being solved.
    Running,
    /// It ended; its status says how.
    Done,
    /// It was called off; the best plan found by then, where there is one, stays.
    Cancelled,
    /// It cannot be solved.
    Failed,
}

impl PlanState {
    const ALL: [PlanState; 5] = [
        PlanState::Waiting,
        PlanState::Running,
        PlanState::Done,
        PlanState::Cancelled,
        PlanState::Failed,
    ];

    fn as_str(self) -> &'static str {
        match self {
            PlanState::Waiting => "waiting",
            PlanState::Running => "running",
            PlanState::Done => "done",
            PlanState::Cancelled => "cancelled",
            PlanState::Failed => "failed",
        }
    }

    /// Whether nothing will change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, PlanState::Waiting | PlanState::Running)
    }
}

/// What a plan is worked out of, kept with it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanInputs {
    /// Digest of demand, sites and travel.
    pub data_version: String,
    /// The level of the areas.
    pub level: String,
    /// Where demand comes from.
    pub sources: Vec<SourceView>,
    /// The travel it goes by. Where targets travel at different speeds, the slowest of an area counts.
    #[schema(value_type = Object)]
    pub travel: Value,
    /// Demand by area and target.
    pub demand: Vec<DemandView>,
    /// Sites and candidates.
    pub sites: Vec<SiteView>,
}

/// A plan in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanSummary {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who asked for it.
    pub owner: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// The model.
    pub model: String,
    /// How far it is.
    pub state: PlanState,
    /// `optimal`, `feasible`, `infeasible` or `cancelled`, once there is an end.
    pub status: Option<String>,
    /// The plan's objective.
    pub objective: Option<f64>,
}

/// A plan, as far as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// Its identifier.
    pub id: String,
    /// Who asked for it.
    pub owner: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// When it ended, RFC 3339.
    pub finished_at: Option<String>,
    /// As it was written.
    pub wanted: PlanWanted,
    /// What it is worked out of.
    pub inputs: PlanInputs,
    /// How far it is.
    pub state: PlanState,
    /// What the solve has found so far, while it runs.
    pub progress: Option<Progress>,
    /// The plan: status, objective, bound, gap, open sites, assignment, stability with regret, explanation,
    /// alternatives and front, as `coordinator optimise --schema plan` describes it.
    #[schema(value_type = Option<Object>)]
    pub plan: Option<Value>,
    /// Version of the method in force now. A plan of an earlier `method` (1 where it names none) stays as it was made, and may say
    /// something else than one made now.
    pub method_now: u32,
    /// Why there is none.
    pub failure: Option<String>,
}

/// Begins a plan; its identifier.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn begin(app: &App, account: &Account, wanted: PlanWanted) -> Result<String, Problem> {
    may_plan(account)?;
    checked_name(&wanted.name)?;
    checked_note(&wanted.note)?;
    checked_limits(&wanted)?;
    let tables = Tables::gather(app, account, &wanted.basis).await?;
    let problem = problem(&wanted, &tables)?;
    problem.check().map_err(|error| {
        let field = error.field.split(['[', '.']).next().unwrap_or_default();
        let path = match field {
            "demand" | "sites" | "costs" => format!("$.basis.{}", error.field),
            _ => format!("$.{field}"),
        };
        refused(path, "invalid-problem", error.what)
    })?;
    let id = secret::identifier()?;
    let now = app.clock.now();
    let inputs = PlanInputs {
        data_version: tables.version()?,
        level: tables.level.id().to_owned(),
        sources: tables.sources.clone(),
        travel: travel_json(&tables.travel.source),
        demand: tables.demand_view(),
        sites: tables.planned.clone(),
    };
    let job = app.plans.admit(&id, &account.name)?;
    if let Err(problem) = keep(app, account, &id, &wanted, &inputs, &tables, now).await {
        app.plans.forget(&id);
        return Err(problem);
    }
    let (app, begun) = (Arc::clone(app), id.clone());
    tokio::spawn(async move {
        solving::run(&app, &begun, &job, &problem).await;
    });
    Ok(id)
}

async fn keep(
    app: &State,
    account: &Account,
    id: &str,
    wanted: &PlanWanted,
    inputs: &PlanInputs,
    tables: &Tables,
    now: i64,
) -> Result<(), Problem> {
    let mut transaction = app.database.write().await?;
    if kept::plans_of(&mut transaction, &account.name).await? >= MOST_KEPT {
        return Err(refused(
            "$",
            "too-many",
            format!("an account keeps at most {MOST_KEPT} plans; remove one"),
        ));
    }
    let plan = NewPlan {
        id,
        name: &wanted.name,
        owner: &account.name,
        created_at: now,
        wanted: &serde_json::to_string(wanted).map_err(CoordinatorError::from)?,
        inputs: &serde_json::to_string(inputs).map_err(CoordinatorError::from)?,
        state: PlanState::Waiting.as_str(),
    };
    kept::plan_insert(&mut transaction, &plan).await?;
    record(
        &mut transaction,
        account,
        tables,
        "plan-begun",
        Some(id),
        now,
    )
    .await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(())
}

fn checked_limits(wanted: &PlanWanted) -> Result<(), Problem> {
    if !(1.0..=LONGEST).contains(&wanted.time_limit) {
        return Err(refused(
            "$.time_limit",
            "out-of-range",
            format!("write 1 to {LONGEST} seconds"),
        ));
    }
    if wanted.draws > MOST_DRAWS {
        return Err(refused(
            "$.draws",
            "out-of-range",
            format!("write at most {MOST_DRAWS} draws"),
        ));
    }
    if wanted.alternatives > MOST_ALTERNATIVES {
        return Err(refused(
            "$.alternatives",
            "out-of-range",
            format!("write at most {MOST_ALTERNATIVES} alternatives"),
        ));
    }
    if wanted.front && wanted.p.is_some_and(|p| p > 50) && wanted.budget.is_none() {
        return Err(refused(
            "$.front",
            "out-of-range",
            "the front of more than 50 sites takes too long; leave it out, or give a budget",
        ));
    }
    Ok(())
}

/// The problem the solver gets. Demand goes in as it is estimated, negative or not.
fn problem(wanted: &PlanWanted, tables: &Tables) -> Result<optimise::Problem, Problem> {
    let costs = tables.travel.costs(&tables.demand, &tables.sites);
    let mut problem = optimise::Problem::new(
        wanted.model,
        tables.demand.clone(),
        tables.sites.clone(),
        costs,
    );
    problem.p = wanted.p;
    problem.radius = wanted.radius;
    problem.outer_radius = wanted.outer_radius;
    problem.budget = wanted.budget;
    problem.unmet_cost = wanted.unmet_cost;
    problem.tail = wanted.tail;
    problem.robust = wanted.robust;
    problem.draws = wanted.draws;
    problem.alternatives = wanted.alternatives;
    problem.front = wanted.front;
    problem.time_limit = Some(wanted.time_limit);
    problem.seed = wanted.seed;
    problem.data_version = Some(tables.version()?);
    Ok(problem)
}

/// Calls a plan off; one that ended stays.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::Forbidden`].
pub async fn cancel(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    let mut reader = app.database.read().await?;
    let owner = kept::plan_owner(&mut reader, id).await?;
    may_remove(account, &owner.ok_or(Problem::NotFound)?)?;
    app.plans.call_off(id);
    Ok(())
}

/// Removes a plan that ended.
///
/// # Errors
/// [`Problem`].
pub async fn remove(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    let mut transaction = app.database.write().await?;
    let owner = kept::plan_owner(&mut transaction, id).await?;
    may_remove(account, &owner.ok_or(Problem::NotFound)?)?;
    if app.plans.progress(id).is_some() {
        return Err(Problem::Unfit {
            code: "still-running",
            path: "id",
            remedy: "the plan is being solved; cancel it first",
        });
    }
    kept::plan_delete(&mut transaction, id).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(())
}

/// All plans that an account may see, newest first.
///
/// # Errors
/// [`Problem`].
pub async fn list(app: &State, account: &Account) -> Result<Vec<PlanSummary>, Problem> {
    let viewer = audience::viewer(app, account);
    let before = app.plans.underway();
    let mut reader = app.database.read().await?;
    let mut all = Vec::new();
    for stored in kept::plans(&mut reader).await? {
        all.extend(stored.open(&mut reader, &viewer).await?);
    }
    (all.into_iter())
        .map(|stored| {
            let (state, _) = standing(app, &before, &stored)?;
            let wanted: Value = serde_json::from_str(&stored.wanted)?;
            let plan: Value = match &stored.plan {
                Some(plan) => serde_json::from_str(plan)?,
                None => json!({}),
            };
            Ok(PlanSummary {
                id: stored.id,
                name: stored.name,
                owner: stored.owner,
                created_at: told(stored.created_at),
                model: wanted["model"].as_str().unwrap_or_default().to_owned(),
                state,
                status: plan["status"].as_str().map(str::to_owned),
                objective: plan["objective"].as_f64(),
            })
        })
        .collect()
}

/// A plan, as far as it is.
///
/// # Errors
/// [`Problem::NotFound`], also where the account may not see a release it was made of.
pub async fn one(app: &State, account: &Account, id: &str) -> Result<PlanView, Problem> {
    let before = app.plans.underway();
    let mut reader = app.database.read().await?;
    let stored = kept::plan(&mut reader, id).await?;
    let viewer = audience::viewer(app, account);
    let seen = (stored.ok_or(Problem::NotFound)?)
        .open(&mut reader, &viewer)
        .await?;
    Ok(read(app, &before, seen.ok_or(Problem::NotFound)?)?)
}

/// How far a stored plan is: as its job says while there is one. One that did not end, and had a job neither before it was read
/// nor after, was cut off when the service stopped; a job that is missing at one of these moments only has just begun or ended.
fn standing(
    app: &State,
    before: &Underway,
    stored: &StoredPlan,
) -> Result<(PlanState, Option<Progress>), CoordinatorError> {
    let state = (PlanState::ALL.into_iter())
        .find(|known| known.as_str() == stored.state)
        .ok_or(CoordinatorError::Corrupt { what: "plan" })?;
    if state.is_final() {
        return Ok((state, None));
    }
    let now = app.plans.progress(&stored.id);
    match now.or_else(|| before.get(&stored.id).cloned()) {
        Some(progress) => {
            // The end is told after it is stored, and this plan was read before.
            let state = match progress.state {
                ended if ended.is_final() => PlanState::Running,
                state => state,
            };
            Ok((state, Some(Progress { state, ..progress })))
        }
        None => Ok((PlanState::Failed, None)),
    }
}

fn read(app: &State, before: &Underway, stored: StoredPlan) -> Result<PlanView, CoordinatorError> {
    let (state, progress) = standing(app, before, &stored)?;
    let failure = match (&stored.failure, state) {
        (None, PlanState::Failed) => {
            Some("the service stopped while it was solved; begin it again".to_owned())
        }
        (failure, _) => failure.clone(),
    };
    Ok(PlanView {
        id: stored.id,
        owner: stored.owner,
        created_at: told(stored.created_at),
        finished_at: stored.finished_at.map(told),
        wanted: serde_json::from_str(&stored.wanted)?,
        inputs: serde_json::from_str(&stored.inputs)?,
        state,
        progress,
        plan: (stored.plan.as_deref().map(serde_json::from_str)).transpose()?,
        method_now: optimise::METHOD,
        failure,
    })
}
