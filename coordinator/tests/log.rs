//! The coordinator's own log and tables on a real database: they only grow, and the tree fits the entries.
//! What is recorded commits with what it records, or not at all.

mod support;

use ::evidence::{Trust, verify};
use audit::{EntryKind, NoteKey, SignedCheckpoint};
use coordinator::app::evidence;
use coordinator::store::accounts::Role;
use coordinator::store::log::{self, Entry};
use coordinator::store::organisations::organisations;
use support::{Bed, logged, question};

#[tokio::test]
async fn the_signed_head_fits_every_entry_and_the_whole_flow_is_in_it() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    city.asked(&question(1_000), "key").await;
    for node in &city.nodes {
        node.answers(1).await.expect(200);
    }
    let codes = logged(&bed).await;
    for code in [
        "initialised",
        "organisation-invited",
        "node-joined",
        "edition-published",
        "policy-in-force",
        "study-added",
        "study-countersigned",
        "account-added",
        "signed-in",
        "query-asked",
        "query-signed",
        "request-sent",
        "answer-accepted",
        "release-published",
    ] {
        assert!(
            codes.iter().any(|logged| logged == code),
            "{code} is missing"
        );
    }
    let mut reader = bed.app.database.read().await.unwrap();
    let signer = bed.app.database.signer();
    let head = log::checkpoint(&mut reader, signer).await.unwrap();
    let size = head.checkpoint().size;
    assert_eq!(size, codes.len() as u64);
    let leaves = merkle_log::leaves(&mut reader, size).await.unwrap();
    assert_eq!(head.checkpoint().root, audit::root(&leaves));
    for from in [1, size / 2, size - 1] {
        let old = merkle_log::root_at(&mut reader, from).await.unwrap();
        assert_eq!(old, audit::root(&leaves[..from as usize]));
        let proof = (merkle_log::consistency(&mut reader, from, size).await).unwrap();
        audit::verify_consistency(from, &old, size, &head.checkpoint().root, &proof).unwrap();
    }
    let served = city.analyst.get("/api/v1/log").await.expect(200).json();
    let served =
        SignedCheckpoint::open(served["checkpoint"].as_str().unwrap(), signer.log_key()).unwrap();
    assert_eq!(served.checkpoint(), head.checkpoint());
}

