//! What one charge, one answer and one refusal do, alone and at the same time.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::{Cap, Charge, LedgerError};
use audit::EntryKind;
use policy::Caps;
use privacy_loss::NanoRho;
use protocol::SubCap;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_parallel_charges_with_budget_for_one_exactly_one_is_debited() {
    let place = Place::new();
    let ledger = place.open().await;
    // Four connections of four handles, as four processes would have.
    let mut handles = vec![ledger.clone()];
    for _ in 0..3 {
        handles.push(place.open().await);
    }
    let mut tasks = Vec::new();
    for number in 0..64 {
        let ledger = handles[number as usize % handles.len()].clone();
        tasks.push(tokio::spawn(async move {
            ledger
                .charge_terms(&terms(number, 100, caps(199)), NOW)
                .await
        }));
    }
    let (mut charged, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(Charge::Debited(debit)) => {
                assert_eq!(debit.rho(), NanoRho::new(100));
                charged += 1;
            }
            Err(LedgerError::CapExceeded { cap: Cap::Lifetime }) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((charged, refused), (1, 63));
    let report = sound(&ledger).await;
    assert_eq!(
        (report.charges, report.refusals, report.spent_nano),
        (1, 63, 100)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_request_64_times_at_once_is_debited_once_and_answered_once() {
    let place = Place::new();
    let ledger = place.open().await;
    let mut tasks = Vec::new();
    for task in 0..64u8 {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            match ledger
                .charge_terms(&terms(1, 100, caps(100)), NOW)
                .await
                .unwrap()
            {
                Charge::Debited(debit) => {
                    match ledger
                        .store_answer(debit, &[task], &[task, task], NOW)
                        .await
                    {
                        Ok(_) => vec![task, task],
                        Err(LedgerError::AlreadyAnswered { .. }) => {
                            ledger.reader().answer("request-1").await.unwrap().unwrap()
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
                Charge::Answered(sealed) => sealed,
                Charge::Reusable(_) => panic!("one's own noise is no reuse"),
            }
        }));
    }
    let mut answers = std::collections::BTreeSet::new();
    for task in tasks {
        answers.insert(task.await.unwrap());
    }
    assert_eq!(answers.len(), 1);
    let report = sound(&ledger).await;
    assert_eq!(
        (report.charges, report.answers, report.spent_nano),
        (1, 1, 100)
    );
}

#[tokio::test]
async fn each_cap_alone_refuses_by_its_name_and_logs_it() {
    let wide = NanoRho::new(1_000);
    let tight = NanoRho::new(150);
    for cap in Cap::ALL {
        let mut caps = Caps::undivided(wide);
        match cap {
            Cap::Lifetime => caps.lifetime = tight,
            Cap::Part(SubCap::Year) => caps.per_year = tight,
            Cap::Part(SubCap::Dataset) => caps.per_dataset = tight,
            Cap::Part(SubCap::Purpose) => caps.per_purpose = tight,
            Cap::Part(SubCap::Study) => caps.per_study = tight,
        }
        let caps = &caps;
        let place = Place::new();
        let ledger = place.open().await;
        let _ = debited(
            ledger
                .charge_terms(&terms(1, 100, caps.clone()), NOW)
                .await
                .unwrap(),
        );
        let refused = ledger
            .charge_terms(&terms(2, 51, caps.clone()), NOW)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, LedgerError::CapExceeded { cap: named } if named == cap),
            "{refused}"
        );
        let denial = refused.denial().unwrap();
        assert_eq!(
            (&*denial.rule, &*denial.field, &*denial.code),
            ("ledger", cap.as_str(), "cap-exceeded")
        );

        let last = ledger.reader().entries(2, 10).await.unwrap();
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].header.kind, EntryKind::Refusal);
        assert_eq!(last[0].header.text("field"), Some(cap.as_str()));
        // Up to the cap it fits, and past it nothing does.
        let _ = debited(
            ledger
                .charge_terms(&terms(3, 50, caps.clone()), NOW)
                .await
                .unwrap(),
        );
        assert!(
            ledger
                .charge_terms(&terms(4, 1, caps.clone()), NOW)
                .await
                .is_err()
        );
        assert_eq!(sound(&ledger).await.spent_nano, 150);
    }
}

