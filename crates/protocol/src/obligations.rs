//! What whoever receives an answer owes the organisation that gave it. The policy states it, the answer's signature carries it, and a
//! release made of several answers owes the strictest of each.

use serde::{Deserialize, Serialize};

/// Who may see a release, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The requester alone.
    Requester,
    /// The requester and the organisations that take part in the study.
    Participants,
    /// Everybody with an account.
    Public,
}

impl Audience {
    /// The word in documents and tables.
    pub fn id(self) -> &'static str {
        match self {
            Audience::Requester => "requester",
            Audience::Participants => "participants",
            Audience::Public => "public",
        }
    }

    /// What that word stands for.
    pub fn from_id(id: &str) -> Option<Audience> {
        [
            Audience::Requester,
            Audience::Participants,
            Audience::Public,
        ]
        .into_iter()
        .find(|audience| audience.id() == id)
    }
}

/// What a release owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligations {
    /// Numbers below it are shown as "fewer than"; a rule of display, which hides nothing from who has the answer.
    pub display_minimum: u32,
    /// How many months the release may be kept.
    pub retention_months: u32,
    /// Who may see it.
    pub audience: Audience,
}

impl Obligations {
    /// What answers of the formats before 3 state: nothing beyond the law.
    pub const UNSTATED: Obligations = Obligations {
        display_minimum: 0,
        retention_months: 1200,
        audience: Audience::Public,
    };

    /// What is owed to both.
    pub fn strictest(self, other: Obligations) -> Obligations {
        Obligations {
            display_minimum: self.display_minimum.max(other.display_minimum),
            retention_months: self.retention_months.min(other.retention_months),
            audience: self.audience.min(other.audience),
        }
    }
}
