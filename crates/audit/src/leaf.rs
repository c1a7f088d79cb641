//! What a leaf of a log is: a canonical header that stays, and the salted hash of a body that may be erased.
//! The header never holds personal data or exact values; whatever may have to be erased belongs in the body.

use crate::AuditError;
use crate::merkle::{Hash, leaf_hash, sha256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Version of the leaf format written by this crate.
pub const LEAF_VERSION: u32 = 1;

/// What an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// The account was opened and its lifetime cap fixed.
    Account,
    /// A study was accepted, changed or withdrawn.
    Study,
    /// A request arrived or was sent.
    Request,
    /// A policy decision.
    Decision,
    /// A debit.
    Charge,
    /// A request was refused.
    Refusal,
    /// An answer was stored.
    Answer,
    /// A stored answer was used again without a charge.
    Reuse,
    /// A composed result was published.
    Release,
    /// A policy came into force.
    PolicyChange,
    /// Budget was moved or a cap changed by a signed act.
    BudgetMove,
    /// An edition was published.
    Edition,
    /// A node joined, was renewed or revoked.
    Enrolment,
    /// Somebody signed in.
    Login,
    /// An act of administration.
    AdminAct,
    /// Something that a person should look at.
    Alarm,
    /// The head of another, local log.
    Anchor,
    /// A body was erased.
    Tombstone,
    /// The log goes on from a backup.
    Restoration,
    /// Budget was written off with a restoration.
    WriteOff,
    /// The head of another party's log that was set back was accepted by a signed act.
    Acceptance,
}

impl EntryKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [EntryKind; 21] = [
        EntryKind::Account,
        EntryKind::Study,
        EntryKind::Request,
        EntryKind::Decision,
        EntryKind::Charge,
        EntryKind::Refusal,
        EntryKind::Answer,
        EntryKind::Reuse,
        EntryKind::Release,
        EntryKind::PolicyChange,
        EntryKind::BudgetMove,
        EntryKind::Edition,
        EntryKind::Enrolment,
        EntryKind::Login,
        EntryKind::AdminAct,
        EntryKind::Alarm,
        EntryKind::Anchor,
        EntryKind::Tombstone,
        EntryKind::Restoration,
        EntryKind::WriteOff,
        EntryKind::Acceptance,
    ];

    /// Its name in headers, kebab-case.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Account => "account",
            EntryKind::Study => "study",
            EntryKind::Request => "request",
            EntryKind::Decision => "decision",
            EntryKind::Charge => "charge",
            EntryKind::Refusal => "refusal",
            EntryKind::Answer => "answer",
            EntryKind::Reuse => "reuse",
            EntryKind::Release => "release",
            EntryKind::PolicyChange => "policy-change",
            EntryKind::BudgetMove => "budget-move",
            EntryKind::Edition => "edition",
            EntryKind::Enrolment => "enrolment",
            EntryKind::Login => "login",
            EntryKind::AdminAct => "admin-act",
            EntryKind::Alarm => "alarm",
            EntryKind::Anchor => "anchor",
            EntryKind::Tombstone => "tombstone",
            EntryKind::Restoration => "restoration",
            EntryKind::WriteOff => "write-off",
            EntryKind::Acceptance => "acceptance",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<EntryKind> {
        EntryKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// A value in a header: text or a whole number, never a float, whose text form would depend on the writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// A whole number, such as an amount in nano-rho.
    Number(u64),
    /// An identifier, a code or a hash in hex.
    Text(String),
}

