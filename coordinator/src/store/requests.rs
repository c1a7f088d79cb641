//! Requests: the copy of a query for one dataset of one node, unsigned, signed, offered, then at rest.
//! The bytes to sign never change once stored.

use super::stored;
use crate::CoordinatorError;
use protocol::{Envelope, PublicKey};
use sqlx::SqliteConnection;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// The requester's node has yet to sign it.
    Unsigned,
    /// Signed, not handed out yet.
    Signed,
    /// Handed to its node at least once.
    Offered,
    /// Answered with cells.
    Answered,
    /// Refused by its node.
    Refused,
    /// Unanswered when the query ended, its node out of reach.
    Offline,
    /// Unanswered when the query ended.
    Expired,
}

impl RequestState {
    const ALL: [RequestState; 7] = [
        RequestState::Unsigned,
        RequestState::Signed,
        RequestState::Offered,
        RequestState::Answered,
        RequestState::Refused,
        RequestState::Offline,
        RequestState::Expired,
    ];

    /// The identifier.
    pub fn id(self) -> &'static str {
        match self {
            RequestState::Unsigned => "unsigned",
            RequestState::Signed => "signed",
            RequestState::Offered => "offered",
            RequestState::Answered => "answered",
            RequestState::Refused => "refused",
            RequestState::Offline => "offline",
            RequestState::Expired => "expired",
        }
    }

    /// Whether its node may still answer it into the release.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            RequestState::Unsigned | RequestState::Signed | RequestState::Offered
        )
    }

    pub(super) fn from_stored(text: &str) -> Result<RequestState, CoordinatorError> {
        RequestState::ALL
            .into_iter()
            .find(|state| state.id() == text)
            .ok_or(CoordinatorError::Corrupt {
                what: "request state",
            })
    }
}

/// A stored request, without its bytes.
#[derive(Clone, Debug)]
pub struct StoredRequest {
    /// Identifier.
    pub id: String,
    /// The query.
    pub query: String,
    /// The organisation asked.
    pub organisation: String,
    /// The dataset asked.
    pub dataset: String,
    /// Its edition.
    pub edition: u32,
    /// The node's policy when it was asked, hex.
    pub policy_hash: String,
    /// How far it has come.
    pub state: RequestState,
    /// Why it was refused: rule, field, code.
    pub refusal: Option<(String, String, String)>,
    /// When it came there, Unix seconds.
    pub state_at: i64,
}

/// A request to be stored, unsigned.
#[derive(Clone, Debug)]
pub struct NewRequest<'a> {
    /// Identifier.
    pub id: &'a str,
    /// The query.
    pub query: &'a str,
    /// The organisation asked.
    pub organisation: &'a str,
    /// The dataset asked.
    pub dataset: &'a str,
    /// Its edition.
    pub edition: u32,
    /// The node's policy as it last said, hex.
    pub policy_hash: &'a str,
    /// Privacy loss offered, nano-rho.
    pub rho: u64,
    /// The exact bytes to sign.
    pub payload: &'a [u8],
    /// When, Unix seconds.
    pub now: i64,
}

type Row = (
    String,
    String,
    String,
    String,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
);

fn request(row: Row) -> Result<StoredRequest, CoordinatorError> {
    Ok(StoredRequest {
        id: row.0,
        query: row.1,
        organisation: row.2,
        dataset: row.3,
        edition: super::edition(row.4)?,
        policy_hash: row.5,
        state: RequestState::from_stored(&row.6)?,
        refusal: match (row.7, row.8, row.9) {
            (Some(rule), Some(field), Some(code)) => Some((rule, field, code)),
            _ => None,
        },
        state_at: row.10,
    })
}

/// Stores a request.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn request_insert(
    connection: &mut SqliteConnection,
    request: &NewRequest<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO requests (id, query, organisation, dataset, edition, policy_hash, rho, payload, state, state_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'unsigned', $9)",
    )
    .bind(request.id)
    .bind(request.query)
    .bind(request.organisation)
    .bind(request.dataset)
    .bind(i64::from(request.edition))
    .bind(request.policy_hash)
    .bind(stored(request.rho)?)
    .bind(request.payload)
    .bind(request.now)
    .execute(connection)
    .await?;
    Ok(())
}

/// One request.
pub async fn request_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<StoredRequest>, CoordinatorError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, query, organisation, dataset, edition, policy_hash, state, rule, field, code, state_at \
         FROM requests WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(request).transpose()
}

/// The requests of a query, by organisation and dataset.
pub async fn requests_of_query(
    connection: &mut SqliteConnection,
    query: &str,
) -> Result<Vec<StoredRequest>, CoordinatorError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, query, organisation, dataset, edition, policy_hash, state, rule, field, code, state_at \
         FROM requests WHERE query = $1 ORDER BY organisation, dataset",
    )
    .bind(query)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(request).collect()
}

/// The exact bytes of a query's requests, with their ids, by organisation and dataset.
pub async fn request_payloads(
    connection: &mut SqliteConnection,
    query: &str,
) -> Result<Vec<(String, Vec<u8>)>, CoordinatorError> {
    Ok(sqlx::query_as(
        "SELECT id, payload FROM requests WHERE query = $1 ORDER BY organisation, dataset",
    )
    .bind(query)
    .fetch_all(connection)
    .await?)
}

