//! Scenarios: edits of a baseline, named, saved, forked and compared. A scenario is worked out when it is saved; the same
//! one gives the same result every time, so a saved result never goes stale.

use super::access::{MeasureWanted, need_places, work};
use super::basis::Basis;
use super::tables::{DemandView, SiteView, SourceView, Tables, sources_of_edits};
use super::{checked_name, checked_note, may_plan, may_remove, record, refused, told, travel_json};
use crate::app::audience;
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::planning::{self as kept, NewScenario, StoredScenario};
use crate::{CoordinatorError, Problem, secret};
use access::{Comparison, Edit, InvalidScenario, compare_between, edited_sites};
use optimise::{Site, SiteStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Most edits of a scenario.
pub const MOST_EDITS: usize = 200;
/// Most scenarios of one account.
pub const MOST: usize = 200;

/// A scenario, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioWanted {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default)]
    pub note: String,
    /// Demand, sites and travel before any edit.
    pub basis: Basis,
    /// Edits in their order: `{"edit": "open", "site": …}`, `close`, `extend` by `places`, `move` a site `to` a free place,
    /// `demand` of an `area`, a `target` or all by a `factor`, and `forecast`, which replaces a demand and its variance by those of a forecast, named as `from`.
    #[schema(value_type = Vec<Object>)]
    pub edits: Vec<Edit>,
    /// How access is measured.
    pub measure: MeasureWanted,
    /// The most that may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// The scenario it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// What a scenario changes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScenarioResult {
    /// Digest of demand, sites and travel before any edit.
    pub data_version: String,
    /// The level of the areas.
    pub level: String,
    /// Who gains and who loses, by area and target and by target, with intervals of the difference; and by which site
    /// each is nearest served before and after.
    #[schema(value_type = Object)]
    pub comparison: Value,
    /// What the edits cost.
    pub cost: Cost,
    /// The travel it is measured by.
    #[schema(value_type = Object)]
    pub travel: Value,
    /// Where demand comes from.
    pub sources: Vec<SourceView>,
    /// Demand before any edit.
    pub demand: Vec<DemandView>,
    /// Sites and candidates before any edit.
    pub sites: Vec<SiteView>,
    /// Sites that are open after the edits, with their places.
    pub open_after: Vec<OpenSite>,
}

/// A site that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OpenSite {
    /// Which.
    pub id: String,
    /// Its places; without limit where absent.
    pub capacity: Option<f64>,
}

/// What edits cost, by the costs that sites were given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cost {
    /// Opening sites that were not open.
    pub opening: f64,
    /// Their being open, less that of sites that are open no more.
    pub running: f64,
    /// Further places, by the cost of modules begun.
    pub places: f64,
    /// All of it.
    pub total: f64,
    /// Places more than before; fewer where negative.
    pub more_places: f64,
    /// Whether all of it is more than the budget, where there is one.
    pub over_budget: Option<bool>,
}

/// A saved scenario in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScenarioSummary {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who saved it.
    pub owner: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// The scenario it was forked from.
    pub parent: Option<String>,
    /// Edits in it.
    pub edits: usize,
    /// Rows of areas and targets that gain, beyond noise.
    pub gaining: usize,
    /// Rows that lose, beyond noise.
    pub losing: usize,
    /// Rows of which noise does not let tell.
    pub uncertain: usize,
}

/// A saved scenario.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScenarioView {
    /// Its identifier.
    pub id: String,
    /// Who saved it.
    pub owner: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// As it was written.
    pub wanted: ScenarioWanted,
    /// What it changes.
    pub result: ScenarioResult,
}

/// Two scenarios of one baseline beside each other.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BetweenView {
    /// The one compared with.
    pub against: String,
    /// The one compared.
    pub scenario: String,
    /// Who is better served by the second than by the first, with intervals of the difference.
    #[schema(value_type = Object)]
    pub comparison: Value,
    /// What each costs.
    pub costs: [Cost; 2],
}

/// What is changed when a scenario is forked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// The name of the new one.
    pub name: String,
    /// Its edits, in the place of those of the first.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub edits: Option<Vec<Edit>>,
}

/// Works a scenario out without saving it.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn preview(
    app: &State,
    account: &Account,
    wanted: &ScenarioWanted,
) -> Result<ScenarioResult, Problem> {
    may_plan(account)?;
    Ok(worked_out(app, account, wanted).await?.1)
}

