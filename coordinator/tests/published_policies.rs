//! Policies as nodes publish them: taken in as their nodes sign them, kept version by version, compared in decisions.
//! Caps of budgets are those of the policy in force.

mod support;

use coordinator::store::accounts::Role;
use identity::SigningKey;
use policy::Starter;
use protocol::exchange::Hello;
use protocol::{Act, Consent, Envelope, PolicyChange, PolicyPublication, PublishedAs};
use serde_json::{Value, json};
use support::{Bed, Node, Reply, public, seal};

async fn greets(node: &Node<'_>, policy_hash: String) -> Value {
    let hello = Hello {
        version: 1,
        datasets: vec![protocol::exchange::DatasetNotice {
            id: "services".to_owned(),
            edition: 1,
            finest_level: support::node::FINEST,
        }],
        policy_hash,
    };
    node.post("/node/v1/hello", &hello).await.expect(200).json()
}

async fn publishes(node: &Node<'_>, policy: PublishedAs) -> Reply {
    let publication = PolicyPublication {
        version: 1,
        organisation: node.organisation.clone(),
        policy,
        published_at: node.bed.now(),
    };
    let envelope = seal(&node.key, PolicyPublication::TYPE, &publication);
    node.post("/node/v1/policy", &envelope).await
}

fn hash(document: &str) -> String {
    protocol::hex(&protocol::sha256(document.as_bytes()))
}

#[tokio::test]
async fn policies_are_taken_in_as_their_nodes_sign_them_and_compared_in_decisions() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let requester = public(&city.nodes[0].requester);
    let document = Starter::Cooperative.text(
        &node.organisation,
        "comune-milano",
        &requester,
        &public(&node.dpo),
    );
    let installed = |document: &str| PublishedAs::Installed {
        document: document.to_owned(),
    };
    let greeting = greets(node, hash(&document)).await;
    assert_eq!(greeting["policy_wanted"], true);

    // Another key, another organisation's node, another policy than greeted with.
    let publication = PolicyPublication {
        version: 1,
        organisation: node.organisation.clone(),
        policy: installed(&document),
        published_at: bed.now(),
    };
    let by_officer = seal(&node.dpo, PolicyPublication::TYPE, &publication);
    node.post("/node/v1/policy", &by_officer).await.expect(422);
    let by_node = seal(&node.key, PolicyPublication::TYPE, &publication);
    city.nodes[2]
        .post("/node/v1/policy", &by_node)
        .await
        .expect(422);
    publishes(node, installed("version = 2")).await.expect(409);

    for _ in 0..2 {
        publishes(node, installed(&document)).await.expect(204);
    }
    assert_eq!(greets(node, hash(&document)).await["policy_wanted"], false);

    let narrower = document.replace("finest_level = \"nil\"", "finest_level = \"municipio\"");
    assert_ne!(narrower, document);
    let act = PolicyChange {
        version: 1,
        id: "a".repeat(32),
        organisation: node.organisation.clone(),
        replaces: hash(&document),
        document: narrower.clone(),
        reason: "Livello meno fine".to_owned(),
        signed_at: bed.now(),
    };
    bed.pass(60);
    greets(node, hash(&narrower)).await;
    let act = seal(&node.dpo, PolicyChange::TYPE, &act);
    publishes(node, PublishedAs::Signed { act })
        .await
        .expect(204);
    let published = (support::logged(&bed).await.into_iter())
        .filter(|code| code == "policy-published")
        .count();
    assert_eq!(published, 2, "each once");

    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("associazione-ortica"))
        .await;
    let list = dpo.get("/api/v1/policies").await.expect(200).json();
    let organisations = list["organisations"].as_array().unwrap();
    let lambro = (organisations.iter())
        .find(|it| it["organisation"] == "cooperativa-lambro")
        .unwrap();
    let versions = lambro["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["in_force"], true);
    assert_eq!(
        versions[0]["signers"],
        json!([public(&node.dpo).to_string()])
    );
    assert_eq!(versions[1]["signers"], json!([]));
    let without = organisations
        .iter()
        .filter(|it| it["published"] == false)
        .count();
    assert_eq!(without, 2);

    let path = format!("/api/v1/policies/cooperativa-lambro/{}", hash(&narrower));
    let record = dpo.get(&path).await.expect(200).json();
    assert_eq!(record["document"], narrower);
    assert_eq!(record["version"]["reason"], "Livello meno fine");
    let comparison = &record["comparison"];
    assert_eq!(comparison["wider"], 0);
    assert!(comparison["narrower"].as_u64().unwrap() > 0);
    let changes = comparison["changes"].as_array().unwrap();
    assert!(
        changes
            .iter()
            .all(|row| row["direction"] == "narrower" && row["levels"] == json!(["nil"]))
    );
    assert_eq!(comparison["left_out"], 0);
    // The same turned round.
    let path = format!(
        "/api/v1/policies/cooperativa-lambro/{}?against={}",
        hash(&document),
        hash(&narrower)
    );
    let turned = dpo.get(&path).await.expect(200).json();
    assert_eq!(turned["comparison"]["wider"], comparison["narrower"]);
    dpo.get("/api/v1/policies/cooperativa-lambro/00")
        .await
        .refused(404, "not-found");

    for statement in ["UPDATE policies SET document = ''", "DELETE FROM policies"] {
        let mut transaction = bed.app.database.write().await.unwrap();
        let refused = sqlx::query(statement).execute(&mut *transaction).await;
        assert!(refused.is_err(), "{statement}");
    }

    // Caps are those of the policy in force.
    let budgets = dpo.get("/api/v1/budgets").await.expect(200).json();
    let lambro = (budgets["nodes"].as_array().unwrap().iter())
        .find(|it| it["organisation"] == "cooperativa-lambro")
        .unwrap();
    assert_eq!(lambro["lifetime"]["cap"]["rho"], 8_000_000_000_u64);
    assert_eq!(lambro["caps_are_known"], true);
    assert_eq!(budgets["citywide"].as_array().unwrap().len(), 3);
}

