//! What a policy document says to whoever checks a log: whose it is, who may sign what replaces it, and which rules wait for a person.
//! Everything else is passed over, so that documents of later versions can be checked too; it validates nothing.

use crate::act::Officers;
use crate::dsse::PublicKey;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The part of a policy document that a log is checked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// SHA-256 of the document, hex.
    pub hash: String,
    /// The organisation whose policy it is.
    pub organisation: String,
    /// Who may sign this organisation's acts while it is in force.
    pub officers: Officers,
    /// Rules whose requests wait for a person.
    pub manual_rules: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Document {
    organisation: String,
    dpo: Dpo,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Dpo {
    threshold: Option<u32>,
    keys: Vec<PublicKey>,
    #[serde(default)]
    second_keys: Vec<PublicKey>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    approval: Option<String>,
}

impl PolicyText {
    /// Reads a document; `None` where it does not say who its officers are.
    pub fn read(document: &str) -> Option<PolicyText> {
        let read: Document = toml::from_str(document).ok()?;
        if read.dpo.keys.is_empty() {
            return None;
        }
        Some(PolicyText {
            hash: crate::hex(&crate::sha256(document.as_bytes())),
            organisation: read.organisation,
            officers: Officers {
                keys: read.dpo.keys,
                second_keys: read.dpo.second_keys,
                threshold: usize::try_from(read.dpo.threshold.unwrap_or(1)).unwrap_or(usize::MAX),
            },
            manual_rules: (read.rules.into_iter())
                .filter(|rule| rule.approval.as_deref() == Some("manual"))
                .map(|rule| rule.id)
                .collect(),
        })
    }
}
