//! Offers: each organisation's node signs its own, a later version replaces an earlier one and never the other way round, and who
//! may read sees what was signed.

mod support;

use coordinator::store::accounts::Role;
use offer::{Offer, OfferedService, Site};
use protocol::OfferNotice;
use serde_json::{Value, json};
use support::{Bed, Node, logged, seal};

fn notice(node: &Node<'_>, revision: u64, capacity: u32) -> OfferNotice {
    OfferNotice {
        version: 1,
        organisation: node.organisation.clone(),
        revision,
        signed_at: node.bed.now(),
        offer: Offer {
            sites: vec![Site {
                id: "sede".to_owned(),
                name: "Sede".to_owned(),
                nil: Some(9),
                municipio: Some(2),
                ..Site::default()
            }],
            services: vec![OfferedService {
                id: "1".to_owned(),
                name: "Centro diurno".to_owned(),
                service: Some("day-centre".to_owned()),
                targets: ["elderly-75-plus".to_owned()].into(),
                sites: ["sede".to_owned()].into(),
                capacity: Some(capacity),
                ..OfferedService::default()
            }],
        },
    }
}

async fn offers(browser: &support::Browser<'_>) -> Vec<Value> {
    let reply = browser.get("/api/v1/offers").await.expect(200).json();
    reply["offers"].as_array().expect("offers").clone()
}

#[tokio::test]
async fn the_latest_signed_offer_of_each_organisation_is_read_by_who_may() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let (first, second) = (&city.nodes[0], &city.nodes[1]);
    let hand_in = async |node: &Node<'_>, notice: &OfferNotice, key| {
        let sealed = seal(key, OfferNotice::TYPE, notice);
        node.post("/node/v1/offer", &sealed).await
    };
    for (node, capacity) in [(first, 10), (second, 20)] {
        hand_in(node, &notice(node, 1, capacity), &node.key)
            .await
            .expect(204);
    }
    hand_in(first, &notice(first, 3, 30), &first.key)
        .await
        .expect(204);
    // An earlier version, and the same again, change nothing.
    for revision in [2, 3] {
        hand_in(first, &notice(first, revision, 99), &first.key)
            .await
            .expect(204);
    }
    // Another's key, another's offer, and what names nothing known are refused.
    let mut unknown = notice(first, 4, 1);
    unknown.offer.services[0].targets = ["nobody".to_owned()].into();
    for (notice, key) in [
        (notice(first, 4, 1), &second.key),
        (notice(second, 4, 1), &first.key),
        (unknown, &first.key),
    ] {
        hand_in(first, &notice, key)
            .await
            .refused(422, "offer-not-accepted");
    }
    let all = offers(&city.analyst).await;
    assert_eq!(all.len(), 2);
    let of = |id: &str| {
        let found = all.iter().find(|offer| offer["organisation"] == id);
        found.expect("an offer").clone()
    };
    let offer = of(&first.organisation);
    assert_eq!(
        (&offer["revision"], &offer["services"][0]["capacity"]),
        (&json!(3), &json!(30))
    );
    assert_eq!(offer["sites"][0]["nil"], 9);
    assert_eq!(offer["services"][0]["targets"], json!(["elderly-75-plus"]));
    let own = bed
        .signed_in("dora", Role::Dpo, Some(&second.organisation))
        .await;
    let seen = offers(&own).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["organisation"], second.organisation.as_str());
    let nobody = support::Browser {
        bed: &bed,
        cookie: String::new(),
    };
    nobody
        .get("/api/v1/offers")
        .await
        .refused(401, "unauthenticated");
    let published = (logged(&bed).await.iter())
        .filter(|code| *code == "offer-published")
        .count();
    assert_eq!(published, 3);
}
