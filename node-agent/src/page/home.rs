//! Where the node stands: connection, what waits for a person, pause, backup.

use super::Page;
use super::layout::page;
use super::login::Session;
use crate::config::NodeDir;
use crate::coordinator_head::{self, SetBack};
use crate::link::Contact;
use crate::second_witness::{FaultKind, Standing, standings};
use crate::words::Language;
use crate::{acts, approvals, clock, editions, plain_words, renewal};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

/// A node that polls hears something at least this often, in seconds.
const SILENCE: i64 = 90;
/// After so many days without a backup the page reminds of one.
const BACKUP_DAYS: i64 = 7;
const DAY: i64 = 86_400;

/// The page.
pub(super) async fn show(
    State(shown): State<Page>,
    Extension(session): Extension<Session>,
) -> Markup {
    let language = session.language;
    let node = &shown.node;
    let now = clock::now();
    let paused = node.dir().is_paused();
    let certificate = renewal::read_certificate(node.dir()).ok();
    let waiting_studies = node.studies_to_countersign();
    let (officers, second) = node.signers();
    let waiting_acts = acts::waiting(node.dir(), &officers, &second);
    let requests = approvals::all(node.dir()).await.unwrap_or_default();
    let waiting_requests = requests
        .iter()
        .filter(|request| request.state(now) == "waiting")
        .count();
    let ledger = node.ledger().reader();
    let witnesses = standings(node.dir(), node.config(), Some(ledger)).await;
    let witnesses = witnesses.unwrap_or_default();
    let set_back = coordinator_head::standing(node.dir(), node.config(), Some(ledger)).await;
    let set_back = set_back.ok().flatten();
    let body = html! {
        @if paused {
            p.notice.warn role="status" { (language.say("paused")) }
        }
        @if let Some(fault) = node.edition_fault() {
            div.notice.warn role="alert" {
                p { (language.say("not-built")) }
                p { strong { (language.say("not-built-reason")) ": " } (language.pick(&fault.italian, &fault.english)) }
            }
        }
        p.notice role="status" { (connection(language, &node.link().contact(), paused, now)) }
        @if let Some(set_back) = set_back {
            p.notice.warn role="alert" { (coordinator_set_back(language, set_back)) }
        }
        @for fault in witnesses.iter().filter_map(|witness| witness_fault(language, witness)) {
            p.notice.warn role="alert" { (fault) }
        }
        @if let Some(reminder) = backup_reminder(language, node.dir(), now) {
            p.notice.warn { (reminder) }
        }
        h2 { (language.say("waiting")) }
        @if waiting_studies.is_empty() && waiting_acts.is_empty() && waiting_requests == 0 {
            p { (language.say("nothing-waits")) }
        } @else {
            ul {
                @if waiting_requests > 0 {
                    li { a href="/approvals" { (language.fill("requests-wait", &[("count", &language.number(waiting_requests as u64))])) } }
                }
                @for study in &waiting_studies {
                    li { (language.fill("study-waits", &[("study", study)])) }
                }
                @for act in &waiting_acts {
                    li { (language.fill("act-waits", &[("act", &act.id)])) }
                }
            }
        }
        h2 { (language.say("facts")) }
        dl {
            dt { (language.say("coordinator")) }
            dd { (node.config().coordinator.as_deref().unwrap_or_default()) }
            @if !witnesses.is_empty() {
                dt { (language.say("witnesses")) }
                @for witness in &witnesses {
                    dd { (cosigned(language, witness)) }
                }
            }
            dt { (language.say("edition")) }
            dd {
                @match node.edition_number() {
                    Some(number) => (format!("{number} ({})", of_month(language, number))),
                    None if node.edition_fault().is_some() => "–",
                    None => (language.say("being-built")),
                }
            }
            dt { (language.say("policy")) }
            dd { code { (node.policy_hash()) } }
            @if let Some(certificate) = &certificate {
                dt { (language.say("certificate")) }
                dd { (language.fill("certificate-until", &[("when", &language.moment(certificate.not_after.as_second()))])) }
            }
        }
        h2 { (language.say("pause-title")) }
        p { (language.say("pause-help")) }
        @if paused {
            form method="post" action="/resume" { button.main { (language.say("resume")) } }
        } @else {
            form method="post" action="/pause" { button { (language.say("pause")) } }
        }
    };
    page(&shown, session, "/", language.say("home"), body)
}

fn connection(language: Language, contact: &Contact, paused: bool, now: i64) -> String {
    let when = contact.last_reply.map(|at| language.moment(at));
    match (&contact.refused, contact.last_reply) {
        (Some(code), _) => language.fill("refused", &[("code", code)]),
        (None, Some(at)) if now - at <= SILENCE => {
            language.fill("connected", &[("when", &language.moment(at))])
        }
        _ if paused => language.say("not-connected-paused").to_owned(),
        _ => language.fill("not-connected", &[("when", when.as_deref().unwrap_or("–"))]),
    }
}

