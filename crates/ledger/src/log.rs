//! Appending to the log inside the transaction of what is recorded.
//! It never commits: the entry becomes durable together with the row it records, or not at all.

use crate::LedgerError;
use crate::facts::Facts;
use audit::{EntryKind, Tree};
use sqlx::SqliteConnection;

/// The log's tree as this connection sees it.
pub(crate) async fn tree(connection: &mut SqliteConnection) -> Result<Tree, LedgerError> {
    Ok(merkle_log::tree(connection).await?)
}

/// Appends an entry and returns its index.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    kind: EntryKind,
    at: i64,
    facts: Facts,
    body: &[u8],
) -> Result<i64, LedgerError> {
    Ok(merkle_log::append(connection, kind, at, facts, body).await?)
}

/// An unsigned number as SQLite stores it.
pub(crate) fn stored(number: u64) -> Result<i64, LedgerError> {
    Ok(merkle_log::stored(number)?)
}
