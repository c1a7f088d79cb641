//! The simulated city: one coordinator, a few nodes, an analyst, and the steps each of them can take.
//! It only does; what must hold is said in `check`.

use super::check::Seen;
use super::network::{Fault, Network, Wire};
use super::operation::{NODES, Op, Who};
use crate::library_node::{Allowance, Asks, folder};
use crate::neighbours::{people, write_register};
use crate::requester::{now, study};
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::{Request as HttpRequest, header};
use coordinator::clock::Clock;
use coordinator::config::Config;
use coordinator::store::accounts::Role;
use coordinator::{App, State, admin, app, http, node_http};
use http_body_util::BodyExt;
use identity::{JoinString, NodeCertificate, PeerCertificate, SigningKey, TlsKey};
use node_agent::config::{NodeDir, write_private};
use node_agent::link::Link;
use node_agent::node::Node;
use node_agent::{answer, editions, handing_in, keys, serve};
use privacy_loss::NanoRho;
use protocol::Envelope;
use protocol::exchange::{Join, JoinReply, WorkItem};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;

const STUDY: &str = "simulated";
/// Loss of one question, and how many each organisation can answer.
pub(super) const RHO: u64 = 1_000_000_000;
pub(super) const CAP: u64 = 9 * RHO;

pub(super) struct SimulatedNode {
    pub(super) organisation: String,
    pub(super) dir: NodeDir,
    /// `None` while its process is not running.
    pub(super) node: Option<Arc<Node>>,
    offset: i64,
    inbox: Vec<WorkItem>,
}

/// What a run has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// Questions that became queries.
    pub queries: usize,
    /// Releases.
    pub releases: usize,
    /// Answers with cells that nodes let out.
    pub answers: usize,
    /// Charges of all ledgers.
    pub charges: u64,
    /// Times a node stopped.
    pub stops: usize,
}

impl std::ops::AddAssign for Simulated {
    fn add_assign(&mut self, other: Simulated) {
        self.queries += other.queries;
        self.releases += other.releases;
        self.answers += other.answers;
        self.charges += other.charges;
        self.stops += other.stops;
    }
}

/// See the module.
pub struct World {
    pub(super) network: Arc<Network>,
    pub(super) nodes: Vec<SimulatedNode>,
    pub(super) queries: Vec<String>,
    pub(super) seen: Seen,
    pub(super) stops: usize,
    app: App,
    web: Router,
    config: Config,
    coordinator_clock: Arc<AtomicI64>,
    coordinator_offset: i64,
    time: i64,
    token: String,
    asked: Vec<(String, Value, Option<String>)>,
    _dir: TempDir,
}

