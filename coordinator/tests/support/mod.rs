//! A coordinator on a real database with simulated organisations that hold real keys.
//! Their answers are made here; whatever a node would check is not under test.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod node;
pub(crate) mod policies;

pub(crate) use node::Node;

use axum::Router;
use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode, header};
use coordinator::clock::Clock;
use coordinator::config::Config;
use coordinator::store::accounts::Role;
use coordinator::{App, State, admin, http, node_http};
use geography::Level;
use http_body_util::BodyExt;
use identity::SigningKey;
use privacy_loss::NanoRho;
use protocol::{Envelope, PublicKey, Study};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tower::ServiceExt as _;

/// When tests begin.
pub(crate) const START: i64 = 1_790_000_000;
pub(crate) const PASSWORD: &str = "a long password";
pub(crate) const STUDY: &str = "home-care-2026";

pub(crate) struct Bed {
    pub(crate) app: App,
    pub(crate) web: Router,
    pub(crate) nodes: Router,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) config: Config,
    time: Arc<AtomicI64>,
}

/// An HTTP answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn location(&self) -> String {
        self.headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.code().as_str()),
            (status, code),
            "{}",
            self.text
        );
    }
}

pub(crate) async fn send(router: &Router, request: HttpRequest<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

impl Bed {
    pub(crate) async fn new() -> Bed {
        let dir = tempfile::tempdir().unwrap();
        let loopback = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let made = admin::init(dir.path(), loopback(8420), loopback(8421), None)
            .await
            .unwrap();
        let config = Config::read(&made.config).unwrap();
        let time = Arc::new(AtomicI64::new(
            jiff::Timestamp::now().as_second().max(START),
        ));
        let app = State::open(config.clone(), Clock::Set(Arc::clone(&time)))
            .await
            .unwrap();
        Bed {
            web: http::router(Arc::clone(&app)),
            nodes: node_http::router(Arc::clone(&app)),
            app,
            dir,
            config,
            time,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.time.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) async fn account(&self, name: &str, role: Role, organisation: Option<&str>) {
        admin::account_add(&self.config, name, role, organisation, PASSWORD)
            .await
            .unwrap();
    }

    /// Adds an account and signs it in; the cookie.
    pub(crate) async fn signed_in(
        &self,
        name: &str,
        role: Role,
        organisation: Option<&str>,
    ) -> Browser<'_> {
        self.account(name, role, organisation).await;
        let body = json!({ "name": name, "password": PASSWORD });
        let reply = Browser {
            bed: self,
            cookie: String::new(),
        }
        .post("/api/v1/session", &body)
        .await
        .expect(200);
        let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
        Browser {
            bed: self,
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    /// Invites and joins an organisation, which greets.
    pub(crate) async fn node(&self, organisation: &str) -> Node<'_> {
        let text = admin::join_token(&self.config, organisation, None)
            .await
            .unwrap();
        let node = Node::new(self, organisation);
        let certificate = node.join(&text).await.expect(200).json()["certificate_pem"]
            .as_str()
            .unwrap()
            .to_owned();
        let node = node.with_certificate(&certificate);
        node.hello(1).await.expect(200);
        node
    }

    /// The usual three organisations, a study of the first countersigned by all, and an analyst.
    pub(crate) async fn city(&self) -> City<'_> {
        self.city_with(&["persons", "events"]).await
    }

    /// The same with a study of these measures.
    pub(crate) async fn city_with(&self, measures: &[&str]) -> City<'_> {
        let nodes = [
            self.node("comune-milano").await,
            self.node("cooperativa-lambro").await,
            self.node("associazione-ortica").await,
        ];
        let mut study = self.study(&nodes);
        study.measures = measures.iter().map(|id| (*id).to_owned()).collect();
        let envelope = seal(&nodes[0].requester, Study::TYPE, &study);
        nodes[0]
            .post("/node/v1/studies", &envelope)
            .await
            .expect(204);
        for node in &nodes {
            node.consent(&envelope).await.expect(204);
        }
        let analyst = self.signed_in("anna", Role::Analyst, None).await;
        City {
            nodes,
            analyst,
            study: envelope,
        }
    }

    pub(crate) fn study(&self, nodes: &[Node<'_>]) -> Study {
        Study {
            version: 1,
            id: STUDY.to_owned(),
            title: "Assistenza domiciliare".to_owned(),
            requester: nodes[0].organisation.clone(),
            purpose: "planning".to_owned(),
            lawful_basis: "art6-1-e".to_owned(),
            special_categories: vec![],
            participants: nodes.iter().map(|node| node.organisation.clone()).collect(),
            measures: vec!["persons".to_owned(), "events".to_owned()],
            targets: vec!["minors".to_owned()],
            finest_level: Level::Nil,
            max_rho_per_query: NanoRho::new(200_000_000),
            max_rho_total: NanoRho::new(250_000_000),
            valid_from: self.now() - 1_000,
            valid_until: self.now() + 40 * 86_400,
        }
    }
}

pub(crate) struct City<'a> {
    pub(crate) nodes: [Node<'a>; 3],
    pub(crate) analyst: Browser<'a>,
    pub(crate) study: Envelope,
}

impl City<'_> {
    /// Asks a query, has it signed, and returns its id.
    pub(crate) async fn asked(&self, query: &Value, key: &str) -> String {
        let reply = self.analyst.ask(query, key).await.expect(202);
        let id = reply.location().rsplit('/').next().unwrap().to_owned();
        self.nodes[0].sign_all().await;
        id
    }

    /// The analyst, signed in anew after time has passed.
    pub(crate) async fn again(&self) -> Browser<'_> {
        let bed = self.analyst.bed;
        let body = json!({ "name": "anna", "password": PASSWORD });
        let reply = Browser::nobody(bed)
            .post("/api/v1/session", &body)
            .await
            .expect(200);
        let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
        Browser {
            bed,
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    pub(crate) async fn view_again(&self, id: &str) -> Value {
        self.again()
            .await
            .get(&format!("/api/v1/queries/{id}"))
            .await
            .expect(200)
            .json()
    }

    pub(crate) async fn view(&self, id: &str) -> Value {
        self.analyst
            .get(&format!("/api/v1/queries/{id}"))
            .await
            .expect(200)
            .json()
    }
}

/// A question of ten cells: presences by municipio in one quarter.
pub(crate) fn question(rho: u64) -> Value {
    json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio" },
        "period": { "from": "2025-01", "to": "2025-03" },
        "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
    })
}

