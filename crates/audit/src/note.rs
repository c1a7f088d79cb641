//! C2SP signed notes: a text, a blank line, and signature lines `— name base64(key id || signature)`.
//! Unknown signatures are carried along unread; a signature that names a known key must verify.

use crate::AuditError;
use crate::checkpoint::LogSigner;
use crate::merkle::sha256;
use base64::prelude::{BASE64_STANDARD, Engine};
use ring::signature::{ED25519, UnparsedPublicKey};
use std::fmt;

/// Longest note that is read, in bytes.
const MAX_NOTE: usize = 4 << 20;
/// Most signature lines that are read.
const MAX_SIGNATURES: usize = 100;
/// Signature type of an Ed25519 signature over the note's text.
const ED25519_NOTE: u8 = 0x01;
/// Signature type of a timestamped Ed25519 cosignature.
const ED25519_COSIGNATURE: u8 = 0x04;

/// A public key that signs notes: a name, what kind of signature it makes, and its Ed25519 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    kind: u8,
    public_key: [u8; 32],
}

impl NoteKey {
    /// The key of a log, which signs its checkpoints.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the name is empty, has spaces, plus signs or control characters, or could
    /// be mistaken for the first line of a cosigned message.
    pub fn log(name: &str, public_key: [u8; 32]) -> Result<NoteKey, AuditError> {
        NoteKey::try_new(name, ED25519_NOTE, public_key)
    }

    /// The key of a witness, which cosigns checkpoints of others.
    ///
    /// # Errors
    /// As [`NoteKey::log`].
    pub fn witness(name: &str, public_key: [u8; 32]) -> Result<NoteKey, AuditError> {
        NoteKey::try_new(name, ED25519_COSIGNATURE, public_key)
    }

    fn try_new(name: &str, kind: u8, public_key: [u8; 32]) -> Result<NoteKey, AuditError> {
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(forbidden) || name.starts_with("cosignature/") {
            return Err(AuditError::Malformed { what: "key name" });
        }
        Ok(NoteKey {
            name: name.to_owned(),
            kind,
            public_key,
        })
    }

    /// Reads a verifier key, `name+hex key id+base64(type || key)`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is none, its type is unknown or its key id does not fit.
    pub fn parse(text: &str) -> Result<NoteKey, AuditError> {
        let malformed = AuditError::Malformed {
            what: "verifier key",
        };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| malformed.clone())?;
        let Some((kind, Ok(public_key))) = bytes
            .split_first()
            .map(|(kind, key)| (*kind, key.try_into()))
        else {
            return Err(malformed);
        };
        if !matches!(kind, ED25519_NOTE | ED25519_COSIGNATURE) {
            return Err(malformed);
        }
        let key = NoteKey::try_new(name, kind, public_key)?;
        if key.to_string() == text {
            Ok(key)
        } else {
            Err(malformed)
        }
    }

    /// Its name; for a log, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its Ed25519 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// First four bytes of SHA-256(name || 0x0A || type || public key).
    pub fn key_id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), &[0x0a, self.kind], &self.public_key]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Whether it cosigns checkpoints of others rather than signing a log.
    pub fn is_witness(&self) -> bool {
        self.kind == ED25519_COSIGNATURE
    }

    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), AuditError> {
        UnparsedPublicKey::new(&ED25519, self.public_key)
            .verify(message, signature)
            .map_err(|_| AuditError::BadSignature)
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind];
        key.extend_from_slice(&self.public_key);
        let id = u32::from_be_bytes(self.key_id());
        write!(f, "{}+{id:08x}+{}", self.name, BASE64_STANDARD.encode(key))
    }
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    pub(crate) name: String,
    pub(crate) key_id: [u8; 4],
    pub(crate) signature: Vec<u8>,
}

impl NoteSignature {
    /// A line by `key`.
    pub(crate) fn by(key: &NoteKey, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: key.name.clone(),
            key_id: key.key_id(),
            signature,
        }
    }

    /// Reads one line, without its line break.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is no signature line.
    pub fn parse(line: &str) -> Result<NoteSignature, AuditError> {
        let malformed = AuditError::Malformed {
            what: "signature line",
        };
        let (name, encoded) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(|| malformed.clone())?;
        let bytes = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| malformed.clone())?;
        let Some((key_id, signature)) = bytes.split_first_chunk::<4>() else {
            return Err(malformed);
        };
        if signature.is_empty()
            || name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c == '+')
        {
            return Err(malformed);
        }
        Ok(NoteSignature {
            name: name.to_owned(),
            key_id: *key_id,
            signature: signature.to_vec(),
        })
    }

    /// When a witness cosigned, Unix seconds, by the line's own word; nothing for the line of a log.
    pub fn claimed_time(&self) -> Option<u64> {
        let (time, signature) = self.signature.split_first_chunk::<8>()?;
        (signature.len() == 64).then(|| u64::from_be_bytes(*time))
    }

    /// Who signed, by the line's own word.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_by(&self, key: &NoteKey) -> bool {
        self.name == key.name && self.key_id == key.key_id()
    }
}

