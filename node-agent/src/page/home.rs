//! Where the node stands: connection, what waits for a person, pause, backup.

use super::Page;
use super::layout::page;
use super::login::Session;
use super::words::Language;
use crate::config::NodeDir;
use crate::link::Contact;
use crate::{acts, approvals, clock, renewal};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

/// A node that polls hears something at least this often, in seconds.
const SILENCE: i64 = 90;
/// After so many days without a backup the page reminds of one.
const BACKUP_DAYS: i64 = 7;
const DAY: i64 = 86_400;

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Markup {
    let language = session.language;
    let node = &shown.node;
    let now = clock::now();
    let paused = node.dir().is_paused();
    let certificate = renewal::read_certificate(node.dir()).ok();
    let waiting_studies = node.studies_to_countersign();
    let (officers, second) = node.signers();
    let waiting_acts = acts::waiting(node.dir(), &officers, &second);
    let requests = approvals::all(node.dir()).await.unwrap_or_default();
    let waiting_requests = requests
        .iter()
        .filter(|request| request.state(now) == "waiting")
        .count();
    let body = html! {
        @if paused {
            p.notice.warn role="status" { (language.say("paused")) }
        }
        @if let Some(fault) = node.edition_fault() {
            div.notice.warn role="alert" {
                p { (language.say("not-built")) }
                p { strong { (language.say("not-built-reason")) ": " } span lang="en" { (fault) } }
            }
        }
        p.notice role="status" { (connection(language, &node.link().contact(), paused, now)) }
        @if let Some(reminder) = backup_reminder(language, node.dir(), now) {
            p.notice.warn { (reminder) }
        }
        h2 { (language.say("waiting")) }
        @if waiting_studies.is_empty() && waiting_acts.is_empty() && waiting_requests == 0 {
            p { (language.say("nothing-waits")) }
        } @else {
            ul {
                @if waiting_requests > 0 {
                    li { a href="/approvals" { (language.fill("requests-wait", &[("count", &language.number(waiting_requests as u64))])) } }
                }
                @for study in &waiting_studies {
                    li { (language.fill("study-waits", &[("study", study)])) }
                }
                @for act in &waiting_acts {
                    li { (language.fill("act-waits", &[("act", &act.id)])) }
                }
            }
        }
        h2 { (language.say("facts")) }
        dl {
            dt { (language.say("coordinator")) }
            dd { (node.config().coordinator.as_deref().unwrap_or_default()) }
            dt { (language.say("edition")) }
            dd {
                @match node.edition_number() {
                    Some(number) => (number),
                    None if node.edition_fault().is_some() => "–",
                    None => (language.say("being-built")),
                }
            }
            dt { (language.say("policy")) }
            dd { code { (node.policy_hash()) } }
            @if let Some(certificate) = &certificate {
                dt { (language.say("certificate")) }
                dd { (language.fill("certificate-until", &[("when", &language.moment(certificate.not_after.as_second()))])) }
            }
        }
        h2 { (language.say("pause-title")) }
        p { (language.say("pause-help")) }
        @if paused {
            form method="post" action="/resume" { button.main { (language.say("resume")) } }
        } @else {
            form method="post" action="/pause" { button { (language.say("pause")) } }
        }
    };
    page(&shown, session, "/", language.say("home"), body)
}

fn connection(language: Language, contact: &Contact, paused: bool, now: i64) -> String {
    let when = contact.last_reply.map(|at| language.moment(at));
    match (&contact.refused, contact.last_reply) {
        (Some(code), _) => language.fill("refused", &[("code", code)]),
        (None, Some(at)) if now - at <= SILENCE => {
            language.fill("connected", &[("when", &language.moment(at))])
        }
        _ if paused => language.say("not-connected-paused").to_owned(),
        _ => language.fill("not-connected", &[("when", when.as_deref().unwrap_or("–"))]),
    }
}

fn backup_reminder(language: Language, dir: &NodeDir, now: i64) -> Option<String> {
    match dir.last_backup() {
        None => Some(language.say("never-backed-up").to_owned()),
        Some(at) if now - at > BACKUP_DAYS * DAY => {
            Some(language.fill("backup-old", &[("when", &language.moment(at))]))
        }
        Some(_) => None,
    }
}

/// Stops asking for work until resumed.
pub(super) async fn pause(State(shown): State<Page>) -> Response {
    set_paused(&shown, true)
}

/// Goes on.
pub(super) async fn resume(State(shown): State<Page>) -> Response {
    set_paused(&shown, false)
}

fn set_paused(shown: &Page, paused: bool) -> Response {
    match shown.node.dir().set_paused(paused) {
        Ok(()) => Redirect::to("/").into_response(),
        Err(error) => {
            tracing::error!(reason = %error, "the pause could not be written down");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_is_said_as_it_is() {
        let said = |contact: &Contact, paused| connection(Language::En, contact, paused, 1_000);
        let never = Contact::default();
        assert!(said(&never, false).contains("not answering"));
        assert!(said(&never, true).contains("paused"));
        let now = Contact {
            last_reply: Some(990),
            refused: None,
        };
        assert!(said(&now, false).starts_with("Connected"));
        let refused = Contact {
            last_reply: Some(990),
            refused: Some("node-revoked".to_owned()),
        };
        assert!(said(&refused, false).contains("node-revoked"));
    }
}
