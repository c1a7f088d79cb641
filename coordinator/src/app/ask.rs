//! Asking: from an analyst's question to one unsigned request per dataset, or to what is released already.
//! Check, plan and store happen in one transaction, so that a question sent twice is asked once.

use super::{derive, limits, plan};
use crate::state::State;
use crate::store::accounts::{Account, Role};
use crate::store::cubes::CubeAsk;
use crate::store::idempotency::Replay;
use crate::store::log::{self, Entry};
use crate::store::queries::NewQuery;
use crate::store::requests::NewRequest;
use crate::store::studies::StoredStudy;
use crate::store::visible::Viewer;
use crate::store::{cubes, idempotency, organisations, queries, requests, studies};
use crate::{CoordinatorError, Problem, secret};
use audit::EntryKind;
use privacy_loss::NanoRho;
use protocol::Request;
use query::AggregateQuery;
use serde_json::json;
use sqlx::SqliteConnection;

/// A question as it came in.
#[derive(Debug)]
pub struct Question<'a> {
    /// Who asks.
    pub account: &'a Account,
    /// In which study.
    pub study: &'a str,
    /// What.
    pub query: &'a AggregateQuery,
    /// Whether it is asked although its answer follows from a release. A planned cube always is.
    pub ask_anew: bool,
    /// For how long it stays open, in seconds; as configured where absent.
    pub validity_seconds: Option<i64>,
    /// The sender's key for this question.
    pub idempotency_key: &'a str,
    /// SHA-256 of the body as it came in.
    pub body_hash: [u8; 32],
    /// The planned cube it is asked for, if it is.
    pub cube: Option<CubeAsk>,
}

/// What became of a question: 202 and the query, or 200 and a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// HTTP status.
    pub status: u16,
    /// Where to look.
    pub location: String,
}

/// Shortest validity in seconds.
pub const SHORTEST_VALIDITY: i64 = 5;

/// Asks.
///
/// # Errors
/// [`Problem`]; nothing is stored then.
pub async fn ask(app: &State, question: Question<'_>) -> Result<Asked, Problem> {
    if question.account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    let validity = question
        .validity_seconds
        .unwrap_or(app.config.validity_seconds);
    if !(SHORTEST_VALIDITY..=protocol::MAX_VALIDITY_SECONDS).contains(&validity) {
        return Err(Problem::InvalidBody {
            path: "$.validity_seconds".to_owned(),
            code: "out-of-range",
        });
    }
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let (account, key) = (question.account.id, question.idempotency_key);
    if let Some(asked) = replay(&mut transaction, account, key, question.body_hash).await? {
        return Ok(asked);
    }
    let study = studies::study_by_id(&mut transaction, question.study)
        .await?
        .ok_or(Problem::UnknownStudy)?;
    limits::check(&study.study, question.query, now)?;
    let placed = place(&mut transaction, &question, &study, validity, now).await?;
    if let Some(cube) = &question.cube {
        cubes::cube_ask_insert(&mut transaction, cube, &placed.query, now).await?;
    }
    let Placed {
        asked, requester, ..
    } = placed;
    let replay = Replay {
        body_hash: question.body_hash.to_vec(),
        status: asked.status,
        location: asked.location.clone(),
    };
    idempotency::idempotency_insert(&mut transaction, account, key, &replay, now).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    if let Some(requester) = requester {
        app.hub.wake(&requester);
    }
    Ok(asked)
}

/// What was answered before under a key.
///
/// # Errors
/// [`Problem::Conflict`] where the key was sent with another body.
pub async fn replayed(
    app: &State,
    account: &Account,
    key: &str,
    body_hash: [u8; 32],
) -> Result<Option<Asked>, Problem> {
    let mut reader = app.database.read().await?;
    replay(&mut reader, account.id, key, body_hash).await
}

async fn replay(
    connection: &mut SqliteConnection,
    account: i64,
    key: &str,
    body_hash: [u8; 32],
) -> Result<Option<Asked>, Problem> {
    match idempotency::idempotency_find(connection, account, key).await? {
        Some(replay) if replay.body_hash != body_hash => Err(Problem::Conflict),
        found => Ok(found.map(|replay| Asked {
            status: replay.status,
            location: replay.location,
        })),
    }
}

