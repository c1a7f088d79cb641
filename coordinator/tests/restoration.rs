//! Logs that go on from a backup: cosigned under a new key only as the officer signed, and handed what their old key signed.

mod support;

use coordinator::store::organisations::{Keys, organisation_join};
use privacy_loss::NanoRho;
use protocol::exchange::{GuaranteeNotice, Receipts, ReceiptsWanted, RestorationOffer};
use protocol::{Act, LogState, NewGuarantee, Restoration, VerifiedReceipt};
use support::{Bed, Node, Reply, public, question, seal};

fn leaves(count: u8) -> Vec<audit::Hash> {
    (0..count).map(|n| audit::leaf_hash(&[n])).collect()
}

fn state(leaves: &[audit::Hash]) -> LogState {
    LogState::new(leaves.len() as u64, &audit::root(leaves))
}

fn act(old: &Node<'_>, new: &Node<'_>, kept: LogState, ended: LogState, id: u8) -> Restoration {
    Restoration {
        version: 1,
        id: format!("{id:032x}"),
        organisation: old.organisation.clone(),
        old_key: public(&old.key),
        new_key: public(&new.key),
        kept,
        ended,
        reason: "the disk failed".to_owned(),
        signed_at: old.bed.now(),
    }
}

fn offer(officer: &identity::SigningKey, act: &Restoration) -> RestorationOffer {
    RestorationOffer {
        version: 1,
        act: seal(officer, Restoration::TYPE, act),
        from: 0,
        consistency: Vec::new(),
    }
}

/// The same with a proof that the act kept the first `from` of its entries.
fn proved(
    officer: &identity::SigningKey,
    act: &Restoration,
    kept: &[audit::Hash],
    from: usize,
) -> RestorationOffer {
    let proof = audit::consistency_proof(kept, from).unwrap();
    RestorationOffer {
        from: from as u64,
        consistency: proof.iter().map(|hash| protocol::hex(hash)).collect(),
        ..offer(officer, act)
    }
}

/// Joins with a new join string.
async fn rejoined(node: &Node<'_>) -> Reply {
    let text = coordinator::admin::join_token(&node.bed.config, &node.organisation, None)
        .await
        .unwrap();
    node.join(&text).await
}

async fn joined_with(node: Node<'_>) -> Node<'_> {
    let pem = rejoined(&node).await.expect(200).json()["certificate_pem"]
        .as_str()
        .unwrap()
        .to_owned();
    node.with_certificate(&pem)
}

/// The same organisation with the same officer, joined again with other keys.
async fn joined_again<'a>(old: &Node<'a>) -> Node<'a> {
    let mut node = Node::new(old.bed, &old.organisation);
    node.dpo = old.dpo.clone();
    joined_with(node).await
}

