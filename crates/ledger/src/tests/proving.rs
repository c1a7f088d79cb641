//! What a reader and a counterpart can check: balances, proofs, checkpoints and cosignatures.

use super::{NOW, Place, caps, debited, signer, sound, terms};
use crate::ledger::{MIGRATIONS, READABLE_FROM};
use crate::{LedgerError, LedgerReader};
use audit::{SignedCheckpoint, cosign, verify_consistency, verify_inclusion};

#[tokio::test]
async fn another_process_reads_balance_and_proofs_while_the_ledger_is_open_and_after() {
    let place = Place::new();
    assert!(
        LedgerReader::open(&place.path()).await.is_err(),
        "nothing to read yet"
    );
    let ledger = place.open().await;
    let reader = LedgerReader::open(&place.path()).await.unwrap();
    let mut heads = Vec::new();
    for number in 0..5 {
        let _ = debited(
            ledger
                .charge_terms(&terms(number, 1, caps(100)), NOW)
                .await
                .unwrap(),
        );
        assert_eq!(reader.balance().await.unwrap().charges, number + 1);
        heads.push(ledger.checkpoint().await.unwrap().checkpoint().clone());
    }
    let last = heads.last().unwrap();
    for head in &heads {
        let proof = reader.consistency(head.size, last.size).await.unwrap();
        verify_consistency(head.size, &head.root, last.size, &last.root, &proof).unwrap();
        assert_eq!(reader.root_at(head.size).await.unwrap(), head.root);
    }
    assert_eq!(
        reader.entries(0, 100).await.unwrap().len() as u64,
        last.size
    );
    assert!(reader.consistency(last.size, last.size + 1).await.is_err());
    assert!(reader.consistency(2, 1).await.is_err());
    assert!(reader.inclusion(last.size, last.size).await.is_err());
    drop((ledger, reader));
    let reader = LedgerReader::open(&place.path()).await.unwrap();
    assert!(reader.verify(&heads).await.unwrap().is_sound());
}

#[tokio::test]
async fn a_ledger_whose_making_was_stopped_is_read_once_it_can_be() {
    for steps in 0..MIGRATIONS.len() {
        let place = Place::new();
        let stopped = storage::migrator(&MIGRATIONS[..steps]);
        drop(storage::Store::open(&place.path(), &stopped).await.unwrap());
        let base = MIGRATIONS[..steps]
            .iter()
            .any(|step| step.0 == READABLE_FROM);
        match LedgerReader::open(&place.path()).await {
            // As files of earlier programs are, also after a backup of theirs was unpacked.
            Ok(reader) => {
                assert!(base, "after {steps} steps");
                assert_eq!(reader.balance().await.unwrap().charges, 0);
                assert!(reader.policy().await.unwrap().is_none());
                assert!(reader.requests().await.unwrap().is_empty());
                assert!(reader.verify(&[]).await.unwrap().is_sound());
            }
            Err(LedgerError::NotSetUp) => {
                assert!(!base, "after {steps} steps");
                let made = LedgerReader::open_made(&place.path()).await.unwrap();
                assert!(made.is_none(), "after {steps} steps");
            }
            Err(other) => panic!("after {steps} steps: {other}"),
        }
        drop(place.open().await);
        let reader = LedgerReader::open(&place.path()).await.unwrap();
        assert_eq!(reader.balance().await.unwrap().charges, 0);
    }
}

#[tokio::test]
async fn what_an_earlier_program_wrote_is_never_taken_for_nothing() {
    let place = Place::new();
    let earlier = storage::migrator(&MIGRATIONS[..5]);
    let store = storage::Store::open(&place.path(), &earlier).await.unwrap();
    let mut transaction = store.writer().write_transaction().await.unwrap();
    sqlx::query("INSERT INTO entries VALUES (0, 'study', 1, '', zeroblob(32), zeroblob(32))")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let held = LedgerReader::open_made(&place.path()).await;
    assert!(matches!(held, Err(LedgerError::NotSetUp)));
}

#[tokio::test]
async fn an_entry_is_proved_to_be_in_the_signed_log() {
    let place = Place::new();
    let ledger = place.open().await;
    for number in 0..6 {
        let _ = debited(
            ledger
                .charge_terms(&terms(number, 1, caps(100)), NOW)
                .await
                .unwrap(),
        );
    }
    let signed = ledger.checkpoint().await.unwrap();
    let key = signer("node/log", 1).log_key().clone();
    let head = SignedCheckpoint::open(&signed.to_string(), &key)
        .unwrap()
        .checkpoint()
        .clone();
    for index in 0..head.size {
        let row: (String, Vec<u8>) =
            sqlx::query_as("SELECT header, body_hash FROM entries WHERE entry_index = $1")
                .bind(index as i64)
                .fetch_one(
                    storage::Store::open_read_only(&place.path())
                        .await
                        .unwrap()
                        .pool(),
                )
                .await
                .unwrap();
        let leaf = audit::leaf_hash_of(&row.0, &row.1.try_into().unwrap());
        let path = ledger.reader().inclusion(index, head.size).await.unwrap();
        verify_inclusion(&leaf, index, head.size, &path, &head.root).unwrap();
    }
}

#[tokio::test]
async fn cosignatures_are_kept_only_for_heads_of_this_log_by_the_expected_witness() {
    let place = Place::new();
    let ledger = place.open().await;
    let witness = signer("coordinator", 7);
    let _ = debited(
        ledger
            .charge_terms(&terms(1, 1, caps(100)), NOW)
            .await
            .unwrap(),
    );
    let signed = ledger.checkpoint().await.unwrap();
    let line = cosign(signed.checkpoint(), &witness, NOW as u64);
    let key = witness.witness_key();
    assert_eq!(
        ledger.reader().last_cosigned("coordinator").await.unwrap(),
        None
    );
    ledger.store_cosignature(&signed, &line, key).await.unwrap();
    ledger.store_cosignature(&signed, &line, key).await.unwrap();
    let kept = ledger.reader().last_cosigned("coordinator").await.unwrap();
    assert_eq!(kept.as_ref(), Some(signed.checkpoint()));

    let stranger = signer("coordinator", 8);
    assert!(
        ledger
            .store_cosignature(&signed, &line, stranger.witness_key())
            .await
            .is_err()
    );
    let elsewhere = Place::new();
    let elsewhere = elsewhere.open().await;
    assert!(
        elsewhere
            .store_cosignature(&signed, &line, key)
            .await
            .is_err()
    );
    sound(&ledger).await;
}
