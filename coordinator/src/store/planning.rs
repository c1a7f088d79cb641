//! What is planned on releases: scenarios, plans, tables of travel, saved views. JSON is kept as it was written; none of
//! it is evidence, so it may be removed.

use super::stored;
use super::visible::Sealed;
use crate::CoordinatorError;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

/// A scenario to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewScenario<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Name.
    pub name: &'a str,
    /// Name of the account.
    pub owner: &'a str,
    /// What it was forked from.
    pub parent: Option<&'a str>,
    /// Unix seconds.
    pub created_at: i64,
    /// As it was written, JSON.
    pub wanted: &'a str,
    /// What it changes, JSON.
    pub result: &'a str,
}

/// A stored scenario.
#[derive(Clone, Debug)]
pub struct StoredScenario {
    /// Identifier.
    pub id: String,
    /// Name of the account.
    pub owner: String,
    /// Unix seconds.
    pub created_at: i64,
    /// As it was written, JSON.
    pub wanted: String,
    /// What it changes, JSON.
    pub result: String,
}

impl FromRow<'_, SqliteRow> for StoredScenario {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            owner: row.try_get("owner")?,
            created_at: row.try_get("created_at")?,
            wanted: row.try_get("wanted")?,
            result: row.try_get("result")?,
        })
    }
}

/// Stores a scenario.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn scenario_insert(
    connection: &mut SqliteConnection,
    scenario: &NewScenario<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO scenarios (id, name, owner, parent, created_at, wanted, result) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(scenario.id)
    .bind(scenario.name)
    .bind(scenario.owner)
    .bind(scenario.parent)
    .bind(scenario.created_at)
    .bind(scenario.wanted)
    .bind(scenario.result)
    .execute(connection)
    .await?;
    Ok(())
}

/// All scenarios, newest first.
pub async fn scenarios(
    connection: &mut SqliteConnection,
) -> Result<Vec<Sealed<StoredScenario>>, CoordinatorError> {
    let rows: Vec<StoredScenario> = sqlx::query_as(
        "SELECT id, owner, created_at, wanted, result FROM scenarios \
         ORDER BY created_at DESC, rowid DESC LIMIT 500",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(sealed_scenario).collect()
}

/// A scenario.
pub async fn scenario(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Sealed<StoredScenario>>, CoordinatorError> {
    let row: Option<StoredScenario> =
        sqlx::query_as("SELECT id, owner, created_at, wanted, result FROM scenarios WHERE id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    row.map(sealed_scenario).transpose()
}

fn sealed_scenario(scenario: StoredScenario) -> Result<Sealed<StoredScenario>, CoordinatorError> {
    let result: serde_json::Value = serde_json::from_str(&scenario.result)?;
    Sealed::of_sources(&result["sources"], scenario)
}

/// Whose a scenario is.
pub async fn scenario_owner(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<String>, CoordinatorError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT owner FROM scenarios WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(owner,)| owner))
}

/// How many scenarios an account keeps.
pub async fn scenarios_of(
    connection: &mut SqliteConnection,
    owner: &str,
) -> Result<usize, CoordinatorError> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM scenarios WHERE owner = $1")
        .bind(owner)
        .fetch_one(connection)
        .await?;
    counted(count)
}

/// Removes a scenario.
pub async fn scenario_delete(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM scenarios WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// A plan that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewPlan<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Name.
    pub name: &'a str,
    /// Name of the account.
    pub owner: &'a str,
    /// Unix seconds.
    pub created_at: i64,
    /// As it was written, JSON.
    pub wanted: &'a str,
    /// What it is worked out of, JSON.
    pub inputs: &'a str,
    /// How far it is.
    pub state: &'a str,
}

/// A stored plan.
#[derive(Clone, Debug)]
pub struct StoredPlan {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name of the account.
    pub owner: String,
    /// Unix seconds.
    pub created_at: i64,
    /// As it was written, JSON.
    pub wanted: String,
    /// What it is worked out of, JSON.
    pub inputs: String,
    /// How far it is.
    pub state: String,
    /// Unix seconds.
    pub finished_at: Option<i64>,
    /// The plan, JSON.
    pub plan: Option<String>,
    /// Why there is none.
    pub failure: Option<String>,
}

impl FromRow<'_, SqliteRow> for StoredPlan {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            owner: row.try_get("owner")?,
            created_at: row.try_get("created_at")?,
            wanted: row.try_get("wanted")?,
            inputs: row.try_get("inputs")?,
            state: row.try_get("state")?,
            finished_at: row.try_get("finished_at")?,
            plan: row.try_get("plan")?,
            failure: row.try_get("failure")?,
        })
    }
}

/// Stores a plan that begins.
pub async fn plan_insert(
    connection: &mut SqliteConnection,
    plan: &NewPlan<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO plans (id, name, owner, created_at, wanted, inputs, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(plan.id)
    .bind(plan.name)
    .bind(plan.owner)
    .bind(plan.created_at)
    .bind(plan.wanted)
    .bind(plan.inputs)
    .bind(plan.state)
    .execute(connection)
    .await?;
    Ok(())
}

/// How a plan ended.
#[derive(Clone, Copy, Debug)]
pub struct PlanEnd<'a> {
    /// Its state.
    pub state: &'a str,
    /// Unix seconds.
    pub at: i64,
    /// The plan, JSON.
    pub plan: Option<&'a str>,
    /// Why there is none.
    pub failure: Option<&'a str>,
}

