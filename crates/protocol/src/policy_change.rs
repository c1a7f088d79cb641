//! The signed act by which a policy replaces the one in force. It carries the document and names the policy it replaces, so that
//! an older policy cannot be brought back and the log holds every policy there was.

use crate::act::{Act, ActHead, Quorum, Rule, SignedAct, act_head};
use crate::from_hex;
use serde::{Deserialize, Serialize};

/// Replaces the policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose policy it is.
    pub organisation: String,
    /// SHA-256 of the policy that is replaced, hex.
    pub replaces: String,
    /// The new policy, exactly as it will be kept.
    pub document: String,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was first signed, Unix seconds.
    pub signed_at: i64,
}

impl PolicyChange {
    /// SHA-256 of the new policy, hex.
    pub fn policy_hash(&self) -> String {
        crate::hex(&crate::sha256(self.document.as_bytes()))
    }
}

impl Act for PolicyChange {
    const TYPE: &'static str = "application/vnd.welfare-intelligence.policy-change+json";
    const QUORUM: Quorum = Quorum::Threshold;

    act_head!();

    fn rules(&self) -> Vec<Rule> {
        vec![
            (
                from_hex::<32>(&self.replaces).is_some(),
                "replaces",
                "must be the 64 hexadecimal digits of a policy's hash",
            ),
            (
                self.policy_hash() != self.replaces,
                "document",
                "is the policy it replaces; there is nothing to sign",
            ),
        ]
    }
}

/// A policy that as many officers signed as the policy in force asks for.
pub type VerifiedPolicyChange = SignedAct<PolicyChange>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::{ActError, Officers};
    use crate::dsse::{Envelope, EnvelopeError, PublicKey};
    use ring::signature::{Ed25519KeyPair, KeyPair};

    struct Officer(Ed25519KeyPair);

    impl Officer {
        fn new(seed: u8) -> Officer {
            Officer(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
        }

        fn public(&self) -> PublicKey {
            PublicKey(self.0.public_key().as_ref().try_into().expect("32 bytes"))
        }

        fn sign(&self, bytes: &[u8]) -> [u8; 64] {
            self.0.sign(bytes).as_ref().try_into().expect("64 bytes")
        }
    }

    fn act() -> PolicyChange {
        PolicyChange {
            version: 1,
            id: "0".repeat(32),
            organisation: "cooperativa".to_owned(),
            replaces: "1".repeat(64),
            document: "version = 2".to_owned(),
            reason: "narrower".to_owned(),
            signed_at: 1_000,
        }
    }

    fn signed(act: &PolicyChange, officers: &[&Officer]) -> Envelope {
        let payload = serde_json::to_vec(act).expect("JSON");
        let first = officers[0];
        let mut envelope = Envelope::sign(PolicyChange::TYPE, &payload, &first.public(), |b| {
            first.sign(b)
        });
        for officer in &officers[1..] {
            envelope
                .add_signature(&officer.public(), |b| officer.sign(b))
                .expect("signed");
        }
        envelope
    }

    #[test]
    fn a_threshold_counts_different_pinned_officers() {
        let [a, b, c, stranger] = [1, 2, 3, 9].map(Officer::new);
        let pinned = [a.public(), b.public(), c.public()];
        let verify = |envelope: &Envelope, threshold| {
            let officers = Officers {
                threshold,
                ..Officers::any_of(&pinned)
            };
            VerifiedPolicyChange::verify(envelope, &officers, "cooperativa")
                .map(|act| act.signers().len())
        };
        assert_eq!(verify(&signed(&act(), &[&a]), 1), Ok(1));
        assert_eq!(verify(&signed(&act(), &[&c, &a]), 2), Ok(2));
        for too_few in [
            signed(&act(), &[&a]),
            signed(&act(), &[&a, &a]),
            signed(&act(), &[&a, &stranger]),
        ] {
            assert_eq!(
                verify(&too_few, 2),
                Err(ActError::TooFewOfficers {
                    signed: 1,
                    needed: 2
                })
            );
        }
        let unknown = verify(&signed(&act(), &[&stranger]), 1);
        assert_eq!(
            unknown,
            Err(ActError::Envelope(EnvelopeError::KeyNotPinned))
        );
    }

    #[test]
    fn each_rule_is_checked_by_name() {
        let refused = |change: fn(&mut PolicyChange), field: &str| {
            let mut act = act();
            change(&mut act);
            match act.check("cooperativa") {
                Err(ActError::Invalid { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{other:?}"),
            }
        };
        refused(|act| act.organisation = "altra".to_owned(), "organisation");
        refused(|act| act.replaces = "x".to_owned(), "replaces");
        refused(|act| act.replaces = act.policy_hash(), "document");
        refused(|act| act.reason.clear(), "reason");
    }
}
