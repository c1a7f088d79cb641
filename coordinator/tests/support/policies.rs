//! Policies as simulated nodes publish them, and what officers sign by them.

use super::{City, Node, Reply, STUDY, public, seal};
use identity::SigningKey;
use policy::Starter;
use protocol::exchange::Hello;
use protocol::{Act, Consent, Envelope, PolicyChange, PolicyPublication, PublishedAs};
use serde_json::Value;

pub(crate) async fn greets(node: &Node<'_>, policy_hash: String) -> Value {
    let hello = Hello {
        version: 1,
        datasets: vec![protocol::exchange::DatasetNotice {
            id: "services".to_owned(),
            edition: 1,
            finest_level: super::node::FINEST,
        }],
        policy_hash,
    };
    node.post("/node/v1/hello", &hello).await.expect(200).json()
}

pub(crate) async fn publishes(node: &Node<'_>, policy: PublishedAs) -> Reply {
    let publication = PolicyPublication {
        version: 1,
        organisation: node.organisation.clone(),
        policy,
        published_at: node.bed.now(),
    };
    let envelope = seal(&node.key, PolicyPublication::TYPE, &publication);
    node.post("/node/v1/policy", &envelope).await
}

pub(crate) fn hash(document: &str) -> String {
    protocol::hex(&protocol::sha256(document.as_bytes()))
}

/// A consent to the city's study by an officer with this key.
pub(crate) async fn countersigns(node: &Node<'_>, study: &Envelope, officer: &SigningKey) -> Reply {
    let payload = study.unverified_payload().unwrap();
    let consent = Consent {
        version: 1,
        organisation: node.organisation.clone(),
        study: STUDY.to_owned(),
        study_hash: protocol::hex(&protocol::sha256(&payload)),
        signed_at: node.bed.now(),
    };
    let envelope = seal(officer, Consent::TYPE, &consent);
    node.post("/node/v1/consents", &envelope).await
}

/// The cooperative's starter policy with these officers, so many of whom sign what replaces it.
pub(crate) fn with_officers(city: &City<'_>, keys: &[&SigningKey], threshold: usize) -> String {
    let node = &city.nodes[1];
    let starter = Starter::Cooperative.text(
        &node.organisation,
        "comune-milano",
        &public(&city.nodes[0].requester),
        &public(&node.dpo),
    );
    let keys: Vec<String> = keys.iter().map(|key| public(key).to_string()).collect();
    let one = format!("threshold = 1\nkeys = [\"{}\"]", public(&node.dpo));
    let text = starter.replace(&one, &format!("threshold = {threshold}\nkeys = {keys:?}"));
    assert_ne!(text, starter);
    text
}

/// An act of these officers that replaces one policy by another.
pub(crate) fn replacing(
    number: u8,
    node: &Node<'_>,
    before: &str,
    document: &str,
    signers: &[&SigningKey],
) -> PublishedAs {
    let change = PolicyChange {
        version: 1,
        id: format!("{number:02x}").repeat(16),
        organisation: node.organisation.clone(),
        replaces: hash(before),
        document: document.to_owned(),
        reason: "Nuovo responsabile".to_owned(),
        signed_at: node.bed.now(),
    };
    let mut act = seal(signers[0], PolicyChange::TYPE, &change);
    for signer in &signers[1..] {
        act.add_signature(&public(signer), |bytes| signer.sign(bytes))
            .unwrap();
    }
    PublishedAs::Signed { act }
}
