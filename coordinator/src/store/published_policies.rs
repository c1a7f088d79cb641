//! Policies as nodes published them, each with the node's signature, and once for each that it replaced.
//! They are for people to read; what a node decides follows from its own log.

use crate::CoordinatorError;
use protocol::{Envelope, PolicyPublication, VerifiedPolicyPublication};
use sqlx::SqliteConnection;

/// A stored policy.
#[derive(Clone, Debug)]
pub struct PublishedPolicy {
    /// The organisation.
    pub organisation: String,
    /// SHA-256 of the document, hex.
    pub hash: String,
    /// The policy it replaced, hex; empty where it was installed with the node.
    pub replaces: String,
    /// Why it replaced that one; empty where it was installed.
    pub reason: String,
    /// The act that brought it into force, as officers signed it; absent where it was installed.
    pub act: Option<Envelope>,
    /// The document.
    pub document: String,
    /// When officers signed it, or the node published it, Unix seconds.
    pub signed_at: i64,
    /// When it came here, Unix seconds.
    pub received_at: i64,
}

type Row = (String, String, String, String, String, String, i64, i64);

fn policy(row: Row) -> Result<PublishedPolicy, CoordinatorError> {
    let (organisation, hash, replaces, reason, document, envelope, signed_at, received_at) = row;
    let envelope: Envelope = serde_json::from_str(&envelope)?;
    // The node's signature was checked when it came in, with the key that the node had then.
    let payload =
        (envelope.unverified_payload()).ok_or(CoordinatorError::Corrupt { what: "policy" })?;
    let publication: PolicyPublication = serde_json::from_slice(&payload)?;
    Ok(PublishedPolicy {
        organisation,
        hash,
        replaces,
        reason,
        act: publication.policy.act().cloned(),
        document,
        signed_at,
        received_at,
    })
}

/// Policies of one organisation or of all, by organisation, in the order in which they came here.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn policies(
    connection: &mut SqliteConnection,
    organisation: Option<&str>,
) -> Result<Vec<PublishedPolicy>, CoordinatorError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT organisation, policy_hash, replaces, reason, document, envelope, signed_at, received_at FROM policies \
         WHERE $1 IS NULL OR organisation = $1 ORDER BY organisation, received_at, rowid",
    )
    .bind(organisation)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(policy).collect()
}

/// Of the policies of one organisation, the hash of each and of one that it replaced.
pub async fn policy_links(
    connection: &mut SqliteConnection,
    organisation: &str,
) -> Result<Vec<(String, String)>, CoordinatorError> {
    let rows = sqlx::query_as("SELECT policy_hash, replaces FROM policies WHERE organisation = $1")
        .bind(organisation)
        .fetch_all(connection)
        .await?;
    Ok(rows)
}

/// How many policies of one organisation came here after that time, each counted once for each that it replaced.
pub async fn count_since(
    connection: &mut SqliteConnection,
    organisation: &str,
    since: i64,
) -> Result<usize, CoordinatorError> {
    let (count,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM policies WHERE organisation = $1 AND received_at > $2",
    )
    .bind(organisation)
    .bind(since)
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// One policy, as it came here first.
pub async fn policy_by_hash(
    connection: &mut SqliteConnection,
    organisation: &str,
    hash: &str,
) -> Result<Option<PublishedPolicy>, CoordinatorError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT organisation, policy_hash, replaces, reason, document, envelope, signed_at, received_at FROM policies \
         WHERE organisation = $1 AND policy_hash = $2 ORDER BY received_at, rowid LIMIT 1",
    )
    .bind(organisation)
    .bind(hash)
    .fetch_optional(connection)
    .await?;
    row.map(policy).transpose()
}

/// Stores a policy; returns whether it is new, or is known but not as what replaced that one.
pub async fn policy_insert(
    connection: &mut SqliteConnection,
    organisation: &str,
    publication: &VerifiedPolicyPublication,
    envelope: &Envelope,
    now: i64,
) -> Result<bool, CoordinatorError> {
    let act = publication.act();
    let done = sqlx::query(
        "INSERT INTO policies (organisation, policy_hash, replaces, reason, document, envelope, signed_at, received_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (organisation, policy_hash, replaces) DO NOTHING",
    )
    .bind(organisation)
    .bind(publication.policy_hash())
    .bind(act.map_or("", |act| act.replaces.as_str()))
    .bind(act.map_or("", |act| act.reason.as_str()))
    .bind(publication.document())
    .bind(serde_json::to_string(envelope)?)
    .bind(act.map_or(publication.published_at(), |act| act.signed_at))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
