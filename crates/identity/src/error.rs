//! What can go wrong with a key, a certificate or a join string.
//! Messages never contain key material or a token.

use std::path::PathBuf;

/// Why a key, certificate, TLS configuration or join string was refused or could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file is already there: keys are never overwritten.
    #[error("{} already exists and is not overwritten", .0.display())]
    AlreadyExists(PathBuf),
    /// A file could not be read or written.
    #[error("could not use the file {}", .path.display())]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The operating system's random generator failed.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Text or bytes that should be a private key are not one of the expected kind.
    #[error("not a private key of the expected kind: {0}")]
    InvalidKey(&'static str),
    /// Text that should be 64 hexadecimal digits (32 bytes) is not.
    #[error("expected 64 hexadecimal digits")]
    InvalidHex,
    /// A signature does not match the bytes and the public key.
    #[error("the signature does not match")]
    InvalidSignature,
    /// An organisation id is not 1 to 63 characters of `a-z`, `0-9` and inner `-`.
    #[error("not an organisation id (1 to 63 of a-z, 0-9 and inner '-')")]
    InvalidOrganisation,
    /// A network address is not `host`, `host:port` or `https://host:port`.
    #[error("not a network address of the form host:port")]
    InvalidAddress,
    /// A certificate signing request was refused.
    #[error("certificate request refused: {0}")]
    InvalidRequest(&'static str),
    /// A certificate cannot be read or is not of the expected kind.
    #[error("not the certificate expected: {0}")]
    InvalidCertificate(&'static str),
    /// A certificate authority is not the one whose fingerprint is pinned.
    #[error("the certificate authority's fingerprint is not the pinned one")]
    PinMismatch,
    /// A time or validity lies outside what a certificate can hold.
    #[error("validity out of range")]
    InvalidValidity,
    /// The certificate library refused.
    #[error("could not make the certificate")]
    Certificate(#[source] rcgen::Error),
    /// The TLS library refused the configuration.
    #[error("could not make the TLS configuration")]
    Tls(#[source] rustls::Error),
    /// The text does not begin like a join string.
    #[error("this is not a join string: it should begin with 'wi1.'")]
    NotAJoinString,
    /// A join string of another version of the software.
    #[error("this join string has version {found}; this software reads version 1")]
    JoinVersion {
        /// The version found.
        found: u32,
    },
    /// The end of a join string is missing.
    #[error("the join string is incomplete: its end is missing, copy it again in full")]
    JoinTruncated,
    /// A join string whose check digits do not match.
    #[error("the join string was altered while copying: its check digits do not match")]
    JoinChecksum,
    /// A join string whose check digits match but whose content is not right.
    #[error("the join string's content is not valid: {0}")]
    JoinContent(&'static str),
}