/// A consent to the city's study by an officer with this key.
async fn countersigns(node: &Node<'_>, study: &Envelope, officer: &SigningKey) -> Reply {
    let payload = study.unverified_payload().unwrap();
    let consent = Consent {
        version: 1,
        organisation: node.organisation.clone(),
        study: support::STUDY.to_owned(),
        study_hash: protocol::hex(&protocol::sha256(&payload)),
        signed_at: node.bed.now(),
    };
    let envelope = seal(officer, Consent::TYPE, &consent);
    node.post("/node/v1/consents", &envelope).await
}

/// The cooperative's starter policy with these officers, so many of whom sign what replaces it.
fn with_officers(city: &support::City<'_>, keys: &[&SigningKey], threshold: usize) -> String {
    let node = &city.nodes[1];
    let starter = Starter::Cooperative.text(
        &node.organisation,
        "comune-milano",
        &public(&city.nodes[0].requester),
        &public(&node.dpo),
    );
    let keys: Vec<String> = keys.iter().map(|key| public(key).to_string()).collect();
    let one = format!("threshold = 1\nkeys = [\"{}\"]", public(&node.dpo));
    let text = starter.replace(&one, &format!("threshold = {threshold}\nkeys = {keys:?}"));
    assert_ne!(text, starter);
    text
}

/// An act of these officers that replaces one policy by another.
fn replacing(
    number: u8,
    node: &Node<'_>,
    before: &str,
    document: &str,
    signers: &[&SigningKey],
) -> PublishedAs {
    let change = PolicyChange {
        version: 1,
        id: format!("{number:02x}").repeat(16),
        organisation: node.organisation.clone(),
        replaces: hash(before),
        document: document.to_owned(),
        reason: "Nuovo responsabile".to_owned(),
        signed_at: node.bed.now(),
    };
    let mut act = seal(signers[0], PolicyChange::TYPE, &change);
    for signer in &signers[1..] {
        act.add_signature(&public(signer), |bytes| signer.sign(bytes))
            .unwrap();
    }
    PublishedAs::Signed { act }
}

#[tokio::test]
async fn every_officer_of_a_policy_that_follows_from_the_pinned_key_countersigns() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let others: Vec<SigningKey> = (0..3).map(|_| SigningKey::ephemeral().unwrap()).collect();
    let installed = |document: &str| PublishedAs::Installed {
        document: document.to_owned(),
    };
    let refused = "signature-not-accepted";

    // Nothing is published yet: only the pinned key counts.
    countersigns(node, &city.study, &others[0])
        .await
        .refused(422, refused);
    let first = with_officers(&city, &[&node.dpo, &others[0], &others[1]], 2);
    greets(node, hash(&first)).await;
    publishes(node, installed(&first)).await.expect(204);
    countersigns(node, &city.study, &others[0])
        .await
        .expect(204);
    countersigns(node, &city.study, &others[2])
        .await
        .refused(422, refused);

    // The node's keeper publishes another one as installed, with an officer of the keeper's choosing.
    bed.pass(60);
    let own = with_officers(&city, &[&node.dpo, &others[2]], 1);
    greets(node, hash(&own)).await;
    publishes(node, installed(&own)).await.expect(204);
    countersigns(node, &city.study, &others[2])
        .await
        .refused(422, refused);

    // One of the two signatures that the first asks for is not enough, two are.
    let next = with_officers(&city, &[&others[1], &others[2]], 1);
    let mut number = 0;
    for (document, signers, accepted) in [
        (format!("{next}\n"), vec![&others[0]], false),
        (next.clone(), vec![&others[0], &others[1]], true),
    ] {
        bed.pass(60);
        greets(node, hash(&document)).await;
        number += 1;
        let act = replacing(number, node, &first, &document, &signers);
        publishes(node, act).await.expect(204);
        let reply = countersigns(node, &city.study, &others[2]).await;
        match accepted {
            true => drop(reply.expect(204)),
            false => reply.refused(422, refused),
        }
    }
    // Whom the officers took out of the policy signs no more.
    bed.pass(60);
    countersigns(node, &city.study, &node.dpo)
        .await
        .refused(422, refused);
}