impl From<u64> for Fact {
    fn from(number: u64) -> Fact {
        Fact::Number(number)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Fact {
        Fact::Text(text.to_owned())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Fact {
        Fact::Text(text)
    }
}

/// The part of an entry that is kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    // Declared in alphabetical order, so that serde writes sorted keys.
    /// When, in unix seconds.
    pub at: i64,
    /// What is recorded beyond the kind; keys are ASCII, kebab-case.
    pub facts: BTreeMap<String, Fact>,
    /// Position in the log.
    pub index: u64,
    /// What is recorded.
    pub kind: EntryKind,
    /// [`LEAF_VERSION`].
    pub version: u32,
}

impl Header {
    /// The canonical form that is hashed and stored: compact JSON with sorted keys, in UTF-8.
    pub fn canonical(&self) -> String {
        // Unwrap safety: integers, strings and a map with string keys always serialise.
        serde_json::to_string(self).unwrap()
    }

    /// Reads a header back.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is not the canonical form of a header of a known version.
    pub fn parse(text: &str) -> Result<Header, AuditError> {
        let malformed = AuditError::Malformed { what: "header" };
        let header: Header = serde_json::from_str(text).map_err(|_| malformed.clone())?;
        if header.version != LEAF_VERSION || header.canonical() != text {
            return Err(malformed);
        }
        Ok(header)
    }

    /// The number recorded under `key`.
    pub fn number(&self, key: &str) -> Option<u64> {
        match self.facts.get(key) {
            Some(Fact::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The text recorded under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.facts.get(key) {
            Some(Fact::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Salted hash of a body: SHA-256("wi-body-v1\n" || salt || body). The salt keeps the hash of an erased body
/// from confirming a guess at it, and is erased with the body.
pub fn body_hash(salt: &[u8; 32], body: &[u8]) -> Hash {
    sha256(&[b"wi-body-v1\n", salt, body])
}

/// Leaf hash of an entry: the RFC 6962 leaf hash of `header "\n" hex(body hash) "\n"`.
pub fn leaf_hash_of(canonical_header: &str, body: &Hash) -> Hash {
    let mut entry = String::with_capacity(canonical_header.len() + 66);
    entry.push_str(canonical_header);
    entry.push('\n');
    for byte in body {
        // Unwrap safety: writing to a string cannot fail.
        write!(entry, "{byte:02x}").unwrap();
    }
    entry.push('\n');
    leaf_hash(entry.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            at: 1_790_000_000,
            facts: BTreeMap::from([
                ("rho".to_owned(), Fact::Number(100_000_000)),
                ("dataset".to_owned(), Fact::from("register")),
            ]),
            index: 7,
            kind: EntryKind::Charge,
            version: LEAF_VERSION,
        }
    }

    #[test]
    fn the_canonical_header_has_sorted_keys_and_no_spaces() {
        assert_eq!(
            header().canonical(),
            r#"{"at":1790000000,"facts":{"dataset":"register","rho":100000000},"index":7,"kind":"charge","version":1}"#
        );
        assert_eq!(Header::parse(&header().canonical()), Ok(header()));
    }

    #[test]
    fn the_leaf_hash_is_pinned_to_the_documented_bytes() {
        let body = body_hash(&[3; 32], b"{}");
        assert_eq!(body, sha256(&[b"wi-body-v1\n", &[3; 32], b"{}"]));
        let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        let entry = format!("{}\n{hex}\n", header().canonical());
        assert_eq!(
            leaf_hash_of(&header().canonical(), &body),
            leaf_hash(entry.as_bytes())
        );
    }

    #[test]
    fn a_header_in_another_form_version_or_with_more_fields_is_refused() {
        let text = header().canonical();
        for other in [
            text.replace(":1}", ": 1}"),
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("\"version\":1", "\"version\":1,\"more\":1"),
            text.replace("charge", "no-such-kind"),
            text.replace("100000000", "1.5"),
            text.replace("100000000", "-1"),
        ] {
            assert!(Header::parse(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn every_kind_is_named_as_it_is_serialised() {
        for kind in EntryKind::ALL {
            assert_eq!(
                serde_json::to_string(&kind).unwrap(),
                format!("\"{}\"", kind.as_str())
            );
            assert_eq!(EntryKind::from_name(kind.as_str()), Some(kind));
        }
    }
}
