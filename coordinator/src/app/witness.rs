//! Witnessing nodes' logs: a head is cosigned only if it extends the last one cosigned.
//! A shorter or diverging log is refused and raises an alarm; the coordinator never repairs one.

use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::checkpoints::{self, Witnessed};
use crate::store::log::{self, Entry};
use crate::store::{organisations, restorations};
use audit::{AuditError, EntryKind, Hash, NoteKey, SignedCheckpoint};
use protocol::PublicKey;
use protocol::exchange::CheckpointOffer;
use sqlx::SqliteConnection;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use storage::WriteTransaction;

/// Most alarms remembered. Beyond them all are forgotten, and what repeats itself is logged once more: an alarm is never held back for
/// want of room.
const REMEMBERED: usize = 10_000;

/// The alarms of nodes' logs that are in the log. A node shows its head every few minutes, also one that is refused: what says nothing
/// new is refused again and not logged again.
#[derive(Default)]
pub struct Alarms {
    logged: Mutex<HashSet<String>>,
}

impl Alarms {
    pub(super) fn is_logged(&self, alarm: &str) -> bool {
        let logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.contains(alarm)
    }

    /// What was logged is over; the next is logged anew.
    pub(super) fn forget(&self, alarm: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.remove(alarm);
    }

    pub(super) fn remember(&self, alarm: String) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= REMEMBERED {
            logged.clear();
        }
        logged.insert(alarm);
    }
}

/// Cosigns the head of an organisation's log, and returns it with the cosignature.
///
/// # Errors
/// [`NodeProblem`]; `history-differs` is logged as an alarm, once for the same head held and size offered.
pub async fn cosign(
    app: &State,
    organisation: &str,
    offer: &CheckpointOffer,
) -> Result<String, NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let key = organisations::organisation_by_id(&mut transaction, organisation)
        .await?
        .and_then(|organisation| organisation.keys)
        .ok_or(CoordinatorError::Corrupt {
            what: "organisation",
        })?
        .node;
    let note_key = NoteKey::log(&protocol::node_log(organisation), key.0)?;
    let Ok(signed) = SignedCheckpoint::open(&offer.checkpoint, &note_key) else {
        let entry = Entry::new(EntryKind::Refusal, "checkpoint-refused").node(organisation);
        let problem = NodeProblem::refused(
            422,
            "signature-not-accepted",
            "sign checkpoints with the node key shown when joining",
        );
        let refusal = format!("{organisation} checkpoint-refused {key}");
        if !app.refusals.is_news(refusal, now) {
            return Err(problem);
        }
        return Err(logged(transaction, now, entry, problem).await?);
    };
    let head = signed.checkpoint().clone();
    let alarm = |code: &str, held: u64| format!("{organisation} {code} {key} {held} {}", head.size);
    if restorations::log_has_ended(&mut transaction, organisation, &key).await? {
        let entry = Entry::new(EntryKind::Alarm, "ended-log-offered")
            .node(organisation)
            .fact("node-key", key.to_string())
            .fact("offered-size", head.size);
        let problem = NodeProblem::refused(
            409,
            "log-ended",
            "this log ended; restore a backup of the log that went on: `node-agent restore`",
        );
        let alarm = alarm("ended-log-offered", 0);
        return Err(alarmed(app, transaction, now, alarm, entry, problem).await?);
    }
    let last = checkpoints::checkpoint_latest(&mut transaction, organisation, &key).await?;
    let (last_size, last_root) = match &last {
        Some(last) => (last.size, last.root),
        None => match beginning(&mut transaction, organisation, &key).await? {
            Some(beginning) => beginning,
            None => {
                let entry = Entry::new(EntryKind::Alarm, "log-without-its-past")
                    .node(organisation)
                    .fact("node-key", key.to_string())
                    .fact("offered-size", head.size);
                let problem = NodeProblem::refused(
                    409,
                    "restoration-needed",
                    "this organisation's log had another key; its data protection officer signs how it goes on: `node-agent restore`",
                );
                let alarm = alarm("log-without-its-past", 0);
                return Err(alarmed(app, transaction, now, alarm, entry, problem).await?);
            }
        },
    };
    let extends = if head.size < last_size {
        Err(AuditError::OutOfRange)
    } else if head.size == last_size {
        if head.root == last_root {
            Ok(())
        } else {
            Err(AuditError::BadProof)
        }
    } else if offer.from != last_size {
        // The node missed a reply of ours; greeting tells it what we hold.
        app.hub.ask_to_greet(organisation);
        return Err(NodeProblem::refused(
            409,
            "other-start",
            "prove from the checkpoint cosigned last; greet to learn it",
        ));
    } else {
        hashes(&offer.consistency).and_then(|proof| {
            audit::verify_consistency(last_size, &last_root, head.size, &head.root, &proof)
        })
    };
    if extends.is_err() {
        let entry = Entry::new(EntryKind::Alarm, "history-differs")
            .node(organisation)
            .fact("held-size", last_size)
            .fact("offered-size", head.size);
        let problem = NodeProblem::refused(
            409,
            "history-differs",
            "this log does not extend the one cosigned before: was it restored from a backup?",
        );
        let alarm = alarm("history-differs", last_size);
        return Err(alarmed(app, transaction, now, alarm, entry, problem).await?);
    }
    if let Some(last) = last.filter(|last| last.size == head.size) {
        return Ok(last.cosigned);
    }
    let line = audit::cosign(&head, app.database.signer(), now.unsigned_abs());
    let witnessed = Witnessed {
        size: head.size,
        root: head.root,
        cosigned: signed.with_signature(line).to_string(),
    };
    checkpoints::checkpoint_insert(&mut transaction, organisation, &key, &witnessed, now).await?;
    transaction.commit().await?;
    Ok(witnessed.cosigned)
}

