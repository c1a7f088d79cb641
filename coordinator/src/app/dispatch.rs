//! What a node is to do now: questions of its own organisation to sign, signed requests to answer.
//! Work is offered until it is done, at most every few seconds to the same node.

use crate::CoordinatorError;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::{queries, requests};
use audit::EntryKind;
use base64::prelude::{BASE64_STANDARD, Engine};
use protocol::Envelope;
use protocol::exchange::WorkItem;
use tokio::time::Instant;

/// Most items in one reply.
const AT_ONCE: usize = 16;

/// Work that is due for an organisation's node; what is handed out counts as offered.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn work(app: &State, organisation: &str) -> Result<Vec<WorkItem>, CoordinatorError> {
    let now = app.clock.now();
    let mut reader = app.database.read().await?;
    let to_sign = queries::queries_to_sign(&mut reader, organisation, now).await?;
    let to_answer = requests::requests_to_answer(&mut reader, organisation, now).await?;
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
        record(app, organisation, &offered, now).await?;
    }
    items.extend(
        offered
            .into_iter()
            .map(|(_, request)| WorkItem::Answer { request }),
    );
    Ok(items)
}

async fn record(
    app: &State,
    organisation: &str,
    offered: &[(String, Envelope)],
    now: i64,
) -> Result<(), CoordinatorError> {
    let mut transaction = app.database.write().await?;
    let mut changed = Vec::new();
    for (id, _) in offered {
        if !requests::request_set_offered(&mut transaction, id, now).await? {
            continue;
        }
        if let Some(request) = requests::request_by_id(&mut transaction, id).await? {
            let entry = Entry::new(EntryKind::Request, "request-sent")
                .node(organisation)
                .query(&request.query)
                .fact("request", id.as_str())
                .fact("edition", u64::from(request.edition));
            log::append(&mut transaction, now, entry).await?;
            changed.push(request.query);
        }
    }
    transaction.commit().await?;
    for query in changed {
        app.hub.changed(&query);
    }
    Ok(())
}
