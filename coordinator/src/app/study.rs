//! Taking in studies and consents: a study against the key its requester pinned when it joined, a consent against an officer's.
//! A study alone asks nobody anything; each participant's officer must countersign it first.

use super::officers::officers;
use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::{consents, organisations, studies};
use audit::EntryKind;
use protocol::{Consent, Envelope, Study, VerifiedConsent, VerifiedStudy};
use serde::Deserialize;
use sqlx::SqliteConnection;
use std::collections::BTreeSet;

/// Why a study or consent was not taken in.
pub(crate) type Refusal = (u16, &'static str, &'static str);

const NOT_SIGNED: Refusal = (
    422,
    "signature-not-accepted",
    "sign it with the key shown when joining",
);
const NOT_AN_OFFICER: Refusal = (
    422,
    "signature-not-accepted",
    "have it signed with the officer's key shown when joining, or by an officer of the policy in force, where the node has published it and every one before it",
);

/// Stores a study that its requester signed; the same text again is fine, another text of the same id is not.
///
/// # Errors
/// An inner failure; a refusal is the inner result.
pub(crate) async fn add(
    transaction: &mut SqliteConnection,
    envelope: &Envelope,
    sender: Option<&str>,
    now: i64,
) -> Result<Result<String, Refusal>, CoordinatorError> {
    // Which key to ask for is all that is read before the signature holds.
    let Some(claimed) = claimed::<Study>(envelope) else {
        return Ok(Err((
            422,
            "unreadable-study",
            "send a signed study of format version 1",
        )));
    };
    if sender.is_some_and(|sender| sender != claimed.requester) {
        return Ok(Err((
            403,
            "other-requester",
            "a study is handed in by the node of its requester",
        )));
    }
    let key = organisations::organisation_by_id(transaction, &claimed.requester)
        .await?
        .and_then(|organisation| organisation.keys?.requester);
    let Some(key) = key else {
        return Ok(Err((
            422,
            "requester-not-registered",
            "the requester's node joins first, with its requester key",
        )));
    };
    let Ok(verified) = VerifiedStudy::verify(envelope, &[key]) else {
        return Ok(Err(NOT_SIGNED));
    };
    let study = verified.study();
    let hash = protocol::hex(&verified.hash());
    match studies::study_by_id(transaction, &study.id).await? {
        Some(known) if known.hash == hash => return Ok(Ok(study.id.clone())),
        Some(_) => {
            return Ok(Err((
                409,
                "other-study-text",
                "another text of this id is stored; choose another id",
            )));
        }
        None => {}
    }
    studies::study_insert(transaction, study, &hash, envelope, now).await?;
    let entry = Entry::new(EntryKind::Study, "study-added")
        .study(&study.id)
        .fact("requester", study.requester.as_str())
        .fact("study-hash", hash)
        .fact("max-rho-per-query", study.max_rho_per_query.nano())
        .fact("max-rho-total", study.max_rho_total.nano());
    log::append(transaction, now, entry).await?;
    Ok(Ok(study.id.clone()))
}

/// Takes in a study handed in by a node.
///
/// # Errors
/// [`NodeProblem`].
pub async fn from_node(
    app: &State,
    organisation: &str,
    envelope: &Envelope,
) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let added = add(&mut transaction, envelope, Some(organisation), now).await?;
    if let Err((_, reason, _)) = added {
        let entry = Entry::new(EntryKind::Refusal, "study-refused")
            .node(organisation)
            .fact("reason", reason);
        log::append(&mut transaction, now, entry).await?;
    }
    transaction.commit().await?;
    match added {
        Ok(_) => Ok(()),
        Err((status, code, message)) => Err(NodeProblem::refused(status, code, message)),
    }
}