/// Stores how a plan ended.
pub async fn plan_end(
    connection: &mut SqliteConnection,
    id: &str,
    end: &PlanEnd<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "UPDATE plans SET state = $1, finished_at = $2, plan = $3, failure = $4 WHERE id = $5",
    )
    .bind(end.state)
    .bind(end.at)
    .bind(end.plan)
    .bind(end.failure)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// A plan.
pub async fn plan(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Sealed<StoredPlan>>, CoordinatorError> {
    let row: Option<StoredPlan> = sqlx::query_as(
        "SELECT id, name, owner, created_at, wanted, inputs, state, finished_at, plan, failure \
         FROM plans WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(|plan| {
        let inputs: serde_json::Value = serde_json::from_str(&plan.inputs)?;
        Sealed::of_sources(&inputs["sources"], plan)
    })
    .transpose()
}

/// Whose a plan is.
pub async fn plan_owner(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<String>, CoordinatorError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT owner FROM plans WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(owner,)| owner))
}

/// All plans, newest first; of the inputs of each, the sources only.
pub async fn plans(
    connection: &mut SqliteConnection,
) -> Result<Vec<Sealed<StoredPlan>>, CoordinatorError> {
    let rows: Vec<StoredPlan> = sqlx::query_as(
        "SELECT id, name, owner, created_at, wanted, json_extract(inputs, '$.sources') AS inputs, state, finished_at, plan, failure \
         FROM plans ORDER BY created_at DESC, rowid DESC LIMIT 500",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|plan| Sealed::of_sources(&serde_json::from_str(&plan.inputs)?, plan))
        .collect()
}

/// How many plans an account keeps.
pub async fn plans_of(
    connection: &mut SqliteConnection,
    owner: &str,
) -> Result<usize, CoordinatorError> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM plans WHERE owner = $1")
        .bind(owner)
        .fetch_one(connection)
        .await?;
    counted(count)
}

/// Removes a plan.
pub async fn plan_delete(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM plans WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// A table of travel to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewTravelTable<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Name.
    pub name: &'a str,
    /// Name of the account.
    pub owner: &'a str,
    /// Unix seconds.
    pub created_at: i64,
    /// Rows in it.
    pub pairs: usize,
    /// Its modes, JSON.
    pub modes: &'a str,
    /// The table as it came.
    pub csv: &'a str,
}

/// What is known of a stored table of travel.
#[derive(Clone, Debug)]
pub struct StoredTravelTable {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name of the account.
    pub owner: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Rows in it.
    pub pairs: usize,
    /// Its modes, JSON.
    pub modes: String,
}

/// Stores a table of travel.
pub async fn travel_table_insert(
    connection: &mut SqliteConnection,
    table: &NewTravelTable<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO travel_tables (id, name, owner, created_at, pairs, modes, csv) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(table.id)
    .bind(table.name)
    .bind(table.owner)
    .bind(table.created_at)
    .bind(stored(table.pairs as u64)?)
    .bind(table.modes)
    .bind(table.csv)
    .execute(connection)
    .await?;
    Ok(())
}

/// All tables of travel, newest first.
pub async fn travel_tables(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredTravelTable>, CoordinatorError> {
    let rows: Vec<(String, String, String, i64, i64, String)> = sqlx::query_as(
        "SELECT id, name, owner, created_at, pairs, modes FROM travel_tables \
         ORDER BY created_at DESC, rowid DESC",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, name, owner, created_at, pairs, modes)| {
            Ok(StoredTravelTable {
                id,
                name,
                owner,
                created_at,
                pairs: counted(pairs)?,
                modes,
            })
        })
        .collect()
}

/// The name and text of a table of travel.
pub async fn travel_table_csv(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<(String, String)>, CoordinatorError> {
    Ok(
        sqlx::query_as("SELECT name, csv FROM travel_tables WHERE id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?,
    )
}

/// Removes a table of travel.
pub async fn travel_table_delete(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM travel_tables WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// A saved view.
#[derive(Clone, Debug)]
pub struct StoredView {
    /// Identifier.
    pub id: String,
    /// Title.
    pub name: String,
    /// What is to be seen in it.
    pub note: String,
    /// Path and search part of the page.
    pub address: String,
    /// Name of the account.
    pub owner: String,
    /// Unix seconds.
    pub created_at: i64,
}

impl FromRow<'_, SqliteRow> for StoredView {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            note: row.try_get("note")?,
            address: row.try_get("address")?,
            owner: row.try_get("owner")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Stores a view.
pub async fn view_insert(
    connection: &mut SqliteConnection,
    view: &StoredView,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO saved_views (id, name, note, address, owner, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&view.id)
    .bind(&view.name)
    .bind(&view.note)
    .bind(&view.address)
    .bind(&view.owner)
    .bind(view.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// All saved views, newest first.
pub async fn views(connection: &mut SqliteConnection) -> Result<Vec<StoredView>, CoordinatorError> {
    Ok(sqlx::query_as(
        "SELECT id, name, note, address, owner, created_at FROM saved_views \
         ORDER BY created_at DESC, rowid DESC",
    )
    .fetch_all(connection)
    .await?)
}

/// Removes a view.
pub async fn view_delete(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM saved_views WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

fn counted(count: i64) -> Result<usize, CoordinatorError> {
    usize::try_from(count).map_err(|_| CoordinatorError::Corrupt { what: "number" })
}
