//! Storing verified answers, all that wait in one transaction: nodes answer on the same second, and a transaction costs more than what
//! one answer writes in it. Which answers are stored together decides nothing about any of them.

use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::{App, State};
use crate::store::log::{self, Entry};
use crate::store::requests::{Asked, RequestState};
use crate::store::{answers, requests};
use crate::together::Together;
use audit::EntryKind;
use axum::body::Bytes;
use protocol::exchange::AnswerStatus;
use protocol::{CheckedAnswer, PublicKey, Said};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Verified answers that wait to be stored.
pub type Intake = Together<Verified, Result<Stored, NodeProblem>>;

/// A verified answer without its cells, and the bytes that are to be stored.
pub struct Verified {
    pub(super) request: String,
    pub(super) organisation: String,
    /// The key that vouched for it.
    pub(super) key: PublicKey,
    answer: CheckedAnswer,
    /// SHA-256 of the bytes.
    sealed_hash: [u8; 32],
    bytes: Bytes,
}

/// What became of an answer.
pub struct Stored {
    pub(super) status: AnswerStatus,
    /// The query it changed.
    pub(super) changed: Option<String>,
    /// Whether it was the last one the query waited for.
    pub(super) completes: bool,
}

impl Verified {
    /// What is to be kept of an answer that came as these bytes.
    pub(super) fn new(
        request: String,
        organisation: &str,
        key: PublicKey,
        answer: CheckedAnswer,
        bytes: Bytes,
    ) -> Verified {
        Verified {
            request,
            organisation: organisation.to_owned(),
            key,
            sealed_hash: protocol::sha256(&bytes),
            answer,
            bytes,
        }
    }
}

/// Stores an answer, with others that wait.
///
/// # Errors
/// [`NodeProblem`]; nothing of this answer was written then.
pub(super) async fn store(app: &App, answer: Verified) -> Result<Stored, NodeProblem> {
    let stored = app.intake.add(answer);
    // A task of its own: a node that hangs up must not undo what others handed in.
    let shared = Arc::clone(app);
    tokio::spawn(async move {
        let act = async |answers: &mut [Verified]| {
            let stored = in_one_transaction(&shared, answers).await;
            stored.inspect_err(not_stored).ok()
        };
        shared.intake.take_turn(act).await;
    });
    match stored.await {
        Ok(stored) => stored,
        Err(_) => Err(CoordinatorError::NotStored.into()),
    }
}

fn not_stored(error: &CoordinatorError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "answers could not be stored; their nodes hand them in again"
    );
}

async fn in_one_transaction(
    app: &State,
    batch: &mut [Verified],
) -> Result<Vec<Result<Stored, NodeProblem>>, CoordinatorError> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let (mut outcomes, mut entries) = (Vec::new(), Vec::new());
    // Of each query, the last of these answers that changed it.
    let mut last = BTreeMap::new();
    let mut in_time = Vec::new();
    for (place, answer) in batch.iter_mut().enumerate() {
        let kept = keep(&mut transaction, answer, now).await;
        outcomes.push(match kept {
            Ok(Some((asked, entry))) => {
                entries.push(entry);
                if asked.state.is_open() {
                    in_time.push(answer);
                    last.insert(asked.query.clone(), place);
                }
                Ok(Stored {
                    status: AnswerStatus::Accepted,
                    changed: Some(asked.query),
                    completes: false,
                })
            }
            Ok(None) => Ok(Stored {
                status: AnswerStatus::Duplicate,
                changed: None,
                completes: false,
            }),
            Err(NodeProblem::Internal(error)) => return Err(error),
            Err(refused) => Err(refused),
        });
    }
    log::append_all(&mut transaction, now, entries).await?;
    for (query, place) in last {
        if let Ok(stored) = &mut outcomes[place] {
            stored.completes = !requests::query_is_open(&mut transaction, &query).await?;
        }
    }
    // Before others can see them: whoever concludes their query, and has them forgotten then, comes after.
    for answer in &in_time {
        app.vouched
            .remember(&answer.request, answer.answer.vouched().clone());
    }
    let committed = transaction.commit().await;
    if committed.is_err() {
        app.vouched
            .forget(in_time.iter().map(|answer| answer.request.as_str()));
    }
    committed?;
    Ok(outcomes)
}

/// The request of an organisation that a node was asked to answer, with the node's key.
pub(super) async fn asked(
    connection: &mut SqliteConnection,
    organisation: &str,
    request: &str,
) -> Result<(Asked, PublicKey), NodeProblem> {
    let unknown = NodeProblem::refused(404, "unknown-request", "this node was not asked this");
    match requests::request_asked(connection, request).await? {
        Some(asked)
            if asked.organisation == organisation && asked.state != RequestState::Unsigned =>
        {
            let key = asked.node_key.ok_or(unknown)?;
            Ok((asked, key))
        }
        _ => Err(unknown),
    }
}

/// Stores one answer; what it was to, before, and its entry of the log. Nothing where it is there already. It refuses before it
/// writes.
async fn keep(
    transaction: &mut SqliteConnection,
    answer: &mut Verified,
    now: i64,
) -> Result<Option<(Asked, Entry)>, NodeProblem> {
    let (id, hash) = (&answer.request, answer.answer.hash());
    // What the check rested on may have changed meanwhile: the query may have ended, the node may have joined anew.
    let (asked, key) = asked(transaction, &answer.organisation, id).await?;
    if key != answer.key {
        return Err(NodeProblem::refused(
            404,
            "unknown-request",
            "this node was not asked this",
        ));
    }
    match &asked.answer_hash {
        Some(known) if known[..] == hash[..] => return Ok(None),
        Some(_) => {
            return Err(NodeProblem::refused(
                409,
                "other-answer",
                "another answer to this request is stored already",
            ));
        }
        None => {}
    }
    answers::answer_insert(
        transaction,
        id,
        &answer.key,
        &hash,
        std::mem::take(&mut answer.bytes).into(),
        now,
    )
    .await?;
    // After the query ended an answer is kept, since it was paid for, but changes no release.
    let in_time = asked.state.is_open();
    let entry = |kind, code| {
        Entry::new(kind, code)
            .node(&answer.organisation)
            .study(&asked.study)
            .query(&asked.query)
            .fact("request", id.as_str())
            .fact("answer-hash", protocol::hex(&hash))
            .fact("sealed-hash", protocol::hex(&answer.sealed_hash))
    };
    let (state, refusal, entry) = match answer.answer.said() {
        Said::Answered { receipt } => {
            let code = if in_time {
                "answer-accepted"
            } else {
                "answer-late"
            };
            let entry = entry(EntryKind::Answer, code)
                .fact("rho", receipt.rho.nano())
                .fact("charge-index", receipt.charge_index)
                .fact("policy-hash", receipt.policy_hash.as_str());
            (RequestState::Answered, None, entry)
        }
        Said::Refused { rule, field, code } => {
            let refusal = (rule.as_str(), field.as_str(), code.as_str());
            let entry = entry(EntryKind::Refusal, "node-refused")
                .fact("rule", refusal.0)
                .fact("field", refusal.1)
                .fact("reason", refusal.2);
            (RequestState::Refused, Some(refusal), entry)
        }
    };
    if in_time {
        requests::request_set_final(transaction, id, state, refusal, now).await?;
    }
    Ok(Some((asked, entry)))
}
