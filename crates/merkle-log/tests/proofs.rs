//! A log of its own on a real file: proofs from stored subtrees are those made from all leaves, also in a log from before
//! subtrees were stored.

use audit::{EntryKind, consistency_proof, inclusion_proof, inner_subtrees, root};
use merkle_log::{
    STANDALONE, SUBTREES, append, consistency, entries, fill_subtrees, inclusion, leaves, root_at,
    stored_subtrees, tree,
};
use sqlx::Executor;
use std::collections::BTreeMap;
use storage::Store;

const ENTRIES: u64 = 37;

async fn grown(store: &Store) {
    for number in 0..ENTRIES {
        let mut transaction = store.writer().write_transaction().await.unwrap();
        let body = number.to_be_bytes();
        let facts = BTreeMap::new();
        let index = append(&mut transaction, EntryKind::Alarm, 1, facts, &body).await;
        assert_eq!(index.unwrap(), number as i64);
        transaction.commit().await.unwrap();
    }
}

#[tokio::test]
async fn proofs_and_old_roots_come_from_stored_subtrees() {
    let folder = tempfile::tempdir().unwrap();
    let migrations = [(1, "log", STANDALONE), (2, "subtrees", SUBTREES)];
    let store = Store::open(
        &folder.path().join("log.db"),
        &storage::migrator(&migrations),
    )
    .await
    .unwrap();
    grown(&store).await;
    let mut transaction = store.writer().write_transaction().await.unwrap();
    let all = leaves(&mut transaction, ENTRIES).await.unwrap();
    assert_eq!(entries(&mut transaction).await.unwrap().len(), all.len());
    for begun_anew in [false, true] {
        if begun_anew {
            // As in a log that was written before subtrees were stored.
            transaction
                .execute("DROP TRIGGER subtrees_delete")
                .await
                .unwrap();
            transaction.execute("DELETE FROM subtrees").await.unwrap();
            assert!(root_at(&mut transaction, 8).await.is_err());
            fill_subtrees(&mut transaction).await.unwrap();
        }
        let stored = stored_subtrees(&mut transaction).await.unwrap();
        assert_eq!(stored.len() as u64, inner_subtrees(ENTRIES));
        for size in 0..=all.len() {
            let (count, part) = (size as u64, &all[..size]);
            assert_eq!(root_at(&mut transaction, count).await.unwrap(), root(part));
            let proof = consistency(&mut transaction, count, ENTRIES).await.unwrap();
            assert_eq!(proof, consistency_proof(&all, size).unwrap());
            if size > 0 {
                let path = inclusion(&mut transaction, 0, count).await.unwrap();
                assert_eq!(path, inclusion_proof(part, 0).unwrap());
            }
        }
    }
    assert_eq!(tree(&mut transaction).await.unwrap().root(), root(&all));
    assert!(consistency(&mut transaction, 1, ENTRIES + 1).await.is_err());
    assert!(inclusion(&mut transaction, ENTRIES, ENTRIES).await.is_err());
    assert!(root_at(&mut transaction, ENTRIES + 1).await.is_err());
}
