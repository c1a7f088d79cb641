//! The coordinator's log as this node holds it: the head that it cosigned last, or the one that its officers accepted in that one's place.
//! The ledger decides which: an acceptance counts as soon as it is entered, whatever lies in the folder.

use crate::config::{Config, NodeDir};
use crate::keys;
use anyhow::Result;
use audit::{EntryKind, Fact, NoteKey, SignedCheckpoint};
use ledger::{LedgerError, LedgerReader};
use protocol::{COORDINATOR_LOG, LogState};
use serde::Serialize;

/// The code of the alarm that the coordinator shows another history than the node holds.
pub(crate) const ALARM: &str = "coordinator-history-differs";

/// That the coordinator shows another history than this node holds, most often because it was restored from a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SetBack {
    /// Entries of the head that this node holds.
    pub(crate) held: u64,
    /// Since when, Unix seconds.
    pub(crate) since: i64,
}

/// The key of the coordinator's log.
///
/// # Errors
/// When the node has not joined.
pub(crate) fn log_key(dir: &NodeDir) -> Result<NoteKey> {
    let coordinator = keys::read_public(&dir.key(keys::COORDINATOR))?;
    Ok(NoteKey::log(COORDINATOR_LOG, coordinator.0)?)
}

/// A head as acts name it.
pub(crate) fn state_of(head: &SignedCheckpoint) -> LogState {
    LogState::new(head.checkpoint().size, &head.checkpoint().root)
}

/// The head held, if its signature is the coordinator's; none before the first was seen.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn held(
    dir: &NodeDir,
    key: &NoteKey,
    ledger: &LedgerReader,
) -> Result<Option<SignedCheckpoint>, LedgerError> {
    let note = std::fs::read_to_string(dir.coordinator_head()).ok();
    let mut held = note.and_then(|note| SignedCheckpoint::open(&note, key).ok());
    for accepted in ledger.acceptances().await? {
        // The very note that it names: the same head cosigned anew, from a log that was found again, is held again.
        if held.as_ref().map(ToString::to_string).as_ref() == Some(&accepted.act.held_note) {
            held = SignedCheckpoint::open(&accepted.act.accepted_note, key).ok();
        }
    }
    Ok(held)
}

/// The facts of the alarm that the coordinator shows another history than `held`. They name the very note: the same head cosigned anew,
/// from a log that was found again, ends the alarm.
pub(crate) fn alarm(held: Option<&SignedCheckpoint>) -> Vec<(&'static str, Fact)> {
    let mut facts = vec![
        ("by", Fact::from("coordinator")),
        ("code", Fact::from(ALARM)),
        (
            "held-size",
            Fact::from(held.map_or(0, |held| held.checkpoint().size)),
        ),
    ];
    facts.extend(held.map(|held| ("held-note", Fact::from(note_hash(held)))));
    facts
}

fn note_hash(head: &SignedCheckpoint) -> String {
    protocol::hex(&protocol::sha256(head.to_string().as_bytes()))
}

fn cosigned_after(head: &SignedCheckpoint, moment: i64) -> bool {
    let lines = head.note().signatures().iter();
    (lines.filter_map(|line| line.claimed_time()))
        .any(|at| i64::try_from(at).is_ok_and(|at| at > moment))
}

/// Whether the coordinator showed another history than the head that is held now: the alarm of it is in the log, and neither has it shown
/// that head or a later one since nor have officers accepted another.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn set_back(
    held: Option<&SignedCheckpoint>,
    ledger: &LedgerReader,
) -> Result<Option<SetBack>, LedgerError> {
    let Some(held) = held else {
        return Ok(None);
    };
    let (size, note) = (held.checkpoint().size, note_hash(held));
    let accepted = ledger.latest(EntryKind::Acceptance).await?;
    let after = accepted.map_or(0, |header| header.index);
    let alarms = ledger.of_kind(EntryKind::Alarm).await?;
    Ok((alarms.iter().rev())
        .find(|header| {
            header.index >= after
                && header.text("code") == Some(ALARM)
                && header.number("held-size") == Some(size)
                && match header.text("held-note") {
                    Some(named) => named == note,
                    // Alarms of earlier versions name no note: one cosigned later than such an alarm is not the one it meant.
                    None => !cosigned_after(held, header.at),
                }
        })
        .map(|header| SetBack {
            held: size,
            since: header.at,
        }))
}

/// As [`set_back`], for whoever has the folder alone; nothing before the node joined and served.
///
/// # Errors
/// As [`set_back`].
pub(crate) async fn standing(
    dir: &NodeDir,
    config: &Config,
    ledger: Option<&LedgerReader>,
) -> Result<Option<SetBack>> {
    let (Some(ledger), Some(_)) = (ledger, &config.coordinator) else {
        return Ok(None);
    };
    let held = held(dir, &log_key(dir)?, ledger).await?;
    Ok(set_back(held.as_ref(), ledger).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::LogSigner;
    use identity::SigningKey;
    use ledger::Ledger;

    fn signer(name: &str) -> LogSigner {
        let key = SigningKey::ephemeral().expect("a key");
        let public = *key.public_key().as_bytes();
        LogSigner::new(name, public, move |bytes| key.sign(bytes)).expect("a signer")
    }

    #[tokio::test]
    async fn an_alarm_stands_until_the_head_held_is_cosigned_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = protocol::node_log("cooperativa-lambro");
        let database = folder.path().join("node.db");
        let ledger = (Ledger::open(&database, signer(&node)).await).expect("a ledger");
        let head = SignedCheckpoint::sign(5, [7; 32], &signer(COORDINATOR_LOG));
        let witness = signer(&node);
        let cosigned = |at| {
            let line = audit::cosign(head.checkpoint(), &witness, at);
            head.clone().with_signature(line)
        };
        let standing = async |held: &SignedCheckpoint| {
            let standing = set_back(Some(held), ledger.reader()).await;
            standing.expect("read").map(|it| (it.held, it.since))
        };
        let held = cosigned(100);
        assert_eq!(standing(&held).await, None);
        (ledger
            .record(EntryKind::Alarm, &alarm(Some(&held)), &[], 200)
            .await)
            .expect("logged");
        assert_eq!(standing(&held).await, Some((5, 200)));
        let anew = cosigned(300);
        assert_eq!(standing(&anew).await, None);
        // As an earlier version wrote it.
        let nameless = &alarm(Some(&anew))[..3];
        (ledger.record(EntryKind::Alarm, nameless, &[], 400).await).expect("logged");
        assert_eq!(standing(&anew).await, Some((5, 400)));
        assert_eq!(standing(&cosigned(500)).await, None);
    }
}
