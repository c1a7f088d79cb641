//! The policy of one organisation as its officer writes it: a typed TOML document, read strictly and checked whole.
//! Reading decides nothing; it refuses what could be understood in two ways.

use crate::caps::Caps;
use crate::error::PolicyError;
use geography::Level;
use privacy_loss::NanoRho;
use protocol::PublicKey;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use taxonomy::Taxonomy;

/// Deepest chain of purposes.
pub(crate) const MAX_PURPOSE_DEPTH: usize = 8;
/// The word that stands for every value of a vocabulary.
pub(crate) const ANY: &str = "any";

/// A policy document, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Format version, 1.
    pub version: u32,
    /// The organisation whose policy this is.
    pub organisation: String,
    /// The officers' keys.
    pub dpo: Officers,
    /// Who may ask, by the keys received out of band.
    pub requesters: Vec<Requester>,
    /// What may be spent.
    pub caps: Caps,
    /// Purposes and the wider purpose each belongs to; an empty text where there is none.
    pub purposes: BTreeMap<String, String>,
    /// What is allowed, and what is denied whatever is allowed.
    pub rules: Vec<Rule>,
}

/// The data protection officers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officers {
    /// Their public keys.
    pub keys: Vec<PublicKey>,
    /// Keys of persons who may only add the second signature to a new guarantee, such as the legal representative.
    #[serde(default)]
    pub second_keys: Vec<PublicKey>,
}

/// A body that may ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requester {
    /// Its identifier.
    pub organisation: String,
    /// Its public keys.
    pub keys: Vec<PublicKey>,
}

/// Whether a rule allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Allows what lies within all its fields.
    Allow,
    /// Denies whatever touches its fields, even where another rule allows.
    Deny,
}

impl Effect {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, as denials and receipts give it.
    pub id: String,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Who asks: identifiers, or `any`.
    pub requesters: Vec<String>,
    /// For which purposes, narrower ones included.
    pub purposes: Vec<String>,
    /// On which lawful bases, or `any`.
    pub lawful_bases: Vec<String>,
    /// `persons`, `events`, or `any`.
    pub measures: Vec<String>,
    /// Targets that may be named, or `any`, which never includes sensitive ones; for a denial: targets that must not be.
    pub targets: Vec<String>,
    /// Finest level; for permissions only.
    pub finest_level: Option<Level>,
    /// Most loss of one question in nano-rho; for permissions only.
    pub max_rho_per_query: Option<NanoRho>,
}