#[tokio::test]
async fn a_log_under_a_new_key_is_cosigned_only_as_its_officer_signed() {
    let bed = Bed::new().await;
    let old = bed.node("cooperativa-lambro").await;
    let log = leaves(9);
    old.offer(&log[..6], 0).await.expect(200);
    let new = joined_again(&old).await;

    // Joining alone is no way round the earlier log, from wherever the proof starts.
    new.offer(&log[..2], 0)
        .await
        .refused(409, "restoration-needed");
    for _ in 0..2 {
        new.offer(&log[..7], 6)
            .await
            .refused(409, "restoration-needed");
    }
    let codes = support::logged(&bed).await;
    let alarms = codes.iter().filter(|code| *code == "log-without-its-past");
    assert_eq!(alarms.count(), 2, "one for each size shown");

    let (kept, ended) = (state(&log[..3]), state(&log[..6]));
    let right = act(&old, &new, kept.clone(), ended.clone(), 1);
    let path = "/node/v1/restoration";
    new.post(path, &offer(&new.key, &right))
        .await
        .refused(422, "signature-not-accepted");
    let earlier_end = act(&old, &new, kept.clone(), state(&log[..5]), 2);
    new.post(path, &offer(&old.dpo, &earlier_end))
        .await
        .refused(422, "other-end");
    let mut other_key = right.clone();
    other_key.new_key = public(&old.requester);
    new.post(path, &offer(&old.dpo, &other_key))
        .await
        .refused(422, "other-key");
    let mut other_log = right.clone();
    other_log.old_key = public(&old.requester);
    other_log.ended = state(&[]);
    new.post(path, &offer(&old.dpo, &other_log))
        .await
        .refused(422, "other-log");
    let mut stale = right.clone();
    stale.signed_at -= 31 * 86_400;
    new.post(path, &offer(&old.dpo, &stale))
        .await
        .refused(422, "act-not-fresh");

    let signed = offer(&old.dpo, &right);
    new.post(path, &signed).await.expect(204);
    new.post(path, &signed).await.expect(204);
    let again = act(&old, &new, kept, ended, 3);
    new.post(path, &offer(&old.dpo, &again))
        .await
        .refused(422, "restored-before");

    // From here on the log must extend what the act kept, entry by entry.
    let mut gone_on = log[..3].to_vec();
    gone_on.push(audit::leaf_hash(b"restored"));
    new.offer(&gone_on, 0).await.refused(409, "other-start");
    let mut rewritten = gone_on.clone();
    rewritten[1] = audit::leaf_hash(b"other");
    new.offer(&rewritten, 3)
        .await
        .refused(409, "history-differs");
    new.offer(&gone_on, 3).await.expect(200);
    gone_on.push(audit::leaf_hash(b"more"));
    new.offer(&gone_on, 4).await.expect(200);
    // Whoever still holds the old key is no longer heard.
    let copy = Node {
        key: old.key.clone(),
        peer: new.peer.clone(),
        ..Node::new(&bed, "cooperativa-lambro")
    };
    copy.offer(&log, 6)
        .await
        .refused(422, "signature-not-accepted");
}

