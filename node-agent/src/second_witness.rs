//! Witnesses of this node's log besides the coordinator: each cosigns the same head, so that the coordinator and this node alone cannot
//! agree on another past. Where one is configured, nothing is charged and no answer leaves without it; why one does not cosign is kept
//! beside the ledger for the node's page and `node-agent status`.

use crate::config::{Config, NodeDir, write_private};
use crate::editions;
use crate::node::{Node, NodeError};
use anyhow::Result;
use audit::{EntryKind, Fact, SignedCheckpoint};
use ledger::{Ledger, LedgerReader};
use protocol::COORDINATOR_LOG;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use witness::{Client, SubmitError};

/// How often the head is shown to the witnesses where no question needs it, so that one out of reach is seen before.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// The code of the alarm that a witness saw another history of this log.
const ALARM: &str = "second-witness-history-differs";

/// Why a witness does not cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// It does not reply, or not as a witness does.
    OutOfReach,
    /// It does not take the heads of this log.
    Refused {
        /// Its HTTP status.
        status: u16,
    },
    /// It saw another history of this log.
    HistoryDiffers {
        /// Entries of the head it holds.
        held: u64,
    },
}

/// That a witness does not cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Why.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Since when, Unix seconds.
    pub since: i64,
}

/// How a configured witness stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Entries of the last head that it cosigned; none so far.
    pub cosigned: Option<u64>,
    /// Why it does not cosign; nothing where it does, or where nothing was asked of it yet.
    pub fault: Option<Fault>,
}

/// How the configured witnesses stand, as the serving node noted it.
///
/// # Errors
/// When the ledger cannot be read or the configuration names a witness twice.
pub async fn standings(
    dir: &NodeDir,
    config: &Config,
    ledger: Option<&LedgerReader>,
) -> Result<Vec<Standing>> {
    let faults = read_faults(dir);
    let clients = Client::all(&config.witnesses, dir.path())?;
    // The coordinator is a witness too; out of reach it shows elsewhere.
    let mut standings: Vec<Standing> = (faults.get(COORDINATOR_LOG).copied().into_iter())
        .map(|fault| Standing {
            name: COORDINATOR_LOG.to_owned(),
            address: config.coordinator.clone().unwrap_or_default(),
            cosigned: None,
            fault: Some(fault),
        })
        .collect();
    for (client, configured) in clients.iter().zip(&config.witnesses) {
        let name = client.key().name();
        let last = match ledger {
            Some(ledger) => ledger.last_cosigned(name).await?,
            None => None,
        };
        standings.push(Standing {
            name: name.to_owned(),
            address: configured.address.clone(),
            cosigned: last.map(|head| head.size),
            fault: faults.get(name).copied(),
        });
    }
    Ok(standings)
}

fn read_faults(dir: &NodeDir) -> BTreeMap<String, Fault> {
    let text = std::fs::read(dir.witness_faults()).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The configured witnesses.
pub(crate) struct SecondWitnesses {
    clients: Vec<(Client, AtomicU64)>,
    /// Those that do not cosign, by name; written down with each change.
    faults: Mutex<BTreeMap<String, Fault>>,
}

impl SecondWitnesses {
    /// Those of the configuration; what each cosigned last is in the ledger.
    ///
    /// # Errors
    /// When one cannot be called as configured, one name is there twice, or the ledger cannot be read.
    pub(crate) async fn open(dir: &NodeDir, config: &Config, ledger: &Ledger) -> Result<Self> {
        let mut clients = Vec::new();
        for client in Client::all(&config.witnesses, dir.path())? {
            let last = ledger.reader().last_cosigned(client.key().name()).await?;
            clients.push((client, AtomicU64::new(last.map_or(0, |head| head.size))));
        }
        let mut faults = read_faults(dir);
        let configured = |name: &str| {
            clients
                .iter()
                .any(|(client, _)| client.key().name() == name)
        };
        faults.retain(|name, _| name == COORDINATOR_LOG || configured(name));
        Ok(SecondWitnesses {
            clients,
            faults: Mutex::new(faults),
        })
    }

    /// Whether there is something to find out without a question: how a further witness stands, or whether the coordinator still holds
    /// another history.
    fn are_to_be_asked(&self) -> bool {
        let faults = (self.faults.lock()).unwrap_or_else(PoisonError::into_inner);
        !self.clients.is_empty() || !faults.is_empty()
    }

    /// Notes how a call went, and returns what was known of the witness before. That it saw another history is known until it cosigns:
    /// a witness that falls silent or turns the log away takes nothing back.
    fn note(&self, dir: &NodeDir, name: &str, kind: Option<FaultKind>, now: i64) -> Option<Fault> {
        let mut faults = (self.faults.lock()).unwrap_or_else(PoisonError::into_inner);
        let before = faults.get(name).copied();
        let differs = |kind: FaultKind| matches!(kind, FaultKind::HistoryDiffers { .. });
        let stays =
            before.is_some_and(|it| differs(it.kind)) && kind.is_some_and(|it| !differs(it));
        if stays || before.map(|fault| fault.kind) == kind {
            return before;
        }
        match kind {
            Some(kind) => faults.insert(name.to_owned(), Fault { kind, since: now }),
            None => faults.remove(name),
        };
        let written = serde_json::to_vec(&*faults).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|text| write_private(&dir.witness_faults(), &text)) {
            tracing::error!(reason = %error, "how a witness stands could not be written down");
        }
        before
    }
}

