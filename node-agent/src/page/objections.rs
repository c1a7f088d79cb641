//! Who objected or must be forgotten: how many there are, entering people, taking an entry off. What is typed is never shown
//! again, kept or logged: the list holds marks that nobody can resolve.

use super::Page;
use super::layout::page;
use super::login::Session;
use super::words::Language;
use crate::objections::{self, Reason};
use crate::{clock, keys};
use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;
use snapshot::{CodiceFiscale, Mapping, NodeKey, PersonKey};

/// The list and the form.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Response {
    listed(&shown, session, StatusCode::OK, None)
}

/// What came of a form.
enum Outcome {
    Entered { new: usize, known: usize },
    NotAPerson { line: usize },
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
    let (Ok(entries), Ok(columns)) = (objections::entries(dir), key_columns(shown)) else {
        tracing::error!(
            "the list of objections or the mapping cannot be read; see `node-agent objection list`"
        );
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = html! {
        @if let Some(outcome) = &outcome { (said(language, outcome)) }
        p { (language.say("objections-help")) }
        p.notice { (language.fill("objections-count", &[("count", &language.number(entries.len() as u64))])) }
        h2 { (language.say("enter-people")) }
        form.stack method="post" action="/objections" autocomplete="off" {
            label for="people" { (line(language, &columns)) }
            textarea.secret id="people" name="people" rows="4" required spellcheck="false" autocomplete="off" aria-describedby="people-help" {}
            p.muted id="people-help" { (language.say("people-help")) }
            fieldset {
                legend { (language.say("because")) }
                label { input type="radio" name="reason" value="objection" checked; " " (language.say("because-objection")) }
                label { input type="radio" name="reason" value="erasure"; " " (language.say("because-erasure")) }
            }
            p { button.main { (language.say("enter")) } }
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
                                td { (entry.entered) }
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

fn said(language: Language, outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Entered { new, known } => html! {
            p.notice role="status" {
                (language.fill("people-entered", &[
                    ("new", &language.number(*new as u64)),
                    ("known", &language.number(*known as u64)),
                ]))
            }
        },
        Outcome::NotAPerson { line } => html! {
            p.notice.warn role="alert" { (language.fill("not-a-person", &[("line", &language.number(*line as u64))])) }
        },
        Outcome::NotWritten => html! {
            p.notice.warn role="alert" { (language.say("not-entered")) }
        },
    }
}

fn because(language: Language, reason: Reason) -> &'static str {
    match reason {
        Reason::Objection => language.say("because-objection"),
        Reason::Erasure => language.say("because-erasure"),
    }
}

/// What one line of the form holds.
fn line(language: Language, columns: &[String]) -> String {
    match columns {
        [] => language.say("people-by-code").to_owned(),
        columns => language.fill("people-by-columns", &[("columns", &columns.join("; "))]),
    }
}

/// The columns that together name a person; none where the codice fiscale does.
fn key_columns(shown: &Page) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(shown.node.dir().mapping())?;
    Ok(Mapping::parse(&text)?.person_key().to_vec())
}

/// People and why they are entered.
#[derive(Deserialize)]
pub(super) struct Entering {
    people: String,
    reason: Reason,
}

/// Enters people: all of them or, where a line names nobody, none.
pub(super) async fn add(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    Form(form): Form<Entering>,
) -> Response {
    let (status, outcome) = match enter(&shown, &form) {
        Ok(outcome @ Outcome::Entered { .. }) => (StatusCode::OK, outcome),
        Ok(outcome) => (StatusCode::UNPROCESSABLE_ENTITY, outcome),
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "people who object could not be entered");
            (StatusCode::INTERNAL_SERVER_ERROR, Outcome::NotWritten)
        }
    };
    listed(&shown, session, status, Some(outcome))
}

fn enter(shown: &Page, form: &Entering) -> Result<Outcome> {
    let columns = key_columns(shown)?;
    let lines = (1..)
        .zip(form.people.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let mut people = Vec::new();
    for (number, line) in lines {
        match person(&columns, line) {
            Some(person) => people.push(person),
            None => return Ok(Outcome::NotAPerson { line: number }),
        }
    }
    if people.is_empty() {
        return Ok(Outcome::NotAPerson { line: 1 });
    }
    let dir = shown.node.dir();
    let key = NodeKey::new(&keys::pseudonym_secret(dir)?);
    let now = jiff::Timestamp::from_second(clock::now()).context("a day")?;
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let mut new = 0;
    for person in &people {
        new += usize::from(objections::add(
            dir,
            &key,
            &columns,
            person,
            form.reason,
            day.clone(),
        )?);
    }
    Ok(Outcome::Entered {
        new,
        known: people.len() - new,
    })
}

fn person(columns: &[String], line: &str) -> Option<PersonKey> {
    match columns {
        [] => CodiceFiscale::parse(line.trim())
            .ok()
            .map(PersonKey::of_code),
        columns if line.split(';').count() == columns.len() => {
            PersonKey::of_columns(line.split(';'))
        }
        _ => None,
    }
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
            dd { (entry.entered) " · " (because(language, entry.reason)) }
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
