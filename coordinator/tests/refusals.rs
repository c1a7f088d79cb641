//! What the coordinator refuses from nodes, each with its code and its entry in the log.
//! Handshakes are refused elsewhere; here every caller holds a certificate the authority made.

mod support;

use coordinator::admin;
use protocol::exchange::{Poll, Renew, WorkItem};
use protocol::{Envelope, Request, Study};
use serde_json::json;
use support::node::peer;
use support::{Bed, Node, STUDY, logged, question, seal};

const POLL: Poll = Poll {
    version: 1,
    wait_seconds: 0,
};

async fn count(bed: &Bed, code: &str) -> usize {
    logged(bed)
        .await
        .iter()
        .filter(|logged| *logged == code)
        .count()
}

#[tokio::test]
async fn a_join_string_works_once_for_its_organisation_and_not_for_ever() {
    let bed = Bed::new().await;
    let text = admin::join_token(&bed.config, "comune-milano", None)
        .await
        .unwrap();
    Node::new(&bed, "cooperativa-lambro")
        .join(&text)
        .await
        .refused(403, "token-of-another-organisation");
    let node = Node::new(&bed, "comune-milano");
    node.join(&text).await.expect(200);
    node.join(&text).await.refused(403, "token-used");
    let text = admin::join_token(&bed.config, "comune-milano", None)
        .await
        .unwrap();
    bed.pass(8 * 86_400);
    node.join(&text).await.refused(403, "token-expired");
    assert_eq!(count(&bed, "join-refused").await, 3);
}

#[tokio::test]
async fn without_a_certificate_only_joining_is_possible() {
    let bed = Bed::new().await;
    let node = bed.node("comune-milano").await;
    for path in [
        "renew",
        "hello",
        "poll",
        "signed",
        "checkpoint",
        "answers",
        "studies",
        "consents",
    ] {
        node.post_as(None, &format!("/node/v1/{path}"), &json!({}))
            .await
            .refused(401, "client-certificate-required");
    }
    node.post("/node/v1/nothing", &json!({}))
        .await
        .refused(404, "not-found");
    node.post("/node/v1/poll", &json!({ "version": 2, "wait_seconds": 0 }))
        .await
        .refused(422, "unknown-version");
    node.post("/node/v1/poll", &json!({ "surprise": 2 }))
        .await
        .refused(422, "unreadable");
}

#[tokio::test]
async fn a_revoked_node_is_refused_and_logged_until_it_joins_again() {
    let bed = Bed::new().await;
    let node = bed.node("cooperativa-lambro").await;
    admin::node_revoke(&bed.config, "cooperativa-lambro")
        .await
        .unwrap();
    for _ in 0..3 {
        node.post("/node/v1/poll", &POLL)
            .await
            .refused(403, "node-revoked");
    }
    assert_eq!(
        count(&bed, "call-refused").await,
        1,
        "a repeated refusal is logged once an hour"
    );
    let text = admin::join_token(&bed.config, "cooperativa-lambro", None)
        .await
        .unwrap();
    let pem = node.join(&text).await.expect(200).json()["certificate_pem"]
        .as_str()
        .unwrap()
        .to_owned();
    node.post("/node/v1/poll", &POLL)
        .await
        .refused(403, "certificate-revoked");
    node.with_certificate(&pem)
        .post("/node/v1/poll", &POLL)
        .await
        .expect(200);
}

#[tokio::test]
async fn joining_again_brings_another_officer_only_where_the_administration_said_so() {
    let bed = Bed::new().await;
    let node = bed.node("cooperativa-lambro").await;
    // Whoever holds a backup and a join string, but not the officer's key.
    let other = Node::new(&bed, "cooperativa-lambro");
    let text = admin::join_token(&bed.config, "cooperativa-lambro", None)
        .await
        .unwrap();
    other.join(&text).await.refused(403, "other-officer");
    assert_eq!(count(&bed, "dpo-changed").await, 0);
    // Nothing was pinned and the string is not spent.
    node.hello(1).await.expect(200);
    node.join(&text).await.expect(200);
    assert_eq!(count(&bed, "keys-changed").await, 0);

    let text = admin::join_token_for_new_officer(&bed.config, "cooperativa-lambro", None)
        .await
        .unwrap();
    other.join(&text).await.expect(200);
    assert_eq!(count(&bed, "dpo-changed").await, 1);
    assert_eq!(count(&bed, "keys-changed").await, 1);
    let text = admin::join_token(&bed.config, "cooperativa-lambro", None)
        .await
        .unwrap();
    node.join(&text).await.refused(403, "other-officer");
}

