//! Going on from a backup: what is booked, that nothing comes back, and that no second noise is drawn for one debit.

use super::acts::Officer;
use super::{NOW, Place, caps, debited, signer, sound, terms};
use crate::charge::ChargeTerms;
use crate::{Cap, Charge, Ledger, LedgerError};
use policy::Caps;
use privacy_loss::NanoRho;
use proptest::prelude::*;
use protocol::{
    Act, Answer, Envelope, LogState, Officers, Outcome, Receipt, Request, Restoration,
    SliceReceipt, SubCap, VerifiedReceipt, VerifiedRestoration,
};
use query::AggregateQuery;

const ORGANISATION: &str = "cooperativa-lambro";
/// Signs what the lost node signed.
const NODE: u8 = 50;

/// A request of number `number` at a price, with the terms on which it is charged.
fn asked(number: u64, rho: u64, caps: Caps) -> (Envelope, ChargeTerms) {
    let text = format!(
        r#"{{"version":1,"measure":"persons","by":{{"area":"municipio"}},"period":{{"from":"2025-01","to":"2025-03"}},"bounds":{{"cells":1,"per_cell":1}},"rho":{rho}}}"#
    );
    let query = AggregateQuery::parse(text.as_bytes()).unwrap();
    let request = Request {
        version: 1,
        id: format!("{number:032x}"),
        phase: "single".to_owned(),
        requester: "comune-milano".to_owned(),
        node: ORGANISATION.to_owned(),
        dataset: "register".to_owned(),
        edition: 1,
        study: "elderly-2025".to_owned(),
        study_hash: "00".repeat(32),
        purpose: "planning".to_owned(),
        query: query.canonical().to_owned(),
        query_hash: query.hash().to_string(),
        rho: NanoRho::new(query.rho_nano()),
        issued_at: NOW - 60,
        expires_at: NOW + 3_600,
    };
    let payload = request.to_bytes();
    let mut charged = terms(number, rho, caps);
    charged.request_id = request.id.clone();
    charged.request_hash = protocol::sha256(&payload);
    charged.query_hash = query.hash().0;
    let officer = Officer::new(60);
    let envelope = Envelope::sign(Request::TYPE, &payload, &officer.key(), |bytes| {
        officer.sign(bytes)
    });
    (envelope, charged)
}

/// The answer that the lost node gave, as the coordinator holds it.
fn receipt(request: &Envelope) -> VerifiedReceipt {
    let node = Officer::new(NODE);
    let payload = request.unverified_payload().unwrap();
    let (parsed, query) = Request::parse(&payload).unwrap();
    let price = privacy_loss::price(&query);
    let answer = serde_json::json!({
        "version": 1, "request_id": parsed.id, "request_hash": protocol::hex(&protocol::sha256(&payload)),
        "node": ORGANISATION,
        "outcome": { "kind": "answered", "cells": vec![7; query.cells()], "receipt": Receipt {
            mechanism: "discrete-gaussian".to_owned(),
            slices: price.slices.iter().map(SliceReceipt::from).collect(),
            cells_per_unit: 1,
            per_cell: 1,
            rho: parsed.rho,
            reused: false,
            noise_source: "opendp-chacha20".to_owned(),
            edition: 1,
            rule: "planning-counts".to_owned(),
            policy_hash: "00".repeat(32),
            charge_index: 0,
            obligations: None,
        } },
    });
    let answer: Answer = serde_json::from_value(answer).unwrap();
    assert!(matches!(answer.outcome, Outcome::Answered { .. }));
    let bytes = serde_json::to_vec(&answer).unwrap();
    let sealed = Envelope::sign(Answer::TYPE, &bytes, &node.key(), |bytes| node.sign(bytes));
    VerifiedReceipt::verify(request, &sealed, &node.key(), ORGANISATION).unwrap()
}

pub(super) async fn act(ledger: &Ledger, id: u64) -> VerifiedRestoration {
    let size = ledger.reader().tree().await.unwrap().size();
    act_over(ledger, id, LogState::new(size + 2, &[9; 32])).await
}

