//! The log's head, its roots of the past and its proofs, each from a few stored subtrees.
//! It trusts the table `subtrees`; whoever verifies the log compares that table with the leaves.

use crate::{LogError, stored};
use audit::{AuditError, Hash, ProofPlan, Subtree, Tree, inner_subtrees};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// The tree as this connection sees it.
///
/// # Errors
/// [`LogError::Corrupt`] for a row that was not written here.
pub async fn tree(connection: &mut SqliteConnection) -> Result<Tree, LogError> {
    let corrupt = || LogError::Corrupt { what: "tree state" };
    let row: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT size, frontier FROM tree WHERE id = 1")
            .fetch_optional(connection)
            .await?;
    let (size, frontier) = row.ok_or_else(corrupt)?;
    let size = u64::try_from(size).map_err(|_| corrupt())?;
    Ok(Tree::from_parts(size, &frontier)?)
}

/// All leaf hashes below `size`, in order.
///
/// # Errors
/// [`LogError::Audit`] if the log is shorter.
pub async fn leaves(connection: &mut SqliteConnection, size: u64) -> Result<Vec<Hash>, LogError> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT leaf_hash FROM entries WHERE entry_index < $1 ORDER BY entry_index")
            .bind(stored(size)?)
            .fetch_all(connection)
            .await?;
    if rows.len() as u64 != size {
        return Err(AuditError::OutOfRange.into());
    }
    rows.into_iter().map(|(hash,)| as_hash(hash)).collect()
}

/// The root the log had when it held `size` entries.
///
/// # Errors
/// [`LogError::Audit`] if it is shorter.
pub async fn root_at(connection: &mut SqliteConnection, size: u64) -> Result<Hash, LogError> {
    let hashes = resolve(connection, &ProofPlan::root(size)).await?;
    hashes
        .first()
        .copied()
        .ok_or(LogError::Audit(AuditError::OutOfRange))
}

/// Proof that the log of `to` entries extends that of `from`.
///
/// # Errors
/// [`LogError::Audit`] if the log is shorter or the sizes are the wrong way round.
pub async fn consistency(
    connection: &mut SqliteConnection,
    from: u64,
    to: u64,
) -> Result<Vec<Hash>, LogError> {
    ensure_holds(connection, to).await?;
    resolve(connection, &ProofPlan::consistency(from, to)?).await
}

/// Proof that entry `index` is in the log of `size` entries.
///
/// # Errors
/// [`LogError::Audit`] if the log is shorter or has no such entry.
pub async fn inclusion(
    connection: &mut SqliteConnection,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, LogError> {
    ensure_holds(connection, size).await?;
    resolve(connection, &ProofPlan::inclusion(index, size)?).await
}

/// Adds the subtrees that are not stored yet: those of a log from before they were. Costs nothing where all are.
///
/// # Errors
/// [`LogError`]; the transaction must then be dropped.
pub async fn fill_subtrees(connection: &mut SqliteConnection) -> Result<(), LogError> {
    let size = tree(&mut *connection).await?.size();
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM subtrees")
        .fetch_one(&mut *connection)
        .await?;
    if count >= stored(inner_subtrees(size))? {
        return Ok(());
    }
    let mut grown = Tree::default();
    for leaf in leaves(&mut *connection, size).await? {
        for (subtree, hash) in grown.grow(leaf) {
            store(&mut *connection, subtree, &hash).await?;
        }
    }
    Ok(())
}

/// Every stored subtree, for a verifier to compare with the leaves.
///
/// # Errors
/// [`LogError::Corrupt`] for a row that was not written here.
pub async fn stored_subtrees(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<Subtree, Hash>, LogError> {
    let rows: Vec<(i64, i64, Vec<u8>)> =
        sqlx::query_as("SELECT level, position, hash FROM subtrees")
            .fetch_all(connection)
            .await?;
    let corrupt = || LogError::Corrupt { what: "subtree" };
    rows.into_iter()
        .map(|(level, position, hash)| {
            let subtree = Subtree {
                level: u8::try_from(level).map_err(|_| corrupt())?,
                position: u64::try_from(position).map_err(|_| corrupt())?,
            };
            Ok((subtree, as_hash(hash)?))
        })
        .collect()
}

/// Stores a completed subtree; one that is stored stays as it is.
pub(crate) async fn store(
    connection: &mut SqliteConnection,
    subtree: Subtree,
    hash: &Hash,
) -> Result<(), LogError> {
    sqlx::query(
        "INSERT INTO subtrees (level, position, hash) VALUES ($1, $2, $3) ON CONFLICT (level, position) DO NOTHING",
    )
    .bind(i64::from(subtree.level))
    .bind(stored(subtree.position)?)
    .bind(&hash[..])
    .execute(connection)
    .await?;
    Ok(())
}

async fn ensure_holds(connection: &mut SqliteConnection, size: u64) -> Result<(), LogError> {
    if size <= tree(connection).await?.size() {
        Ok(())
    } else {
        Err(AuditError::OutOfRange.into())
    }
}

async fn resolve(
    connection: &mut SqliteConnection,
    plan: &ProofPlan,
) -> Result<Vec<Hash>, LogError> {
    let mut hashes = BTreeMap::new();
    for subtree in plan.subtrees() {
        let position = stored(subtree.position)?;
        let row: Option<(Vec<u8>,)> = match subtree.level {
            0 => {
                sqlx::query_as("SELECT leaf_hash FROM entries WHERE entry_index = $1")
                    .bind(position)
                    .fetch_optional(&mut *connection)
                    .await?
            }
            level => {
                sqlx::query_as("SELECT hash FROM subtrees WHERE level = $1 AND position = $2")
                    .bind(i64::from(level))
                    .bind(position)
                    .fetch_optional(&mut *connection)
                    .await?
            }
        };
        if let Some((hash,)) = row {
            hashes.insert(subtree, as_hash(hash)?);
        }
    }
    Ok(plan.resolve(|subtree| hashes.get(&subtree).copied())?)
}

pub(crate) fn as_hash(bytes: Vec<u8>) -> Result<Hash, LogError> {
    bytes
        .try_into()
        .map_err(|_| LogError::Corrupt { what: "hash" })
}
