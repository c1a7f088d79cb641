//! The node's calls to the coordinator: it dials out, shows its certificate, and believes no reply it cannot read.
//! A reply never decides what may be released; that is the policy's and the ledger's part.

use crate::clock;
use crate::config::{Config, ConfigError, NodeDir};
use crate::fault::OrFault;
use crate::keys;
use anyhow::Result;
use identity::{AuthorityCertificate, ClientError, NodeClient, Reply, TlsKey};
use protocol::exchange::{
    AnswerReply, CheckpointOffer, Cosignature, GuaranteeNotice, Hello, HelloReply, JoinReply,
    LogHead, LogHeadWanted, NodeRefusal, Poll, PollReply, Receipts, ReceiptsWanted, Renew,
    RestorationOffer, Signed, WaitingNotice,
};
use protocol::{Envelope, PublicKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

const CALL: Duration = Duration::from_secs(20);
/// The code of a coordinator that does not know a call.
const UNKNOWN_CALL: &str = "not-found";
/// How long the coordinator is asked to hold a poll open.
pub const POLL_SECONDS: u32 = 20;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No reply.
    #[error("no reply from the coordinator")]
    Unreachable(#[from] ClientError),
    /// The coordinator refused, with a code.
    #[error("the coordinator refused ({code}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// A stable code.
        code: String,
        /// The coordinator's sentence.
        message: String,
    },
}

impl LinkError {
    /// The code of a refusal, the coordinator's of this node or this node's of the server it met; `None` where
    /// nobody was reached.
    pub fn refusal_code(&self) -> Option<&str> {
        match self {
            LinkError::Refused { code, .. } => Some(code),
            LinkError::Unreachable(error) => error.refusal_code(),
        }
    }

    /// Whether the same thing handed in again would be refused again: it is not accepted as it is, or this coordinator does not know
    /// such things. A fault of the coordinator's, a refusal of whoever calls, and one for want of what comes later may pass.
    pub fn is_final(&self) -> bool {
        match self {
            LinkError::Refused {
                status: 404, code, ..
            } => code == UNKNOWN_CALL,
            LinkError::Refused { status, .. } => matches!(status, 409 | 413 | 415 | 422),
            LinkError::Unreachable(_) => false,
        }
    }
}

/// A reply that is on its way.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Reply, ClientError>> + Send + 'a>>;

/// What carries a node's calls to its coordinator: mutual TLS, or the network of a simulation.
pub trait Carrier: Send + Sync {
    /// Posts JSON, or the bytes of an envelope with an attachment; `timeout` bounds the whole exchange. After an error the call may have arrived or not.
    fn post<'a>(&'a self, path: &'a str, body: Vec<u8>, timeout: Duration) -> Pending<'a>;
}

impl Carrier for NodeClient {
    fn post<'a>(&'a self, path: &'a str, body: Vec<u8>, timeout: Duration) -> Pending<'a> {
        Box::pin(self.post_bytes(path, Envelope::media_type(&body), body, timeout))
    }
}

/// What came of the latest calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// When the coordinator last did what was asked, in unix seconds.
    pub last_reply: Option<i64>,
    /// The code of a refusal of this node that came since.
    pub refused: Option<String>,
}

/// A connection of a node that has joined. Clones share it, also after it was opened anew.
#[derive(Clone)]
pub struct Link {
    carrier: Arc<RwLock<Arc<dyn Carrier>>>,
    contact: Arc<Mutex<Contact>>,
}

impl Link {
    /// Opens the link with the node's certificate.
    ///
    /// # Errors
    /// When the node has not joined or its keys cannot be read.
    pub fn open(dir: &NodeDir, config: &Config) -> Result<Link> {
        Ok(Link::over(dial(dir, config)?))
    }

    /// Opens the link anew, with the certificate there is now; calls that are on their way go on over the old one.
    ///
    /// # Errors
    /// As [`Link::open`]; the old one stays then.
    pub(crate) fn reopen(&self, dir: &NodeDir, config: &Config) -> Result<()> {
        let carrier = dial(dir, config)?;
        *(self.carrier.write()).unwrap_or_else(PoisonError::into_inner) = carrier;
        Ok(())
    }

