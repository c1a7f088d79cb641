//! The frame of every page: language, navigation, what kind of page this is. No script; one style sheet.

use super::Page;
use super::login::Session;
use crate::words::Language;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

/// Every page that is linked from every other, with the key of its title.
const PAGES: [(&str, &str); 8] = [
    ("/", "home"),
    ("/approvals", "approvals"),
    ("/questions", "questions"),
    ("/budget", "budget"),
    ("/register", "register"),
    ("/targets", "targets"),
    ("/objections", "objections"),
    ("/log", "log"),
];

/// A whole page.
pub(super) fn page(page: &Page, session: Session, path: &str, title: &str, body: Markup) -> Markup {
    let language = session.language;
    let other = match language {
        Language::It => ("en", "English"),
        Language::En => ("it", "Italiano"),
    };
    html! {
        (DOCTYPE)
        html lang=(language.id()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (page.node.organisation()) }
                link rel="stylesheet" href="/page.css";
            }
            body {
                header {
                    p { strong { (page.node.organisation()) } " · " (language.say("only-here")) }
                    nav aria-label=(language.say("navigation")) {
                        ul {
                            @for (to, key) in PAGES {
                                li { a href=(to) aria-current=[(to == path).then_some("page")] { (language.say(key)) } }
                            }
                        }
                    }
                    form method="post" action="/language" {
                        input type="hidden" name="at" value=(path);
                        button name="language" value=(other.0) lang=(other.0) { (other.1) }
                    }
                    form method="post" action="/leave" { button { (language.say("leave")) } }
                }
                main {
                    h1 { (title) }
                    (body)
                }
            }
        }
    }
}

/// What a browser without a session sees.
pub(super) fn signed_out() -> Markup {
    html! {
        (DOCTYPE)
        html lang="it" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Nodo" }
                link rel="stylesheet" href="/page.css";
            }
            body {
                main {
                    h1 { (Language::It.say("signed-out")) }
                    p { (Language::It.say("signed-out-help")) }
                    p lang="en" { (Language::En.say("signed-out")) ". " (Language::En.say("signed-out-help")) }
                }
            }
        }
    }
}

/// Which language.
#[derive(Deserialize)]
pub(super) struct Chosen {
    language: String,
    /// The page to go back to.
    #[serde(default)]
    at: String,
}

/// Changes the language of this session.
pub(super) async fn choose_language(
    State(page): State<Page>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Redirect {
    let language = Language::from_id(&chosen.language);
    (page.sessions).speak(&headers, page.address.port(), language);
    let known = PAGES.iter().find(|(path, _)| *path == chosen.at);
    Redirect::to(known.map_or("/", |(path, _)| path))
}

/// The style sheet.
pub(super) async fn style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("page.css"),
    )
        .into_response()
}
