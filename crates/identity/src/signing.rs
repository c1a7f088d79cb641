//! Ed25519 keys that sign studies, requests, answers and log checkpoints.
//! The private half stays in its file and in memory; it is never printed, sent or overwritten.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use crate::fingerprint::sha256;
use crate::{IdentityError, hex, key_files};

/// An Ed25519 private key. Cloning shares the one copy in memory.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a key and writes it to a new file (PKCS#8 version 2, PEM, mode 0600).
    ///
    /// # Errors
    /// [`IdentityError::AlreadyExists`] if the file is there; [`IdentityError::File`] if it cannot be
    /// written; [`IdentityError::NoRandomness`].
    pub fn create(path: &Path) -> Result<Self, IdentityError> {
        let document = new_pkcs8()?;
        let key = Self::from_pkcs8(document.as_ref())?;
        key_files::write_new_secret(path, pem_of("PRIVATE KEY", document.as_ref()).as_bytes())?;
        Ok(key)
    }

    /// Makes a key that lives in memory only.
    ///
    /// # Errors
    /// [`IdentityError::NoRandomness`].
    pub fn ephemeral() -> Result<Self, IdentityError> {
        Self::from_pkcs8(new_pkcs8()?.as_ref())
    }

    /// Reads the file that [`SigningKey::create`] wrote; the public half in it must match.
    ///
    /// # Errors
    /// [`IdentityError::File`] or [`IdentityError::InvalidKey`].
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::from_pem(&key_files::read_text(path)?)
    }

    /// Reads a PKCS#8 version 2 key from PEM text.
    ///
    /// # Errors
    /// [`IdentityError::InvalidKey`].
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| IdentityError::InvalidKey("not a PEM private key"))?;
        Self::from_pkcs8(der.secret_pkcs8_der())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, IdentityError> {
        let pair = Ed25519KeyPair::from_pkcs8(der)
            .map_err(|_| IdentityError::InvalidKey("not an Ed25519 key in PKCS#8 version 2"))?;
        let public = PublicKey::try_from(pair.public_key().as_ref())?;
        Ok(Self {
            pair: Arc::new(pair),
            public,
        })
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The public half's [`PublicKey::key_id`].
    pub fn key_id(&self) -> String {
        self.public.key_id()
    }

    /// Signs exactly these bytes (Ed25519, RFC 8032). What is signed must name its own purpose: the
    /// caller builds the bytes with a domain prefix, such as the DSSE pre-authentication encoding.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn new_pkcs8() -> Result<ring::pkcs8::Document, IdentityError> {
    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| IdentityError::NoRandomness)
}

/// PEM text (RFC 7468) of DER bytes.
pub(crate) fn pem_of(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(64) {
        pem.push_str(&text[start..text.len().min(start + 64)]);
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// An Ed25519 public key; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of these 32 bytes. Bytes that are no curve point verify nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of this key in signatures and policies: SHA-256 of its 32 bytes, in hexadecimal.
    pub fn key_id(&self) -> String {
        key_id(&self.0)
    }

    /// Checks a signature over exactly these bytes.
    ///
    /// # Errors
    /// [`IdentityError::InvalidSignature`], whatever is wrong.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), IdentityError> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .map_err(|_| IdentityError::InvalidSignature)
    }
}

/// SHA-256 of an Ed25519 public key's 32 bytes, in lower-case hexadecimal.
pub fn key_id(public_key: &[u8; 32]) -> String {
    hex::encode(&sha256(public_key))
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        hex::decode_32(text).map(Self)
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = IdentityError;

    fn try_from(bytes: &[u8]) -> Result<Self, IdentityError> {
        let bytes = <[u8; 32]>::try_from(bytes)
            .map_err(|_| IdentityError::InvalidKey("an Ed25519 public key has 32 bytes"))?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, IdentityError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_read_back_from_its_file_signs_for_the_same_public_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        let made = SigningKey::create(&path).unwrap();
        let read = SigningKey::load(&path).unwrap();
        assert_eq!(made.public_key(), read.public_key());
        made.public_key()
            .verify(b"bytes", &read.sign(b"bytes"))
            .unwrap();
        assert!(matches!(
            SigningKey::create(&path),
            Err(IdentityError::AlreadyExists(_))
        ));
    }

    #[test]
    fn a_signature_fails_on_other_bytes_another_key_or_another_length() {
        let key = SigningKey::ephemeral().unwrap();
        let signature = key.sign(b"message");
        let public = key.public_key();
        assert!(public.verify(b"message", &signature).is_ok());
        assert!(public.verify(b"massage", &signature).is_err());
        assert!(public.verify(b"message", &signature[..63]).is_err());
        let other = SigningKey::ephemeral().unwrap().public_key();
        assert!(other.verify(b"message", &signature).is_err());
    }

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn the_published_vector_verifies_and_names_its_key() {
        let public: PublicKey = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
            .parse()
            .unwrap();
        let signature: Vec<u8> = [
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ]
        .iter()
        .flat_map(|half| hex::decode_32(half).unwrap())
        .collect();
        public.verify(&[0x72], &signature).unwrap();
        assert_eq!(public.key_id().len(), 64);
        assert_eq!(public.key_id(), key_id(public.as_bytes()));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        let key = SigningKey::create(&path).unwrap();
        let text = format!("{key:?}");
        assert_eq!(
            text,
            format!(
                "SigningKey {{ public: PublicKey({}), .. }}",
                key.public_key()
            )
        );
    }

    #[test]
    fn text_that_is_no_key_is_refused() {
        assert!(SigningKey::from_pem("hello").is_err());
        assert!(serde_json::from_str::<PublicKey>("\"00\"").is_err());
        let key = SigningKey::ephemeral().unwrap().public_key();
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
    }
}
