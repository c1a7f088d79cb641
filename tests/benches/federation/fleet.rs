//! Many nodes in one process: real keys, certificates, TLS and signed answers, with vectors made beforehand instead of a register behind
//! them. What a node's own work costs is measured elsewhere; here it would hide what federating costs.

use anyhow::{Context, Result};
use base64::prelude::{BASE64_STANDARD, Engine};
use geography::Level;
use identity::{JoinString, NodeClient, SigningKey, TlsKey};
use protocol::exchange::{
    DatasetNotice, Hello, Join, JoinReply, Poll, PollReply, Signed, WorkItem,
};
use protocol::{Answer, Consent, Envelope, Outcome, PublicKey, Receipt, Request, Study};
use query::AggregateQuery;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use system_tests::requester::{REQUESTER, study};

/// The study of the benchmark.
pub(crate) const STUDY: &str = "benchmark";
const WAIT: Duration = Duration::from_secs(300);
const EDITION: u32 = 80;

fn public(key: &SigningKey) -> PublicKey {
    PublicKey(*key.public_key().as_bytes())
}

fn seal<T: Serialize>(key: &SigningKey, payload_type: &str, value: &T) -> Result<Envelope> {
    let bytes = serde_json::to_vec(value)?;
    Ok(Envelope::sign(
        payload_type,
        &bytes,
        &public(key),
        |bytes| key.sign(bytes),
    ))
}

/// What a node is to answer with, and when its last answer was accepted.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) cells: Vec<i64>,
    /// A node that is slow waits so long before it answers; one that is dead never does.
    pub(crate) delay: Option<Duration>,
    pub(crate) accepted: Option<Instant>,
    /// Work that is being done, so that what is offered again meanwhile is not done twice.
    in_hand: HashSet<Vec<u8>>,
}

struct Node {
    name: String,
    key: SigningKey,
    requester: SigningKey,
    officer: SigningKey,
    client: NodeClient,
    desk: Mutex<Desk>,
}

/// Nodes that have joined and poll until they are dropped.
pub(crate) struct Fleet {
    nodes: Vec<Arc<Node>>,
    polling: tokio::task::JoinSet<()>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.polling.abort_all();
    }
}

impl Fleet {
    /// Joins a node for every invitation, the first being the requester's; has a study of all signed and countersigned.
    pub(crate) async fn join(invitations: &[String]) -> Result<Fleet> {
        let mut nodes = Vec::new();
        for text in invitations {
            nodes.push(Arc::new(Node::join(text).await?));
        }
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let requester = nodes.first().context("a requester")?;
        let study = seal(
            &requester.requester,
            Study::TYPE,
            &study(STUDY, &names, 1 << 40),
        )?;
        let mut polling = tokio::task::JoinSet::new();
        for (number, node) in nodes.iter().enumerate() {
            node.hello().await?;
            if number == 0 {
                node.post("/node/v1/studies", &study).await?;
            }
            node.consent(&study).await?;
        }
        for node in &nodes {
            polling.spawn(Arc::clone(node).poll());
        }
        Ok(Fleet { nodes, polling })
    }

    pub(crate) fn desk<T>(&self, number: usize, act: impl FnOnce(&mut Desk) -> T) -> T {
        self.nodes[number].desk(act)
    }
}

impl Node {
    async fn join(text: &str) -> Result<Node> {
        let invitation: JoinString = text.trim().parse()?;
        let [key, requester, officer] = [(); 3].map(|()| SigningKey::ephemeral());
        let (key, requester, officer) = (key?, requester?, officer?);
        let (name, tls) = (invitation.organisation.clone(), TlsKey::ephemeral()?);
        let join = Join {
            version: protocol::VERSION,
            organisation: name.clone(),
            token: invitation.token.as_str().to_owned(),
            csr_pem: tls.request_pem(&name)?,
            node_key: public(&key),
            requester_key: (name == REQUESTER).then(|| public(&requester)),
            dpo_key: public(&officer),
        };
        let client = NodeClient::new(
            &invitation.address,
            identity::join_client_config(invitation.authority)?,
        )?;
        let reply: JoinReply = client
            .post_json("/node/v1/join", &join, WAIT)
            .await?
            .json()?;
        let authority = identity::AuthorityCertificate::from_pem(&reply.authority_pem)?;
        let config = identity::node_client_config(&authority, &reply.certificate_pem, &tls)?;
        Ok(Node {
            client: NodeClient::new(&invitation.address, config)?,
            name,
            key,
            requester,
            officer,
            desk: Mutex::default(),
        })
    }

    fn desk<T>(&self, act: impl FnOnce(&mut Desk) -> T) -> T {
        match self.desk.lock() {
            Ok(mut desk) => act(&mut desk),
            Err(poisoned) => act(&mut poisoned.into_inner()),
        }
    }