impl PolicyDocument {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] naming the key, what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<PolicyDocument, PolicyError> {
        let document: PolicyDocument =
            toml::from_str(text).map_err(|error| PolicyError::Unreadable(error.to_string()))?;
        document.check()?;
        Ok(document)
    }

    /// The keys pinned for a requester.
    pub fn keys_of(&self, requester: &str) -> &[PublicKey] {
        (self.requesters.iter())
            .find(|known| known.organisation == requester)
            .map_or(&[], |known| known.keys.as_slice())
    }

    /// A purpose and every wider one, narrowest first.
    pub fn purpose_chain<'a>(&'a self, purpose: &'a str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut at = purpose;
        while let Some(wider) = self.purposes.get(at) {
            chain.push(at);
            if wider.is_empty() || chain.len() > MAX_PURPOSE_DEPTH {
                break;
            }
            at = wider;
        }
        chain
    }

    fn check(&self) -> Result<(), PolicyError> {
        let invalid = |key: &str, problem: &str| Err(PolicyError::invalid(key, problem));
        if self.version != 1 {
            return invalid(
                "version",
                "this program reads version 1; write `version = 1`",
            );
        }
        check_id("organisation", &self.organisation)?;
        if self.dpo.keys.is_empty() {
            return invalid(
                "dpo.keys",
                "must hold at least one public key; `node-agent keygen` makes one",
            );
        }
        if (self.dpo.second_keys.iter()).any(|key| self.dpo.keys.contains(key)) {
            return invalid(
                "dpo.second_keys",
                "holds a key of `dpo.keys`, whose holder may sign already; remove it here",
            );
        }
        self.check_requesters()?;
        self.check_caps()?;
        self.check_purposes()?;
        let mut ids = BTreeSet::new();
        for (i, rule) in self.rules.iter().enumerate() {
            let key = |field: &str| format!("rules[{i}].{field}");
            check_id(&key("id"), &rule.id)?;
            if !ids.insert(&rule.id) {
                return invalid(
                    &key("id"),
                    "is given twice; every rule needs a name of its own",
                );
            }
            self.check_rule(rule, &key)?;
        }
        Ok(())
    }

    fn check_requesters(&self) -> Result<(), PolicyError> {
        let mut seen = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for (i, requester) in self.requesters.iter().enumerate() {
            check_id(
                &format!("requesters[{i}].organisation"),
                &requester.organisation,
            )?;
            if !seen.insert(&requester.organisation) {
                return Err(PolicyError::invalid(
                    &format!("requesters[{i}].organisation"),
                    "is given twice; list all its keys in one entry",
                ));
            }
            for key in &requester.keys {
                if !keys.insert(key) {
                    return Err(PolicyError::invalid(
                        &format!("requesters[{i}].keys"),
                        "holds a key of another requester; every requester needs keys of its own",
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_caps(&self) -> Result<(), PolicyError> {
        self.caps.check()?;
        match (self.caps.purpose.keys()).find(|key| !self.purposes.contains_key(*key)) {
            Some(key) => Err(PolicyError::invalid(
                &format!("caps.purpose.{key}"),
                "is no purpose listed under `purposes`; add it there or remove its cap",
            )),
            None => Ok(()),
        }
    }

    fn check_purposes(&self) -> Result<(), PolicyError> {
        for (purpose, wider) in &self.purposes {
            let key = format!("purposes.{purpose}");
            check_id(&key, purpose)?;
            if !wider.is_empty() && !self.purposes.contains_key(wider) {
                return Err(PolicyError::invalid(
                    &key,
                    "names a wider purpose that is not listed; add it",
                ));
            }
            let chain = self.purpose_chain(purpose);
            let distinct: BTreeSet<&&str> = chain.iter().collect();
            if distinct.len() < chain.len() || chain.len() > MAX_PURPOSE_DEPTH {
                return Err(PolicyError::invalid(
                    &key,
                    "lies in a circle or a chain of more than 8 purposes; end the chain with an empty text",
                ));
            }
        }
        Ok(())
    }

    fn check_rule(&self, rule: &Rule, key: &impl Fn(&str) -> String) -> Result<(), PolicyError> {
        let known = |field: &str, ids: &[String], find: &dyn Fn(&str) -> bool, remedy: &str| {
            if ids.is_empty() {
                return Err(PolicyError::invalid(
                    &key(field),
                    "must not be empty; write `[\"any\"]` for all",
                ));
            }
            match ids.iter().find(|id| id.as_str() != ANY && !find(id)) {
                Some(id) => Err(PolicyError::invalid(
                    &key(field),
                    &format!("`{}` {remedy}", id.escape_default()),
                )),
                None => Ok(()),
            }
        };
        let requesters: BTreeSet<&str> = self
            .requesters
            .iter()
            .map(|r| r.organisation.as_str())
            .collect();
        known(
            "requesters",
            &rule.requesters,
            &|id| requesters.contains(id),
            "is no requester listed above",
        )?;
        known(
            "purposes",
            &rule.purposes,
            &|id| self.purposes.contains_key(id),
            "is no purpose listed above",
        )?;
        known(
            "lawful_bases",
            &rule.lawful_bases,
            &protocol::is_identifier,
            "must be an identifier such as art6-1-e",
        )?;
        known(
            "measures",
            &rule.measures,
            &|id| query::Measure::IDS.contains(&id),
            "must be `persons`, `events`, `households`, `first-time`, `sum` or `bins`",
        )?;
        let taxonomy = Taxonomy::built_in();
        known(
            "targets",
            &rule.targets,
            &|id| taxonomy.target(id).is_some(),
            "is no target of the taxonomy",
        )?;
        let limits = (
            rule.finest_level.is_some(),
            rule.max_rho_per_query.is_some(),
        );
        match (rule.effect, limits) {
            (Effect::Allow, (true, true)) | (Effect::Deny, (false, false)) => Ok(()),
            (Effect::Allow, (false, _)) => Err(PolicyError::invalid(
                &key("finest_level"),
                "is missing; a permission states its finest level",
            )),
            (Effect::Allow, (_, false)) => Err(PolicyError::invalid(
                &key("max_rho_per_query"),
                "is missing; a permission states the most loss of one question, in nano-rho",
            )),
            (Effect::Deny, _) => Err(PolicyError::invalid(
                &key("finest_level"),
                "and `max_rho_per_query` have no place in a denial, which holds at every level and price; remove them",
            )),
        }
    }
}

fn check_id(key: &str, id: &str) -> Result<(), PolicyError> {
    if protocol::is_identifier(id) && id != ANY {
        Ok(())
    } else {
        Err(PolicyError::invalid(
            key,
            "must be 1 to 64 of a-z, 0-9 and -, and not `any`",
        ))
    }
}
