//! Taking in answers: an envelope becomes a `VerifiedAnswer` of an outstanding request, is stored once, or is refused.
//! What a node sends decides nothing about any other request than the one it was handed.

use crate::CoordinatorError;
use crate::app::end;
use crate::app::intake::{self, Verified};
use crate::node_problem::NodeProblem;
use crate::state::{App, State};
use crate::store::log::{self, Entry};
use audit::EntryKind;
use axum::body::Bytes;
use protocol::exchange::AnswerStatus;
use protocol::{Envelope, Request, VerifiedAnswer};
use query::AggregateQuery;

/// Takes in an answer of an organisation's node, an envelope's bytes. When it was the last one open, the query is concluded.
///
/// # Errors
/// [`NodeProblem`]; the refusal is logged.
pub async fn answer(
    app: &App,
    organisation: &str,
    bytes: Bytes,
) -> Result<AnswerStatus, NodeProblem> {
    let Ok(envelope) = Envelope::from_shared(&bytes) else {
        // No answer at all: refused as any unreadable body is, without an entry.
        return Err(NodeProblem::refused(
            422,
            "unreadable",
            "send an envelope as JSON, or with its cells beside it",
        ));
    };
    let claimed = VerifiedAnswer::claimed_request_id(&envelope)
        .filter(|id| protocol::from_hex::<16>(id).is_some());
    // Checking takes longest. It holds no lock, so that other nodes' answers are taken in meanwhile.
    let stored = match check(app, organisation, claimed.as_deref(), envelope, bytes).await {
        Ok(verified) => intake::store(app, verified).await,
        Err(problem) => Err(problem),
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(problem) => {
            if let NodeProblem::Refused { code, .. } = &problem {
                record_refused(app, organisation, claimed, code).await?;
            }
            return Err(problem);
        }
    };
    if let Some(id) = claimed {
        app.hub.no_longer_waits(organisation, &id);
    }
    if let Some(query) = stored.changed {
        app.hub.changed(&query);
        if stored.completes
            && let Err(error) = end::complete(app, &query).await
        {
            // The answer is stored; the sweep concludes the query later.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a complete query could not be concluded yet"
            );
        }
    }
    Ok(stored.status)
}

/// Notes that a request of this organisation waits for a person at its node; what is shown, and nothing else, follows from it.
///
/// # Errors
/// [`NodeProblem`] where it was not asked this.
pub async fn waiting(app: &State, organisation: &str, id: &str) -> Result<(), NodeProblem> {
    let mut reader = app.database.read().await?;
    let (request, _) = intake::asked(&mut reader, organisation, id).await?;
    drop(reader);
    if request.state.is_open() && !app.hub.is_waiting_for_approval(organisation, id) {
        app.hub.waits_for_approval(organisation, id);
        app.hub.changed(&request.query);
    }
    Ok(())
}

async fn record_refused(
    app: &State,
    organisation: &str,
    claimed: Option<String>,
    code: &'static str,
) -> Result<(), CoordinatorError> {
    let mut transaction = app.database.write().await?;
    let entry = Entry::new(EntryKind::Refusal, "answer-refused")
        .node(organisation)
        .fact(
            "request",
            claimed.unwrap_or_else(|| "unreadable".to_owned()),
        )
        .fact("reason", code);
    log::append(&mut transaction, app.clock.now(), entry).await?;
    Ok(transaction.commit().await?)
}

fn unreadable() -> NodeProblem {
    NodeProblem::refused(
        422,
        "unreadable-answer",
        "send an answer of a format that this coordinator reads; it may have to be upgraded before its nodes",
    )
}

async fn check(
    app: &State,
    organisation: &str,
    claimed: Option<&str>,
    envelope: Envelope,
    bytes: Bytes,
) -> Result<Verified, NodeProblem> {
    let id = claimed.ok_or_else(unreadable)?;
    let mut reader = app.database.read().await?;
    let (asked, key) = intake::asked(&mut reader, organisation, id).await?;
    drop(reader);
    let (parsed, query) = outstanding(&asked.payload)?;
    let answer = VerifiedAnswer::check(&envelope, &key, &parsed, &asked.payload, &query).map_err(
        |error| match error {
            protocol::AnswerError::Envelope(_) => NodeProblem::refused(
                422,
                "signature-not-accepted",
                "sign answers with the node key shown when joining",
            ),
            protocol::AnswerError::Unreadable => unreadable(),
            protocol::AnswerError::Mismatch(_) => NodeProblem::refused(
                422,
                "answer-mismatch",
                "an answer must repeat what its request says",
            ),
        },
    )?;
    Ok(Verified::new(
        id.to_owned(),
        organisation,
        key,
        answer,
        bytes,
    ))
}

/// The request behind stored bytes.
pub(crate) fn outstanding(payload: &[u8]) -> Result<(Request, AggregateQuery), CoordinatorError> {
    Request::parse(payload).map_err(|_| CoordinatorError::Corrupt { what: "request" })
}
