//! Answers split over levels, and planned cubes: asked once for the past, then for each period an edition completes.

mod support;

use serde_json::{Value, json};
use support::{Bed, Browser, City, Reply, STUDY, logged};

/// The edition of a month, `YYYY-MM`, by the declared calendar.
fn edition(month: &str) -> u32 {
    let (year, month) = month.split_once('-').unwrap();
    (year.parse::<u32>().unwrap() - 2020) * 12 + month.parse::<u32>().unwrap()
}

async fn publish(city: &City<'_>, month: &str) {
    for node in &city.nodes {
        node.hello(edition(month)).await.expect(200);
    }
}

fn cube(id: &str) -> Value {
    json!({
        "version": 1, "id": id, "study": STUDY, "first": "2025-01",
        "question": {
            "measure": "persons", "by": { "area": { "city": 20, "municipio": 70 }, "period": "quarter" },
            "cut_off": { "share": 10, "at_most": 5 },
        },
        "past": { "bounds": { "cells": 3, "per_cell": 1 }, "rho": 50_000_000 },
        "each": { "bounds": { "cells": 1, "per_cell": 1 }, "rho": 20_000_000 },
    })
}

async fn post_with_key(browser: &Browser<'_>, path: &str, body: &Value, key: &str) -> Reply {
    let request = browser
        .request("POST", path)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    support::send(&browser.bed.web, request).await
}

async fn ask(city: &City<'_>, body: &Value, key: &str) -> Reply {
    post_with_key(&city.analyst, "/api/v1/cubes/targets/ask", body, key).await
}

async fn seen(city: &City<'_>) -> Value {
    city.analyst
        .get("/api/v1/cubes/targets")
        .await
        .expect(200)
        .json()
}

/// Signs and answers what was asked; the query's id.
async fn answered(city: &City<'_>, asked: Reply) -> String {
    let id = asked.location().rsplit('/').next().unwrap().to_owned();
    city.nodes[0].sign_all().await;
    for node in &city.nodes {
        node.answers(4).await.expect(200);
    }
    assert_eq!(city.view(&id).await["state"], "released");
    id
}

#[tokio::test]
async fn an_answer_split_over_levels_becomes_a_release_of_each_with_its_own_noise() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let mut query = support::question(100_000_000);
    query["by"]["area"] = json!({ "city": 20, "municipio": 75 });
    query["cut_off"] = json!({ "share": 5, "at_most": 3 });

    let preview = json!({ "study": STUDY, "query": query });
    let preview = city.analyst.post("/api/v1/queries/preview", &preview).await;
    let preview = preview.expect(200).json();
    assert_eq!(preview["cells"], 12);
    let parts = preview["parts"].as_array().unwrap();
    let named: Vec<&str> = parts
        .iter()
        .map(|part| part["of"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["city", "municipio", "cut-off"]);
    assert_eq!(
        parts[1]["standard_deviation"],
        preview["standard_deviation"]
    );

    let asked = city.analyst.ask(&query, "key-1").await.expect(202);
    let id = answered(&city, asked).await;
    let listed = city
        .analyst
        .get("/api/v1/releases")
        .await
        .expect(200)
        .json();
    let listed = listed["releases"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 2);
    let mut variances = Vec::new();
    for (summary, level, cells, rho) in [
        (&listed[1], "city", 1, 20_000_000u64),
        (&listed[0], "municipio", 10, 75_000_000),
    ] {
        let path = format!("/api/v1/releases/{}", summary["id"].as_str().unwrap());
        let release = city.analyst.get(&path).await.expect(200).json();
        assert_eq!(release["level"], level);
        assert_eq!(release["values"], json!(vec![12; cells]));
        assert_eq!(release["query"]["by"]["area"], level);
        assert_eq!(
            (&release["query"]["rho"], &release["privacy"]["rho"]),
            (&json!(rho), &json!(rho))
        );
        assert_eq!(release["part_of"]["query"], id);
        assert_eq!(release["part_of"]["rho"], 100_000_000);
        assert_eq!(release["part_of"]["releases"].as_array().unwrap().len(), 2);
        assert_eq!(release["privacy"]["truncation"]["value"], 12);
        assert_eq!(release["privacy"]["truncation"]["at_most"], 3);
        // Three nodes of variance D2^2 / (2 rho) each.
        let expected = 3.0 / (2.0 * rho as f64 / 1e9);
        variances.push((release["variance"][0].as_f64().unwrap(), expected));
        let of_node = release["coverage"]["answered"][0]["variance"]
            .as_f64()
            .unwrap();
        assert!((of_node * 3.0 / expected - 1.0).abs() < 1e-9);
    }
    for (stated, expected) in variances {
        assert!(
            (stated / expected - 1.0).abs() < 1e-9,
            "{stated} {expected}"
        );
    }
    // The query leads to the finest level, asking again to it too, and the plain question is answered already.
    let finest = listed[0]["id"].as_str().unwrap();
    assert_eq!(city.view(&id).await["release"], finest);
    let again = city.analyst.ask(&query, "key-2").await.expect(200);
    assert!(again.location().ends_with(finest));
    let mut plain = support::question(75_000_000);
    plain["by"]["area"] = json!("municipio");
    let plain = city.analyst.ask(&plain, "key-3").await.expect(200);
    assert!(plain.location().ends_with(finest));
}

