//! The node-only log: the exact facts of each edition, with what was found in the register. It leaves this computer in no form
//! but the root that is anchored in the verifiable log once a day.

use super::Page;
use super::layout::page;
use super::login::Session;
use crate::local_log::{self, LocalEntry};
use audit::EntryKind;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;

/// Entries shown.
const SHOWN: usize = 100;

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Response {
    let language = session.language;
    let ledger = shown.node.ledger().reader();
    let entries = local_log::latest(shown.node.dir(), SHOWN).await;
    let (Ok(entries), Ok(anchor)) = (entries, ledger.latest(EntryKind::Anchor).await) else {
        tracing::error!("the local log could not be read for the page");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = html! {
        p.notice { (language.say("log-help")) }
        p {
            @match anchor {
                Some(anchor) => (language.fill("log-anchored", &[
                    ("when", &language.moment(anchor.at)),
                    ("entries", &language.number(anchor.number("size").unwrap_or(0))),
                ])),
                None => (language.say("log-not-anchored")),
            }
        }
        @if entries.is_empty() { p { (language.say("log-empty")) } }
        @for entry in &entries { (one(session, entry)) }
    };
    page(&shown, session, "/log", language.say("log"), body).into_response()
}

fn one(session: Session, entry: &LocalEntry) -> Markup {
    let language = session.language;
    let number = |key: &str| {
        let body: Option<Value> = entry
            .body
            .as_ref()
            .and_then(|body| serde_json::from_slice(body).ok());
        body.and_then(|body| body[key].as_u64())
            .map(|number| language.number(number))
    };
    let title = match entry.header.kind {
        EntryKind::Edition => language.fill(
            "log-edition",
            &[(
                "number",
                &language.number(entry.header.number("edition").unwrap_or(0)),
            )],
        ),
        kind => kind.as_str().to_owned(),
    };
    html! {
        section.card {
            h2 { (title) }
            p.muted { (language.moment(entry.header.at)) " · " (language.fill("log-entry", &[("index", &language.number(entry.header.index))])) }
            @if entry.body.is_none() { p { (language.say("log-erased")) } }
            dl {
                @for (key, word) in [
                    ("rows", language.say("quality-rows")),
                    ("loaded", language.say("quality-loaded")),
                    ("persons", language.say("quality-persons")),
                    ("households", language.say("quality-households")),
                    ("unlinked_missing", language.say("quality-unlinked-missing")),
                    ("unlinked_invalid", language.say("quality-unlinked-invalid")),
                    ("rejected", language.say("quality-rejected")),
                    ("objections", language.say("quality-objections")),
                ] {
                    @if let Some(number) = number(key) {
                        dt { (word) }
                        dd { (number) }
                    }
                }
            }
        }
    }
}
