//! Signed envelopes: DSSE with Ed25519 over the exact payload bytes and their type.
//! Verification hands out bytes only after a pinned key has vouched for them.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Largest payload that is read, in bytes.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Reads a key from 64 lower-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<PublicKey> {
        crate::from_hex(text).map(PublicKey)
    }

    /// Identifier of the key in signatures: SHA-256 of its bytes, hex.
    pub fn key_id(&self) -> String {
        crate::hex(&crate::sha256(&self.0))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        PublicKey::from_hex(&text)
            .ok_or_else(|| serde::de::Error::custom("not an Ed25519 public key in hex"))
    }
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// [`PublicKey::key_id`] of the signer.
    pub keyid: String,
    /// Base64 of the 64 signature bytes.
    pub sig: String,
}

/// A signed payload, perhaps with bytes that it names by their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// What the payload is; part of what is signed.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// Base64 of the exact payload bytes.
    pub payload: String,
    /// Who signed.
    pub signatures: Vec<Signature>,
    /// Bytes beside the payload. They are signed only through a hash in the payload, which whoever reads them checks; no payload
    /// but an answer's names any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<Attachment>,
}

/// See [`Envelope::attachment`]. In JSON it is base64. Shared, since it may be most of a message that is kept whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment(pub Bytes);

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({} bytes)", self.0.len())
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attachment, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD
            .decode(text)
            .map(|bytes| Attachment(bytes.into()))
            .map_err(|_| serde::de::Error::custom("the attachment is not base64"))
    }
}

/// Why an envelope is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A payload of another kind.
    #[error("the envelope holds another type of payload")]
    OtherType,
    /// Not base64, or too large.
    #[error("the payload cannot be read")]
    Unreadable,
    /// Bytes beside a payload that names none.
    #[error("the envelope holds more than was signed")]
    Unsigned,
    /// Signed by nobody who is pinned.
    #[error("no pinned key signed this")]
    KeyNotPinned,
    /// A pinned key's signature does not fit the bytes.
    #[error("the signature does not fit: the payload was altered")]
    Altered,
}

