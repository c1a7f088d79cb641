//! Uploaded tables of travel: origins, destinations, minutes, and modes where there are several. They are checked when
//! they come and kept as they came, so that a result can name them.

use super::{LONGEST_NAME, may_plan, may_remove, refused, told};
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::planning::{self as kept, NewTravelTable};
use crate::{CoordinatorError, Problem, secret};
use optimise::{Cost, table};
use serde::Serialize;
use utoipa::ToSchema;

/// Largest table, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;
/// Most tables of one account.
pub const MOST: usize = 20;

/// An uploaded table.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TravelTableView {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who uploaded it.
    pub owner: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// Rows in it.
    pub pairs: usize,
    /// Its modes, where it names any.
    pub modes: Vec<String>,
}

/// Reads and keeps a table; its identifier.
///
/// # Errors
/// [`Problem`], naming line and column with the remedy.
pub async fn upload(
    app: &State,
    account: &Account,
    name: &str,
    csv: &str,
) -> Result<String, Problem> {
    may_plan(account)?;
    let length = name.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) || name.chars().any(char::is_control) {
        return Err(refused(
            "name",
            "invalid-name",
            format!("give a name of 1 to {LONGEST_NAME} printable characters"),
        ));
    }
    let unreadable = |error: table::TableError| refused("$", "unreadable-table", error.to_string());
    let pairs = table::costs(csv.as_bytes(), name, None, None).map_err(unreadable)?;
    if pairs.is_empty() {
        return Err(refused(
            "$",
            "unreadable-table",
            "the table has no row; write from_id,to_id,minutes and a row for each pair",
        ));
    }
    let modes: Vec<String> = table::modes(csv.as_bytes()).into_iter().collect();
    let id = secret::identifier()?;
    let mut transaction = app.database.write().await?;
    let of_account = (kept::travel_tables(&mut transaction).await?.iter())
        .filter(|table| table.owner == account.name)
        .count();
    if of_account >= MOST {
        return Err(refused(
            "$",
            "too-many",
            format!("an account keeps at most {MOST} tables; remove one"),
        ));
    }
    let table = NewTravelTable {
        id: &id,
        name,
        owner: &account.name,
        created_at: app.clock.now(),
        pairs: pairs.len(),
        modes: &serde_json::to_string(&modes).map_err(CoordinatorError::from)?,
        csv,
    };
    kept::travel_table_insert(&mut transaction, &table).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(id)
}

/// All tables, newest first.
///
/// # Errors
/// [`Problem`].
pub async fn list(app: &State) -> Result<Vec<TravelTableView>, Problem> {
    let mut reader = app.database.read().await?;
    let tables = kept::travel_tables(&mut reader).await?;
    (tables.into_iter())
        .map(|table| {
            Ok(TravelTableView {
                id: table.id,
                name: table.name,
                owner: table.owner,
                created_at: told(table.created_at),
                pairs: table.pairs,
                modes: serde_json::from_str(&table.modes)?,
            })
        })
        .collect()
}

/// Removes a table; results made with it keep its name.
///
/// # Errors
/// [`Problem`].
pub async fn remove(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    let mut transaction = app.database.write().await?;
    let owner = (kept::travel_tables(&mut transaction).await?.into_iter())
        .find(|table| table.id == id)
        .ok_or(Problem::NotFound)?
        .owner;
    may_remove(account, &owner)?;
    kept::travel_table_delete(&mut transaction, id).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(())
}

/// The name and pairs of a table, of one mode where it has several.
pub(super) async fn costs(
    app: &State,
    id: &str,
    mode: Option<&str>,
) -> Result<(String, Vec<Cost>), Problem> {
    let mut reader = app.database.read().await?;
    let found = kept::travel_table_csv(&mut reader, id).await?;
    let (name, csv) = found.ok_or_else(|| {
        refused(
            "$.basis.travel.table",
            "unknown-table",
            "there is no such table; upload it, or travel as the crow flies",
        )
    })?;
    let modes = table::modes(csv.as_bytes());
    let fits = match mode {
        None => modes.len() <= 1,
        Some(mode) => modes.contains(mode),
    };
    if !fits {
        let known: Vec<String> = modes.into_iter().collect();
        return Err(refused(
            "$.basis.travel.mode",
            "unknown-mode",
            format!("name one of the table's modes: {}", known.join(", ")),
        ));
    }
    let costs = table::costs(csv.as_bytes(), &name, mode, None)
        .map_err(|error| refused("$.basis.travel", "unreadable-table", error.to_string()))?;
    Ok((name, costs))
}