/// Why a witness does not cosign and what to do, if it does not.
pub(super) fn witness_fault(language: Language, witness: &Standing) -> Option<String> {
    let fault = witness.fault?;
    let when = language.moment(fault.since);
    let mut places = vec![
        ("name", witness.name.as_str()),
        ("address", witness.address.as_str()),
        ("when", when.as_str()),
    ];
    let number;
    Some(match fault.kind {
        FaultKind::OutOfReach => language.fill("witness-out-of-reach", &places),
        FaultKind::Refused { status } => {
            number = status.to_string();
            places.push(("status", &number));
            language.fill("witness-refused", &places)
        }
        FaultKind::HistoryDiffers { held } => {
            number = language.number(held);
            places.push(("held", &number));
            language.fill("witness-contradicts", &places)
        }
    })
}

/// That the coordinator's log was set back, and what to do.
pub(super) fn coordinator_set_back(language: Language, set_back: SetBack) -> String {
    let (held, when) = (
        language.number(set_back.held),
        language.moment(set_back.since),
    );
    language.fill("coordinator-set-back", &[("held", &held), ("when", &when)])
}

fn cosigned(language: Language, witness: &Standing) -> String {
    match witness.cosigned {
        Some(count) => language.fill(
            "witness-cosigned",
            &[("name", &witness.name), ("count", &language.number(count))],
        ),
        None => language.fill("witness-not-yet", &[("name", &witness.name)]),
    }
}

fn backup_reminder(language: Language, dir: &NodeDir, now: i64) -> Option<String> {
    let folder = dir.path().display().to_string();
    match dir.last_backup() {
        None => Some(language.fill("never-backed-up", &[("dir", &folder)])),
        Some(at) if now - at > BACKUP_DAYS * DAY => {
            let when = language.moment(at);
            Some(language.fill("backup-old", &[("when", &when), ("dir", &folder)]))
        }
        Some(_) => None,
    }
}

/// The month of an edition.
fn of_month(language: Language, edition: u32) -> String {
    let label = editions::label_of(edition);
    match query::Month::parse(&label) {
        Some(month) => plain_words::month(month, language.of_policies()),
        None => label,
    }
}

/// Stops asking for work until resumed.
pub(super) async fn pause(State(shown): State<Page>) -> Response {
    set_paused(&shown, true)
}

/// Goes on.
pub(super) async fn resume(State(shown): State<Page>) -> Response {
    set_paused(&shown, false)
}

fn set_paused(shown: &Page, paused: bool) -> Response {
    match shown.node.dir().set_paused(paused) {
        Ok(()) => Redirect::to("/").into_response(),
        Err(error) => {
            tracing::error!(reason = %error, "the pause could not be written down");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::second_witness::Fault;

    #[test]
    fn a_witness_that_does_not_cosign_is_named_with_its_remedy_in_both_languages() {
        let standing = |kind| Standing {
            name: "university.example/witness".to_owned(),
            address: "http://witness.example:8440".to_owned(),
            cosigned: Some(12),
            fault: Some(Fault {
                kind,
                since: 1_790_000_000,
            }),
        };
        for (kind, remedies) in [
            (FaultKind::OutOfReach, ["telefonate", "telephone"]),
            (FaultKind::Refused { status: 403 }, ["keys.txt", "keys.txt"]),
            (
                FaultKind::HistoryDiffers { held: 1_234 },
                ["node-agent restore", "node-agent restore"],
            ),
        ] {
            for (language, remedy) in [Language::It, Language::En].into_iter().zip(remedies) {
                let said = witness_fault(language, &standing(kind)).expect("a sentence");
                assert!(said.contains("university.example/witness"), "{said}");
                assert!(said.contains(remedy) && !said.contains('{'), "{said}");
            }
        }
        let mut well = standing(FaultKind::OutOfReach);
        well.fault = None;
        assert_eq!(witness_fault(Language::En, &well), None);
        assert!(cosigned(Language::It, &well).contains("12"));
    }

    #[test]
    fn a_coordinator_that_was_set_back_is_told_with_the_next_step_in_both_languages() {
        let set_back = SetBack {
            held: 1_234,
            since: 1_790_000_000,
        };
        for (language, count) in [(Language::It, "1.234"), (Language::En, "1,234")] {
            let said = coordinator_set_back(language, set_back);
            assert!(said.contains(count) && !said.contains('{'), "{said}");
            assert!(said.contains("node-agent audit coordinator show"), "{said}");
        }
    }

    #[test]
    fn the_connection_is_said_as_it_is() {
        let said = |contact: &Contact, paused| connection(Language::En, contact, paused, 1_000);
        let never = Contact::default();
        assert!(said(&never, false).contains("not answering"));
        assert!(said(&never, true).contains("paused"));
        let now = Contact {
            last_reply: Some(990),
            refused: None,
        };
        assert!(said(&now, false).starts_with("Connected"));
        let refused = Contact {
            last_reply: Some(990),
            refused: Some("node-revoked".to_owned()),
        };
        assert!(said(&refused, false).contains("node-revoked"));
    }
}
