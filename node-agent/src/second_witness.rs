//! Witnesses of this node's log besides the coordinator: each cosigns the same head, so that the coordinator and this node alone cannot
//! agree on another past. Where one is configured, nothing is charged and no answer leaves without it.

use crate::config::{Config, NodeDir};
use crate::node::{Node, NodeError};
use anyhow::Result;
use audit::{EntryKind, Fact, SignedCheckpoint};
use ledger::Ledger;
use tokio::sync::Mutex;
use witness::{Client, SubmitError};

/// The code of the alarm that a witness saw another history of this log.
const ALARM: &str = "second-witness-history-differs";

/// The configured witnesses.
pub(crate) struct SecondWitnesses(Vec<(Client, Mutex<Known>)>);

/// What is known of a witness.
struct Known {
    /// The size it holds.
    held: u64,
    /// Whether it said that it saw another history, and did not cosign since. Its word is not signed: one alarm is enough.
    contradicted: bool,
}

impl SecondWitnesses {
    /// Those of the configuration; what each cosigned last is in the ledger.
    ///
    /// # Errors
    /// When one cannot be called as configured, or the ledger cannot be read.
    pub(crate) async fn open(dir: &NodeDir, config: &Config, ledger: &Ledger) -> Result<Self> {
        let mut witnesses = Vec::new();
        for configured in &config.witnesses {
            let client = Client::new(configured, dir.path())?;
            let last = ledger.reader().last_cosigned(client.key().name()).await?;
            let known = Known {
                held: last.map_or(0, |head| head.size),
                contradicted: false,
            };
            witnesses.push((client, Mutex::new(known)));
        }
        Ok(SecondWitnesses(witnesses))
    }
}

impl Node {
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
        for (client, known) in &self.second_witnesses().0 {
            let mut known = known.lock().await;
            let proof = |from| self.ledger().consistency(from, size);
            match client.submit(head, known.held, proof).await {
                Ok(line) => {
                    (self.ledger())
                        .store_cosignature(head, &line, client.key())
                        .await?;
                    *known = Known {
                        held: size,
                        contradicted: false,
                    };
                }
                Err(SubmitError::HistoryDiffers { name, held }) => {
                    if !std::mem::replace(&mut known.contradicted, true) {
                        self.log_other_history(&name, held, now).await;
                    }
                    return Err(NodeError::HistoryDiffers);
                }
                Err(error) => return Err(NodeError::SecondWitness(error)),
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
