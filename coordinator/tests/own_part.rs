//! Who may do what: only analysts ask, an organisation's people see their own part, and views kept for reports are their author's.

mod support;

use axum::body::Body;
use coordinator::store::accounts::Role;
use serde_json::{Value, json};
use support::{Bed, Browser, Reply, STUDY, question, send};

#[tokio::test]
async fn only_analysts_ask_and_organisations_see_their_own_part() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let id = city.asked(&question(1_000_000), "key").await;
    city.nodes[1].refuses("purpose").await.expect(200);
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("cooperativa-lambro"))
        .await;
    let stranger = bed
        .signed_in("sara", Role::Organisation, Some("fondazione-navigli"))
        .await;
    let admin = bed.signed_in("ada", Role::Admin, None).await;
    for browser in [&dpo, &stranger, &admin] {
        browser
            .ask(&question(1_000), "key")
            .await
            .refused(403, "forbidden");
        browser
            .post(
                "/api/v1/queries/preview",
                &json!({ "study": STUDY, "query": question(1_000) }),
            )
            .await
            .expect(200);
    }
    city.analyst
        .post(
            "/api/v1/queries",
            &json!({ "study": STUDY, "query": question(1) }),
        )
        .await
        .refused(400, "idempotency-key-required");

    let nodes = |reply: Value| {
        reply["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["id"].clone())
            .collect::<Vec<_>>()
    };
    let own = bed
        .signed_in("luca", Role::Organisation, Some("cooperativa-lambro"))
        .await;
    assert_eq!(
        nodes(own.get("/api/v1/nodes").await.expect(200).json()),
        [json!("cooperativa-lambro")]
    );
    for all in [&dpo, &admin, &city.analyst] {
        let seen = nodes(all.get("/api/v1/nodes").await.expect(200).json());
        assert_eq!(seen.len(), 3);
    }
    let view = dpo
        .get(&format!("/api/v1/queries/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(view["nodes"].as_array().unwrap().len(), 1);
    stranger
        .get(&format!("/api/v1/queries/{id}"))
        .await
        .refused(404, "not-found");
    assert_eq!(
        stranger.get("/api/v1/queries").await.expect(200).json()["queries"],
        json!([])
    );

    let entries = |reply: Value| reply["entries"].as_array().unwrap().clone();
    let seen = entries(dpo.get("/api/v1/log").await.expect(200).json());
    assert!(
        seen.iter()
            .any(|entry| entry["summary_code"] == "node-refused")
    );
    assert!(
        seen.iter()
            .all(|entry| entry["node"].is_null() || entry["node"] == "cooperativa-lambro")
    );
    assert!(
        seen.iter()
            .all(|entry| entry["kind"] != "login" && entry["kind"] != "admin-act")
    );
    let all = entries(admin.get("/api/v1/log").await.expect(200).json());
    assert!(all.iter().any(|entry| entry["summary_code"] == "signed-in"));
    let asked = |entries: &[Value]| {
        entries
            .iter()
            .find(|entry| entry["summary_code"] == "query-asked")
            .unwrap()["params"]
            .clone()
    };
    assert_eq!(asked(&all)["account"], "anna");
    let analysts = entries(city.analyst.get("/api/v1/log").await.expect(200).json());
    assert_eq!(
        asked(&analysts)["account"],
        json!(null),
        "bodies are for those who keep the log"
    );
    let last = all.last().unwrap()["index"].as_u64().unwrap();
    assert_eq!(
        entries(admin.get(&format!("/api/v1/log?after={last}")).await.json()),
        Vec::<Value>::new()
    );
}

async fn delete(browser: &Browser<'_>, path: &str) -> Reply {
    let request = browser.request("DELETE", path).body(Body::empty()).unwrap();
    send(&browser.bed.web, request).await
}

#[tokio::test]
async fn views_are_paths_of_this_site() {
    let bed = Bed::new().await;
    let anna = bed.signed_in("anna", Role::Analyst, None).await;
    let view = |address: &str| json!({ "name": "Anziani soli", "note": "per la giunta", "address": address });
    let kept = (anna
        .post("/api/v1/views", &view("/explore/abc?target=minors"))
        .await
        .expect(201))
    .location();
    for wrong in [
        "",
        "explore",
        "//elsewhere.example/",
        "/api/v1/log",
        "/a b",
        "/\\elsewhere",
        "https://elsewhere.example",
    ] {
        anna.post("/api/v1/views", &view(wrong))
            .await
            .refused(422, "invalid-address");
    }
    let bruno = bed.signed_in("bruno", Role::Admin, None).await;
    let listed = bruno.get("/api/v1/views").await.expect(200).json();
    assert_eq!(listed["views"][0]["address"], "/explore/abc?target=minors");
    let carla = bed.signed_in("carla", Role::Analyst, None).await;
    delete(&carla, &kept).await.refused(403, "forbidden");
    delete(&anna, &kept).await.expect(204);
    delete(&anna, &kept).await.refused(404, "not-found");
}
