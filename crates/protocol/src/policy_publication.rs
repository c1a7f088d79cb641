//! A node's statement of the policy in force, or of one that it follows from, for everybody who answers for the data to read: the
//! document, or the officers' signed act that carries it. It grants nothing; what a node answers follows from its own log alone.

use crate::act::{Act, ActError};
use crate::dsse::{Envelope, PublicKey};
use crate::policy_change::PolicyChange;
use serde::{Deserialize, Serialize};

/// Where the document comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PublishedAs {
    /// Installed with the node, which no act replaced yet.
    Installed {
        /// The document, exactly as it is kept.
        document: String,
    },
    /// Brought into force by an act of officers.
    Signed {
        /// The act as they signed it; it holds the document.
        act: Envelope,
    },
}

impl PublishedAs {
    /// The officers' act, where one brought it into force.
    pub fn act(&self) -> Option<&Envelope> {
        match self {
            PublishedAs::Installed { .. } => None,
            PublishedAs::Signed { act } => Some(act),
        }
    }
}

/// Which of these officers signed an act that brings a policy into force.
pub fn officers_of_change(act: &Envelope, officers: &[PublicKey]) -> Vec<PublicKey> {
    let Ok((_, mut signers)) = act.verify_each(PolicyChange::TYPE, officers) else {
        return Vec::new();
    };
    signers.sort();
    signers
}

/// An act that brings a policy into force with the signatures of these officers alone, each once.
pub fn signed_by_alone(act: &Envelope, officers: &[PublicKey]) -> Envelope {
    let (mut signers, mut kept) = (Vec::new(), act.clone());
    kept.signatures.clear();
    let named = |keyid: &String| officers.iter().any(|key| key.key_id() == *keyid);
    for signature in act.signatures.iter().filter(|it| named(&it.keyid)) {
        let mut alone = act.clone();
        alone.signatures = vec![signature.clone()];
        for signer in officers_of_change(&alone, officers) {
            if !signers.contains(&signer) {
                signers.push(signer);
                kept.signatures.push(signature.clone());
            }
        }
    }
    kept
}

/// A policy, as its node publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyPublication {
    /// Format version, 1.
    pub version: u32,
    /// The organisation whose policy it is.
    pub organisation: String,
    /// The policy.
    pub policy: PublishedAs,
    /// When the node signed this, Unix seconds.
    pub published_at: i64,
}

impl PolicyPublication {
    /// Payload type of a signed publication.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.policy-publication+json";
}

/// A publication that the organisation's node signed.
#[derive(Clone, Debug)]
pub struct VerifiedPolicyPublication {
    document: String,
    act: Option<(PolicyChange, Envelope)>,
    published_at: i64,
}

impl VerifiedPolicyPublication {
    /// Checks the node's signature and that it is this organisation's. Who signed the act inside is not checked: see
    /// [`VerifiedPolicyPublication::signed_by`].
    ///
    /// # Errors
    /// See [`ActError`].
    pub fn verify(
        envelope: &Envelope,
        node: &PublicKey,
        organisation: &str,
    ) -> Result<VerifiedPolicyPublication, ActError> {
        let (payload, _) = envelope.verify(PolicyPublication::TYPE, std::slice::from_ref(node))?;
        let publication: PolicyPublication =
            serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
        let invalid = |field, problem| ActError::Invalid { field, problem };
        if publication.version != crate::VERSION {
            return Err(invalid("version", "must be 1"));
        }
        if publication.organisation != organisation {
            return Err(invalid("organisation", "is another organisation's"));
        }
        let (document, act) = match publication.policy {
            PublishedAs::Installed { document } => (document, None),
            PublishedAs::Signed { act: envelope } => {
                let payload = envelope.unverified_payload().ok_or(ActError::Unreadable)?;
                let act: PolicyChange =
                    serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
                act.check(organisation)?;
                (act.document.clone(), Some((act, envelope)))
            }
        };
        Ok(VerifiedPolicyPublication {
            document,
            act,
            published_at: publication.published_at,
        })
    }

    /// The document.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// SHA-256 of the document, hex: the policy's hash in requests, receipts and logs.
    pub fn policy_hash(&self) -> String {
        crate::hex(&crate::sha256(self.document.as_bytes()))
    }

    /// The officers' act, where one brought it into force; what it says is the node's word until [`Self::signed_by`] confirms it.
    pub fn act(&self) -> Option<&PolicyChange> {
        self.act.as_ref().map(|(act, _)| act)
    }

    /// How many signatures the act has, whoever made them; none where no act brought the policy into force.
    pub fn signatures(&self) -> usize {
        (self.act.as_ref()).map_or(0, |(_, act)| act.signatures.len())
    }

    /// Which of these officers signed the act.
    pub fn signed_by(&self, officers: &[PublicKey]) -> Vec<PublicKey> {
        (self.act.as_ref()).map_or(Vec::new(), |(_, act)| officers_of_change(act, officers))
    }

