//! The requester's node hands in what it signed: all requests of a query, byte for byte, or why it did not.
//! Only the key that organisation pinned when it joined counts; the coordinator can sign nothing itself.

use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::queries::QueryState;
use crate::store::requests::RequestState;
use crate::store::{organisations, queries, requests};
use audit::EntryKind;
use protocol::exchange::Signed;
use protocol::{Envelope, PublicKey, Request};
use std::collections::BTreeSet;

/// Takes in signed requests.
///
/// # Errors
/// [`NodeProblem`]; nothing is stored then but the log entry of a refusal.
pub async fn signed(app: &State, organisation: &str, signed: &Signed) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let unknown = NodeProblem::refused(
        404,
        "unknown-query",
        "this organisation was not asked to sign this query",
    );
    let query = match queries::query_by_id(&mut transaction, &signed.query_id).await? {
        Some(query) if query.requester == organisation => query,
        _ => return Err(unknown),
    };
    match query.state {
        QueryState::Signing if query.expires_at > now => {}
        // The reply to an earlier call may have been lost.
        QueryState::Collecting | QueryState::Released => return Ok(()),
        _ => {
            return Err(NodeProblem::refused(
                409,
                "query-not-open",
                "the query is not open any more",
            ));
        }
    }
    let mut woken = BTreeSet::new();
    if let Some(declined) = &signed.declined {
        let printable = |text: &str| {
            text.chars()
                .take(64)
                .filter(|c| c.is_ascii_graphic())
                .collect::<String>()
        };
        let (field, code) = (printable(&declined.field), printable(&declined.code));
        queries::query_set_declined(&mut transaction, &query.id, &field, &code).await?;
        for request in requests::requests_of_query(&mut transaction, &query.id).await? {
            requests::request_set_final(
                &mut transaction,
                &request.id,
                RequestState::Expired,
                None,
                now,
            )
            .await?;
        }
        let entry = Entry::new(EntryKind::Refusal, "query-declined")
            .node(organisation)
            .study(&query.study)
            .query(&query.id)
            .fact("field", field)
            .fact("reason", code);
        log::append(&mut transaction, now, entry).await?;
    } else {
        let key = organisations::organisation_by_id(&mut transaction, organisation)
            .await?
            .and_then(|organisation| organisation.keys?.requester);
        let payloads = requests::request_payloads(&mut transaction, &query.id).await?;
        let checked = match key {
            Some(key) => check(&payloads, &signed.requests, &key),
            None => Err("no-requester-key"),
        };
        let envelopes = match checked {
            Ok(envelopes) => envelopes,
            Err(code) => {
                let entry = Entry::new(EntryKind::Refusal, "signature-refused")
                    .node(organisation)
                    .query(&query.id)
                    .fact("reason", code);
                log::append(&mut transaction, now, entry).await?;
                transaction.commit().await?;
                return Err(NodeProblem::refused(
                    422,
                    code,
                    "sign exactly the bytes handed out, all of them, with the requester key shown when joining",
                ));
            }
        };
        for (id, envelope) in envelopes {
            requests::request_set_signed(&mut transaction, id, envelope, now).await?;
        }
        queries::query_set_state(&mut transaction, &query.id, QueryState::Collecting).await?;
        let entry = Entry::new(EntryKind::Request, "query-signed")
            .node(organisation)
            .study(&query.study)
            .query(&query.id)
            .fact("requests", payloads.len() as u64);
        log::append(&mut transaction, now, entry).await?;
        for request in requests::requests_of_query(&mut transaction, &query.id).await? {
            woken.insert(request.organisation);
        }
    }
    transaction.commit().await?;
    app.hub.changed(&query.id);
    for organisation in woken {
        app.hub.wake(&organisation);
    }
    Ok(())
}

/// Pairs every request with an envelope over exactly its bytes.
fn check<'a>(
    payloads: &'a [(String, Vec<u8>)],
    envelopes: &'a [Envelope],
    key: &PublicKey,
) -> Result<Vec<(&'a str, &'a Envelope)>, &'static str> {
    let mut opened = Vec::new();
    for envelope in envelopes {
        let (payload, _) = envelope
            .verify(Request::TYPE, std::slice::from_ref(key))
            .map_err(|_| "signature-not-accepted")?;
        opened.push((payload, envelope));
    }
    if opened.len() != payloads.len() {
        return Err("not-all-requests");
    }
    payloads
        .iter()
        .map(|(id, payload)| {
            opened
                .iter()
                .find(|(signed, _)| signed == payload)
                .map(|(_, envelope)| (id.as_str(), *envelope))
                .ok_or("other-bytes")
        })
        .collect()
}
