//! A person's word on one request that the policy leaves to a person. The person is shown the question, never data.

use crate::act::{Act, ActHead, Quorum, Rule, SignedAct, act_head};
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
    /// Format version, 2; 1 is still read.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation that is asked.
    pub organisation: String,
    /// The request.
    pub request: String,
    /// SHA-256 of its signed bytes, hex: what is approved is exactly that question.
    pub request_hash: String,
    /// SHA-256 of the policy in force when it was said, hex; an approval ends with that policy. Stated from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_hash: Option<String>,
    /// What is said.
    pub word: Word,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When, Unix seconds.
    pub signed_at: i64,
}

impl Approval {
    /// Whether it can have been said under a policy; one of version 1 does not say.
    pub fn is_under(&self, policy_hash: &str) -> bool {
        (self.policy_hash.as_deref()).is_none_or(|stated| stated == policy_hash)
    }
}

impl Act for Approval {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.approval+json";
    const VERSION: u32 = 2;
    const QUORUM: Quorum = Quorum::Officer;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        vec![
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
            (
                self.version < Self::VERSION
                    || (self.policy_hash.as_deref()).is_some_and(|it| from_hex::<32>(it).is_some()),
                "policy_hash",
                "must be the 64 hexadecimal digits of the policy in force",
            ),
            (
                self.version >= Self::VERSION || self.policy_hash.is_none(),
                "policy_hash",
                "is not part of version 1",
            ),
        ]
    }
}

/// An approval or refusal that a pinned officer signed.
pub type VerifiedApproval = SignedAct<Approval>;