#[tokio::test]
async fn an_entry_is_there_only_if_its_transaction_is_committed() {
    let bed = Bed::new().await;
    let before = logged(&bed).await;
    let mut transaction = bed.app.database.write().await.unwrap();
    log::append(
        &mut transaction,
        1,
        Entry::new(EntryKind::AdminAct, "undone"),
    )
    .await
    .unwrap();
    drop(transaction);
    assert_eq!(logged(&bed).await, before);
    let mut transaction = bed.app.database.write().await.unwrap();
    log::append(&mut transaction, 1, Entry::new(EntryKind::AdminAct, "done"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(logged(&bed).await.last().unwrap(), "done");
}

/// An officer's pack holds every leaf, shows what concerns the officer's organisation, and verifies as the whole one does.
#[tokio::test]
async fn packs_verify_and_an_officers_withholds_what_concerns_others() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    city.asked(&question(1_000), "key").await;
    for node in &city.nodes {
        node.offer(&[audit::leaf_hash(b"a")], 0).await.expect(200);
        node.answers(1).await.expect(200);
    }
    let now = bed.app.clock.now();
    let signer = bed.app.database.signer();
    let mut keys = format!("{}\n{}\n", signer.log_key(), signer.witness_key());
    let mut reader = bed.app.database.read().await.unwrap();
    for organisation in organisations(&mut reader).await.unwrap() {
        let Some(known) = organisation.keys else {
            continue;
        };
        let key = NoteKey::log(&protocol::node_log(&organisation.id), known.node.0).unwrap();
        keys.push_str(&format!("{key}\n"));
    }
    let mut trust = Trust::from_keys("keys", &keys).unwrap();
    let head = log::checkpoint(&mut reader, signer).await.unwrap();
    trust.add_checkpoint("head", &head.to_string()).unwrap();
    let database = &bed.app.database;
    let whole = evidence::export(database, None, now).await.unwrap();
    let lambro = Some("cooperativa-lambro");
    let scoped = evidence::export(database, lambro, now).await.unwrap();
    for (name, bytes) in [("whole", &whole), ("scoped", &scoped)] {
        let report = verify(&[(name.to_owned(), bytes.clone())], &trust).unwrap();
        assert!(report.holds(), "{report}");
    }
    assert!(scoped.len() < whole.len());
    let keeper = bed.signed_in("ada", Role::Admin, None).await;
    for (browser, status) in [(&city.analyst, 403), (&keeper, 200)] {
        let reply = browser.get("/api/v1/log/evidence").await;
        assert_eq!(reply.status.as_u16(), status);
        let is_zip = reply.headers[axum::http::header::CONTENT_TYPE] == "application/zip";
        assert_eq!(is_zip, status == 200);
    }
}

/// A pack up to a day holds the log's beginning as it was then, and verifies with the checkpoint that was kept then.
#[tokio::test]
async fn a_pack_up_to_a_day_verifies_with_what_was_known_then() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    city.asked(&question(1_000), "key").await;
    for node in &city.nodes {
        node.offer(&[audit::leaf_hash(b"a")], 0).await.expect(200);
        node.answers(1).await.expect(200);
    }
    let signer = bed.app.database.signer().clone();
    let mut reader = bed.app.database.read().await.unwrap();
    let then = log::checkpoint(&mut reader, &signer).await.unwrap();
    drop(reader);
    let day = jiff::Timestamp::from_second(bed.now()).unwrap();
    bed.pass(2 * 86_400);
    let keeper = bed.signed_in("ada", Role::Admin, None).await;
    let mut trust = Trust::from_keys("keys", &signer.log_key().to_string()).unwrap();
    trust.add_checkpoint("then", &then.to_string()).unwrap();
    let until = bed.now() - 86_400;
    let database = &bed.app.database;
    for scope in [None, Some("cooperativa-lambro")] {
        let part = evidence::export_until(database, scope, bed.now(), Some(until)).await;
        let report = verify(&[("part".to_owned(), part.unwrap())], &trust).unwrap();
        assert!(report.holds(), "{report}");
    }
    // The checkpoint of today is of a longer log than the pack of that day.
    let mut reader = bed.app.database.read().await.unwrap();
    let head = log::checkpoint(&mut reader, &signer).await.unwrap();
    assert!(head.checkpoint().size > then.checkpoint().size);
    trust.add_checkpoint("today", &head.to_string()).unwrap();
    let part = evidence::export_until(database, None, bed.now(), Some(until)).await;
    let report = verify(&[("part".to_owned(), part.unwrap())], &trust).unwrap();
    assert!(!report.holds());

    let day = &day.to_string()[..10];
    let path = format!("/api/v1/log/evidence?until={day}");
    keeper.get(&path).await.expect(200);
    let wrong = keeper.get("/api/v1/log/evidence?until=today").await;
    wrong.refused(422, "wrong-value");
}

#[tokio::test]
async fn what_is_recorded_cannot_be_changed_or_deleted() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    city.asked(&question(1_000), "key").await;
    for node in &city.nodes {
        node.answers(1).await.expect(200);
        node.offer(&[audit::leaf_hash(b"a")], 0).await.expect(200);
    }
    for statement in [
        "UPDATE entries SET at = 0",
        "DELETE FROM entries",
        "UPDATE bodies SET body = x''",
        "DELETE FROM bodies",
        "UPDATE tree SET size = 0",
        "DELETE FROM tree",
        "UPDATE subtrees SET level = 9",
        "DELETE FROM subtrees",
        "UPDATE answers SET received_at = 0",
        "DELETE FROM answers",
        "UPDATE releases SET body = ''",
        "DELETE FROM releases",
        "UPDATE node_checkpoints SET size = 0",
        "DELETE FROM node_checkpoints",
    ] {
        let mut transaction = bed.app.database.write().await.unwrap();
        let refused = sqlx::query(statement).execute(&mut *transaction).await;
        assert!(refused.is_err(), "{statement}");
    }
}
