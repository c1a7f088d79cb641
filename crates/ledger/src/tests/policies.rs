//! Policies in force and persons' words: entered once, in order, and found out when altered.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::charge::ChargeTerms;
use crate::policies::PolicyRow;
use crate::report::Problem;
use crate::{DecidedRequest, Ledger, LedgerError};
use policy::Decided;
use protocol::{
    Act, Approval, Envelope, Officers, PolicyChange, PublicKey, Request, VerifiedApproval,
    VerifiedPolicyChange, Word,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

fn key(seed: u8) -> (Ed25519KeyPair, PublicKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = PublicKey(pair.public_key().as_ref().try_into().unwrap());
    (pair, public)
}

pub(super) fn sign(payload_type: &str, payload: &[u8], seeds: &[u8]) -> Envelope {
    let (first, public) = key(seeds[0]);
    let signed =
        |pair: &Ed25519KeyPair, bytes: &[u8]| pair.sign(bytes).as_ref().try_into().unwrap();
    let mut envelope = Envelope::sign(payload_type, payload, &public, |bytes| {
        signed(&first, bytes)
    });
    for seed in &seeds[1..] {
        let (pair, public) = key(*seed);
        envelope
            .add_signature(&public, |bytes| signed(&pair, bytes))
            .unwrap();
    }
    envelope
}

/// A policy of three officers, two of whom must sign what replaces it; `word` tells documents apart.
pub(super) fn document(word: &str) -> String {
    document_of(word, 2, &[1, 2, 3])
}

fn document_of(word: &str, threshold: u32, officers: &[u8]) -> String {
    let keys: Vec<String> = (officers.iter())
        .map(|seed| format!("\"{}\"", key(*seed).1))
        .collect();
    format!(
        "# {word}\norganisation = \"cooperativa\"\n[dpo]\nthreshold = {threshold}\nkeys = [{}]\n\
         [[rules]]\nid = \"after-reading\"\napproval = \"manual\"\n",
        keys.join(", ")
    )
}

fn change(number: u8, replaces: &str, fresh: &str, signed_at: i64) -> VerifiedPolicyChange {
    change_to(
        number,
        &document(replaces),
        &document(fresh),
        &[1, 3],
        signed_at,
    )
}

fn change_to(
    number: u8,
    replaces: &str,
    fresh: &str,
    signers: &[u8],
    signed_at: i64,
) -> VerifiedPolicyChange {
    let act = PolicyChange {
        version: 1,
        id: format!("{number:02x}").repeat(16),
        organisation: "cooperativa".to_owned(),
        replaces: protocol::hex(&protocol::sha256(replaces.as_bytes())),
        document: fresh.to_owned(),
        reason: "narrower".to_owned(),
        signed_at,
    };
    let envelope = sign(
        PolicyChange::TYPE,
        &serde_json::to_vec(&act).unwrap(),
        signers,
    );
    // Whatever the caller takes for the officers: the ledger knows better.
    let signing: Vec<PublicKey> = signers.iter().map(|seed| key(*seed).1).collect();
    let officers = Officers::any_of(&signing);
    VerifiedPolicyChange::verify(&envelope, &officers, "cooperativa").unwrap()
}

#[tokio::test]
async fn a_policy_is_installed_once_and_then_replaced_by_its_officers_alone() {
    let place = Place::new();
    let ledger = place.open().await;
    assert_eq!(ledger.reader().policy().await.unwrap(), None);
    assert!(matches!(
        ledger.change_policy(&change(1, "a", "b", NOW), NOW).await,
        Err(LedgerError::OtherPolicy)
    ));
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    ledger
        .install_policy(&document("edited on disk"), NOW)
        .await
        .unwrap();
    let policy = ledger.reader().policy().await.unwrap().unwrap();
    assert_eq!((policy.document, policy.signers.len()), (document("a"), 0));

    let signed = change(1, "a", "b", NOW);
    ledger.change_policy(&signed, NOW).await.unwrap();
    let policy = ledger.reader().policy().await.unwrap().unwrap();
    assert_eq!(policy.document, document("b"));
    assert_eq!(policy.signers, signed.signers());
    assert!(matches!(
        ledger.change_policy(&signed, NOW).await,
        Err(LedgerError::ActUsed { .. })
    ));
    // What was signed over another policy comes too late, also where it would bring that one back.
    for stale in [change(2, "a", "c", NOW), change(3, "c", "a", NOW)] {
        assert!(matches!(
            ledger.change_policy(&stale, NOW).await,
            Err(LedgerError::OtherPolicy)
        ));
    }
    let old = change(4, "b", "c", NOW - 31 * 86_400);
    assert!(matches!(
        ledger.change_policy(&old, NOW).await,
        Err(LedgerError::Act(_))
    ));
    ledger
        .change_policy(&change(5, "b", "a", NOW), NOW)
        .await
        .unwrap();
    let history: Vec<_> = (ledger.reader().policy_history().await.unwrap().into_iter())
        .map(|policy| (policy.document, policy.act.is_some()))
        .collect();
    let expected = [("a", true), ("b", true), ("a", false)];
    assert_eq!(
        history,
        expected.map(|(word, signed)| (document(word), signed))
    );
    sound(&ledger).await;
    // Whatever the policy says, the promise stays the one that was fixed first.
    ledger
        .open_account(privacy_loss::NanoRho::new(5), NOW)
        .await
        .unwrap();
    let under_a = |terms| ChargeTerms {
        policy_hash: hash_of(&document("a")),
        ..terms
    };
    let first = ledger
        .charge_terms(&under_a(terms(1, 5, caps(5))), NOW)
        .await;
    let _ = debited(first.unwrap());
    let more = ledger
        .charge_terms(&under_a(terms(2, 1, caps(u64::MAX >> 1))), NOW)
        .await;
    assert!(matches!(more, Err(LedgerError::CapExceeded { .. })));
}

pub(super) fn hash_of(document: &str) -> String {
    protocol::hex(&protocol::sha256(document.as_bytes()))
}

fn question() -> (Envelope, [u8; 32]) {
    question_of("ab")
}

/// A question as its requester signed it, with its hash; its id repeats `letters`.
fn question_of(letters: &str) -> (Envelope, [u8; 32]) {
    let request = Request {
        version: 1,
        id: letters.repeat(16),
        phase: "single".to_owned(),
        requester: "comune".to_owned(),
        node: "cooperativa".to_owned(),
        dataset: "services".to_owned(),
        edition: 1,
        study: "study".to_owned(),
        study_hash: hash_of("study"),
        purpose: "planning".to_owned(),
        query: "query".to_owned(),
        query_hash: hash_of("query"),
        rho: privacy_loss::NanoRho::new(1),
        issued_at: NOW,
        expires_at: NOW + 3_600,
    };
    let payload = serde_json::to_vec(&request).unwrap();
    let hash = protocol::sha256(&payload);
    (sign(Request::TYPE, &payload, &[8]), hash)
}

pub(super) fn request() -> DecidedRequest {
    request_of("ab")
}

/// A request that waits for a person, of this question.
pub(super) fn request_of(letters: &str) -> DecidedRequest {
    let (envelope, request_hash) = question_of(letters);
    DecidedRequest {
        request_id: letters.repeat(16),
        request_hash,
        envelope,
        study: sign("study", b"study", &[8]),
        decided: Decided::Manual,
        rule: "after-reading".to_owned(),
        policy_hash: Some(hash_of(&document("a"))),
        at: NOW,
        word: None,
        word_under: None,
    }
}

pub(super) fn word(number: u8, word: Word, policy: &str) -> VerifiedApproval {
    let act = Approval {
        version: 2,
        policy_hash: Some(hash_of(&document(policy))),
        id: format!("{number:02x}").repeat(16),
        organisation: "cooperativa".to_owned(),
        request: "ab".repeat(16),
        request_hash: protocol::hex(&question().1),
        word,
        reason: "useful".to_owned(),
        signed_at: NOW,
    };
    let envelope = sign(Approval::TYPE, &serde_json::to_vec(&act).unwrap(), &[1]);
    VerifiedApproval::verify(&envelope, &Officers::any_of(&[key(1).1]), "cooperativa").unwrap()
}

#[tokio::test]
async fn a_request_that_waits_is_decided_once_also_after_a_restart() {
    let place = Place::new();
    let ledger = place.open().await;
    let under = hash_of(&document("a"));
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    let approve = word(1, Word::Approved, "a");
    assert!(matches!(
        ledger.decide_request(&approve, &under, NOW).await,
        Err(LedgerError::NotWaiting)
    ));
    ledger.keep_request(&request()).await.unwrap();
    ledger
        .keep_request(&DecidedRequest {
            decided: Decided::Allowed,
            ..request()
        })
        .await
        .unwrap();
    drop(ledger);
    let ledger = place.open().await;
    let kept = ledger
        .reader()
        .request(&"ab".repeat(16), &question().1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.decided, kept.word), (Decided::Manual, None));
    ledger.decide_request(&approve, &under, NOW).await.unwrap();
    let again = word(2, Word::Refused, "a");
    assert!(matches!(
        ledger.decide_request(&again, &under, NOW).await,
        Err(LedgerError::NotWaiting)
    ));
    let kept = ledger.reader().requests().await.unwrap();
    assert_eq!((kept.len(), kept[0].word), (1, Some(Word::Approved)));
    sound(&ledger).await;
}

