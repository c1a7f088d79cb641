//! Deciding a request: compiled rules, then every hard limit once more outside them.
//! It sees the question, the study and the price; it has no way to see data. Unknown, error or panic is a denial.

use crate::caps::Caps;
use crate::document::{ANY, Effect, PolicyDocument, Rule};
use crate::enforcer::{CompiledRules, Facts};
use crate::error::PolicyError;
use crate::permit::{Denial, Permit};
use privacy_loss::Price;
use protocol::{PublicKey, VerifiedRequest, VerifiedStudy};
use taxonomy::Taxonomy;

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

    /// SHA-256 of the document's bytes, hex.
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

    /// Pinned keys of persons who may only add a second signature.
    pub fn second_keys(&self) -> Vec<PublicKey> {
        self.document.dpo.second_keys.clone()
    }

    /// Decides.
    ///
    /// # Errors
    /// A [`Denial`] naming the nearest rule, the first field that fails, and a code.
    pub fn decide(&self, ask: &Ask<'_>) -> Result<Permit, Denial> {
        self.hard_limits(ask)?;
        let facts = facts(ask);
        let rule = self.explain(&facts)?;
        // Two readers of the same rules must agree before anything is allowed.
        if !self.rules.allow(&facts) {
            return Err(denial("policy", "rules", "not-allowed"));
        }
        let (request, study) = (ask.request.request(), ask.study.study());
        Ok(Permit {
            rule: rule.id.clone(),
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

    /// What holds whatever the rules say.
    fn hard_limits(&self, ask: &Ask<'_>) -> Result<(), Denial> {
        let (request, query, study) = (
            ask.request.request(),
            ask.request.query(),
            ask.study.study(),
        );
        let pinned = self.document.keys_of(&request.requester);
        let targets = query.named_targets();
        let limits = [
            (
                request.node == self.document.organisation,
                "node",
                "addressed-to-another-node",
            ),
            (
                pinned.contains(&ask.request.signer()),
                "requester",
                "key-not-pinned",
            ),
            (
                pinned.contains(&ask.study.signer()),
                "study",
                "key-not-pinned",
            ),
            (
                study.requester == request.requester,
                "requester",
                "other-than-the-study",
            ),
            (study.id == request.study, "study", "other-study"),
            (
                protocol::hex(&ask.study.hash()) == request.study_hash,
                "study_hash",
                "other-study-text",
            ),
            (study.in_force(ask.now), "study", "not-in-force"),
            (
                request.expires_at <= study.valid_until,
                "expires_at",
                "after-the-study",
            ),
            (
                study.participants.contains(&self.document.organisation),
                "study",
                "not-a-participant",
            ),
            (
                study.purpose == request.purpose,
                "purpose",
                "other-than-the-study",
            ),
            (
                study.measures.iter().any(|m| m == query.measure().id()),
                "measure",
                "not-in-the-study",
            ),
            (
                targets
                    .iter()
                    .all(|target| study.targets.iter().any(|t| t == target)),
                "targets",
                "not-in-the-study",
            ),
            (
                query.level().within(study.finest_level),
                "level",
                "finer-than-the-study",
            ),
            (ask.price.rho == request.rho, "rho", "other-than-the-price"),
            (ask.price.rho.nano() > 0, "rho", "nothing-offered"),
            (
                request.rho <= study.max_rho_per_query,
                "rho",
                "over-the-study-limit",
            ),
        ];
        match limits.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, code)) => Err(denial("hard-limits", field, code)),
            None => Ok(()),
        }
    }

    /// The permission that covers the facts, unless a denial does; else the nearest rule and its first failing field.
    fn explain(&self, facts: &Facts) -> Result<&Rule, Denial> {
        let chain = self.document.purpose_chain(&facts.purpose);
        let (denials, permissions): (Vec<&Rule>, Vec<&Rule>) = self
            .document
            .rules
            .iter()
            .partition(|rule| rule.effect == Effect::Deny);
        if let Some(rule) = denials
            .iter()
            .find(|rule| failing(rule, facts, &chain).is_none())
        {
            return Err(denial(&rule.id, "targets", "denied"));
        }
        let mut nearest: Option<(usize, Denial)> = None;
        for rule in permissions {
            let Some((place, field, code)) = failing(rule, facts, &chain) else {
                return Ok(rule);
            };
            if nearest.as_ref().is_none_or(|(best, _)| place > *best) {
                nearest = Some((place, denial(&rule.id, field, code)));
            }
        }
        Err(nearest.map_or_else(
            || denial("policy", "rules", "no-rule-allows"),
            |(_, denial)| denial,
        ))
    }
}

fn facts(ask: &Ask<'_>) -> Facts {
    let query = ask.request.query();
    let targets: Vec<String> = query
        .named_targets()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let sensitive = (targets.iter())
        .filter(|id| {
            Taxonomy::built_in()
                .target(id)
                .is_none_or(|target| target.sensitive)
        })
        .cloned()
        .collect();
    Facts {
        requester: ask.request.request().requester.clone(),
        purpose: ask.request.request().purpose.clone(),
        lawful_basis: ask.study.study().lawful_basis.clone(),
        measure: query.measure().id().to_owned(),
        targets,
        sensitive,
        level: query.level(),
        rho_nano: ask.price.rho.nano(),
    }
}

/// The first field of a rule that does not fit, with its place in the order of checking; `None` if the rule applies.
fn failing(
    rule: &Rule,
    facts: &Facts,
    chain: &[&str],
) -> Option<(usize, &'static str, &'static str)> {
    let has = |set: &[String], id: &str| set.iter().any(|member| member == ANY || member == id);
    let by_name = |id: &String| rule.targets.contains(id);
    let targets = match rule.effect {
        Effect::Allow => {
            facts.targets.iter().all(|id| has(&rule.targets, id))
                && facts.sensitive.iter().all(by_name)
        }
        Effect::Deny => {
            rule.targets.iter().any(|id| id == ANY) || facts.targets.iter().any(by_name)
        }
    };
    let checks = [
        (
            has(&rule.requesters, &facts.requester),
            "requester",
            "requester-not-allowed",
        ),
        (
            chain.iter().any(|purpose| has(&rule.purposes, purpose)),
            "purpose",
            "purpose-not-allowed",
        ),
        (
            has(&rule.lawful_bases, &facts.lawful_basis),
            "lawful_basis",
            "lawful-basis-not-allowed",
        ),
        (
            has(&rule.measures, &facts.measure),
            "measure",
            "measure-not-allowed",
        ),
        (targets, "targets", "target-not-allowed"),
        (
            rule.finest_level
                .is_none_or(|limit| facts.level.within(limit)),
            "level",
            "level-too-fine",
        ),
        (
            rule.max_rho_per_query
                .is_none_or(|limit| facts.rho_nano <= limit.nano()),
            "rho",
            "over-the-limit-of-one-question",
        ),
    ];
    (checks.into_iter().enumerate())
        .find(|(_, (holds, ..))| !holds)
        .map(|(place, (_, field, code))| (place, field, code))
}

fn denial(rule: &str, field: &str, code: &str) -> Denial {
    Denial {
        rule: rule.to_owned(),
        field: field.to_owned(),
        code: code.to_owned(),
    }
}
