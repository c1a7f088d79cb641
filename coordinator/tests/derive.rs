//! Answering a question from a release: offered in the preview, made on an analyst's word, and nobody is asked.
//! Nodes are simulated with real keys; their cells are made up here.

mod support;

use coordinator::store::accounts::Role;
use serde_json::{Value, json};
use support::{Bed, City, Node, STUDY, logged, question};

/// Presences by neighbourhood and sex: of it follow those by neighbourhood, and of the city.
fn by_nil_and_sex() -> Value {
    let mut query = question(1_000_000);
    query["by"] = json!({ "area": "nil", "sex": true });
    query
}

fn of_the_city() -> Value {
    let mut query = question(2_000_000);
    query["by"] = json!({ "area": "city" });
    query
}

/// Asks a question, has it answered by all with these values in every cell, and returns the release.
async fn released(city: &City<'_>, query: &Value, values: [i64; 3], key: &str) -> String {
    let id = city.asked(query, key).await;
    for (node, value) in city.nodes.iter().zip(values) {
        node.answers(value).await.expect(200);
    }
    city.view(&id).await["release"].as_str().unwrap().to_owned()
}

async fn preview(city: &City<'_>, query: &Value) -> Value {
    let body = json!({ "study": STUDY, "query": query });
    let reply = city.analyst.post("/api/v1/queries/preview", &body).await;
    reply.expect(200).json()
}

fn derive_path(release: &str) -> String {
    format!("/api/v1/releases/{release}/derive")
}

#[tokio::test]
async fn an_answer_that_follows_from_a_release_is_offered_and_made_without_asking_anybody() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let wanted = of_the_city();
    let before = preview(&city, &wanted).await;
    assert_eq!(before["derivable"], json!(null));
    let source = released(&city, &by_nil_and_sex(), [5, 7, -2], "key").await;
    let first = city
        .analyst
        .get(&format!("/api/v1/releases/{source}"))
        .await;
    let first = first.expect(200).json();

    let offered = preview(&city, &wanted).await;
    assert_eq!(offered["already_released"], json!(null));
    let offer = &offered["derivable"];
    assert_eq!(offer["release"], source);
    // 89 areas, three keys of sex; each of three nodes draws noise of variance 500.
    assert_eq!(offer["draws"], 267);
    let variance = first["variance"][0].as_f64().unwrap() * 267.0;
    let margin = (1.959964 * variance.sqrt()).ceil();
    assert_eq!(offer["margin_95"], margin);
    assert_eq!(offer["bounds"], json!({ "cells": 1, "per_cell": 1 }));
    assert_eq!(
        (&offer["cuts_more"], &offer["refused"]),
        (&json!(false), &json!([]))
    );

    let body = json!({ "study": STUDY, "query": wanted });
    let made = city
        .analyst
        .post(&derive_path(&source), &body)
        .await
        .expect(200);
    let release = city.analyst.get(&made.location()).await.expect(200).json();
    assert_eq!(release["derived_from"], source);
    assert_eq!(release["values"], json!([267 * 10]));
    assert_eq!(release["margin_95"], json!([margin]));
    let found = release["variance"][0].as_f64().unwrap();
    assert!((found / variance - 1.0).abs() < 1e-9, "{found} {variance}");
    assert_eq!(release["coverage"], first["coverage"]);
    assert_eq!(release["query"], before["canonical"]);
    assert_eq!(release["level"], "city");
    // The loss is that of the source, whose answers these are.
    assert_eq!(release["privacy"]["rho"], 1_000_000);
    assert_eq!(release["privacy"]["bounds"], offer["bounds"]);
    // The largest organisation has at least 0, all of them at most the sum, both moved outwards.
    let upper = release["bracket"]["upper"][0].as_i64().unwrap();
    assert!(upper > 2_670, "{upper}");

    for node in &city.nodes {
        assert!(node.poll().await.is_empty(), "nobody is asked");
    }
    let codes = logged(&bed).await;
    let ends: Vec<&str> = codes[codes.len() - 2..]
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(ends, ["release-derived", "release-published"]);

    // Once more: the same release, logged as used again.
    let again = city
        .analyst
        .post(&derive_path(&source), &body)
        .await
        .expect(200);
    assert_eq!(again.location(), made.location());
    assert_eq!(logged(&bed).await.last().unwrap(), "release-reused");
    // From the derived release too, since it stands for its source.
    let id = release["id"].as_str().unwrap();
    let again = city.analyst.post(&derive_path(id), &body).await.expect(200);
    assert_eq!(again.location(), made.location());

    // Files say where it comes from.
    let csv = city
        .analyst
        .get(&format!("{}.csv", made.location()))
        .await
        .expect(200);
    let mut lines = csv.text.lines();
    assert!(lines.next().unwrap().contains(",derived_from,"));
    assert!(lines.next().unwrap().contains(&source));
    let file = city
        .analyst
        .get(&format!("{}.json", made.location()))
        .await
        .expect(200);
    assert_eq!(file.json()["derived_from"], source);
    let list = city
        .analyst
        .get("/api/v1/releases")
        .await
        .expect(200)
        .json();
    assert_eq!(list["releases"][0]["derived_from"], source);
    assert!(list["releases"][1].get("derived_from").is_none());

    // Whoever wants less noise still asks, and pays.
    city.analyst.ask(&wanted, "anew").await.expect(202);
}

