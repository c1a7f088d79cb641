//! Deciding a request: compiled rules, then every hard limit once more outside them.
//! It sees the question, the study and the price; it has no way to see data. Unknown, error or panic is a denial.

use crate::caps::Caps;
use crate::day::Day;
use crate::document::{PolicyDocument, Rule};
use crate::enforcer::CompiledRules;
use crate::error::PolicyError;
use crate::permit::{Denial, Permit};
use crate::question::Question;
use crate::reason::Reason;
use crate::rules::{self, Miss, Reading};
use crate::vocabulary::Approval;
use privacy_loss::Price;
use protocol::{Officers, PublicKey, VerifiedRequest, VerifiedStudy};

/// What is to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The study, countersigned by this organisation's officer.
    pub study: &'a VerifiedStudy,
    /// The request.
    pub request: &'a VerifiedRequest,
    /// Its price, from `privacy_loss::price`.
    pub price: &'a Price,
    /// Now, Unix seconds.
    pub now: i64,
}

/// A policy in force.
pub struct Authorizer {
    document: PolicyDocument,
    hash: String,
    rules: CompiledRules,
}

impl Authorizer {
    /// Reads, checks and compiles a policy document. The result is complete or does not exist.
    ///
    /// # Errors
    /// [`PolicyError`], naming the key and the remedy.
    pub fn from_toml(text: &str) -> Result<Authorizer, PolicyError> {
        let document = PolicyDocument::parse(text)?;
        let rules = CompiledRules::compile(&document)?;
        Ok(Authorizer {
            document,
            hash: protocol::hex(&protocol::sha256(text.as_bytes())),
            rules,
        })
    }

    /// SHA-256 of the document's bytes, hex: that of the policy in every log entry and receipt.
    pub fn policy_hash(&self) -> &str {
        &self.hash
    }

    /// The document.
    pub fn document(&self) -> &PolicyDocument {
        &self.document
    }

    /// The caps.
    pub fn caps(&self) -> &Caps {
        &self.document.caps
    }

    /// Every requester's pinned keys.
    pub fn requester_keys(&self) -> Vec<PublicKey> {
        (self.document.requesters.iter())
            .flat_map(|requester| requester.keys.clone())
            .collect()
    }

    /// The officers' pinned keys.
    pub fn dpo_keys(&self) -> Vec<PublicKey> {
        self.document.dpo.keys.clone()
    }

    /// Who may sign this organisation's acts.
    pub fn officers(&self) -> Officers {
        let dpo = &self.document.dpo;
        Officers {
            keys: dpo.keys.clone(),
            second_keys: dpo.second_keys.clone(),
            threshold: dpo.threshold(),
        }
    }

    /// Pinned keys of persons who may only add a second signature.
    pub fn second_keys(&self) -> Vec<PublicKey> {
        self.document.dpo.second_keys.clone()
    }

    /// Decides.
    ///
    /// # Errors
    /// A [`Denial`] naming the nearest rule, the first field that fails, and a code.
    pub fn decide(&self, ask: &Ask<'_>) -> Result<Permit, Denial> {
        if let Some(reason) = self.broken_limit(ask) {
            return Err(Denial::new("hard-limits", reason));
        }
        let rule = self.allowing(&Question::of(ask))?;
        let (request, study) = (ask.request.request(), ask.study.study());
        Ok(Permit {
            rule: rule.id.clone(),
            approval: rule.approval(),
            releases: self.document.releases_of(rule),
            policy_hash: self.hash.clone(),
            request_id: request.id.clone(),
            request_hash: ask.request.hash(),
            query_hash: ask.request.query().hash(),
            dataset: request.dataset.clone(),
            edition: request.edition,
            study: study.id.clone(),
            purpose: request.purpose.clone(),
            rho: ask.price.rho,
            caps: self.document.caps.clone(),
            study_limit: study.max_rho_total,
        })
    }

