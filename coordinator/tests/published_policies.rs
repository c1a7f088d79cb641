//! Policies as nodes publish them: taken in as their nodes sign them, kept version by version, compared in decisions.
//! Caps of budgets are those of the policy in force.

mod support;

use coordinator::store::MIGRATIONS;
use coordinator::store::accounts::Role;
use coordinator::store::published_policies::{policies, policy_insert};
use identity::SigningKey;
use policy::Starter;
use protocol::{Act, PolicyChange, PolicyPublication, PublishedAs, VerifiedPolicyPublication};
use serde_json::{Value, json};
use support::policies::{greets, hash, publishes, with_officers};
use support::{Bed, public, seal};

#[tokio::test]
async fn an_act_with_more_signatures_than_officers_can_have_is_refused() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let requester = public(&city.nodes[0].requester);
    let officer = public(&node.dpo);
    let document =
        Starter::Cooperative.text(&node.organisation, "comune-milano", &requester, &officer);
    let act = PolicyChange {
        version: 1,
        id: "a".repeat(32),
        organisation: node.organisation.clone(),
        replaces: hash("of another one"),
        document: document.clone(),
        reason: "another".to_owned(),
        signed_at: bed.now(),
    };
    greets(node, hash(&document)).await;
    let mut act = seal(&node.dpo, PolicyChange::TYPE, &act);
    act.signatures = vec![act.signatures[0].clone(); 33];
    let signed = |act| PublishedAs::Signed { act };
    publishes(node, signed(act.clone()))
        .await
        .refused(422, "too-many-signatures");
    act.signatures.truncate(32);
    publishes(node, signed(act)).await.expect(204);
}

#[tokio::test]
async fn a_hundred_policies_of_an_organisation_are_taken_in_within_a_day_and_more_on_the_next() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [_, node, other] = &city.nodes;
    let installed = |number: usize| PublishedAs::Installed {
        document: format!("version = {number}"),
    };
    for number in 0..100 {
        greets(node, hash(&format!("version = {number}"))).await;
        publishes(node, installed(number)).await.expect(204);
    }
    greets(node, hash("version = 100")).await;
    for _ in 0..2 {
        publishes(node, installed(100))
            .await
            .refused(429, "too-many-policies");
    }
    // One that is here already is no new one, nor is another organisation's.
    greets(node, hash("version = 7")).await;
    publishes(node, installed(7)).await.expect(204);
    greets(other, hash("version = 7")).await;
    publishes(other, installed(7)).await.expect(204);
    bed.pass(86_400);
    greets(node, hash("version = 100")).await;
    publishes(node, installed(100)).await.expect(204);
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

#[tokio::test]
async fn a_database_from_before_keeps_its_policies_and_takes_in_other_ways_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.db");
    let node = SigningKey::ephemeral().unwrap();
    let publication = |replaces: &str| PolicyPublication {
        version: 1,
        organisation: "a".to_owned(),
        policy: PublishedAs::Signed {
            act: seal(
                &node,
                PolicyChange::TYPE,
                &PolicyChange {
                    version: 1,
                    id: "a".repeat(32),
                    organisation: "a".to_owned(),
                    replaces: replaces.to_owned(),
                    document: "version = 2".to_owned(),
                    reason: "another".to_owned(),
                    signed_at: 5,
                },
            ),
        },
        published_at: 6,
    };
    let signed = |replaces: &str| seal(&node, PolicyPublication::TYPE, &publication(replaces));
    let [before, other] = ["b", "c"].map(|digit| digit.repeat(64));
    let migrations: Vec<_> = (MIGRATIONS.iter().copied())
        .filter(|(number, ..)| *number <= 50)
        .collect();
    let store = storage::Store::open(&path, &storage::migrator(&migrations))
        .await
        .unwrap();
    let mut transaction = store.writer().write_transaction().await.unwrap();
    sqlx::query("INSERT INTO organisations (id, name, state) VALUES ('a', 'A', 'invited')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO policies (organisation, policy_hash, replaces, reason, document, envelope, signed_at, received_at) \
         VALUES ('a', $1, $2, 'another', 'version = 2', $3, 5, 7)",
    )
    .bind(hash("version = 2"))
    .bind(&before)
    .bind(serde_json::to_string(&signed(&before)).unwrap())
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    drop(store);

    let store = storage::Store::open(&path, &storage::migrator(MIGRATIONS))
        .await
        .unwrap();
    let mut transaction = store.writer().write_transaction().await.unwrap();
    let kept = policies(&mut transaction, Some("a")).await.unwrap();
    let read: Vec<_> = (kept.iter())
        .map(|it| (&*it.hash, &*it.replaces, &*it.document, it.received_at))
        .collect();
    assert_eq!(read, [(&*hash("version = 2"), &*before, "version = 2", 7)]);
    assert!(kept[0].act.is_some());
    for (replaces, is_new) in [(&before, false), (&other, true), (&other, false)] {
        let envelope = signed(replaces);
        let verified = VerifiedPolicyPublication::verify(&envelope, &public(&node), "a").unwrap();
        let done = policy_insert(&mut transaction, "a", &verified, &envelope, 8).await;
        assert_eq!(done.unwrap(), is_new);
    }
    transaction.commit().await.unwrap();
    for statement in ["UPDATE policies SET document = ''", "DELETE FROM policies"] {
        let mut transaction = store.writer().write_transaction().await.unwrap();
        let refused = sqlx::query(statement).execute(&mut *transaction).await;
        assert!(refused.is_err(), "{statement}");
    }
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
    node.answers_under(&hash(&document)).await.expect(200);
    let record = decided(&bed, "answered").await;
    // The study itself may spend 250,000,000.
    assert_eq!(record["remaining"]["study_limit"]["rho"], 100_000_000);
    assert_eq!(record["remaining"]["study_left"]["rho"], 99_999_000);
}

/// The record of the second node's last decision of that kind.
async fn decided(bed: &Bed, decision: &str) -> Value {
    let dpo = bed
        .signed_in(decision, Role::Dpo, Some("cooperativa-lambro"))
        .await;
    let path = format!("/api/v1/decisions?organisation=cooperativa-lambro&decision={decision}");
    let rows = dpo.get(&path).await.expect(200).json();
    let id = rows["decisions"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/decisions/{id}");
    dpo.get(&path).await.expect(200).json()
}

#[tokio::test]
async fn a_decision_names_the_policy_of_its_receipt_or_says_that_it_is_the_one_it_was_asked_under()
{
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let other = SigningKey::ephemeral().unwrap();
    let first = with_officers(&city, &[&node.dpo, &other], 1);
    let next = format!("{first}\n");
    greets(node, hash(&first)).await;
    city.asked(&support::question(1_000), "first").await;
    greets(node, hash(&next)).await;
    let installed = PublishedAs::Installed {
        document: next.clone(),
    };
    publishes(node, installed).await.expect(204);
    node.answers_under(&hash(&next)).await.expect(200);
    let answered = decided(&bed, "answered").await;
    assert_eq!(answered["policy_hash"], hash(&next));
    assert_eq!(answered["policy_is_of_the_decision"], true);
    assert_eq!(answered["policy_is_published"], true);

    greets(node, hash(&first)).await;
    city.asked(&support::question(2_000), "second").await;
    greets(node, hash(&next)).await;
    node.refuses("planning").await.expect(200);
    let refused = decided(&bed, "refused").await;
    assert_eq!(refused["policy_hash"], hash(&first));
    assert_eq!(refused["policy_is_of_the_decision"], false);
}
