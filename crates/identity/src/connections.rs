//! A client's connections to one address, kept open for the next call.
//!
//! Whoever makes a call drives its connection in the same task. Driven by a task of its own, as hyper's pooled client does it, a connection
//! that closes just as a call is given to it can keep that call without an answer until its time is over: closing the channel between the
//! two and emptying it are two steps, and a call that falls between them waits for a sender that it keeps alive itself.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::Service as _;

use crate::client::tls_error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Half of what the server allows a connection to idle, so that no call is sent into a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const MOST_IDLE: usize = 2;
/// How often a call is handed to a connection before it counts as out of reach. A server that refuses a certificate says so after
/// its part of the handshake is done, so a connection may close between being made and being used; mostly it then says why.
const TRIES_OF_A_CALL_NEVER_SENT: u32 = 16;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
type Driver = http1::Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Full<Bytes>>;

/// Clones share what is open.
#[derive(Clone)]
pub(crate) struct Connections {
    connector: HttpsConnector<HttpConnector>,
    address: Uri,
    host: HeaderValue,
    idle: Arc<Mutex<Vec<Open>>>,
}

impl Connections {
    /// To `https://` and this `host:port`, which is also the name the server is asked for.
    pub(crate) fn to(address: Uri, host: HeaderValue, tls: ClientConfig) -> Connections {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .wrap_connector(tcp);
        Connections {
            connector,
            address,
            host,
            idle: Arc::default(),
        }
    }

    /// Makes one call and reads its reply of at most `limit` bytes. The call is made again only where nothing of it was written.
    pub(crate) async fn call(
        &self,
        mut request: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<(StatusCode, Bytes), BoxError> {
        request.headers_mut().insert(HOST, self.host.clone());
        let mut tries = 1;
        loop {
            let mut open = self.open().await?;
            let sent = open.sender.try_send_request(request.clone());
            match open.driven.beside(sent).await {
                Ok(response) => {
                    let status = response.status();
                    let body = Limited::new(response.into_body(), limit).collect();
                    let body = open.driven.beside(body).await?;
                    self.keep(open).await;
                    return Ok((status, body.to_bytes()));
                }
                Err(mut error) => {
                    let was_sent = error.take_message().is_none();
                    let reasons = [Some(error.into_error()), open.driven.ended];
                    let mut reasons: Vec<hyper::Error> = reasons.into_iter().flatten().collect();
                    // The one by which the server refuses, where there is one.
                    let place = reasons.iter().position(|error| tls_error(error).is_some());
                    if place.is_some() || was_sent || tries == TRIES_OF_A_CALL_NEVER_SENT {
                        return Err(reasons.swap_remove(place.unwrap_or_default()).into());
                    }
                    tries += 1;
                }
            }
        }
    }

    /// A connection that is ready for a call: one that idled for a short time, or a new one.
    async fn open(&self) -> Result<Open, BoxError> {
        while let Some(mut open) = self.take() {
            let is_ready = open.driven.beside(open.sender.ready()).await.is_ok();
            if is_ready {
                return Ok(open);
            }
        }
        let io = (self.connector.clone().call(self.address.clone())).await?;
        let (sender, driver) = http1::handshake(io).await?;
        Ok(Open {
            sender,
            driven: Driven {
                driver: Some(Box::pin(driver)),
                ended: None,
            },
            idle_since: Instant::now(),
        })
    }

    /// Keeps a connection whose call is over for the next one, unless the server closes it.
    async fn keep(&self, mut open: Open) {
        // Once: where the server has more to say about its end, the next call makes a connection of its own.
        let is_ready = open.driven.once(pin!(open.sender.ready())).await;
        if matches!(is_ready, Some(Ok(()))) {
            open.idle_since = Instant::now();
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|open| open.idle_since.elapsed() < IDLE_TIMEOUT);
            if idle.len() < MOST_IDLE {
                idle.push(open);
            }
        }
    }

    fn take(&self) -> Option<Open> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|open| open.idle_since.elapsed() < IDLE_TIMEOUT);
        idle.pop()
    }
}

/// A connection and what drives it.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    driven: Driven,
    idle_since: Instant,
}

struct Driven {
    /// Until the connection has ended.
    driver: Option<Pin<Box<Driver>>>,
    /// Why it ended, where it broke.
    ended: Option<hyper::Error>,
}

impl Driven {
    /// Drives the connection while a future that depends on it runs.
    async fn beside<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.drive(context);
            future.as_mut().poll(context)
        })
        .await
    }

    /// As [`Driven::beside`], but waits for nothing: `None` where the future is not done at once.
    async fn once<T>(&mut self, mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        poll_fn(|context| {
            self.drive(context);
            Poll::Ready(match future.as_mut().poll(context) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            })
        })
        .await
    }

    fn drive(&mut self, context: &mut std::task::Context<'_>) {
        if let Some(driver) = &mut self.driver
            && let Poll::Ready(ended) = driver.as_mut().poll(context)
        {
            // Dropping it answers whatever it was still given.
            self.driver = None;
            self.ended = ended.err();
        }
    }
}
