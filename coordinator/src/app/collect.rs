//! Taking in answers: an envelope becomes a `VerifiedAnswer` of an outstanding request, is stored once, or is refused.
//! What a node sends decides nothing about any other request than the one it was handed.

use crate::CoordinatorError;
use crate::app::end;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::requests::{RequestState, StoredRequest};
use crate::store::{answers, organisations, queries, requests};
use audit::EntryKind;
use protocol::exchange::AnswerStatus;
use protocol::{Envelope, Outcome, PublicKey, Request, VerifiedAnswer};
use query::AggregateQuery;
use sqlx::SqliteConnection;

/// Takes in an answer of an organisation's node. When it was the last one open, the query is concluded.
///
/// # Errors
/// [`NodeProblem`]; the refusal is logged.
pub async fn answer(
    app: &State,
    organisation: &str,
    envelope: &Envelope,
) -> Result<AnswerStatus, NodeProblem> {
    let now = app.clock.now();
    // Checking takes longest. It holds no lock, so that other nodes' answers are taken in meanwhile.
    let checked = check(app, organisation, envelope).await;
    let mut transaction = app.database.write().await?;
    let taken = match checked {
        Ok(checked) => keep(&mut transaction, &checked, envelope, now).await,
        Err(problem) => Err(problem),
    };
    let (status, query) = match taken {
        Ok(taken) => taken,
        Err(NodeProblem::Refused {
            status,
            code,
            message,
        }) => {
            // Nothing was written before the refusal, so the entry commits alone.
            let claimed = VerifiedAnswer::claimed_request_id(envelope)
                .filter(|id| protocol::from_hex::<16>(id).is_some())
                .unwrap_or_else(|| "unreadable".to_owned());
            let entry = Entry::new(EntryKind::Refusal, "answer-refused")
                .node(organisation)
                .fact("request", claimed)
                .fact("reason", code);
            log::append(&mut transaction, now, entry).await?;
            transaction.commit().await?;
            return Err(NodeProblem::Refused {
                status,
                code,
                message,
            });
        }
        Err(error) => return Err(error),
    };
    transaction.commit().await?;
    if let Some(query) = query {
        app.hub.changed(&query);
        if let Err(error) = end::when_complete(app, &query).await {
            // The answer is stored; the sweep concludes the query later.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a complete query could not be concluded yet"
            );
        }
    }
    Ok(status)
}

/// An answer whose signature holds, and which request of which node it is for.
struct Checked {
    request: String,
    organisation: String,
    key: PublicKey,
    answer: VerifiedAnswer,
}

fn unknown() -> NodeProblem {
    NodeProblem::refused(404, "unknown-request", "this node was not asked this")
}

/// The request of this organisation that was signed, and the node's key.
async fn asked(
    connection: &mut SqliteConnection,
    organisation: &str,
    id: &str,
) -> Result<(StoredRequest, PublicKey), NodeProblem> {
    let request = requests::request_by_id(connection, id)
        .await?
        .ok_or_else(unknown)?;
    if request.organisation != organisation || request.state == RequestState::Unsigned {
        return Err(unknown());
    }
    let key = organisations::organisation_by_id(connection, organisation)
        .await?
        .and_then(|organisation| organisation.keys)
        .ok_or_else(unknown)?
        .node;
    Ok((request, key))
}