#[tokio::test]
async fn a_renewed_certificate_takes_over_when_it_is_first_shown() {
    let bed = Bed::new().await;
    let node = bed.node("cooperativa-lambro").await;
    let renew = Renew {
        version: 1,
        csr_pem: node.tls.request_pem("another-name").unwrap(),
    };
    let reply = node.post("/node/v1/renew", &renew).await.expect(200).json();
    let renewed = peer(reply["certificate_pem"].as_str().unwrap());
    assert_eq!(
        renewed.organisation, "cooperativa-lambro",
        "the name comes from the present certificate"
    );
    node.post("/node/v1/poll", &POLL).await.expect(200);
    node.post_as(Some(renewed.clone()), "/node/v1/poll", &POLL)
        .await
        .expect(200);
    node.post("/node/v1/poll", &POLL)
        .await
        .refused(403, "certificate-superseded");
    node.post_as(Some(renewed), "/node/v1/poll", &POLL)
        .await
        .expect(200);
}

#[tokio::test]
async fn studies_count_only_with_the_registered_key_and_one_text() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, _] = &city.nodes;
    let mut study = bed.study(&city.nodes);
    study.title = "Another text".to_owned();
    let other_text = seal(&comune.requester, Study::TYPE, &study);
    comune
        .post("/node/v1/studies", &other_text)
        .await
        .refused(409, "other-study-text");
    study.id = "another".to_owned();
    let other_key = seal(&comune.key, Study::TYPE, &study);
    comune
        .post("/node/v1/studies", &other_key)
        .await
        .refused(422, "signature-not-accepted");
    let right = seal(&comune.requester, Study::TYPE, &study);
    lambro
        .post("/node/v1/studies", &right)
        .await
        .refused(403, "other-requester");
    comune
        .post("/node/v1/studies", &city.study)
        .await
        .expect(204);
    comune.post("/node/v1/studies", &right).await.expect(204);
    assert_eq!(count(&bed, "study-refused").await, 3);
}

#[tokio::test]
async fn a_consent_counts_only_from_the_officer_pinned_at_joining() {
    let bed = Bed::new().await;
    let nodes = [
        bed.node("comune-milano").await,
        bed.node("cooperativa-lambro").await,
        bed.node("associazione-ortica").await,
    ];
    let study = seal(&nodes[0].requester, Study::TYPE, &bed.study(&nodes[..2]));
    for _ in 0..2 {
        nodes[1].consent(&study).await.refused(404, "unknown-study");
    }
    nodes[0].post("/node/v1/studies", &study).await.expect(204);
    nodes[2]
        .consent(&study)
        .await
        .refused(422, "not-a-participant");
    // One organisation's officer cannot speak for another.
    let foreign = Node {
        dpo: nodes[0].dpo.clone(),
        peer: nodes[1].peer.clone(),
        ..Node::new(&bed, "cooperativa-lambro")
    };
    foreign
        .consent(&study)
        .await
        .refused(422, "signature-not-accepted");
    nodes[1].consent(&study).await.expect(204);
    nodes[1].consent(&study).await.expect(204);
    assert_eq!(count(&bed, "study-countersigned").await, 1);
    assert_eq!(count(&bed, "consent-refused").await, 3, "the same one once");
}

#[tokio::test]
async fn only_exactly_the_bytes_handed_out_and_the_requesters_key_sign_a_query() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, _] = &city.nodes;
    city.analyst.ask(&question(1_000), "key").await.expect(202);
    let Some(WorkItem::Sign { query_id, requests }) = comune.poll().await.pop() else {
        panic!("nothing to sign");
    };
    let right: Vec<Envelope> = requests
        .iter()
        .map(|request| comune.signature(request))
        .collect();
    lambro
        .hand_in(&query_id, right.clone(), None)
        .await
        .refused(404, "unknown-query");
    comune
        .hand_in(&query_id, right[..2].to_vec(), None)
        .await
        .refused(422, "not-all-requests");
    let foreign: Vec<Envelope> = requests
        .iter()
        .map(|request| lambro.signature(request))
        .collect();
    comune
        .hand_in(&query_id, foreign, None)
        .await
        .refused(422, "signature-not-accepted");
    let mut request: Request =
        serde_json::from_slice(&right[0].unverified_payload().unwrap()).unwrap();
    request.expires_at -= 1;
    let mut altered = right.clone();
    altered[0] = seal(&comune.requester, Request::TYPE, &request);
    comune
        .hand_in(&query_id, altered, None)
        .await
        .refused(422, "other-bytes");
    assert!(lambro.poll().await.is_empty());
    comune
        .hand_in(&query_id, right.clone(), None)
        .await
        .expect(204);
    comune.hand_in(&query_id, right, None).await.expect(204);
    assert_eq!(count(&bed, "signature-refused").await, 3);
}

