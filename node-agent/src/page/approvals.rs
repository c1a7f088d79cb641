//! What the policy leaves to a person: who asks, why, what it would reveal in plain words, what it costs. An officer approves or
//! refuses with the officer's own key, which is read for this act only and kept nowhere. No data is shown to whoever decides.

use super::Page;
use super::layout::page;
use super::login::Session;
use crate::approvals::{self, Shown};
use crate::words::Language;
use crate::{clock, keys, law, plain_words};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use policy::Decided;
use protocol::Word;
use query::AggregateQuery;
use serde::Deserialize;

/// At which rho is shown as epsilon.
const DELTA: f64 = 1e-6;
/// Decided requests shown, the latest.
const SHOWN: usize = 50;

/// The requests that wait, and the last that did.
pub(super) async fn list(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Response {
    let language = session.language;
    let Ok(all) = approvals::all(shown.node.dir()).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let now = clock::now();
    let left: Vec<&Shown> = (all.iter().rev())
        .filter(|request| request.kept.decided == Decided::Manual)
        .collect();
    let (waiting, past): (Vec<&Shown>, Vec<&Shown>) =
        (left.into_iter()).partition(|request| request.state(now) == "waiting");
    let body = html! {
        p { (language.say("approvals-help")) }
        @if waiting.is_empty() { p.notice { (language.say("no-approvals")) } }
        @for request in &waiting {
            section.card {
                h2 { (asked(language, request)) }
                dl { (who_and_why(language, request)) }
                p { a.button href=(format!("/approvals/{}", request.request.id)) { (language.say("read-and-decide")) } }
            }
        }
        @if !past.is_empty() {
            h2 { (language.say("past-approvals")) }
            ul {
                @for request in past.iter().take(SHOWN) {
                    li {
                        (language.moment(request.kept.at)) " · " strong { (state(language, request.state(now))) } " · "
                        a href=(format!("/approvals/{}", request.request.id)) { (asked(language, request)) }
                    }
                }
            }
        }
    };
    page(
        &shown,
        session,
        "/approvals",
        language.say("approvals"),
        body,
    )
    .into_response()
}

/// One request, whole.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Response {
    let language = session.language;
    let Ok(request) = approvals::find(shown.node.dir(), &id).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let now = clock::now();
    let waits = request.state(now) == "waiting";
    let at = |word: &str| format!("/approvals/{}/{word}", request.request.id);
    let body = html! {
        (whole(language, &request, now))
        @if waits {
            p.choices {
                a.button.main href=(at("approve")) { (language.say("approve")) }
                a.button href=(at("refuse")) { (language.say("refuse")) }
            }
        }
        p { a href="/approvals" { (language.say("back-to-approvals")) } }
    };
    page(
        &shown,
        session,
        "/approvals",
        language.say("approval"),
        body,
    )
    .into_response()
}