#[tokio::test]
async fn a_cube_is_asked_once_for_the_past_and_then_for_what_each_edition_completes() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    publish(&city, "2025-03").await;
    let made = city
        .analyst
        .post("/api/v1/cubes", &cube("targets"))
        .await
        .expect(201);
    assert_eq!(made.location(), "/api/v1/cubes/targets");
    city.analyst
        .post("/api/v1/cubes", &cube("targets"))
        .await
        .refused(409, "cube-exists");
    let view = seen(&city).await;
    assert_eq!(
        (&view["completed"], &view["due"]),
        (&json!("2025-02"), &json!(null))
    );
    ask(&city, &json!({}), "early")
        .await
        .refused(409, "nothing-due");

    // A year is complete: one charge for all of it.
    publish(&city, "2026-01").await;
    let due = seen(&city).await["due"].clone();
    assert_eq!(
        due,
        json!({ "kind": "past", "from": "2025-01", "to": "2025-12", "rho": 50_000_000 })
    );
    let preview = city
        .analyst
        .post("/api/v1/cubes/targets/preview", &json!({}))
        .await;
    let preview = preview.expect(200).json();
    assert_eq!(preview["price"]["rho"], 50_000_000);
    assert_eq!(preview["cells"], 4 + 40 + 1);
    let asked = ask(&city, &json!({}), "past").await.expect(202);
    let replayed = ask(&city, &json!({}), "past").await.expect(202);
    assert_eq!(replayed.location(), asked.location(), "one key asks once");
    let past = answered(&city, asked).await;
    ask(&city, &json!({}), "again")
        .await
        .refused(409, "nothing-due");

    // A quarter later, once everybody has published; only that quarter is asked.
    for node in &city.nodes[1..] {
        node.hello(edition("2026-04")).await.expect(200);
    }
    assert_eq!(
        seen(&city).await["due"],
        json!(null),
        "one edition is behind"
    );
    publish(&city, "2026-04").await;
    let due = seen(&city).await["due"].clone();
    assert_eq!(
        due,
        json!({ "kind": "period", "from": "2026-01", "to": "2026-03", "rho": 20_000_000 })
    );
    let asked = ask(&city, &json!({}), "quarter").await.expect(202);
    let quarter = answered(&city, asked).await;
    let query = city.view(&quarter).await["query"].clone();
    assert_eq!(
        query["period"],
        json!({ "from": "2026-01", "to": "2026-03" })
    );

    // Old periods again only on purpose, at their price, and only those asked before.
    let revise = |from: &str, to: &str| json!({ "revise": { "from": from, "to": to } });
    let last = revise("2025-10", "2025-12");
    let preview = city
        .analyst
        .post("/api/v1/cubes/targets/preview", &last)
        .await;
    assert_eq!(preview.expect(200).json()["price"]["rho"], 20_000_000);
    let asked = ask(&city, &last, "revision").await.expect(202);
    let revision = answered(&city, asked).await;
    ask(&city, &revise("2026-04", "2026-06"), "future")
        .await
        .refused(422, "not-asked-before");
    ask(&city, &revise("2025-11", "2025-12"), "torn")
        .await
        .refused(422, "invalid-period");

    let asked: Vec<(String, String)> = (seen(&city).await["asked"].as_array().unwrap().iter())
        .map(|ask| {
            (
                ask["kind"].as_str().unwrap().to_owned(),
                ask["query"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [("past", past), ("revision", revision), ("period", quarter)];
    assert_eq!(
        asked,
        expected.map(|(kind, query)| (kind.to_owned(), query))
    );
    assert!(logged(&bed).await.contains(&"cube-planned".to_owned()));
}

#[tokio::test]
async fn a_cube_that_could_not_be_asked_is_refused_with_the_place() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let mut wrong = cube("targets");
    wrong["each"]["bounds"]["cells"] = json!(2);
    let reply = city.analyst.post("/api/v1/cubes", &wrong).await;
    assert_eq!(reply.json()["path"], "$.each.bounds.cells");
    reply.refused(422, "out-of-range");
    let mut elsewhere = cube("targets");
    elsewhere["study"] = json!("another");
    city.analyst
        .post("/api/v1/cubes", &elsewhere)
        .await
        .refused(422, "unknown-study");
    city.analyst
        .get("/api/v1/cubes/targets")
        .await
        .refused(404, "not-found");
    let dpo = bed
        .signed_in(
            "dora",
            coordinator::store::accounts::Role::Dpo,
            Some("comune-milano"),
        )
        .await;
    dpo.post("/api/v1/cubes", &cube("targets"))
        .await
        .refused(403, "forbidden");
    city.analyst
        .post("/api/v1/cubes", &cube("targets"))
        .await
        .expect(201);
    post_with_key(&dpo, "/api/v1/cubes/targets/ask", &json!({}), "key")
        .await
        .refused(403, "forbidden");
    city.analyst
        .post("/api/v1/cubes/targets/ask", &json!({}))
        .await
        .refused(400, "idempotency-key-required");
}

#[tokio::test]
async fn the_default_cubes_are_planned_once() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let path = format!("/api/v1/studies/{STUDY}/default-cubes");
    let first = json!({ "first": "2021-01" });
    let planned = city.analyst.post(&path, &first).await.expect(201).json();
    let names = json!([
        "needs-by-quarter",
        "services-by-month",
        "households-by-year"
    ]);
    assert_eq!(planned["planned"], names);
    let again = city.analyst.post(&path, &first).await.expect(201).json();
    assert_eq!(again["planned"], json!([]));
    let torn = json!({ "first": "2021-02" });
    city.analyst
        .post(&path, &json!({ "first": "soon" }))
        .await
        .refused(422, "invalid-period");
    city.analyst
        .post(&path, &torn)
        .await
        .refused(422, "invalid-period");
}
