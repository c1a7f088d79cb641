//! What a node is to do now: questions of its own organisation to sign, signed requests to answer.
//! Work is offered until it is done, at most every few seconds to the same node.

use crate::CoordinatorError;
use crate::state::{App, State};
use crate::store::log::{self, Entry};
use crate::store::requests;
use crate::together::Together;
use audit::EntryKind;
use base64::prelude::{BASE64_STANDARD, Engine};
use protocol::Envelope;
use protocol::exchange::WorkItem;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;

/// Most items in one reply.
const AT_ONCE: usize = 16;

/// Work that is due for an organisation's node; what is handed out counts as offered.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn work(app: &App, organisation: &str) -> Result<Vec<WorkItem>, CoordinatorError> {
    let now = app.clock.now();
    let mut reader = app.database.read().await?;
    let (to_sign, to_answer) = requests::work_of(&mut reader, organisation, now).await?;
    let known =
        (to_sign.iter().map(String::as_str)).chain(to_answer.iter().map(|(id, _)| id.as_str()));
    let due = app.hub.due(organisation, known, AT_ONCE, Instant::now());
    let is_due = |id: &String| due.contains(id);

    let mut items = Vec::new();
    for query_id in to_sign.into_iter().filter(is_due) {
        let payloads = requests::request_payloads(&mut reader, &query_id).await?;
        items.push(WorkItem::Sign {
            query_id,
            requests: payloads
                .into_iter()
                .map(|(_, payload)| BASE64_STANDARD.encode(payload))
                .collect(),
        });
    }
    drop(reader);
    let offered: Vec<(String, Envelope)> =
        to_answer.into_iter().filter(|(id, _)| is_due(id)).collect();
    if !offered.is_empty() {
        record(app, organisation, &offered).await?;
    }
    items.extend(
        offered
            .into_iter()
            .map(|(_, request)| WorkItem::Answer { request }),
    );
    Ok(items)
}

/// Requests about to be handed to an organisation's node.
pub struct Offered {
    organisation: String,
    requests: Vec<Handed>,
}

/// A request as its requester signed it.
struct Handed {
    id: String,
    /// SHA-256 of the signed bytes, hex: what the node logs.
    hash: String,
    expires_at: i64,
}

/// Offers that wait to be recorded; each hears whether it was.
pub type Offers = Together<Offered, ()>;

async fn record(
    app: &App,
    organisation: &str,
    offered: &[(String, Envelope)],
) -> Result<(), CoordinatorError> {
    let recorded = app.offers.add(Offered {
        organisation: organisation.to_owned(),
        requests: (offered.iter())
            .map(|(id, envelope)| handed(id, envelope))
            .collect(),
    });
    let shared = Arc::clone(app);
    tokio::spawn(async move {
        let act = async |offers: &mut [Offered]| {
            let recorded = in_one_transaction(&shared, offers).await;
            let recorded = recorded.inspect_err(|error| {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "offers could not be recorded; they are made again"
                );
            });
            recorded.ok().map(|()| vec![(); offers.len()])
        };
        shared.offers.take_turn(act).await;
    });
    recorded.await.map_err(|_| CoordinatorError::NotStored)
}

/// What is handed out is logged, whatever it is: a damaged request is the node's to refuse, and keeps no other back.
fn handed(id: &str, envelope: &Envelope) -> Handed {
    let payload = envelope.unverified_payload().unwrap_or_default();
    let says: Option<Value> = serde_json::from_slice(&payload).ok();
    let expires_at = says.and_then(|says| says["expires_at"].as_i64());
    Handed {
        id: id.to_owned(),
        hash: protocol::hex(&protocol::sha256(&payload)),
        expires_at: expires_at.unwrap_or_default(),
    }
}

async fn in_one_transaction(app: &State, offers: &[Offered]) -> Result<(), CoordinatorError> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let (mut changed, mut entries) = (BTreeSet::new(), Vec::new());
    for offer in offers {
        for Handed {
            id,
            hash,
            expires_at,
        } in &offer.requests
        {
            let first = requests::request_set_offered(&mut transaction, id, now).await?;
            if let Some((query, edition)) = first {
                let entry = Entry::new(EntryKind::Request, "request-sent")
                    .node(&offer.organisation)
                    .query(&query)
                    .fact("request", id.as_str())
                    .fact("request-hash", hash.as_str())
                    .fact("expires-at", expires_at.unsigned_abs())
                    .fact("edition", u64::from(edition));
                entries.push(entry);
                changed.insert(query);
            }
        }
    }
    log::append_all(&mut transaction, now, entries).await?;
    transaction.commit().await?;
    for query in changed {
        app.hub.changed(&query);
    }
    Ok(())
}
