//! The sealed answer: the only thing that leaves the node. Its one constructor for cells takes permit, debit and
//! noise, so that an answer without any of them does not compile.

use crate::keys;
use crate::node::NodeError;
use identity::SigningKey;
use ledger::Debit;
use mechanism::{MECHANISM, NOISE_SOURCE, Noisy};
use policy::{Denial, Permit};
use protocol::{Answer, Audience, Obligations, Outcome, Receipt, VerifiedRequest};

/// A signed answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAnswer {
    envelope: Vec<u8>,
    /// The outcome's JSON, kept so that the same question can be answered again at no loss.
    outcome: Vec<u8>,
}

impl SealedAnswer {
    /// Seals noisy cells. The permit is consumed: it was for this one answer.
    pub(crate) fn seal(
        permit: Permit,
        debit: &Debit,
        noisy: Noisy<Vec<i64>>,
        request: &VerifiedRequest,
        key: &SigningKey,
    ) -> Result<SealedAnswer, NodeError> {
        let slices = noisy.price().slices.iter();
        let bounds = request.query().bounds();
        let receipt = Receipt {
            mechanism: MECHANISM.to_owned(),
            slices: slices.map(Into::into).collect(),
            cells_per_unit: bounds.cells,
            per_cell: bounds.per_cell,
            rho: debit.rho(),
            reused: false,
            noise_source: NOISE_SOURCE.to_owned(),
            edition: permit.edition(),
            rule: permit.rule().to_owned(),
            policy_hash: permit.policy_hash().to_owned(),
            charge_index: debit.leaf_index(),
            obligations: Some(obligations(&permit)),
        };
        let outcome = Outcome::Answered {
            cells: noisy.cells().clone(),
            receipt,
        };
        SealedAnswer::sign(
            outcome,
            &request.request().id,
            request.hash_hex(),
            &request.request().node,
            key,
        )
    }

    /// Seals cells that were released before, for another request with a permit of its own.
    pub(crate) fn reseal(
        permit: Permit,
        stored_outcome: &[u8],
        request: &VerifiedRequest,
        key: &SigningKey,
    ) -> Result<SealedAnswer, NodeError> {
        let mut outcome: Outcome = serde_json::from_slice(stored_outcome)?;
        if let Outcome::Answered { receipt, .. } = &mut outcome {
            receipt.reused = true;
            receipt.rule = permit.rule().to_owned();
            receipt.policy_hash = permit.policy_hash().to_owned();
            receipt.obligations = Some(obligations(&permit));
        }
        SealedAnswer::sign(
            outcome,
            &request.request().id,
            request.hash_hex(),
            &request.request().node,
            key,
        )
    }

    /// Seals a refusal. Nothing was computed.
    pub(crate) fn refusal(
        request_id: &str,
        request_hash: String,
        node: &str,
        denial: Denial,
        key: &SigningKey,
    ) -> Result<SealedAnswer, NodeError> {
        let outcome = Outcome::Refused {
            rule: denial.rule,
            field: denial.field,
            code: denial.code,
        };
        SealedAnswer::sign(outcome, request_id, request_hash, node, key)
    }

    /// An answer as it was stored and perhaps sent before.
    pub(crate) fn stored(envelope: Vec<u8>) -> SealedAnswer {
        SealedAnswer {
            envelope,
            outcome: Vec::new(),
        }
    }

    fn sign(
        outcome: Outcome,
        request_id: &str,
        request_hash: String,
        node: &str,
        key: &SigningKey,
    ) -> Result<SealedAnswer, NodeError> {
        let stored = serde_json::to_vec(&outcome)?;
        let answer = Answer {
            version: Answer::VERSION,
            request_id: request_id.to_owned(),
            request_hash,
            node: node.to_owned(),
            outcome,
        };
        let envelope = answer.seal(&keys::public(key), |bytes| key.sign(bytes))?;
        Ok(SealedAnswer {
            envelope: envelope.to_bytes(),
            outcome: stored,
        })
    }

    /// The signed envelope as [`protocol::Envelope::to_bytes`] writes it, as sent.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }

    /// The outcome's JSON.
    pub(crate) fn outcome(&self) -> &[u8] {
        &self.outcome
    }
}

/// What the policy asks of whoever receives the answer.
fn obligations(permit: &Permit) -> Obligations {
    let releases = permit.releases();
    Obligations {
        display_minimum: releases.display_minimum,
        retention_months: releases.retention_months,
        audience: match releases.audience {
            policy::Audience::Requester => Audience::Requester,
            policy::Audience::Participants => Audience::Participants,
            policy::Audience::Public => Audience::Public,
        },
    }
}
