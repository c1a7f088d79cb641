//! Going on with a restored coordinator: who may sign it, that it counts once and gives nothing back, and that verification finds a
//! leaf that says something else.

use super::policies::{document, request, sign};
use super::{NOW, Place, caps, debited, signer, sound, terms};
use crate::{DecidedRequest, LedgerError, Problem, log};
use audit::{Checkpoint, EntryKind, SignedCheckpoint};
use policy::Decided;
use protocol::{
    Act, ActError, COORDINATOR_LOG, CoordinatorAcceptance, LogState, Officers, PublicKey,
    VerifiedAcceptance,
};
use ring::signature::{Ed25519KeyPair, KeyPair};

fn head(size: u64, root: [u8; 32]) -> (LogState, String) {
    let note = SignedCheckpoint::sign(size, root, &signer(COORDINATOR_LOG, 9));
    (LogState::new(size, &root), note.to_string())
}

fn act(number: u8) -> CoordinatorAcceptance {
    let ((held, held_note), (accepted, accepted_note)) = (head(9, [1; 32]), head(7, [2; 32]));
    CoordinatorAcceptance {
        version: 1,
        id: format!("{number:02x}").repeat(16),
        organisation: "cooperativa".to_owned(),
        held,
        held_note,
        accepted,
        accepted_note,
        lost: Vec::new(),
        reason: "a broken disk".to_owned(),
        signed_at: NOW,
    }
}

/// The act as officers of these seeds signed it, whoever is pinned: the ledger knows better.
fn signed(act: &CoordinatorAcceptance, seeds: &[u8]) -> VerifiedAcceptance {
    let payload = serde_json::to_vec(act).unwrap();
    let envelope = sign(CoordinatorAcceptance::TYPE, &payload, seeds);
    let keys: Vec<PublicKey> = (seeds.iter())
        .map(|seed| {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[*seed; 32]).unwrap();
            PublicKey(pair.public_key().as_ref().try_into().unwrap())
        })
        .collect();
    VerifiedAcceptance::verify(&envelope, &Officers::any_of(&keys), "cooperativa").unwrap()
}

#[tokio::test]
async fn a_restored_coordinator_is_accepted_by_the_officers_in_force_once_and_for_nothing() {
    let place = Place::new();
    let ledger = place.open().await;
    assert!(matches!(
        ledger
            .accept_coordinator(&signed(&act(1), &[1, 3]), NOW)
            .await,
        Err(LedgerError::PolicyReplaced)
    ));
    ledger.install_policy(&document("a"), NOW).await.unwrap();
    let mut terms = terms(1, 10, caps(100));
    terms.policy_hash = protocol::hex(&protocol::sha256(document("a").as_bytes()));
    let kept = DecidedRequest {
        decided: Decided::Allowed,
        rule: terms.rule.clone(),
        ..request()
    };
    (terms.request_id, terms.request_hash) = (kept.request_id.clone(), kept.request_hash);
    ledger.keep_request(&kept).await.unwrap();
    let _ = debited(ledger.charge_terms(&terms, NOW).await.unwrap());
    let before = ledger.balance().await.unwrap();

    for too_few in [&[1_u8][..], &[1, 8]] {
        assert!(matches!(
            ledger
                .accept_coordinator(&signed(&act(1), too_few), NOW)
                .await,
            Err(LedgerError::Act(ActError::TooFewOfficers { .. }))
        ));
    }
    let late = NOW + protocol::MAX_ACT_AGE_SECONDS + 1;
    let stale = ledger
        .accept_coordinator(&signed(&act(1), &[1, 3]), late)
        .await;
    assert!(matches!(stale, Err(LedgerError::Act(_))));
    let mut unknown = act(1);
    unknown.lost = vec!["cd".repeat(16)];
    assert!(matches!(
        ledger
            .accept_coordinator(&signed(&unknown, &[1, 3]), NOW)
            .await,
        Err(LedgerError::NeverAllowed { .. })
    ));
    // Notes that are not the heads which the act names.
    for change in [
        |act: &mut CoordinatorAcceptance| act.held.size += 1,
        |act: &mut CoordinatorAcceptance| act.accepted_note = "no head\n".to_owned(),
        |act: &mut CoordinatorAcceptance| {
            let other = signer("welfare-intelligence/node/x", 9);
            act.held_note = SignedCheckpoint::sign(9, [1; 32], &other).to_string();
        },
    ] {
        let mut false_heads = act(1);
        change(&mut false_heads);
        assert!(matches!(
            ledger
                .accept_coordinator(&signed(&false_heads, &[1, 3]), NOW)
                .await,
            Err(LedgerError::Corrupt { .. })
        ));
    }

    let mut lost = act(1);
    lost.lost = vec!["ab".repeat(16)];
    let verified = signed(&lost, &[3, 1]);
    let index = ledger.accept_coordinator(&verified, NOW).await.unwrap();
    assert!(matches!(
        ledger.accept_coordinator(&verified, NOW).await,
        Err(LedgerError::ActUsed { index: at, .. }) if at == index
    ));
    assert_eq!(ledger.balance().await.unwrap(), before);
    let accepted = ledger.reader().acceptances().await.unwrap();
    assert_eq!(accepted.len(), 1);
    assert_eq!((accepted[0].index, &accepted[0].act), (index, &lost));
    assert_eq!(accepted[0].signers, verified.signers());
    let allowed = ledger.reader().allowed_requests().await.unwrap();
    assert_eq!(
        (allowed.len(), allowed[0].rho, allowed[0].answered),
        (1, 10, false)
    );
    sound(&ledger).await;
}

#[tokio::test]
async fn an_acceptance_whose_leaf_or_heads_say_something_else_is_found() {
    for is_head in [false, true] {
        let place = Place::new();
        let ledger = place.open().await;
        ledger.install_policy(&document("a"), NOW).await.unwrap();
        let mut words = act(1);
        if is_head {
            words.held_note =
                SignedCheckpoint::sign(8, [1; 32], &signer(COORDINATOR_LOG, 9)).to_string();
        }
        let verified = signed(&words, &[1, 3]);
        let mut facts = crate::acceptance::facts_of(&verified);
        if !is_head {
            facts.insert("lost".to_owned(), 5_u64.into());
        }
        let body = serde_json::to_vec(verified.envelope()).unwrap();
        let mut transaction = ledger.store.writer().write_transaction().await.unwrap();
        log::append(&mut transaction, EntryKind::Acceptance, NOW, facts, &body)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let held: [Checkpoint; 0] = [];
        let problems = ledger.verify(&held).await.unwrap().problems;
        let found = match is_head {
            true => matches!(problems[..], [Problem::ActUnsigned { index: 1 }]),
            false => matches!(problems[..], [Problem::NotUnderPolicy { index: 1, .. }]),
        };
        assert!(found, "{problems:?}");
    }
}
