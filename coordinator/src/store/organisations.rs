//! Organisations and the keys they pinned when they joined.
//! Keys change only by joining again with a new token.

use crate::CoordinatorError;
use protocol::PublicKey;
use sqlx::SqliteConnection;

/// An organisation.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its identifier.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Whether it may call.
    pub revoked: bool,
    /// The keys, once joined.
    pub keys: Option<Keys>,
    /// SHA-256 of the policy it last said is in force, hex; empty before its first greeting.
    pub policy_hash: String,
    /// When it last called, Unix seconds.
    pub last_seen: Option<i64>,
}

/// Keys pinned at joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Signs answers and log checkpoints.
    pub node: PublicKey,
    /// Signs questions, where the organisation asks any.
    pub requester: Option<PublicKey>,
    /// Signs consents.
    pub dpo: PublicKey,
}

type Row = (
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

fn organisation(row: Row) -> Result<Organisation, CoordinatorError> {
    let (id, name, state, node, requester, dpo, policy_hash, last_seen) = row;
    let key = |text: &str| {
        PublicKey::from_hex(text).ok_or(CoordinatorError::Corrupt {
            what: "organisation's key",
        })
    };
    let keys = match (node, dpo) {
        (Some(node), Some(dpo)) => Some(Keys {
            node: key(&node)?,
            requester: requester.as_deref().map(key).transpose()?,
            dpo: key(&dpo)?,
        }),
        _ => None,
    };
    Ok(Organisation {
        id,
        name,
        revoked: state == "revoked",
        keys,
        policy_hash: policy_hash.unwrap_or_default(),
        last_seen,
    })
}

/// All organisations, by id.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn organisations(
    connection: &mut SqliteConnection,
) -> Result<Vec<Organisation>, CoordinatorError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, name, state, node_key, requester_key, dpo_key, policy_hash, last_seen FROM organisations ORDER BY id",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(organisation).collect()
}

/// One organisation.
pub async fn organisation_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Organisation>, CoordinatorError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, name, state, node_key, requester_key, dpo_key, policy_hash, last_seen FROM organisations WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(organisation).transpose()
}

/// Makes the organisation known, or renames it; a name that is not given leaves the present one.
pub async fn organisation_invite(
    connection: &mut SqliteConnection,
    id: &str,
    name: Option<&str>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO organisations (id, name, state) VALUES ($1, COALESCE($2, $1), 'invited') \
         ON CONFLICT (id) DO UPDATE SET name = COALESCE($2, organisations.name)",
    )
    .bind(id)
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Pins the keys of an organisation that joins and lets it call. Whether it may pin them is decided before.
pub async fn organisation_join(
    connection: &mut SqliteConnection,
    id: &str,
    keys: &Keys,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "UPDATE organisations SET state = 'active', node_key = $2, requester_key = $3, dpo_key = $4, joined_at = $5 \
         WHERE id = $1",
    )
    .bind(id)
    .bind(keys.node.to_string())
    .bind(keys.requester.map(|key| key.to_string()))
    .bind(keys.dpo.to_string())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Bars an organisation until it joins again. False where it is not known.
pub async fn organisation_revoke(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query("UPDATE organisations SET state = 'revoked' WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Remembers when the node called.
pub async fn organisation_seen(
    connection: &mut SqliteConnection,
    id: &str,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE organisations SET last_seen = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Remembers the policy the node says is in force.
pub async fn organisation_policy(
    connection: &mut SqliteConnection,
    id: &str,
    policy_hash: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE organisations SET policy_hash = $2 WHERE id = $1")
        .bind(id)
        .bind(policy_hash)
        .execute(connection)
        .await?;
    Ok(())
}