/// Nodes learn of studies by greeting: those a new study concerns are asked to greet, wherever it came from.
/// `announced` holds what was announced before; on the first call everything counts as known.
///
/// # Errors
/// [`CoordinatorError`].
pub(crate) async fn announce(
    app: &State,
    announced: &mut BTreeSet<String>,
) -> Result<(), CoordinatorError> {
    let mut reader = app.database.read().await?;
    let ids = studies::study_ids(&mut reader).await?;
    let is_first = announced.is_empty();
    for id in ids {
        if announced.contains(&id) {
            continue;
        }
        if !is_first && let Some(stored) = studies::study_by_id(&mut reader, &id).await? {
            let requester = std::iter::once(&stored.study.requester);
            for organisation in stored.study.participants.iter().chain(requester) {
                app.hub.ask_to_greet(organisation);
            }
        }
        announced.insert(id);
    }
    // Not empty from now on, though there may be no study yet.
    announced.insert(String::new());
    Ok(())
}

/// Takes in the consent of an organisation's officer.
///
/// # Errors
/// [`NodeProblem`].
pub async fn consent(
    app: &State,
    organisation: &str,
    envelope: &Envelope,
) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let taken = take_consent(&mut transaction, organisation, envelope, now).await?;
    // A node hands in its consents again and again. Only studies that are stored are told apart, so that nobody can fill the memory of what
    // was logged.
    let stored = |reason| !matches!(reason, "unreadable-consent" | "unknown-study");
    if let Err((_, reason, _)) = taken
        && let study = claimed::<Consent>(envelope).filter(|_| stored(reason))
        && let study = study.map_or(String::new(), |consent| consent.study)
        && (app.refusals).is_news(format!("{organisation} {reason} {study}"), now)
    {
        let entry = Entry::new(EntryKind::Refusal, "consent-refused")
            .node(organisation)
            .fact("reason", reason);
        log::append(&mut transaction, now, entry).await?;
    }
    transaction.commit().await?;
    taken.map_err(|(status, code, message)| NodeProblem::refused(status, code, message))
}

async fn take_consent(
    transaction: &mut SqliteConnection,
    organisation: &str,
    envelope: &Envelope,
    now: i64,
) -> Result<Result<(), Refusal>, CoordinatorError> {
    let Some(claimed) = claimed::<Consent>(envelope) else {
        return Ok(Err((
            422,
            "unreadable-consent",
            "send a signed consent of format version 1",
        )));
    };
    let Some(stored) = studies::study_by_id(transaction, &claimed.study).await? else {
        return Ok(Err((
            404,
            "unknown-study",
            "the study is handed in before its consents",
        )));
    };
    let requester = organisations::organisation_by_id(transaction, &stored.study.requester)
        .await?
        .and_then(|known| known.keys?.requester);
    let signing = organisations::organisation_by_id(transaction, organisation).await?;
    let (Some(requester), Some(signing)) = (requester, signing) else {
        return Ok(Err(NOT_SIGNED));
    };
    if !stored
        .study
        .participants
        .iter()
        .any(|id| id == organisation)
    {
        return Ok(Err((
            422,
            "not-a-participant",
            "the study does not ask this organisation",
        )));
    }
    let Ok(study) = VerifiedStudy::verify(&stored.envelope, &[requester]) else {
        return Ok(Err((
            409,
            "study-key-changed",
            "the requester's key changed; the study must be signed anew",
        )));
    };
    let id = &stored.study.id;
    if consents::consent_is_stored(transaction, id, organisation, envelope).await? {
        return Ok(Ok(()));
    }
    let officers = officers(transaction, &signing).await?;
    let Ok(consent) = VerifiedConsent::verify(envelope, &officers, organisation, &study) else {
        return Ok(Err(NOT_AN_OFFICER));
    };
    let signed_at = consent.consent().signed_at;
    if consents::consent_insert(transaction, id, organisation, envelope, signed_at, now).await? {
        let entry = Entry::new(EntryKind::Study, "study-countersigned")
            .node(organisation)
            .study(id)
            .fact("study-hash", stored.hash.as_str());
        log::append(transaction, now, entry).await?;
    }
    Ok(Ok(()))
}

fn claimed<T: for<'de> Deserialize<'de>>(envelope: &Envelope) -> Option<T> {
    serde_json::from_slice(&envelope.unverified_payload()?).ok()
}