impl World {
    /// A city whose nodes have joined and countersigned one study.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn new() -> Result<World> {
        let dir = tempfile::tempdir()?;
        let home = dir.path().join("coordinator");
        std::fs::create_dir_all(&home)?;
        let port = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let made = admin::init(&home, port, port, None).await?;
        let config = Config::read(&made.config)?;
        admin::account_add(&config, "anna", Role::Analyst, None, "only-for-this-test").await?;
        let token = admin::api_token(&config, "anna", "simulation").await?;
        let time = now();
        let coordinator_clock = Arc::new(AtomicI64::new(time));
        let app = State::open(config.clone(), Clock::Set(Arc::clone(&coordinator_clock))).await?;
        let network = Arc::new(Network::default());
        network.connect(node_http::router(Arc::clone(&app)));
        let mut world = World {
            web: http::router(Arc::clone(&app)),
            app,
            network,
            nodes: Vec::new(),
            queries: Vec::new(),
            seen: Seen::default(),
            stops: 0,
            config,
            coordinator_clock,
            coordinator_offset: 0,
            time,
            token,
            asked: Vec::new(),
            _dir: dir,
        };
        world.enrol().await?;
        Ok(world)
    }

    async fn enrol(&mut self) -> Result<()> {
        let home = self._dir.path().to_owned();
        let register = write_register(&home.join("register.csv"), &people())?;
        let names: Vec<String> = (0..NODES).map(|n| format!("node-{n}")).collect();
        let allowance = Allowance {
            cap: CAP,
            per_query: RHO,
        };
        let mut officers = Vec::new();
        let mut requester: Option<(String, SigningKey)> = None;
        for name in &names {
            let asks = requester.as_ref().map(|(organisation, key)| Asks {
                organisation,
                key: keys::public(key),
            });
            let (node_dir, officer) = folder(&home, name, &register, &[7; 32], asks, allowance)?;
            if requester.is_none() {
                requester = Some((
                    name.clone(),
                    SigningKey::load(&node_dir.key(keys::REQUESTER))?,
                ));
            }
            self.join(name, &node_dir).await?;
            self.nodes.push(SimulatedNode {
                organisation: name.clone(),
                dir: node_dir,
                node: None,
                offset: 0,
                inbox: Vec::new(),
            });
            officers.push(officer);
        }
        let (asker, key) = requester.context("a requester")?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut content = study(STUDY, &names, 100 * CAP);
        content.requester = asker;
        content.max_rho_per_query = NanoRho::new(RHO + 100);
        content.valid_until = self.time + 400 * 86_400;
        for (number, officer) in officers.iter().enumerate() {
            self.start(number).await?;
            let node = self.nodes[number].node.clone().context("started")?;
            if number == 0 {
                let envelope = node.studies().propose(&content, &key)?;
                node.link().study(&envelope).await?;
            }
            greet(&node).await?;
            let (officers, requesters) = (node.pinned_officers(), node.pinned_requesters());
            (node.studies()).countersign(STUDY, officer, &officers, &requesters, self.time)?;
            greet(&node).await?;
        }
        Ok(())
    }

    async fn join(&self, name: &str, dir: &NodeDir) -> Result<()> {
        let text = admin::join_token(&self.config, name, None).await?;
        let invitation: JoinString = text.parse()?;
        let requester = dir.key(keys::REQUESTER);
        let join = Join {
            version: protocol::VERSION,
            organisation: name.to_owned(),
            token: invitation.token.as_str().to_owned(),
            csr_pem: TlsKey::load(&dir.key(keys::TLS))?.request_pem(name)?,
            node_key: keys::public(&SigningKey::load(&dir.key(keys::NODE))?),
            requester_key: if requester.exists() {
                Some(keys::public(&SigningKey::load(&requester)?))
            } else {
                None
            },
            dpo_key: keys::read_public(&dir.key(keys::DPO_PUBLIC))?,
        };
        let reply = self
            .network
            .call(name, "/node/v1/join", serde_json::to_vec(&join)?)
            .await?;
        let reply: JoinReply = reply.json()?;
        let key = reply.coordinator_key.to_string();
        write_private(&dir.key(keys::COORDINATOR), key.as_bytes())?;
        let read = NodeCertificate::from_pem(&reply.certificate_pem)?;
        self.network.admit(PeerCertificate {
            organisation: read.organisation,
            serial_hex: read.serial_hex,
            fingerprint: read.fingerprint,
            not_before: read.not_before,
            not_after: read.not_after,
        });
        Ok(())
    }

    pub(super) fn node_time(&self, number: usize) -> i64 {
        self.time + self.nodes[number].offset
    }

    fn set_coordinator_clock(&self) {
        let at = self.time + self.coordinator_offset;
        self.coordinator_clock.store(at, Ordering::SeqCst);
    }

    /// Starts a node's process from its files, where it is not running.
    pub(super) async fn start(&mut self, number: usize) -> Result<()> {
        let at = self.node_time(number);
        let simulated = &mut self.nodes[number];
        if simulated.node.is_some() {
            return Ok(());
        }
        let dir = simulated.dir.clone();
        let edition = editions::open_current(&dir, &dir.read_config()?, at)?;
        let wire = Wire {
            network: Arc::clone(&self.network),
            organisation: simulated.organisation.clone(),
        };
        let link = Link::over(Arc::new(wire));
        simulated.inbox.clear();
        simulated.node = Some(Arc::new(
            Node::open_with_link(dir, Some(edition), link).await?,
        ));
        Ok(())
    }

    /// Does something at a node; `None` where it stopped meanwhile.
    async fn at<T>(
        &mut self,
        number: usize,
        fault: Option<(usize, Fault)>,
        act: impl AsyncFnOnce(Arc<Node>, i64) -> T,
    ) -> Result<Option<T>> {
        self.start(number).await?;
        let at = self.node_time(number);
        let node = self.nodes[number].node.clone().context("started")?;
        self.network.plan(fault);
        let network = Arc::clone(&self.network);
        let done = tokio::select! {
            biased;
            done = act(node, at) => Some(done),
            () = network.stopped() => None,
        };
        self.network.plan(None);
        if done.is_none() {
            self.nodes[number].node = None;
            self.nodes[number].inbox.clear();
            self.stops += 1;
        }
        Ok(done)
    }

    pub(super) async fn greet(
        &mut self,
        number: usize,
        fault: Option<(usize, Fault)>,
    ) -> Result<()> {
        self.at(number, fault, async |node, at| {
            if node.edition_number() != Some(editions::number_at(at)) {
                node.publish(editions::open_current(node.dir(), node.config(), at)?);
            }
            // It greets again until it is heard; here, when the seed says so.
            let _ = greet(&node).await;
            anyhow::Ok(())
        })
        .await?
        .transpose()
        .map(drop)
    }

    /// Fetches work; false where there was none.
    pub(super) async fn poll(
        &mut self,
        number: usize,
        fault: Option<(usize, Fault)>,
    ) -> Result<bool> {
        let polled = self.at(number, fault, async |node, _| node.link().poll().await);
        let Some(Ok(reply)) = polled.await? else {
            return Ok(false);
        };
        let some = !reply.items.is_empty();
        for item in &reply.items {
            if let WorkItem::Answer { request } = item {
                self.seen.handed(request);
            }
        }
        self.nodes[number].inbox.extend(reply.items);
        Ok(some)
    }

    async fn work(
        &mut self,
        number: usize,
        pick: usize,
        again: bool,
        fault: Option<(usize, Fault)>,
    ) -> Result<()> {
        let inbox = &mut self.nodes[number].inbox;
        if inbox.is_empty() {
            return Ok(());
        }
        let at = pick % inbox.len();
        let item = if again {
            inbox[at].clone()
        } else {
            inbox.remove(at)
        };
        let failed = self
            .at(number, fault, async |node, now| match item {
                WorkItem::Sign { query_id, requests } => {
                    serve::sign(&node, &query_id, &requests, now).await;
                    None
                }
                WorkItem::Answer { request } => match answer::answer(&node, &request, now).await {
                    Ok(sealed) => {
                        // What could not be handed in is asked for again.
                        let _ = node.link().answer(sealed.envelope()).await;
                        None
                    }
                    Err(error) => Some(error),
                },
            })
            .await?
            .flatten();
        if let Some(error) = failed {
            self.seen.tolerable(&error)?;
        }
        Ok(())
    }

    /// Does everything a node holds.
    pub(super) async fn work_off(&mut self, number: usize) -> Result<()> {
        while !self.nodes[number].inbox.is_empty() {
            self.work(number, 0, false, None).await?;
        }
        Ok(())
    }

    /// Does one thing.
    ///
    /// # Errors
    /// When something failed that no fault explains.
    pub async fn apply(&mut self, operation: &Op) -> Result<()> {
        match *operation {
            Op::Ask { question, validity } => self.ask(question, validity).await?,
            Op::AskAgain => self.ask_again().await?,
            Op::Close { query } => {
                if !self.queries.is_empty() {
                    let id = self.queries[query % self.queries.len()].clone();
                    // Refused where nothing was answered yet or the query has ended.
                    let path = format!("/api/v1/queries/{id}/close");
                    self.web("POST", &path, Some(&json!({})), None).await?;
                }
            }
            Op::Greet(node, fault) => self.greet(node, fault).await?,
            Op::Poll(node, fault) => {
                self.poll(node, fault).await?;
            }
            Op::Serve(node, pick, fault) => {
                let polled = self
                    .poll(node, fault.filter(|(calls, _)| *calls == 0))
                    .await?;
                let mut fault =
                    fault.and_then(|(calls, fault)| Some((calls.checked_sub(1)?, fault)));
                while polled && !self.nodes[node].inbox.is_empty() {
                    self.work(node, pick, false, fault.take()).await?;
                }
            }
            Op::Work {
                node,
                pick,
                again,
                fault,
            } => self.work(node, pick, again, fault).await?,
            Op::Late(pick) => self.network.deliver_late(pick).await,
            Op::Sweep => app::end::sweep(&self.app).await?,
            Op::Restart(Who::Node(node)) => {
                self.nodes[node].node = None;
                self.start(node).await?;
            }
            Op::Restart(Who::Coordinator) => self.restart_coordinator().await?,
            Op::Jump(Who::Node(node), seconds) => self.nodes[node].offset += seconds,
            Op::Jump(Who::Coordinator, seconds) => {
                self.coordinator_offset += seconds;
                self.set_coordinator_clock();
            }
            Op::Pass(seconds) => {
                self.time += seconds;
                self.set_coordinator_clock();
            }
        }
        Ok(())
    }

    pub(super) async fn restart_coordinator(&mut self) -> Result<()> {
        let clock = Clock::Set(Arc::clone(&self.coordinator_clock));
        self.app = State::open(self.config.clone(), clock).await?;
        self.web = http::router(Arc::clone(&self.app));
        self.network
            .connect(node_http::router(Arc::clone(&self.app)));
        Ok(())
    }

    /// Every clock shows the time again.
    pub(super) fn right_clocks(&mut self) {
        self.coordinator_offset = 0;
        for node in &mut self.nodes {
            node.offset = 0;
        }
        self.set_coordinator_clock();
    }

    pub(super) async fn sweep(&self) -> Result<()> {
        Ok(app::end::sweep(&self.app).await?)
    }

    pub(super) fn time(&self) -> i64 {
        self.time
    }

    async fn ask(&mut self, question: u64, validity: i64) -> Result<()> {
        let query = json!({
            "version": 1, "measure": "persons", "by": { "area": "municipio" },
            "period": { "from": "2025-01", "to": "2025-12" },
            "bounds": { "cells": 1, "per_cell": 1 }, "rho": RHO - question,
        });
        let body = json!({ "study": STUDY, "query": query, "ask_anew": true, "validity_seconds": validity });
        let key = format!("key-{}", self.asked.len());
        let location = self.ask_with(&body, &key).await?;
        if let Some(id) = location.as_deref().and_then(query_id)
            && !self.queries.contains(&id)
        {
            self.queries.push(id);
        }
        self.asked.push((key, body, location));
        Ok(())
    }

    async fn ask_again(&mut self) -> Result<()> {
        let Some((key, body, first)) = self.asked.last().cloned() else {
            return Ok(());
        };
        let location = self.ask_with(&body, &key).await?;
        ensure!(
            first.is_none() || location == first,
            "one idempotency key has asked twice: {first:?} and {location:?}"
        );
        if let Some(id) = location.as_deref().and_then(query_id)
            && !self.queries.contains(&id)
        {
            self.queries.push(id);
        }
        if let Some(last) = self.asked.last_mut() {
            last.2 = location;
        }
        Ok(())
    }

    /// Where the question is followed; `None` where the coordinator refused it.
    async fn ask_with(&self, body: &Value, key: &str) -> Result<Option<String>> {
        let (status, location, _) = self
            .web("POST", "/api/v1/queries", Some(body), Some(key))
            .await?;
        ensure!(status < 500, "the coordinator failed: {status}");
        Ok(location)
    }

    /// What the website's API says of a path.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        let (status, _, body) = self.web("GET", path, None, None).await?;
        ensure!(status == 200, "{path}: {status} {body}");
        Ok(body)
    }

    async fn web(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<(u16, Option<String>, Value)> {
        let mut request = HttpRequest::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:8420")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))?,
            None => request.body(Body::empty())?,
        };
        let response = match self.web.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        let location = (response.headers().get(header::LOCATION))
            .and_then(|location| location.to_str().ok())
            .map(str::to_owned);
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok((
            status,
            location,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    /// Answers a request again, as when its answer has to be handed in once more.
    pub(super) async fn answer_again(
        &mut self,
        number: usize,
        request: &Envelope,
    ) -> Result<Vec<u8>> {
        let sealed = self.at(number, None, async |node, now| {
            answer::answer(&node, request, now).await
        });
        let sealed = sealed.await?.context("nothing stops it")??;
        Ok(sealed.envelope().to_vec())
    }
}

/// Greets, and hands in what the coordinator is to know.
async fn greet(node: &Node) -> Result<()> {
    let greeted = serve::greet(node, &node.hello()).await?;
    handing_in::hand_in(node, greeted).await;
    Ok(())
}

fn query_id(location: &str) -> Option<String> {
    location.strip_prefix("/api/v1/queries/").map(str::to_owned)
}