/// DSSE's pre-authentication encoding of a payload.
pub fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// An envelope that nobody signed yet, for signatures that are added elsewhere. No check accepts it.
    pub fn unsigned(payload_type: &str, payload: &[u8]) -> Envelope {
        Envelope {
            payload_type: payload_type.to_owned(),
            payload: BASE64_STANDARD.encode(payload),
            signatures: Vec::new(),
            attachment: None,
        }
    }

    /// Signs `payload` with the key `key`, through `sign` over the bytes handed to it.
    pub fn sign(
        payload_type: &str,
        payload: &[u8],
        key: &PublicKey,
        sign: impl Fn(&[u8]) -> [u8; 64],
    ) -> Envelope {
        let signature = sign(&pre_authentication(payload_type, payload));
        Envelope {
            signatures: vec![Signature {
                keyid: key.key_id(),
                sig: BASE64_STANDARD.encode(signature),
            }],
            ..Envelope::unsigned(payload_type, payload)
        }
    }

    /// Adds the signature of another key over the same bytes.
    ///
    /// # Errors
    /// [`EnvelopeError::Unreadable`] where there is no payload to sign.
    pub fn add_signature(
        &mut self,
        key: &PublicKey,
        sign: impl Fn(&[u8]) -> [u8; 64],
    ) -> Result<(), EnvelopeError> {
        let payload = self.payload_bytes()?;
        let signature = sign(&pre_authentication(&self.payload_type, &payload));
        self.signatures.push(Signature {
            keyid: key.key_id(),
            sig: BASE64_STANDARD.encode(signature),
        });
        Ok(())
    }

    /// The payload and the first pinned key that signed it.
    ///
    /// # Errors
    /// See [`EnvelopeError`]. Nothing of the payload is interpreted before its signature holds.
    pub fn verify(
        &self,
        payload_type: &str,
        pinned: &[PublicKey],
    ) -> Result<(Vec<u8>, PublicKey), EnvelopeError> {
        let (payload, signers) = self.verify_each(payload_type, pinned)?;
        match signers.first() {
            Some(signer) => Ok((payload, *signer)),
            None => Err(EnvelopeError::KeyNotPinned),
        }
    }

    /// The payload and every pinned key that signed it, each once, in the order of the signatures.
    ///
    /// # Errors
    /// See [`EnvelopeError`]; so where no pinned key signed. Nothing of the payload is interpreted before a signature holds.
    pub fn verify_each(
        &self,
        payload_type: &str,
        pinned: &[PublicKey],
    ) -> Result<(Vec<u8>, Vec<PublicKey>), EnvelopeError> {
        if self.attachment.is_some() {
            return Err(EnvelopeError::Unsigned);
        }
        self.verify_payload(payload_type, pinned)
    }

    /// As [`Envelope::verify_each`], for a reader who checks the attachment against the payload.
    pub(crate) fn verify_payload(
        &self,
        payload_type: &str,
        pinned: &[PublicKey],
    ) -> Result<(Vec<u8>, Vec<PublicKey>), EnvelopeError> {
        if self.payload_type != payload_type {
            return Err(EnvelopeError::OtherType);
        }
        let payload = self.payload_bytes()?;
        let signed = pre_authentication(payload_type, &payload);
        let (mut signers, mut altered) = (Vec::new(), false);
        for signature in &self.signatures {
            let Some(key) = pinned.iter().find(|key| key.key_id() == signature.keyid) else {
                continue;
            };
            let verifier =
                ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key.0);
            let fits = BASE64_STANDARD
                .decode(&signature.sig)
                .is_ok_and(|bytes| verifier.verify(&signed, &bytes).is_ok());
            if !fits {
                altered = true;
            } else if !signers.contains(key) {
                signers.push(*key);
            }
        }
        match (signers.is_empty(), altered) {
            (false, _) => Ok((payload, signers)),
            (true, true) => Err(EnvelopeError::Altered),
            (true, false) => Err(EnvelopeError::KeyNotPinned),
        }
    }

    pub(crate) fn payload_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload.len() > MAX_PAYLOAD / 3 * 4 {
            return Err(EnvelopeError::Unreadable);
        }
        BASE64_STANDARD
            .decode(&self.payload)
            .map_err(|_| EnvelopeError::Unreadable)
    }

    /// The payload without any check, for display and for finding which key to ask for. Never act on it.
    pub fn unverified_payload(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.payload).ok()
    }

    /// The envelope as it is sent and stored: its JSON; where it has an attachment the byte 2, the length of the JSON in four
    /// bytes (least first), the JSON without the attachment, and the attachment as it is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Some(attachment) = &self.attachment else {
            return json(self);
        };
        let head = json(&Head {
            payload_type: &self.payload_type,
            payload: &self.payload,
            signatures: &self.signatures,
        });
        let mut bytes = Vec::with_capacity(5 + head.len() + attachment.0.len());
        bytes.push(ATTACHED);
        bytes.extend_from_slice(&(head.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&attachment.0);
        bytes
    }

    /// Reads what [`Envelope::to_bytes`] wrote, or any JSON of an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError::Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
        Envelope::read(bytes, Bytes::copy_from_slice)
    }

    /// Reads the same; an attachment is not copied but part of `bytes`, which stay in memory as long as it.
    ///
    /// # Errors
    /// [`EnvelopeError::Unreadable`].
    pub fn from_shared(bytes: &Bytes) -> Result<Envelope, EnvelopeError> {
        Envelope::read(bytes, |part| bytes.slice_ref(part))
    }

    fn read(bytes: &[u8], keep: impl Fn(&[u8]) -> Bytes) -> Result<Envelope, EnvelopeError> {
        let unreadable = |_| EnvelopeError::Unreadable;
        let Some((&ATTACHED, rest)) = bytes.split_first() else {
            return serde_json::from_slice(bytes).map_err(unreadable);
        };
        let (length, rest) = rest.split_first_chunk().ok_or(EnvelopeError::Unreadable)?;
        let (head, attachment) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or(EnvelopeError::Unreadable)?;
        let envelope: Envelope = serde_json::from_slice(head).map_err(unreadable)?;
        // Else one envelope could be written in two ways.
        if envelope.attachment.is_some() {
            return Err(EnvelopeError::Unreadable);
        }
        Ok(Envelope {
            attachment: Some(Attachment(keep(attachment))),
            ..envelope
        })
    }

    /// The media type of an envelope's bytes.
    pub fn media_type(bytes: &[u8]) -> &'static str {
        match bytes.first() {
            Some(&ATTACHED) => Envelope::ATTACHED_TYPE,
            _ => "application/json",
        }
    }

    /// The media type of the bytes of an envelope with an attachment.
    pub const ATTACHED_TYPE: &'static str = "application/octet-stream";
}

/// First byte of an envelope with an attachment; no JSON begins with it.
const ATTACHED: u8 = 2;

/// An envelope without its attachment.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "payloadType")]
    payload_type: &'a str,
    payload: &'a str,
    signatures: &'a [Signature],
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Unwrap safety: structs of strings; writing to memory does not fail.
    serde_json::to_vec(value).expect("JSON of strings")
}
