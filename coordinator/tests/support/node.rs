//! A simulated organisation's node: real keys, real signatures, made-up cells.
//! It checks nothing of what it is handed; what a real node refuses is tested with the node.

use super::{Bed, Reply, STUDY, public, seal, send};
use axum::body::Body;
use axum::http::{Request as HttpRequest, header};
use base64::prelude::{BASE64_STANDARD, Engine};
use geography::Level;
use identity::{JoinString, NodeCertificate, PeerCertificate, SigningKey, TlsKey};
use protocol::exchange::{
    CheckpointOffer, DatasetNotice, Declined, Hello, Join, Poll, PollReply, Signed, WorkItem,
};
use protocol::{Answer, Consent, Envelope, Obligations, Outcome, Receipt, Request};
use query::AggregateQuery;
use serde::Serialize;

/// The finest level every node's register declares.
pub(crate) const FINEST: Level = Level::Nil;

/// A simulated organisation's node.
pub(crate) struct Node<'a> {
    pub(crate) bed: &'a Bed,
    pub(crate) organisation: String,
    pub(crate) key: SigningKey,
    pub(crate) requester: SigningKey,
    pub(crate) dpo: SigningKey,
    pub(crate) tls: TlsKey,
    pub(crate) peer: Option<PeerCertificate>,
}

impl<'a> Node<'a> {
    pub(crate) fn new(bed: &'a Bed, organisation: &str) -> Node<'a> {
        Node {
            bed,
            organisation: organisation.to_owned(),
            key: SigningKey::ephemeral().unwrap(),
            requester: SigningKey::ephemeral().unwrap(),
            dpo: SigningKey::ephemeral().unwrap(),
            tls: TlsKey::ephemeral().unwrap(),
            peer: None,
        }
    }

    pub(crate) fn with_certificate(mut self, pem: &str) -> Node<'a> {
        self.peer = Some(peer(pem));
        self
    }

    pub(crate) async fn join(&self, text: &str) -> Reply {
        let invitation: JoinString = text.parse().unwrap();
        let join = Join {
            version: 1,
            organisation: self.organisation.clone(),
            token: invitation.token.as_str().to_owned(),
            csr_pem: self.tls.request_pem(&self.organisation).unwrap(),
            node_key: public(&self.key),
            requester_key: Some(public(&self.requester)),
            dpo_key: public(&self.dpo),
        };
        self.post("/node/v1/join", &join).await
    }

    pub(crate) async fn post<T: Serialize>(&self, path: &str, body: &T) -> Reply {
        self.post_as(self.peer.clone(), path, body).await
    }