/// What taking in an answer needs to know of the request it is for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The query.
    pub query: String,
    /// The study it was asked in.
    pub study: String,
    /// The organisation asked.
    pub organisation: String,
    /// How far the request has come.
    pub state: RequestState,
    /// The exact bytes of the request.
    pub payload: Vec<u8>,
    /// The key of the organisation's node, once it has joined.
    pub node_key: Option<PublicKey>,
    /// SHA-256 of the answer stored for it, if one is.
    pub answer_hash: Option<Vec<u8>>,
}

/// One request, as an answer to it is taken in.
pub async fn request_asked(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Asked>, CoordinatorError> {
    type Row = (
        String,
        String,
        String,
        String,
        Vec<u8>,
        Option<String>,
        Option<Vec<u8>>,
    );
    let row: Option<Row> = sqlx::query_as(
        "SELECT requests.query, queries.study, requests.organisation, requests.state, requests.payload, \
         organisations.node_key, answers.payload_hash FROM requests \
         JOIN queries ON queries.id = requests.query \
         JOIN organisations ON organisations.id = requests.organisation \
         LEFT JOIN answers ON answers.request = requests.id WHERE requests.id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(
        |(query, study, organisation, state, payload, key, answer_hash)| {
            let key = key.map(|key| {
                PublicKey::from_hex(&key).ok_or(CoordinatorError::Corrupt {
                    what: "organisation's key",
                })
            });
            Ok(Asked {
                query,
                study,
                organisation,
                state: RequestState::from_stored(&state)?,
                payload,
                node_key: key.transpose()?,
                answer_hash,
            })
        },
    )
    .transpose()
}

/// Whether somebody has yet to answer a query into its release.
pub async fn query_is_open(
    connection: &mut SqliteConnection,
    query: &str,
) -> Result<bool, CoordinatorError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM requests WHERE query = $1 AND state IN ('unsigned', 'signed', 'offered') LIMIT 1",
    )
    .bind(query)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Stores the signature over a request's bytes.
pub async fn request_set_signed(
    connection: &mut SqliteConnection,
    id: &str,
    envelope: &Envelope,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE requests SET state = 'signed', envelope = $2, state_at = $3 WHERE id = $1")
        .bind(id)
        .bind(serde_json::to_string(envelope)?)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// What an organisation's node has yet to do, oldest first: the queries whose requests it is to sign, and the signed requests it is to
/// answer.
pub async fn work_of(
    connection: &mut SqliteConnection,
    organisation: &str,
    now: i64,
) -> Result<(Vec<String>, Vec<(String, Envelope)>), CoordinatorError> {
    // One statement, since every waiting node asks it again and again.
    let rows: Vec<(String, Option<String>, i64)> = sqlx::query_as(
        "SELECT id, NULL AS envelope, asked_at FROM queries \
         WHERE requester = $1 AND state = 'signing' AND expires_at > $2 \
         UNION ALL SELECT requests.id, requests.envelope, queries.asked_at FROM requests \
         JOIN queries ON queries.id = requests.query \
         WHERE requests.organisation = $1 AND requests.state IN ('signed', 'offered') \
         AND requests.envelope IS NOT NULL AND queries.expires_at > $2 ORDER BY 3, 1",
    )
    .bind(organisation)
    .bind(now)
    .fetch_all(connection)
    .await?;
    let (mut to_sign, mut to_answer) = (Vec::new(), Vec::new());
    for (id, envelope, _) in rows {
        match envelope {
            None => to_sign.push(id),
            Some(envelope) => to_answer.push((id, serde_json::from_str(&envelope)?)),
        }
    }
    Ok((to_sign, to_answer))
}

/// Records that a request was handed to its node; its query and edition, or nothing where it was handed out before.
pub async fn request_set_offered(
    connection: &mut SqliteConnection,
    id: &str,
    now: i64,
) -> Result<Option<(String, u32)>, CoordinatorError> {
    let row: Option<(String, i64)> = sqlx::query_as(
        "UPDATE requests SET state = 'offered', state_at = $2 WHERE id = $1 AND state = 'signed' \
         RETURNING query, edition",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.map(|(query, edition)| Ok((query, super::edition(edition)?)))
        .transpose()
}

/// Brings a request to rest.
pub async fn request_set_final(
    connection: &mut SqliteConnection,
    id: &str,
    state: RequestState,
    refusal: Option<(&str, &str, &str)>,
    now: i64,
) -> Result<(), CoordinatorError> {
    let (rule, field, code) = match refusal {
        Some((rule, field, code)) => (Some(rule), Some(field), Some(code)),
        None => (None, None, None),
    };
    sqlx::query("UPDATE requests SET state = $2, rule = $3, field = $4, code = $5, state_at = $6 WHERE id = $1")
        .bind(id)
        .bind(state.id())
        .bind(rule)
        .bind(field)
        .bind(code)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a question was signed before for a dataset and edition, so that asking again costs nothing.
pub async fn request_was_signed(
    connection: &mut SqliteConnection,
    organisation: &str,
    dataset: &str,
    edition: u32,
    query_hash: &str,
) -> Result<bool, CoordinatorError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM requests JOIN queries ON queries.id = requests.query \
         WHERE requests.organisation = $1 AND requests.dataset = $2 AND requests.edition = $3 \
         AND requests.state <> 'refused' AND requests.envelope IS NOT NULL AND queries.query_hash = $4 LIMIT 1",
    )
    .bind(organisation)
    .bind(dataset)
    .bind(i64::from(edition))
    .bind(query_hash)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}
