//! What the organisation offers, signed for the coordinator where the policy lets it be published. Public facts of places and
//! services; nothing of the register is ever in it.

use crate::config::{NodeDir, write_private};
use crate::keys;
use anyhow::{Context, Result, ensure};
use identity::SigningKey;
use offer::Offer;
use policy::Authorizer;
use protocol::{Envelope, OfferNotice};

/// The offer last signed, with its envelope; `None` where none was.
///
/// # Errors
/// When the file is damaged.
pub fn signed(dir: &NodeDir) -> Result<Option<(Envelope, OfferNotice)>> {
    let path = dir.offer();
    if !path.exists() {
        return Ok(None);
    }
    let damaged = || format!("{} is damaged; publish the offer again", path.display());
    let bytes = std::fs::read(&path).with_context(damaged)?;
    let envelope: Envelope = serde_json::from_slice(&bytes).with_context(damaged)?;
    let payload = envelope.unverified_payload().with_context(damaged)?;
    let notice = serde_json::from_slice(&payload).with_context(damaged)?;
    Ok(Some((envelope, notice)))
}

/// Whether an offer names neither sites nor services, as one does that takes back another.
pub(crate) fn is_empty(offer: &Offer) -> bool {
    offer.sites.is_empty() && offer.services.is_empty()
}

/// Signs an offer as the next version. Taking everything back is allowed whatever the policy says.
///
/// # Errors
/// When the policy does not allow it, or the offer may not be published.
pub fn sign(dir: &NodeDir, policy: &Authorizer, offer: Offer, now: i64) -> Result<OfferNotice> {
    ensure!(
        policy.document().publish_offer || is_empty(&offer),
        "the policy in force does not let the offer be published; the data protection officer can write `publish_offer = true` and \
         sign the policy"
    );
    let config = dir.read_config()?;
    // The number only counts up: where the last offer cannot be read, time makes it later than any before.
    let last = signed(dir).map_or(now.max(0) as u64, |last| {
        last.map_or(0, |(_, notice)| notice.revision)
    });
    let notice = OfferNotice {
        version: protocol::VERSION,
        organisation: config.organisation.clone(),
        revision: last + 1,
        signed_at: now,
        offer,
    };
    notice.check(&config.organisation)?;
    let key = SigningKey::load(&dir.key(keys::NODE))?;
    let envelope = keys::sign_json(&key, OfferNotice::TYPE, &notice)?;
    write_private(&dir.offer(), &serde_json::to_vec(&envelope)?)?;
    Ok(notice)
}

/// Signs an empty offer as the next version where the policy does not let the one signed last be published; `None` where nothing is
/// to be taken back. Allowing it again publishes nothing by itself: the offer is then published anew.
///
/// # Errors
/// When it cannot be signed.
pub(crate) fn withdraw_when_forbidden(
    dir: &NodeDir,
    policy: &Authorizer,
    now: i64,
) -> Result<Option<OfferNotice>> {
    if policy.document().publish_offer {
        return Ok(None);
    }
    match signed(dir) {
        Ok(None) => Ok(None),
        Ok(Some((_, notice))) if is_empty(&notice.offer) => Ok(None),
        // One that cannot be read may have been published.
        Ok(Some(_)) | Err(_) => sign(dir, policy, Offer::default(), now).map(Some),
    }
}
