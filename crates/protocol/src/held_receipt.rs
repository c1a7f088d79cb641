//! What a node's own earlier signature proves: that it answered this request with these cells at this price.
//! A node that goes on from a backup books it; nobody else's word counts for an amount.

use crate::answer::{Answer, AnswerError, Outcome, Receipt};
use crate::dsse::{Envelope, EnvelopeError, PublicKey};
use crate::request::{Request, RequestError};
use crate::{hex, sha256};

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The answer is not signed by the node's key.
    #[error("the answer is not signed by this node's earlier key")]
    Envelope(#[from] EnvelopeError),
    /// The answer is not what was signed, or not of a version this program reads.
    #[error("the answer is not one that was signed")]
    Answer(AnswerError),
    /// The request cannot be read.
    #[error("the request cannot be read")]
    Request(#[from] RequestError),
    /// A refusal.
    #[error("not an answer with cells")]
    NoCells,
    /// The answer is to another request.
    #[error("the field `{0}` of the answer does not fit the request")]
    Mismatch(&'static str),
}

impl From<AnswerError> for ReceiptError {
    fn from(error: AnswerError) -> ReceiptError {
        match error {
            AnswerError::Envelope(error) => ReceiptError::Envelope(error),
            error => ReceiptError::Answer(error),
        }
    }
}

/// An answer that a node signed, with the request it answers.
#[derive(Clone, Debug)]
pub struct VerifiedReceipt {
    request: Request,
    request_hash: [u8; 32],
    receipt: Receipt,
    outcome: Vec<u8>,
    sealed: Vec<u8>,
}

impl VerifiedReceipt {
    /// Checks that `node_key` signed the answer, and that it binds exactly the request.
    ///
    /// The requester's signature is not looked at: the node checked it before it answered, and its own signature over the
    /// request's hash vouches for that.
    ///
    /// # Errors
    /// See [`ReceiptError`]; [`ReceiptError::NoCells`] for refusals, which cost nothing.
    pub fn verify(
        request: &Envelope,
        answer: &Envelope,
        node_key: &PublicKey,
        organisation: &str,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        let answered = Answer::signed_by(answer, std::slice::from_ref(node_key))?;
        let asked = request
            .unverified_payload()
            .ok_or(ReceiptError::Request(RequestError::Unreadable))?;
        let (request, _) = Request::parse(&asked)?;
        let request_hash = sha256(&asked);
        let fits = [
            ((1..=Answer::VERSION).contains(&answered.version), "version"),
            (answered.request_id == request.id, "request_id"),
            (answered.request_hash == hex(&request_hash), "request_hash"),
            (
                answered.node == organisation && request.node == organisation,
                "node",
            ),
        ];
        if let Some((_, field)) = fits.into_iter().find(|(fits, _)| !fits) {
            return Err(ReceiptError::Mismatch(field));
        }
        let Outcome::Answered { receipt, .. } = &answered.outcome else {
            return Err(ReceiptError::NoCells);
        };
        Ok(VerifiedReceipt {
            receipt: receipt.clone(),
            outcome: serde_json::to_vec(&answered.outcome).map_err(|_| ReceiptError::NoCells)?,
            sealed: answer.to_bytes(),
            request,
            request_hash,
        })
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// SHA-256 of the request's bytes.
    pub fn request_hash(&self) -> [u8; 32] {
        self.request_hash
    }

    /// What the node signed about mechanism and price.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The outcome's JSON, as it is kept for reuse.
    pub fn outcome(&self) -> &[u8] {
        &self.outcome
    }

    /// The answer's envelope, as it was sent.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }
}
