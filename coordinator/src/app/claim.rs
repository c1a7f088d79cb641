//! What may be said of a difference between two released numbers: what noise decides, and that numbers which were bounded
//! differently are not compared at all.

use compose::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What may be claimed of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Probably above zero.
    Higher,
    /// Probably below zero.
    Lower,
    /// Noise does not tell which.
    TooUncertain,
    /// The two were bounded differently, and the difference may come from that, however sure it is.
    NotComparable,
}

impl From<Verdict> for Claim {
    fn from(verdict: Verdict) -> Claim {
        match verdict {
            Verdict::Higher => Claim::Higher,
            Verdict::Lower => Claim::Lower,
            Verdict::TooUncertain => Claim::TooUncertain,
        }
    }
}
