//! What a policy decides: a permit, which only this crate can make, or a denial that names rule and field.
//! Neither ever depends on data: the decision sees the question and its price.

use crate::caps::Caps;
use crate::document::Releases;
use crate::reason::Reason;
use crate::vocabulary::Approval;
use privacy_loss::NanoRho;
use query::QueryHash;
use serde::{Deserialize, Serialize};

/// Proof that the organisation's policy allows one request. It is bound to that request, so a permit for one
/// question cannot be spent on another.
#[derive(Debug)]
pub struct Permit {
    pub(crate) rule: String,
    pub(crate) approval: Approval,
    pub(crate) releases: Releases,
    pub(crate) policy_hash: String,
    pub(crate) request_id: String,
    pub(crate) request_hash: [u8; 32],
    pub(crate) query_hash: QueryHash,
    pub(crate) dataset: String,
    pub(crate) edition: u32,
    pub(crate) study: String,
    pub(crate) purpose: String,
    pub(crate) rho: NanoRho,
    pub(crate) caps: Caps,
    pub(crate) study_limit: NanoRho,
}

impl Permit {
    /// The rule that allows it.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Whether it may be answered at once, or waits for a person.
    pub fn approval(&self) -> Approval {
        self.approval
    }

    /// What whoever receives the release owes.
    pub fn releases(&self) -> Releases {
        self.releases
    }

    /// SHA-256 of the policy in force, hex.
    pub fn policy_hash(&self) -> &str {
        &self.policy_hash
    }

    /// The request it is for.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// SHA-256 of the signed request bytes.
    pub fn request_hash(&self) -> [u8; 32] {
        self.request_hash
    }

    /// The question it is for.
    pub fn query_hash(&self) -> QueryHash {
        self.query_hash
    }

    /// The dataset it is for.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// The edition it is for.
    pub fn edition(&self) -> u32 {
        self.edition
    }

    /// The study it is for.
    pub fn study(&self) -> &str {
        &self.study
    }

    /// The purpose it is for.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// The loss it allows, exactly.
    pub fn rho(&self) -> NanoRho {
        self.rho
    }

    /// The policy's caps, which the charge must respect.
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// The most the study may ever cost this organisation, as its requester signed it; no act can raise it.
    pub fn study_limit(&self) -> NanoRho {
        self.study_limit
    }
}

/// Why a request is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("denied by {rule}: {field} ({code})")]
pub struct Denial {
    /// The rule that denies, or the nearest one that does not allow.
    pub rule: String,
    /// The first field that fails.
    pub field: String,
    /// A stable code, kebab-case.
    pub code: String,
}

impl Denial {
    pub(crate) fn new(rule: &str, reason: Reason) -> Denial {
        Denial {
            rule: rule.to_owned(),
            field: reason.field().to_owned(),
            code: reason.code().to_owned(),
        }
    }
}