/// What the manual rule allows of the request that waits, under a policy.
pub(super) fn manual_terms(policy: &str) -> ChargeTerms {
    ChargeTerms {
        request_id: "ab".repeat(16),
        request_hash: question().1,
        policy_hash: hash_of(&document(policy)),
        rule: "after-reading".to_owned(),
        waits_for_person: true,
        ..terms(1, 1, caps(5))
    }
}

#[tokio::test]
async fn an_approval_ends_with_the_policy_it_was_given_under() {
    let place = Place::new();
    let ledger = place.open().await;
    let [a, b] = ["a", "b"].map(|word| hash_of(&document(word)));
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    ledger.keep_request(&request()).await.unwrap();
    let unapproved = ledger.charge_terms(&manual_terms("a"), NOW).await;
    assert!(matches!(unapproved, Err(LedgerError::NotApproved)));
    let approve = word(1, Word::Approved, "a");
    // An officer signs for a policy; nobody else says which.
    let other = ledger.decide_request(&approve, &b, NOW).await;
    assert!(matches!(other, Err(LedgerError::PolicyReplaced)));
    ledger.decide_request(&approve, &a, NOW).await.unwrap();
    ledger
        .change_policy(&change(9, "a", "b", NOW), NOW)
        .await
        .unwrap();
    let kept = ledger.reader().requests().await.unwrap().remove(0);
    assert_eq!(
        (kept.word_under(&a), kept.word_under(&b)),
        (Some(Word::Approved), None)
    );
    // Neither the permit of the policy before nor the approval given under it is worth anything now.
    let late = ledger.charge_terms(&manual_terms("a"), NOW).await;
    assert!(matches!(late, Err(LedgerError::PolicyReplaced)));
    let late = ledger.charge_terms(&manual_terms("b"), NOW).await;
    assert!(matches!(late, Err(LedgerError::NotApproved)));
    let again = word(2, Word::Approved, "b");
    ledger.decide_request(&again, &b, NOW).await.unwrap();
    let _ = debited(ledger.charge_terms(&manual_terms("b"), NOW).await.unwrap());
    sound(&ledger).await;
}

