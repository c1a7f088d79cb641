//! The privacy budget as people read it: every cap, what is spent, what is left, until when it lasts.

use super::Page;
use super::layout::page;
use super::login::Session;
use crate::commands::budget::standings;
use crate::plain_words;
use crate::words::Language;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger::{Cap, CapStanding, Exhaustion};
use maud::html;
use protocol::SubCap;

/// At which rho is shown as epsilon.
const DELTA: f64 = 1e-6;

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Response {
    let language = session.language;
    let Ok(standings) = standings(shown.node.dir(), &shown.node.policy()).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = html! {
        p { (language.say("budget-help")) }
        @for standing in &standings {
            h2 { (name(language, standing)) }
            meter min="0" max=(standing.limit.nano()) value=(standing.spent.nano()) aria-label=(name(language, standing)) {}
            p {
                (language.fill("spent", &[
                    ("spent", &epsilon(language, standing.spent)),
                    ("limit", &epsilon(language, standing.limit)),
                    ("percent", &percent(language, standing)),
                    ("rho", &rho(language, standing.left())),
                    ("all", &rho(language, standing.limit)),
                ]))
                " " (lasts(language, standing))
            }
        }
        p.muted { (language.say("epsilon-help")) }
    };
    page(&shown, session, "/budget", language.say("budget"), body).into_response()
}

/// How much of a cap is spent, in whole percent and never less than it is.
fn percent(language: Language, standing: &CapStanding) -> String {
    let (spent, limit) = (standing.spent.nano(), standing.limit.nano().max(1));
    let percent = (u128::from(spent) * 100).div_ceil(u128::from(limit));
    language.number(u64::try_from(percent).unwrap_or(u64::MAX))
}

fn rho(language: Language, rho: privacy_loss::NanoRho) -> String {
    language.decimal(rho.rho())
}

fn epsilon(language: Language, rho: privacy_loss::NanoRho) -> String {
    language.decimal(privacy_loss::epsilon(rho, DELTA))
}

fn name(language: Language, standing: &CapStanding) -> String {
    let part = match standing.cap {
        Cap::Lifetime => return language.say("lifetime").to_owned(),
        Cap::Part(SubCap::Year) => language.say("year"),
        Cap::Part(SubCap::Dataset) => language.say("dataset"),
        Cap::Part(SubCap::Purpose) => language.say("purpose"),
        Cap::Part(SubCap::Study) => language.say("study"),
    };
    match standing.cap {
        Cap::Part(SubCap::Purpose) => format!(
            "{part}: {}",
            plain_words::purpose(&standing.key, language.of_policies())
        ),
        Cap::Part(SubCap::Year) => format!("{part} {}", standing.key),
        _ => format!("{part} «{}»", standing.key),
    }
}

fn lasts(language: Language, standing: &CapStanding) -> String {
    match standing.recent {
        Exhaustion::UsedUp => language.say("used-up").to_owned(),
        Exhaustion::At(at) => language.fill("lasts-until", &[("when", &language.moment(at))]),
        Exhaustion::NotInPeriod | Exhaustion::NoPace => String::new(),
    }
}