#[tokio::test]
async fn a_sub_cap_of_another_key_does_not_refuse() {
    let place = Place::new();
    let ledger = place.open().await;
    let wide = NanoRho::new(1_000);
    let tight = NanoRho::new(100);
    let caps = Caps {
        lifetime: wide,
        per_year: tight,
        per_dataset: tight,
        per_purpose: tight,
        per_study: tight,
        ..Caps::undivided(wide)
    };
    let _ = debited(
        ledger
            .charge_terms(&terms(1, 100, caps.clone()), NOW)
            .await
            .unwrap(),
    );
    let mut other = terms(2, 100, caps);
    other.dataset = "other-register".to_owned();
    other.purpose = "other-purpose".to_owned();
    other.study = "other-study".to_owned();
    let next_year = NOW + 366 * 86_400;
    let _ = debited(ledger.charge_terms(&other, next_year).await.unwrap());

    let balance = ledger.balance().await.unwrap();
    assert_eq!((balance.spent, balance.charges), (NanoRho::new(200), 2));
    assert_eq!(balance.lifetime, Some(wide));
    assert_eq!(
        balance.by_year.into_iter().collect::<Vec<_>>(),
        [(2025, tight), (2026, tight)]
    );
    assert_eq!(balance.by_dataset["other-register"], tight);
    assert_eq!(balance.by_purpose["planning"], tight);
    assert_eq!(balance.by_study["elderly-2025"], tight);
    sound(&ledger).await;
}

#[tokio::test]
async fn a_later_policy_cannot_raise_the_lifetime_cap() {
    let place = Place::new();
    let ledger = place.open().await;
    let _ = debited(
        ledger
            .charge_terms(&terms(1, 100, caps(100)), NOW)
            .await
            .unwrap(),
    );
    let refused = ledger
        .charge_terms(&terms(2, 1, caps(1_000_000)), NOW)
        .await;
    assert!(matches!(
        refused,
        Err(LedgerError::CapExceeded { cap: Cap::Lifetime })
    ));
}

#[tokio::test]
async fn amounts_at_the_limits_of_integers_are_exact_or_refused() {
    let place = Place::new();
    let ledger = place.open().await;
    let limit = i64::MAX as u64;
    for rho in [limit + 1, u64::MAX] {
        let refused = ledger
            .charge_terms(&terms(rho, rho, caps(u64::MAX)), NOW)
            .await;
        assert!(
            matches!(refused, Err(LedgerError::CapExceeded { .. })),
            "{rho}"
        );
    }
    let _ = debited(
        ledger
            .charge_terms(&terms(1, limit - 1, caps(u64::MAX)), NOW)
            .await
            .unwrap(),
    );
    assert!(
        ledger
            .charge_terms(&terms(2, 2, caps(u64::MAX)), NOW)
            .await
            .is_err()
    );
    let _ = debited(
        ledger
            .charge_terms(&terms(3, 1, caps(u64::MAX)), NOW)
            .await
            .unwrap(),
    );
    assert!(
        ledger
            .charge_terms(&terms(4, 1, caps(u64::MAX)), NOW)
            .await
            .is_err()
    );
    assert_eq!(ledger.balance().await.unwrap().spent, NanoRho::new(limit));
    assert_eq!(sound(&ledger).await.spent_nano, u128::from(limit));
}

#[tokio::test]
async fn a_time_outside_the_calendar_charges_nothing() {
    let place = Place::new();
    let ledger = place.open().await;
    let failed = ledger
        .charge_terms(&terms(1, 1, caps(1)), i64::MAX)
        .await
        .unwrap_err();
    assert!(matches!(failed, LedgerError::TimeOutOfRange));
    assert!(failed.denial().is_none());
    assert_eq!(sound(&ledger).await.entries, 0);
}

