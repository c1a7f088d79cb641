//! The officer's act by which a node goes on from a backup: it names the log that ended, where the witness last saw it, the
//! entries that were kept, and the key of the log that goes on. Without it a witness takes a new key's log for no successor.

use crate::act::{Act, ActHead, Quorum, Rule, SignedAct, act_head};
use crate::dsse::PublicKey;
use crate::from_hex;
use serde::{Deserialize, Serialize};

/// A log at one size, as acts name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// Number of entries.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
}

impl LogState {
    /// The state of a log of `size` entries with this root.
    pub fn new(size: u64, root: &[u8; 32]) -> LogState {
        LogState {
            size,
            root: crate::hex(root),
        }
    }

    /// The root's bytes.
    pub fn root_bytes(&self) -> Option<[u8; 32]> {
        from_hex(&self.root)
    }
}

/// Goes on from a backup under a new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restoration {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose node it is.
    pub organisation: String,
    /// Key of the log that ended.
    pub old_key: PublicKey,
    /// Key of the log that goes on.
    pub new_key: PublicKey,
    /// What the backup held.
    pub kept: LogState,
    /// Where the witness last cosigned the log that ended; nothing of an empty log where it never did.
    pub ended: LogState,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

impl Act for Restoration {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.restoration+json";
    const QUORUM: Quorum = Quorum::Officer;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        vec![
            (
                self.new_key != self.old_key,
                "new_key",
                "must be another key than `old_key`",
            ),
            (
                self.kept.root_bytes().is_some(),
                "kept",
                "must hold a root of 64 hexadecimal digits",
            ),
            (
                self.ended.root_bytes().is_some(),
                "ended",
                "must hold a root of 64 hexadecimal digits",
            ),
        ]
    }
}

/// A restoration whose signature a pinned officer's key has made.
pub type VerifiedRestoration = SignedAct<Restoration>;
