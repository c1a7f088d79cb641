//! Planning on what is released: who reaches which offer, what an edit of the offer changes, where to open. All of it is
//! worked out from releases and forecasts with their known noise; nobody is asked and nothing is spent.
//!
//! `basis` says what is planned on, `tables` gathers it; `access`, `scenarios` and `plans` are what is made of it.

pub mod access;
pub mod basis;
pub mod plans;
pub mod scenarios;
pub mod tables;
pub mod travel_tables;
pub mod views;

use crate::clock::rfc3339;
use crate::store::accounts::{Account, Role};
use crate::store::log::{self, Entry};
use crate::{CoordinatorError, Problem};
use ::access::TravelSource;
use audit::EntryKind;
use serde_json::json;
use sqlx::SqliteConnection;
use tables::Tables;

/// Longest name given to a scenario, plan, table or view, in characters.
pub const LONGEST_NAME: usize = 120;
/// Longest note, in characters.
pub const LONGEST_NOTE: usize = 2_000;

/// Those who ask also plan; everybody who reads releases reads what is made of them.
fn may_plan(account: &Account) -> Result<(), Problem> {
    match account.role {
        Role::Analyst => Ok(()),
        _ => Err(Problem::Forbidden),
    }
}

/// What somebody made may be removed by them and by the administration.
fn may_remove(account: &Account, owner: &str) -> Result<(), Problem> {
    if account.name == owner || account.role == Role::Admin {
        Ok(())
    } else {
        Err(Problem::Forbidden)
    }
}

fn refused(path: impl Into<String>, code: &'static str, remedy: impl Into<String>) -> Problem {
    Problem::InvalidPlanning {
        path: path.into(),
        code,
        remedy: remedy.into(),
    }
}

fn checked_name(name: &str) -> Result<(), Problem> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(refused(
            "$.name",
            "invalid-name",
            format!("give a name of 1 to {LONGEST_NAME} printable characters"),
        ));
    }
    Ok(())
}

fn checked_note(note: &str) -> Result<(), Problem> {
    if note.chars().count() > LONGEST_NOTE {
        return Err(refused(
            "$.note",
            "too-long",
            format!("write at most {LONGEST_NOTE} characters"),
        ));
    }
    Ok(())
}

/// Records that releases were planned with: one entry for each, in the study it was asked in.
async fn record(
    connection: &mut SqliteConnection,
    account: &Account,
    tables: &Tables,
    code: &'static str,
    id: Option<&str>,
    now: i64,
) -> Result<(), CoordinatorError> {
    let entries = (tables.sources.iter())
        .filter_map(|source| {
            let mut entry = Entry::new(EntryKind::Reuse, code)
                .study(source.study.as_deref()?)
                .fact("release", source.release.as_deref()?)
                .fact("query-hash", source.query_hash.as_deref()?)
                .body(json!({ "account": account.name }));
            if let Some(id) = id {
                entry = entry.fact("made", id);
            }
            Some(entry)
        })
        .collect();
    log::append_all(connection, now, entries).await
}

fn told(at: i64) -> String {
    rfc3339(at)
}

/// A name under which a result shows where its travel comes from.
fn travel_json(source: &TravelSource) -> serde_json::Value {
    serde_json::to_value(source).unwrap_or_default()
}