#[tokio::test]
async fn policies_that_were_replaced_before_any_contact_are_taken_in_afterwards() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let [second, third, stranger] = [(); 3].map(|()| SigningKey::ephemeral().unwrap());
    let first = with_officers(&city, &[&node.dpo, &second, &third], 2);
    let next = with_officers(&city, &[&second, &third, &stranger], 2);
    let last = with_officers(&city, &[&second, &third], 1);
    let refused = "signature-not-accepted";
    let installed = || PublishedAs::Installed {
        document: first.clone(),
    };

    // The node greets with the third policy for the first time.
    greets(node, hash(&last)).await;
    // What nothing published has replaced stays out.
    publishes(node, installed())
        .await
        .refused(409, "other-policy");
    let in_force = replacing(2, node, &next, &last, &[&second, &third]);
    publishes(node, in_force).await.expect(204);
    let wanted = async || greets(node, hash(&last)).await["policy_wanted"].clone();
    assert_eq!(wanted().await, true, "it follows from one that is not here");
    countersigns(node, &city.study, &third)
        .await
        .refused(422, refused);
    publishes(node, installed())
        .await
        .refused(409, "other-policy");

    bed.pass(60);
    let between = replacing(1, node, &first, &next, &[&node.dpo, &third]);
    publishes(node, between).await.expect(204);
    assert_eq!(wanted().await, true);
    publishes(node, installed()).await.expect(204);
    assert_eq!(wanted().await, false);
    countersigns(node, &city.study, &third).await.expect(204);
    for former in [&stranger, &node.dpo] {
        countersigns(node, &city.study, former)
            .await
            .refused(422, refused);
    }

    // They are listed as they follow from each other, with those who signed them, in whatever order they came.
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some(&node.organisation))
        .await;
    let list = dpo.get("/api/v1/policies").await.expect(200).json();
    let own = (list["organisations"].as_array().unwrap().iter())
        .find(|it| it["organisation"] == *node.organisation)
        .unwrap();
    let versions = own["versions"].as_array().unwrap();
    let read: Vec<_> = (versions.iter())
        .map(|it| {
            (
                it["hash"].as_str().unwrap(),
                it["signers"].as_array().unwrap().len(),
            )
        })
        .collect();
    let [first, next, last] = [&first, &next, &last].map(|document| hash(document));
    assert_eq!(read, [(&*last, 2), (&*next, 2), (&*first, 0)]);
}

#[tokio::test]
async fn what_a_study_has_left_is_bounded_by_the_policys_cap_of_a_study_too() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let requester = public(&city.nodes[0].requester);
    let starter = Starter::Cooperative.text(
        &node.organisation,
        "comune-milano",
        &requester,
        &public(&node.dpo),
    );
    let document = starter.replace("per_study = 2_500_000_000", "per_study = 100_000_000");
    assert_ne!(document, starter);
    greets(node, hash(&document)).await;
    let installed = PublishedAs::Installed {
        document: document.clone(),
    };
    publishes(node, installed).await.expect(204);
    city.asked(&support::question(1_000), "first").await;
    node.answers(1).await.expect(200);
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some(&node.organisation))
        .await;
    let path = "/api/v1/decisions?organisation=cooperativa-lambro&decision=answered";
    let rows = dpo.get(path).await.expect(200).json();
    let id = rows["decisions"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/decisions/{id}");
    let record = dpo.get(&path).await.expect(200).json();
    // The study itself may spend 250,000,000.
    assert_eq!(record["remaining"]["study_limit"]["rho"], 100_000_000);
    assert_eq!(record["remaining"]["study_left"]["rho"], 99_999_000);
}
