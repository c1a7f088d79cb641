//! Saved views: an address of the website with its filters, a title and a note. Reports print them with what is behind
//! them; a view holds no number itself.

use super::{checked_name, checked_note, may_remove, refused, told};
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::planning::{self as kept, StoredView};
use crate::{CoordinatorError, Problem, secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most views of one account.
pub const MOST: usize = 200;
/// Longest address, in bytes.
const LONGEST: usize = 1_000;

/// A view to be saved.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewWanted {
    /// Its title.
    pub name: String,
    /// What is to be seen in it, in words.
    #[serde(default)]
    pub note: String,
    /// Path and search part of the page, such as `/explore/0f…?target=minors`.
    pub address: String,
}

/// A saved view.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SavedView {
    /// Its identifier.
    pub id: String,
    /// Who saved it.
    pub owner: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// Its title.
    pub name: String,
    /// What is to be seen in it.
    pub note: String,
    /// Path and search part of the page.
    pub address: String,
}

/// Saves a view; its identifier. Every account that reads may keep what it reads.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn save(app: &State, account: &Account, wanted: &ViewWanted) -> Result<String, Problem> {
    checked_name(&wanted.name)?;
    checked_note(&wanted.note)?;
    // A path of this site and nothing that a browser takes for another one.
    let address = wanted.address.as_str();
    let is_path = address.starts_with('/')
        && !address.starts_with("//")
        && !address.starts_with("/api/")
        && address.len() <= LONGEST
        && address
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !is_path {
        return Err(refused(
            "$.address",
            "invalid-address",
            format!("write the path of a page of this site, of at most {LONGEST} characters"),
        ));
    }
    let id = secret::identifier()?;
    let mut transaction = app.database.write().await?;
    let all = kept::views(&mut transaction).await?;
    if all.iter().filter(|view| view.owner == account.name).count() >= MOST {
        return Err(refused(
            "$",
            "too-many",
            format!("an account keeps at most {MOST} views; remove one"),
        ));
    }
    let view = StoredView {
        id: id.clone(),
        name: wanted.name.clone(),
        note: wanted.note.clone(),
        address: wanted.address.clone(),
        owner: account.name.clone(),
        created_at: app.clock.now(),
    };
    kept::view_insert(&mut transaction, &view).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(id)
}

/// All saved views, newest first.
///
/// # Errors
/// [`Problem`].
pub async fn list(app: &State) -> Result<Vec<SavedView>, Problem> {
    let mut reader = app.database.read().await?;
    let views = kept::views(&mut reader).await?.into_iter();
    Ok(views.map(read).collect())
}

/// Removes a view.
///
/// # Errors
/// [`Problem`].
pub async fn remove(app: &State, account: &Account, id: &str) -> Result<(), Problem> {
    let mut transaction = app.database.write().await?;
    let owner = (kept::views(&mut transaction).await?.into_iter())
        .find(|view| view.id == id)
        .ok_or(Problem::NotFound)?
        .owner;
    may_remove(account, &owner)?;
    kept::view_delete(&mut transaction, id).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(())
}

fn read(stored: StoredView) -> SavedView {
    SavedView {
        id: stored.id,
        owner: stored.owner,
        created_at: told(stored.created_at),
        name: stored.name,
        note: stored.note,
        address: stored.address,
    }
}