/// Shows the head to the witnesses now and then, for ever; what comes of it is noted. It appends nothing to the log. To be started once
/// the node has greeted; while the edition that is due is not there it shows nothing, so that the node is silent towards everybody and
/// nobody can tell how long building takes from what it shows to whom.
pub(crate) async fn watch(node: Arc<Node>) {
    loop {
        let now = crate::clock::now();
        let is_current = node.edition_number() == Some(editions::number_at(now));
        if is_current
            && !node.dir().is_paused()
            && node.witnessing().others().are_to_be_asked()
            && let Err(error) = node.witness(now).await
        {
            tracing::warn!(reason = %error.reason(), "the log is not cosigned by all its witnesses");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

impl Node {
    /// Notes whether the coordinator, which is a witness too, saw another history of this log.
    pub(crate) fn note_coordinator(&self, differs: Option<u64>, now: i64) {
        let kind = differs.map(|held| FaultKind::HistoryDiffers { held });
        let witnesses = self.witnessing().others();
        witnesses.note(self.dir(), COORDINATOR_LOG, kind, now);
    }

    /// Has every further witness cosign `head`.
    ///
    /// # Errors
    /// [`NodeError::HistoryDiffers`] where one saw another history, logged as an alarm; [`NodeError::SecondWitness`] where one cannot
    /// be reached or does not take this log's heads.
    pub(crate) async fn cosign_with_others(
        &self,
        head: &SignedCheckpoint,
        now: i64,
    ) -> Result<(), NodeError> {
        let size = head.checkpoint().size;
        let witnesses = self.witnessing().others();
        for (client, held) in &witnesses.clients {
            let name = client.key().name();
            let proof = |from| self.ledger().consistency(from, size);
            let submitted = client.submit(head, held.load(Ordering::SeqCst), proof);
            match submitted.await {
                Ok(line) => {
                    (self.ledger())
                        .store_cosignature(head, &line, client.key())
                        .await?;
                    held.store(size, Ordering::SeqCst);
                    witnesses.note(self.dir(), name, None, now);
                }
                Err(SubmitError::HistoryDiffers { held, .. }) => {
                    let kind = FaultKind::HistoryDiffers { held };
                    let before = witnesses.note(self.dir(), name, Some(kind), now);
                    // Its word is not signed: one alarm is enough until it cosigns again.
                    let told =
                        |fault: Fault| matches!(fault.kind, FaultKind::HistoryDiffers { .. });
                    if !before.is_some_and(told) {
                        self.log_other_history(name, held, now).await;
                    }
                    return Err(NodeError::HistoryDiffers);
                }
                Err(error) => {
                    let kind = match &error {
                        SubmitError::Refused { status, .. } => {
                            Some(FaultKind::Refused { status: *status })
                        }
                        SubmitError::Unreachable(_) => Some(FaultKind::OutOfReach),
                        // The node's own ledger could not be read: that is not the witness's doing.
                        _ => None,
                    };
                    if kind.is_some() {
                        witnesses.note(self.dir(), name, kind, now);
                    }
                    return Err(NodeError::SecondWitness(error));
                }
            }
        }
        Ok(())
    }

    /// Logs that a witness saw another history, once for each head it holds.
    async fn log_other_history(&self, witness: &str, held: u64, now: i64) {
        tracing::error!(witness, held, "a witness saw another history of this log");
        let latest = self.ledger().reader().latest(EntryKind::Alarm).await;
        let is_known = latest.ok().flatten().is_some_and(|header| {
            header.text("code") == Some(ALARM)
                && header.text("by") == Some(witness)
                && header.number("held-size") == Some(held)
        });
        if is_known {
            return;
        }
        let facts = [
            ("by", Fact::from(witness)),
            ("code", Fact::from(ALARM)),
            ("held-size", Fact::from(held)),
        ];
        let recorded = self.ledger().record(EntryKind::Alarm, &facts, &[], now);
        if let Err(error) = recorded.await {
            tracing::error!(reason = %error, "the alarm could not be logged");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_history_is_known_until_the_witness_cosigns() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = NodeDir::new(folder.path());
        let witnesses = SecondWitnesses {
            clients: Vec::new(),
            faults: Mutex::default(),
        };
        let differs = |held| FaultKind::HistoryDiffers { held };
        let (silent, refused) = (FaultKind::OutOfReach, FaultKind::Refused { status: 403 });
        assert!(!witnesses.are_to_be_asked());
        for (now, said, known) in [
            (1, Some(silent), Some((silent, 1))),
            (2, Some(refused), Some((refused, 2))),
            (3, Some(differs(7)), Some((differs(7), 3))),
            (4, Some(silent), Some((differs(7), 3))),
            (5, Some(refused), Some((differs(7), 3))),
            (6, Some(differs(8)), Some((differs(8), 6))),
            (7, None, None),
            (8, Some(silent), Some((silent, 8))),
        ] {
            witnesses.note(&dir, "university.example/witness", said, now);
            let known = known.map(|(kind, since)| Fault { kind, since });
            let noted = read_faults(&dir).remove("university.example/witness");
            assert_eq!(noted, known, "{now}");
            assert_eq!(witnesses.are_to_be_asked(), known.is_some());
        }
    }
}