#[tokio::test]
async fn a_charge_left_unanswered_is_found_again_after_reopening_and_not_charged_twice() {
    let place = Place::new();
    let ledger = place.open().await;
    let first = debited(
        ledger
            .charge_terms(&terms(1, 100, caps(100)), NOW)
            .await
            .unwrap(),
    );
    let leaf = first.leaf_index();
    drop((first, ledger));

    let ledger = place.open().await;
    let again = debited(
        ledger
            .charge_terms(&terms(1, 100, caps(100)), NOW + 9)
            .await
            .unwrap(),
    );
    assert_eq!(
        (again.leaf_index(), again.rho(), again.edition()),
        (leaf, NanoRho::new(100), 1)
    );
    assert_eq!(
        (again.request_id(), again.dataset()),
        ("request-1", "register")
    );
    ledger
        .store_answer(again, b"{\"cells\":[3]}", b"sealed", NOW + 9)
        .await
        .unwrap();
    drop(ledger);

    let ledger = place.open().await;
    let charge = ledger
        .charge_terms(&terms(1, 100, caps(100)), NOW + 99)
        .await
        .unwrap();
    assert!(matches!(charge, Charge::Answered(sealed) if sealed == b"sealed"));
    let report = sound(&ledger).await;
    assert_eq!(
        (report.charges, report.answers, report.spent_nano),
        (1, 1, 100)
    );
}

#[tokio::test]
async fn a_used_request_id_with_another_body_is_refused_and_logged_once() {
    let place = Place::new();
    let ledger = place.open().await;
    let debit = debited(
        ledger
            .charge_terms(&terms(1, 10, caps(100)), NOW)
            .await
            .unwrap(),
    );
    let mut other = terms(1, 10, caps(100));
    other.request_hash = [9; 32];
    for answered in [false, true] {
        if answered {
            let debit = debited(
                ledger
                    .charge_terms(&terms(1, 10, caps(100)), NOW)
                    .await
                    .unwrap(),
            );
            ledger
                .store_answer(debit, b"noise", b"sealed", NOW)
                .await
                .unwrap();
        }
        let refused = ledger.charge_terms(&other, NOW).await.unwrap_err();
        assert!(
            matches!(&refused, LedgerError::RequestIdReused { request_id } if request_id == "request-1")
        );
        assert_eq!(refused.denial().unwrap().code, "request-id-reused");
    }
    // Neither another price nor another question passes under the same signed bytes.
    let mut dearer = terms(1, 11, caps(100));
    dearer.request_hash = terms(1, 10, caps(100)).request_hash;
    assert!(matches!(
        ledger.charge_terms(&dearer, NOW).await,
        Err(LedgerError::RequestIdReused { .. })
    ));
    drop(debit);
    let report = sound(&ledger).await;
    assert_eq!(
        (report.charges, report.refusals, report.spent_nano),
        (1, 2, 10)
    );
}

#[tokio::test]
async fn the_same_question_on_the_same_edition_is_answered_from_stored_noise_without_a_charge() {
    let place = Place::new();
    let ledger = place.open().await;
    let debit = debited(
        ledger
            .charge_terms(&terms(1, 100, caps(100)), NOW)
            .await
            .unwrap(),
    );
    ledger
        .store_answer(debit, b"noise", b"sealed 1", NOW)
        .await
        .unwrap();

    let mut same = terms(2, 100, caps(100));
    same.query_hash = terms(1, 100, caps(100)).query_hash;
    for crash in [true, false] {
        let Charge::Reusable(reuse) = ledger.charge_terms(&same, NOW).await.unwrap() else {
            panic!("not reusable");
        };
        assert_eq!(
            (reuse.body(), reuse.noise_request_id()),
            (&b"noise"[..], "request-1")
        );
        assert_eq!((reuse.request_id(), reuse.leaf_index()), ("request-2", 3));
        if !crash {
            ledger.store_reused(reuse, b"sealed 2", NOW).await.unwrap();
        }
    }
    let again = ledger.charge_terms(&same, NOW).await.unwrap();
    assert!(matches!(again, Charge::Answered(sealed) if sealed == b"sealed 2"));
    let mut altered = same.clone();
    altered.request_hash = [9; 32];
    assert!(matches!(
        ledger.charge_terms(&altered, NOW).await,
        Err(LedgerError::RequestIdReused { .. })
    ));

    // The next edition, or another dataset, is another question; here the budget is gone.
    let mut next = same.clone();
    next.request_id = "request-3".to_owned();
    next.edition = 2;
    assert!(matches!(
        ledger.charge_terms(&next, NOW).await,
        Err(LedgerError::CapExceeded { .. })
    ));
    next.edition = 1;
    next.dataset = "other".to_owned();
    assert!(matches!(
        ledger.charge_terms(&next, NOW).await,
        Err(LedgerError::CapExceeded { .. })
    ));

    let report = sound(&ledger).await;
    assert_eq!(
        (
            report.charges,
            report.reuses,
            report.answers,
            report.spent_nano
        ),
        (1, 1, 2, 100)
    );
}

