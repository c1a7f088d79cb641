//! Who a question goes to, and who of the study's participants cannot be asked and why.
//! It follows from enrolment, consents and greetings only, never from what a register holds.

use crate::CoordinatorError;
use crate::store::queries::Unasked;
use crate::store::requests::RequestState;
use crate::store::studies::StoredStudy;
use crate::store::visible::Viewer;
use crate::store::{consents, datasets, organisations, queries, releases, requests};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;

/// A dataset to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The organisation.
    pub organisation: String,
    /// Its dataset.
    pub dataset: String,
    /// The current edition.
    pub edition: u32,
    /// The policy in force, as the node last said.
    pub policy_hash: String,
}

/// Everybody a study names.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// To be asked, by organisation and dataset.
    pub asked: Vec<Addressee>,
    /// Not to be asked.
    pub unasked: Vec<Unasked>,
}

/// Who of a study's participants is to be asked now.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn plan(
    connection: &mut SqliteConnection,
    study: &StoredStudy,
) -> Result<Plan, CoordinatorError> {
    let known = organisations::organisations(connection).await?;
    let served = datasets::datasets(connection).await?;
    let consented = consents::consents_of_study(connection, &study.study.id).await?;
    let participants: BTreeSet<&String> = study.study.participants.iter().collect();
    let mut plan = Plan::default();
    for id in participants {
        let organisation = known.iter().find(|organisation| &organisation.id == id);
        let mut mine = served
            .iter()
            .filter(|dataset| &dataset.organisation == id)
            .peekable();
        let reason = match organisation {
            Some(organisation) if organisation.revoked => Some("revoked"),
            Some(organisation) if organisation.keys.is_some() => {
                if !consented.contains(id) {
                    Some("not-countersigned")
                } else if mine.peek().is_none() {
                    Some("never-connected")
                } else {
                    None
                }
            }
            _ => Some("not-joined"),
        };
        match (reason, organisation) {
            (None, Some(organisation)) => plan.asked.extend(mine.map(|dataset| Addressee {
                organisation: id.clone(),
                dataset: dataset.notice.id.clone(),
                edition: dataset.notice.edition,
                policy_hash: organisation.policy_hash.clone(),
            })),
            (reason, _) => plan.unasked.push(Unasked {
                organisation: id.clone(),
                reason: reason.unwrap_or("not-joined").to_owned(),
            }),
        }
    }
    Ok(plan)
}

/// The latest release of this question, in this study and to be seen by the viewer, that asking again could not complete, and its query: every addressee
/// is in it with its current edition, or refused under the policy it still has.
pub async fn released_already(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    study: &str,
    query_hash: &str,
    asked: &[Addressee],
) -> Result<Option<(String, String)>, CoordinatorError> {
    for (release, query) in releases::releases_of_question(connection, query_hash, study).await? {
        let settled = refused_of_settled(connection, &query, asked).await?;
        if settled.is_some() && viewer.find(connection, &release).await?.is_some() {
            return Ok(Some((release, query)));
        }
    }
    Ok(None)
}

/// Who of a query's addressees refused it, where asking the same again could not complete it: everybody is in it with
/// the current edition, or refused under the policy it still has. `None` where somebody's answer may still come.
pub async fn refused_of_settled(
    connection: &mut SqliteConnection,
    query: &str,
    asked: &[Addressee],
) -> Result<Option<Vec<String>>, CoordinatorError> {
    let requests = requests::requests_of_query(connection, query).await?;
    let mut refused = Vec::new();
    for addressee in asked {
        let found = requests.iter().find(|request| {
            request.organisation == addressee.organisation
                && request.dataset == addressee.dataset
                && request.edition == addressee.edition
        });
        match found {
            Some(request) if request.state == RequestState::Answered => {}
            Some(request)
                if request.state == RequestState::Refused
                    && request.policy_hash == addressee.policy_hash =>
            {
                refused.push(addressee.organisation.clone());
            }
            _ => return Ok(None),
        }
    }
    refused.dedup();
    Ok(Some(refused))
}

/// A query of this question, in this study, that is open and asks the same datasets and editions.
pub async fn asked_already(
    connection: &mut SqliteConnection,
    study: &str,
    query_hash: &str,
    asked: &[Addressee],
    now: i64,
) -> Result<Option<String>, CoordinatorError> {
    for query in queries::queries_open_of_question(connection, query_hash, study, now).await? {
        let requests = requests::requests_of_query(connection, &query).await?;
        let covered = |addressee: &Addressee| {
            requests.iter().any(|request| {
                request.organisation == addressee.organisation
                    && request.dataset == addressee.dataset
                    && request.edition == addressee.edition
            })
        };
        if asked.iter().all(covered) {
            return Ok(Some(query));
        }
    }
    Ok(None)
}
