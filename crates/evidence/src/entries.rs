//! Entries as lines of `entries.jsonl`: header and body hash, or the leaf alone where the reader may not see more.
//! Reading a line checks its form; whether it belongs to the log, the tree says.

use audit::{Hash, Header, body_hash, leaf_hash_of};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};

/// One line. An erased body has neither salt nor body; a withheld entry has its leaf only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryLine {
    /// The canonical header, character for character.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// The salted hash of the body, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_hash: Option<String>,
    /// The salt, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    /// The body, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The leaf hash, hex.
    leaf: String,
}

impl EntryLine {
    /// A whole entry; `body` is its salt and its bytes unless they were erased or are withheld.
    pub fn whole(
        header: String,
        body_hash: &Hash,
        body: Option<(&[u8; 32], &[u8])>,
        leaf: &Hash,
    ) -> EntryLine {
        EntryLine {
            header: Some(header),
            body_hash: Some(protocol::hex(body_hash)),
            salt: body.map(|(salt, _)| protocol::hex(salt)),
            body: body.map(|(_, bytes)| BASE64_STANDARD.encode(bytes)),
            leaf: protocol::hex(leaf),
        }
    }

    /// An entry of which only the leaf may be shown.
    pub fn withheld(leaf: &Hash) -> EntryLine {
        EntryLine {
            header: None,
            body_hash: None,
            salt: None,
            body: None,
            leaf: protocol::hex(leaf),
        }
    }
}

/// An entry as read back.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// Its leaf, recomputed where header and body hash are there.
    pub(crate) leaf: Hash,
    /// Its header, unless the entry is withheld or the header unreadable.
    pub(crate) header: Option<Header>,
    /// Its body, where it is there and has its hash.
    pub(crate) body: Option<Vec<u8>>,
    /// The header's canonical text.
    pub(crate) text: Option<String>,
    /// What is wrong with it, if anything.
    pub(crate) fault: Option<&'static str>,
}

impl Read {
    fn faulty(leaf: Hash, fault: &'static str) -> Read {
        Read {
            leaf,
            header: None,
            body: None,
            text: None,
            fault: Some(fault),
        }
    }
}

/// Reads a line.
pub(crate) fn read(text: &str) -> Read {
    let line = serde_json::from_str::<EntryLine>(text).ok();
    let as_written = |line: &EntryLine| serde_json::to_string(line).is_ok_and(|it| it == text);
    let Some(line) = line.filter(as_written) else {
        return Read::faulty([0; 32], "is no entry as this format writes it");
    };
    let Some(stated) = protocol::from_hex::<32>(&line.leaf) else {
        return Read::faulty([0; 32], "has no readable leaf");
    };
    let (Some(text), Some(hash)) = (line.header, line.body_hash) else {
        return Read {
            leaf: stated,
            header: None,
            body: None,
            text: None,
            fault: (line.salt.is_some() || line.body.is_some())
                .then_some("has a body without a header"),
        };
    };
    let Some(hash) = protocol::from_hex::<32>(&hash) else {
        return Read::faulty(stated, "has no readable body hash");
    };
    let leaf = leaf_hash_of(&text, &hash);
    let header = Header::parse(&text).ok();
    let mut fault = None;
    if leaf != stated {
        fault = Some("does not have the leaf it states");
    } else if header.is_none() {
        fault = Some("has a header that is not canonical or of another version");
    }
    let body = match (line.salt, line.body) {
        (Some(salt), Some(body)) => {
            let whole = protocol::from_hex::<32>(&salt)
                .zip(BASE64_STANDARD.decode(body).ok())
                .filter(|(salt, body)| body_hash(salt, body) == hash)
                .map(|(_, body)| body);
            if whole.is_none() {
                fault = fault.or(Some("has a body that does not fit its hash"));
            }
            whole
        }
        (None, None) => None,
        _ => {
            fault = fault.or(Some(
                "has a body without its salt, or a salt without its body",
            ));
            None
        }
    };
    Read {
        leaf,
        header,
        body,
        text: Some(text),
        fault,
    }
}
