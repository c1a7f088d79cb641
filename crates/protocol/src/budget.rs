//! Signed acts on a node's budget: moving what is unspent from one part to another, and the two-person act by which a
//! higher lifetime cap becomes a new guarantee. An act is signed for one organisation and counts once.

use crate::act::{Act, ActHead, Quorum, Rule, SignedAct, act_head};
use crate::sub_cap::SubCap;
use privacy_loss::NanoRho;
use serde::{Deserialize, Serialize};

/// Moves unspent budget from one part to another of the same kind. It adds nothing to the lifetime cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetMove {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose budget it is.
    pub organisation: String,
    /// The kind of both parts.
    pub part: SubCap,
    /// The part that gives.
    pub from: String,
    /// The part that receives.
    pub to: String,
    /// How much.
    pub rho: NanoRho,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

/// Replaces the lifetime cap by a higher one: another promise than the one that was made before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGuarantee {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation that promises.
    pub organisation: String,
    /// The lifetime cap promised until now.
    pub lifetime_before: NanoRho,
    /// The lifetime cap promised from now on.
    pub lifetime: NanoRho,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was first signed, Unix seconds.
    pub signed_at: i64,
}

impl Act for BudgetMove {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.budget-move+json";
    const QUORUM: Quorum = Quorum::Officer;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        let key = match self.part {
            SubCap::Year => "must be a year of four digits, from 2020 on",
            _ => "must be 1 to 64 of a-z, 0-9 and -",
        };
        vec![
            (self.part.is_key(&self.from), "from", key),
            (self.part.is_key(&self.to), "to", key),
            (
                self.from != self.to,
                "to",
                "must be another part than `from`",
            ),
            (self.rho > NanoRho::ZERO, "rho", "must be more than nothing"),
        ]
    }
}

impl Act for NewGuarantee {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.new-guarantee+json";
    const QUORUM: Quorum = Quorum::TwoPersons;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        vec![(
            self.lifetime > self.lifetime_before,
            "lifetime",
            "must be more than `lifetime_before`; a lower cap needs no act, the policy states it",
        )]
    }
}

/// A move whose signature a pinned officer's key has made.
pub type VerifiedBudgetMove = SignedAct<BudgetMove>;

/// A new guarantee that two persons have signed, an officer first among them.
pub type VerifiedGuarantee = SignedAct<NewGuarantee>;
