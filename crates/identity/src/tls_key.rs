//! The P-256 key with which a node opens its connections, and its certificate request.
//! It signs no request, answer or log: those need the Ed25519 key.

use std::fmt;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::PrivateKeyDer;

use crate::organisation::check_organisation;
use crate::{IdentityError, key_files};

/// A P-256 private key for TLS.
pub struct TlsKey {
    pair: KeyPair,
}

impl TlsKey {
    /// Makes a key and writes it to a new file (PKCS#8, PEM, mode 0600).
    ///
    /// # Errors
    /// [`IdentityError::AlreadyExists`], [`IdentityError::File`], or [`IdentityError::Certificate`]
    /// if the key cannot be made.
    pub fn create(path: &Path) -> Result<Self, IdentityError> {
        let key = Self::ephemeral()?;
        key_files::write_new_secret(path, key.pair.serialize_pem().as_bytes())?;
        Ok(key)
    }

    /// Makes a key that lives in memory only.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] if the key cannot be made.
    pub fn ephemeral() -> Result<Self, IdentityError> {
        let pair =
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(IdentityError::Certificate)?;
        Ok(Self { pair })
    }

    /// Reads the file that [`TlsKey::create`] wrote.
    ///
    /// # Errors
    /// [`IdentityError::File`] or [`IdentityError::InvalidKey`].
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::from_pem(&key_files::read_text(path)?)
    }

    /// Reads a PKCS#8 P-256 key from PEM text.
    ///
    /// # Errors
    /// [`IdentityError::InvalidKey`].
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_ECDSA_P256_SHA256)
            .map(|pair| Self { pair })
            .map_err(|_| IdentityError::InvalidKey("not a P-256 key in PKCS#8"))
    }

    /// A certificate signing request (PEM) for this key. The authority takes only the public key from
    /// it; the name in it is for people who read it.
    ///
    /// # Errors
    /// [`IdentityError::InvalidOrganisation`] or [`IdentityError::Certificate`].
    pub fn request_pem(&self, organisation: &str) -> Result<String, IdentityError> {
        check_organisation(organisation)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, organisation);
        params
            .serialize_request(&self.pair)
            .and_then(|request| request.pem())
            .map_err(IdentityError::Certificate)
    }

    pub(crate) fn private_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.pair.serialize_der().into())
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    pub(crate) fn into_pair(self) -> KeyPair {
        self.pair
    }
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsKey").finish_non_exhaustive()
    }
}
