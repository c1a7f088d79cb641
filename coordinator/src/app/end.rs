//! How a query ends: all nodes are done, time is over, or its analyst takes what there is.
//! Whoever has answered is in the release, with everybody else named in its coverage.

use super::release::{self, ComposedRelease};
use super::stored_release;
use crate::state::State;
use crate::store::accounts::{Account, Role};
use crate::store::log::{self, Entry};
use crate::store::queries::{QueryState, StoredQuery};
use crate::store::releases::NewRelease;
use crate::store::requests::{RequestState, StoredRequest};
use crate::store::{organisations, queries, release_terms, releases, requests};
use crate::{CoordinatorError, Problem};
use audit::EntryKind;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How often composing starts over because another answer came in meanwhile, before it is left to the sweep.
const ATTEMPTS: usize = 4;

/// Concludes a query that nobody is left to answer.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn complete(app: &State, query: &str) -> Result<(), CoordinatorError> {
    conclude(app, query, None).await.map(drop)
}

/// Concludes every query whose time is over or that nobody is left to answer.
///
/// # Errors
/// [`CoordinatorError`] of the first that fails; the others are tried all the same.
pub async fn sweep(app: &State) -> Result<(), CoordinatorError> {
    let mut reader = app.database.read().await?;
    let due = queries::queries_due(&mut reader, app.clock.now()).await?;
    drop(reader);
    let mut failed = Ok(());
    for query in due {
        // Its last answer came in a moment ago. Should concluding it fail there, the next sweep takes it.
        if app.concluding.has_begun(&query) {
            continue;
        }
        if let Err(error) = conclude(app, &query, None).await {
            failed = failed.and(Err(error));
        }
    }
    failed
}

/// Releases what has been answered so far, on the analyst's word.
///
/// # Errors
/// [`Problem`]; nothing changes then.
pub async fn close(app: &State, account: &Account, query: &str) -> Result<String, Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    let mut reader = app.database.read().await?;
    let stored = queries::query_by_id(&mut reader, query)
        .await?
        .ok_or(Problem::NotFound)?;
    if stored.state.is_final() {
        return Err(Problem::QueryNotOpen);
    }
    let requests = requests::requests_of_query(&mut reader, query).await?;
    drop(reader);
    if !requests
        .iter()
        .any(|request| request.state == RequestState::Answered)
    {
        return Err(Problem::NothingAnswered);
    }
    conclude(app, query, Some(account))
        .await?
        .ok_or(Problem::QueryNotOpen)
}

/// Brings a query to rest and returns its release, where it has one. Does nothing where another caller did it.
async fn conclude(
    app: &State,
    id: &str,
    closed_by: Option<&Account>,
) -> Result<Option<String>, CoordinatorError> {
    let _begun = app.concluding.begin(id);
    for _ in 0..ATTEMPTS {
        let now = app.clock.now();
        // Reading and composing hold no lock, so that other answers are accepted meanwhile.
        let mut reader = app.database.read().await?;
        let Some(query) = queries::query_by_id(&mut reader, id).await? else {
            return Ok(None);
        };
        if query.state.is_final() {
            return Ok(query.release);
        }
        let requests = requests::requests_of_query(&mut reader, id).await?;
        let last_seen: BTreeMap<String, Option<i64>> = organisations::organisations(&mut reader)
            .await?
            .into_iter()
            .map(|organisation| (organisation.id, organisation.last_seen))
            .collect();
        let is_offline = |request: &StoredRequest| {
            let stored = last_seen.get(&request.organisation).copied().flatten();
            !app.hub.is_online(&request.organisation, stored, now)
        };
        let releases = release::composed(
            &mut reader,
            &app.vouched,
            &query,
            &requests,
            is_offline,
            now,
        )
        .await?;
        drop(reader);

        let mut transaction = app.database.write().await?;
        let present = queries::query_by_id(&mut transaction, id).await?;
        if present.is_none_or(|present| present.state.is_final()) {
            continue;
        }
        let settled = |requests: &[StoredRequest]| -> BTreeSet<String> {
            (requests.iter().filter(|request| !request.state.is_open()))
                .map(|request| request.id.clone())
                .collect()
        };
        if settled(&requests::requests_of_query(&mut transaction, id).await?) != settled(&requests)
        {
            continue;
        }
        for request in requests.iter().filter(|request| request.state.is_open()) {
            let state = if is_offline(request) {
                RequestState::Offline
            } else {
                RequestState::Expired
            };
            requests::request_set_final(&mut transaction, &request.id, state, None, now).await?;
        }
        // The finest level is what its asker is led to.
        let finest = releases.last().map(|release| release.summary.id.clone());
        match &finest {
            Some(finest) => {
                for release in &releases {
                    publish(&mut transaction, &query, release, closed_by, now).await?;
                }
                queries::query_set_released(&mut transaction, id, finest).await?;
            }
            None => {
                let all_refused =
                    (requests.iter()).all(|request| request.state == RequestState::Refused);
                let (state, code) = if all_refused {
                    (QueryState::Refused, "query-refused")
                } else {
                    (QueryState::Expired, "query-expired")
                };
                queries::query_set_state(&mut transaction, id, state).await?;
                let entry = Entry::new(EntryKind::Request, code)
                    .study(&query.study)
                    .query(id);
                log::append(&mut transaction, now, entry).await?;
            }
        }
        transaction.commit().await?;
        app.vouched
            .forget(requests.iter().map(|request| request.id.as_str()));
        app.hub.changed(id);
        return Ok(finest);
    }
    Ok(None)
}

pub(super) async fn publish(
    transaction: &mut sqlx::SqliteConnection,
    query: &StoredQuery,
    release: &ComposedRelease,
    closed_by: Option<&Account>,
    now: i64,
) -> Result<(), CoordinatorError> {
    let body = stored_release::write(release)?;
    let body_hash = protocol::sha256(body.as_bytes());
    let stored = NewRelease {
        id: &release.summary.id,
        query: &query.id,
        study: &query.study,
        query_hash: &release.summary.query_hash,
        level: &release.summary.level,
        summary: &serde_json::to_string(&release.summary)?,
        body,
        released_at: now,
    };
    releases::release_insert(transaction, stored).await?;
    if let Some(obligations) = &release.obligations {
        let corrupt = || CoordinatorError::Corrupt {
            what: "release terms",
        };
        let owed = obligations.owed().ok_or_else(corrupt)?;
        let until = obligations.keep_until().ok_or_else(corrupt)?;
        release_terms::terms_insert(transaction, &release.summary.id, &owed, until).await?;
    }
    // The hash is that of the release as it is stored.
    let mut entry = Entry::new(EntryKind::Release, "release-published")
        .study(&query.study)
        .query(&query.id)
        .fact("release", release.summary.id.as_str())
        .fact("query-hash", release.summary.query_hash.as_str())
        .fact("nodes", release.summary.nodes_answered as u64)
        .fact("release-hash", protocol::hex(&body_hash));
    if let Some(account) = closed_by {
        entry = entry.body(json!({ "account": account.name, "closed-early": true }));
    }
    log::append(transaction, now, entry).await
}
