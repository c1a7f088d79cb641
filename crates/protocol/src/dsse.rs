//! Signed envelopes: DSSE with Ed25519 over the exact payload bytes and their type.
//! Verification hands out bytes only after a pinned key has vouched for them.

use base64::prelude::{BASE64_STANDARD, Engine};
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

/// A signed payload.
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
    /// Signs `payload` with the key `key`, through `sign` over the bytes handed to it.
    pub fn sign(
        payload_type: &str,
        payload: &[u8],
        key: &PublicKey,
        sign: impl Fn(&[u8]) -> [u8; 64],
    ) -> Envelope {
        let signature = sign(&pre_authentication(payload_type, payload));
        Envelope {
            payload_type: payload_type.to_owned(),
            payload: BASE64_STANDARD.encode(payload),
            signatures: vec![Signature {
                keyid: key.key_id(),
                sig: BASE64_STANDARD.encode(signature),
            }],
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

    fn payload_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
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
}
