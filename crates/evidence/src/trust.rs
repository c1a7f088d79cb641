//! What the reader trusts: keys received by another way, and checkpoints kept from before.
//! Nothing in a pack adds to it.

use crate::EvidenceError;
use audit::{NoteKey, SignedCheckpoint, SignedNote, verify_cosignature};
use protocol::PublicKey;
use std::collections::BTreeSet;

/// Keys and checkpoints that the reader holds.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<NoteKey>,
    officers: Vec<(String, PublicKey)>,
    heads: Vec<SignedCheckpoint>,
    witnesses: usize,
}

impl Trust {
    /// Reads a file of keys: one to a line, as `name+id+base64` for logs and witnesses, or `officer ORIGIN HEX` for the
    /// data protection officer of the organisation whose log is `ORIGIN`; empty lines and lines from `#` on are passed over.
    ///
    /// # Errors
    /// [`EvidenceError::Trust`] naming the line, or where there is no key at all.
    pub fn from_keys(name: &str, text: &str) -> Result<Trust, EvidenceError> {
        let mut trust = Trust::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || EvidenceError::Trust {
                name: name.to_owned(),
                line: number + 1,
                reason: "write `name+id+base64` or `officer ORIGIN HEX`, one key a line".to_owned(),
            };
            match line.strip_prefix("officer ") {
                Some(rest) => {
                    let (origin, key) = rest.split_once(' ').ok_or_else(malformed)?;
                    let key = PublicKey::from_hex(key.trim()).ok_or_else(malformed)?;
                    trust.officers.push((origin.to_owned(), key));
                }
                None => {
                    let key = NoteKey::parse(line).map_err(|_| malformed())?;
                    trust.keys.push(key);
                }
            }
        }
        if trust.keys.is_empty() {
            return Err(EvidenceError::Trust {
                name: name.to_owned(),
                line: 1,
                reason: "no key; write those that you received by another way than these packs"
                    .to_owned(),
            });
        }
        Ok(trust)
    }

    /// Adds a checkpoint that the reader kept.
    ///
    /// # Errors
    /// [`EvidenceError::Trust`] if it is none or not signed by a given key.
    pub fn add_checkpoint(&mut self, name: &str, note: &str) -> Result<(), EvidenceError> {
        let head = self
            .open(&note.replace("\r\n", "\n"))
            .ok_or_else(|| EvidenceError::Trust {
                name: name.to_owned(),
                line: 1,
                reason: "not a checkpoint signed by a key of the file of keys".to_owned(),
            })?;
        self.heads.push(head);
        Ok(())
    }

    /// Demands that each log was cosigned by so many witnesses whose keys were given, its own keeper not counted.
    pub fn require_witnesses(&mut self, count: usize) {
        self.witnesses = count;
    }

    pub(crate) fn required_witnesses(&self) -> usize {
        self.witnesses
    }

    /// The given witnesses that cosigned a head, its own log's keeper aside.
    pub(crate) fn witnesses_of(&self, signed: &SignedCheckpoint) -> BTreeSet<&str> {
        let head = signed.checkpoint();
        let lines = signed.note().signatures();
        let others = self.keys.iter().filter(|key| key.name() != head.origin);
        others
            .filter(|key| {
                lines
                    .iter()
                    .any(|line| verify_cosignature(head, line, key).is_ok())
            })
            .map(NoteKey::name)
            .collect()
    }

    /// A checkpoint, if a given key signed it.
    pub(crate) fn open(&self, note: &str) -> Option<SignedCheckpoint> {
        (self.keys.iter()).find_map(|key| SignedCheckpoint::open(note, key).ok())
    }

    /// The text of a note, if a given key of that name signed it.
    pub(crate) fn text<'a>(&self, note: &'a SignedNote, origin: &str) -> Option<&'a str> {
        (self.keys.iter())
            .filter(|key| key.name() == origin)
            .find_map(|key| note.verify(key).ok())
    }

    /// Whether any key of that name was given.
    pub(crate) fn knows(&self, origin: &str) -> bool {
        self.keys.iter().any(|key| key.name() == origin)
    }

    pub(crate) fn keys(&self) -> &[NoteKey] {
        &self.keys
    }

    /// The officers of a log's organisation.
    pub(crate) fn officers(&self, origin: &str) -> Vec<PublicKey> {
        (self.officers.iter())
            .filter(|(of, _)| of == origin)
            .map(|(_, key)| *key)
            .collect()
    }

    pub(crate) fn heads(&self) -> &[SignedCheckpoint] {
        &self.heads
    }
}
