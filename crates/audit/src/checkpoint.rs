//! Signed heads of a log in the C2SP `tlog-checkpoint` format: origin, size and root in a signed note.
//! A checkpoint read from text counts only after [`SignedCheckpoint::open`] has verified the log's signature.

use crate::AuditError;
use crate::merkle::Hash;
use crate::note::{NoteKey, NoteSignature, SignedNote};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::fmt;
use std::sync::Arc;

/// Makes an Ed25519 signature of a message.
type Sign = dyn Fn(&[u8]) -> [u8; 64] + Send + Sync;

/// A name and a key that sign for a log: its checkpoints, and cosignatures of other logs' checkpoints. It holds
/// the public key and a closure; the secret stays where the closure keeps it.
#[derive(Clone)]
pub struct LogSigner {
    log: NoteKey,
    witness: NoteKey,
    sign: Arc<Sign>,
}

impl LogSigner {
    /// A signer named `name`, the origin of its log, whose `sign` makes Ed25519 signatures for `public_key`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the name cannot name a key.
    pub fn new(
        name: &str,
        public_key: [u8; 32],
        sign: impl Fn(&[u8]) -> [u8; 64] + Send + Sync + 'static,
    ) -> Result<LogSigner, AuditError> {
        Ok(LogSigner {
            log: NoteKey::log(name, public_key)?,
            witness: NoteKey::witness(name, public_key)?,
            sign: Arc::new(sign),
        })
    }

    /// The key that verifies its checkpoints.
    pub fn log_key(&self) -> &NoteKey {
        &self.log
    }

    /// The key that verifies its cosignatures.
    pub fn witness_key(&self) -> &NoteKey {
        &self.witness
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        (self.sign)(message)
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.log)
    }
}

/// What a checkpoint says: a log, its size, its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines. Extension lines are neither written nor read.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64_STANDARD.encode(self.root)
        )
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] unless it is exactly what [`Checkpoint::text`] writes.
    pub fn parse(text: &str) -> Result<Checkpoint, AuditError> {
        let malformed = AuditError::Malformed { what: "checkpoint" };
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed);
        };
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| malformed.clone())?,
            root: BASE64_STANDARD
                .decode(root)
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| malformed.clone())?,
        };
        if origin.is_empty() || checkpoint.text() != text {
            return Err(malformed);
        }
        Ok(checkpoint)
    }
}

/// A checkpoint with its log's signature and any cosignatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
}

impl SignedCheckpoint {
    /// The head of the signer's own log.
    pub fn sign(size: u64, root: Hash, signer: &LogSigner) -> SignedCheckpoint {
        let checkpoint = Checkpoint {
            origin: signer.log_key().name().to_owned(),
            size,
            root,
        };
        let text = checkpoint.text();
        let signature = NoteSignature::by(signer.log_key(), signer.sign(text.as_bytes()).to_vec());
        SignedCheckpoint {
            checkpoint,
            note: SignedNote {
                text,
                signatures: vec![signature],
            },
        }
    }

    /// Reads a checkpoint and verifies the signature of the log it must belong to.
    ///
    /// # Errors
    /// What [`SignedNote::verify`] reports, [`AuditError::Malformed`] for another text,
    /// [`AuditError::OtherLog`] if the origin is not the key's name.
    pub fn open(note: &str, key: &NoteKey) -> Result<SignedCheckpoint, AuditError> {
        let note = SignedNote::parse(note)?;
        let checkpoint = Checkpoint::parse(note.verify(key)?)?;
        if checkpoint.origin != key.name() {
            return Err(AuditError::OtherLog);
        }
        Ok(SignedCheckpoint { checkpoint, note })
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, with all signature lines.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// Adds a line, such as a cosignature. It is the reader who verifies it.
    pub fn with_signature(mut self, signature: NoteSignature) -> SignedCheckpoint {
        self.note.signatures.push(signature);
        self
    }
}

/// The signed note, as it is sent and stored.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    pub(crate) fn signer(name: &str, seed: u8) -> LogSigner {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public_key = pair.public_key().as_ref().try_into().unwrap();
        LogSigner::new(name, public_key, move |message| {
            pair.sign(message).as_ref().try_into().unwrap()
        })
        .unwrap()
    }

    #[test]
    fn a_checkpoint_is_three_lines_and_a_signature() {
        let signer = signer("fondazione-navigli/log", 1);
        let signed = SignedCheckpoint::sign(42, [7; 32], &signer);
        let text = signed.to_string();
        let start = "fondazione-navigli/log\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n— fondazione-navigli/log ";
        assert!(text.starts_with(start), "{text}");
        assert_eq!(SignedCheckpoint::open(&text, signer.log_key()), Ok(signed));
    }

    #[test]
    fn any_flipped_byte_of_a_checkpoint_is_noticed() {
        let signer = signer("a", 1);
        let text = SignedCheckpoint::sign(42, [7; 32], &signer).to_string();
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[place] ^= 1 << bit;
                let accepted = String::from_utf8(bytes)
                    .ok()
                    .is_some_and(|text| SignedCheckpoint::open(&text, signer.log_key()).is_ok());
                assert!(!accepted, "bit {bit} of byte {place}");
            }
        }
    }

    #[test]
    fn another_key_another_name_and_another_origin_are_refused() {
        let text = SignedCheckpoint::sign(1, [7; 32], &signer("a", 1)).to_string();
        assert_eq!(
            SignedCheckpoint::open(&text, signer("a", 2).log_key()),
            Err(AuditError::NotSigned)
        );
        assert_eq!(
            SignedCheckpoint::open(&text, signer("b", 1).log_key()),
            Err(AuditError::NotSigned)
        );
        let signer = signer("a", 1);
        let elsewhere = Checkpoint {
            origin: "b".to_owned(),
            size: 1,
            root: [7; 32],
        }
        .text();
        let signature =
            NoteSignature::by(signer.log_key(), signer.sign(elsewhere.as_bytes()).to_vec());
        let note = SignedNote {
            text: elsewhere,
            signatures: vec![signature],
        }
        .to_string();
        assert_eq!(
            SignedCheckpoint::open(&note, signer.log_key()),
            Err(AuditError::OtherLog)
        );
    }

    #[test]
    fn checkpoints_in_another_form_are_refused() {
        let root = BASE64_STANDARD.encode([7; 32]);
        assert!(Checkpoint::parse(&format!("a\n1\n{root}\n")).is_ok());
        for text in [
            String::new(),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("\n1\n{root}\n"),
            format!("a\n1\n{root}"),
            format!("a\n1\n{root}\nextension\n"),
            format!("a\n1\n{}\n", BASE64_STANDARD.encode([7; 31])),
            format!("a\n18446744073709551616\n{root}\n"),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
    }
}
