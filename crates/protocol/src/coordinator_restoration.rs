//! The officer's act by which the coordinator's log goes on from a backup: it holds the head where the log ended and the one from which
//! it goes on, both as the log's key signed them. Without it a witness takes the shorter log for what it is, another history.

use crate::act::{Act, ActHead, Quorum, Rule, act_head};
use serde::{Deserialize, Serialize};

/// The longest note that an act may hold: a head and the signatures of many witnesses.
const LONGEST_NOTE: usize = 16 * 1024;

/// Lets the coordinator's log go on from a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorRestoration {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose officer signs.
    pub organisation: String,
    /// The signed checkpoint where the log ended, as the witness holds it.
    pub ended: String,
    /// The signed checkpoint from which it goes on.
    pub goes_on: String,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

impl Act for CoordinatorRestoration {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.coordinator-restoration+json";
    const QUORUM: Quorum = Quorum::Officer;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        let is_note = |note: &str| note.ends_with('\n') && note.len() <= LONGEST_NOTE;
        vec![
            (is_note(&self.ended), "ended", "must be a signed checkpoint"),
            (
                is_note(&self.goes_on),
                "goes_on",
                "must be a signed checkpoint",
            ),
            (
                self.ended != self.goes_on,
                "goes_on",
                "must be another head than `ended`",
            ),
        ]
    }
}
