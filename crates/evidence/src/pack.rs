//! The members of a pack and what each holds.
//! Format version 1; docs/AUDIT-FORMAT.md is its description.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a manifest says it is of.
pub const FORMAT: &str = "welfare-intelligence-evidence";
/// Version of the format written and read here.
pub const VERSION: u64 = 1;

pub(crate) const MANIFEST: &str = "manifest.note";
pub(crate) const CHECKPOINT: &str = "checkpoint.note";
pub(crate) const ENTRIES: &str = "entries.jsonl";
pub(crate) const SPREADSHEET: &str = "entries.csv";
pub(crate) const COSIGNED: &str = "cosigned.jsonl";
pub(crate) const PROOFS: &str = "proofs.jsonl";
pub(crate) const LEDGER: &str = "ledger.json";
pub(crate) const KEYS: &str = "keys.txt";
/// Members that every pack has beside its manifest.
pub(crate) const REQUIRED: [&str; 6] = [CHECKPOINT, ENTRIES, SPREADSHEET, COSIGNED, PROOFS, KEYS];

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// A node's: charges, answers, acts on the budget.
    Node,
    /// The coordinator's: what was asked, sent, answered, released.
    Coordinator,
}

/// The signed table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    // Declared in alphabetical order, so that serde writes sorted keys.
    /// Number of entries.
    pub entries: u64,
    /// Every other member, with the SHA-256 of its bytes in hex.
    pub files: BTreeMap<String, String>,
    /// [`FORMAT`].
    pub format: String,
    /// When the pack was made, Unix seconds.
    pub made_at: i64,
    /// The organisation, for a node's pack.
    pub organisation: Option<String>,
    /// Name of the log.
    pub origin: String,
    /// The organisation for whose officer the pack was made: entries that concern others only are withheld. Absent where
    /// nothing is.
    pub scope: Option<String>,
    /// Whose log it is.
    pub side: Side,
    /// [`VERSION`].
    pub version: u64,
}

/// A head of a log with cosignatures: of this log, or of another that its keeper cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosigned {
    /// The signed checkpoint with its cosignatures, C2SP text.
    pub note: String,
}

/// Proof that the pack's log extends one of its cosigned heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Size of that head.
    pub from: u64,
    /// The hashes of the consistency proof, hex.
    pub hashes: Vec<String>,
    /// Size of the pack's head.
    pub to: u64,
}

/// What a node's ledger says was spent, in nano-rho, from its tables and not from its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerTotals {
    /// By dataset; write-offs included, as in all the following.
    pub by_dataset: BTreeMap<String, u64>,
    /// By purpose.
    pub by_purpose: BTreeMap<String, u64>,
    /// By study.
    pub by_study: BTreeMap<String, u64>,
    /// By calendar year, UTC.
    pub by_year: BTreeMap<String, u64>,
    /// Number of debits.
    pub charges: u64,
    /// The lifetime cap in force, once the account is open.
    pub lifetime: Option<u64>,
    /// All that was ever debited or written off.
    pub spent: u64,
    /// What was written off with restorations.
    pub written_off: u64,
}