#[tokio::test]
async fn the_best_of_several_releases_is_offered() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let mut by_municipio = question(1_000_000);
    let coarse = released(&city, &by_municipio, [1, 1, 1], "a").await;
    released(&city, &by_nil_and_sex(), [1, 1, 1], "b").await;
    let offer = preview(&city, &of_the_city()).await["derivable"].clone();
    assert_eq!(
        (&offer["release"], &offer["draws"]),
        (&json!(coarse), &json!(10))
    );
    // A newer one of less noise is better, but not where an organisation refused it.
    by_municipio["rho"] = json!(5_000_000);
    let id = city.asked(&by_municipio, "c").await;
    city.nodes[0].answers(1).await.expect(200);
    city.nodes[1].refuses("rho").await.expect(200);
    city.nodes[2].answers(1).await.expect(200);
    assert_eq!(city.view(&id).await["state"], "released");
    let offer = preview(&city, &of_the_city()).await["derivable"].clone();
    assert_eq!(offer["release"], coarse);
    by_municipio["rho"] = json!(4_000_000);
    let finer = released(&city, &by_municipio, [1, 1, 1], "d").await;
    let offer = preview(&city, &of_the_city()).await["derivable"].clone();
    assert_eq!(offer["release"], finer);
    // With a new edition asking again would say something new.
    city.nodes[1].hello(2).await.expect(200);
    assert_eq!(
        preview(&city, &of_the_city()).await["derivable"],
        json!(null)
    );
}

#[tokio::test]
async fn a_refusal_is_told_with_the_offer_and_bounds_that_cut_more_too() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let mut quarters = question(1_000_000);
    quarters["by"] = json!({ "area": "nil", "period": "quarter" });
    quarters["period"] = json!({ "from": "2025-01", "to": "2025-12" });
    let id = city.asked(&quarters, "a").await;
    city.nodes[0].answers(1).await.expect(200);
    city.nodes[1].answers(1).await.expect(200);
    city.nodes[2].refuses("purpose").await.expect(200);
    let source = city.view(&id).await["release"].clone();
    let offer = preview(&city, &of_the_city()).await["derivable"].clone();
    assert_eq!(offer["release"], source);
    assert_eq!(offer["refused"], json!(["associazione-ortica"]));
    // One of four quarters of each person was kept.
    assert_eq!(
        (&offer["cuts_more"], &offer["reachable"]),
        (&json!(true), &json!(4))
    );
}

#[tokio::test]
async fn what_does_not_follow_is_refused_by_name_and_other_studies_are_not_found() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let source = released(&city, &question(1_000_000), [1, 2, 3], "key").await;
    let path = derive_path(&source);
    let mut finer = question(1_000_000);
    finer["by"] = json!({ "area": "nil" });
    let body = json!({ "study": STUDY, "query": finer });
    let refused = city.analyst.post(&path, &body).await.expect(409).json();
    assert_eq!(refused["code"], "not-derivable");
    assert_eq!(refused["path"], "$.by.area");
    assert!(refused["detail"].as_str().unwrap().contains("city"));

    let body = json!({ "study": STUDY, "query": of_the_city() });
    let other = json!({ "study": "another", "query": of_the_city() });
    city.analyst
        .post(&path, &other)
        .await
        .refused(404, "not-found");
    let nothing = derive_path("00112233445566778899aabbccddeeff");
    city.analyst
        .post(&nothing, &body)
        .await
        .refused(404, "not-found");
    // The limits of the study hold for what is derived as for what is asked.
    let mut dear = of_the_city();
    dear["rho"] = json!(200_000_001);
    let dear = json!({ "study": STUDY, "query": dear });
    city.analyst
        .post(&path, &dear)
        .await
        .refused(422, "rho-over-study-limit");

    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("cooperativa-lambro"))
        .await;
    dpo.post(&path, &body).await.refused(403, "forbidden");
    let admin = bed.signed_in("ada", Role::Admin, None).await;
    admin.post(&path, &body).await.refused(403, "forbidden");
    let nobody = support::Browser::nobody(&bed);
    nobody
        .post(&path, &body)
        .await
        .refused(401, "unauthenticated");
    bed.pass(50 * 86_400);
    let analyst = city.again().await;
    analyst
        .post(&path, &body)
        .await
        .refused(422, "study-expired");
    assert!(!logged(&bed).await.contains(&"release-derived".to_owned()));
}

