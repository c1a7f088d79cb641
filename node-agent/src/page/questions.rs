//! What was asked of this register, what was decided, what it cost: the node's own log, the latest first.

use super::Page;
use super::layout::page;
use super::login::Session;
use super::refusals;
use crate::approvals::{self, REFUSED, Shown};
use crate::plain_words;
use crate::words::Language;
use anyhow::Result;
use audit::{EntryKind, Header};
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use policy::{Authorizer, Denial, Verdict, denial_in_words};
use privacy_loss::NanoRho;
use query::AggregateQuery;
use serde::Deserialize;

/// At which rho is shown as epsilon.
const DELTA: f64 = 1e-6;
/// Entries of the log read for one page; not all of them are questions.
const READ: u64 = 200;

/// Which part of the log.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Entries before this one; the latest where absent.
    before: Option<u64>,
}

/// A question of the log, with what was kept of it.
struct Question {
    header: Header,
    kept: Option<Shown>,
}

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let language = session.language;
    match questions(&shown, wanted.before).await {
        Ok((questions, from)) => {
            let policy = shown.node.policy();
            let body = html! {
                p { (language.say("questions-help")) }
                @if questions.is_empty() { p.notice { (language.say("no-questions")) } }
                @for question in &questions { (one(language, question, &policy)) }
                p {
                    @if wanted.before.is_some() { a href="/questions" { (language.say("newest")) } " " }
                    @if from > 0 { a href=(format!("/questions?before={from}")) { (language.say("older")) } }
                }
            };
            let title = language.say("questions");
            page(&shown, session, "/questions", title, body).into_response()
        }
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "the log could not be read for the page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn one(language: Language, question: &Question, policy: &Authorizer) -> Markup {
    let Question { header, kept } = question;
    let query = kept
        .as_ref()
        .and_then(|kept| AggregateQuery::parse(kept.request.query.as_bytes()).ok());
    html! {
        section.card {
            h2 {
                @match &query {
                    Some(query) => (plain_words::question(query, language.of_policies())),
                    None => (language.say("question-not-kept")),
                }
            }
            p.muted { (language.moment(header.at)) " · " (language.fill("log-entry", &[("index", &language.number(header.index))])) }
            dl {
                dt { (language.say("decided")) }
                dd { strong { (kind(language, header.kind)) } }
                @if header.kind == EntryKind::Refusal {
                    dt { (language.say("refused-why")) }
                    dd { (refused(language, header, kept.as_ref(), policy)) }
                }
                @if let Some(kept) = kept {
                    dt { (language.say("who")) }
                    dd { (kept.request.requester) }
                    dt { (language.say("why")) }
                    dd { (kept.study.title) " (" (kept.request.study) ") · " (plain_words::purpose(&kept.request.purpose, language.of_policies())) " · " (plain_words::legal(&kept.study.lawful_basis)) }
                    @if header.kind != EntryKind::Refusal {
                        dt { (language.say("allowed-by")) }
                        dd { (kept.kept.rule) }
                    }
                } @else if header.kind != EntryKind::Refusal {
                    dt { (language.say("why")) }
                    dd { (header.text("study").unwrap_or_default()) " · " (plain_words::purpose(header.text("purpose").unwrap_or_default(), language.of_policies())) }
                }
                @if let Some(rho) = header.number("rho") {
                    dt { (language.say("cost")) }
                    dd {
                        (language.fill("price-is", &[
                            ("rho", &language.loss(NanoRho::new(rho))),
                            ("epsilon", &language.decimal(privacy_loss::epsilon(NanoRho::new(rho), DELTA))),
                        ]))
                    }
                }
            }
        }
    }
}

/// Why a request was refused, in words: with what was asked and what the rule has, where the policy in force still says the same.
fn refused(
    language: Language,
    header: &Header,
    kept: Option<&Shown>,
    policy: &Authorizer,
) -> String {
    let text = |key| header.text(key).unwrap_or_default().to_owned();
    let denial = Denial {
        rule: text("rule"),
        field: text("field"),
        code: text("code"),
    };
    if (denial.field.as_str(), denial.code.as_str()) == REFUSED {
        return language.say("refused-by-a-person").to_owned();
    }
    if let Some(words) = refusals::own(&denial, language) {
        return words.to_owned();
    }
    let question = kept.and_then(|kept| kept.asked().question());
    let now = question.as_ref().map(|question| policy.explain(question));
    let said = language.of_policies();
    match now {
        Some(now) if now.verdict == Verdict::Denied(denial.clone()) => now.text(said),
        // Another policy decided; what its rule had is not known to this one.
        _ => denial_in_words(&denial, question.as_ref(), None, said),
    }
}

/// The questions among the entries before `before`, the latest first, and where the entries read began.
async fn questions(shown: &Page, before: Option<u64>) -> Result<(Vec<Question>, u64)> {
    let reader = shown.node.ledger().reader();
    let size = reader.tree().await?.size();
    let before = before.map_or(size, |before| before.min(size));
    let from = before.saturating_sub(READ);
    let entries = reader
        .entries(from, u32::try_from(before - from).unwrap_or(u32::MAX))
        .await?;
    let mut questions = Vec::new();
    for entry in entries
        .into_iter()
        .rev()
        .filter(|entry| is_question(entry.header.kind))
    {
        let kept = approvals::of_entry(reader, &entry.header).await?;
        questions.push(Question {
            header: entry.header,
            kept,
        });
    }
    Ok((questions, from))
}

fn is_question(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Charge | EntryKind::Reuse | EntryKind::Refusal
    )
}

fn kind(language: Language, kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Charge => language.say("kind-charge"),
        EntryKind::Reuse => language.say("kind-reuse"),
        _ => language.say("kind-refusal"),
    }
}