    /// A link over whatever carries calls.
    pub fn over(carrier: Arc<dyn Carrier>) -> Link {
        Link {
            carrier: Arc::new(RwLock::new(carrier)),
            contact: Arc::default(),
        }
    }

    /// How the latest calls went.
    pub fn contact(&self) -> Contact {
        (self.contact.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes what came of a call.
    fn noted<T>(&self, result: Result<T, LinkError>) -> Result<T, LinkError> {
        let mut contact = self.contact.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(_) => {
                *contact = Contact {
                    last_reply: Some(clock::now()),
                    refused: None,
                };
            }
            // 403: not this call but whoever makes it.
            Err(LinkError::Refused {
                status: 403, code, ..
            }) => contact.refused = Some(code.clone()),
            Err(_) => {}
        }
        drop(contact);
        result
    }

    fn carrier(&self) -> Arc<dyn Carrier> {
        (self.carrier.read())
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn post<T: Serialize>(
        &self,
        path: &str,
        body: &T,
        wait: Duration,
    ) -> Result<Reply, LinkError> {
        let body = serde_json::to_vec(body)
            .map_err(|_| ClientError::InvalidCall("the body cannot be written as JSON"))?;
        let reply = self.carrier().post(path, body, wait).await;
        self.noted(reply.map_err(LinkError::from).and_then(accepted))
    }

    async fn call<T: Serialize, R: DeserializeOwned>(
        &self,
        path: &str,
        body: &T,
        wait: Duration,
    ) -> Result<R, LinkError> {
        Ok(self.post(path, body, wait).await?.json()?)
    }

    /// Says what the node serves.
    ///
    /// # Errors
    /// See [`LinkError`]; so for every call below.
    pub async fn hello(&self, hello: &Hello) -> Result<HelloReply, LinkError> {
        self.call("/node/v1/hello", hello, CALL).await
    }

    /// Asks for a new certificate for the key of this request.
    pub async fn renew(&self, csr_pem: String) -> Result<JoinReply, LinkError> {
        let renew = Renew {
            version: protocol::VERSION,
            csr_pem,
        };
        self.call("/node/v1/renew", &renew, CALL).await
    }

    /// Waits for work.
    pub async fn poll(&self) -> Result<PollReply, LinkError> {
        let poll = Poll {
            version: protocol::VERSION,
            wait_seconds: POLL_SECONDS,
        };
        self.call(
            "/node/v1/poll",
            &poll,
            CALL + Duration::from_secs(u64::from(POLL_SECONDS)),
        )
        .await
    }

    /// Hands in signed requests.
    pub async fn signed(&self, signed: &Signed) -> Result<(), LinkError> {
        self.post("/node/v1/signed", signed, CALL).await.map(drop)
    }

    /// Has a checkpoint cosigned.
    pub async fn checkpoint(&self, offer: &CheckpointOffer) -> Result<Cosignature, LinkError> {
        self.call("/node/v1/checkpoint", offer, CALL).await
    }

    /// Asks for the head of the coordinator's log, or hands in a cosignature of one.
    pub async fn log_head(&self, wanted: &LogHeadWanted) -> Result<LogHead, LinkError> {
        self.call("/node/v1/log", wanted, CALL).await
    }

    /// Makes a new guarantee known.
    pub async fn guarantee(&self, notice: &GuaranteeNotice) -> Result<(), LinkError> {
        self.post("/node/v1/guarantee", notice, CALL)
            .await
            .map(drop)
    }

    /// Publishes the policy in force, as this node signed it.
    pub async fn policy(&self, publication: &Envelope) -> Result<(), LinkError> {
        self.post("/node/v1/policy", publication, CALL)
            .await
            .map(drop)
    }

    /// Says that a request waits for a person here.
    pub async fn waiting(&self, request: &str) -> Result<(), LinkError> {
        let notice = WaitingNotice {
            version: protocol::VERSION,
            request: request.to_owned(),
        };
        self.post("/node/v1/waiting", &notice, CALL).await.map(drop)
    }

    /// Asks for a page of what an earlier key signed, after a request id, to go on from a backup of `kept_size` entries.
    pub async fn receipts(
        &self,
        node_key: &PublicKey,
        kept_size: u64,
        after: Option<String>,
    ) -> Result<Receipts, LinkError> {
        let wanted = ReceiptsWanted {
            version: protocol::VERSION,
            node_key: *node_key,
            kept_size,
            after,
        };
        self.call("/node/v1/receipts", &wanted, CALL).await
    }

    /// Hands in the officer's act by which the log goes on.
    pub async fn restoration(&self, offer: &RestorationOffer) -> Result<(), LinkError> {
        self.post("/node/v1/restoration", offer, CALL)
            .await
            .map(drop)
    }

    /// Hands in a sealed answer.
    pub async fn answer(&self, envelope: &[u8]) -> Result<AnswerReply, LinkError> {
        let carrier = self.carrier();
        let posted = carrier.post("/node/v1/answers", envelope.to_vec(), CALL);
        Ok(accepted(posted.await?)?.json()?)
    }

    /// Hands in a signed study.
    pub async fn study(&self, study: &Envelope) -> Result<(), LinkError> {
        self.post("/node/v1/studies", study, CALL).await.map(drop)
    }

    /// Hands in the organisation's signed offer.
    pub async fn offer(&self, offer: &Envelope) -> Result<(), LinkError> {
        self.post("/node/v1/offer", offer, CALL).await.map(drop)
    }

    /// Hands in an officer's consent.
    pub async fn consent(&self, consent: &Envelope) -> Result<(), LinkError> {
        self.post("/node/v1/consents", consent, CALL)
            .await
            .map(drop)
    }
}

/// A client with the node's certificate for the address it joined.
fn dial(dir: &NodeDir, config: &Config) -> Result<Arc<dyn Carrier>> {
    let address = config
        .coordinator
        .as_deref()
        .ok_or(ConfigError::NotJoined)?;
    let read = |name| {
        let path = dir.key(name);
        anyhow::Ok(std::fs::read_to_string(&path).or_unread(&path)?)
    };
    let authority = AuthorityCertificate::from_pem(&read(keys::AUTHORITY)?)?;
    let tls = identity::node_client_config(
        &authority,
        &read(keys::CERTIFICATE)?,
        &TlsKey::load(&dir.key(keys::TLS))?,
    )?;
    Ok(Arc::new(NodeClient::new(address, tls)?))
}

/// A reply, or the refusal it carries.
pub(crate) fn accepted(reply: Reply) -> Result<Reply, LinkError> {
    if reply.is_success() {
        return Ok(reply);
    }
    let refusal = reply.json().unwrap_or_else(|_| NodeRefusal {
        code: "unexpected-reply".to_owned(),
        message: "the coordinator answered without saying why".to_owned(),
    });
    Err(LinkError::Refused {
        status: reply.status,
        code: refusal.code,
        message: refusal.message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_refused_again_is_final() {
        let refused = |status, code: &str| LinkError::Refused {
            status,
            code: code.to_owned(),
            message: String::new(),
        };
        for (status, code) in [
            (404, "not-found"),
            (409, "other-policy"),
            (413, "too-large"),
            (415, "unsupported-media-type"),
            (422, "signature-not-accepted"),
        ] {
            assert!(refused(status, code).is_final(), "{status} {code}");
        }
        for (status, code) in [
            (401, "no-certificate"),
            (403, "revoked"),
            (404, "unknown-study"),
            (408, "unexpected-reply"),
            (429, "unexpected-reply"),
            (500, "internal"),
            (503, "unexpected-reply"),
        ] {
            assert!(!refused(status, code).is_final(), "{status} {code}");
        }
    }
}
