//! Reads certificates: the authority's own, and what a node's certificate says about its holder.
//! Reading is not trusting: chains are verified by the TLS configurations, status by the database.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::organisation::check_organisation;
use crate::{Fingerprint, IdentityError, hex};

/// What precedes the organisation's id in the one subject alternative name (a URI) of its certificate.
pub(crate) const NODE_URI_PREFIX: &str = "wi:node:";

/// The certificate of a certificate authority: what nodes trust and pin.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorityCertificate {
    der: CertificateDer<'static>,
}

impl AuthorityCertificate {
    pub(crate) fn from_der(der: CertificateDer<'static>) -> Result<Self, IdentityError> {
        let parsed = parse(&der)?;
        if !parsed.is_ca() {
            return Err(IdentityError::InvalidCertificate(
                "not a certificate authority",
            ));
        }
        Ok(Self { der })
    }

    /// Reads the authority's certificate from PEM text.
    ///
    /// # Errors
    /// [`IdentityError::InvalidCertificate`].
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        Self::from_der(der_of_pem(pem)?)
    }

    /// Reads the authority's certificate and accepts it only if it is the pinned one, for instance
    /// after joining.
    ///
    /// # Errors
    /// [`IdentityError::InvalidCertificate`] or [`IdentityError::PinMismatch`].
    pub fn from_pem_pinned(pem: &str, pinned: &Fingerprint) -> Result<Self, IdentityError> {
        let certificate = Self::from_pem(pem)?;
        if certificate.fingerprint() == *pinned {
            Ok(certificate)
        } else {
            Err(IdentityError::PinMismatch)
        }
    }

    /// SHA-256 of the certificate's DER bytes, as printed in join strings.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_der(&self.der)
    }

    /// The certificate as PEM text.
    pub fn pem(&self) -> String {
        pem_of_certificate(&self.der)
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }
}

impl std::fmt::Debug for AuthorityCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AuthorityCertificate")
            .field(&self.fingerprint())
            .finish()
    }
}

/// What a node's certificate says: whose it is, which one, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCertificate {
    /// The organisation's id, from the subject alternative name.
    pub organisation: String,
    /// The serial number, 32 lower-case hexadecimal digits for certificates of our authority.
    pub serial_hex: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// Valid from this moment on.
    pub not_before: Timestamp,
    /// Not valid after this moment.
    pub not_after: Timestamp,
}

impl NodeCertificate {
    /// Reads a node's certificate from DER bytes. Nothing is verified.
    ///
    /// # Errors
    /// [`IdentityError::InvalidCertificate`] if it is not exactly of our authority's form.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let parsed = parse(der)?;
        let names = parsed
            .subject_alternative_name()
            .ok()
            .flatten()
            .ok_or(IdentityError::InvalidCertificate("no alternative name"))?;
        let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
            return Err(IdentityError::InvalidCertificate(
                "other alternative names than one node URI",
            ));
        };
        let organisation = uri
            .strip_prefix(NODE_URI_PREFIX)
            .ok_or(IdentityError::InvalidCertificate("not a node's URI"))?;
        check_organisation(organisation)?;
        let validity = parsed.validity();
        Ok(Self {
            organisation: organisation.to_owned(),
            serial_hex: serial_hex(parsed.raw_serial()),
            fingerprint: Fingerprint::of_der(der),
            not_before: timestamp(validity.not_before.timestamp())?,
            not_after: timestamp(validity.not_after.timestamp())?,
        })
    }

    /// Reads a node's certificate from PEM text. Nothing is verified.
    ///
    /// # Errors
    /// As [`NodeCertificate::from_der`].
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        Self::from_der(&der_of_pem(pem)?)
    }
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    match X509Certificate::from_der(der) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(IdentityError::InvalidCertificate("not readable as X.509")),
    }
}

pub(crate) fn der_of_pem(pem: &str) -> Result<CertificateDer<'static>, IdentityError> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| IdentityError::InvalidCertificate("not a PEM certificate"))
}

pub(crate) fn pem_of_certificate(der: &[u8]) -> String {
    crate::signing::pem_of("CERTIFICATE", der)
}

/// DER writes a positive number whose first bit is set with a zero byte in front.
fn serial_hex(raw: &[u8]) -> String {
    match raw {
        [0, rest @ ..] if !rest.is_empty() => hex::encode(rest),
        _ => hex::encode(raw),
    }
}

fn timestamp(second: i64) -> Result<Timestamp, IdentityError> {
    Timestamp::from_second(second).map_err(|_| IdentityError::InvalidValidity)
}
