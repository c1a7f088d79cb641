//! Heads of nodes' logs that the coordinator has seen and cosigned.
//! The latest one is what a node's next head must extend; none is ever forgotten.

use super::stored;
use crate::CoordinatorError;
use audit::Hash;
use protocol::PublicKey;
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// A head that was cosigned.
#[derive(Clone, Debug)]
pub struct Witnessed {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// The node's signed checkpoint with the coordinator's cosignature.
    pub cosigned: String,
}

/// The latest head of the log an organisation's node signs with this key.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn checkpoint_latest(
    connection: &mut SqliteConnection,
    organisation: &str,
    node_key: &PublicKey,
) -> Result<Option<Witnessed>, CoordinatorError> {
    checkpoint_within(connection, organisation, node_key, i64::MAX.unsigned_abs()).await
}

/// The latest head of at most `size` entries.
pub async fn checkpoint_within(
    connection: &mut SqliteConnection,
    organisation: &str,
    node_key: &PublicKey,
    size: u64,
) -> Result<Option<Witnessed>, CoordinatorError> {
    let row: Option<(i64, Vec<u8>, String)> = sqlx::query_as(
        "SELECT size, root, cosigned FROM node_checkpoints WHERE organisation = $1 AND node_key = $2 AND size <= $3 \
         ORDER BY size DESC LIMIT 1",
    )
    .bind(organisation)
    .bind(node_key.to_string())
    .bind(i64::try_from(size).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    row.map(|(size, root, cosigned)| {
        let corrupt = CoordinatorError::Corrupt { what: "checkpoint" };
        match (u64::try_from(size), Hash::try_from(root)) {
            (Ok(size), Ok(root)) => Ok(Witnessed {
                size,
                root,
                cosigned,
            }),
            _ => Err(corrupt),
        }
    })
    .transpose()
}

/// Every cosigned head with its time and the key of its log, oldest first.
pub async fn checkpoints(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String, i64, String)>, CoordinatorError> {
    Ok(sqlx::query_as(
        "SELECT organisation, node_key, at, cosigned FROM node_checkpoints ORDER BY at, size",
    )
    .fetch_all(connection)
    .await?)
}

/// When each organisation's node last cosigned the coordinator's log.
pub async fn cosigned_last(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<String, i64>, CoordinatorError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT organisation, MAX(at) FROM log_cosignatures GROUP BY organisation")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Who cosigned a head of the coordinator's log.
#[derive(Clone, Copy, Debug)]
pub enum Cosigner<'a> {
    /// The node of this organisation.
    Node(&'a str),
    /// The further witness with this key.
    Witness(&'a str),
}

/// Stores a cosignature of a head of the coordinator's log; one that is there stays.
pub async fn cosignature_insert(
    connection: &mut SqliteConnection,
    by: Cosigner<'_>,
    size: u64,
    line: &str,
    now: i64,
) -> Result<(), CoordinatorError> {
    let (statement, name) = match by {
        Cosigner::Node(organisation) => (
            "INSERT INTO log_cosignatures (organisation, size, line, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (organisation, size) DO NOTHING",
            organisation,
        ),
        Cosigner::Witness(key) => (
            "INSERT INTO witness_cosignatures (witness, size, line, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (witness, size) DO NOTHING",
            key,
        ),
    };
    sqlx::query(statement)
        .bind(name)
        .bind(stored(size)?)
        .bind(line)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// The largest head of the coordinator's log that a further witness cosigned.
pub async fn witness_latest(
    connection: &mut SqliteConnection,
    witness: &str,
) -> Result<u64, CoordinatorError> {
    let (size,): (Option<i64>,) =
        sqlx::query_as("SELECT MAX(size) FROM witness_cosignatures WHERE witness = $1")
            .bind(witness)
            .fetch_one(connection)
            .await?;
    Ok(size.unwrap_or_default().unsigned_abs())
}

/// The keys of the further witnesses that ever cosigned.
pub async fn witnesses(connection: &mut SqliteConnection) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT DISTINCT witness FROM witness_cosignatures ORDER BY witness")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

/// Every cosignature of a head of the coordinator's log, by nodes and further witnesses: size, time, line; smallest first.
pub async fn cosignatures(
    connection: &mut SqliteConnection,
) -> Result<Vec<(u64, i64, String)>, CoordinatorError> {
    let rows: Vec<(i64, i64, String)> =
        sqlx::query_as(
            "SELECT size, at, line FROM (SELECT size, at, line, organisation AS signer FROM log_cosignatures \
             UNION ALL SELECT size, at, line, witness FROM witness_cosignatures) AS lines ORDER BY size, signer",
        )
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(size, at, line)| (size.unsigned_abs(), at, line))
        .collect())
}

/// The latest cosignature of each organisation and each further witness on a head of at least `size` entries: size of the head, line.
pub async fn latest_cosignatures(
    connection: &mut SqliteConnection,
    size: u64,
) -> Result<Vec<(u64, String)>, CoordinatorError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT size, line FROM (\
         SELECT log_cosignatures.size, log_cosignatures.line, log_cosignatures.organisation AS signer FROM log_cosignatures \
         JOIN (SELECT organisation, MAX(size) AS size FROM log_cosignatures GROUP BY organisation) AS latest \
         ON latest.organisation = log_cosignatures.organisation AND latest.size = log_cosignatures.size \
         UNION ALL SELECT witness_cosignatures.size, witness_cosignatures.line, witness_cosignatures.witness FROM witness_cosignatures \
         JOIN (SELECT witness, MAX(size) AS size FROM witness_cosignatures GROUP BY witness) AS last \
         ON last.witness = witness_cosignatures.witness AND last.size = witness_cosignatures.size) AS lines \
         WHERE size >= $1 ORDER BY size DESC, signer",
    )
    .bind(stored(size)?)
    .fetch_all(connection)
    .await?;
    Ok((rows.into_iter())
        .map(|(size, line)| (size.unsigned_abs(), line))
        .collect())
}

/// Stores a cosigned head.
pub async fn checkpoint_insert(
    connection: &mut SqliteConnection,
    organisation: &str,
    node_key: &PublicKey,
    witnessed: &Witnessed,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO node_checkpoints (organisation, node_key, size, root, cosigned, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(organisation)
    .bind(node_key.to_string())
    .bind(stored(witnessed.size)?)
    .bind(&witnessed.root[..])
    .bind(&witnessed.cosigned)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
