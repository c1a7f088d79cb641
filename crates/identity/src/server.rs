//! Serves the coordinator's node port: TLS handshake, client certificate, then the axum router.
//! It decides nothing about the peer; it hands on who it is, and reports the connections it refused.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum_server::accept::Accept;
use jiff::Timestamp;
use rustls::{CertificateError, PeerIncompatible};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service;

use crate::PeerCertificate;

pub use axum_server::tls_rustls::RustlsConfig;

/// Stops the server: `graceful_shutdown(Some(duration))` lets open calls end within the duration.
pub type Handle = axum_server::Handle<SocketAddr>;

/// How long a peer may take, and who hears of the refused.
#[derive(Clone)]
pub struct ServeOptions {
    /// For the whole TLS handshake; 10 seconds unless told otherwise.
    pub handshake_timeout: Duration,
    /// For a request's head to arrive whole, counted also while a connection idles between requests;
    /// 30 seconds unless told otherwise. Clients must drop idle connections sooner.
    pub header_read_timeout: Duration,
    /// Called once for each connection that ended before a request, for the log.
    pub on_refused: Option<Arc<dyn Fn(RefusedConnection) + Send + Sync>>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(30),
            on_refused: None,
        }
    }
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions")
            .field("handshake_timeout", &self.handshake_timeout)
            .field("header_read_timeout", &self.header_read_timeout)
            .finish_non_exhaustive()
    }
}

/// A connection that did not get past the TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedConnection {
    /// Who called; `None` if the listener itself failed.
    pub remote: Option<SocketAddr>,
    /// Why it was refused.
    pub refusal: TlsRefusal,
}

/// Why a TLS handshake was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsRefusal {
    /// The client certificate comes from another authority.
    UnknownAuthority,
    /// The client certificate has expired.
    ExpiredCertificate,
    /// The client certificate is not acceptable for another reason.
    BadCertificate,
    /// The client does not speak TLS 1.3.
    TlsVersion,
    /// The handshake took too long.
    Timeout,
    /// No TLS, a broken connection, or anything else.
    Other,
}

impl TlsRefusal {
    /// A stable code for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownAuthority => "unknown-authority",
            Self::ExpiredCertificate => "expired-certificate",
            Self::BadCertificate => "bad-certificate",
            Self::TlsVersion => "tls-version",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }

    fn of(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::TimedOut {
            return Self::Timeout;
        }
        let Some(inner) = error.get_ref() else {
            return Self::Other;
        };
        if inner.is::<crate::IdentityError>() {
            return Self::BadCertificate;
        }
        match inner.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(reason)) => match reason {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    Self::UnknownAuthority
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::ExpiredCertificate
                }
                _ => Self::BadCertificate,
            },
            Some(rustls::Error::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerDoesNotSupportTls12Or13,
            )) => Self::TlsVersion,
            _ => Self::Other,
        }
    }
}

/// Serves the router to nodes until the handle stops it, over HTTP/1.1 and TLS as `tls` says (see
/// [`crate::node_server_config`]; `tls.reload_from_config` renews the server's certificate).
///
/// Requests carry `ConnectInfo<SocketAddr>` and, if the peer showed a certificate,
/// [`PeerCertificate`].
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve_nodes(
    listener: TcpListener,
    tls: RustlsConfig,
    router: Router,
    options: ServeOptions,
    handle: Handle,
) -> io::Result<()> {
    let acceptor = NodeAcceptor {
        tls,
        handshake_timeout: options.handshake_timeout,
    };
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(acceptor)
        .handle(handle)
        .http1_only();
    server
        .http_builder()
        .http1()
        .header_read_timeout(options.header_read_timeout);
    if let Some(on_refused) = options.on_refused {
        server = server.accept_error_handler(move |remote, error| {
            on_refused(RefusedConnection {
                remote: remote.copied(),
                refusal: TlsRefusal::of(error),
            });
        });
    }
    server
        .serve(router.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

#[derive(Clone)]
struct NodeAcceptor {
    tls: RustlsConfig,
    handshake_timeout: Duration,
}

impl<S: Send + 'static> Accept<TcpStream, S> for NodeAcceptor {
    type Stream = TlsStream<TcpStream>;
    type Service = WithPeer<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let acceptor = TlsAcceptor::from(self.tls.get_inner());
        let limit = self.handshake_timeout;
        Box::pin(async move {
            stream.set_nodelay(true)?;
            let handshake = acceptor.accept(stream).into_fallible();
            let stream = match tokio::time::timeout(limit, handshake).await {
                Ok(Ok(stream)) => stream,
                Ok(Err((error, stream))) => {
                    tokio::spawn(let_alert_arrive(stream));
                    return Err(error);
                }
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            };
            let certificates = stream.get_ref().1.peer_certificates();
            let peer = certificates
                .and_then(|chain| chain.first())
                .map(|certificate| PeerCertificate::from_der(certificate))
                .transpose()
                .map_err(io::Error::other)?;
            Ok((
                stream,
                WithPeer {
                    inner: service,
                    peer,
                },
            ))
        })
    }
}

/// A TLS 1.3 client sends its request together with its certificate. Closing with that request
/// unread would reset the connection and could destroy the alert on its way, so that the node would
/// report a broken network where its certificate was refused. Bounded in time and bytes.
async fn let_alert_arrive(mut stream: TcpStream) {
    const LONGEST: Duration = Duration::from_secs(1);
    const MOST_BYTES: u64 = 64 * 1024;
    let drain = async move {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(MOST_BYTES), &mut tokio::io::sink()).await
    };
    // The connection is refused already; how its end went changes nothing.
    let _ = tokio::time::timeout(LONGEST, drain).await;
}

/// Adds the connection's peer to each of its requests.
#[derive(Clone)]
struct WithPeer<S> {
    inner: S,
    peer: Option<PeerCertificate>,
}

impl<S, B> Service<Request<B>> for WithPeer<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(peer) = &self.peer
            && !peer.is_expired(Timestamp::now())
        {
            request.extensions_mut().insert(peer.clone());
        }
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::Fingerprint;

    /// A service that answers whether it was told of a peer.
    #[derive(Clone)]
    struct Sees;

    impl Service<Request<()>> for Sees {
        type Response = bool;
        type Error = Infallible;
        type Future = std::future::Ready<Result<bool, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> Self::Future {
            let seen = request.extensions().get::<PeerCertificate>().is_some();
            std::future::ready(Ok(seen))
        }
    }

    #[tokio::test]
    async fn a_certificate_that_expires_during_a_connection_is_no_longer_handed_on() {
        let now = Timestamp::now();
        for (not_after, expected) in [
            (now.checked_add(Duration::from_secs(3_600)).unwrap(), true),
            (now.checked_sub(Duration::from_secs(60)).unwrap(), false),
        ] {
            let peer = PeerCertificate {
                organisation: "caritas".to_owned(),
                serial_hex: "40".repeat(16),
                fingerprint: Fingerprint::of_der(b""),
                not_before: now.checked_sub(Duration::from_secs(7_200)).unwrap(),
                not_after,
            };
            let mut service = WithPeer {
                inner: Sees,
                peer: Some(peer),
            };
            assert_eq!(service.call(Request::new(())).await.unwrap(), expected);
        }
    }
}
