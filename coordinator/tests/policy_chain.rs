//! Who speaks for an organisation as its officers, by the policies that its node published: only whom a chain of enough signatures leads to,
//! from the policy that names the key pinned when it joined, in whatever order and in however many ways they come.

mod support;

use coordinator::store::accounts::Role;
use identity::SigningKey;
use protocol::PublishedAs;
use serde_json::Value;
use support::Bed;
use support::policies::{countersigns, greets, hash, publishes, replacing, with_officers};

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

/// What the page of policies says of the second node's: hash, signatures, how many it needed, whether it follows.
async fn versions(bed: &Bed, name: &str) -> Vec<(String, usize, Option<u64>, bool)> {
    let dpo = bed
        .signed_in(name, Role::Dpo, Some("cooperativa-lambro"))
        .await;
    let list = dpo.get("/api/v1/policies").await.expect(200).json();
    let own = (list["organisations"].as_array().unwrap().iter())
        .find(|it| it["organisation"] == "cooperativa-lambro")
        .unwrap();
    let read = |it: &Value| {
        (
            it["hash"].as_str().unwrap().to_owned(),
            it["signers"].as_array().unwrap().len(),
            it["signers_needed"].as_u64(),
            it["follows"].as_bool().unwrap(),
        )
    };
    (own["versions"].as_array().unwrap().iter())
        .map(read)
        .collect()
}

#[tokio::test]
async fn signatures_by_officers_whom_only_the_node_named_count_for_nothing() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let [second, keeper] = [(); 2].map(|()| SigningKey::ephemeral().unwrap());
    let first = with_officers(&city, &[&node.dpo, &second], 2);
    let own = with_officers(&city, &[&keeper], 1);
    let next = format!("{own}\n");
    let half = format!("{first}\n");
    let installed = |document: &str| PublishedAs::Installed {
        document: document.to_owned(),
    };
    for (document, policy) in [
        (&first, installed(&first)),
        (&own, installed(&own)),
        (&next, replacing(1, node, &own, &next, &[&keeper])),
        (
            &half,
            replacing(2, node, &first, &half, &[&second, &keeper]),
        ),
    ] {
        bed.pass(60);
        greets(node, hash(document)).await;
        publishes(node, policy).await.expect(204);
    }
    let [first, own, next, half] = [first, own, next, half].map(|document| hash(&document));
    let expected = [
        (half, 1, Some(2), false),
        (next, 0, None, false),
        (own, 0, None, false),
        (first, 0, None, true),
    ];
    assert_eq!(versions(&bed, "dora").await, expected);
    // Whoever answers for the data is told.
    let admin = bed.signed_in("ada", Role::Admin, None).await;
    let alerts = admin.get("/api/v1/alerts").await.expect(200).json();
    let told = (alerts["alerts"].as_array().unwrap().iter())
        .filter(|alert| alert["node"] == *node.organisation)
        .any(|alert| alert["code"] == "policy-does-not-follow");
    assert!(told, "{alerts}");
}

/// What an earlier version of a node published: the policy in force as it came into force the last time, and nothing before it.
#[tokio::test]
async fn a_policy_that_is_known_in_another_way_than_it_first_came_into_force_comes_to_follow() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let node = &city.nodes[1];
    let [second, third, other] = [(); 3].map(|()| SigningKey::ephemeral().unwrap());
    let first = with_officers(&city, &[&node.dpo, &other], 1);
    let next = with_officers(&city, &[&second], 1);
    let between = with_officers(&city, &[&third], 1);
    let wanted = async || greets(node, hash(&next)).await["policy_wanted"].clone();
    assert_eq!(wanted().await, true);
    publishes(node, replacing(3, node, &between, &next, &[&third]))
        .await
        .expect(204);
    assert_eq!(wanted().await, true);
    // A chain that closes on itself is no end.
    publishes(node, replacing(2, node, &next, &between, &[&second]))
        .await
        .expect(204);
    assert_eq!(wanted().await, true);
    countersigns(node, &city.study, &second)
        .await
        .refused(422, "signature-not-accepted");

    let from_first = || replacing(1, node, &first, &next, &[&node.dpo]);
    for _ in 0..2 {
        publishes(node, from_first()).await.expect(204);
    }
    let installed = PublishedAs::Installed {
        document: first.clone(),
    };
    publishes(node, installed).await.expect(204);
    assert_eq!(wanted().await, false);
    countersigns(node, &city.study, &second).await.expect(204);
    // Each is listed once, in the way it follows.
    let [first, next, between] = [first, next, between].map(|document| hash(&document));
    let expected = [
        (between, 1, Some(1), true),
        (next, 1, Some(1), true),
        (first, 0, None, true),
    ];
    assert_eq!(versions(&bed, "dora").await, expected);
    let published = (support::logged(&bed).await.into_iter())
        .filter(|code| code == "policy-published")
        .count();
    assert_eq!(published, 4, "each way once");
}
