//! Signed acts in entries: the body is an envelope, the header names its hash and its signers.
//! Whose keys they are, the reader says.

use audit::{EntryKind, Header};
use protocol::{Envelope, PublicKey};

/// Whether an entry of this kind, as a node writes it, must hold a signed act.
pub(crate) fn is_act(header: &Header) -> bool {
    matches!(header.kind, EntryKind::BudgetMove | EntryKind::Restoration)
}

/// The keys that the header names, if each of them signed the envelope in the body and its payload has the hash that the
/// header states.
pub(crate) fn signers(header: &Header, body: &[u8]) -> Option<Vec<PublicKey>> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let named: Vec<PublicKey> = ["signer", "second-signer"]
        .into_iter()
        .filter_map(|name| header.text(name))
        .map(PublicKey::from_hex)
        .collect::<Option<_>>()?;
    let (payload, signed) = envelope.verify_each(&envelope.payload_type, &named).ok()?;
    let all = !named.is_empty() && named.iter().all(|key| signed.contains(key));
    let states = header.text("act-hash") == Some(&protocol::hex(&protocol::sha256(&payload)));
    (all && states).then_some(named)
}
