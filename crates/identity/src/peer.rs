//! Who is speaking: the verified client certificate, as handlers see it.
//! It exists only if the TLS handshake verified it; that it is still active is the handler's question.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::{Fingerprint, IdentityError, NodeCertificate};

/// The verified certificate of the node at the other end of the connection.
///
/// A handler that takes it as an argument answers 401 to a connection without one; a handler that
/// takes `Option<PeerCertificate>` sees which. It is not there once the certificate has expired, even
/// if the connection is older. Whether the certificate was revoked must be looked up by its serial
/// number on each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The organisation's id.
    pub organisation: String,
    /// The certificate's serial number, lower-case hexadecimal.
    pub serial_hex: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// Valid from this moment on.
    pub not_before: Timestamp,
    /// Not valid after this moment.
    pub not_after: Timestamp,
}

impl PeerCertificate {
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let read = NodeCertificate::from_der(der)?;
        Ok(Self {
            organisation: read.organisation,
            serial_hex: read.serial_hex,
            fingerprint: read.fingerprint,
            not_before: read.not_before,
            not_after: read.not_after,
        })
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now > self.not_after
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PeerCertificate {
    type Rejection = MissingPeerCertificate;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(MissingPeerCertificate)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for PeerCertificate {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// The answer to a connection without a client certificate: 401 as `application/problem+json`, code
/// `client-certificate-required`.
#[derive(Clone, Copy, Debug)]
pub struct MissingPeerCertificate;

impl IntoResponse for MissingPeerCertificate {
    fn into_response(self) -> Response {
        let body = r#"{"type":"about:blank","title":"Client certificate required","status":401,"code":"client-certificate-required","params":{}}"#;
        (
            StatusCode::UNAUTHORIZED,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body,
        )
            .into_response()
    }
}
