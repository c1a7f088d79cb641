//! What the register can answer and how good it is: exact local facts, shown here and sent nowhere.

use super::Page;
use super::layout::page;
use super::login::Session;
use axum::Extension;
use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

/// The counts of the quality report, in the order they are shown, with the key of their sentence.
const COUNTS: [(&str, &str); 12] = [
    ("rows", "quality-rows"),
    ("loaded", "quality-loaded"),
    ("duplicates", "quality-duplicates"),
    ("persons", "quality-persons"),
    ("households", "quality-households"),
    ("homes_unknown", "quality-homes-unknown"),
    ("unlinked_missing", "quality-unlinked-missing"),
    ("unlinked_invalid", "quality-unlinked-invalid"),
    ("rejected", "quality-rejected"),
    ("births_differ", "quality-births-differ"),
    ("sexes_differ", "quality-sexes-differ"),
    ("objections", "quality-objections"),
];

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Markup {
    let language = session.language;
    let dir = shown.node.dir();
    let quality: Option<Value> = std::fs::read(dir.quality())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let body = html! {
        p.notice { (language.say("exact-local")) }
        @match &quality {
            None => p { (language.say("no-quality")) },
            Some(quality) => {
                dl {
                    @for (field, key) in COUNTS {
                        dt { (language.say(key)) }
                        dd { (language.number(quality[field].as_u64().unwrap_or(0))) }
                    }
                }
                h2 { (language.say("rejects")) }
                @let columns = columns(quality);
                @if columns.is_empty() {
                    p { (language.say("no-rejects")) }
                } @else {
                    div.wide tabindex="0" {
                        table {
                            thead { tr {
                                th scope="col" { (language.say("column")) }
                                th scope="col" { (language.say("problem")) }
                                th.number scope="col" { (language.say("rows")) }
                            } }
                            tbody {
                                @for (column, kind, rows) in &columns {
                                    tr {
                                        th scope="row" { @if column.is_empty() { (language.say("whole-line")) } @else { (column) } }
                                        td {
                                            (language.problem(kind))
                                            p.remedy.muted { (language.remedy(kind)) }
                                        }
                                        td.number { (language.number(*rows)) }
                                    }
                                }
                            }
                        }
                    }
                    p { (language.fill("rejects-file", &[("file", &dir.rejects().display().to_string())])) }
                }
            }
        }
    };
    page(&shown, session, "/register", language.say("register"), body)
}

/// What was left out, by column and kind.
fn columns(quality: &Value) -> Vec<(String, String, u64)> {
    let columns = quality["by_column"].as_object().into_iter().flatten();
    columns
        .flat_map(|(column, kinds)| {
            (kinds.as_object().into_iter().flatten()).map(move |(kind, rows)| {
                let rows = rows.as_u64().unwrap_or(0);
                (column.clone(), kind.clone(), rows)
            })
        })
        .collect()
}
