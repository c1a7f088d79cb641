//! Signed acts in entries: the body is an envelope, the header says what it says and names its signers.
//! Whose keys they are, the reader says.

use audit::{EntryKind, Header};
use protocol::{Act, BudgetMove, Envelope, NewGuarantee, PublicKey, Restoration};
use serde_json::{Value, json};

/// Whether an entry of this kind, as a node writes it, must hold a signed act.
pub(crate) fn is_act(header: &Header) -> bool {
    matches!(header.kind, EntryKind::BudgetMove | EntryKind::Restoration)
}

/// The keys that the header names, if each of them signed the envelope in the body, and that is an act of the header's kind
/// which says what the header says. A new guarantee takes two keys.
pub(crate) fn signers(header: &Header, body: &[u8]) -> Option<Vec<PublicKey>> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let act = header.text("act");
    let (payload_type, signatures) = match (header.kind, act) {
        (EntryKind::BudgetMove, Some("move")) => (BudgetMove::TYPE, 1),
        (EntryKind::BudgetMove, Some("new-guarantee")) => (NewGuarantee::TYPE, 2),
        (EntryKind::Restoration, Some("restoration")) => (Restoration::TYPE, 1),
        _ => return None,
    };
    let named: Vec<PublicKey> = ["signer", "second-signer"]
        .into_iter()
        .filter_map(|name| header.text(name))
        .map(PublicKey::from_hex)
        .collect::<Option<_>>()?;
    let distinct = named
        .iter()
        .enumerate()
        .all(|(at, key)| !named[..at].contains(key));
    let (payload, signed) = envelope.verify_each(payload_type, &named).ok()?;
    let all = named.len() == signatures && distinct && named.iter().all(|key| signed.contains(key));
    let states = header.text("act-hash") == Some(&protocol::hex(&protocol::sha256(&payload)));
    let stated = stated(payload_type, &payload)?;
    let facts = serde_json::to_value(&header.facts).ok()?;
    let agrees = stated.iter().all(|(name, value)| facts[*name] == *value);
    (all && states && agrees).then_some(named)
}

/// What the header of an act's entry must say of it.
fn stated(payload_type: &str, payload: &[u8]) -> Option<Vec<(&'static str, Value)>> {
    Some(match payload_type {
        BudgetMove::TYPE => {
            let act: BudgetMove = serde_json::from_slice(payload).ok()?;
            vec![
                ("act-id", json!(act.id)),
                ("part", json!(act.part.as_str())),
                ("from", json!(act.from)),
                ("to", json!(act.to)),
                ("rho", json!(act.rho.nano())),
            ]
        }
        NewGuarantee::TYPE => {
            let act: NewGuarantee = serde_json::from_slice(payload).ok()?;
            if act.lifetime <= act.lifetime_before {
                return None;
            }
            vec![
                ("act-id", json!(act.id)),
                ("lifetime-before", json!(act.lifetime_before.nano())),
                ("lifetime", json!(act.lifetime.nano())),
            ]
        }
        _ => {
            let act: Restoration = serde_json::from_slice(payload).ok()?;
            vec![
                ("act-id", json!(act.id)),
                ("old-key", json!(act.old_key.to_string())),
                ("new-key", json!(act.new_key.to_string())),
                ("kept-size", json!(act.kept.size)),
                ("kept-root", json!(act.kept.root)),
                ("ended-size", json!(act.ended.size)),
                ("ended-root", json!(act.ended.root)),
            ]
        }
    })
}
