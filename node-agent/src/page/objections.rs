//! Who objected or must be forgotten: how many there are, entering people, taking an entry off. What is typed is never shown
//! again, kept or logged: the list holds marks that nobody can resolve.

use super::Page;
use super::form_file::FormFields;
use super::layout::page;
use super::login::Session;
use crate::objections::{self, Entered, Reason};
use crate::people::{Naming, PeopleList};
use crate::words::Language;
use anyhow::Result;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;
use snapshot::Mapping;

/// The list and the form.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Response {
    listed(&shown, session, StatusCode::OK, None)
}

/// What came of a form.
enum Outcome {
    /// People were entered, and these lines name nobody.
    Read(Entered, PeopleList),
    /// A list without a line.
    Empty,
    /// No text.
    NotText,
    /// More than the page takes in at once.
    TooLarge,
    /// A list whose first line does not say which column is which, and the columns.
    Unnamed(String),
    NotWritten,
}

fn listed(
    shown: &Page,
    session: Session,
    status: StatusCode,
    outcome: Option<Outcome>,
) -> Response {
    let language = session.language;
    let dir = shown.node.dir();
    let (Ok(entries), Ok(mapping)) = (objections::entries(dir), mapping(shown)) else {
        tracing::error!(
            "the list of objections or the mapping cannot be read; see `node-agent objection list`"
        );
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let naming = Naming::of(&mapping);
    let body = html! {
        @if let Some(outcome) = &outcome { (said(language, outcome)) }
        p { (language.say("objections-help")) }
        p.notice { (language.fill("objections-count", &[("count", &language.number(entries.len() as u64))])) }
        h2 { (language.say("enter-people")) }
        form.stack method="post" action="/objections" autocomplete="off" {
            label for="people" { (line(language, &naming)) }
            textarea.secret id="people" name="people" rows="4" required spellcheck="false" autocomplete="off" aria-describedby="people-help" {}
            p.muted id="people-help" { (language.say("people-help")) }
            (reasons(language))
            p { button.main { (language.say("enter")) } }
        }
        h2 { (language.say("upload-people")) }
        form.stack method="post" action="/objections/list" enctype="multipart/form-data" autocomplete="off" {
            label for="list" { (language.say("people-file")) }
            input id="list" name="list" type="file" accept=".csv,.tsv,.txt,text/csv,text/plain" required aria-describedby="list-help";
            p.muted id="list-help" { (list_help(language, &naming)) }
            (reasons(language))
            p { button { (language.say("upload")) } }
        }
        @if !entries.is_empty() {
            h2 { (language.say("entries")) }
            div.wide tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { (language.say("entry")) }
                        th scope="col" { (language.say("entered-on")) }
                        th scope="col" { (language.say("because")) }
                        th scope="col" { (language.say("take-off")) }
                    } }
                    tbody {
                        @for entry in &entries {
                            tr {
                                th scope="row" { code { (entry.id()) } }
                                td { (language.day(&entry.entered)) }
                                td { (because(language, entry.reason)) }
                                td { a href=(format!("/objections/{}", entry.id())) aria-label=(language.fill("take-off-entry", &[("entry", entry.id())])) { (language.say("take-off")) } }
                            }
                        }
                    }
                }
            }
        }
    };
    let page = page(
        shown,
        session,
        "/objections",
        language.say("objections"),
        body,
    );
    (status, page).into_response()
}

fn reasons(language: Language) -> Markup {
    html! {
        fieldset {
            legend { (language.say("because")) }
            label { input type="radio" name="reason" value="objection" checked; " " (language.say("because-objection")) }
            label { input type="radio" name="reason" value="erasure"; " " (language.say("because-erasure")) }
        }
    }
}

fn said(language: Language, outcome: &Outcome) -> Markup {
    let warn = |text: String| html! { p.notice.warn role="alert" { (text) } };
    match outcome {
        Outcome::Read(entered, list) => html! {
            p.notice role="status" {
                (language.fill("people-entered", &[
                    ("new", &language.number(entered.new as u64)),
                    ("known", &language.number(entered.known as u64)),
                ]))
            }
            @if !list.unreadable.is_empty() {
                (warn(language.fill("not-people", &[
                    ("count", &language.number(list.unreadable.len() as u64)),
                    ("lines", &list.unreadable_lines()),
                ])))
            }
        },
        Outcome::Empty => warn(language.say("list-empty").to_owned()),
        Outcome::Unnamed(columns) => warn(language.fill("list-unnamed", &[("columns", columns)])),
        Outcome::TooLarge => warn(language.say("list-too-large").to_owned()),
        Outcome::NotText => warn(language.say("list-not-text").to_owned()),
        Outcome::NotWritten => warn(language.say("not-entered").to_owned()),
    }
}

fn because(language: Language, reason: Reason) -> &'static str {
    match reason {
        Reason::Objection => language.say("because-objection"),
        Reason::Erasure => language.say("because-erasure"),
    }
}

