//! Edits behind the ledger's back: triggers forbid the plain ones, verification finds those that drop triggers.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::charge::ChargeTerms;
use crate::{Charge, DecidedRequest, Ledger, Problem};
use audit::{Header, Tree, leaf_hash_of};
use policy::Decided;
use privacy_loss::NanoRho;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

pub(super) const APPEND_ONLY: [&str; 17] = [
    "entries",
    "bodies",
    "account",
    "charges",
    "noise",
    "reuses",
    "answers",
    "refusals",
    "cosignatures",
    "moves",
    "guarantees",
    "restorations",
    "write_offs",
    "tombstones",
    "policies",
    "approvals",
    "subtrees",
];

/// Terms under the policy that is in force at the end.
fn now_terms(number: u64, rho: u64, caps: policy::Caps) -> ChargeTerms {
    let in_force = super::policies::document("b");
    ChargeTerms {
        policy_hash: protocol::hex(&protocol::sha256(in_force.as_bytes())),
        ..terms(number, rho, caps)
    }
}

/// A ledger with at least one row in every table.
pub(super) async fn filled(place: &Place) -> Ledger {
    let ledger = place.open().await;
    for number in 0..3 {
        let debit = debited(
            ledger
                .charge_terms(&terms(number, 10 + number, caps(40)), NOW)
                .await
                .unwrap(),
        );
        if number < 2 {
            let noise = format!("noise {number}");
            let sealed = format!("sealed {number}");
            ledger
                .store_answer(debit, noise.as_bytes(), sealed.as_bytes(), NOW)
                .await
                .unwrap();
        }
    }
    let moved = super::acts::signed(&super::acts::moved(1, "2026", "2025", 5));
    ledger.move_budget(&moved, &caps(40), NOW).await.unwrap();
    let raised = super::acts::guarantee(2, 40, 50);
    ledger.raise_lifetime(&raised, NOW).await.unwrap();
    let back = super::restore::act(&ledger, 3).await;
    // Of the year, with the part moved into it, 6 are left, and of the account 7.
    let narrow = policy::Caps {
        per_year: NanoRho::new(34),
        ..caps(40)
    };
    ledger
        .restore(&back, &[], &narrow, &[], NOW, NOW)
        .await
        .unwrap();
    let mut earlier = terms(20, 0, caps(40));
    earlier.edition = 0;
    let debit = debited(ledger.charge_terms(&earlier, NOW).await.unwrap());
    ledger
        .store_answer(debit, b"noise 20", b"sealed 20", NOW)
        .await
        .unwrap();
    assert_eq!(ledger.erase_answers(1, NOW).await.unwrap(), 1);
    super::policies::fill(&ledger).await;
    let mut same = now_terms(5, 10, caps(40));
    keep(&ledger, &mut same, "05").await;
    same.query_hash = terms(0, 10, caps(40)).query_hash;
    same.policy_hash = protocol::hex(&protocol::sha256(super::policies::document("b").as_bytes()));
    let Charge::Reusable(reuse) = ledger.charge_terms(&same, NOW).await.unwrap() else {
        panic!("not reusable");
    };
    ledger.store_reused(reuse, b"sealed 5", NOW).await.unwrap();
    let mut refused = now_terms(6, 30, caps(40));
    keep(&ledger, &mut refused, "06").await;
    assert!(ledger.charge_terms(&refused, NOW).await.is_err());
    let witness = super::signer("coordinator", 7);
    let signed = ledger.checkpoint().await.unwrap();
    let line = audit::cosign(signed.checkpoint(), &witness, NOW as u64);
    ledger
        .store_cosignature(&signed, &line, witness.witness_key())
        .await
        .unwrap();
    sound(&ledger).await;
    ledger
}

/// Keeps a request that its policy allowed at once, and names it in what is charged.
async fn keep(ledger: &Ledger, terms: &mut ChargeTerms, letters: &str) {
    let kept = DecidedRequest {
        decided: Decided::Allowed,
        rule: terms.rule.clone(),
        policy_hash: Some(terms.policy_hash.clone()),
        ..super::policies::request_of(letters)
    };
    ledger.keep_request(&kept).await.unwrap();
    (terms.request_id, terms.request_hash) = (kept.request_id, kept.request_hash);
}

pub(super) async fn intruder(place: &Place) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(place.path())
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

pub(super) async fn drop_triggers(intruder: &mut SqliteConnection) {
    let triggers: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .fetch_all(&mut *intruder)
            .await
            .unwrap();
    assert_eq!(triggers.len(), 2 * APPEND_ONLY.len() + 2);
    for (name,) in triggers {
        intruder
            .execute(AssertSqlSafe(format!("DROP TRIGGER {name}")))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn triggers_forbid_updating_and_deleting_in_every_append_only_table() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let mut intruder = intruder(&place).await;
    let tables: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('tree', 'requests', '_sqlx_migrations')",
    )
    .fetch_all(&mut intruder)
    .await
    .unwrap();
    let mut tables: Vec<&str> = tables.iter().map(|(name,)| name.as_str()).collect();
    tables.sort_unstable();
    let mut expected = APPEND_ONLY;
    expected.sort_unstable();
    assert_eq!(tables, expected, "every table is covered");
    for table in tables {
        let column = "rowid";
        for statement in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET {column} = {column}"),
        ] {
            let refused = intruder.execute(AssertSqlSafe(statement.clone())).await;
            assert!(
                refused.unwrap_err().to_string().contains("append-only"),
                "{statement}"
            );
        }
    }
    for statement in [
        "DELETE FROM tree",
        "UPDATE tree SET size = 0, frontier = x''",
    ] {
        assert!(
            intruder.execute(AssertSqlSafe(statement)).await.is_err(),
            "{statement}"
        );
    }
    sound(&ledger).await;
}

