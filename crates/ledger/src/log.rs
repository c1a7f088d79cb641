//! Appending to the log inside the transaction of what is recorded.
//! It never commits: the entry becomes durable together with the row it records, or not at all.

use crate::LedgerError;
use crate::facts::Facts;
use audit::{EntryKind, Hash, Header, LEAF_VERSION, Tree, body_hash, leaf_hash_of};
use ring::rand::{SecureRandom, SystemRandom};
use sqlx::SqliteConnection;

/// The log's tree as this connection sees it.
pub(crate) async fn tree(connection: &mut SqliteConnection) -> Result<Tree, LedgerError> {
    let corrupt = || LedgerError::Corrupt { what: "tree state" };
    let row: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT size, frontier FROM tree WHERE id = 1")
            .fetch_optional(connection)
            .await?;
    let (size, frontier) = row.ok_or_else(corrupt)?;
    let size = u64::try_from(size).map_err(|_| corrupt())?;
    Ok(Tree::from_parts(size, &frontier)?)
}

/// All leaf hashes below `size`, in order.
pub(crate) async fn leaves(
    connection: &mut SqliteConnection,
    size: u64,
) -> Result<Vec<Hash>, LedgerError> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT leaf_hash FROM entries WHERE entry_index < $1 ORDER BY entry_index")
            .bind(stored(size)?)
            .fetch_all(connection)
            .await?;
    if rows.len() as u64 != size {
        return Err(audit::AuditError::OutOfRange.into());
    }
    rows.into_iter()
        .map(|(hash,)| {
            hash.try_into()
                .map_err(|_| LedgerError::Corrupt { what: "leaf hash" })
        })
        .collect()
}

/// Appends an entry and returns its index.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    kind: EntryKind,
    at: i64,
    facts: Facts,
    body: &[u8],
) -> Result<i64, LedgerError> {
    let mut tree = tree(&mut *connection).await?;
    let index = stored(tree.size())?;
    let header = Header {
        at,
        facts,
        index: tree.size(),
        kind,
        version: LEAF_VERSION,
    }
    .canonical();
    let mut salt = [0; 32];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| LedgerError::NoRandomness)?;
    let body_hash = body_hash(&salt, body);
    let leaf_hash = leaf_hash_of(&header, &body_hash);
    tree.append(leaf_hash);

    sqlx::query(
        "INSERT INTO entries (entry_index, kind, at, header, body_hash, leaf_hash) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(index)
    .bind(kind.as_str())
    .bind(at)
    .bind(header)
    .bind(&body_hash[..])
    .bind(&leaf_hash[..])
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO bodies (entry_index, salt, body) VALUES ($1, $2, $3)")
        .bind(index)
        .bind(&salt[..])
        .bind(body)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE tree SET size = $1, frontier = $2 WHERE id = 1")
        .bind(stored(tree.size())?)
        .bind(tree.frontier_bytes())
        .execute(&mut *connection)
        .await?;
    Ok(index)
}

/// An unsigned number as SQLite stores it.
pub(crate) fn stored(number: u64) -> Result<i64, LedgerError> {
    i64::try_from(number).map_err(|_| audit::AuditError::OutOfRange.into())
}
