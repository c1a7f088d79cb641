//! The network between nodes and coordinator: it carries calls to the coordinator's own handlers, and does with them what the plan says.
//! Everything nodes send is kept as it left them, whether or not it arrived.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use identity::{ClientError, PeerCertificate, Reply};
use node_agent::link::{Carrier, Pending};
use protocol::Envelope;
use protocol::exchange::Poll;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tower::ServiceExt;

/// Where answers go.
const ANSWERS: &str = "/node/v1/answers";
/// So many calls at most wait to arrive late.
const LATE: usize = 24;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not arrive; it may arrive later.
    LoseRequest,
    /// It arrives, its reply does not.
    LoseReply,
    /// The node stops before it leaves.
    StopBefore,
    /// The node stops after it arrived.
    StopAfter,
}

#[derive(Clone)]
struct Call {
    from: String,
    path: String,
    body: Vec<u8>,
}

#[derive(Default)]
struct Inner {
    coordinator: Option<Router>,
    peers: BTreeMap<String, PeerCertificate>,
    /// How many calls pass before the fault.
    plan: Option<(usize, Fault)>,
    late: Vec<Call>,
    answers: Vec<(String, Vec<u8>)>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Network {
    inner: Mutex<Inner>,
    stop: Notify,
}

impl Network {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects a coordinator, in place of the one before.
    pub(crate) fn connect(&self, coordinator: Router) {
        self.inner().coordinator = Some(coordinator);
    }

    /// Whom a node's calls come from, as the TLS acceptor would say.
    pub(crate) fn admit(&self, peer: PeerCertificate) {
        self.inner().peers.insert(peer.organisation.clone(), peer);
    }

    /// After so many more calls this happens to one.
    pub(crate) fn plan(&self, plan: Option<(usize, Fault)>) {
        self.inner().plan = plan;
    }

    /// Waits until a node is to stop.
    pub(crate) async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// What nodes have sent as answers since this was asked last: organisation and body.
    pub(crate) fn answers(&self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.inner().answers)
    }

    /// Forgets what was to arrive late.
    pub(crate) fn forget_late(&self) {
        self.inner().late.clear();
    }

    /// Delivers one of the calls that are late, and drops its reply.
    pub(crate) async fn deliver_late(&self, pick: usize) {
        let call = {
            let mut inner = self.inner();
            if inner.late.is_empty() {
                return;
            }
            let at = pick % inner.late.len();
            inner.late.swap_remove(at)
        };
        // Nobody waits for the reply.
        let _ = self.deliver(call).await;
    }

    /// A call from nobody in particular, such as joining.
    pub(crate) async fn call(
        &self,
        from: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, ClientError> {
        let (from, path) = (from.to_owned(), path.to_owned());
        self.deliver(Call { from, path, body }).await
    }

    async fn deliver(&self, call: Call) -> Result<Reply, ClientError> {
        let (router, peer) = {
            let inner = self.inner();
            (
                inner.coordinator.clone(),
                inner.peers.get(&call.from).cloned(),
            )
        };
        let router = router.ok_or_else(|| ClientError::Unreachable("no coordinator".into()))?;
        let mut request = Request::post(&call.path)
            .header(header::CONTENT_TYPE, Envelope::media_type(&call.body))
            .body(Body::from(call.body))
            .map_err(|error| ClientError::Unreachable(error.into()))?;
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let response = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| ClientError::Unreachable(error.into()))?;
        Ok(Reply {
            status,
            body: body.to_bytes(),
        })
    }

    async fn carry(&self, call: Call, timeout: Duration) -> Result<Reply, ClientError> {
        let fault = {
            let mut inner = self.inner();
            let fault = match &mut inner.plan {
                Some((0, fault)) => Some(*fault),
                Some((calls, _)) => {
                    *calls -= 1;
                    None
                }
                None => None,
            };
            if fault.is_some() {
                inner.plan = None;
            }
            if call.path == ANSWERS && fault != Some(Fault::StopBefore) {
                inner.answers.push((call.from.clone(), call.body.clone()));
            }
            // Anything that was sent may come again, but a question for work, whose reply nobody would take.
            if call.path != "/node/v1/poll"
                && fault != Some(Fault::StopBefore)
                && inner.late.len() < LATE
            {
                inner.late.push(call.clone());
            }
            fault
        };
        match fault {
            Some(Fault::LoseRequest) => Err(ClientError::Unreachable("lost".into())),
            Some(Fault::StopBefore) => self.never().await,
            Some(Fault::LoseReply) => {
                let _ = self.deliver(call).await;
                Err(ClientError::Timeout(timeout))
            }
            Some(Fault::StopAfter) => {
                let _ = self.deliver(call).await;
                self.never().await
            }
            None => self.deliver(call).await,
        }
    }

    /// The node stops here; whoever drives it drops what it was doing.
    async fn never(&self) -> Result<Reply, ClientError> {
        self.stop.notify_one();
        std::future::pending().await
    }
}

/// One node's end of the network.
pub(crate) struct Wire {
    pub(crate) network: Arc<Network>,
    pub(crate) organisation: String,
}

impl Carrier for Wire {
    fn post<'a>(&'a self, path: &'a str, body: Vec<u8>, timeout: Duration) -> Pending<'a> {
        let body = if path == "/node/v1/poll" {
            // Nothing happens while a poll is held open here, so it is not.
            let poll = Poll {
                version: protocol::VERSION,
                wait_seconds: 0,
            };
            serde_json::to_vec(&poll).unwrap_or(body)
        } else {
            body
        };
        let call = Call {
            from: self.organisation.clone(),
            path: path.to_owned(),
            body,
        };
        Box::pin(self.network.carry(call, timeout))
    }
}