/// Asks once more, saying what follows.
pub(super) async fn confirm(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    Path((id, word)): Path<(String, String)>,
) -> Response {
    let found = approvals::find(shown.node.dir(), &id).await;
    match (found, word_of(&word)) {
        (Ok(request), Some(word)) => asking(&shown, session, &request, word, None, ""),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What an officer says, and the officer's key.
#[derive(Deserialize)]
pub(super) struct Said {
    reason: String,
    key: String,
}

/// Signs and enters the word.
pub(super) async fn say(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    Path((id, word)): Path<(String, String)>,
    Form(said): Form<Said>,
) -> Response {
    let node = &shown.node;
    let (Ok(request), Some(word)) = (approvals::find(node.dir(), &id).await, word_of(&word)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let again = |problem| asking(&shown, session, &request, word, Some(problem), &said.reason);
    let now = clock::now();
    if request.state(now) != "waiting" {
        return again("no-longer-waits");
    }
    let reason = said.reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(char::is_control) {
        return again("reason-invalid");
    }
    let Ok(officer) = keys::officer_key(&said.key) else {
        return again("key-unreadable");
    };
    if !node.pinned_officers().contains(&keys::public(&officer)) {
        return again("key-not-pinned");
    }
    let reason = reason.to_owned();
    match approvals::decide(node.dir(), &request, word, reason, &officer, now).await {
        Ok(_) => Redirect::to(&format!("/approvals/{}", request.request.id)).into_response(),
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "a person's word could not be entered");
            again("word-not-entered")
        }
    }
}

fn word_of(text: &str) -> Option<Word> {
    match text {
        "approve" => Some(Word::Approved),
        "refuse" => Some(Word::Refused),
        _ => None,
    }
}

fn asking(
    shown: &Page,
    session: Session,
    request: &Shown,
    word: Word,
    problem: Option<&'static str>,
    reason: &str,
) -> Response {
    let language = session.language;
    let (title, follows, button, path) = match word {
        Word::Approved => ("approve-title", "approve-follows", "approve-now", "approve"),
        Word::Refused => ("refuse-title", "refuse-follows", "refuse-now", "refuse"),
    };
    let body = html! {
        @if let Some(problem) = problem {
            p.notice.warn role="alert" { (sentence(language, problem)) }
        }
        (whole(language, request, clock::now()))
        p.notice { (sentence(language, follows)) }
        form.stack method="post" action=(format!("/approvals/{}/{path}", request.request.id)) autocomplete="off" {
            label for="reason" { (language.say("reason")) }
            input id="reason" name="reason" maxlength="200" required value=(reason);
            label for="key" { (language.say("officer-key")) }
            input id="key" name="key" type="password" required autocomplete="off" aria-describedby="key-help";
            p.muted id="key-help" { (language.say("officer-key-help")) }
            p.choices {
                button.main { (sentence(language, button)) }
                a.button href=(format!("/approvals/{}", request.request.id)) { (language.say("cancel")) }
            }
        }
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let title = sentence(language, title);
    (status, page(shown, session, "/approvals", title, body)).into_response()
}

/// Sentences that are chosen by what happened.
fn sentence(language: Language, key: &str) -> &'static str {
    match key {
        "approve-title" => language.say("approve-title"),
        "refuse-title" => language.say("refuse-title"),
        "approve-follows" => language.say("approve-follows"),
        "refuse-follows" => language.say("refuse-follows"),
        "approve-now" => language.say("approve-now"),
        "refuse-now" => language.say("refuse-now"),
        "no-longer-waits" => language.say("no-longer-waits"),
        "reason-invalid" => language.say("reason-invalid"),
        "key-unreadable" => language.say("key-unreadable"),
        "key-not-pinned" => language.say("key-not-pinned"),
        _ => language.say("word-not-entered"),
    }
}

/// A request's state.
fn state(language: Language, state: &str) -> &'static str {
    match state {
        "waiting" => language.say("state-waiting"),
        "approved" => language.say("state-approved"),
        "refused" => language.say("state-refused"),
        "expired" => language.say("state-expired"),
        "allowed" => language.say("state-allowed"),
        _ => language.say("state-denied"),
    }
}

fn query(request: &Shown) -> Option<AggregateQuery> {
    AggregateQuery::parse(request.request.query.as_bytes()).ok()
}

/// The question in one sentence.
fn asked(language: Language, request: &Shown) -> String {
    let query = query(request);
    let said = query.map(|query| plain_words::question(&query, language.of_policies()));
    said.unwrap_or_else(|| language.say("question-unreadable").to_owned())
}

fn who_and_why(language: Language, request: &Shown) -> Markup {
    let grounds: Vec<String> = (std::iter::once(&request.study.lawful_basis))
        .chain(&request.study.special_categories)
        .map(|id| plain_words::legal(id))
        .collect();
    html! {
        dt { (language.say("who")) }
        dd { (request.request.requester) }
        dt { (language.say("why")) }
        dd { (request.study.title) " (" (request.request.study) ") · " (plain_words::purpose(&request.request.purpose, language.of_policies())) " · " (grounds.join(", ")) }
        dt { (language.say("answer-by")) }
        dd { (language.moment(request.request.expires_at)) }
    }
}

/// All that is known of a request: it follows from the request and its study alone.
fn whole(language: Language, request: &Shown, now: i64) -> Markup {
    let question = query(request);
    html! {
        p.question { (asked(language, request)) }
        dl {
            dt { (language.say("state")) }
            dd { (state(language, request.state(now))) ", " (language.fill("by-rule", &[("rule", &request.kept.rule)])) }
            (who_and_why(language, request))
            @if let Some(query) = &question {
                @let price = privacy_loss::price(query);
                @let groups = plain_words::groups(query, language.of_policies());
                @if !groups.is_empty() {
                    dt { (language.say("groups")) }
                    dd { (groups.join("; ")) }
                }
                dt { (language.say("reveals")) }
                dd {
                    (language.fill("reveals-numbers", &[
                        ("cells", &language.number(query.cells() as u64)),
                        ("sigma", &language.decimal(price.finest().sigma)),
                    ]))
                    " "
                    (language.fill("reveals-person", &[("guess", &guess(language, price.rho))]))
                }
                dt { (language.say("price")) }
                dd {
                    (language.fill("price-is", &[
                        ("rho", &language.loss(price.rho)),
                        ("epsilon", &language.decimal(privacy_loss::epsilon(price.rho, DELTA))),
                    ]))
                }
            }
            dt { (language.say("request-id")) }
            dd { code { (request.request.id) } }
        }
    }
}

/// How often whoever knows everything else would be right about one person, in percent, rounded up.
fn guess(language: Language, rho: privacy_loss::NanoRho) -> String {
    let tenths = (law::best_guess(rho) * 1_000.0 - 1e-9).ceil().min(1_000.0);
    let text = format!("{:.1}", tenths / 10.0);
    language.pick(text.replace('.', ","), text)
}
