//! Questions that were asked and how far each has come.
//! States only move forward: signing, collecting, then released, expired or refused.

use crate::CoordinatorError;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use utoipa::ToSchema;

/// How far a query has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueryState {
    /// The requester's node has yet to sign.
    Signing,
    /// Nodes are being asked.
    Collecting,
    /// There is a release.
    Released,
    /// Time ran out without an answer.
    Expired,
    /// The requester's node or every node asked refused.
    Refused,
}

impl QueryState {
    /// All states, in order.
    pub const ALL: [QueryState; 5] = [
        QueryState::Signing,
        QueryState::Collecting,
        QueryState::Released,
        QueryState::Expired,
        QueryState::Refused,
    ];

    /// The identifier.
    pub fn id(self) -> &'static str {
        match self {
            QueryState::Signing => "signing",
            QueryState::Collecting => "collecting",
            QueryState::Released => "released",
            QueryState::Expired => "expired",
            QueryState::Refused => "refused",
        }
    }

    /// Whether nothing more will happen to it.
    pub fn is_final(self) -> bool {
        !matches!(self, QueryState::Signing | QueryState::Collecting)
    }

    pub(super) fn from_stored(text: &str) -> Result<QueryState, CoordinatorError> {
        QueryState::ALL
            .into_iter()
            .find(|state| state.id() == text)
            .ok_or(CoordinatorError::Corrupt {
                what: "query state",
            })
    }
}

/// A participant of the study that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unasked {
    /// The organisation.
    pub organisation: String,
    /// `not-joined`, `not-countersigned`, `revoked`, or `never-connected`.
    pub reason: String,
}

/// A stored query.
#[derive(Clone, Debug)]
pub struct StoredQuery {
    /// Identifier.
    pub id: String,
    /// The study.
    pub study: String,
    /// The organisation whose node signs.
    pub requester: String,
    /// The canonical question.
    pub query: String,
    /// Its hash, hex.
    pub query_hash: String,
    /// Name of the account that asked.
    pub asked_by: String,
    /// When, Unix seconds.
    pub asked_at: i64,
    /// First second at which it is no longer open.
    pub expires_at: i64,
    /// How far it has come.
    pub state: QueryState,
    /// Who could not be asked.
    pub unasked: Vec<Unasked>,
    /// Why the requester's node did not sign: field and code.
    pub declined: Option<(String, String)>,
    /// Its release.
    pub release: Option<String>,
}

/// A query to be stored, in state `signing`.
#[derive(Clone, Debug)]
pub struct NewQuery<'a> {
    /// Identifier.
    pub id: &'a str,
    /// The study.
    pub study: &'a str,
    /// The organisation whose node signs.
    pub requester: &'a str,
    /// The canonical question.
    pub query: &'a str,
    /// Its hash, hex.
    pub query_hash: &'a str,
    /// The account that asks.
    pub asked_by: i64,
    /// When, Unix seconds.
    pub asked_at: i64,
    /// First second at which it is no longer open.
    pub expires_at: i64,
    /// Who cannot be asked.
    pub unasked: &'a [Unasked],
}

type Row = (
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);

fn query(row: Row) -> Result<StoredQuery, CoordinatorError> {
    Ok(StoredQuery {
        id: row.0,
        study: row.1,
        requester: row.2,
        query: row.3,
        query_hash: row.4,
        asked_by: row.5,
        asked_at: row.6,
        expires_at: row.7,
        state: QueryState::from_stored(&row.8)?,
        unasked: serde_json::from_str(&row.9)?,
        declined: row.10.zip(row.11),
        release: row.12,
    })
}

/// Stores a query.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn query_insert(
    connection: &mut SqliteConnection,
    query: &NewQuery<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO queries (id, study, requester, query, query_hash, asked_by, asked_at, expires_at, state, unasked) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'signing', $9)",
    )
    .bind(query.id)
    .bind(query.study)
    .bind(query.requester)
    .bind(query.query)
    .bind(query.query_hash)
    .bind(query.asked_by)
    .bind(query.asked_at)
    .bind(query.expires_at)
    .bind(serde_json::to_string(query.unasked)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// One query.
pub async fn query_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<StoredQuery>, CoordinatorError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT queries.id, study, requester, query, query_hash, accounts.name, asked_at, expires_at, state, unasked, \
         declined_field, declined_code, release FROM queries JOIN accounts ON accounts.id = asked_by \
         WHERE queries.id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(query).transpose()
}

/// The latest queries, newest first, at most `limit`.
pub async fn queries_latest(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Result<Vec<StoredQuery>, CoordinatorError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT queries.id, study, requester, query, query_hash, accounts.name, asked_at, expires_at, state, unasked, \
         declined_field, declined_code, release FROM queries JOIN accounts ON accounts.id = asked_by \
         ORDER BY asked_at DESC, queries.id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(query).collect()
}

/// Queries of the same question and study that are still open, newest first.
pub async fn queries_open_of_question(
    connection: &mut SqliteConnection,
    query_hash: &str,
    study: &str,
    now: i64,
) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT id FROM queries WHERE query_hash = $1 AND study = $2 AND state IN ('signing', 'collecting') \
         AND expires_at > $3 ORDER BY asked_at DESC, id",
    )
    .bind(query_hash)
    .bind(study)
    .bind(now)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Open queries that should end: their time is over, or no request of theirs is open any more.
pub async fn queries_due(
    connection: &mut SqliteConnection,
    now: i64,
) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT id FROM queries WHERE (state IN ('signing', 'collecting') AND expires_at <= $1) \
         OR (state = 'collecting' AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.query = queries.id \
         AND requests.state IN ('unsigned', 'signed', 'offered')))",
    )
    .bind(now)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Moves a query on.
pub async fn query_set_state(
    connection: &mut SqliteConnection,
    id: &str,
    state: QueryState,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE queries SET state = $2 WHERE id = $1")
        .bind(id)
        .bind(state.id())
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a query with its release.
pub async fn query_set_released(
    connection: &mut SqliteConnection,
    id: &str,
    release: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE queries SET state = 'released', release = $2 WHERE id = $1")
        .bind(id)
        .bind(release)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a query that its requester's node did not sign.
pub async fn query_set_declined(
    connection: &mut SqliteConnection,
    id: &str,
    field: &str,
    code: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE queries SET state = 'refused', declined_field = $2, declined_code = $3 WHERE id = $1")
        .bind(id)
        .bind(field)
        .bind(code)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many queries are in each state.
pub async fn queries_by_state(
    connection: &mut SqliteConnection,
) -> Result<Vec<(QueryState, i64)>, CoordinatorError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, COUNT(*) FROM queries GROUP BY state ORDER BY state")
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(state, count)| Ok((QueryState::from_stored(&state)?, count)))
        .collect()
}

/// When questions were asked since a second and by whom: Unix seconds and account's name, newest first, at most `limit`.
pub async fn asked_since(
    connection: &mut SqliteConnection,
    since: i64,
    limit: i64,
) -> Result<Vec<(i64, String)>, CoordinatorError> {
    Ok(sqlx::query_as(
        "SELECT asked_at, accounts.name FROM queries JOIN accounts ON accounts.id = asked_by WHERE asked_at >= $1 \
         ORDER BY asked_at DESC LIMIT $2",
    )
    .bind(since)
    .bind(limit)
    .fetch_all(connection)
    .await?)
}
