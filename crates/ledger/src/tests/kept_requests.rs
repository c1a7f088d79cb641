//! Requests as they are kept beside the log: what the log contradicts is found, and what may have come about honestly is not.

use super::policies::{document, hash_of, manual_terms, request, request_of, word};
use super::{NOW, Place, caps, debited, sound, terms};
use crate::charge::ChargeTerms;
use crate::report::Problem;
use crate::{DecidedRequest, Ledger};
use policy::{Decided, Denial};
use protocol::Word;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

const DAY: i64 = 86_400;

/// What a rule that waits for nobody allows of a request.
fn terms_of(kept: &DecidedRequest, rule: &str) -> ChargeTerms {
    ChargeTerms {
        request_id: kept.request_id.clone(),
        request_hash: kept.request_hash,
        policy_hash: hash_of(&document("a")),
        rule: rule.to_owned(),
        ..terms(2, 1, caps(5))
    }
}

/// One request that a person approved, one that was allowed at once, one that the policy denied, and one that waits.
async fn fill(ledger: &Ledger) {
    (ledger.install_policy(&document("a"), NOW - 10).await).unwrap();
    ledger.keep_request(&request()).await.unwrap();
    let approval = word(1, Word::Approved, "a");
    let under = hash_of(&document("a"));
    (ledger.decide_request(&approval, &under, NOW).await).unwrap();
    let _ = debited((ledger.charge_terms(&manual_terms("a"), NOW + 1).await).unwrap());
    let allowed = DecidedRequest {
        decided: Decided::Allowed,
        rule: "counts".to_owned(),
        ..request_of("cd")
    };
    ledger.keep_request(&allowed).await.unwrap();
    let terms = terms_of(&allowed, "counts");
    let _ = debited(ledger.charge_terms(&terms, NOW).await.unwrap());
    let denied = DecidedRequest {
        decided: Decided::Denied,
        rule: "no-names".to_owned(),
        ..request_of("ef")
    };
    ledger.keep_request(&denied).await.unwrap();
    let denial = Denial {
        rule: "no-names".to_owned(),
        field: "level".to_owned(),
        code: "level-too-fine".to_owned(),
    };
    (ledger
        .record_refusal(&denied.request_id, denied.request_hash, &denial, NOW)
        .await)
        .unwrap();
    ledger.keep_request(&request_of("12")).await.unwrap();
}

#[tokio::test]
async fn kept_requests_that_the_log_contradicts_are_found() {
    let place = Place::new();
    let ledger = place.open().await;
    fill(&ledger).await;
    sound(&ledger).await;
    let contradicted = |letters: &str| Problem::RequestContradicted {
        request_id: letters.repeat(16),
    };
    let missing = |letters: &str| Problem::RequestMissing {
        request_id: letters.repeat(16),
    };
    for (letters, set, found) in [
        ("ab", "rule = 'counts'", Some(contradicted("ab"))),
        ("ab", "decided = 'allowed'", Some(contradicted("ab"))),
        ("ab", "decided = 'denied'", Some(contradicted("ab"))),
        ("cd", "rule = 'after-reading'", Some(contradicted("cd"))),
        ("cd", "rule = 'no-names'", Some(contradicted("cd"))),
        ("cd", "decided = 'manual'", Some(contradicted("cd"))),
        ("cd", "decided = 'denied'", Some(contradicted("cd"))),
        ("cd", "policy_hash = 'another'", Some(contradicted("cd"))),
        ("ef", "rule = 'counts'", Some(contradicted("ef"))),
        ("ef", "decided = 'allowed'", Some(contradicted("ef"))),
        ("ef", "decided = 'manual'", Some(contradicted("ef"))),
        ("12", "rule = 'counts'", Some(contradicted("12"))),
        ("12", "decided = 'allowed'", Some(contradicted("12"))),
        ("ab", "", Some(missing("ab"))),
        ("cd", "", Some(missing("cd"))),
        ("ef", "", Some(missing("ef"))),
        // No entry tells of a request that waits, nor what would have been decided on another day, or before it was kept under
        // which policy.
        ("12", "", None),
        ("12", "decided = 'denied'", None),
        ("cd", "rule = 'x', at = at - 86400", None),
        ("cd", "rule = 'x', policy_hash = NULL", None),
    ] {
        let copy = Place::new();
        ledger.reader().copy_to(&copy.path()).await.unwrap();
        let options = SqliteConnectOptions::new().filename(copy.path());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let at = format!("WHERE request_id = '{}'", letters.repeat(16));
        let statement = match set {
            "" => format!("DELETE FROM requests {at}"),
            set => format!("UPDATE requests SET {set} {at}"),
        };
        let done = connection
            .execute(AssertSqlSafe(statement.clone()))
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
        connection.close().await.unwrap();
        let report = copy.open().await.verify(&[]).await.unwrap();
        assert_eq!(report.problems, Vec::from_iter(found), "{statement}");
        assert!(report.is_log_sound(), "{statement}");
    }
}