/// The act over a log that was last cosigned as `ended`.
async fn act_over(ledger: &Ledger, id: u64, ended: LogState) -> VerifiedRestoration {
    let (officer, node, new) = (Officer::new(40), Officer::new(NODE), Officer::new(51));
    let tree = ledger.reader().tree().await.unwrap();
    let act = Restoration {
        version: 1,
        id: format!("{id:032x}"),
        organisation: ORGANISATION.to_owned(),
        old_key: node.key(),
        new_key: new.key(),
        kept: LogState::new(tree.size(), &tree.root()),
        ended,
        reason: "the disk failed".to_owned(),
        signed_at: NOW,
    };
    let payload = serde_json::to_vec(&act).unwrap();
    let envelope = Envelope::sign(Restoration::TYPE, &payload, &officer.key(), |bytes| {
        officer.sign(bytes)
    });
    VerifiedRestoration::verify(&envelope, &Officers::any_of(&[officer.key()]), ORGANISATION)
        .unwrap()
}

/// The same act, signed at another time.
fn signed_at(act: &VerifiedRestoration, at: i64) -> VerifiedRestoration {
    let officer = Officer::new(40);
    let act = Restoration {
        signed_at: at,
        ..act.act().clone()
    };
    let payload = serde_json::to_vec(&act).unwrap();
    let envelope = Envelope::sign(Restoration::TYPE, &payload, &officer.key(), |bytes| {
        officer.sign(bytes)
    });
    VerifiedRestoration::verify(&envelope, &Officers::any_of(&[officer.key()]), ORGANISATION)
        .unwrap()
}

/// Charges and answers as a node does.
async fn answer(ledger: &Ledger, number: u64, rho: u64, caps: &Caps) -> Envelope {
    let (request, terms) = asked(number, rho, caps.clone());
    let debit = debited(ledger.charge_terms(&terms, NOW).await.unwrap());
    let held = receipt(&request);
    ledger
        .store_answer(debit, held.outcome(), held.sealed(), NOW)
        .await
        .unwrap();
    request
}

async fn copied(ledger: &Ledger, place: &Place) -> Ledger {
    ledger.reader().copy_to(&place.path()).await.unwrap();
    Ledger::open(&place.path(), signer("node/log", 2))
        .await
        .unwrap()
}

fn yearly(per_year: u64) -> Caps {
    Caps {
        per_year: NanoRho::new(per_year),
        ..caps(1_000)
    }
}

#[tokio::test]
async fn what_receipts_prove_is_debited_and_the_rest_of_the_year_written_off() {
    let (place, other) = (Place::new(), Place::new());
    let ledger = place.open().await;
    let caps = yearly(400);
    answer(&ledger, 1, 100, &caps).await;
    let backup = copied(&ledger, &other).await;
    let second = answer(&ledger, 2, 110, &caps).await;
    let third = answer(&ledger, 3, 120, &caps).await;
    let released = ledger.balance().await.unwrap().spent;

    // The coordinator hands over one of the two.
    let known = [(SubCap::Study, "asked-next".to_owned())];
    let receipts = [receipt(&second)];
    let act = act(&backup, 1).await;
    let restored = backup
        .restore(&act, &receipts, &caps, &known, NOW, NOW + 5)
        .await
        .unwrap();
    assert_eq!((restored.charges, restored.answers), (1, 1));
    assert_eq!(restored.recovered, NanoRho::new(110));
    assert_eq!(restored.written_off, NanoRho::new(190));
    let balance = backup.balance().await.unwrap();
    assert!(balance.spent >= released);
    assert_eq!(balance.spent, NanoRho::new(400));
    assert_eq!(balance.by_year[&2025], NanoRho::new(400));
    assert_eq!(balance.by_study["asked-next"], NanoRho::new(190));
    // What it handed in before is under its earlier key.
    let earlier = backup.reader().earlier_keys().await.unwrap();
    assert_eq!(earlier, [Officer::new(NODE).key()]);
    let report = sound(&backup).await;
    assert_eq!(report.spent_nano, 400);
    assert!(report.acts[0].words.starts_with("went on from a backup"));

    // The proved answer is sent again, its question costs nothing, and the unproved one is refused.
    let (_, terms) = asked(2, 110, caps.clone());
    match backup.charge_terms(&terms, NOW + 9).await.unwrap() {
        Charge::Answered(sealed) => assert_eq!(sealed, receipts[0].sealed()),
        other => panic!("{other:?}"),
    }
    let (_, mut again) = asked(12, 110, caps.clone());
    again.request_hash = [1; 32];
    match backup.charge_terms(&again, NOW + 9).await.unwrap() {
        Charge::Reusable(reuse) => assert_eq!(reuse.body(), receipts[0].outcome()),
        other => panic!("{other:?}"),
    }
    let (_, terms) = asked(3, 120, caps.clone());
    let refused = backup.charge_terms(&terms, NOW + 9).await.unwrap_err();
    assert!(matches!(
        refused,
        LedgerError::CapExceeded {
            cap: Cap::Part(SubCap::Year)
        }
    ));
    drop(third);
    // Next year has what the lifetime cap has left.
    let (_, terms) = asked(4, 300, caps.clone());
    let _ = debited(
        backup
            .charge_terms(&terms, NOW + 366 * 86_400)
            .await
            .unwrap(),
    );
    sound(&backup).await;
}