/// What one line of the form holds.
fn line(language: Language, naming: &Naming) -> String {
    match naming.is_by_code() {
        true => language.say("people-by-code").to_owned(),
        false => language.fill(
            "people-by-columns",
            &[("columns", &naming.columns().join("; "))],
        ),
    }
}

/// What a file may hold.
fn list_help(language: Language, naming: &Naming) -> String {
    let columns = naming.columns().join("; ");
    language.fill("people-file-help", &[("columns", &columns)])
}

fn mapping(shown: &Page) -> Result<Mapping> {
    let text = std::fs::read_to_string(shown.node.dir().mapping())?;
    Ok(Mapping::parse(&text)?)
}

/// People and why they are entered.
#[derive(Deserialize)]
pub(super) struct Entering {
    people: String,
    reason: Reason,
}

/// Enters the people that were typed.
pub(super) async fn add(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    form: Result<Form<Entering>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(refused) => return not_taken_in(&shown, session, refused.into_response().status()),
    };
    entered(&shown, session, form.people, Origin::Form, form.reason).await
}

/// Enters the people of a file.
pub(super) async fn add_list(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(refused) => return not_taken_in(&shown, session, refused.status()),
    };
    let Some(fields) = FormFields::read(&headers, &body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (Some(list), Some(reason)) = (fields.get("list"), reason(fields.get("reason"))) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // Spreadsheets, today's and older ones: what they hold is no text.
    if list.starts_with(b"PK\x03\x04") || list.starts_with(b"\xd0\xcf\x11\xe0") {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return listed(&shown, session, status, Some(Outcome::NotText));
    }
    let text = source::decode_text(list);
    entered(&shown, session, text, Origin::File, reason).await
}

/// A form that was refused before it was read.
fn not_taken_in(shown: &Page, session: Session, status: StatusCode) -> Response {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => listed(shown, session, status, Some(Outcome::TooLarge)),
        status => status.into_response(),
    }
}

fn reason(field: Option<&[u8]>) -> Option<Reason> {
    match field? {
        b"objection" => Some(Reason::Objection),
        b"erasure" => Some(Reason::Erasure),
        _ => None,
    }
}

/// Where lines of people come from: typed under a label that says the order, or from a file, which must say its own.
#[derive(Clone, Copy)]
enum Origin {
    Form,
    File,
}

async fn entered(
    shown: &Page,
    session: Session,
    text: String,
    from: Origin,
    reason: Reason,
) -> Response {
    let entering = shown.clone();
    // Another process may hold the list for a moment.
    let done = tokio::task::spawn_blocking(move || enter(&entering, &text, from, reason)).await;
    let (status, outcome) = match done.map_err(anyhow::Error::from).flatten() {
        Ok(Outcome::Read(entered, list)) if list.unreadable.is_empty() => {
            (StatusCode::OK, Outcome::Read(entered, list))
        }
        Ok(outcome) => (StatusCode::UNPROCESSABLE_ENTITY, outcome),
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "people who object could not be entered");
            (StatusCode::INTERNAL_SERVER_ERROR, Outcome::NotWritten)
        }
    };
    listed(shown, session, status, Some(outcome))
}

fn enter(shown: &Page, text: &str, from: Origin, reason: Reason) -> Result<Outcome> {
    let mapping = mapping(shown)?;
    let naming = Naming::of(&mapping);
    let read = match from {
        Origin::Form => Ok(naming.read_text(text)),
        Origin::File => naming.read_file_text(text),
    };
    let Ok(list) = read else {
        return Ok(Outcome::Unnamed(naming.columns().join("; ")));
    };
    if list.ensure_not_empty().is_err() {
        return Ok(Outcome::Empty);
    }
    let entered = objections::enter_list(shown.node.dir(), &mapping, &list, reason)?;
    Ok(Outcome::Read(entered, list))
}

/// Asks once more before an entry is taken off.
pub(super) async fn confirm(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Response {
    let language = session.language;
    let entries = objections::entries(shown.node.dir()).unwrap_or_default();
    let Some(entry) = entries.into_iter().find(|entry| entry.id() == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = html! {
        dl {
            dt { (language.say("entry")) }
            dd { code { (entry.id()) } }
            dt { (language.say("entered-on")) }
            dd { (language.day(&entry.entered)) " · " (because(language, entry.reason)) }
        }
        p.notice.warn { (language.say("take-off-follows")) }
        form method="post" action=(format!("/objections/{}", entry.id())) {
            p.choices {
                button.main { (language.say("take-off-now")) }
                a.button href="/objections" { (language.say("cancel")) }
            }
        }
    };
    page(
        &shown,
        session,
        "/objections",
        language.say("take-off-title"),
        body,
    )
    .into_response()
}

/// Takes an entry off the list.
pub(super) async fn remove(State(shown): State<Page>, Path(id): Path<String>) -> Response {
    match objections::remove(shown.node.dir(), &id) {
        Ok(true) => Redirect::to("/objections").into_response(),
        Ok(false) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "the list of objections could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
