//! The node's HTTPS client: one address, POST only, every call bounded in time and size.
//! It never follows a redirect, never retries what may have arrived, and trusts only its TLS configuration.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::IdentityError;
use crate::address::authority_of;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Half of what the server allows a connection to idle, so that no call is sent into a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const LARGEST_REPLY_BYTES: usize = 16 * 1024 * 1024;
/// How often a call is handed to a connection before it counts as out of reach. A server that refuses a certificate says so after
/// its part of the handshake is done, so a connection may close between being made and being used; hyper then gives back the
/// call without saying why, and the next connection shows the reason. Far more tries than such an accident happens in a row.
const TRIES_OF_A_CALL_NEVER_SENT: u32 = 16;

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
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    largest_reply: usize,
}

impl NodeClient {
    /// A client for this address (`host:port`, `https://` in front allowed) with the configuration of
    /// [`crate::node_client_config`] or [`crate::join_client_config`]. Replies may have 16 MiB.
    ///
    /// # Errors
    /// [`IdentityError::InvalidAddress`].
    pub fn new(address: &str, tls: ClientConfig) -> Result<Self, IdentityError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(2)
            .build(connector);
        Ok(Self {
            base: format!("https://{}", authority_of(address)?),
            client,
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
        let request = Request::post(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| ClientError::InvalidCall("not a path or media type"))?;
        tokio::time::timeout(timeout, self.exchange(request))
            .await
            .unwrap_or(Err(ClientError::Timeout(timeout)))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, ClientError> {
        let mut tries = 1;
        let response = loop {
            match self.client.request(request.clone()).await {
                Err(error) if tries < TRIES_OF_A_CALL_NEVER_SENT && never_sent(&error) => {
                    tries += 1;
                }
                done => break done.map_err(failure)?,
            }
        };
        let status = response.status().as_u16();
        let limit = self.largest_reply;
        let body = Limited::new(response.into_body(), limit)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    ClientError::TooLarge { limit }
                } else {
                    failure(error)
                }
            })?;
        Ok(Reply {
            status,
            body: body.to_bytes(),
        })
    }
}

impl fmt::Debug for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeClient")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

fn failure(error: impl Into<Box<dyn StdError + Send + Sync>>) -> ClientError {
    let error = error.into();
    match tls_error(error.as_ref()) {
        Some(tls @ rustls::Error::AlertReceived(_)) => ClientError::CertificateRefused(tls.clone()),
        Some(tls) => ClientError::ServerNotTrusted(tls.clone()),
        None => ClientError::Unreachable(error),
    }
}

/// True where the connection gave the call back before anything of it was written.
fn never_sent(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(http) = error.downcast_ref::<hyper::Error>() {
            return http.is_canceled();
        }
        next = error.source();
    }
    false
}

/// The TLS error somewhere under this one. `io::Error` shows what it wraps by `get_ref`, while its
/// `source` skips it.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
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