    pub(crate) async fn post_as<T: Serialize>(
        &self,
        peer: Option<PeerCertificate>,
        path: &str,
        body: &T,
    ) -> Reply {
        let mut request = HttpRequest::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(body).unwrap()))
            .unwrap();
        // As the TLS acceptor does after it verified the certificate.
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        send(&self.bed.nodes, request).await
    }

    pub(crate) async fn hello(&self, edition: u32) -> Reply {
        let dataset = DatasetNotice {
            id: "services".to_owned(),
            edition,
            finest_level: FINEST,
        };
        self.greet(vec![dataset]).await
    }

    /// As a command does that wants to know of studies only.
    pub(crate) async fn greet_only(&self) -> Reply {
        self.greet(Vec::new()).await
    }

    async fn greet(&self, datasets: Vec<DatasetNotice>) -> Reply {
        let hello = Hello {
            version: 1,
            datasets,
            policy_hash: "ab".repeat(32),
        };
        self.post("/node/v1/hello", &hello).await
    }

    pub(crate) async fn consent(&self, study: &Envelope) -> Reply {
        let payload = study.unverified_payload().unwrap();
        let consent = Consent {
            version: 1,
            organisation: self.organisation.clone(),
            study: STUDY.to_owned(),
            study_hash: protocol::hex(&protocol::sha256(&payload)),
            signed_at: self.bed.now(),
        };
        self.post(
            "/node/v1/consents",
            &seal(&self.dpo, Consent::TYPE, &consent),
        )
        .await
    }

    pub(crate) async fn poll(&self) -> Vec<WorkItem> {
        let reply = self
            .post(
                "/node/v1/poll",
                &Poll {
                    version: 1,
                    wait_seconds: 0,
                },
            )
            .await
            .expect(200);
        serde_json::from_str::<PollReply>(&reply.text)
            .unwrap()
            .items
    }

    /// Signs whatever it is handed.
    pub(crate) async fn sign_all(&self) {
        for item in self.poll().await {
            if let WorkItem::Sign { query_id, requests } = item {
                let requests = requests
                    .iter()
                    .map(|request| self.signature(request))
                    .collect();
                self.hand_in(&query_id, requests, None).await.expect(204);
            }
        }
        // Greeting makes the coordinator offer at once again what this poll took along.
        self.hello(1).await.expect(200);
    }

    pub(crate) fn signature(&self, request: &str) -> Envelope {
        let payload = BASE64_STANDARD.decode(request).unwrap();
        Envelope::sign(
            Request::TYPE,
            &payload,
            &public(&self.requester),
            |message| self.requester.sign(message),
        )
    }

    pub(crate) async fn hand_in(
        &self,
        query_id: &str,
        requests: Vec<Envelope>,
        declined: Option<Declined>,
    ) -> Reply {
        let signed = Signed {
            version: 1,
            query_id: query_id.to_owned(),
            requests,
            declined,
        };
        self.post("/node/v1/signed", &signed).await
    }

    /// The request it is to answer.
    pub(crate) async fn handed(&self) -> Envelope {
        let mut items = self.poll().await.into_iter();
        match items.find_map(|item| match item {
            WorkItem::Answer { request } => Some(request),
            WorkItem::Sign { .. } => None,
        }) {
            Some(request) => request,
            None => panic!("{} was handed nothing", self.organisation),
        }
    }

    pub(crate) fn answer(&self, request: &Envelope, outcome: Outcome) -> Envelope {
        let payload = request.unverified_payload().unwrap();
        let (parsed, _) = Request::parse(&payload).unwrap();
        let answer = Answer {
            version: 1,
            request_id: parsed.id,
            request_hash: protocol::hex(&protocol::sha256(&payload)),
            node: self.organisation.clone(),
            outcome,
        };
        seal(&self.key, Answer::TYPE, &answer)
    }

    /// The same in the format that nodes write today: the cells beside what is signed.
    pub(crate) fn sealed(&self, request: &Envelope, mut outcome: Outcome) -> Envelope {
        if let Outcome::Answered { receipt, .. } = &mut outcome {
            let owed = receipt.obligations.unwrap_or(Obligations::UNSTATED);
            receipt.obligations = Some(owed);
        }
        let payload = request.unverified_payload().unwrap();
        let (parsed, _) = Request::parse(&payload).unwrap();
        let answer = Answer {
            version: Answer::VERSION,
            request_id: parsed.id,
            request_hash: protocol::hex(&protocol::sha256(&payload)),
            node: self.organisation.clone(),
            outcome,
        };
        answer
            .seal(&public(&self.key), |bytes| self.key.sign(bytes))
            .unwrap()
    }

    pub(crate) fn cells(request: &Envelope, value: i64) -> Outcome {
        let (parsed, query) = Request::parse(&request.unverified_payload().unwrap()).unwrap();
        Outcome::Answered {
            cells: vec![value; query.cells()],
            receipt: receipt(&parsed, &query),
        }
    }

    pub(crate) fn refusal(rule: &str) -> Outcome {
        Outcome::Refused {
            rule: rule.to_owned(),
            field: "purpose".to_owned(),
            code: "not-allowed".to_owned(),
        }
    }

    /// Answers the request it is handed with the same value in every cell.
    pub(crate) async fn answers(&self, value: i64) -> Reply {
        let request = self.handed().await;
        let answer = self.answer(&request, Node::cells(&request, value));
        self.post("/node/v1/answers", &answer).await
    }

    /// Answers the request it is handed as decided under the policy of that hash.
    pub(crate) async fn answers_under(&self, policy_hash: &str) -> Reply {
        let request = self.handed().await;
        let mut outcome = Node::cells(&request, 1);
        if let Outcome::Answered { receipt, .. } = &mut outcome {
            receipt.policy_hash = policy_hash.to_owned();
        }
        let answer = self.answer(&request, outcome);
        self.post("/node/v1/answers", &answer).await
    }

    /// Answers the request it is handed with these cells.
    pub(crate) async fn answers_cells(&self, cells: &[i64]) -> Reply {
        let request = self.handed().await;
        let outcome = match Node::cells(&request, 0) {
            Outcome::Answered { receipt, .. } => Outcome::Answered {
                cells: cells.to_vec(),
                receipt,
            },
            refused => refused,
        };
        let answer = self.answer(&request, outcome);
        self.post("/node/v1/answers", &answer).await
    }

    pub(crate) async fn refuses(&self, rule: &str) -> Reply {
        self.refuses_as(Node::refusal(rule)).await
    }

    pub(crate) async fn refuses_as(&self, refusal: Outcome) -> Reply {
        let request = self.handed().await;
        self.post("/node/v1/answers", &self.answer(&request, refusal))
            .await
    }

    /// A signer for this node's log.
    pub(crate) fn log_signer(&self) -> audit::LogSigner {
        let key = self.key.clone();
        let name = protocol::node_log(&self.organisation);
        audit::LogSigner::new(&name, public(&self.key).0, move |message| key.sign(message)).unwrap()
    }

    /// Offers the head of a log with these leaves, proving from `from`.
    pub(crate) async fn offer(&self, leaves: &[audit::Hash], from: usize) -> Reply {
        let head = audit::SignedCheckpoint::sign(
            leaves.len() as u64,
            audit::root(leaves),
            &self.log_signer(),
        );
        let proof = audit::consistency_proof(leaves, from.min(leaves.len())).unwrap();
        let offer = CheckpointOffer {
            version: 1,
            checkpoint: head.to_string(),
            from: from as u64,
            consistency: proof.iter().map(|hash| protocol::hex(hash)).collect(),
        };
        self.post("/node/v1/checkpoint", &offer).await
    }
}

pub(crate) fn receipt(request: &Request, query: &AggregateQuery) -> Receipt {
    let price = privacy_loss::price(query);
    Receipt {
        mechanism: "discrete-gaussian".to_owned(),
        slices: price.slices.iter().map(Into::into).collect(),
        cells_per_unit: query.bounds().cells,
        per_cell: query.bounds().per_cell,
        rho: request.rho,
        reused: false,
        noise_source: "opendp-chacha20".to_owned(),
        edition: request.edition,
        rule: "planning".to_owned(),
        policy_hash: "ab".repeat(32),
        charge_index: 7,
        obligations: None,
    }
}

/// A certificate as the TLS acceptor hands it on.
pub(crate) fn peer(pem: &str) -> PeerCertificate {
    let read = NodeCertificate::from_pem(pem).unwrap();
    PeerCertificate {
        organisation: read.organisation,
        serial_hex: read.serial_hex,
        fingerprint: read.fingerprint,
        not_before: read.not_before,
        not_after: read.not_after,
    }
}
