//! A node's pack against the coordinator's: what one side logged, the other must have logged too, and the same.
//! Packs are made at different times; what the later one alone can know is no finding.

use crate::acceptances::says_lost;
use crate::books::{Allowed, Books};
use crate::log::Pack;
use crate::report::Code;
use crate::trust::Trust;
use audit::Header;

/// How far the two clocks may be apart, in seconds.
const SKEW: i64 = 600;

/// Compares a node's pack with the coordinator's, and adds what does not fit to the findings of the one that lacks it.
pub(crate) fn compare(
    trust: &Trust,
    (node, nodes): (&mut Pack, &Books),
    (coordinator, coordinators): (&mut Pack, &Books),
) {
    let Some(organisation) = node.manifest.organisation.clone() else {
        return;
    };
    let scope = coordinator.manifest.scope.as_ref();
    if scope.is_some_and(|scope| *scope != organisation) {
        (coordinator.findings).notice(format!(
            "it was made for another organisation and withholds what concerns {organisation}; nothing was compared"
        ));
        return;
    }
    let of_node = |header: &&Header| header.text("node") == Some(&organisation);
    let mut later = 0;
    for answer in coordinators.answers.values().filter(of_node) {
        if answer.at + SKEW >= node.manifest.made_at && !has(nodes, answer) {
            later += 1;
            continue;
        }
        check_answer(node, nodes, answer);
    }
    for refusal in coordinators.refusals.values().flatten().filter(of_node) {
        check_refusal(node, nodes, refusal);
    }
    let mut lost = 0;
    for (request, (allowed, _)) in &nodes.allowed {
        let is_lost = says_lost(&nodes.accepted, request, allowed.index);
        let recovered = allowed.number("recovered-by").is_some();
        let Some(sent) = (coordinators.sent.get(request)).filter(of_node) else {
            if is_lost {
                lost += 1;
            } else if allowed.at + SKEW < coordinator.manifest.made_at {
                let words = format!(
                    "{organisation} logged that it allowed request {request} (its entry {}), and this log never sent it",
                    allowed.index
                );
                coordinator
                    .findings
                    .add(Code::MissingCounterpart, None, words);
            } else {
                later += 1;
            }
            continue;
        };
        let differs = !recovered
            && sent
                .text("request-hash")
                .is_some_and(|hash| allowed.text("request-hash") != Some(hash));
        if differs {
            let words =
                format!("{organisation} allowed request {request} with other bytes than were sent");
            coordinator
                .findings
                .add(Code::CounterpartDiffers, Some(sent.index), words);
        }
        if nodes.answers.contains_key(request) && !coordinators.answers.contains_key(request) {
            // Until the request expires, the answer may still be under way.
            let expired = sent
                .number("expires-at")
                .and_then(|at| i64::try_from(at).ok())
                .is_some_and(|at| at + SKEW < coordinator.manifest.made_at);
            if is_lost {
                lost += 1;
            } else if expired {
                let words = format!(
                    "{organisation} answered request {request}, and this log has no answer to it"
                );
                coordinator
                    .findings
                    .add(Code::MissingCounterpart, Some(sent.index), words);
            } else {
                later += 1;
            }
        }
    }
    for head in &coordinator.cosigned {
        if head.checkpoint().origin == node.manifest.origin {
            node.check_extends(
                trust,
                &[],
                head.checkpoint(),
                "a head that the coordinator cosigned",
            );
        }
    }
    for head in &node.cosigned {
        if head.checkpoint().origin == coordinator.manifest.origin {
            let what = "a head that a node cosigned";
            coordinator.check_extends(trust, &nodes.accepted, head.checkpoint(), what);
        }
    }
    if lost > 0 {
        (coordinator.findings).notice(format!(
            "{lost} requests that {organisation} allowed are missing here, as its officers knew when they accepted that this log went on \
             from a backup"
        ));
    }
    if later > 0 {
        (node.findings).notice(format!(
            "{later} requests are in one log only and may be under way; compare packs made later"
        ));
    }
}

fn has(books: &Books, answer: &Header) -> bool {
    answer
        .text("request")
        .is_some_and(|request| books.answers.contains_key(request))
}

/// The node must have the answer that the coordinator logged, with the same hash, charge and amount.
fn check_answer(node: &mut Pack, books: &Books, theirs: &Header) {
    let request = theirs.text("request").unwrap_or_default();
    let Some(own) = books.answers.get(request) else {
        let words = format!(
            "the coordinator logged an answer to request {request} (its entry {}), and this log has none",
            theirs.index
        );
        node.findings.add(Code::MissingCounterpart, None, words);
        return;
    };
    // A reuse is answered with the receipt of the charge that paid for its noise.
    let paid = match books.allowed.get(request) {
        Some((_, Allowed::Reuse(source))) => books.allowed.get(source),
        allowed => allowed,
    };
    let recovered = paid.is_some_and(|(charge, _)| charge.number("recovered-by").is_some());
    let same_hash = theirs
        .text("sealed-hash")
        .is_none_or(|hash| own.text("answer-hash") == Some(hash));
    let same_charge = paid.is_some_and(|(charge, allowed)| {
        // What a restoration booked again stands at another place than when it was charged first.
        (recovered || theirs.number("charge-index") == Some(charge.index))
            && matches!(allowed, Allowed::Charge(rho) if theirs.number("rho") == Some(*rho))
    });
    if !same_hash || !same_charge {
        let what = if same_hash {
            "another charge"
        } else {
            "other bytes"
        };
        let words = format!(
            "its answer to request {request} has {what} than the coordinator logged (its entry {})",
            theirs.index
        );
        node.findings
            .add(Code::CounterpartDiffers, Some(own.index), words);
    }
}

fn check_refusal(node: &mut Pack, books: &Books, theirs: &Header) {
    let request = theirs.text("request").unwrap_or_default();
    let same = |own: &Header| {
        own.text("rule") == theirs.text("rule")
            && own.text("field") == theirs.text("field")
            && own.text("code") == theirs.text("reason")
    };
    let known = (books.refusals.get(request)).is_some_and(|refusals| refusals.iter().any(same));
    if !known && theirs.at + SKEW < node.manifest.made_at {
        let words = format!(
            "the coordinator logged that this node refused request {request} (its entry {}), and this log has no such refusal",
            theirs.index
        );
        node.findings.add(Code::MissingCounterpart, None, words);
    }
}
