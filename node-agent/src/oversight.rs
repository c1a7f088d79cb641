//! Watching the coordinator's log: the node holds the last head it saw, asks for proof that the log extends it, and cosigns the
//! new one. A log that does not extend it raises an alarm in the node's own log; the head held before stays.

use crate::config::write_private;
use crate::link::LinkError;
use crate::node::Node;
use audit::{AuditError, EntryKind, Fact, Hash, SignedCheckpoint, verify_consistency};
use protocol::exchange::{LogHead, LogHeadWanted};

/// The code with which a coordinator says that its log is shorter than what the node holds, and that of the alarm.
const HISTORY_DIFFERS: &str = "history-differs";
const ALARM: &str = "coordinator-history-differs";

/// Looks at the coordinator's log once.
///
/// # Errors
/// [`LinkError`] where the coordinator could not be asked; a coordinator that does not show its log yet is none.
pub async fn observe(node: &Node, now: i64) -> Result<(), LinkError> {
    let held = held(node);
    let from = held.as_ref().map_or(0, |held| held.checkpoint().size);
    let wanted = |from, cosignature| LogHeadWanted {
        version: protocol::VERSION,
        from,
        cosignature,
    };
    let shown = match node.link().log_head(&wanted(from, None)).await {
        Err(LinkError::Refused { code, .. }) if code == HISTORY_DIFFERS => {
            alarm(node, from, now).await;
            return Ok(());
        }
        Err(LinkError::Refused { status: 404, .. }) => return Ok(()),
        shown => shown?,
    };
    let Ok(head) = extends(node, held.as_ref(), &shown) else {
        alarm(node, from, now).await;
        return Ok(());
    };
    let size = head.checkpoint().size;
    if size == from {
        return Ok(());
    }
    let line = audit::cosign(
        head.checkpoint(),
        node.ledger().signer(),
        now.unsigned_abs(),
    );
    let text = line.to_string();
    let note = head.with_signature(line).to_string();
    if let Err(error) = write_private(&node.dir().coordinator_head(), note.as_bytes()) {
        tracing::error!(reason = %error, "the coordinator's checkpoint could not be kept");
        return Ok(());
    }
    node.link().log_head(&wanted(size, Some(text))).await?;
    Ok(())
}

/// The head held, if its signature is the coordinator's.
fn held(node: &Node) -> Option<SignedCheckpoint> {
    let note = std::fs::read_to_string(node.dir().coordinator_head()).ok()?;
    SignedCheckpoint::open(&note, node.coordinator_log_key()).ok()
}

/// The head shown, if it is the coordinator's and extends the one held.
fn extends(
    node: &Node,
    held: Option<&SignedCheckpoint>,
    shown: &LogHead,
) -> Result<SignedCheckpoint, AuditError> {
    let signed = SignedCheckpoint::open(&shown.checkpoint, node.coordinator_log_key())?;
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
async fn alarm(node: &Node, held_size: u64, now: i64) {
    tracing::error!("the coordinator's log does not extend the one this node has seen");
    let latest = node.ledger().reader().latest(EntryKind::Alarm).await;
    let is_known = latest.ok().flatten().is_some_and(|header| {
        header.text("code") == Some(ALARM) && header.number("held-size") == Some(held_size)
    });
    if is_known {
        return;
    }
    let facts = [
        ("by", Fact::from("coordinator")),
        ("code", Fact::from(ALARM)),
        ("held-size", Fact::from(held_size)),
    ];
    if let Err(error) = node
        .ledger()
        .record(EntryKind::Alarm, &facts, &[], now)
        .await
    {
        tracing::error!(reason = %error, "the alarm could not be logged");
    }
}