#[tokio::test]
async fn only_the_officers_of_the_policy_before_replace_it() {
    let place = Place::new();
    let ledger = place.open().await;
    let unreadable = ledger.install_policy("version = 2", NOW).await;
    assert!(matches!(unreadable, Err(LedgerError::PolicyUnreadable)));
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    let own = document_of("own", 1, &[9]);
    for signers in [&[1_u8][..], &[9], &[9, 1], &[1, 1]] {
        let act = change_to(1, &document("a"), &own, signers, NOW);
        let refused = ledger.change_policy(&act, NOW).await;
        assert!(
            matches!(refused, Err(LedgerError::PolicyChain(_))),
            "{signers:?}"
        );
    }
    // Two that replace the same policy at once: one is in force, the other is told so.
    let [one, two] = [(1, "b"), (2, "c")].map(|(number, fresh)| change(number, "a", fresh, NOW));
    let (one, two) = tokio::join!(
        ledger.change_policy(&one, NOW),
        ledger.change_policy(&two, NOW)
    );
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|it| **it).count(),
        1
    );
    assert!(matches!(one.and(two), Err(LedgerError::OtherPolicy)));
    sound(&ledger).await;
}

/// Enters a policy past every check, as whoever owns the file could, with its leaf.
async fn force(ledger: &Ledger, row: &PolicyRow, body: &[u8]) {
    let mut transaction = ledger.store.writer().write_transaction().await.unwrap();
    crate::policies::insert(&mut transaction, row, body, NOW)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_policy_that_its_forerunners_officers_did_not_sign_is_found_in_the_log_alone() {
    let own = document_of("own", 1, &[9]);
    let installed = PolicyRow::installed(&own, hash_of(&document("a")));
    let too_few = change_to(1, &document("a"), &own, &[1], NOW);
    let strangers = change_to(2, &document("a"), &own, &[9], NOW);
    let older = change_to(3, &document("z"), &own, &[1, 3], NOW);
    for (row, body) in [
        (installed, own.clone().into_bytes()),
        (
            PolicyRow::of(&too_few),
            serde_json::to_vec(too_few.envelope()).unwrap(),
        ),
        (
            PolicyRow::of(&strangers),
            serde_json::to_vec(strangers.envelope()).unwrap(),
        ),
        (
            PolicyRow::of(&older),
            serde_json::to_vec(older.envelope()).unwrap(),
        ),
    ] {
        let place = Place::new();
        let ledger = place.open().await;
        ledger.install_policy(&document("a"), NOW).await.unwrap();
        force(&ledger, &row, &body).await;
        let report = ledger.verify(&[]).await.unwrap();
        assert!(
            matches!(
                report.problems[..],
                [Problem::NotUnderPolicy { index: 1, .. }]
            ),
            "{:?}",
            report.problems
        );
    }
}

/// One installed policy, one signed, and a person's word.
pub(super) async fn fill(ledger: &Ledger) {
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    ledger
        .change_policy(&change(1, "a", "b", NOW), NOW)
        .await
        .unwrap();
    ledger.keep_request(&request()).await.unwrap();
    ledger
        .decide_request(&word(2, Word::Refused, "b"), &hash_of(&document("b")), NOW)
        .await
        .unwrap();
}

#[tokio::test]
async fn altered_policies_and_words_are_found() {
    let place = Place::new();
    let ledger = place.open().await;
    fill(&ledger).await;
    sound(&ledger).await;
    for statement in [
        "UPDATE policies SET policy_hash = 'x' WHERE act_id = ''",
        "UPDATE policies SET signers = '' WHERE act_id <> ''",
        "UPDATE policies SET replaces = '' WHERE act_id <> ''",
        "DELETE FROM policies WHERE act_id <> ''",
        "UPDATE approvals SET word = 'approved'",
        "UPDATE approvals SET signer = 'x'",
        "DELETE FROM approvals",
        "UPDATE requests SET request_id = 'x'",
        "UPDATE requests SET request_hash = zeroblob(32)",
        "UPDATE requests SET envelope = x'7b7d'",
        "UPDATE requests SET envelope = study",
        "UPDATE requests SET study = envelope",
    ] {
        let copy = Place::new();
        ledger.reader().copy_to(&copy.path()).await.unwrap();
        let options = SqliteConnectOptions::new().filename(copy.path());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        for trigger in [
            "policies_update",
            "policies_delete",
            "approvals_update",
            "approvals_delete",
        ] {
            connection
                .execute(AssertSqlSafe(format!("DROP TRIGGER {trigger}")))
                .await
                .unwrap();
        }
        let changed = connection.execute(AssertSqlSafe(statement)).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{statement}");
        connection.close().await.unwrap();
        let report = copy.open().await.verify(&[]).await.unwrap();
        assert!(!report.is_sound(), "{statement}");
    }
}

#[tokio::test]
async fn a_refusal_states_the_policy_in_force_and_is_held_to_it() {
    let place = Place::new();
    let ledger = place.open().await;
    let denial = policy::Denial {
        rule: "none".to_owned(),
        field: "purpose".to_owned(),
        code: "not-allowed".to_owned(),
    };
    let refuse = async |letters: &str| {
        let kept = DecidedRequest {
            decided: Decided::Denied,
            rule: denial.rule.clone(),
            ..request_of(letters)
        };
        ledger.keep_request(&kept).await.unwrap();
        let index = ledger
            .record_refusal(&kept.request_id, kept.request_hash, &denial, NOW)
            .await
            .unwrap();
        let entries = ledger.reader().entries(index, 1).await.unwrap();
        entries[0].header.text("policy-hash").map(str::to_owned)
    };
    let hash = |word: &str| Some(protocol::hex(&protocol::sha256(document(word).as_bytes())));
    assert_eq!(refuse("01").await, None);
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    assert_eq!(refuse("02").await, hash("a"));
    ledger
        .change_policy(&change(1, "a", "b", NOW), NOW)
        .await
        .unwrap();
    assert_eq!(refuse("03").await, hash("b"));
    assert_eq!(sound(&ledger).await.refusals, 3);
}
