//! What changes from one policy to the next, in decisions: the same question under both, and what else binds.
//! Lines that move or read differently and decide the same are no difference.

use crate::authorizer::Authorizer;
use crate::day::Day;
use crate::grid::{self, Limits, Point};
use protocol::SubCap;

/// A point that both policies do not decide alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub point: Point,
    /// Under the first policy.
    pub before: Limits,
    /// Under the second.
    pub after: Limits,
}

/// Which way a change goes, in the order in which people want to read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Something is allowed that was not, or more of it, or sooner.
    Wider,
    /// Both, at different losses; or another reason for the same denial.
    Other,
    /// Something is denied that was not, or less is allowed, or only after approval.
    Narrower,
}

impl Change {
    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        let reach = |limits: &Limits| (limits.auto, limits.auto.max(limits.manual));
        let ((auto_before, most_before), (auto, most)) = (reach(&self.before), reach(&self.after));
        match (auto.cmp(&auto_before), most.cmp(&most_before)) {
            (a, b) if a.is_ge() && b.is_ge() && (a.is_gt() || b.is_gt()) => Direction::Wider,
            (a, b) if a.is_le() && b.is_le() && (a.is_lt() || b.is_lt()) => Direction::Narrower,
            _ => Direction::Other,
        }
    }
}

/// The decisions that differ as of a day; what is only denied for another reason is left out.
pub fn decisions(before: &Authorizer, after: &Authorizer, day: Day) -> Vec<Change> {
    (grid::points(&[before, after]).into_iter())
        .map(|point| Change {
            before: grid::limits(before, &point, day),
            after: grid::limits(after, &point, day),
            point,
        })
        .filter(|change| {
            (change.before.auto, change.before.manual) != (change.after.auto, change.after.manual)
        })
        .collect()
}

/// What differs beside decisions: caps, officers, keys, obligations, validity; each as `what: before -> after`.
pub fn terms(before: &Authorizer, after: &Authorizer) -> Vec<String> {
    let (before, after) = (terms_of(before), terms_of(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let said = |terms: &std::collections::BTreeMap<String, String>, name: &String| {
        terms
            .get(name)
            .cloned()
            .unwrap_or_else(|| "not stated".to_owned())
    };
    (names.into_iter())
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {} -> {}", said(&before, name), said(&after, name)))
        .collect()
}

fn terms_of(policy: &Authorizer) -> std::collections::BTreeMap<String, String> {
    let document = policy.document();
    let mut terms = std::collections::BTreeMap::new();
    let mut say = |name: String, value: String| {
        terms.insert(name, value);
    };
    say("organisation".to_owned(), document.organisation.clone());
    say(
        "dpo.threshold".to_owned(),
        document.dpo.threshold().to_string(),
    );
    say("dpo.keys".to_owned(), list(&document.dpo.keys));
    say(
        "dpo.second_keys".to_owned(),
        list(&document.dpo.second_keys),
    );
    for requester in &document.requesters {
        let name = format!("requester {}", requester.organisation);
        say(
            name,
            format!("{}, {}", requester.role().id(), list(&requester.keys)),
        );
    }
    let caps = &document.caps;
    for (name, cap) in [
        ("lifetime", caps.lifetime),
        ("per_year", caps.per_year),
        ("per_dataset", caps.per_dataset),
        ("per_purpose", caps.per_purpose),
        ("per_study", caps.per_study),
    ] {
        say(format!("caps.{name}"), cap.to_string());
    }
    for kind in SubCap::ALL {
        for (key, cap) in caps.given(kind) {
            say(format!("caps.{kind}.{key}"), cap.to_string());
        }
    }
    if let Some(releases) = document.releases {
        let words = format!(
            "fewer than {}, {} months, {}",
            releases.display_minimum,
            releases.retention_months,
            releases.audience.id()
        );
        say("releases".to_owned(), words);
    }
    if document.publish_offer {
        say("publish_offer".to_owned(), "true".to_owned());
    }
    for (name, day) in [
        ("valid_from", document.valid_from),
        ("valid_until", document.valid_until),
    ] {
        if let Some(day) = day {
            say(name.to_owned(), day.to_string());
        }
    }
    terms
}

fn list(keys: &[protocol::PublicKey]) -> String {
    let mut keys: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
    keys.sort();
    keys.join(" ")
}
