//! A person's word on one request that the policy leaves to a person. The person is shown the question, never data.

use crate::budget::{ActError, common_rules, first_broken};
use crate::dsse::{Envelope, PublicKey};
use crate::from_hex;
use serde::{Deserialize, Serialize};

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It may be answered.
    Approved,
    /// It is refused.
    Refused,
}

impl Word {
    /// The word in tables and logs.
    pub fn id(self) -> &'static str {
        match self {
            Word::Approved => "approved",
            Word::Refused => "refused",
        }
    }

    /// What that word stands for.
    pub fn from_id(id: &str) -> Option<Word> {
        [Word::Approved, Word::Refused]
            .into_iter()
            .find(|word| word.id() == id)
    }
}

/// Approves or refuses one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation that is asked.
    pub organisation: String,
    /// The request.
    pub request: String,
    /// SHA-256 of its signed bytes, hex.
    pub request_hash: String,
    /// What is said.
    pub word: Word,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When, Unix seconds.
    pub signed_at: i64,
}

impl Approval {
    /// Payload type of a signed approval.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.approval+json";

    /// Checks every rule that needs neither clock nor ledger.
    ///
    /// # Errors
    /// [`ActError::Invalid`] naming the first field that breaks its rule.
    pub fn check(&self, organisation: &str) -> Result<(), ActError> {
        first_broken(common_rules(
            self.version,
            &self.id,
            &self.organisation,
            organisation,
            &self.reason,
        ))?;
        first_broken([
            (
                from_hex::<16>(&self.request).is_some(),
                "request",
                "must be 32 hexadecimal digits",
            ),
            (
                from_hex::<32>(&self.request_hash).is_some(),
                "request_hash",
                "must be 64 hexadecimal digits",
            ),
        ])
    }
}

/// An approval or refusal that a pinned officer signed.
#[derive(Clone, Debug)]
pub struct VerifiedApproval {
    act: Approval,
    hash: [u8; 32],
    signer: PublicKey,
    envelope: Envelope,
}

impl VerifiedApproval {
    /// Checks signature and rules.
    ///
    /// # Errors
    /// See [`ActError`].
    pub fn verify(
        envelope: &Envelope,
        officers: &[PublicKey],
        organisation: &str,
    ) -> Result<VerifiedApproval, ActError> {
        let (payload, signer) = envelope.verify(Approval::TYPE, officers)?;
        let act: Approval = serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
        act.check(organisation)?;
        Ok(VerifiedApproval {
            act,
            hash: crate::sha256(&payload),
            signer,
            envelope: envelope.clone(),
        })
    }

    /// The act.
    pub fn act(&self) -> &Approval {
        &self.act
    }

    /// SHA-256 of the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The officer's key.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The act as signed.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