/// Where a question went.
struct Placed {
    asked: Asked,
    /// The query that answers it.
    query: String,
    /// The organisation that must sign, where it is asked now.
    requester: Option<String>,
}

/// Finds what there is already, or stores the query and its requests.
async fn place(
    transaction: &mut SqliteConnection,
    question: &Question<'_>,
    study: &StoredStudy,
    validity: i64,
    now: i64,
) -> Result<Placed, Problem> {
    let hash = question.query.hash().to_string();
    let id = &study.study.id;
    let plan = plan::plan(transaction, study).await?;
    if plan.asked.is_empty() {
        return Err(Problem::NoNodeToAsk);
    }
    let viewer = Viewer {
        account: question.account,
        now,
    };
    let released = plan::released_already(transaction, &viewer, id, &hash, &plan.asked).await?;
    if let Some((release, query)) = released {
        let entry = Entry::new(EntryKind::Reuse, "release-reused")
            .study(id)
            .fact("release", release.as_str())
            .fact("query-hash", hash.as_str())
            .body(json!({ "account": question.account.name }));
        log::append(transaction, now, entry).await?;
        let location = format!("/api/v1/releases/{release}");
        return Ok(Placed {
            asked: Asked {
                status: 200,
                location,
            },
            query,
            requester: None,
        });
    }
    if let Some(query) = plan::asked_already(transaction, id, &hash, &plan.asked, now).await? {
        let location = format!("/api/v1/queries/{query}");
        return Ok(Placed {
            asked: Asked {
                status: 202,
                location,
            },
            query,
            requester: None,
        });
    }
    if !question.ask_anew
        && let Some(offer) =
            derive::best(transaction, &viewer, id, question.query, &plan.asked).await?
    {
        return Err(Problem::Derivable(Box::new(offer)));
    }
    let requester = organisations::organisation_by_id(transaction, &study.study.requester).await?;
    let can_sign = requester.is_some_and(|requester| {
        !requester.revoked && requester.keys.is_some_and(|keys| keys.requester.is_some())
    });
    if !can_sign {
        return Err(Problem::RequesterCannotSign);
    }
    limits::check_total(transaction, study, question.query, &plan.asked).await?;

    let query_id = secret::identifier()?;
    let canonical = question.query.canonical();
    let expires_at = (now + validity).min(study.study.valid_until);
    let query = NewQuery {
        id: &query_id,
        study: id,
        requester: &study.study.requester,
        query: &canonical,
        query_hash: &hash,
        asked_by: question.account.id,
        asked_at: now,
        expires_at,
        unasked: &plan.unasked,
    };
    queries::query_insert(transaction, &query).await?;
    let entry = Entry::new(EntryKind::Request, "query-asked")
        .study(id)
        .query(&query_id)
        .fact("query-hash", hash.as_str())
        .fact("rho", question.query.rho_nano())
        .fact("requests", plan.asked.len() as u64)
        .body(json!({ "account": question.account.name, "query": canonical }));
    log::append(transaction, now, entry).await?;
    for addressee in &plan.asked {
        let request = Request {
            version: protocol::VERSION,
            id: secret::identifier()?,
            phase: "single".to_owned(),
            requester: study.study.requester.clone(),
            node: addressee.organisation.clone(),
            dataset: addressee.dataset.clone(),
            edition: addressee.edition,
            study: id.clone(),
            study_hash: study.hash.clone(),
            purpose: study.study.purpose.clone(),
            query: canonical.clone(),
            query_hash: hash.clone(),
            rho: NanoRho::new(question.query.rho_nano()),
            issued_at: now,
            expires_at,
        };
        let stored = NewRequest {
            id: &request.id,
            query: &query_id,
            organisation: &addressee.organisation,
            dataset: &addressee.dataset,
            edition: addressee.edition,
            policy_hash: &addressee.policy_hash,
            rho: question.query.rho_nano(),
            payload: &request.to_bytes(),
            now,
        };
        requests::request_insert(transaction, &stored).await?;
    }
    let location = format!("/api/v1/queries/{query_id}");
    Ok(Placed {
        asked: Asked {
            status: 202,
            location,
        },
        query: query_id,
        requester: Some(study.study.requester.clone()),
    })
}
