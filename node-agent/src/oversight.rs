//! Watching the coordinator's log: the node holds the last head it saw, asks for proof that the log extends it, and cosigns the
//! new one. A log that does not extend it raises an alarm in the node's own log; the head held before stays until officers accept another.

use crate::config::write_private;
use crate::coordinator_head;
use crate::link::LinkError;
use crate::node::Node;
use audit::{AuditError, EntryKind, Hash, NoteKey, SignedCheckpoint, verify_consistency};
use ledger::LedgerError;
use protocol::exchange::{LogHead, LogHeadWanted};

/// The code with which a coordinator says that its log is shorter than what the node holds.
pub(crate) const HISTORY_DIFFERS: &str = "history-differs";

/// Looks at the coordinator's log once; false where it does not extend the head that is held. With `anew` the head is cosigned and sent
/// though this node has cosigned it before: the coordinator may never have got that, if sending failed or the node stopped before it.
///
/// # Errors
/// [`LinkError`] where the coordinator could not be asked; a coordinator that does not show its log yet is none.
pub async fn observe(node: &Node, anew: bool, now: i64) -> Result<bool, LinkError> {
    let held = match held(node).await {
        Ok(held) => held,
        Err(error) => {
            tracing::error!(reason = %error, "what was seen of the coordinator's log could not be read");
            return Ok(true);
        }
    };
    let from = held.as_ref().map_or(0, |held| held.checkpoint().size);
    let root = held
        .as_ref()
        .map(|held| protocol::hex(&held.checkpoint().root));
    let wanted = |from, root, cosignature| LogHeadWanted {
        version: protocol::VERSION,
        from,
        root,
        cosignature,
    };
    let shown = match node.link().log_head(&wanted(from, root, None)).await {
        Err(LinkError::Refused { code, .. }) if code == HISTORY_DIFFERS => {
            alarm(node, held.as_ref(), now).await;
            return Ok(false);
        }
        Err(LinkError::Refused { status: 404, .. }) => return Ok(true),
        shown => shown?,
    };
    let Ok(head) = extends(node.coordinator_log_key(), held.as_ref(), &shown) else {
        alarm(node, held.as_ref(), now).await;
        return Ok(false);
    };
    let size = head.checkpoint().size;
    // A head that officers accepted is held before this node has cosigned it.
    let own = node.ledger().signer().witness_key().name();
    let is_cosigned = |held: &SignedCheckpoint| {
        let mut lines = held.note().signatures().iter();
        lines.any(|line| line.name() == own && line.claimed_time().is_some())
    };
    // The head that an alarm names, shown again, is cosigned anew, which ends the alarm here; the coordinator is told of it.
    let standing = coordinator_head::set_back(held.as_ref(), node.ledger().reader()).await;
    let alarmed = standing.is_ok_and(|standing| standing.is_some());
    if size == from && !alarmed && held.as_ref().is_none_or(|held| !anew && is_cosigned(held)) {
        return Ok(true);
    }
    let line = audit::cosign(
        head.checkpoint(),
        node.ledger().signer(),
        now.unsigned_abs(),
    );
    let text = line.to_string();
    let root = protocol::hex(&head.checkpoint().root);
    let note = head.with_signature(line).to_string();
    if let Err(error) = write_private(&node.dir().coordinator_head(), note.as_bytes()) {
        tracing::error!(reason = %error, "the coordinator's checkpoint could not be kept");
        return Ok(true);
    }
    (node.link())
        .log_head(&wanted(size, Some(root), Some(text)))
        .await?;
    Ok(true)
}

/// The head held.
async fn held(node: &Node) -> Result<Option<SignedCheckpoint>, LedgerError> {
    let (key, ledger) = (node.coordinator_log_key(), node.ledger().reader());
    coordinator_head::held(node.dir(), key, ledger).await
}

/// The head shown, if `key` signed it and it extends the one held.
pub(crate) fn extends(
    key: &NoteKey,
    held: Option<&SignedCheckpoint>,
    shown: &LogHead,
) -> Result<SignedCheckpoint, AuditError> {
    let signed = SignedCheckpoint::open(&shown.checkpoint, key)?;
    let proof: Vec<Hash> = (shown.consistency.iter())
        .map(|hash| protocol::from_hex::<32>(hash).ok_or(AuditError::Malformed { what: "proof" }))
        .collect::<Result<_, _>>()?;
    let head = signed.checkpoint();
    let (size, root) = held.map_or((0, audit::root(&[])), |held| {
        (held.checkpoint().size, held.checkpoint().root)
    });
    verify_consistency(size, &root, head.size, &head.root, &proof)?;
    Ok(signed)
}

/// Logs that the coordinator shows another history, once for each head held.
async fn alarm(node: &Node, held: Option<&SignedCheckpoint>, now: i64) {
    tracing::error!("the coordinator's log does not extend the one this node has seen");
    let known = coordinator_head::set_back(held, node.ledger().reader()).await;
    if known.is_ok_and(|known| known.is_some()) {
        return;
    }
    let facts = coordinator_head::alarm(held);
    if let Err(error) = node
        .ledger()
        .record(EntryKind::Alarm, &facts, &[], now)
        .await
    {
        tracing::error!(reason = %error, "the alarm could not be logged");
    }
}
