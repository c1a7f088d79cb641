//! The policy of one organisation as its officer writes it: a typed TOML document, read strictly and checked whole.
//! Reading decides nothing; it refuses what could be understood in two ways.

use crate::caps::Caps;
use crate::day::Day;
use crate::error::{PolicyError, unreadable};
use crate::schema;
use crate::vocabulary::{Approval, Audience, Category, Role};
use geography::Level;
use privacy_loss::NanoRho;
use protocol::PublicKey;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Deepest chain of purposes.
pub(crate) const MAX_PURPOSE_DEPTH: usize = 8;
/// The word that stands for every value of a vocabulary.
pub(crate) const ANY: &str = "any";

/// A policy document. Version 2 states what version 1 left unsaid; a document of version 1 keeps its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Format version, 2; 1 is still read.
    #[schemars(range(min = 1, max = 2))]
    pub version: u32,
    /// The organisation whose policy this is.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    pub organisation: String,
    /// First day on which anything is allowed, UTC.
    pub valid_from: Option<Day>,
    /// Last day on which anything is allowed, UTC.
    pub valid_until: Option<Day>,
    /// Whether the organisation's offer, its places and services, may be published to the coordinator.
    #[serde(default)]
    pub publish_offer: bool,
    /// The officers' keys.
    pub dpo: Officers,
    /// Who may ask, by the keys received out of band.
    pub requesters: Vec<Requester>,
    /// What may be spent.
    pub caps: Caps,
    /// What becomes of releases; stated from version 2 on.
    pub releases: Option<Releases>,
    /// Purposes and the wider purpose each belongs to; an empty text where there is none.
    pub purposes: BTreeMap<String, String>,
    /// What is allowed, and what is denied whatever is allowed.
    pub rules: Vec<Rule>,
}

/// The data protection officers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Officers {
    /// How many of `keys` must sign the policy that replaces this one; 1 where absent. Two of three keys, one of them sealed
    /// away, survive the loss of one.
    #[schemars(range(min = 1, max = 16))]
    pub threshold: Option<u32>,
    /// Their public keys.
    #[schemars(schema_with = "schema::keys")]
    pub keys: Vec<PublicKey>,
    /// Keys of persons who may only add the second signature to a new guarantee, such as the legal representative.
    #[serde(default)]
    #[schemars(schema_with = "schema::keys")]
    pub second_keys: Vec<PublicKey>,
}

impl Officers {
    /// How many of the officers must sign the policy that replaces this one.
    pub fn threshold(&self) -> usize {
        self.threshold
            .map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX))
    }
}

/// A body that may ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requester {
    /// Its identifier.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    pub organisation: String,
    /// What it is; stated from version 2 on.
    pub role: Option<Role>,
    /// Its public keys.
    #[schemars(schema_with = "schema::keys")]
    pub keys: Vec<PublicKey>,
}

impl Requester {
    /// What it is.
    pub fn role(&self) -> Role {
        self.role.unwrap_or(Role::Other)
    }
}

/// What whoever receives a release owes. These are obligations: they travel with every permit and bind the requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// Noisy numbers below this are shown as "fewer than"; a rule of display, which hides nothing from who has the answer.
    pub display_minimum: u32,
    /// How many months a release may be kept.
    #[schemars(range(min = 1, max = 1200))]
    pub retention_months: u32,
    /// Who may see it.
    pub audience: Audience,
}

impl Releases {
    /// What a document of version 1 says: nothing beyond the law.
    pub(crate) const UNSTATED: Releases = Releases {
        display_minimum: 0,
        retention_months: 1200,
        audience: Audience::Public,
    };
}

/// Whether a rule allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, as denials and receipts give it.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    pub id: String,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Answered at once, or after a person's approval; for permissions, which state it from version 2 on.
    pub approval: Option<Approval>,
    /// Who asks: identifiers, or `any`.
    pub requesters: Vec<String>,
    /// What the requester is: roles; every role where absent.
    #[schemars(schema_with = "schema::roles")]
    pub roles: Option<Vec<String>>,
    /// For which purposes, narrower ones included.
    pub purposes: Vec<String>,
    /// On which lawful bases, or `any`.
    #[schemars(schema_with = "schema::lawful_bases")]
    pub lawful_bases: Vec<String>,
    /// On which grounds special categories may be asked; a question that names a sensitive target needs a study that states one
    /// of Art. 9(2) GDPR, and where that is letter g one of Art. 2-sexies(2) of the Codice too. None where absent.
    #[schemars(schema_with = "schema::special_grounds")]
    pub special_grounds: Option<Vec<String>>,
    /// Categories of data that may be touched, or `any`; for a denial: categories that must not be. Stated from version 2 on.
    #[schemars(schema_with = "schema::categories")]
    pub categories: Option<Vec<String>>,
    /// What may be counted, or `any`.
    #[schemars(schema_with = "schema::measures")]
    pub measures: Vec<String>,
    /// Targets that may be named, or `any`, which never includes sensitive ones; for a denial: targets that must not be.
    pub targets: Vec<String>,
    /// Finest level; for permissions only.
    #[schemars(schema_with = "schema::level")]
    pub finest_level: Option<Level>,
    /// Most loss of one question in nano-rho; for permissions only.
    #[schemars(schema_with = "schema::nano_rho")]
    pub max_rho_per_query: Option<NanoRho>,
    /// First day on which it holds, UTC.
    pub valid_from: Option<Day>,
    /// Last day on which it holds, UTC.
    pub valid_until: Option<Day>,
    /// What becomes of releases under this permission, where it is narrower than for all.
    pub releases: Option<Releases>,
}

fn any() -> &'static [String] {
    static ANY_ONLY: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    ANY_ONLY.get_or_init(|| vec![ANY.to_owned()])
}

impl Rule {
    /// Whether it waits for a person.
    pub fn approval(&self) -> Approval {
        self.approval.unwrap_or(Approval::Auto)
    }

    /// The roles it is for.
    pub fn roles(&self) -> &[String] {
        self.roles.as_deref().unwrap_or(any())
    }

    /// The categories it is about.
    pub fn categories(&self) -> &[String] {
        self.categories.as_deref().unwrap_or(any())
    }

    /// Whether it is about a category.
    pub fn has_category(&self, category: Category) -> bool {
        (self.categories().iter()).any(|id| id == ANY || id == category.id())
    }
}

impl PolicyDocument {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] naming the key, what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<PolicyDocument, PolicyError> {
        if text.len() > crate::check::MAX_BYTES {
            return Err(PolicyError::Unreadable(format!(
                "it is longer than {} bytes; shorten it",
                crate::check::MAX_BYTES
            )));
        }
        let document: PolicyDocument =
            toml::from_str(text).map_err(|error| PolicyError::Unreadable(unreadable(&error)))?;
        crate::check::check(&document)?;
        Ok(document)
    }

    /// The requester of that name.
    pub fn requester(&self, organisation: &str) -> Option<&Requester> {
        (self.requesters.iter()).find(|known| known.organisation == organisation)
    }

    /// The keys pinned for a requester.
    pub fn keys_of(&self, requester: &str) -> &[PublicKey] {
        self.requester(requester)
            .map_or(&[], |known| known.keys.as_slice())
    }

    /// What becomes of releases under a rule.
    pub fn releases_of(&self, rule: &Rule) -> Releases {
        (rule.releases.or(self.releases)).unwrap_or(Releases::UNSTATED)
    }

    /// Whether the document holds on a day.
    pub fn in_force(&self, day: Day) -> bool {
        self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day <= until)
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
}
