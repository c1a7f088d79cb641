//! Keyed hashes: pseudonyms and the keys of choices, each in its own domain.
//! All come from the node's key alone, so nobody outside the node can recompute or foresee one.

use ring::hmac;
use std::fmt;

/// The node's secret for pseudonyms and keyed choices. It stays in the node.
pub struct NodeKey {
    key: hmac::Key,
}

impl NodeKey {
    /// A key from 32 secret bytes, drawn once at `init` and kept.
    pub fn new(secret: &[u8; 32]) -> NodeKey {
        NodeKey {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// HMAC-SHA-256 of `parts` in a named domain; the domain and its line end keep uses apart.
    pub(crate) fn tag(&self, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
        tag(&self.key, domain, parts)
    }

    /// The pseudonym of a person.
    pub(crate) fn pseudonym(&self, code: &[u8; 16]) -> [u8; 32] {
        self.tag("wi-pseudonym-v1", &[code])
    }

    /// The seed by which people are shared out while a snapshot is built.
    pub(crate) fn shards(&self) -> u64 {
        let tag = self.tag("wi-shards-v1", &[]);
        tag[..8]
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The rank of a person among the members of a household that is too large.
    pub(crate) fn member_rank(&self, pseudonym: &[u8; 32]) -> [u8; 32] {
        self.tag("wi-household-member-v1", &[pseudonym])
    }

    /// The key of an edition's choices of cells: from its label, never from its content.
    pub(crate) fn sampling(&self, edition_label: &str) -> [u8; 32] {
        self.tag("wi-sampling-v1", &[edition_label.as_bytes()])
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

/// HMAC-SHA-256 of `parts` in a named domain.
pub(crate) fn tag(key: &hmac::Key, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(domain.as_bytes());
    context.update(b"\n");
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}