#[tokio::test]
async fn a_debit_without_its_answer_is_never_computed_again() {
    let (place, other) = (Place::new(), Place::new());
    let ledger = place.open().await;
    let caps = yearly(400);
    let (request, terms) = asked(1, 100, caps.clone());
    let _ = debited(ledger.charge_terms(&terms, NOW).await.unwrap());
    let (_, lost) = asked(2, 101, caps.clone());
    let _ = debited(ledger.charge_terms(&lost, NOW).await.unwrap());
    // Both were answered after the backup; one receipt is held.
    let backup = copied(&ledger, &other).await;
    let restored = backup
        .restore(
            &act(&backup, 1).await,
            &[receipt(&request)],
            &caps,
            &[],
            NOW,
            NOW,
        )
        .await
        .unwrap();
    assert_eq!((restored.charges, restored.answers), (0, 1));
    assert!(matches!(
        backup.charge_terms(&terms, NOW).await.unwrap(),
        Charge::Answered(_)
    ));
    for _ in 0..2 {
        let refused = backup.charge_terms(&lost, NOW).await.unwrap_err();
        assert!(
            matches!(refused, LedgerError::AnswerLost { .. }),
            "{refused}"
        );
        assert_eq!(refused.denial().unwrap().code, "answer-lost");
    }
    assert_eq!(sound(&backup).await.refusals, 1);
}

#[tokio::test]
async fn a_restoration_counts_once_for_the_ledger_it_names() {
    let (place, other) = (Place::new(), Place::new());
    let ledger = place.open().await;
    let caps = yearly(400);
    answer(&ledger, 1, 100, &caps).await;
    let backup = copied(&ledger, &other).await;
    answer(&ledger, 2, 110, &caps).await;
    let for_the_longer = act(&ledger, 1).await;
    let refused = backup
        .restore(&for_the_longer, &[], &caps, &[], NOW, NOW)
        .await;
    assert!(matches!(refused, Err(LedgerError::OtherBackup)));
    let act = act(&backup, 2).await;
    backup
        .restore(&act, &[], &caps, &[], NOW, NOW)
        .await
        .unwrap();
    let again = backup.restore(&act, &[], &caps, &[], NOW, NOW).await;
    assert!(matches!(again, Err(LedgerError::ActUsed { .. })));
    assert_eq!(
        backup.reader().kept_by_restoration().await.unwrap(),
        Some(3)
    );
    assert_eq!(backup.balance().await.unwrap().spent, NanoRho::new(400));
}

#[tokio::test]
async fn a_backup_keeps_the_promise_or_is_not_gone_on_from() {
    let (place, other, none) = (Place::new(), Place::new(), Place::new());
    let ledger = place.open().await;
    let before = copied(&ledger, &none).await;
    ledger.open_account(NanoRho::new(100), NOW).await.unwrap();
    // A policy that names more later changes nothing, and the account is opened once.
    ledger.open_account(NanoRho::new(500), NOW).await.unwrap();
    assert_eq!(ledger.reader().tree().await.unwrap().size(), 1);
    let backup = copied(&ledger, &other).await;
    answer(&ledger, 1, 100, &caps(500)).await;
    let over = asked(2, 1, caps(500)).1;
    assert!(ledger.charge_terms(&over, NOW).await.is_err());

    let (more, act) = (yearly(400), act(&backup, 1).await);
    backup
        .restore(&act, &[], &more, &[], NOW, NOW)
        .await
        .unwrap();
    let balance = backup.balance().await.unwrap();
    assert_eq!(balance.lifetime, Some(NanoRho::new(100)));
    assert_eq!(balance.spent, NanoRho::new(100));
    sound(&backup).await;

    let late = act_over(&before, 2, LogState::new(3, &[9; 32])).await;
    let refused = before.restore(&late, &[], &more, &[], NOW, NOW).await;
    assert!(matches!(refused, Err(LedgerError::NoAccount)));
    assert_eq!(before.reader().tree().await.unwrap().size(), 0);
    // Where nothing was ever cosigned nothing was promised to anybody.
    let unseen = act_over(&before, 3, LogState::new(0, &[9; 32])).await;
    before
        .restore(&unseen, &[], &more, &[], NOW, NOW)
        .await
        .unwrap();
    let balance = before.balance().await.unwrap();
    assert_eq!(balance.lifetime, Some(more.lifetime));
}