    /// What the rules alone say of a question, to try a policy out: it proves nothing and permits nothing.
    pub fn judge(&self, question: &Question) -> Verdict {
        match self.allowing(question) {
            Ok(rule) => Verdict::Allowed {
                rule: rule.id.clone(),
                approval: rule.approval(),
            },
            Err(denial) => Verdict::Denied(denial),
        }
    }

    /// The permission that covers a question.
    fn allowing(&self, question: &Question) -> Result<&Rule, Denial> {
        if !self.document.in_force(question.day) {
            return Err(Denial::new("policy", Reason::PolicyNotInForce));
        }
        let rule = match rules::read(&self.document, question) {
            Reading::Allowed(rule) => rule,
            Reading::Denied(rule) => return Err(Denial::new(&rule.id, Reason::Denied)),
            Reading::Uncovered(Some(Miss { rule, reason })) => {
                return Err(Denial::new(&rule.id, reason));
            }
            Reading::Uncovered(None) => return Err(Denial::new("policy", Reason::NoRule)),
        };
        // Two readers of the same rules must agree before anything is allowed.
        if !self.rules.allow(&self.document, rule, question) {
            return Err(Denial::new("policy", Reason::NotAllowed));
        }
        // What the rule limits, once more and outside both.
        if rule
            .finest_level
            .is_none_or(|limit| !question.level.within(limit))
        {
            return Err(Denial::new(&rule.id, Reason::Level));
        }
        if rule
            .max_rho_per_query
            .is_none_or(|limit| question.rho > limit)
        {
            return Err(Denial::new(&rule.id, Reason::Rho));
        }
        Ok(rule)
    }

    /// The first limit that does not hold, of those that hold whatever the rules say.
    fn broken_limit(&self, ask: &Ask<'_>) -> Option<Reason> {
        let (request, query, study) = (
            ask.request.request(),
            ask.request.query(),
            ask.study.study(),
        );
        let pinned = self.document.keys_of(&request.requester);
        let lists = |ids: &[String], id: &str| ids.iter().any(|listed| listed == id);
        let limits = [
            (
                request.node == self.document.organisation,
                Reason::OtherNode,
            ),
            (pinned.contains(&ask.request.signer()), Reason::RequesterKey),
            (pinned.contains(&ask.study.signer()), Reason::StudyKey),
            (study.requester == request.requester, Reason::OtherRequester),
            (study.id == request.study, Reason::OtherStudy),
            (
                protocol::hex(&ask.study.hash()) == request.study_hash,
                Reason::OtherStudyText,
            ),
            (study.in_force(ask.now), Reason::StudyNotInForce),
            (
                request.expires_at <= study.valid_until,
                Reason::AfterTheStudy,
            ),
            (
                lists(&study.participants, &self.document.organisation),
                Reason::NotAParticipant,
            ),
            (study.purpose == request.purpose, Reason::OtherPurpose),
            (
                lists(&study.measures, query.measure().id()),
                Reason::MeasureNotInStudy,
            ),
            (
                (query.named_targets().iter()).all(|target| lists(&study.targets, target)),
                Reason::TargetNotInStudy,
            ),
            (
                query.level().within(study.finest_level),
                Reason::FinerThanStudy,
            ),
            (ask.price.rho == request.rho, Reason::OtherPrice),
            (ask.price.rho.nano() > 0, Reason::NothingOffered),
            (
                request.rho <= study.max_rho_per_query,
                Reason::OverStudyLimit,
            ),
            (
                self.document.in_force(Day::of(ask.now)),
                Reason::PolicyNotInForce,
            ),
        ];
        (limits.into_iter())
            .find(|(holds, _)| !holds)
            .map(|(_, reason)| reason)
    }
}

/// What the rules say of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed.
    Allowed {
        /// The rule that allows it.
        rule: String,
        /// At once, or after a person's approval.
        approval: Approval,
    },
    /// Denied.
    Denied(Denial),
}
