//! A double of the coordinator for tests of one node: it speaks the node API over real mutual TLS, cosigns
//! checkpoints after checking them, hands over exactly the requests a test gives it, and keeps every answer's bytes.
//! It can misbehave on demand (lose answers, offer work twice); it never speaks for the node under test.

mod calls;
mod desk;

pub use desk::{Desk, Handed};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::routing::post;
use identity::{
    Authority, Handle, JoinString, JoinToken, PublicKey, RustlsConfig, ServeOptions, SigningKey,
    node_server_config, serve_nodes,
};
use jiff::Timestamp;
use protocol::Envelope;
use protocol::exchange::Hello;
use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

const DAY: Duration = Duration::from_secs(86_400);

/// What the handlers share.
pub(crate) struct State {
    authority: Authority,
    signer: audit::LogSigner,
    log_key: PublicKey,
    /// How old a certificate is when it is issued to who joins.
    age: Mutex<Duration>,
    desks: Mutex<Desks>,
    changed: watch::Sender<u64>,
}

/// Everything known, by organisation.
#[derive(Default)]
pub(crate) struct Desks {
    tokens: HashMap<String, String>,
    studies: Vec<Envelope>,
    desks: HashMap<String, Desk>,
}

impl State {
    pub(crate) fn desks(&self) -> MutexGuard<'_, Desks> {
        // A test that panicked while it held the lock has failed already.
        match self.desks.lock() {
            Ok(desks) => desks,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    pub(crate) fn announce(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// A running witness; it stops when dropped.
pub struct Witness {
    state: Arc<State>,
    address: String,
    handle: Handle,
    _dir: TempDir,
}

impl Witness {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start() -> Result<Witness> {
        let dir = tempfile::tempdir()?;
        let now = Timestamp::now();
        let authority = Authority::create(dir.path(), now)?;
        let server = authority.issue_server(&[], DAY, now)?;
        let tls = RustlsConfig::from_config(node_server_config(authority.certificate(), &server)?);
        let key = SigningKey::ephemeral()?;
        let log_key = key.public_key();
        let signer = audit::LogSigner::new(
            protocol::COORDINATOR_LOG,
            *log_key.as_bytes(),
            move |bytes| key.sign(bytes),
        )?;
        let state = Arc::new(State {
            authority,
            signer,
            log_key,
            age: Mutex::default(),
            desks: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new()
            .route("/node/v1/join", post(calls::join))
            .route("/node/v1/renew", post(calls::renew))
            .route("/node/v1/hello", post(calls::hello))
            .route("/node/v1/poll", post(calls::poll))
            .route("/node/v1/signed", post(calls::signed))
            .route("/node/v1/checkpoint", post(calls::checkpoint))
            .route("/node/v1/answers", post(calls::answers))
            .route("/node/v1/guarantee", post(calls::guarantee))
            .route("/node/v1/receipts", post(calls::receipts))
            .route("/node/v1/restoration", post(calls::restoration))
            .route("/node/v1/studies", post(calls::studies))
            .route("/node/v1/consents", post(calls::consents))
            .route("/node/v1/offer", post(calls::offer))
            .route("/node/v1/policy", post(calls::policy))
            .with_state(state.clone());
        let handle = Handle::new();
        tokio::spawn(serve_nodes(
            listener,
            tls,
            router,
            ServeOptions::default(),
            handle.clone(),
        ));
        Ok(Witness {
            state,
            address,
            handle,
            _dir: dir,
        })
    }

    /// A join string for one organisation.
    ///
    /// # Errors
    /// When the identifier is none.
    pub fn invite(&self, organisation: &str) -> Result<String> {
        let token = JoinToken::generate()?;
        let mut desks = self.state.desks();
        desks
            .tokens
            .insert(token.as_str().to_owned(), organisation.to_owned());
        let invitation = JoinString {
            address: self.address.clone(),
            authority: self.state.authority.certificate().fingerprint(),
            log_key: self.state.log_key,
            organisation: organisation.to_owned(),
            token,
        };
        Ok(invitation.encode()?)
    }

    /// Whoever joins from now on gets a certificate of a day that was issued so long ago.
    ///
    /// # Panics
    /// When a test panicked here before.
    pub fn issue_aged(&self, age: Duration) {
        *self.state.age.lock().expect("no test panicked here") = age;
    }

    /// Makes a study known to every node that says hello from now on.
    pub fn publish(&self, study: Envelope) {
        self.state.desks().studies.push(study);
    }

    /// The studies known, in the order they came.
    pub fn studies(&self) -> Vec<Envelope> {
        self.state.desks().studies.clone()
    }

    /// Reads or changes what is kept of one organisation, and wakes whoever waits.
    ///
    /// # Panics
    /// When it has not joined.
    pub fn desk<T>(&self, organisation: &str, f: impl FnOnce(&mut Desk) -> T) -> T {
        let value = {
            let mut desks = self.state.desks();
            let desk = desks.desks.get_mut(organisation);
            f(desk.expect("the organisation has joined"))
        };
        self.state.announce();
        value
    }

    /// Offers a request to a node, again if it was offered before; returns how it is known: the SHA-256 of
    /// its payload.
    pub fn offer(&self, organisation: &str, request: &Envelope) -> String {
        self.desk(organisation, |desk| desk.offer(request))
    }

    /// Waits until `count` answers to a request have been handed in; returns the last.
    ///
    /// # Errors
    /// When that never happens.
    pub async fn answered(
        &self,
        organisation: &str,
        request: &str,
        count: usize,
    ) -> Result<Handed> {
        let answer = self.when(organisation, |desk| {
            let answers = desk.answers(request);
            (answers.len() >= count)
                .then(|| answers.last().cloned())
                .flatten()
        });
        answer
            .await
            .with_context(|| format!("{organisation} handed in no {count}. answer to {request}"))
    }

    /// Waits until the node has said hello `count` times; returns the last.
    ///
    /// # Errors
    /// When that never happens.
    pub async fn greeted(&self, organisation: &str, count: usize) -> Result<Hello> {
        let hello = self.when(organisation, |desk| {
            (desk.hellos.len() >= count)
                .then(|| desk.hellos.last().cloned())
                .flatten()
        });
        hello
            .await
            .with_context(|| format!("{organisation} did not say hello {count} times"))
    }

    /// Waits until something is so of an organisation.
    ///
    /// # Errors
    /// When that never happens.
    pub async fn when<T>(
        &self,
        organisation: &str,
        mut ready: impl FnMut(&Desk) -> Option<T>,
    ) -> Result<T> {
        let mut changes = self.state.changed.subscribe();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                if let Some(value) =
                    (self.state.desks().desks.get(organisation)).and_then(&mut ready)
                {
                    return value;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        match tokio::time::timeout(crate::PATIENCE, waiting).await {
            Ok(value) => Ok(value),
            Err(_) => bail!("it did not happen in time"),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}