/// Works a scenario out and saves it; its identifier.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn save(
    app: &State,
    account: &Account,
    wanted: &ScenarioWanted,
) -> Result<String, Problem> {
    may_plan(account)?;
    checked_name(&wanted.name)?;
    checked_note(&wanted.note)?;
    let (tables, result) = worked_out(app, account, wanted).await?;
    let id = secret::identifier()?;
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let of_account = kept::scenarios_of(&mut transaction, &account.name).await?;
    if of_account >= MOST {
        return Err(refused(
            "$",
            "too-many",
            format!("an account keeps at most {MOST} scenarios; remove one"),
        ));
    }
    if let Some(parent) = &wanted.parent {
        kept::scenario_owner(&mut transaction, parent)
            .await?
            .ok_or_else(|| {
                refused(
                    "$.parent",
                    "unknown-scenario",
                    "there is no such scenario; leave it out",
                )
            })?;
    }
    let scenario = NewScenario {
        id: &id,
        name: &wanted.name,
        owner: &account.name,
        parent: wanted.parent.as_deref(),
        created_at: now,
        wanted: &serde_json::to_string(wanted).map_err(CoordinatorError::from)?,
        result: &serde_json::to_string(&result).map_err(CoordinatorError::from)?,
    };
    kept::scenario_insert(&mut transaction, &scenario).await?;
    record(
        &mut transaction,
        account,
        &tables,
        "scenario-saved",
        Some(&id),
        now,
    )
    .await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(id)
}

/// Saves a scenario as another, with other edits where they are given.
///
/// # Errors
/// [`Problem`].
pub async fn fork(app: &State, account: &Account, id: &str, fork: Fork) -> Result<String, Problem> {
    let mut wanted = one(app, account, id).await?.wanted;
    wanted.name = fork.name;
    wanted.parent = Some(id.to_owned());
    if let Some(edits) = fork.edits {
        wanted.edits = edits;
    }
    save(app, account, &wanted).await
}

/// All saved scenarios that an account may see, newest first.
///
/// # Errors
/// [`Problem`].
pub async fn list(app: &State, account: &Account) -> Result<Vec<ScenarioSummary>, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let mut all = Vec::new();
    for stored in kept::scenarios(&mut reader).await? {
        if let Some(seen) = stored.open(&mut reader, &viewer).await? {
            all.push(read(seen)?);
        }
    }
    (all.into_iter())
        .map(|view| {
            let count = |field: &str| {
                view.result.comparison[field]
                    .as_u64()
                    .map_or(0, |count| count as usize)
            };
            Ok(ScenarioSummary {
                gaining: count("gaining"),
                losing: count("losing"),
                uncertain: count("uncertain"),
                id: view.id,
                name: view.wanted.name,
                owner: view.owner,
                created_at: view.created_at,
                parent: view.wanted.parent,
                edits: view.wanted.edits.len(),
            })
        })
        .collect()
}

/// A saved scenario.
///
/// # Errors
/// [`Problem::NotFound`], also where the account may not see a release it was made of.
pub async fn one(app: &State, account: &Account, id: &str) -> Result<ScenarioView, Problem> {
    let mut reader = app.database.read().await?;
    let stored = kept::scenario(&mut reader, id).await?;
    let viewer = audience::viewer(app, account);
    let seen = (stored.ok_or(Problem::NotFound)?)
        .open(&mut reader, &viewer)
        .await?;
    Ok(read(seen.ok_or(Problem::NotFound)?)?)
}

/// Removes a scenario; those forked from it stay.
///
/// # Errors
/// [`Problem`].
pub async fn remove(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    let mut transaction = app.database.write().await?;
    let owner = kept::scenario_owner(&mut transaction, id).await?;
    may_remove(account, &owner.ok_or(Problem::NotFound)?)?;
    kept::scenario_delete(&mut transaction, id).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(())
}

/// Compares a scenario with another of the same baseline.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn between(
    app: &State,
    account: &Account,
    id: &str,
    against: &str,
) -> Result<BetweenView, Problem> {
    let (second, first) = (
        one(app, account, id).await?,
        one(app, account, against).await?,
    );
    let same = second.wanted.basis == first.wanted.basis
        && second.wanted.measure == first.wanted.measure
        && second.result.data_version == first.result.data_version;
    if !same {
        return Err(Problem::Unfit {
            code: "other-baseline",
            path: "against",
            remedy: "the two were measured on other demand, sites, travel or by another method; fork one from the other",
        });
    }
    let tables = Tables::gather(app, account, &second.wanted.basis).await?;
    let settings = second.wanted.measure.settings()?;
    let method = second.wanted.measure.method;
    let (edits, before) = (second.wanted.edits.clone(), first.wanted.edits.clone());
    let comparison = work(app, move || {
        compare_between(
            &tables.demand,
            &tables.sites,
            &tables.travel,
            &before,
            &edits,
            method,
            settings,
        )
    })
    .await?
    .map_err(invalid)?;
    Ok(BetweenView {
        against: against.to_owned(),
        scenario: id.to_owned(),
        comparison: serde_json::to_value(comparison).map_err(CoordinatorError::from)?,
        costs: [first.result.cost, second.result.cost],
    })
}