#[tokio::test]
async fn answers_that_came_after_the_end_are_not_in_what_is_derived() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let id = city.asked(&question(1_000_000), "key").await;
    city.nodes[0].answers(8).await.expect(200);
    let late = city.nodes[2].handed().await;
    bed.pass(86_400);
    coordinator::app::end::sweep(&bed.app).await.unwrap();
    let source = city.view_again(&id).await["release"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = city.nodes[2].answer(&late, Node::cells(&late, 100));
    city.nodes[2]
        .post("/node/v1/answers", &answer)
        .await
        .expect(200);
    let analyst = city.again().await;
    let body = json!({ "study": STUDY, "query": of_the_city() });
    let preview = analyst
        .post("/api/v1/queries/preview", &body)
        .await
        .expect(200)
        .json();
    assert_eq!(
        preview["derivable"],
        json!(null),
        "two could still be asked"
    );
    let made = analyst.post(&derive_path(&source), &body).await.expect(200);
    let release = analyst.get(&made.location()).await.expect(200).json();
    assert_eq!(
        (&release["values"], &release["nodes_answered"]),
        (&json!([80]), &json!(1))
    );
}

#[tokio::test]
async fn each_level_of_a_split_answer_is_a_source_with_noise_of_its_own() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let mut split = by_nil_and_sex();
    split["by"]["area"] = json!({ "municipio": 25, "nil": 75 });
    let nil = released(&city, &split, [1, 2, 3], "key").await;
    let path = format!("/api/v1/releases/{nil}");
    let finest = city.analyst.get(&path).await.expect(200).json();
    let municipio = finest["part_of"]["releases"][0]["release"].clone();

    let mut by_nil = question(1_000_000);
    by_nil["by"] = json!({ "area": "nil" });
    let offer = preview(&city, &by_nil).await["derivable"].clone();
    assert_eq!(
        (&offer["release"], &offer["draws"]),
        (&json!(nil), &json!(3))
    );
    let variance = 3.0 * finest["variance"][0].as_f64().unwrap();
    assert_eq!(offer["margin_95"], (1.959964 * variance.sqrt()).ceil());
    // Thirty cells of a quarter of the loss are less noisy than 267 of three quarters.
    let offer = preview(&city, &of_the_city()).await["derivable"].clone();
    assert_eq!(
        (&offer["release"], &offer["draws"]),
        (&municipio, &json!(30))
    );
    for (release, wanted, values) in [
        (nil.as_str(), by_nil, vec![18; 89]),
        (municipio.as_str().unwrap(), of_the_city(), vec![180]),
    ] {
        let body = json!({ "study": STUDY, "query": wanted });
        let made = city.analyst.post(&derive_path(release), &body).await;
        let made = made.expect(200).location();
        let derived = city.analyst.get(&made).await.expect(200).json();
        assert_eq!(derived["values"], json!(values));
        assert_eq!(derived["derived_from"], json!(release));
        assert!(derived.get("part_of").is_none());
    }
    // What is split is asked, not derived.
    let body = json!({ "study": STUDY, "query": split });
    let refused = city.analyst.post(&derive_path(&nil), &body).await;
    refused.refused(409, "not-derivable");
}

#[tokio::test]
async fn asking_what_a_release_answers_is_refused_until_it_is_said_on_purpose() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let source = released(&city, &by_nil_and_sex(), [5, 7, -2], "key").await;
    let wanted = of_the_city();
    let body = json!({ "study": STUDY, "query": wanted });
    let offered = preview(&city, &wanted).await["derivable"].clone();
    let refused = city.analyst.ask_with(&body, "plain").await.expect(409);
    let refused = refused.json();
    assert_eq!(refused["code"], "derivable");
    assert_eq!(refused["params"], offered);
    assert_eq!(refused["params"]["release"], source);
    for node in &city.nodes {
        assert!(node.poll().await.is_empty(), "nobody is asked");
    }
    let wrong = json!({ "study": STUDY, "query": wanted, "ask_anew": 1 });
    let wrong = city.analyst.ask_with(&wrong, "wrong").await.expect(422);
    assert_eq!(wrong.json()["path"], "$.ask_anew");
    // On purpose, also under the key that was refused: nothing was stored under it.
    let anew = json!({ "study": STUDY, "query": wanted, "ask_anew": true });
    city.analyst.ask_with(&anew, "plain").await.expect(202);
}
