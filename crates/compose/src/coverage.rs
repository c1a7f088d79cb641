//! Who is in a release and who is not, and why: a number without it would pass for the whole city.
//! It names organisations, rules and fields only, never anything that depends on a register.

use geography::Level;
use serde::{Deserialize, Serialize};

/// An organisation whose answer is in the release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsweredNode {
    /// The organisation.
    pub node: String,
    /// Its dataset.
    pub dataset: String,
    /// The edition it answered from.
    pub edition: u32,
    /// Noise variance of each of its cells.
    pub variance: f64,
    /// The finest level its register declared with that edition, which says what its levels add up to; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finest_level: Option<Level>,
}

/// An organisation that refused, or that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedNode {
    /// The organisation.
    pub node: String,
    /// The rule that refused.
    pub rule: String,
    /// The field at fault.
    pub field: String,
    /// Why, as a stable code.
    pub code: String,
}

/// An organisation that said nothing in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentNode {
    /// The organisation.
    pub node: String,
}

/// Everybody the study asks, each in one list per dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// In the release.
    pub answered: Vec<AnsweredNode>,
    /// Not in it, by a rule.
    pub refused: Vec<RefusedNode>,
    /// Not in it: out of reach when the release was made.
    pub offline: Vec<SilentNode>,
    /// Not in it: within reach, but no answer in time.
    pub expired: Vec<SilentNode>,
}
