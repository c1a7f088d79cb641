//! What organisations offer: taken in as their nodes signed it, and read by whoever plans.

use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::offers::{self, StoredOffer};
use crate::store::organisations;
use audit::EntryKind;
use protocol::{Envelope, OfferNotice};

/// An offer that is in use, with the SHA-256 of what was signed.
#[derive(Clone, Debug)]
pub struct PublishedOffer {
    /// What was signed.
    pub notice: OfferNotice,
    /// SHA-256 of the signed bytes, hex.
    pub hash: String,
    /// When it came in, Unix seconds.
    pub at: i64,
}

/// Takes in the offer that an organisation's node signed; the same or an earlier version changes nothing.
///
/// # Errors
/// [`NodeProblem`].
pub async fn take_in(
    app: &State,
    organisation: &str,
    envelope: &Envelope,
) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let keys = organisations::organisation_by_id(&mut transaction, organisation)
        .await?
        .and_then(|organisation| organisation.keys)
        .ok_or(CoordinatorError::Corrupt {
            what: "organisation",
        })?;
    let notice = OfferNotice::verify(envelope, &keys.node, organisation).map_err(|_| {
        NodeProblem::refused(
            422,
            "offer-not-accepted",
            "sign the offer with the node's key, and name targets and services of the taxonomy used here",
        )
    })?;
    let stored = StoredOffer {
        organisation: organisation.to_owned(),
        revision: notice.revision,
        envelope: envelope.clone(),
        at: now,
    };
    if offers::offer_replace(&mut transaction, &stored).await? {
        let payload = envelope.unverified_payload().unwrap_or_default();
        let entry = Entry::new(EntryKind::AdminAct, "offer-published")
            .node(organisation)
            .fact("revision", notice.revision)
            .fact("offer-hash", protocol::hex(&protocol::sha256(&payload)))
            .fact("sites", notice.offer.sites.len() as u64)
            .fact("services", notice.offer.services.len() as u64);
        log::append(&mut transaction, now, entry).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Every offer in use. Signatures were checked before they were stored.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn published(app: &State) -> Result<Vec<PublishedOffer>, CoordinatorError> {
    let mut reader = app.database.read().await?;
    let stored = offers::offers(&mut reader).await?;
    let corrupt = || CoordinatorError::Corrupt { what: "offer" };
    (stored.into_iter())
        .map(|stored| {
            let payload = stored.envelope.unverified_payload().ok_or_else(corrupt)?;
            Ok(PublishedOffer {
                notice: serde_json::from_slice(&payload).map_err(|_| corrupt())?,
                hash: protocol::hex(&protocol::sha256(&payload)),
                at: stored.at,
            })
        })
        .collect()
}
