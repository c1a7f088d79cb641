//! Erasing answers after their time: the bytes go, everything they are held to stays.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::{Charge, LedgerError};
use privacy_loss::NanoRho;

#[tokio::test]
async fn an_erased_answer_is_gone_from_the_file_and_refused_while_its_loss_stays() {
    let place = Place::new();
    let ledger = place.open().await;
    let (noise, sealed) = (b"noise that goes", b"an answer that goes");
    for number in 0..3 {
        let mut terms = terms(number, 10, caps(100));
        terms.edition = number as u32;
        let debit = debited(ledger.charge_terms(&terms, NOW).await.unwrap());
        ledger
            .store_answer(debit, noise, sealed, NOW)
            .await
            .unwrap();
    }
    let mut reused = terms(7, 10, caps(100));
    reused.query_hash = terms(0, 10, caps(100)).query_hash;
    reused.edition = 0;
    let Charge::Reusable(reuse) = ledger.charge_terms(&reused, NOW).await.unwrap() else {
        panic!("not reusable");
    };
    ledger.store_reused(reuse, sealed, NOW).await.unwrap();
    let root = sound(&ledger).await.root;

    assert_eq!(ledger.erase_answers(2, NOW + 1).await.unwrap(), 3);
    assert_eq!(ledger.erase_answers(2, NOW + 2).await.unwrap(), 0);
    let report = sound(&ledger).await;
    assert_ne!(report.root, root, "each erasure is logged");
    assert_eq!((report.answers, report.spent_nano), (4, 30));
    assert_eq!(ledger.reader().answer("request-0").await.unwrap(), None);
    assert_eq!(
        ledger
            .reader()
            .answer("request-2")
            .await
            .unwrap()
            .as_deref(),
        Some(&sealed[..])
    );

    // The same request, the same question and the reuse are refused, not computed again.
    let mut first = terms(0, 10, caps(100));
    first.edition = 0;
    let mut same_question = terms(8, 10, caps(100));
    same_question.query_hash = first.query_hash;
    same_question.edition = 0;
    for asked in [&first, &same_question, &reused] {
        let refused = ledger.charge_terms(asked, NOW + 3).await.unwrap_err();
        assert!(
            matches!(refused, LedgerError::AnswerErased { .. }),
            "{refused}"
        );
    }
    assert_eq!(ledger.balance().await.unwrap().spent, NanoRho::new(30));
    sound(&ledger).await;

    // With the last edition's answer gone too, no file holds the bytes any more.
    assert_eq!(ledger.erase_answers(3, NOW + 4).await.unwrap(), 1);
    drop(ledger);
    for entry in std::fs::read_dir(place.path().parent().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for gone in [&noise[..], &sealed[..]] {
            assert!(!bytes.windows(gone.len()).any(|window| window == gone));
        }
    }
}
