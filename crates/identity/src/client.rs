//! The node's HTTPS client: one address, POST only, every call bounded in time and size.
//! It never follows a redirect, never retries what may have arrived, and trusts only its TLS configuration.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http_body_util::{Full, LengthLimitError};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::IdentityError;
use crate::address::authority_of;
use crate::connections::{BoxError, Connections};

const LARGEST_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Why a call brought no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection, or it broke. The call may have arrived or not.
    #[error("the coordinator is out of reach")]
    Unreachable(#[source] Box<dyn StdError + Send + Sync>),
    /// The coordinator refused our certificate (revoked authority, expired, unknown) or our TLS.
    #[error("the coordinator refused this node's certificate or TLS version")]
    CertificateRefused(#[source] rustls::Error),
    /// The server is not the pinned coordinator; nothing was sent.
    #[error("the server is not the coordinator this node trusts")]
    ServerNotTrusted(#[source] rustls::Error),
    /// No complete reply within the time given. The call may have arrived or not.
    #[error("no reply within {} milliseconds", .0.as_millis())]
    Timeout(Duration),
    /// The reply has more bytes than allowed.
    #[error("the reply is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// The call itself is not valid: its path, or a body that cannot be written as JSON.
    #[error("the call is not valid: {0}")]
    InvalidCall(&'static str),
    /// The reply's body is not the JSON expected.
    #[error("the reply is not the JSON expected")]
    InvalidReply(#[source] serde_json::Error),
}

impl ClientError {
    /// A stable code for logs where one side refused the other; `None` where nobody was reached or the call went wrong.
    pub fn refusal_code(&self) -> Option<&'static str> {
        use rustls::{AlertDescription, Error};
        match self {
            Self::CertificateRefused(Error::AlertReceived(AlertDescription::ProtocolVersion))
            | Self::ServerNotTrusted(Error::PeerIncompatible(_)) => Some("tls-version"),
            Self::CertificateRefused(_) => Some("certificate-refused"),
            Self::ServerNotTrusted(_) => Some("server-not-trusted"),
            _ => None,
        }
    }
}

/// A reply, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// True for 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ClientError::InvalidReply`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(ClientError::InvalidReply)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// Calls one coordinator. Clones share their connections.
#[derive(Clone)]
pub struct NodeClient {
    base: String,
    connections: Connections,
    largest_reply: usize,
}

impl NodeClient {
    /// A client for this address (`host:port`, `https://` in front allowed) with the configuration of
    /// [`crate::node_client_config`] or [`crate::join_client_config`]. Replies may have 16 MiB.
    ///
    /// # Errors
    /// [`IdentityError::InvalidAddress`].
    pub fn new(address: &str, tls: ClientConfig) -> Result<Self, IdentityError> {
        let authority = authority_of(address)?;
        let base = format!("https://{authority}");
        let invalid = |_| IdentityError::InvalidAddress;
        let address = base.parse().map_err(invalid)?;
        let host = HeaderValue::try_from(authority).map_err(|_| IdentityError::InvalidAddress)?;
        Ok(Self {
            base,
            connections: Connections::to(address, host, tls),
            largest_reply: LARGEST_REPLY_BYTES,
        })
    }

    /// The same client, accepting replies of at most this many bytes.
    #[must_use]
    pub fn with_largest_reply(mut self, bytes: usize) -> Self {
        self.largest_reply = bytes;
        self
    }

    /// Posts a value as JSON; `timeout` bounds the whole exchange.
    ///
    /// # Errors
    /// See [`ClientError`]. An HTTP error status is a reply, not an error.
    pub async fn post_json<T: Serialize + ?Sized>(
        &self,
        path: &str,
        value: &T,
        timeout: Duration,
    ) -> Result<Reply, ClientError> {
        let body = serde_json::to_vec(value)
            .map_err(|_| ClientError::InvalidCall("the body cannot be written as JSON"))?;
        self.post_bytes(path, "application/json", body, timeout)
            .await
    }

    /// Posts bytes of the given media type; `timeout` bounds the whole exchange.
    ///
    /// # Errors
    /// See [`ClientError`]. An HTTP error status is a reply, not an error.
    pub async fn post_bytes(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Reply, ClientError> {
        if !path.starts_with('/') {
            return Err(ClientError::InvalidCall("a path begins with '/'"));
        }
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| ClientError::InvalidCall("not a path or media type"))?;
        tokio::time::timeout(timeout, self.exchange(request))
            .await
            .unwrap_or(Err(ClientError::Timeout(timeout)))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, ClientError> {
        let limit = self.largest_reply;
        match self.connections.call(request, limit).await {
            Ok((status, body)) => Ok(Reply {
                status: status.as_u16(),
                body,
            }),
            Err(error) if error.is::<LengthLimitError>() => Err(ClientError::TooLarge { limit }),
            Err(error) => Err(failure(error)),
        }
    }
}

impl fmt::Debug for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeClient")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

fn failure(error: BoxError) -> ClientError {
    match tls_error(error.as_ref()) {
        Some(tls @ rustls::Error::AlertReceived(_)) => ClientError::CertificateRefused(tls.clone()),
        Some(tls) => ClientError::ServerNotTrusted(tls.clone()),
        None => ClientError::Unreachable(error),
    }
}

/// The TLS error somewhere under this one. `io::Error` shows what it wraps by `get_ref`, while its
/// `source` skips it.
pub(crate) fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        next = match error.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(wrapped)) => Some(wrapped),
            _ => error.source(),
        };
    }
    None
}
