//! Consistent levels and comparisons over HTTP: what follows is worked out for nothing, what does not is refused by name.
//! Nodes are simulated with real keys; their cells are made up here.

mod support;

use serde_json::{Value, json};
use support::node::FINEST;
use support::{Bed, Browser, City, logged, question};

/// Asks, has every node answer with these cells, and returns the release of the finest level.
async fn released(city: &City<'_>, query: &Value, cells: &[i64], key: &str) -> String {
    let id = city.asked(query, key).await;
    for node in &city.nodes {
        node.answers_cells(cells).await.expect(200);
    }
    city.view(&id).await["release"].as_str().unwrap().to_owned()
}

/// Presences by city and NIL, in the quarters of a year.
fn split(rho: u64) -> Value {
    let mut query = question(rho);
    query["by"] = json!({ "area": { "city": 40, "nil": 60 }, "period": "quarter" });
    query["period"] = json!({ "from": "2025-01", "to": "2025-12" });
    query
}

/// City and NIL do not agree: each NIL says `nil`, the city `city`, in every quarter; the first NIL says more.
fn cells(city: i64, nil: i64, first: i64) -> Vec<i64> {
    let mut cells = vec![city; 4];
    cells.extend(vec![first; 4]);
    cells.extend(vec![nil; 88 * 4]);
    cells
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// Presences by municipio and one more axis, in the quarters of a year; nothing is cut off.
fn split_by(axis: &str, rho: u64) -> Value {
    let mut query = question(rho);
    query["by"] = json!({ "area": { "city": 40, "municipio": 60 }, "period": "quarter" });
    query["by"][axis] = json!(true);
    query["period"] = json!({ "from": "2025-01", "to": "2025-12" });
    query["bounds"] = json!({ "cells": 4, "per_cell": 1 });
    query
}

#[tokio::test]
async fn questions_split_by_other_keys_are_made_to_agree() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let (by_sex, by_age) = (
        split_by("sex", 100_000_000),
        split_by("age_band", 50_000_000),
    );
    let mut made = Vec::new();
    for (query, key) in [(&by_sex, "a"), (&by_age, "b")] {
        let parsed = query::AggregateQuery::parse(query.to_string().as_bytes()).unwrap();
        let cells: Vec<i64> = (0..parsed.cells() as i64)
            .map(|cell| 20 + cell * 7_919 % 31)
            .collect();
        made.push(released(&city, query, &cells, key).await);
    }
    let before = logged(&bed).await;
    let path = format!("/api/v1/releases/{}/consistent?with={}", made[0], made[1]);
    let found = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(found["with"].as_array().unwrap().len(), 1);
    let levels = found["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 4, "two levels of two questions");
    // By area and quarter, the sum over the keys of the split.
    let sums = |level: &Value| -> Vec<f64> {
        let keys = |axis: usize| level["dimensions"][axis]["keys"].as_array().unwrap().len();
        let (areas, split) = (keys(0), keys(1));
        let values = numbers(&level["values"]);
        assert_eq!(values.len(), areas * split * 4);
        assert_eq!(numbers(&level["variance"]).len(), values.len());
        (0..areas * 4)
            .map(|at| {
                let (area, quarter) = (at / 4, at % 4);
                (0..split)
                    .map(|key| values[(area * split + key) * 4 + quarter])
                    .sum()
            })
            .collect()
    };
    for level in 0..2 {
        let (sex, age) = (sums(&levels[level]), sums(&levels[level + 2]));
        assert!(
            sex.iter().zip(&age).all(|(a, b)| (a - b).abs() < 0.1),
            "{sex:?} {age:?}"
        );
    }
    let alone = format!("/api/v1/releases/{}/consistent", made[0]);
    let alone = city.analyst.get(&alone).await.expect(200).json();
    let variance = |of: &Value, level: usize| numbers(&of["levels"][level]["variance"])[0];
    assert!(
        variance(&found, 1) < variance(&alone, 1),
        "together more is known"
    );

    // Of what does not count the same people, nothing is made equal.
    let mut cut = by_age.clone();
    cut["bounds"]["cells"] = json!(3);
    cut["rho"] = json!(60_000_000);
    let parsed = query::AggregateQuery::parse(cut.to_string().as_bytes()).unwrap();
    let cut = released(&city, &cut, &vec![5; parsed.cells()], "c").await;
    let with = async |other: &str| {
        let path = format!("/api/v1/releases/{}/consistent?with={other}", made[0]);
        city.analyst.get(&path).await
    };
    with(&cut).await.refused(409, "bounds-cut");
    with(&made[0]).await.refused(409, "shared-noise");
    with("nothing").await.refused(404, "not-found");
    with("a,b,c,d").await.refused(422, "out-of-range");
    assert!(
        logged(&bed).await.len() > before.len(),
        "only the third question was logged"
    );
}

#[tokio::test]
async fn levels_of_one_question_are_made_to_agree_and_releases_stay_as_they_are() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let release = released(&city, &split(100_000_000), &cells(1_000, 10, 10), "a").await;
    let stored = city
        .analyst
        .get(&format!("/api/v1/releases/{release}"))
        .await
        .expect(200)
        .text;
    let before = logged(&bed).await;
    let found = city
        .analyst
        .get(&format!("/api/v1/releases/{release}/consistent"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&found["estimand"], &found["confidence"]),
        (&json!("presences"), &json!(0.9))
    );
    let levels = found["levels"].as_array().unwrap();
    let names: Vec<&str> = levels
        .iter()
        .map(|level| level["level"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["city", "nil"]);
    let (of_city, of_nil) = (numbers(&levels[0]["values"]), numbers(&levels[1]["values"]));
    for quarter in 0..4 {
        let sum: f64 = (0..89).map(|nil| of_nil[nil * 4 + quarter]).sum();
        // Both are rounded to a thousandth.
        assert!(
            (sum - of_city[quarter]).abs() < 0.05,
            "{sum} {}",
            of_city[quarter]
        );
        // Three nodes of 1,000 against 89 areas of 30: the precise city moves little, the many areas much.
        assert!(
            (2_980.0..3_000.0).contains(&of_city[quarter]),
            "{}",
            of_city[quarter]
        );
    }
    let variance = numbers(&levels[1]["variance"])[0];
    let margin = numbers(&levels[1]["margin_95"])[0];
    assert!(
        (margin - (1.959964 * variance.sqrt() + 0.5)).abs() < 0.01,
        "{margin}"
    );
    assert!(variance < levels[1]["released_variance"].as_f64().unwrap());
    assert_eq!(levels[1]["release"], json!(release));
    assert!(levels[1]["bracket"]["lower"].is_array());
    // Everybody answered.
    assert_eq!(found["answered_share"]["estimate"], 1.0);
    assert_eq!(
        found["coverage"]["answered"][0]["finest_level"],
        FINEST.id()
    );
    let again = city
        .analyst
        .get(&format!("/api/v1/releases/{release}"))
        .await
        .expect(200)
        .text;
    assert_eq!(stored, again);
    assert_eq!(logged(&bed).await, before, "reading is not logged");
}

#[tokio::test]
async fn areas_are_compared_by_rates_ranks_and_differences_with_what_may_be_claimed() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let release = released(&city, &split(100_000_000), &cells(1_880, 20, 120), "a").await;
    let get = |parameters: &str| format!("/api/v1/releases/{release}/comparison?{parameters}");
    let path = get("period=2025-Q2&per=residents");
    let found = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(found["whole"]["date"], "2021");
    assert_eq!(
        (&found["compared_with"], &found["at"]),
        (&json!("whole"), &json!({ "period": "2025-Q2" }))
    );
    let items = found["items"].as_array().unwrap();
    // Places on offer are taken off the counts: of three nodes' 20 in each area, and 120 in the first.
    let path = get("period=2025-Q2&places=1:40,2:500");
    let gap = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(gap["compared_with"], "places");
    let of = |key: &str, name: &str| {
        let items = gap["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["key"] == key).unwrap();
        (
            item["now"]["estimate"].as_f64().unwrap(),
            item["places"].as_u64().unwrap(),
            item[name]["verdict"].as_str().unwrap().to_owned(),
        )
    };
    let (first, second, third) = (
        of("1", "difference"),
        of("2", "difference"),
        of("3", "difference"),
    );
    assert_eq!((first.1, second.1, third.1), (40, 500, 0));
    assert!((250.0..350.0).contains(&first.0), "{first:?}");
    assert_eq!((&*first.2, &*second.2), ("higher", "lower"));
    assert!((30.0..90.0).contains(&third.0), "{third:?}");
    city.analyst
        .get(&get("period=2025-Q2&places=Brera:40"))
        .await
        .refused(409, "unknown-area");
    // Everybody but those nobody publishes residents of.
    assert_eq!(
        items.len() + found["left_out"].as_array().unwrap().len(),
        88
    );
    let first = &items[0];
    assert_eq!(
        (&first["key"], &first["residents"]),
        (&json!("1"), &json!(16_706))
    );
    let at = |item: &Value, name: &str| item["now"][name].as_f64().unwrap();
    assert!(at(first, "low") < at(first, "estimate") && at(first, "estimate") < at(first, "high"));
    let rank = &first["rank"];
    assert!(
        rank["best"].as_u64() <= rank["rank"].as_u64()
            && rank["rank"].as_u64() <= rank["worst"].as_u64()
    );
    assert!(
        items
            .iter()
            .all(|item| item["difference"]["verdict"].is_string())
    );

    // Counts against one area.
    let path = get("period=2025-Q2&reference=1");
    let found = city.analyst.get(&path).await.expect(200).json();
    let items = found["items"].as_array().unwrap();
    assert_eq!(items[0]["difference"], Value::Null);
    assert!(
        items[1..]
            .iter()
            .all(|item| item["difference"]["verdict"] == "lower")
    );
    assert_eq!(
        items[0]["rank"],
        json!({ "rank": 1, "best": 1, "worst": 1 })
    );
    assert_eq!(items[5]["rank"]["worst"], 88);

    // Unions of areas err together: both equal sums of as many areas.
    let path = get("period=2025-Q2&areas=left:2%2B3,right:4%2B5&reference=left");
    let found = city.analyst.get(&path).await.expect(200).json();
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1]["areas"], json!(["4", "5"]));
    assert_eq!(items[1]["difference"]["verdict"], "too-uncertain");
    assert!(at(&items[0], "estimate") > 100.0);

    // A change within one release.
    let path = get(&format!(
        "period=2025-Q2&against={release}&against_period=2025-Q1"
    ));
    let found = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(found["compared_with"], "before");
    let items = found["items"].as_array().unwrap();
    assert!(
        items
            .iter()
            .all(|item| item["difference"]["verdict"] == "too-uncertain")
    );
    assert!(items[0]["before"]["estimate"].is_number());
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused_by_name() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let release = released(&city, &split(100_000_000), &cells(1_880, 20, 120), "a").await;
    for (parameters, status, code, path) in [
        ("period=2025-Q9", 409, "no-such-key", "at"),
        ("", 409, "no-such-key", "at"),
        ("period=2025-Q1&sex=F", 409, "no-such-axis", "at"),
        (
            "period=2025-Q1&reference=999",
            409,
            "unknown-area",
            "reference",
        ),
        ("period=2025-Q1&areas=a:999", 409, "unknown-area", "areas"),
        ("period=2025-Q1&areas=a", 422, "wrong-type", "areas"),
        ("period=2025-Q1&per=people", 422, "unknown-id", "per"),
        ("colour=blue", 422, "unknown-field", "colour"),
    ] {
        let reply = city
            .analyst
            .get(&format!(
                "/api/v1/releases/{release}/comparison?{parameters}"
            ))
            .await;
        let body = reply.json();
        assert_eq!(
            (
                reply.status.as_u16(),
                body["code"].as_str().unwrap(),
                body["path"].as_str().unwrap()
            ),
            (status, code, path),
            "{parameters}"
        );
    }
    let same = format!(
        "/api/v1/releases/{release}/comparison?period=2025-Q1&against={release}&against_period=2025-Q1"
    );
    city.analyst.get(&same).await.refused(409, "shared-noise");
    let nothing = "/api/v1/releases/nothing/comparison";
    city.analyst.get(nothing).await.refused(404, "not-found");
    city.analyst
        .get("/api/v1/releases/nothing/consistent")
        .await
        .refused(404, "not-found");
    let nobody = Browser::nobody(&bed);
    nobody
        .get(&format!("/api/v1/releases/{release}/consistent"))
        .await
        .refused(401, "unauthenticated");
}