async fn check(
    app: &State,
    organisation: &str,
    envelope: &Envelope,
) -> Result<Checked, NodeProblem> {
    let id = VerifiedAnswer::claimed_request_id(envelope).ok_or_else(|| {
        NodeProblem::refused(
            422,
            "unreadable-answer",
            "send an answer of format version 1",
        )
    })?;
    let mut reader = app.database.read().await?;
    let (_, key) = asked(&mut reader, organisation, &id).await?;
    let payload = requests::request_payload(&mut reader, &id).await?;
    drop(reader);
    let (parsed, query) = outstanding(&payload)?;
    let answer =
        VerifiedAnswer::verify(envelope, &key, &parsed, &payload, &query).map_err(|error| {
            match error {
                protocol::AnswerError::Envelope(_) => NodeProblem::refused(
                    422,
                    "signature-not-accepted",
                    "sign answers with the node key shown when joining",
                ),
                protocol::AnswerError::Unreadable => NodeProblem::refused(
                    422,
                    "unreadable-answer",
                    "send an answer of format version 1",
                ),
                protocol::AnswerError::Mismatch(_) => NodeProblem::refused(
                    422,
                    "answer-mismatch",
                    "an answer must repeat what its request says",
                ),
            }
        })?;
    Ok(Checked {
        request: id,
        organisation: organisation.to_owned(),
        key,
        answer,
    })
}

async fn keep(
    transaction: &mut SqliteConnection,
    checked: &Checked,
    envelope: &Envelope,
    now: i64,
) -> Result<(AnswerStatus, Option<String>), NodeProblem> {
    let Checked {
        request: id,
        organisation,
        key,
        answer,
    } = checked;
    // What the check rested on may have changed meanwhile: the query may have ended, the node may have joined anew.
    let (request, present) = asked(transaction, organisation, id).await?;
    if present != *key {
        return Err(unknown());
    }
    let hash = answer.hash();
    if let Some(known) = answers::answer_payload_hash(transaction, id).await? {
        return if known == hash {
            Ok((AnswerStatus::Duplicate, None))
        } else {
            Err(NodeProblem::refused(
                409,
                "other-answer",
                "another answer to this request is stored already",
            ))
        };
    }
    answers::answer_insert(transaction, id, key, &hash, envelope, now).await?;
    record(transaction, &request, answer, now).await?;
    Ok((AnswerStatus::Accepted, Some(request.query)))
}

/// The request behind stored bytes.
pub(crate) fn outstanding(payload: &[u8]) -> Result<(Request, AggregateQuery), CoordinatorError> {
    Request::parse(payload).map_err(|_| CoordinatorError::Corrupt { what: "request" })
}

async fn record(
    transaction: &mut SqliteConnection,
    request: &StoredRequest,
    answer: &VerifiedAnswer,
    now: i64,
) -> Result<(), CoordinatorError> {
    let study = queries::query_by_id(transaction, &request.query)
        .await?
        .map(|query| query.study)
        .unwrap_or_default();
    let entry = |kind, code| {
        Entry::new(kind, code)
            .node(&request.organisation)
            .study(&study)
            .query(&request.query)
            .fact("request", request.id.as_str())
            .fact("answer-hash", protocol::hex(&answer.hash()))
    };
    // After the query ended an answer is kept, since it was paid for, but changes no release.
    let in_time = request.state.is_open();
    let entry = match &answer.answer().outcome {
        Outcome::Answered { receipt, .. } => {
            if in_time {
                requests::request_set_final(
                    transaction,
                    &request.id,
                    RequestState::Answered,
                    None,
                    now,
                )
                .await?;
            }
            let code = if in_time {
                "answer-accepted"
            } else {
                "answer-late"
            };
            entry(EntryKind::Answer, code)
                .fact("rho", receipt.rho.nano())
                .fact("charge-index", receipt.charge_index)
                .fact("policy-hash", receipt.policy_hash.as_str())
        }
        Outcome::Refused { rule, field, code } => {
            if in_time {
                let refusal = Some((rule.as_str(), field.as_str(), code.as_str()));
                requests::request_set_final(
                    transaction,
                    &request.id,
                    RequestState::Refused,
                    refusal,
                    now,
                )
                .await?;
            }
            entry(EntryKind::Refusal, "node-refused")
                .fact("rule", rule.as_str())
                .fact("field", field.as_str())
                .fact("reason", code.as_str())
        }
    };
    log::append(transaction, now, entry).await
}
