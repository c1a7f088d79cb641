//! Showing nodes the head of the coordinator's own log: a node holds the last one it saw, is shown that the log extends it,
//! and cosigns. So the coordinator cannot rewrite what a node has seen without that node finding out.

use super::oversight::alerts::SET_BACK;
use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::checkpoints::Cosigner;
use crate::store::log::Entry;
use crate::store::{checkpoints, log, organisations};
use audit::{Checkpoint, EntryKind, NoteKey, NoteSignature, verify_cosignature};
use protocol::exchange::{LogHead, LogHeadWanted};
use sqlx::SqliteConnection;
use storage::WriteTransaction;

/// The head, with the proof that it extends the one of `wanted.from` entries; takes in the node's cosignature of that one.
///
/// # Errors
/// [`NodeProblem`]: `history-differs` where this log is shorter than what the node holds, `signature-not-accepted` for a line
/// that is no cosignature of it.
pub async fn head(
    app: &State,
    organisation: &str,
    wanted: &LogHeadWanted,
) -> Result<LogHead, NodeProblem> {
    let mut transaction = app.database.write().await?;
    let tree = merkle_log::tree(&mut transaction)
        .await
        .map_err(CoordinatorError::from)?;
    if !holds(&mut transaction, wanted, tree.size()).await? {
        tell(app, transaction, organisation, wanted.from, tree.size()).await?;
        return Err(NodeProblem::refused(
            409,
            "history-differs",
            "this log is not the one you hold a head of: the coordinator was restored from a backup",
        ));
    }
    if let Some(line) = &wanted.cosignature {
        keep(&mut transaction, app, organisation, wanted.from, line).await?;
    }
    let consistency = merkle_log::consistency(&mut transaction, wanted.from, tree.size())
        .await
        .map_err(CoordinatorError::from)?;
    let checkpoint = log::checkpoint(&mut transaction, app.database.signer()).await?;
    transaction.commit().await?;
    Ok(LogHead {
        checkpoint: checkpoint.to_string(),
        consistency: consistency.iter().map(|hash| protocol::hex(hash)).collect(),
    })
}

/// Whether this log passes through the head that a node holds, as far as the node tells it.
async fn holds(
    connection: &mut SqliteConnection,
    wanted: &LogHeadWanted,
    size: u64,
) -> Result<bool, CoordinatorError> {
    let is_told = wanted.from > 0 && wanted.from <= size;
    let Some(root) = wanted.root.as_ref().filter(|_| is_told) else {
        return Ok(wanted.from <= size);
    };
    let own = merkle_log::root_at(connection, wanted.from).await?;
    Ok(protocol::hex(&own) == *root)
}

/// The alarm that a node holds another history of this log, as [`State::alarms`] remembers it.
fn set_back(organisation: &str) -> String {
    format!("{organisation} {SET_BACK}")
}

/// Logs that a node holds another history of this log, once until it cosigns this one: an administrator who restored a backup learns
/// whose officers have yet to accept that, and no node fills the log by claiming ever other heads.
async fn tell(
    app: &State,
    mut transaction: WriteTransaction,
    organisation: &str,
    held: u64,
    size: u64,
) -> Result<(), CoordinatorError> {
    let alarm = set_back(organisation);
    if app.alarms.is_logged(&alarm) {
        return Ok(());
    }
    let entry = Entry::new(EntryKind::Alarm, SET_BACK)
        .node(organisation)
        .fact("held-size", held)
        .fact("offered-size", size);
    log::append(&mut transaction, app.clock.now(), entry).await?;
    transaction.commit().await?;
    app.alarms.remember(alarm);
    Ok(())
}

async fn keep(
    connection: &mut SqliteConnection,
    app: &State,
    organisation: &str,
    size: u64,
    line: &str,
) -> Result<(), NodeProblem> {
    let key = organisations::organisation_by_id(connection, organisation)
        .await?
        .and_then(|organisation| organisation.keys)
        .ok_or(CoordinatorError::Corrupt {
            what: "organisation",
        })?
        .node;
    let root = merkle_log::root_at(connection, size)
        .await
        .map_err(CoordinatorError::from)?;
    let head = Checkpoint {
        origin: protocol::COORDINATOR_LOG.to_owned(),
        size,
        root,
    };
    let witness = NoteKey::witness(&protocol::node_log(organisation), key.0)
        .map_err(CoordinatorError::from)?;
    let fits = NoteSignature::parse(line)
        .and_then(|line| verify_cosignature(&head, &line, &witness))
        .is_ok();
    if !fits {
        return Err(NodeProblem::refused(
            422,
            "signature-not-accepted",
            "cosign the checkpoint of this log that you were shown, with the node key shown when joining",
        ));
    }
    let now = app.clock.now();
    let by = Cosigner::Node(organisation);
    checkpoints::cosignature_insert(connection, by, size, line, now).await?;
    app.alarms.forget(&set_back(organisation));
    Ok(())
}
