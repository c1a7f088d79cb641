//! What an organisation offers, as its node signs it for everybody: public facts of places and services, never of persons.
//! Each version replaces the one before; an older one is never taken back.

use crate::dsse::{Envelope, EnvelopeError, PublicKey};
use crate::is_identifier;
use offer::{NotPublishable, Offer};
use serde::{Deserialize, Serialize};

/// A published offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferNotice {
    /// Format version, 1.
    pub version: u32,
    /// Whose offer it is.
    pub organisation: String,
    /// Counts up from 1 with every change.
    pub revision: u64,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
    /// Sites and services.
    pub offer: Offer,
}

/// Why an offer is not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferNoticeError {
    /// The envelope does not hold.
    #[error("the signature of the offer is not accepted")]
    Envelope(#[from] EnvelopeError),
    /// Not an offer of this version.
    #[error("not an offer this version can read")]
    Unreadable,
    /// A field breaks its rule.
    #[error("the field `{field}` {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What would be right.
        problem: &'static str,
    },
    /// The offer itself may not be published.
    #[error("the offer may not be published")]
    NotPublishable(#[from] NotPublishable),
}

impl OfferNotice {
    /// Payload type of a signed offer.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.offer+json";

    /// Checks every rule that needs no signature.
    ///
    /// # Errors
    /// See [`OfferNoticeError`].
    pub fn check(&self, organisation: &str) -> Result<(), OfferNoticeError> {
        let rules = [
            (self.version == crate::VERSION, "version", "must be 1"),
            (
                is_identifier(organisation) && self.organisation == organisation,
                "organisation",
                "is another organisation's",
            ),
            (
                (1..=i64::MAX as u64).contains(&self.revision),
                "revision",
                "must count up from 1",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, problem)) => Err(OfferNoticeError::Invalid { field, problem }),
            None => Ok(self.offer.check_publishable()?),
        }
    }

    /// Opens an offer that the organisation's node signed.
    ///
    /// # Errors
    /// See [`OfferNoticeError`].
    pub fn verify(
        envelope: &Envelope,
        node: &PublicKey,
        organisation: &str,
    ) -> Result<OfferNotice, OfferNoticeError> {
        let (payload, _) = envelope.verify(OfferNotice::TYPE, std::slice::from_ref(node))?;
        let notice: OfferNotice =
            serde_json::from_slice(&payload).map_err(|_| OfferNoticeError::Unreadable)?;
        notice.check(organisation)?;
        Ok(notice)
    }
}
