//! The logs that a witness cosigns and by which keys, from a file that its keeper writes.
//! Keys reach the keeper as they reach every verifier: from hand to hand, not from the logs.

use crate::WitnessError;
use audit::NoteKey;
use protocol::PublicKey;

/// Logs with their keys, and the officers who may let a log go on from a backup.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    logs: Vec<NoteKey>,
    officers: Vec<(String, PublicKey)>,
}

impl Watched {
    /// Reads a file of keys, as verifiers keep it: `name+id+base64` for a log, `officer ORIGIN HEX` for an officer. Keys of
    /// witnesses, empty lines and lines from `#` on are passed over.
    ///
    /// # Errors
    /// [`WitnessError::Watched`] naming the line.
    pub fn parse(text: &str) -> Result<Watched, WitnessError> {
        let mut watched = Watched::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || WitnessError::Watched {
                line: number + 1,
                reason: "write `name+id+base64` or `officer ORIGIN HEX`, one key a line",
            };
            match line.strip_prefix("officer ") {
                Some(rest) => {
                    let (origin, key) = rest.split_once(' ').ok_or_else(malformed)?;
                    let key = PublicKey::from_hex(key.trim()).ok_or_else(malformed)?;
                    watched.officers.push((origin.to_owned(), key));
                }
                None => {
                    let key = NoteKey::parse(line).map_err(|_| malformed())?;
                    if !key.is_witness() {
                        watched.logs.push(key);
                    }
                }
            }
        }
        Ok(watched)
    }

    /// The names of the logs.
    pub fn origins(&self) -> Vec<&str> {
        self.logs.iter().map(NoteKey::name).collect()
    }

    pub(crate) fn knows(&self, origin: &str) -> bool {
        self.logs.iter().any(|key| key.name() == origin)
    }

    pub(crate) fn keys(&self, origin: &str) -> impl Iterator<Item = &NoteKey> {
        self.logs.iter().filter(move |key| key.name() == origin)
    }

    pub(crate) fn officers(&self, origin: &str) -> Vec<PublicKey> {
        (self.officers.iter())
            .filter(|(of, _)| of == origin)
            .map(|(_, key)| *key)
            .collect()
    }
}