#[tokio::test]
async fn a_charge_under_another_rule_than_on_another_day_is_sound() {
    let place = Place::new();
    let ledger = place.open().await;
    (ledger.install_policy(&document("a"), NOW - 2 * DAY).await).unwrap();
    // It waited over a day on which the rule of before ended, and another one allows it without a person.
    let kept = DecidedRequest {
        at: NOW - DAY,
        ..request_of("cd")
    };
    ledger.keep_request(&kept).await.unwrap();
    let terms = terms_of(&kept, "counts");
    let _ = debited(ledger.charge_terms(&terms, NOW).await.unwrap());
    sound(&ledger).await;
}

#[tokio::test]
async fn what_was_charged_before_there_were_policies_need_not_be_kept() {
    let place = Place::new();
    let ledger = place.open().await;
    let _ = debited((ledger.charge_terms(&terms(1, 1, caps(5)), NOW).await).unwrap());
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    sound(&ledger).await;
}

#[tokio::test]
async fn what_was_denied_and_then_left_to_a_person_on_the_same_day_is_sound() {
    let place = Place::new();
    let ledger = place.open().await;
    (ledger.install_policy(&document("a"), NOW).await).unwrap();
    let kept = DecidedRequest {
        decided: Decided::Denied,
        rule: "no-names".to_owned(),
        ..request()
    };
    ledger.keep_request(&kept).await.unwrap();
    let denial = Denial {
        rule: kept.rule.clone(),
        field: "study".to_owned(),
        code: "study-not-in-force".to_owned(),
    };
    let (id, hash) = (&kept.request_id, kept.request_hash);
    (ledger.record_refusal(id, hash, &denial, NOW).await).unwrap();
    let under = hash_of(&document("a"));
    (ledger
        .leave_request(id, &hash, "after-reading", &under)
        .await)
        .unwrap();
    sound(&ledger).await;
}

#[tokio::test]
async fn a_persons_refusal_holds_also_where_its_request_was_lost() {
    let place = Place::new();
    let ledger = place.open().await;
    (ledger.install_policy(&document("a"), NOW).await).unwrap();
    ledger.keep_request(&request()).await.unwrap();
    let under = hash_of(&document("a"));
    let refusal = word(1, Word::Refused, "a");
    (ledger.decide_request(&refusal, &under, NOW).await).unwrap();
    let options = SqliteConnectOptions::new().filename(place.path());
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute("DELETE FROM requests").await.unwrap();
    // Offered again, it is kept as a later policy decides it.
    let again = DecidedRequest {
        decided: Decided::Allowed,
        rule: "counts".to_owned(),
        ..request()
    };
    ledger.keep_request(&again).await.unwrap();
    let kept = ledger
        .reader()
        .request(&again.request_id, &again.request_hash);
    let kept = kept.await.unwrap().unwrap();
    assert_eq!(kept.word_under("another"), Some(Word::Refused));
}

#[tokio::test]
async fn a_log_with_another_problem_is_not_sound_beside_a_request_that_is_missing() {
    let place = Place::new();
    let ledger = place.open().await;
    fill(&ledger).await;
    let options = SqliteConnectOptions::new()
        .filename(place.path())
        .foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute("DELETE FROM requests").await.unwrap();
    let report = ledger.verify(&[]).await.unwrap();
    assert!(report.is_log_sound() && !report.is_sound());
    connection
        .execute("DROP TRIGGER charges_delete")
        .await
        .unwrap();
    connection.execute("DELETE FROM charges").await.unwrap();
    let report = ledger.verify(&[]).await.unwrap();
    assert!(!report.is_log_sound(), "{:?}", report.problems);
}
