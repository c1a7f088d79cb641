//! Having the node's log cosigned: by the coordinator, then by every further witness, with a proof that it extends what each saw last.
//! Answers that ask at the same time are served by one round, so that a slow or silent witness is waited for once, not once for each.

use crate::config::{Config, NodeDir};
use crate::link::LinkError;
use crate::node::{Node, NodeError};
use crate::second_witness::SecondWitnesses;
use anyhow::Result;
use audit::{NoteKey, SignedCheckpoint, verify_cosignature};
use identity::SigningKey;
use ledger::Ledger;
use protocol::exchange::CheckpointOffer;
use protocol::{COORDINATOR_LOG, PublicKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// The code with which the coordinator says that it holds another history.
const HISTORY_DIFFERS: &str = "history-differs";
/// The code with which it asks for a proof from another state, one it cosigned later.
const OTHER_START: &str = "other-start";

/// What is known of the witnesses of this log.
pub(crate) struct Witnessing {
    log_key: NoteKey,
    coordinator_key: NoteKey,
    /// Size of the log that the coordinator last cosigned, as far as is known.
    witnessed: AtomicU64,
    others: SecondWitnesses,
    rounds: Rounds,
}

impl Witnessing {
    /// Those of a node: its coordinator, whose key is `coordinator`, and the configured ones.
    ///
    /// # Errors
    /// When a witness cannot be called as configured, or the ledger cannot be read.
    pub(crate) async fn open(
        dir: &NodeDir,
        config: &Config,
        key: &SigningKey,
        coordinator: PublicKey,
        ledger: &Ledger,
    ) -> Result<Witnessing> {
        let log = protocol::node_log(&config.organisation);
        Ok(Witnessing {
            log_key: NoteKey::log(&log, *key.public_key().as_bytes())?,
            coordinator_key: NoteKey::witness(COORDINATOR_LOG, coordinator.0)?,
            witnessed: AtomicU64::new(0),
            others: SecondWitnesses::open(dir, config, ledger).await?,
            rounds: Rounds::default(),
        })
    }

    pub(crate) fn others(&self) -> &SecondWitnesses {
        &self.others
    }

    fn opened(&self, note: &str) -> Result<SignedCheckpoint, NodeError> {
        SignedCheckpoint::open(note, &self.log_key).map_err(|_| NodeError::HistoryDiffers)
    }
}

/// Rounds of cosigning, one at a time. Whoever waits while a round runs that began after it asked needs none of its own: the head of
/// that round holds all that the log held when it asked.
#[derive(Default)]
struct Rounds {
    begun: AtomicU64,
    last: Mutex<Round>,
}

/// The last round that ended.
#[derive(Default)]
struct Round {
    number: u64,
    failed: Option<Arc<NodeError>>,
}

impl Rounds {
    /// Runs `round`, or takes over what came of one that began since this was called.
    async fn join<F>(&self, round: impl FnOnce() -> F) -> Result<(), NodeError>
    where
        F: Future<Output = Result<(), NodeError>>,
    {
        let asked_after = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.number <= asked_after {
            // Only whoever holds the lock counts. A round that is called off has begun and never ends: nobody takes it over.
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let failed = round().await.err().map(Arc::new);
            *last = Round { number, failed };
        }
        match &last.failed {
            Some(error) => Err(NodeError::Together(Arc::clone(error))),
            None => Ok(()),
        }
    }
}

impl NodeError {
    /// What was wrong, as the node's own log says it; where witnesses are the cause, with which of them and what it said. What lies behind
    /// other errors is left out: it might tell of the register.
    pub(crate) fn reason(&self) -> String {
        let cause = self.cause();
        match cause {
            NodeError::SecondWitness(said) => format!("{cause}: {said}"),
            NodeError::Unwitnessed(said) => format!("{cause}: {said}"),
            _ => cause.to_string(),
        }
    }
}

impl Node {
    /// Takes over what the coordinator says it last cosigned. It may only be a state this log has passed
    /// through; witnessing proves that it is before anything is charged.
    ///
    /// # Errors
    /// [`NodeError::HistoryDiffers`] when it is no checkpoint of this log.
    pub async fn remember_witnessed(&self, cosigned: Option<&str>) -> Result<(), NodeError> {
        let held = self.held(cosigned).await?;
        // Meanwhile an answer may have had a later state cosigned than this reply knew of.
        (self.witnessing().witnessed).fetch_max(held, Ordering::SeqCst);
        Ok(())
    }

    /// Size of the log that the witness says it holds; where it holds none under this key, what a restoration kept.
    async fn held(&self, cosigned: Option<&str>) -> Result<u64, NodeError> {
        match cosigned {
            Some(note) => Ok(self.witnessing().opened(note)?.checkpoint().size),
            None => {
                let kept = self.ledger().reader().kept_by_restoration().await?;
                Ok(kept.unwrap_or(0))
            }
        }
    }

    /// Proves to the coordinator and to every further witness that this log extends what each last cosigned, and has a state cosigned by
    /// all that holds every entry there is now.
    pub(crate) async fn witness(&self, now: i64) -> Result<(), NodeError> {
        let rounds = &self.witnessing().rounds;
        rounds.join(|| self.cosign_with_all(now)).await
    }

    async fn cosign_with_all(&self, now: i64) -> Result<(), NodeError> {
        let witnessed = &self.witnessing().witnessed;
        let offered = match self.offer_head(witnessed.load(Ordering::SeqCst)).await {
            // The witness cosigned a later state than we know of: its reply was lost. It says which.
            Err(NodeError::Unwitnessed(LinkError::Refused { code, .. })) if code == OTHER_START => {
                let reply = self.link().hello(&self.hello()).await?;
                let held = self.held(reply.cosigned_checkpoint.as_deref()).await?;
                self.offer_head(held).await
            }
            offered => offered,
        };
        match &offered {
            Ok(_) => self.note_coordinator(None, now),
            Err(NodeError::HistoryDiffers) => {
                self.note_coordinator(Some(witnessed.load(Ordering::SeqCst)), now);
            }
            // Out of reach: the link knows since when.
            Err(_) => {}
        }
        let head = offered?;
        witnessed.store(head.checkpoint().size, Ordering::SeqCst);
        self.cosign_with_others(&head, now).await
    }

    /// Has the present head cosigned by the coordinator, proving that it extends the log of `from` entries; returns it.
    async fn offer_head(&self, from: u64) -> Result<SignedCheckpoint, NodeError> {
        let head = self.ledger().checkpoint().await?;
        let size = head.checkpoint().size;
        if size < from {
            return Err(NodeError::HistoryDiffers);
        }
        let consistency = self.ledger().consistency(from, size).await?;
        let offer = CheckpointOffer {
            version: protocol::VERSION,
            checkpoint: head.to_string(),
            from,
            consistency: consistency.iter().map(|hash| protocol::hex(hash)).collect(),
        };
        let reply = match self.link().checkpoint(&offer).await {
            Ok(reply) => reply,
            Err(LinkError::Refused { code, .. }) if code == HISTORY_DIFFERS => {
                return Err(NodeError::HistoryDiffers);
            }
            Err(error) => return Err(error.into()),
        };
        let key = &self.witnessing().coordinator_key;
        let cosigned = self.witnessing().opened(&reply.checkpoint)?;
        let line = (cosigned.note().signatures().iter())
            .find(|line| verify_cosignature(head.checkpoint(), line, key).is_ok())
            .ok_or(NodeError::HistoryDiffers)?;
        self.ledger().store_cosignature(&head, line, key).await?;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::Semaphore;

    /// Rounds that run until they are let go; counts them.
    #[derive(Default)]
    struct Desk {
        rounds: Rounds,
        ran: AtomicUsize,
        fails: bool,
    }

    impl Desk {
        async fn ask(&self, gate: &Semaphore) -> Result<(), NodeError> {
            let round = || async {
                self.ran.fetch_add(1, Ordering::SeqCst);
                let held = gate.acquire().await;
                held.expect("never closed").forget();
                if self.fails {
                    return Err(NodeError::HistoryDiffers);
                }
                Ok(())
            };
            self.rounds.join(round).await
        }
    }

    /// Ten ask, the first of them alone: how many rounds ran, and how many were told that it failed.
    async fn ten_ask(fails: bool) -> (usize, usize) {
        let desk = Arc::new(Desk {
            fails,
            ..Desk::default()
        });
        let gate = Arc::new(Semaphore::new(0));
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (desk, gate) = (Arc::clone(&desk), Arc::clone(&gate));
            asked.spawn(async move { desk.ask(&gate).await });
            // On one thread each gets as far as it can before the next one asks.
            tokio::task::yield_now().await;
        }
        gate.add_permits(10);
        let outcomes = asked.join_all().await;
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        (desk.ran.load(Ordering::SeqCst), failed)
    }

    #[tokio::test]
    async fn who_asks_while_a_round_runs_shares_the_next_one_and_never_the_running_one() {
        assert_eq!(ten_ask(false).await, (2, 0));
        assert_eq!(ten_ask(true).await, (2, 10));
    }

    #[tokio::test]
    async fn a_round_that_was_called_off_counts_for_nobody() {
        let desk = Desk::default();
        let gate = Semaphore::new(0);
        {
            let mut called_off = Box::pin(desk.ask(&gate));
            assert!(futures_are_pending(&mut called_off).await);
        }
        gate.add_permits(1);
        assert!(desk.ask(&gate).await.is_ok());
        assert_eq!(desk.ran.load(Ordering::SeqCst), 2);
    }

    async fn futures_are_pending(future: &mut std::pin::Pin<Box<impl Future>>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }
}