/// Logs why a head is refused and hands the refusal back: the entry stands although nothing is cosigned.
async fn logged(
    mut transaction: WriteTransaction,
    now: i64,
    entry: Entry,
    problem: NodeProblem,
) -> Result<NodeProblem, CoordinatorError> {
    log::append(&mut transaction, now, entry).await?;
    transaction.commit().await?;
    Ok(problem)
}

/// As [`logged`], for an alarm that stands for all of its kind: one that is in the log already is not written again.
async fn alarmed(
    app: &State,
    transaction: WriteTransaction,
    now: i64,
    alarm: String,
    entry: Entry,
    problem: NodeProblem,
) -> Result<NodeProblem, CoordinatorError> {
    if app.alarms.is_logged(&alarm) {
        return Ok(problem);
    }
    let problem = logged(transaction, now, entry, problem).await?;
    app.alarms.remember(alarm);
    Ok(problem)
}

/// What the first head of a key's log must extend: nothing for an organisation's first log, what an officer's act kept for
/// a log that goes on; `None` where an earlier log ended without such an act.
async fn beginning(
    connection: &mut SqliteConnection,
    organisation: &str,
    key: &PublicKey,
) -> Result<Option<(u64, Hash)>, CoordinatorError> {
    let act = restorations::restoration_by_new_key(connection, organisation, key).await?;
    if let Some(act) = act {
        let root = act.kept.root_bytes().ok_or(CoordinatorError::Corrupt {
            what: "restoration",
        })?;
        return Ok(Some((act.kept.size, root)));
    }
    let earlier = restorations::earlier_key(connection, organisation, key).await?;
    Ok(earlier.is_none().then(|| (0, audit::root(&[]))))
}

/// The hashes of a proof.
pub(super) fn hashes(proof: &[String]) -> Result<Vec<Hash>, AuditError> {
    (proof.iter())
        .map(|hash| protocol::from_hex::<32>(hash).ok_or(AuditError::Malformed { what: "proof" }))
        .collect()
}
