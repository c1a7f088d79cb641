//! What the register can be asked about, and why not about the rest: it follows from the mapping alone, so it is no secret.

use super::Page;
use super::layout::page;
use super::login::Session;
use crate::words::Language;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use snapshot::Mapping;
use taxonomy::{Attribute, Attributes, Target, Taxonomy, UserArea};

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Response {
    let language = session.language;
    let text = std::fs::read_to_string(shown.node.dir().mapping()).unwrap_or_default();
    let Ok(mapping) = Mapping::parse(&text) else {
        tracing::error!("the mapping cannot be read; see `node-agent mapping check`");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let taxonomy = Taxonomy::current();
    let known = mapping.attributes();
    let all = Vec::from_iter(taxonomy.evaluable(known));
    let answered = all.iter().filter(|(_, lacks)| lacks.is_empty()).count();
    let missing = Attributes::ALL.without(known);
    let body = html! {
        p { (language.say("targets-help")) }
        p.notice {
            (language.fill("targets-count", &[
                ("answered", &language.number(answered as u64)),
                ("all", &language.number(all.len() as u64)),
                ("level", &level(language, mapping.finest_level())),
            ]))
        }
        @if !missing.is_empty() {
            p { (language.fill("targets-missing", &[("fields", &names(language, missing))])) }
        }
        @for area in UserArea::ALL {
            @let of_area: Vec<_> = all.iter().filter(|(target, _)| target.area == *area).collect();
            @if !of_area.is_empty() { (table(language, *area, &of_area)) }
        }
        p.muted { (language.fill("targets-list", &[("version", taxonomy.version()), ("hash", &protocol::hex(&taxonomy.hash()))])) }
    };
    page(&shown, session, "/targets", language.say("targets"), body).into_response()
}

fn table(language: Language, area: UserArea, targets: &[&(&Target, Attributes)]) -> Markup {
    html! {
        h2 { (language.pick(area.it(), area.en())) }
        div {
            table {
                thead { tr {
                    th scope="col" { (language.say("group")) }
                    th scope="col" { (language.say("can-be-asked")) }
                } }
                tbody {
                    @for (target, lacks) in targets {
                        tr {
                            th scope="row" { (language.pick(&target.it, &target.en)) }
                            td {
                                @if !lacks.is_empty() {
                                    (language.fill("lacks", &[("fields", &names(language, *lacks))]))
                                } @else if target.must_be_named() {
                                    (language.say("yes-if-named"))
                                } @else {
                                    (language.say("yes"))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn level(language: Language, level: geography::Level) -> String {
    let word = match level {
        geography::Level::City => language.say("level-city"),
        geography::Level::Municipio => language.say("level-municipio"),
        geography::Level::Nil => language.say("level-nil"),
        geography::Level::MicroArea => language.say("level-micro-area"),
    };
    word.to_owned()
}

fn names(language: Language, attributes: Attributes) -> String {
    let names = attributes.iter().map(|attribute| match attribute {
        Attribute::BirthDate => language.say("field-birth-date"),
        Attribute::Sex => language.say("field-sex"),
        Attribute::Citizenship => language.say("field-citizenship"),
        Attribute::Household => language.say("field-household"),
        Attribute::Role => language.say("field-role"),
        Attribute::Carer => language.say("field-carer"),
        Attribute::Isee => language.say("field-isee"),
        Attribute::Disability => language.say("field-disability"),
        Attribute::Need => language.say("field-need"),
        Attribute::Benefit => language.say("field-benefit"),
        Attribute::Occupation => language.say("field-occupation"),
        Attribute::Dwelling => language.say("field-dwelling"),
    });
    Vec::from_iter(names).join(", ")
}