#[tokio::test]
async fn answers_count_only_from_the_node_asked_with_its_key_for_its_request() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, ortica] = &city.nodes;
    city.asked(&question(1_000), "key").await;
    let request = lambro.handed().await;
    let answer = lambro.answer(&request, Node::cells(&request, 3));
    ortica
        .post("/node/v1/answers", &answer)
        .await
        .refused(404, "unknown-request");
    // Re-addressed: another node's name under another node's key.
    let readdressed = ortica.answer(&request, Node::cells(&request, 3));
    lambro
        .post("/node/v1/answers", &readdressed)
        .await
        .refused(422, "signature-not-accepted");
    let mut altered = answer.clone();
    altered.payload = lambro.answer(&request, Node::cells(&request, 4)).payload;
    lambro
        .post("/node/v1/answers", &altered)
        .await
        .refused(422, "signature-not-accepted");
    // The answer to another request, replayed.
    let other = comune.handed().await;
    let mismatched = lambro.answer(&other, Node::cells(&other, 3));
    lambro
        .post("/node/v1/answers", &mismatched)
        .await
        .refused(404, "unknown-request");
    let wrong = match Node::cells(&request, 3) {
        protocol::Outcome::Answered { cells, mut receipt } => {
            receipt.slices[0].variance /= 4.0;
            protocol::Outcome::Answered { cells, receipt }
        }
        refused => refused,
    };
    lambro
        .post("/node/v1/answers", &lambro.answer(&request, wrong))
        .await
        .refused(422, "answer-mismatch");
    lambro.post("/node/v1/answers", &answer).await.expect(200);
    assert_eq!(count(&bed, "answer-refused").await, 5);
}

#[tokio::test]
async fn a_log_that_was_shortened_or_rewritten_is_not_cosigned_and_raises_an_alarm() {
    let bed = Bed::new().await;
    let node = bed.node("cooperativa-lambro").await;
    let leaves: Vec<audit::Hash> = (0u8..9).map(|n| audit::leaf_hash(&[n])).collect();
    node.offer(&leaves[..3], 0).await.expect(200);
    let cosigned = node.offer(&leaves[..6], 3).await.expect(200).json()["checkpoint"]
        .as_str()
        .unwrap()
        .to_owned();
    let signed = audit::SignedCheckpoint::open(&cosigned, node.log_signer().log_key()).unwrap();
    let line = signed.note().signatures().last().unwrap();
    let witness = bed.app.database.signer().witness_key();
    audit::verify_cosignature(signed.checkpoint(), line, witness).unwrap();
    // Greeting tells a node what is held of it.
    assert_eq!(node.hello(1).await.json()["cosigned_checkpoint"], cosigned);
    // The same head again is the same cosignature.
    assert_eq!(
        node.offer(&leaves[..6], 6).await.json()["checkpoint"],
        cosigned
    );
    node.offer(&leaves[..4], 3)
        .await
        .refused(409, "history-differs");
    let mut rewritten = leaves.clone();
    rewritten[1] = audit::leaf_hash(b"other");
    node.offer(&rewritten, 6)
        .await
        .refused(409, "history-differs");
    node.offer(&rewritten[..6], 6)
        .await
        .refused(409, "history-differs");
    // Each is an alarm, and none is a second one when the node shows the same head again.
    for again in [&leaves[..4], &rewritten[..6]] {
        node.offer(again, 6).await.refused(409, "history-differs");
    }
    assert_eq!(count(&bed, "history-differs").await, 3);
    let foreign = Node {
        peer: node.peer.clone(),
        ..Node::new(&bed, "cooperativa-lambro")
    };
    for _ in 0..2 {
        foreign
            .offer(&leaves, 6)
            .await
            .refused(422, "signature-not-accepted");
    }
    assert_eq!(count(&bed, "checkpoint-refused").await, 1);
    // A proof from an older head proves too little; the node is asked to greet, and then knows better.
    node.offer(&leaves, 3).await.refused(409, "other-start");
    node.post("/node/v1/poll", &POLL)
        .await
        .refused(409, "greet-first");
    node.hello(1).await.expect(200);
    node.post("/node/v1/poll", &POLL).await.expect(200);
    node.offer(&leaves, 6).await.expect(200);
}

#[tokio::test]
async fn a_study_from_a_file_counts_only_with_the_registered_key() {
    let bed = Bed::new().await;
    let nodes = [
        bed.node("comune-milano").await,
        bed.node("cooperativa-lambro").await,
    ];
    let file = bed.dir.path().join("study.dsse.json");
    let study = bed.study(&nodes);
    let write =
        |envelope: &Envelope| std::fs::write(&file, serde_json::to_vec(envelope).unwrap()).unwrap();
    write(&seal(&nodes[1].requester, Study::TYPE, &study));
    let error = admin::study_add(&bed.config, &file)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("signature-not-accepted"), "{error}");
    write(&seal(&nodes[0].requester, Study::TYPE, &study));
    assert_eq!(admin::study_add(&bed.config, &file).await.unwrap(), STUDY);
}
