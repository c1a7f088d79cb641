//! Who may see the page: whoever can write into the node's folder. `node-agent open` leaves a one-time word there; the browser
//! that brings it gets a session, kept in memory only.

use super::Page;
use crate::clock;
use crate::config::{NodeDir, write_private};
use crate::words::Language;
use anyhow::{Context, Result};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// The cookie's name begins so; the port follows. Browsers send cookies to every port of a host, so that two nodes on one
/// computer would end each other's sessions under one name.
const COOKIE: &str = "wi-node-";
/// How long the one-time word can be used, in seconds.
const WORD_SECONDS: i64 = 120;
/// How long a session lasts without being used, in seconds.
const IDLE_SECONDS: i64 = 30 * 60;
/// How long it lasts at most.
const SESSION_SECONDS: i64 = 8 * 3_600;

/// A signed-in browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    since: i64,
    used: i64,
    /// In which language it reads.
    pub(super) language: Language,
}

/// The sessions, by the SHA-256 of what the browser holds.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<[u8; 32], Session>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, secret: &str, now: i64) {
        let session = Session {
            since: now,
            used: now,
            language: Language::It,
        };
        self.with(|sessions| {
            sessions.retain(|_, session| is_alive(session, now));
            sessions.insert(protocol::sha256(secret.as_bytes()), session);
        });
    }

    fn used(&self, secret: &str, now: i64) -> Option<Session> {
        self.with(|sessions| {
            let session = sessions.get_mut(&protocol::sha256(secret.as_bytes()))?;
            if !is_alive(session, now) {
                return None;
            }
            session.used = now;
            Some(*session)
        })
    }

    /// Sets the language of a session.
    pub(super) fn speak(&self, headers: &HeaderMap, port: u16, language: Language) {
        let Some(secret) = secret_of(headers, port) else {
            return;
        };
        self.with(|sessions| {
            if let Some(session) = sessions.get_mut(&protocol::sha256(secret.as_bytes())) {
                session.language = language;
            }
        });
    }

    fn end(&self, secret: &str) {
        self.with(|sessions| sessions.remove(&protocol::sha256(secret.as_bytes())));
    }
}

fn is_alive(session: &Session, now: i64) -> bool {
    // A clock that was set back ends sessions rather than prolonging them.
    (0..IDLE_SECONDS).contains(&(now - session.used))
        && (0..SESSION_SECONDS).contains(&(now - session.since))
}

/// Writes down where the page listens, for `node-agent open`.
pub(super) fn note_address(dir: &NodeDir, address: SocketAddr) -> Result<()> {
    write_private(&dir.page_address(), address.to_string().as_bytes())
        .with_context(|| format!("cannot write {}", dir.page_address().display()))
}

/// `node-agent open`: leaves a one-time word in the folder and returns the link that carries it.
///
/// # Errors
/// When the node is not serving or its folder cannot be written.
pub fn open(dir: &NodeDir) -> Result<String> {
    let address = std::fs::read_to_string(dir.page_address())
        .context("the node's page is not there: start the node with `node-agent serve` first")?;
    let word = random()?;
    let until = clock::now() + WORD_SECONDS;
    write_private(&dir.page_word(), format!("{until} {word}").as_bytes())
        .with_context(|| format!("cannot write {}", dir.page_word().display()))?;
    Ok(format!("http://{}/enter/{word}", address.trim()))
}

fn random() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    Ok(protocol::hex(&bytes))
}

/// Takes the one-time word and begins a session.
pub(super) async fn enter(State(page): State<Page>, Path(brought): Path<String>) -> Response {
    let path = page.node.dir().page_word();
    let left = std::fs::read_to_string(&path).unwrap_or_default();
    let now = clock::now();
    let fits = left.split_once(' ').is_some_and(|(until, word)| {
        let in_time = until
            .parse()
            .is_ok_and(|until: i64| now <= until && until - now <= WORD_SECONDS);
        in_time && protocol::sha256(word.as_bytes()) == protocol::sha256(brought.as_bytes())
    });
    // Removed before it lets anybody in; where that fails, it was used by somebody else.
    if !fits || std::fs::remove_file(&path).is_err() {
        return refused();
    }
    let Ok(secret) = random() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    page.sessions.begin(&secret, now);
    let port = page.address.port();
    let cookie = format!("{COOKIE}{port}={secret}; HttpOnly; SameSite=Strict; Path=/");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// Ends the session.
pub(super) async fn leave(State(page): State<Page>, headers: HeaderMap) -> Response {
    let port = page.address.port();
    if let Some(secret) = secret_of(&headers, port) {
        page.sessions.end(&secret);
    }
    let cookie = format!("{COOKIE}{port}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], refused()).into_response()
}

/// Lets only signed-in browsers through, and hands their session on.
pub(super) async fn required(
    State(page): State<Page>,
    mut request: Request,
    next: Next,
) -> Response {
    let session = secret_of(request.headers(), page.address.port())
        .and_then(|secret| page.sessions.used(&secret, clock::now()));
    match session {
        Some(session) => {
            request.extensions_mut().insert(session);
            next.run(request).await
        }
        None => refused(),
    }
}

fn refused() -> Response {
    (StatusCode::UNAUTHORIZED, super::layout::signed_out()).into_response()
}

fn secret_of(headers: &HeaderMap, port: u16) -> Option<String> {
    let name = format!("{COOKIE}{port}=");
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    (cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(&name))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_at_the_port_it_was_set_at() {
        let mut headers = HeaderMap::new();
        let cookies = "wi-node-8430=one; wi-node-8431=two; wi-node=three";
        headers.insert(header::COOKIE, header::HeaderValue::from_static(cookies));
        assert_eq!(secret_of(&headers, 8431).as_deref(), Some("two"));
        assert_eq!(secret_of(&headers, 843), None);
    }

    #[test]
    fn a_session_ends_unused_at_its_end_and_when_the_clock_runs_back() {
        let sessions = Sessions::default();
        sessions.begin("one", 1_000);
        assert!(sessions.used("other", 1_001).is_none());
        assert!(sessions.used("one", 1_000 + IDLE_SECONDS - 1).is_some());
        assert!(sessions.used("one", 1_000 + 2 * IDLE_SECONDS - 1).is_none());
        sessions.begin("two", 1_000);
        assert!(sessions.used("two", 999).is_none());
        let mut now = 1_000;
        while sessions.used("two", now).is_some() {
            now += IDLE_SECONDS / 2;
        }
        let ended = 1_000 + SESSION_SECONDS;
        assert!((ended..ended + IDLE_SECONDS).contains(&now));
        sessions.begin("three", 5);
        sessions.end("three");
        assert!(sessions.used("three", 5).is_none());
    }
}
