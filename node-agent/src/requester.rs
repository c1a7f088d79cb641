//! The requester's side: this organisation's own node signs the questions its people ask.
//! It signs nothing it has not parsed, and nothing beyond the limits of a study it signed itself.

use crate::keys;
use crate::studies::Studies;
use base64::prelude::{BASE64_STANDARD, Engine};
use identity::SigningKey;
use protocol::exchange::{Declined, Signed};
use protocol::{Envelope, Request, RequestError, VerifiedStudy};
use query::AggregateQuery;

/// Signs the requests of one query, all or none.
pub fn sign(
    query_id: &str,
    requests: &[String],
    organisation: &str,
    studies: &Studies,
    key: &SigningKey,
    now: i64,
) -> Signed {
    let signed: Result<Vec<Envelope>, Declined> = (requests.iter())
        .map(|text| sign_one(text, organisation, studies, key, now))
        .collect();
    let (requests, declined) = match signed {
        Ok(requests) => (requests, None),
        Err(declined) => (Vec::new(), Some(declined)),
    };
    Signed {
        version: protocol::VERSION,
        query_id: query_id.to_owned(),
        requests,
        declined,
    }
}

fn declined(field: &str, code: &str) -> Declined {
    Declined {
        field: field.to_owned(),
        code: code.to_owned(),
    }
}

fn sign_one(
    text: &str,
    organisation: &str,
    studies: &Studies,
    key: &SigningKey,
    now: i64,
) -> Result<Envelope, Declined> {
    let payload = BASE64_STANDARD
        .decode(text)
        .map_err(|_| declined("payload", "unreadable"))?;
    let (request, query) = Request::parse(&payload).map_err(|error: RequestError| {
        let (field, code) = error.field_and_code();
        declined(field, code)
    })?;
    let own = keys::public(key);
    let study = studies.study(&request.study, &[own]).map_err(|error| {
        let (field, code) = error.field_and_code();
        declined(field, code)
    })?;
    within_limits(&request, &query, &study, organisation, now)?;
    Ok(Envelope::sign(Request::TYPE, &payload, &own, |bytes| {
        key.sign(bytes)
    }))
}

/// The study's signed limits, checked by the one who signed them.
fn within_limits(
    request: &Request,
    query: &AggregateQuery,
    verified: &VerifiedStudy,
    organisation: &str,
    now: i64,
) -> Result<(), Declined> {
    let study = verified.study();
    let names_only_allowed = query
        .named_targets()
        .iter()
        .all(|target| study.targets.iter().any(|allowed| allowed == target));
    let rules = [
        (
            request.requester == organisation,
            "requester",
            "other-requester",
        ),
        (
            request.study_hash == protocol::hex(&verified.hash()),
            "study_hash",
            "other-study-text",
        ),
        (request.purpose == study.purpose, "purpose", "other-purpose"),
        (
            study.participants.contains(&request.node),
            "node",
            "not-a-participant",
        ),
        (study.in_force(now), "study", "not-in-force"),
        (
            request.expires_at <= study.valid_until,
            "expires_at",
            "after-the-study",
        ),
        (
            request.issued_at <= now + protocol::CLOCK_SKEW_SECONDS,
            "issued_at",
            "not-yet-valid",
        ),
        (request.expires_at > now, "expires_at", "expired"),
        (
            study
                .measures
                .iter()
                .any(|measure| measure == query.measure().id()),
            "measure",
            "measure-not-in-study",
        ),
        (names_only_allowed, "targets", "target-not-in-study"),
        (
            query.level().within(study.finest_level),
            "level",
            "level-too-fine",
        ),
        (
            request.rho <= study.max_rho_per_query,
            "rho",
            "over-the-study-limit",
        ),
    ];
    match rules.into_iter().find(|(holds, ..)| !holds) {
        Some((_, field, code)) => Err(declined(field, code)),
        None => Ok(()),
    }
}