/// The line, without its line break.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, BASE64_STANDARD.encode(bytes))
    }
}

/// A text and the signatures under it. Its text is not to be believed before [`SignedNote::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    pub(crate) text: String,
    pub(crate) signatures: Vec<NoteSignature>,
}

impl SignedNote {
    /// Signs a text, which ends with a line break, with the key of a log.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for a text that [`SignedNote::parse`] would not read back.
    pub fn sign(text: &str, signer: &LogSigner) -> Result<SignedNote, AuditError> {
        let signature = NoteSignature::by(signer.log_key(), signer.sign(text.as_bytes()).to_vec());
        let note = SignedNote {
            text: text.to_owned(),
            signatures: vec![signature],
        };
        SignedNote::parse(&note.to_string())
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is none: too long, control characters, no blank line before the
    /// signatures, no signatures or too many.
    pub fn parse(note: &str) -> Result<SignedNote, AuditError> {
        let malformed = AuditError::Malformed {
            what: "signed note",
        };
        if note.len() > MAX_NOTE || note.contains(|c: char| c.is_control() && c != '\n') {
            return Err(malformed);
        }
        let split = note.rfind("\n\n").ok_or_else(|| malformed.clone())?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| malformed.clone())?;
        let signatures = lines
            .split('\n')
            .map(NoteSignature::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(malformed);
        }
        Ok(SignedNote {
            text: text.to_owned(),
            signatures,
        })
    }

    /// The signed text, with its final line break.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The text, once a log's key has vouched for it.
    ///
    /// # Errors
    /// [`AuditError::NotSigned`] if no line names the key, [`AuditError::BadSignature`] if one does and is false.
    pub fn verify(&self, key: &NoteKey) -> Result<&str, AuditError> {
        let mut found = false;
        for signature in self
            .signatures
            .iter()
            .filter(|signature| signature.is_by(key))
        {
            if key.is_witness() {
                return Err(AuditError::NotSigned);
            }
            key.check(self.text.as_bytes(), &signature.signature)?;
            found = true;
        }
        if found {
            Ok(&self.text)
        } else {
            Err(AuditError::NotSigned)
        }
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `golang.org/x/mod/sumdb/note`, the origin of the format.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_example_note_verifies_under_its_published_key() {
        let key = NoteKey::parse(KEY).unwrap();
        assert_eq!(key.key_id(), [0xc7, 0x4f, 0x20, 0xa3]);
        assert_eq!(key.to_string(), KEY);
        let note = SignedNote::parse(NOTE).unwrap();
        assert!(
            note.verify(&key)
                .unwrap()
                .ends_with("what your problem is.\n")
        );
        assert_eq!(note.to_string(), NOTE);
    }

    #[test]
    fn any_flipped_byte_of_a_note_is_noticed() {
        let key = NoteKey::parse(KEY).unwrap();
        for place in 0..NOTE.len() {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[place] ^= 1;
            let accepted = String::from_utf8(bytes)
                .ok()
                .and_then(|text| SignedNote::parse(&text).ok())
                .is_some_and(|note| note.verify(&key).is_ok());
            assert!(!accepted, "byte {place}");
        }
    }

    #[test]
    fn an_unknown_signature_beside_a_good_one_is_carried_along() {
        let key = NoteKey::parse(KEY).unwrap();
        let other = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
        let note = SignedNote::parse(&format!("{NOTE}{other}")).unwrap();
        assert_eq!(note.signatures().len(), 2);
        assert!(note.verify(&key).is_ok());
    }

    #[test]
    fn notes_in_another_form_are_refused() {
        for text in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n\n",
            "text\n\n— name !!!\n",
            "text\n\n— name AAAA\n",
            "text\n\n— na+me AAAAAAAA\n",
            "text\n\n- name AAAAAAAA\n",
            "te\rxt\n\n— name AAAAAAAA\n",
            "text\n\n— name AAAAAAAA",
        ] {
            assert!(SignedNote::parse(text).is_err(), "{text:?}");
        }
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "cosignature/v1"] {
            assert!(NoteKey::log(name, [0; 32]).is_err(), "{name:?}");
        }
    }
}