    /// When the node signed the publication, Unix seconds.
    pub fn published_at(&self) -> i64 {
        self.published_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsse::Signature;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    struct Signer(Ed25519KeyPair);

    impl Signer {
        fn new(seed: u8) -> Signer {
            Signer(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
        }

        fn public(&self) -> PublicKey {
            PublicKey(self.0.public_key().as_ref().try_into().expect("32 bytes"))
        }

        fn seal<T: Serialize>(&self, payload_type: &str, payload: &T) -> Envelope {
            let payload = serde_json::to_vec(payload).expect("JSON");
            Envelope::sign(payload_type, &payload, &self.public(), |bytes| {
                self.0.sign(bytes).as_ref().try_into().expect("64 bytes")
            })
        }
    }

    fn publication(policy: PublishedAs) -> PolicyPublication {
        PolicyPublication {
            version: 1,
            organisation: "cooperativa".to_owned(),
            policy,
            published_at: 1_000,
        }
    }

    #[test]
    fn a_publication_is_its_nodes_word_and_says_which_officers_signed() {
        let [node, officer, stranger] = [1, 2, 3].map(Signer::new);
        let act = PolicyChange {
            version: 1,
            id: "0".repeat(32),
            organisation: "cooperativa".to_owned(),
            replaces: "1".repeat(64),
            document: "version = 2".to_owned(),
            reason: "narrower".to_owned(),
            signed_at: 900,
        };
        let signed = PublishedAs::Signed {
            act: officer.seal(PolicyChange::TYPE, &act),
        };
        let envelope = node.seal(PolicyPublication::TYPE, &publication(signed));
        let verify = |key: &Signer, organisation: &str| {
            VerifiedPolicyPublication::verify(&envelope, &key.public(), organisation)
        };
        let verified = verify(&node, "cooperativa").expect("the node signed it");
        assert_eq!(verified.document(), act.document);
        assert_eq!(verified.policy_hash(), act.policy_hash());
        assert_eq!(
            verified.signed_by(&[stranger.public(), officer.public()]),
            [officer.public()]
        );
        assert!(verified.signed_by(&[stranger.public()]).is_empty());
        assert!(verify(&stranger, "cooperativa").is_err());
        assert!(matches!(
            verify(&node, "fondazione"),
            Err(ActError::Invalid {
                field: "organisation",
                ..
            })
        ));
    }

    #[test]
    fn an_installed_policy_names_no_signers_and_an_act_of_another_organisation_is_refused() {
        let [node, officer] = [1, 2].map(Signer::new);
        let installed = PublishedAs::Installed {
            document: "version = 1".to_owned(),
        };
        let envelope = node.seal(PolicyPublication::TYPE, &publication(installed));
        let verified = VerifiedPolicyPublication::verify(&envelope, &node.public(), "cooperativa")
            .expect("signed");
        assert!(verified.act().is_none() && verified.signed_by(&[officer.public()]).is_empty());

        let other = PolicyChange {
            version: 1,
            id: "0".repeat(32),
            organisation: "fondazione".to_owned(),
            replaces: "1".repeat(64),
            document: "version = 2".to_owned(),
            reason: "narrower".to_owned(),
            signed_at: 900,
        };
        let signed = PublishedAs::Signed {
            act: officer.seal(PolicyChange::TYPE, &other),
        };
        let envelope = node.seal(PolicyPublication::TYPE, &publication(signed));
        assert!(
            VerifiedPolicyPublication::verify(&envelope, &node.public(), "cooperativa").is_err()
        );
    }

    #[test]
    fn an_act_is_published_with_its_officers_signatures_alone_whatever_was_appended() {
        let [node, officer, other, stranger] = [1, 2, 3, 4].map(Signer::new);
        let change = PolicyChange {
            version: 1,
            id: "a".repeat(32),
            organisation: "cooperativa".to_owned(),
            replaces: "0".repeat(64),
            document: "version = 2".to_owned(),
            reason: "another".to_owned(),
            signed_at: 1_000,
        };
        let [good, second, foreign] =
            [&officer, &other, &stranger].map(|key| key.seal(PolicyChange::TYPE, &change));
        let [good, second, foreign] =
            [good.clone(), second, foreign].map(|act| act.signatures[0].clone());
        let mut act = officer.seal(PolicyChange::TYPE, &change);
        let junk = Signature {
            sig: foreign.sig.clone(),
            ..good.clone()
        };
        act.signatures = vec![foreign, junk, good.clone(), good.clone(), second.clone()];
        let officers = [officer.public(), other.public()];
        let alone = signed_by_alone(&act, &officers);
        assert_eq!(alone.signatures, [good.clone(), second]);
        assert_eq!(signed_by_alone(&act, &officers[..1]).signatures, [good]);
        assert_eq!(alone.payload, act.payload);
        assert_eq!(signed_by_alone(&act, &[node.public()]).signatures, []);
    }
}