    async fn post<T: Serialize>(&self, path: &str, body: &T) -> Result<identity::Reply> {
        let reply = self.client.post_json(path, body, WAIT).await?;
        anyhow::ensure!(
            reply.is_success(),
            "{path}: {} {}",
            reply.status,
            String::from_utf8_lossy(&reply.body)
        );
        Ok(reply)
    }

    async fn hello(&self) -> Result<()> {
        let hello = Hello {
            version: protocol::VERSION,
            datasets: vec![DatasetNotice {
                id: "clients".to_owned(),
                edition: EDITION,
                finest_level: Level::MicroArea,
            }],
            policy_hash: "ab".repeat(32),
        };
        self.post("/node/v1/hello", &hello).await.map(drop)
    }

    async fn consent(&self, study: &Envelope) -> Result<()> {
        let payload = study.unverified_payload().context("a study")?;
        let consent = Consent {
            version: protocol::VERSION,
            organisation: self.name.clone(),
            study: STUDY.to_owned(),
            study_hash: protocol::hex(&protocol::sha256(&payload)),
            signed_at: system_tests::requester::now(),
        };
        let consent = seal(&self.officer, Consent::TYPE, &consent)?;
        self.post("/node/v1/consents", &consent).await.map(drop)
    }

    async fn poll(self: Arc<Node>) {
        let poll = Poll {
            version: protocol::VERSION,
            wait_seconds: 25,
        };
        loop {
            let work = match self.post("/node/v1/poll", &poll).await {
                Ok(reply) => reply.json::<PollReply>().map(|reply| reply.items),
                Err(_) => {
                    // Asked to greet first, for instance since a study became known.
                    let _ = self.hello().await;
                    continue;
                }
            };
            for item in work.unwrap_or_default() {
                let node = Arc::clone(&self);
                let id = serde_json::to_vec(&item).unwrap_or_default();
                if !node.desk(|desk| desk.in_hand.insert(id.clone())) {
                    continue;
                }
                tokio::spawn(async move {
                    if let Err(error) = node.work(item).await {
                        eprintln!("{}: {error:#}", node.name);
                    }
                    node.desk(|desk| desk.in_hand.remove(&id));
                });
            }
        }
    }

    async fn work(&self, item: WorkItem) -> Result<()> {
        match item {
            WorkItem::Sign { query_id, requests } => {
                let sign = |text: &String| -> Result<Envelope> {
                    let payload = BASE64_STANDARD.decode(text)?;
                    let own = public(&self.requester);
                    Ok(Envelope::sign(Request::TYPE, &payload, &own, |bytes| {
                        self.requester.sign(bytes)
                    }))
                };
                let signed = Signed {
                    version: protocol::VERSION,
                    query_id,
                    requests: requests.iter().map(sign).collect::<Result<_>>()?,
                    declined: None,
                };
                self.post("/node/v1/signed", &signed).await.map(drop)
            }
            WorkItem::Answer { request } => {
                let (cells, delay) = self.desk(|desk| (desk.cells.clone(), desk.delay));
                if let Some(delay) = delay {
                    tokio::time::sleep(delay).await;
                }
                let answer = self.answer(&request, cells)?;
                let bytes = answer.to_bytes();
                let reply = (self.client)
                    .post_bytes(
                        "/node/v1/answers",
                        Envelope::media_type(&bytes),
                        bytes,
                        WAIT,
                    )
                    .await?;
                anyhow::ensure!(reply.is_success(), "an answer: {}", reply.status);
                self.desk(|desk| desk.accepted = Some(Instant::now()));
                Ok(())
            }
        }
    }

    fn answer(&self, request: &Envelope, cells: Vec<i64>) -> Result<Envelope> {
        let payload = request.unverified_payload().context("a request")?;
        let (request, query) = Request::parse(&payload)?;
        let answer = answered(&request, &query, &payload, cells);
        Ok(answer.seal(&public(&self.key), |bytes| self.key.sign(bytes))?)
    }
}

/// An answer as a node makes it, with these cells.
pub(crate) fn answered(
    request: &Request,
    query: &AggregateQuery,
    payload: &[u8],
    cells: Vec<i64>,
) -> Answer {
    let price = privacy_loss::price(query);
    Answer {
        version: Answer::VERSION,
        request_id: request.id.clone(),
        request_hash: protocol::hex(&protocol::sha256(payload)),
        node: request.node.clone(),
        outcome: Outcome::Answered {
            cells,
            receipt: Receipt {
                mechanism: "discrete-gaussian".to_owned(),
                slices: price.slices.iter().map(Into::into).collect(),
                cells_per_unit: query.bounds().cells,
                per_cell: query.bounds().per_cell,
                rho: price.rho,
                reused: false,
                noise_source: "none: a benchmark".to_owned(),
                edition: request.edition,
                rule: "planning-counts".to_owned(),
                policy_hash: "ab".repeat(32),
                charge_index: 3,
                obligations: Some(protocol::Obligations::UNSTATED),
            },
        },
    }
}