#[tokio::test]
async fn every_altered_column_and_every_deleted_row_of_every_table_is_found() {
    let place = Place::new();
    drop(filled(&place).await);
    let mut columns = Vec::new();
    {
        let mut intruder = intruder(&place).await;
        drop_triggers(&mut intruder).await;
        for table in APPEND_ONLY.iter().chain(&["tree"]) {
            let found: Vec<(String, String)> =
                sqlx::query_as("SELECT name, type FROM pragma_table_info($1)")
                    .bind(table)
                    .fetch_all(&mut intruder)
                    .await
                    .unwrap();
            columns.extend(found.into_iter().map(|(name, kind)| (*table, name, kind)));
        }
    }
    assert!(columns.len() > 40);
    let ledger = place.open().await;
    let mut intruder = intruder(&place).await;
    intruder
        .execute("PRAGMA ignore_check_constraints = ON")
        .await
        .unwrap();

    let mut edits = Vec::new();
    for (table, column, kind) in &columns {
        // A witness's own line is evidence, not book: it is verified with the witness's key, which is not here.
        if *table == "cosignatures" && matches!(column.as_str(), "witness" | "cosignature") {
            continue;
        }
        let value = match kind.as_str() {
            "INTEGER" => format!("{column} + 1000"),
            "TEXT" => format!("{column} || 'x'"),
            "BLOB" => format!("CAST(x'00' || {column} AS BLOB)"),
            other => panic!("column type {other}"),
        };
        for order in ["ASC", "DESC"] {
            edits.push(format!(
                "UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT rowid FROM {table} ORDER BY rowid {order} LIMIT 1)"
            ));
        }
    }
    for table in APPEND_ONLY {
        if table != "cosignatures" {
            for order in ["ASC", "DESC"] {
                edits.push(format!(
                    "DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} ORDER BY rowid {order} LIMIT 1)"
                ));
            }
        }
    }
    let mut missed = Vec::new();
    for edit in &edits {
        intruder.execute("SAVEPOINT before").await.unwrap();
        intruder.execute(AssertSqlSafe(edit.clone())).await.unwrap();
        let report = crate::verify::verify(&mut intruder, &[]).await.unwrap();
        if report.is_sound() {
            missed.push(edit.clone());
        }
        intruder.execute("ROLLBACK TO before").await.unwrap();
        intruder.execute("RELEASE before").await.unwrap();
    }
    assert_eq!(missed, Vec::<String>::new());
    sound(&ledger).await;
}

#[tokio::test]
async fn swapped_added_and_truncated_rows_are_found() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let mut intruder = intruder(&place).await;
    drop_triggers(&mut intruder).await;
    for edit in [
        // Two bodies, two amounts, two answers change places.
        "UPDATE bodies SET body = CASE entry_index WHEN 1 THEN (SELECT body FROM bodies WHERE entry_index = 2) ELSE (SELECT body FROM bodies WHERE entry_index = 1) END WHERE entry_index IN (1, 2)",
        "UPDATE charges SET rho = 21 - rho WHERE request_id IN ('request-0', 'request-1')",
        "UPDATE answers SET sealed = CASE request_id WHEN 'request-0' THEN CAST('sealed 1' AS BLOB) ELSE CAST('sealed 0' AS BLOB) END WHERE request_id IN ('request-0', 'request-1')",
        // An answer, noise and a charge that were never logged.
        "INSERT INTO answers (request_id, sealed, answer_hash, noise_hash, allowed_by, entry_index) SELECT 'request-9', sealed, answer_hash, noise_hash, 99, 98 FROM answers LIMIT 1",
        "INSERT INTO noise (query_hash, dataset, edition, request_id, body) SELECT query_hash, 'other', edition, 'request-2', body FROM noise LIMIT 1",
        "INSERT INTO charges SELECT 'request-9', request_hash, query_hash, dataset, edition, study, purpose, policy_hash, year, 0, 99, -1 FROM charges LIMIT 1",
        // The end of the log is cut off, with or without its rows.
        "DELETE FROM entries WHERE entry_index >= 8",
        "DELETE FROM refusals",
    ] {
        intruder.execute("SAVEPOINT before").await.unwrap();
        let changed = intruder
            .execute(AssertSqlSafe(edit))
            .await
            .unwrap()
            .rows_affected();
        assert!(changed > 0, "{edit}");
        assert!(
            !crate::verify::verify(&mut intruder, &[])
                .await
                .unwrap()
                .is_sound(),
            "{edit}"
        );
        intruder.execute("ROLLBACK TO before").await.unwrap();
        intruder.execute("RELEASE before").await.unwrap();
    }
    sound(&ledger).await;
}

