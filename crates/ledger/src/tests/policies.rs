//! Policies in force and persons' words: entered once, in order, and found out when altered.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::{DecidedRequest, Ledger, LedgerError};
use policy::Decided;
use protocol::{
    Act, Approval, Envelope, Officers, PolicyChange, PublicKey, VerifiedApproval,
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

fn sign(payload_type: &str, payload: &[u8], seeds: &[u8]) -> Envelope {
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

fn change(number: u8, replaces: &str, document: &str, signed_at: i64) -> VerifiedPolicyChange {
    let act = PolicyChange {
        version: 1,
        id: format!("{number:02x}").repeat(16),
        organisation: "cooperativa".to_owned(),
        replaces: protocol::hex(&protocol::sha256(replaces.as_bytes())),
        document: document.to_owned(),
        reason: "narrower".to_owned(),
        signed_at,
    };
    let envelope = sign(
        PolicyChange::TYPE,
        &serde_json::to_vec(&act).unwrap(),
        &[1, 3],
    );
    let officers = Officers {
        threshold: 2,
        ..Officers::any_of(&[1, 2, 3].map(|seed| key(seed).1))
    };
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
    ledger.install_policy("a", NOW).await.unwrap();
    ledger.install_policy("edited on disk", NOW).await.unwrap();
    let policy = ledger.reader().policy().await.unwrap().unwrap();
    assert_eq!((policy.document.as_str(), policy.signers.len()), ("a", 0));

    let signed = change(1, "a", "b", NOW);
    ledger.change_policy(&signed, NOW).await.unwrap();
    let policy = ledger.reader().policy().await.unwrap().unwrap();
    assert_eq!(policy.document, "b");
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
    sound(&ledger).await;
    // Whatever the policy says, the promise stays the one that was fixed first.
    ledger
        .open_account(privacy_loss::NanoRho::new(5), NOW)
        .await
        .unwrap();
    let _ = debited(
        ledger
            .charge_terms(&terms(1, 5, caps(5)), NOW)
            .await
            .unwrap(),
    );
    let more = ledger
        .charge_terms(&terms(2, 1, caps(u64::MAX >> 1)), NOW)
        .await;
    assert!(matches!(more, Err(LedgerError::CapExceeded { .. })));
}

fn request() -> DecidedRequest {
    DecidedRequest {
        request_id: "ab".repeat(16),
        request_hash: [7; 32],
        envelope: sign("request", b"question", &[8]),
        study: sign("study", b"study", &[8]),
        decided: Decided::Manual,
        rule: "after-reading".to_owned(),
        at: NOW,
        word: None,
    }
}

fn word(number: u8, word: Word) -> VerifiedApproval {
    let act = Approval {
        version: 1,
        id: format!("{number:02x}").repeat(16),
        organisation: "cooperativa".to_owned(),
        request: "ab".repeat(16),
        request_hash: protocol::hex(&[7; 32]),
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
    let approve = word(1, Word::Approved);
    assert!(matches!(
        ledger.decide_request(&approve, "p", NOW).await,
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
        .request(&"ab".repeat(16), &[7; 32])
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.decided, kept.word), (Decided::Manual, None));
    ledger.decide_request(&approve, "p", NOW).await.unwrap();
    assert!(matches!(
        ledger
            .decide_request(&word(2, Word::Refused), "p", NOW)
            .await,
        Err(LedgerError::NotWaiting)
    ));
    let kept = ledger.reader().requests().await.unwrap();
    assert_eq!((kept.len(), kept[0].word), (1, Some(Word::Approved)));
    sound(&ledger).await;
}

/// One installed policy, one signed, and a person's word.
pub(super) async fn fill(ledger: &Ledger) {
    ledger.install_policy("a", NOW).await.unwrap();
    ledger
        .change_policy(&change(1, "a", "b", NOW), NOW)
        .await
        .unwrap();
    ledger.keep_request(&request()).await.unwrap();
    ledger
        .decide_request(&word(2, Word::Refused), "p", NOW)
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