#[tokio::test]
async fn two_charged_requests_of_one_question_keep_the_first_noise_for_reuse() {
    let place = Place::new();
    let ledger = place.open().await;
    let mut twin = terms(2, 10, caps(100));
    twin.query_hash = terms(1, 10, caps(100)).query_hash;
    let first = debited(
        ledger
            .charge_terms(&terms(1, 10, caps(100)), NOW)
            .await
            .unwrap(),
    );
    let second = debited(ledger.charge_terms(&twin, NOW).await.unwrap());
    ledger
        .store_answer(second, b"noise 2", b"sealed 2", NOW)
        .await
        .unwrap();
    ledger
        .store_answer(first, b"noise 1", b"sealed 1", NOW)
        .await
        .unwrap();
    let mut third = terms(3, 10, caps(100));
    third.query_hash = twin.query_hash;
    let charge = ledger.charge_terms(&third, NOW).await.unwrap();
    assert!(matches!(charge, Charge::Reusable(reuse) if reuse.body() == b"noise 2"));
    assert_eq!(sound(&ledger).await.spent_nano, 20);
}

#[tokio::test]
async fn refusals_and_other_events_are_logged_and_the_ledgers_own_kinds_are_reserved() {
    let place = Place::new();
    let ledger = place.open().await;
    let denial = policy::Denial {
        rule: "no-such-study".to_owned(),
        field: "study".to_owned(),
        code: "unknown-study".to_owned(),
    };
    let index = ledger
        .record_refusal("r", [1; 32], &denial, NOW)
        .await
        .unwrap();
    assert_eq!(
        ledger
            .record_refusal("r", [1; 32], &denial, NOW + 1)
            .await
            .unwrap(),
        index
    );
    let study = ledger
        .record(
            EntryKind::Study,
            &[("study", "elderly-2025".into())],
            b"{\"title\":\"x\"}",
            NOW,
        )
        .await
        .unwrap();
    assert_eq!((index, study), (0, 1));
    let entries = ledger.reader().entries(1, 10).await.unwrap();
    assert_eq!(entries[0].header.text("study"), Some("elderly-2025"));
    assert_eq!(entries[0].body, b"{\"title\":\"x\"}");
    for kind in EntryKind::ALL {
        let reserved = matches!(
            kind,
            EntryKind::Account
                | EntryKind::Charge
                | EntryKind::Refusal
                | EntryKind::Answer
                | EntryKind::Reuse
                | EntryKind::BudgetMove
                | EntryKind::PolicyChange
                | EntryKind::Decision
                | EntryKind::Restoration
                | EntryKind::WriteOff
                | EntryKind::Acceptance
                | EntryKind::Tombstone
        );
        let refused = ledger.record(kind, &[], b"", NOW).await;
        assert_eq!(
            matches!(refused, Err(LedgerError::ReservedKind { .. })),
            reserved,
            "{kind:?}"
        );
    }
    sound(&ledger).await;
}