/// An intruder who knows the format rewrites the last refusal, its leaf and the tree, and removes the stored
/// cosignature: nothing inside contradicts anything, and only a checkpoint kept elsewhere does.
#[tokio::test]
async fn a_consistent_rewrite_is_found_with_a_checkpoint_kept_elsewhere() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let held = ledger.checkpoint().await.unwrap().checkpoint().clone();
    let mut intruder = intruder(&place).await;
    drop_triggers(&mut intruder).await;

    let rows: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT header, body_hash FROM entries ORDER BY entry_index")
            .fetch_all(&mut intruder)
            .await
            .unwrap();
    let (last, kept) = rows.split_last().unwrap();
    let header = Header::parse(&last.0).unwrap();
    assert_eq!(header.text("code"), Some("cap-exceeded"));
    let rewritten = header.canonical().replace("cap-exceeded", "cap-reached");
    let mut tree = Tree::default();
    for (header, body) in kept {
        tree.append(leaf_hash_of(header, &body.clone().try_into().unwrap()));
    }
    let leaf = leaf_hash_of(&rewritten, &last.1.clone().try_into().unwrap());
    tree.append(leaf);
    sqlx::query("UPDATE entries SET header = $1, leaf_hash = $2 WHERE entry_index = $3")
        .bind(rewritten)
        .bind(&leaf[..])
        .bind(header.index as i64)
        .execute(&mut intruder)
        .await
        .unwrap();
    sqlx::query("UPDATE tree SET frontier = $1")
        .bind(tree.frontier_bytes())
        .execute(&mut intruder)
        .await
        .unwrap();
    intruder.execute("DELETE FROM subtrees").await.unwrap();
    merkle_log::fill_subtrees(&mut intruder).await.unwrap();
    intruder
        .execute("UPDATE refusals SET code = 'cap-reached'")
        .await
        .unwrap();

    let contradicted = [Problem::CheckpointContradicted { size: held.size }];
    assert_eq!(ledger.verify(&[]).await.unwrap().problems, contradicted);
    intruder.execute("DELETE FROM cosignatures").await.unwrap();
    assert!(ledger.verify(&[]).await.unwrap().is_sound());
    assert_eq!(ledger.verify(&[held]).await.unwrap().problems, contradicted);
}

#[tokio::test]
async fn a_restored_backup_contradicts_the_later_checkpoint() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let older = place.folder.path().join("backup.db");
    let mut copying = intruder(&place).await;
    sqlx::query("VACUUM INTO $1")
        .bind(older.to_str().unwrap())
        .execute(&mut copying)
        .await
        .unwrap();
    let mut later = now_terms(8, 1, caps(40));
    keep(&ledger, &mut later, "08").await;
    let _ = debited(ledger.charge_terms(&later, NOW).await.unwrap());
    let held = ledger.checkpoint().await.unwrap().checkpoint().clone();
    assert!(
        ledger
            .verify(std::slice::from_ref(&held))
            .await
            .unwrap()
            .is_sound()
    );

    let restored = Ledger::open(&older, super::signer("node/log", 1))
        .await
        .unwrap();
    sound(&restored).await;
    let report = restored.verify(std::slice::from_ref(&held)).await.unwrap();
    assert_eq!(
        report.problems,
        [Problem::CheckpointContradicted { size: held.size }]
    );
}

#[tokio::test]
async fn maintenance_that_preserves_content_is_not_mistaken_for_tampering() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let root = sound(&ledger).await.root;
    let mut keeper = intruder(&place).await;
    for statement in [
        "VACUUM",
        "REINDEX",
        "ANALYZE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ] {
        keeper.execute(AssertSqlSafe(statement)).await.unwrap();
        assert_eq!(sound(&ledger).await.root, root, "{statement}");
    }
}

#[tokio::test]
async fn a_log_cut_short_is_refused_at_the_door() {
    let place = Place::new();
    drop(filled(&place).await);
    let mut intruder = intruder(&place).await;
    drop_triggers(&mut intruder).await;
    intruder
        .execute("DELETE FROM entries WHERE entry_index = 11 OR entry_index = 3")
        .await
        .unwrap();
    let refused = Ledger::open(&place.path(), super::signer("node/log", 1)).await;
    assert!(matches!(
        refused,
        Err(crate::LedgerError::Corrupt { what: "log" })
    ));
}

#[tokio::test]
async fn a_ledger_whose_account_was_removed_charges_nothing_more() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let mut intruder = intruder(&place).await;
    drop_triggers(&mut intruder).await;
    intruder.execute("DELETE FROM account").await.unwrap();
    let refused = ledger
        .charge_terms(&now_terms(9, 1, caps(1_000)), NOW)
        .await;
    assert!(matches!(
        refused,
        Err(crate::LedgerError::Corrupt { what: "account" })
    ));
}
