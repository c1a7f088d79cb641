//! How a log has its head cosigned by a witness: one call, C2SP `tlog-witness`, and the check that the line is that witness's.
//! Nothing the witness says is believed but its signature, and that it refuses.

use crate::Submission;
use audit::{AuditError, Hash, NoteKey, NoteSignature, SignedCheckpoint, verify_cosignature};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use identity::AuthorityCertificate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CALL: Duration = Duration::from_secs(20);
const LONGEST_REPLY: usize = 64 * 1024;

/// A witness as a configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessAddress {
    /// Its key, `name+id+base64`, as its keeper handed it over.
    pub key: String,
    /// Where it is, `http://host:port` or `https://host`, with a path in front of `/add-checkpoint` if it has one.
    pub address: String,
    /// The certificate of the authority that its `https` address is certified by, a PEM file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The configuration does not name a witness.
    #[error("the witness `{name}` cannot be called: {reason}")]
    Configuration {
        /// Its key's text or name.
        name: String,
        /// What would be right.
        reason: String,
    },
    /// No reply, or one that is none of the protocol.
    #[error("the witness `{0}` is out of reach")]
    Unreachable(String),
    /// The witness does not take this log's heads: it does not know the log or its key.
    #[error(
        "the witness `{name}` does not take this log's heads (status {status}): give its keeper the log's key"
    )]
    Refused {
        /// The witness.
        name: String,
        /// HTTP status.
        status: u16,
    },
    /// The witness saw another history of this log, or a longer one.
    #[error(
        "the witness `{name}` saw another history of this log: {held} entries, and no proof leads from there"
    )]
    HistoryDiffers {
        /// The witness.
        name: String,
        /// The size it holds.
        held: u64,
    },
    /// The log could not be read for a proof.
    #[error("the proof for the witness could not be made")]
    Proof(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A witness that can be called. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    key: NoteKey,
    address: String,
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// A client for a configured witness; `folder` is where relative paths begin.
    ///
    /// # Errors
    /// [`SubmitError::Configuration`] naming the key and the remedy.
    pub fn new(witness: &WitnessAddress, folder: &Path) -> Result<Client, SubmitError> {
        let wrong = |reason: &str| SubmitError::Configuration {
            name: witness.key.clone(),
            reason: reason.to_owned(),
        };
        let key = NoteKey::parse(&witness.key)
            .ok()
            .filter(NoteKey::is_witness)
            .ok_or_else(|| wrong("`key` must be the line that `audit witness init` printed"))?;
        let is_tls = witness.address.starts_with("https://");
        if !is_tls && !witness.address.starts_with("http://") {
            return Err(wrong("`address` must begin with http:// or https://"));
        }
        let authority = match &witness.authority {
            Some(path) => {
                let path = folder.join(path);
                let pem = std::fs::read_to_string(&path)
                    .map_err(|_| wrong(&format!("`authority`: cannot read {}", path.display())))?;
                Some(
                    AuthorityCertificate::from_pem(&pem)
                        .map_err(|_| wrong("`authority` must be a PEM certificate"))?,
                )
            }
            None if is_tls => return Err(wrong("an https address needs `authority`, a PEM file")),
            None => None,
        };
        let tls = identity::server_only_client_config(authority.as_ref())
            .map_err(|_| wrong("`authority` cannot be used"))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CALL));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Client {
            key,
            address: format!("{}/add-checkpoint", witness.address.trim_end_matches('/')),
            http: Http::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// A client for each witness that a configuration names.
    ///
    /// # Errors
    /// [`SubmitError::Configuration`] naming the key and the remedy; so where two have one name, which a verifier counts once, or where
    /// one has the name of a log, whose keeper is no further witness.
    pub fn all(witnesses: &[WitnessAddress], folder: &Path) -> Result<Vec<Client>, SubmitError> {
        let mut names = BTreeSet::new();
        let mut clients = Vec::new();
        for witness in witnesses {
            let client = Client::new(witness, folder)?;
            let name = client.key.name().to_owned();
            let wrong = |reason: &str| SubmitError::Configuration {
                name: name.clone(),
                reason: reason.to_owned(),
            };
            if name.starts_with("welfare-intelligence/") {
                return Err(wrong(
                    "names from welfare-intelligence/ on are those of logs; remove it from `[[witnesses]]`",
                ));
            }
            if !names.insert(name.clone()) {
                return Err(wrong(
                    "two entries of `[[witnesses]]` have this name, and a name counts as one witness; remove one of them",
                ));
            }
            clients.push(client);
        }
        Ok(clients)
    }

    /// The witness's key.
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Has `head` cosigned. `held` is the size the witness is thought to hold; where it holds another one that this log passed
    /// through, `proof` is asked again from there. Returns the witness's line, which is checked.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn submit<E, F>(
        &self,
        head: &SignedCheckpoint,
        held: u64,
        proof: impl Fn(u64) -> F,
    ) -> Result<NoteSignature, SubmitError>
    where
        E: std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<Vec<Hash>, E>>,
    {
        let name = || self.key.name().to_owned();
        let mut old = held.min(head.checkpoint().size);
        for _ in 0..2 {
            let hashes = proof(old)
                .await
                .map_err(|error| SubmitError::Proof(Box::new(error)))?;
            let submission = Submission {
                old,
                proof: hashes,
                checkpoint: head.to_string(),
            };
            match self.post(submission.to_string()).await? {
                (200, body) => {
                    return self
                        .line(head, &body)
                        .map_err(|_| SubmitError::Unreachable(name()));
                }
                (409, body) => {
                    let size = body
                        .trim()
                        .parse()
                        .map_err(|_| SubmitError::Unreachable(name()))?;
                    // The head held is of the size offered, or longer: another history.
                    if size == old || size > head.checkpoint().size {
                        return Err(SubmitError::HistoryDiffers {
                            name: name(),
                            held: size,
                        });
                    }
                    old = size;
                }
                (422, _) => {
                    return Err(SubmitError::HistoryDiffers {
                        name: name(),
                        held: old,
                    });
                }
                (status @ 400..500, _) => {
                    return Err(SubmitError::Refused {
                        name: name(),
                        status,
                    });
                }
                _ => return Err(SubmitError::Unreachable(name())),
            }
        }
        Err(SubmitError::Unreachable(name()))
    }

    /// The line of this witness in a reply.
    fn line(&self, head: &SignedCheckpoint, body: &str) -> Result<NoteSignature, AuditError> {
        body.lines()
            .filter_map(|line| NoteSignature::parse(line).ok())
            .find(|line| verify_cosignature(head.checkpoint(), line, &self.key).is_ok())
            .ok_or(AuditError::NotSigned)
    }

    async fn post(&self, body: String) -> Result<(u16, String), SubmitError> {
        let unreachable = || SubmitError::Unreachable(self.key.name().to_owned());
        let request = Request::post(&self.address)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| unreachable())?;
        let exchange = async {
            let response = self.http.request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST_REPLY)
                .collect()
                .await
                .ok()?;
            let text = String::from_utf8(body.to_bytes().to_vec()).ok()?;
            Some((status, text))
        };
        (tokio::time::timeout(CALL, exchange).await.ok().flatten()).ok_or_else(unreachable)
    }
}