#[tokio::test]
async fn every_year_since_the_backup_is_written_off_within_the_lifetime_cap() {
    let (place, other) = (Place::new(), Place::new());
    let ledger = place.open().await;
    let caps = yearly(400);
    answer(&ledger, 1, 100, &caps).await;
    let backup = copied(&ledger, &other).await;
    let years = 86_400 * 366 * 2;
    let late = NOW + years;
    let act = signed_at(&act(&backup, 1).await, late);
    let restored = backup
        .restore(&act, &[], &caps, &[], NOW, late)
        .await
        .unwrap();
    // 300 of 2025, 400 of 2026, and of 2027 what the lifetime cap of 1,000 leaves: 200.
    assert_eq!(restored.written_off, NanoRho::new(900));
    let balance = backup.balance().await.unwrap();
    assert_eq!(balance.by_year[&2027], NanoRho::new(200));
    assert_eq!(balance.spent, NanoRho::new(1_000));
    sound(&backup).await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_hides_no_year() {
    let (place, other) = (Place::new(), Place::new());
    let ledger = place.open().await;
    let caps = yearly(400);
    ledger.open_account(caps.lifetime, NOW).await.unwrap();
    // The last entry says 2026; the backup was made in 2025, and more was charged there.
    let ahead = NOW + 366 * 86_400;
    ledger
        .record(audit::EntryKind::Alarm, &[], b"", ahead)
        .await
        .unwrap();
    let backup = copied(&ledger, &other).await;
    answer(&ledger, 1, 250, &caps).await;
    let late = ahead + 60;
    let act = signed_at(&act(&backup, 1).await, late);
    backup
        .restore(&act, &[], &caps, &[], NOW, late)
        .await
        .unwrap();
    let lost = ledger.balance().await.unwrap();
    let balance = backup.balance().await.unwrap();
    assert!(balance.by_year[&2025] >= lost.by_year[&2025]);
    sound(&backup).await;
}

#[derive(Clone, Debug)]
struct Story {
    before: Vec<u64>,
    after: Vec<(u64, bool)>,
}

async fn no_budget_comes_back(story: Story) -> Result<(), TestCaseError> {
    let (place, other) = (Place::new(), Place::new());
    let ledger = place.open().await;
    let caps = yearly(300);
    let mut number = 0;
    for rho in &story.before {
        number += 1;
        let (request, terms) = asked(number, *rho, caps.clone());
        if let Ok(Charge::Debited(debit)) = ledger.charge_terms(&terms, NOW).await {
            let held = receipt(&request);
            ledger
                .store_answer(debit, held.outcome(), held.sealed(), NOW)
                .await
                .unwrap();
        }
    }
    if ledger.reader().tree().await.unwrap().size() == 0 {
        return Ok(());
    }
    let backup = copied(&ledger, &other).await;
    let mut receipts = Vec::new();
    for (rho, held) in &story.after {
        number += 1;
        let (request, terms) = asked(number, *rho, caps.clone());
        if let Ok(Charge::Debited(debit)) = ledger.charge_terms(&terms, NOW).await {
            let receipt = receipt(&request);
            ledger
                .store_answer(debit, receipt.outcome(), receipt.sealed(), NOW)
                .await
                .unwrap();
            if *held {
                receipts.push(receipt);
            }
        }
    }
    let lost = ledger.balance().await.unwrap();
    backup
        .restore(&act(&backup, 1).await, &receipts, &caps, &[], NOW, NOW)
        .await
        .unwrap();
    let restored = backup.balance().await.unwrap();
    prop_assert!(restored.spent >= lost.spent);
    prop_assert!(restored.spent <= caps.lifetime);
    for (key, spent) in &lost.by_year {
        prop_assert!(restored.by_year[key] >= *spent);
    }
    for (key, spent) in &lost.by_study {
        prop_assert!(restored.by_study[key] >= *spent);
    }
    let report = backup.verify(&[]).await.unwrap();
    prop_assert!(report.is_sound(), "{:?}", report.problems);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_was_spent_and_withheld_no_budget_comes_back(
        before in prop::collection::vec(1u64..150, 1..4),
        after in prop::collection::vec((1u64..150, any::<bool>()), 0..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(no_budget_comes_back(Story { before, after }))?;
    }
}