#[derive(Clone)]
pub(crate) struct Browser<'a> {
    pub(crate) bed: &'a Bed,
    pub(crate) cookie: String,
}

impl Browser<'_> {
    pub(crate) fn nobody(bed: &Bed) -> Browser<'_> {
        Browser {
            bed,
            cookie: String::new(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        HttpRequest::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:8420")
            .header(header::COOKIE, &self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(
            &self.bed.web,
            self.request("GET", path).body(Body::empty()).unwrap(),
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        send(&self.bed.web, request).await
    }

    pub(crate) async fn ask_with(&self, body: &Value, key: &str) -> Reply {
        let request = self
            .request("POST", "/api/v1/queries")
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        send(&self.bed.web, request).await
    }

    pub(crate) async fn ask(&self, query: &Value, key: &str) -> Reply {
        self.ask_with(
            &json!({ "study": STUDY, "query": query, "ask_anew": true }),
            key,
        )
        .await
    }
}

pub(crate) fn public(key: &SigningKey) -> PublicKey {
    PublicKey(*key.public_key().as_bytes())
}

pub(crate) fn seal<T: Serialize>(key: &SigningKey, payload_type: &str, payload: &T) -> Envelope {
    let bytes = serde_json::to_vec(payload).unwrap();
    Envelope::sign(payload_type, &bytes, &public(key), |message| {
        key.sign(message)
    })
}

/// The codes in the coordinator's log, oldest first.
pub(crate) async fn logged(bed: &Bed) -> Vec<String> {
    use coordinator::store::log::{Readership, page};
    let mut reader = bed.app.database.read().await.unwrap();
    let (mut codes, mut after) = (Vec::new(), None);
    loop {
        let entries = page(&mut reader, after, Readership::All).await.unwrap();
        let Some(last) = entries.last() else {
            return codes;
        };
        after = Some(last.header.index as i64);
        codes.extend(
            entries
                .iter()
                .map(|entry| entry.header.text("code").unwrap().to_owned()),
        );
    }
}
