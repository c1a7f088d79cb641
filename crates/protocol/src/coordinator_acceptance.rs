//! The officers' act by which a node goes on with a coordinator that was restored from a backup. It holds the head that the node had seen
//! and the one from which it goes on, each as the coordinator's key signed it, so that the act itself proves that one log was set back;
//! and the requests whose answers the coordinator lost. Without it a node cosigns that log never again. It moves no budget.

use crate::act::{Act, ActHead, Quorum, Rule, SignedAct, act_head};
use crate::from_hex;
use crate::restoration::LogState;
use serde::{Deserialize, Serialize};

/// The longest note that an act may hold: a head and the signatures of many witnesses.
const LONGEST_NOTE: usize = 16 * 1024;

/// Lets a node take the head of a restored coordinator for the one that it had seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorAcceptance {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose node it is.
    pub organisation: String,
    /// The coordinator's log as the node last saw it.
    pub held: LogState,
    /// That head as the coordinator signed it, with the node's cosignature.
    pub held_note: String,
    /// The coordinator's log from which the node goes on.
    pub accepted: LogState,
    /// That head as the coordinator signed it.
    pub accepted_note: String,
    /// The requests that this node allowed and whose answers the coordinator no longer holds, sorted.
    pub lost: Vec<String>,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was drawn up, Unix seconds.
    pub signed_at: i64,
}

impl CoordinatorAcceptance {
    /// The act's name in entries.
    pub const NAME: &'static str = "coordinator-acceptance";
}

impl Act for CoordinatorAcceptance {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.coordinator-acceptance+json";
    const QUORUM: Quorum = Quorum::Threshold;
    const CANONICAL: bool = true;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        const ROOT: &str = "must hold a root of 64 hexadecimal digits";
        const NOTE: &str = "must be a signed checkpoint";
        // Every log passes through its empty head, so accepting that one would accept whatever the log holds later.
        const EMPTY: &str =
            "must be a head of one entry or more; wait until the restored log holds one";
        let is_note = |note: &str| note.ends_with('\n') && note.len() <= LONGEST_NOTE;
        let are_sorted = self.lost.is_sorted_by(|a, b| a < b);
        vec![
            (self.held.root_bytes().is_some(), "held", ROOT),
            (self.accepted.root_bytes().is_some(), "accepted", ROOT),
            (
                self.held.size > 0 && self.held != self.accepted,
                "accepted",
                "must be another head than `held`; there is nothing to accept",
            ),
            (self.accepted.size > 0, "accepted", EMPTY),
            (is_note(&self.held_note), "held_note", NOTE),
            (is_note(&self.accepted_note), "accepted_note", NOTE),
            (
                are_sorted && (self.lost.iter()).all(|id| from_hex::<16>(id).is_some()),
                "lost",
                "must be ids of requests, 32 hexadecimal digits each, sorted, none twice",
            ),
        ]
    }
}

/// An acceptance that as many officers signed as the policy in force asks for.
pub type VerifiedAcceptance = SignedAct<CoordinatorAcceptance>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::{ActError, Officers};
    use crate::{Envelope, PublicKey};
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn act() -> CoordinatorAcceptance {
        CoordinatorAcceptance {
            version: 1,
            id: "0".repeat(32),
            organisation: "cooperativa".to_owned(),
            held: LogState::new(9, &[1; 32]),
            held_note: "held\n".to_owned(),
            accepted: LogState::new(7, &[2; 32]),
            accepted_note: "accepted\n".to_owned(),
            lost: vec!["1".repeat(32), "2".repeat(32)],
            reason: "a broken disk".to_owned(),
            signed_at: 1_000,
        }
    }

    #[test]
    fn each_rule_is_checked_by_name() {
        assert_eq!(act().check("cooperativa"), Ok(()));
        let refused = |change: fn(&mut CoordinatorAcceptance), field: &str| {
            let mut act = act();
            change(&mut act);
            match act.check("cooperativa") {
                Err(ActError::Invalid { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{other:?}"),
            }
        };
        refused(|act| act.held.root = "x".to_owned(), "held");
        refused(|act| act.accepted.root.clear(), "accepted");
        refused(|act| act.accepted = act.held.clone(), "accepted");
        refused(|act| act.held.size = 0, "accepted");
        refused(|act| act.accepted.size = 0, "accepted");
        refused(
            |act| act.held_note = "no line break".to_owned(),
            "held_note",
        );
        refused(
            |act| act.accepted_note = "x".repeat(LONGEST_NOTE) + "\n",
            "accepted_note",
        );
        refused(|act| act.lost.reverse(), "lost");
        refused(|act| act.lost.push("2".repeat(32)), "lost");
        refused(|act| act.lost = vec!["short".to_owned()], "lost");
    }

    #[test]
    fn one_act_is_written_in_one_way() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let key = PublicKey(pair.public_key().as_ref().try_into().unwrap());
        let verified = |payload: &str| {
            let envelope = Envelope::sign(
                CoordinatorAcceptance::TYPE,
                payload.as_bytes(),
                &key,
                |it| pair.sign(it).as_ref().try_into().unwrap(),
            );
            VerifiedAcceptance::verify(&envelope, &Officers::any_of(&[key]), "cooperativa")
        };
        let written = serde_json::to_string(&act()).unwrap();
        assert_eq!(verified(&written).unwrap().act(), &act());
        let state = format!("{{\"size\":7,\"root\":\"{}\"}}", "02".repeat(32));
        let as_list = format!("[7,\"{}\"]", "02".repeat(32));
        for other in [
            written.clone() + " ",
            written.replace("a broken", "\\u0061 broken"),
            written.replace(&state, &as_list),
        ] {
            assert_ne!(other, written);
            // JSON to a library all the same, of the same words.
            let read: CoordinatorAcceptance = serde_json::from_str(&other).unwrap();
            assert_eq!(read, act());
            assert_eq!(verified(&other).unwrap_err(), ActError::Unreadable);
        }
    }
}