async fn worked_out(
    app: &State,
    account: &Account,
    wanted: &ScenarioWanted,
) -> Result<(Tables, ScenarioResult), Problem> {
    if wanted.edits.len() > MOST_EDITS {
        return Err(refused(
            "$.edits",
            "too-many",
            format!("make at most {MOST_EDITS} edits"),
        ));
    }
    if wanted
        .budget
        .is_some_and(|budget| !(0.0..=1e12).contains(&budget))
    {
        return Err(refused(
            "$.budget",
            "out-of-range",
            "write a number from 0 to 1e12",
        ));
    }
    let settings = wanted.measure.settings()?;
    let of_edits = sources_of_edits(app, account, &wanted.edits).await?;
    let mut tables = Tables::gather(app, account, &wanted.basis).await?;
    tables.sources.extend(of_edits);
    let method = wanted.measure.method;
    need_places(&tables, method)?;
    let after = edited_sites(&tables.demand, &tables.sites, &wanted.edits).map_err(invalid)?;
    let edits = wanted.edits.clone();
    let (tables, comparison): (Tables, Result<Comparison, InvalidScenario>) =
        work(app, move || {
            let found = compare_between(
                &tables.demand,
                &tables.sites,
                &tables.travel,
                &[],
                &edits,
                method,
                settings,
            );
            (tables, found)
        })
        .await?;
    let comparison = comparison.map_err(invalid)?;
    let result = ScenarioResult {
        data_version: tables.version()?,
        level: tables.level.id().to_owned(),
        comparison: serde_json::to_value(comparison).map_err(CoordinatorError::from)?,
        cost: cost(&tables.sites, &after, wanted.budget),
        travel: travel_json(&tables.travel.source),
        sources: tables.sources.clone(),
        demand: tables.demand_view(),
        sites: tables.planned.clone(),
        open_after: (after.iter())
            .filter(|site| site.status.is_open())
            .map(|site| OpenSite {
                id: site.id.clone(),
                capacity: site.capacity,
            })
            .collect(),
    };
    Ok((tables, result))
}

fn invalid(error: InvalidScenario) -> Problem {
    refused(
        format!("$.edits[{}]", error.number - 1),
        "invalid-edit",
        error.what,
    )
}

/// What it costs to come from one state of the sites to the other. Places beyond what a site had are bought by whole
/// modules where it has them; a site that moves pays what opening at the new place costs.
fn cost(before: &[Site], after: &[Site], budget: Option<f64>) -> Cost {
    let mut cost = Cost::default();
    for (was, is) in before.iter().zip(after) {
        match (was.status.is_open(), is.status.is_open()) {
            (false, true) => {
                cost.opening += is.fixed_cost;
                cost.running += is.running_cost;
                cost.more_places += is.capacity.unwrap_or(0.0);
            }
            (true, false) => {
                cost.running -= was.running_cost;
                cost.more_places -= was.capacity.unwrap_or(0.0);
            }
            _ => {}
        }
        if was.status != SiteStatus::Closed && is.status.is_open() {
            let more = is.capacity.unwrap_or(0.0) - was.capacity.unwrap_or(0.0);
            if was.status.is_open() {
                cost.more_places += more;
            }
            if more > 0.0 && is.module_capacity > 0.0 {
                cost.places += (more / is.module_capacity).ceil() * is.module_cost;
            }
        }
    }
    cost.total = cost.opening + cost.running + cost.places;
    cost.over_budget = budget.map(|budget| cost.total > budget);
    cost
}

fn read(stored: StoredScenario) -> Result<ScenarioView, CoordinatorError> {
    Ok(ScenarioView {
        id: stored.id,
        owner: stored.owner,
        created_at: told(stored.created_at),
        wanted: serde_json::from_str(&stored.wanted)?,
        result: serde_json::from_str(&stored.result)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(id: &str, status: SiteStatus, places: f64) -> Site {
        Site {
            id: id.to_owned(),
            status,
            capacity: Some(places),
            fixed_cost: 100.0,
            running_cost: 20.0,
            module_capacity: 10.0,
            module_cost: 5.0,
            ..Site::default()
        }
    }

    #[test]
    fn edits_cost_what_their_sites_say() {
        use SiteStatus::{Candidate, Closed, Required};
        let before = [site("a", Required, 30.0), site("b", Candidate, 40.0)];
        let opened = [site("a", Required, 30.0), site("b", Required, 40.0)];
        let found = cost(&before, &opened, Some(100.0));
        assert_eq!(
            (found.opening, found.running, found.total),
            (100.0, 20.0, 120.0)
        );
        assert_eq!((found.more_places, found.over_budget), (40.0, Some(true)));

        let extended = [site("a", Required, 41.0), site("b", Candidate, 40.0)];
        let found = cost(&before, &extended, None);
        assert_eq!(
            (found.places, found.more_places, found.over_budget),
            (10.0, 11.0, None)
        );

        let closed = [site("a", Closed, 30.0), site("b", Candidate, 40.0)];
        let found = cost(&before, &closed, Some(0.0));
        assert_eq!(
            (found.total, found.more_places, found.over_budget),
            (-20.0, -30.0, Some(false))
        );
    }
}
