//! Witnesses of the coordinator's own log besides the nodes: each is shown every new head and cosigns it, so that coordinator and nodes
//! together cannot agree on another past. One that saw another history raises an alarm; nothing here ever repairs a log.

use crate::CoordinatorError;
use crate::state::{App, State};
use crate::store::checkpoints::{self, Cosigner};
use crate::store::log::{self, Entry};
use audit::EntryKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use witness::{Client, SubmitError};

/// How often the head is shown.
const EVERY: Duration = Duration::from_secs(10);

/// That a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The witness's name.
    pub name: String,
    /// The HTTP status with which it turns the log away; none where it does not reply.
    pub status: Option<u16>,
    /// Since when, Unix seconds, as far as this process knows.
    pub since: i64,
}

/// The witnesses that do not cosign, as this process found them; one that saw another history is an alarm in the log instead.
#[derive(Default)]
pub struct WitnessFaults {
    by_key: Mutex<BTreeMap<String, Fault>>,
}

impl WitnessFaults {
    /// Those there are, by name.
    pub fn all(&self) -> Vec<Fault> {
        let faults = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        faults.values().cloned().collect()
    }

    fn note(&self, client: &Client, status: Option<u16>, now: i64) {
        let mut faults = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults
            .entry(client.key().to_string())
            .or_insert_with(|| Fault {
                name: client.key().name().to_owned(),
                status,
                since: now,
            });
        fault.status = status;
    }

    fn clear(&self, client: &Client) {
        let mut faults = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        faults.remove(&client.key().to_string());
    }
}

/// The clients of the configured witnesses.
///
/// # Errors
/// [`SubmitError::Configuration`] naming the key and the remedy.
pub fn clients(app: &State) -> Result<Vec<Client>, SubmitError> {
    // The configuration's paths are independent of any folder already.
    Client::all(&app.config.witnesses, std::path::Path::new(""))
}

/// Shows the head to every witness, for ever.
pub async fn watch(app: App, clients: Vec<Client>) {
    let mut told = BTreeSet::new();
    loop {
        for client in &clients {
            if let Err(error) = show(&app, client, &mut told).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the log could not be shown to a witness"
                );
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Has one witness cosign the present head. Where it says that it saw another history, there is one alarm until it cosigns again:
/// its word is not signed, and whoever stands in the way could claim another history at every call.
///
/// # Errors
/// [`CoordinatorError`] where the database fails.
pub async fn show(
    app: &State,
    client: &Client,
    told: &mut BTreeSet<String>,
) -> Result<(), CoordinatorError> {
    let key = client.key().to_string();
    let (held, head) = {
        let mut reader = app.database.read_transaction().await?;
        let held = checkpoints::witness_latest(&mut reader, &key).await?;
        (
            held,
            log::checkpoint(&mut reader, app.database.signer()).await?,
        )
    };
    let size = head.checkpoint().size;
    if held == size {
        app.witness_faults.clear(client);
        return Ok(());
    }
    let proof = |from| async move {
        let mut reader = app.database.read_transaction().await?;
        Ok::<_, CoordinatorError>(merkle_log::consistency(&mut reader, from, size).await?)
    };
    match client.submit(&head, held, proof).await {
        Ok(line) => {
            let mut transaction = app.database.write().await?;
            let (text, now) = (line.to_string(), app.clock.now());
            let by = Cosigner::Witness(&key);
            checkpoints::cosignature_insert(&mut transaction, by, size, &text, now).await?;
            transaction.commit().await?;
            told.remove(&key);
            app.witness_faults.clear(client);
            Ok(())
        }
        Err(SubmitError::HistoryDiffers { name, held }) => {
            app.witness_faults.clear(client);
            tracing::error!(
                witness = name,
                held,
                "a witness saw another history of this log"
            );
            if !told.insert(key) {
                return Ok(());
            }
            let mut transaction = app.database.write().await?;
            let entry = Entry::new(EntryKind::Alarm, "witness-history-differs")
                .fact("witness", name)
                .fact("held-size", held)
                .fact("offered-size", size);
            log::append(&mut transaction, app.clock.now(), entry).await?;
            Ok(transaction.commit().await?)
        }
        Err(error) => {
            let now = app.clock.now();
            match &error {
                SubmitError::Refused { status, .. } => {
                    app.witness_faults.note(client, Some(*status), now);
                }
                SubmitError::Unreachable(_) => app.witness_faults.note(client, None, now),
                // The coordinator's own log could not be read: that is not the witness's doing.
                _ => {}
            }
            tracing::warn!(reason = %error, "a witness did not cosign the log; trying again");
            Ok(())
        }
    }
}