#[tokio::test]
async fn a_log_that_ended_is_not_revived_by_its_key() {
    let bed = Bed::new().await;
    let old = bed.node("cooperativa-lambro").await;
    let log = leaves(9);
    old.offer(&log[..6], 0).await.expect(200);
    let new = joined_again(&old).await;
    // No act says yet that the log ended, so its node may join again.
    rejoined(&old).await.expect(200);
    let new = joined_with(new).await;
    let right = act(&old, &new, state(&log[..3]), state(&log[..6]), 1);
    new.post("/node/v1/restoration", &offer(&old.dpo, &right))
        .await
        .expect(204);
    rejoined(&old).await.refused(403, "log-ended");
    let new = joined_with(new).await;

    // Nor is its head cosigned, should its key ever stand as the organisation's.
    let mut transaction = bed.app.database.write().await.unwrap();
    let keys = Keys {
        node: public(&old.key),
        requester: None,
        dpo: public(&old.dpo),
    };
    organisation_join(&mut transaction, &old.organisation, &keys, bed.now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let copy = Node {
        peer: new.peer.clone(),
        ..old
    };
    for _ in 0..2 {
        copy.offer(&log, 6).await.refused(409, "log-ended");
    }
    let codes = support::logged(&bed).await;
    let alarms = codes.iter().filter(|code| *code == "ended-log-offered");
    assert_eq!(alarms.count(), 1);
}

#[tokio::test]
async fn what_is_kept_must_be_the_beginning_of_what_was_cosigned() {
    let bed = Bed::new().await;
    let old = bed.node("cooperativa-lambro").await;
    let log = leaves(9);
    old.offer(&log[..3], 0).await.expect(200);
    old.offer(&log[..6], 3).await.expect(200);
    let new = joined_again(&old).await;
    let ended = state(&log[..6]);
    let path = "/node/v1/restoration";
    let mut rewritten = log.clone();
    rewritten[1] = audit::leaf_hash(b"less was spent");
    // Another past, shorter than, as long as and longer than the log that ended; and no past at all.
    for (kept, from) in [
        (&rewritten[..5], 3),
        (&rewritten[..6], 6),
        (&rewritten[..8], 6),
        (&log[..0], 0),
    ] {
        let act = act(&old, &new, state(kept), ended.clone(), 1);
        let offer = proved(&old.dpo, &act, kept, from);
        new.post(path, &offer).await.refused(422, "other-past");
    }
    // The right one, with a proof from elsewhere.
    let right = act(&old, &new, state(&log[..5]), ended.clone(), 1);
    for from in [0, 2] {
        let offer = proved(&old.dpo, &right, &log[..5], from);
        new.post(path, &offer).await.refused(422, "other-past");
    }
    let longer = act(&old, &new, state(&log[..8]), ended, 2);
    let codes = support::logged(&bed).await;
    assert_eq!(
        (codes.iter().filter(|code| *code == "restoration-refused")).count(),
        6
    );
    // Entries that were not cosigned yet when the backup was made are kept with the others.
    new.post(path, &proved(&old.dpo, &longer, &log[..8], 6))
        .await
        .expect(204);
}

#[tokio::test]
async fn a_new_guarantee_enters_the_log_once_with_both_signers() {
    let bed = Bed::new().await;
    let node = bed.node("cooperativa-lambro").await;
    let second = identity::SigningKey::ephemeral().unwrap();
    let act = NewGuarantee {
        version: 1,
        id: "2".repeat(32),
        organisation: node.organisation.clone(),
        lifetime_before: NanoRho::new(10),
        lifetime: NanoRho::new(20),
        reason: "a second programme".to_owned(),
        signed_at: bed.now(),
    };
    let alone = seal(&node.dpo, NewGuarantee::TYPE, &act);
    let mut both = alone.clone();
    both.add_signature(&public(&second), |bytes| second.sign(bytes))
        .unwrap();
    let notice = |act| GuaranteeNotice {
        version: 1,
        act,
        second_keys: vec![public(&second)],
    };
    let path = "/node/v1/guarantee";
    node.post(path, &notice(alone))
        .await
        .refused(422, "signature-not-accepted");
    node.post(path, &notice(both.clone())).await.expect(204);
    node.post(path, &notice(both.clone())).await.expect(204);
    let raised = support::logged(&bed).await;
    assert_eq!(
        raised
            .iter()
            .filter(|code| *code == "guarantee-raised")
            .count(),
        1
    );
    let other = bed.node("fondazione-navigli").await;
    other
        .post(path, &notice(both))
        .await
        .refused(422, "signature-not-accepted");
}

#[tokio::test]
async fn a_node_is_handed_what_its_own_old_key_signed_and_nothing_of_others() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    city.asked(&question(100_000_000), "one").await;
    for node in &city.nodes {
        node.answers(3).await.expect(200);
    }
    let [_, old, other] = &city.nodes;
    let log = leaves(4);
    old.offer(&log[..2], 0).await.expect(200);
    old.offer(&log, 2).await.expect(200);
    let new = joined_again(old).await;
    let wanted = |after: Option<String>| ReceiptsWanted {
        version: 1,
        node_key: public(&old.key),
        kept_size: 3,
        after,
    };
    let path = "/node/v1/receipts";
    let reply = new.post(path, &wanted(None)).await.expect(200);
    let page: Receipts = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(page.receipts.len(), 1);
    let held = &page.receipts[0];
    let key = public(&old.key);
    let receipt =
        VerifiedReceipt::verify(&held.request, &held.answer, &key, &old.organisation).unwrap();
    assert_eq!(receipt.receipt().rho.nano(), 100_000_000);
    assert_eq!(receipt.request().id, held.request_id);
    let cosigned = page.cosigned_checkpoint.unwrap();
    let head = audit::SignedCheckpoint::open(&cosigned, old.log_signer().log_key()).unwrap();
    assert_eq!(head.checkpoint().size, 4);
    assert_eq!(page.cosigned_within, 2);

    let next = wanted(Some(held.request_id.clone()));
    let reply = new.post(path, &next).await.expect(200);
    let page: Receipts = serde_json::from_str(&reply.text).unwrap();
    assert!(page.receipts.is_empty());
    // Another organisation gets nothing, whichever key it names.
    let reply = other.post(path, &wanted(None)).await.expect(200);
    let page: Receipts = serde_json::from_str(&reply.text).unwrap();
    assert!(page.receipts.is_empty() && page.cosigned_checkpoint.is_none());
    // What another key signed, or another organisation's request, proves nothing.
    for (key, organisation) in [
        (public(&other.key), old.organisation.as_str()),
        (key, "associazione-ortica"),
    ] {
        let wrong = VerifiedReceipt::verify(&held.request, &held.answer, &key, organisation);
        assert!(wrong.is_err(), "{organisation}");
    }
}
