//! What was asked of this register, what was decided, what it cost: the node's own log, the latest first.

use super::Page;
use super::layout::page;
use super::login::Session;
use super::words::Language;
use audit::{EntryKind, Header};
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger::LedgerError;
use maud::html;
use serde::Deserialize;

/// Entries of the log read for one page; not all of them are questions.
const READ: u64 = 200;

/// Which part of the log.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Entries before this one; the latest where absent.
    before: Option<u64>,
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
            let body = html! {
                p { (language.say("questions-help")) }
                @if questions.is_empty() {
                    p { (language.say("no-questions")) }
                } @else {
                    div.wide {
                        table {
                            thead { tr {
                                th scope="col" { (language.say("when")) }
                                th scope="col" { (language.say("what")) }
                                th scope="col" { (language.say("detail")) }
                                th.number scope="col" { (language.say("cost")) }
                            } }
                            tbody {
                                @for header in &questions {
                                    tr {
                                        td { (language.moment(header.at)) }
                                        td { (kind(language, header.kind)) }
                                        td { (detail(header)) }
                                        td.number { @if let Some(rho) = header.number("rho") { (language.number(rho)) } }
                                    }
                                }
                            }
                        }
                    }
                }
                p {
                    @if wanted.before.is_some() { a href="/questions" { (language.say("newest")) } " " }
                    @if from > 0 { a href=(format!("/questions?before={from}")) { (language.say("older")) } }
                }
            };
            page(
                &shown,
                session,
                "/questions",
                language.say("questions"),
                body,
            )
            .into_response()
        }
        Err(error) => {
            tracing::error!(reason = %error, "the log could not be read for the page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The questions among the entries before `before`, the latest first, and where the entries read began.
async fn questions(shown: &Page, before: Option<u64>) -> Result<(Vec<Header>, u64), LedgerError> {
    let reader = shown.node.ledger().reader();
    let size = reader.tree().await?.size();
    let before = before.map_or(size, |before| before.min(size));
    let from = before.saturating_sub(READ);
    let entries = reader
        .entries(from, u32::try_from(before - from).unwrap_or(u32::MAX))
        .await?;
    let questions = (entries.into_iter().rev())
        .map(|entry| entry.header)
        .filter(|header| is_question(header.kind));
    Ok((questions.collect(), from))
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

/// Study and purpose, or the rule, field and code of a refusal.
fn detail(header: &Header) -> String {
    let keys: &[&str] = match header.kind {
        EntryKind::Refusal => &["rule", "field", "code"],
        _ => &["study", "purpose"],
    };
    let texts: Vec<&str> = keys.iter().filter_map(|key| header.text(key)).collect();
    texts.join(" · ")
}
