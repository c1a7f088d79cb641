//! Forecasts over HTTP: begun, followed, fetched as files, worked out once for one input. Nodes are simulated with real keys.

mod support;

use coordinator::State;
use coordinator::app::forecasts::{self, ForecastState};
use coordinator::clock::Clock;
use coordinator::state::App;
use coordinator::store::accounts::{Account, Role, account_by_name};
use serde_json::{Value, json};
use std::time::Duration;
use support::{Bed, Browser, City, Reply, STUDY, logged};

const QUARTERS: usize = 16;

/// Quarters of 2021 to 2024, at two levels.
async fn cube_released(city: &City<'_>) {
    let cube = json!({
        "version": 1, "id": "needs", "study": STUDY, "first": "2021-01",
        "question": { "measure": "persons", "by": { "area": { "city": 30, "municipio": 70 }, "period": "quarter" } },
        "past": { "bounds": { "cells": 3, "per_cell": 1 }, "rho": 100_000_000 },
        "each": { "bounds": { "cells": 1, "per_cell": 1 }, "rho": 20_000_000 },
    });
    city.analyst.post("/api/v1/cubes", &cube).await.expect(201);
    // The edition of January 2025 completes 2024.
    cube_asked(city, 5 * 12 + 1, 0..QUARTERS).await;
}

/// The quarters that an edition completes, asked and answered.
async fn cube_asked(city: &City<'_>, edition: u32, quarters: std::ops::Range<usize>) {
    for node in &city.nodes {
        node.hello(edition).await.expect(200);
    }
    let request = (city.analyst.request("POST", "/api/v1/cubes/needs/ask"))
        .header("content-type", "application/json")
        .header("idempotency-key", format!("from-{}", quarters.start))
        .body(axum::body::Body::from("{}"))
        .unwrap();
    support::send(&city.analyst.bed.web, request)
        .await
        .expect(202);
    city.nodes[0].sign_all().await;
    // Each municipio rises by one in a year, with a wave of its own season; nobody is unknown.
    let of = |municipio: usize, quarter: usize| {
        let season = [6, 0, -6, 0][quarter % 4];
        (40 + 5 * municipio + quarter / 4) as i64 + season
    };
    let mut cells: Vec<i64> = (quarters.clone())
        .map(|quarter| (0..9).map(|m| of(m, quarter)).sum())
        .collect();
    cells.extend((0..9).flat_map(|m| quarters.clone().map(move |quarter| of(m, quarter))));
    cells.extend(quarters.map(|_| 0));
    for node in &city.nodes {
        node.answers_cells(&cells).await.expect(200);
    }
}

fn wanted(more: Value) -> Value {
    let mut wanted = json!({ "cube": "needs", "level": "municipio", "horizon": 4 });
    for (name, value) in more.as_object().unwrap() {
        wanted[name] = value.clone();
    }
    wanted
}

async fn done(browser: &Browser<'_>, location: &str) -> Value {
    for _ in 0..2_400 {
        let view = browser.get(location).await.expect(200).json();
        match view["state"].as_str().unwrap() {
            "waiting" | "running" => tokio::time::sleep(Duration::from_millis(50)).await,
            "done" => return view,
            other => panic!("{other}: {}", view["failure"]),
        }
    }
    panic!("the forecast is not done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_is_worked_out_once_and_served_with_its_explanation() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    cube_released(&city).await;
    let before = logged(&bed).await;
    let begin = |body: Value| {
        let analyst = city.analyst.clone();
        async move { analyst.post("/api/v1/forecasts", &body).await }
    };
    let reply: Reply = begin(wanted(json!({}))).await.expect(202);
    let location = reply.location();
    let view = done(&city.analyst, &location).await;
    assert_eq!((&view["series"], &view["done"]), (&json!(11), &json!(11)));
    let result = &view["result"];
    assert_eq!(result["past"].as_array().unwrap().len(), QUARTERS);
    assert_eq!(
        result["ahead"],
        json!(["2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"])
    );
    assert_eq!(
        (&result["left_out"], &result["levels"]),
        (&json!([]), &json!([50, 80, 95]))
    );
    let series = result["series"].as_array().unwrap();
    assert_eq!(
        (&series[0]["key"], &series[1]["key"]),
        (&json!("together"), &json!("1"))
    );
    for one in series {
        for ahead in one["ahead"].as_array().unwrap() {
            let end = |side: &str, level: usize| ahead[side][level].as_f64().unwrap();
            assert!(end("low", 2) <= end("low", 1) && end("low", 1) <= end("low", 0));
            assert!(end("low", 0) <= end("high", 0) && end("high", 1) <= end("high", 2));
            let width = &ahead["width"];
            let sum: f64 = ["privacy", "process", "counting", "growth"]
                .iter()
                .map(|part| width[part].as_f64().unwrap())
                .sum();
            assert!((sum - 1.0).abs() < 0.01 || sum == 0.0, "{width}");
        }
        assert!(
            one["past"]
                .as_array()
                .unwrap()
                .iter()
                .all(|past| past["low"].is_number())
        );
    }
    // All areas add up to the whole.
    let mean = |one: &Value, step: usize| one["ahead"][step]["mean"].as_f64().unwrap();
    for step in 0..4 {
        let sum: f64 = series[1..].iter().map(|one| mean(one, step)).sum();
        assert!((sum - mean(&series[0], step)).abs() < 0.02, "{sum}");
    }
    // All levels of the cube are forecast together, and the city alone says the same as all areas together: past, noise and future.
    assert_eq!(result["agree"], json!(["city", "municipio"]));
    let city_alone = begin(wanted(json!({ "level": "city" }))).await.expect(202);
    let city_alone = done(&city.analyst, &city_alone.location()).await;
    let city_series = city_alone["result"]["series"].as_array().unwrap();
    assert_eq!(city_series.len(), 1);
    assert_eq!(city_series[0]["past"], series[0]["past"]);
    assert_eq!(city_series[0]["ahead"], series[0]["ahead"]);
    // Also from earlier ends of the past, at each of which everything is done as for the forecast that is shown.
    assert_eq!(city_series[0]["backtest"], series[0]["backtest"]);
    for one in series {
        let tried: Vec<&Value> = one["backtest"].as_array().unwrap().iter().collect();
        let of = |name: &str| tried.iter().map(|at| at[name].clone()).collect::<Vec<_>>();
        assert_eq!(
            (of("horizon"), of("origins")),
            (vec![json!(1), json!(3)], vec![json!(4), json!(2)])
        );
    }
    // The noise of all areas together is that of the city made consistent, less than the sum of theirs.
    let width = |one: &Value| {
        let past = &one["past"][0];
        past["high"].as_f64().unwrap() - past["low"].as_f64().unwrap()
    };
    let apart: f64 = series[1..].iter().map(|one| width(one).powi(2)).sum();
    assert!(width(&series[0]) < 0.9 * apart.sqrt(), "{apart}");
    // Three nodes of 85 in the ninth municipio, give or take.
    assert!(
        (180.0..340.0).contains(&mean(&series[9], 1)),
        "{}",
        series[9]["ahead"]
    );

    // The same input is the same resource, and another is not.
    assert_eq!(
        begin(wanted(json!({}))).await.expect(202).location(),
        location
    );
    let adjustment = json!({ "areas": ["2"], "from": 2, "to": 3, "thousandths": 1_200, "reason": "a new estate opens" });
    let adjusted = begin(wanted(json!({ "adjustments": [adjustment] })))
        .await
        .expect(202)
        .location();
    assert_ne!(adjusted, location);
    let view = done(&city.analyst, &adjusted).await;
    let series = view["result"]["series"].as_array().unwrap();
    assert!(series[1]["adjusted"].is_null());
    // The statistical forecast is a resource of its own, untouched; the whole moves by as much as its part.
    assert_eq!(view["baseline"], location.rsplit('/').next().unwrap());
    let two = &series[2];
    let whole = &series[0];
    let moved = |one: &Value| one["adjusted"][1]["mean"].as_f64().unwrap() - mean(one, 1);
    assert!((moved(whole) - moved(two)).abs() < 0.01, "{whole}");
    assert!(
        done(&city.analyst, &location).await["result"]["series"][2]["adjusted"].is_null(),
        "a forecast is not changed by what is assumed on top of it"
    );
    for (step, factor) in [(0, 1.0), (1, 1.2), (2, 1.2), (3, 1.0)] {
        let after = two["adjusted"][step]["mean"].as_f64().unwrap();
        assert!((after - factor * mean(two, step)).abs() < 0.01, "{two}");
    }
    assert_eq!(
        view["wanted"]["adjustments"][0]["reason"],
        "a new estate opens"
    );

    let csv = city
        .analyst
        .get(&format!("{location}.csv"))
        .await
        .expect(200);
    assert!(
        csv.text.starts_with(
            "unique_id,ds,mean,lo-50,hi-50,lo-80,hi-80,lo-95,hi-95\r\ntogether,2025-Q1,"
        )
    );
    assert_eq!(csv.text.lines().count(), 1 + 11 * 4);
    city.analyst
        .get(&format!("{location}.json"))
        .await
        .expect(200);

    // One that is there stays, also when it is called off.
    let request = city
        .analyst
        .request("DELETE", &location)
        .body(axum::body::Body::empty())
        .unwrap();
    support::send(&bed.web, request).await.expect(204);
    assert_eq!(done(&city.analyst, &location).await["state"], "done");
    for node in &city.nodes {
        assert!(node.poll().await.is_empty(), "nobody is asked");
    }
    // Assumed once more, it is the same; only what is assumed is logged, once.
    begin(wanted(json!({ "adjustments": [adjustment] })))
        .await
        .expect(202);
    let mut expected = before;
    expected.push("forecast-adjusted".to_owned());
    assert_eq!(logged(&bed).await, expected, "reading is not logged");

    let listed = city.analyst.get("/api/v1/forecasts").await.expect(200);
    let listed = listed.json();
    let ids: Vec<&str> = (listed["forecasts"].as_array().unwrap().iter())
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let id_of = |location: &str| location.rsplit('/').next().unwrap().to_owned();
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(&&*id_of(&location)) && ids.contains(&&*id_of(&adjusted)));
}

/// A forecast that an earlier version of the forecasting ended opens as it was made and says so; asked for again, the version in force
/// makes another.
async fn older_ones_stay_and_say_so(city: &City<'_>, app: &App, anna: &Account, new: &Value) {
    let mut transaction = app.database.write().await.unwrap();
    sqlx::query(
        "INSERT INTO forecasts (id, cube, input, state, done, series, result, asked_by, asked_at) \
         SELECT 'older', cube, json_set(input, '$.engine', $2), 'done', series, series, result, asked_by, asked_at \
         FROM forecasts WHERE id = $1",
    )
    .bind(new["id"].as_str().unwrap())
    .bind(forecast::ENGINE - 1)
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    let older = forecasts::one(app, anna, "older").await.unwrap();
    assert_eq!(older.state, ForecastState::Done);
    assert_eq!((older.share, older.done), (1.0, older.series));
    assert_eq!(
        (older.engine, older.engine_now),
        (forecast::ENGINE - 1, forecast::ENGINE)
    );
    assert_eq!(serde_json::to_value(older.result).unwrap(), new["result"]);
    let wanted = serde_json::to_value(&older.wanted).unwrap();
    let again = city.analyst.post("/api/v1/forecasts", &wanted).await;
    let again = done(&city.analyst, &again.expect(202).location()).await;
    assert_eq!(
        (&again["id"], &again["engine"]),
        (&new["id"], &json!(forecast::ENGINE))
    );
    let listed = forecasts::list(app, anna).await.unwrap();
    let engine = |id: &str| listed.iter().find(|one| one.id == id).unwrap().engine;
    assert_eq!(engine("older") + 1, engine(new["id"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn forecasts_outlive_the_coordinator() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    cube_released(&city).await;
    let begun = |horizon: usize| wanted(json!({ "horizon": horizon }));
    let whole = city.analyst.post("/api/v1/forecasts", &begun(4)).await;
    let whole = done(&city.analyst, &whole.expect(202).location()).await;
    let broken = city.analyst.post("/api/v1/forecasts", &begun(2)).await;
    let broken = done(&city.analyst, &broken.expect(202).location()).await;
    let id = |view: &Value| view["id"].as_str().unwrap().to_owned();
    // As an end in the midst of the work leaves it.
    let mut transaction = bed.app.database.write().await.unwrap();
    sqlx::query("UPDATE forecasts SET state = 'running', result = NULL, done = 3 WHERE id = $1")
        .bind(id(&broken))
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    let app = State::open(bed.config.clone(), Clock::System)
        .await
        .unwrap();
    let mut reader = app.database.read().await.unwrap();
    let anna = account_by_name(&mut reader, "anna").await.unwrap().unwrap();
    drop(reader);
    let kept = forecasts::one(&app, &anna, &id(&whole)).await.unwrap();
    assert_eq!(
        serde_json::to_value(kept.result).unwrap(),
        whole["result"],
        "what was there is there"
    );
    // One that an earlier version of the forecasting began and did not end.
    let mut transaction = app.database.write().await.unwrap();
    sqlx::query(
        "INSERT INTO forecasts (id, cube, input, state, done, series, asked_by, asked_at) \
         SELECT 'of-before', cube, json_set(input, '$.engine', 1), 'running', 0, series, asked_by, asked_at \
         FROM forecasts WHERE id = $1",
    )
    .bind(id(&whole))
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    forecasts::resume(&app).await.unwrap();
    let of_before = forecasts::one(&app, &anna, "of-before").await.unwrap();
    assert_eq!(of_before.state, ForecastState::Failed);
    assert_eq!(of_before.failure.as_deref(), Some("engine"));
    assert!(of_before.result.is_none());
    older_ones_stay_and_say_so(&city, &app, &anna, &whole).await;
    for _ in 0..2_400 {
        let view = forecasts::one(&app, &anna, &id(&broken)).await.unwrap();
        if view.state == ForecastState::Done {
            // The same input says the same.
            assert_eq!(serde_json::to_value(view.result).unwrap(), broken["result"]);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the interrupted forecast is not taken up again");
}

/// What the releases of the cube owe is changed, which an organisation's answer can say only once.
async fn owes(bed: &Bed, first_period: &str, audience: &str, keep_until: Option<i64>) {
    let mut transaction = bed.app.database.write().await.unwrap();
    sqlx::query("DROP TRIGGER IF EXISTS release_terms_update")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let changed = sqlx::query(
        "INSERT INTO release_terms (release, display_minimum, audience, keep_until) \
         SELECT queries.release, 0, $1, $2 FROM cube_asks JOIN queries ON queries.id = cube_asks.query \
         WHERE cube_asks.from_month = $3 \
         ON CONFLICT (release) DO UPDATE SET audience = excluded.audience, keep_until = excluded.keep_until",
    )
    .bind(audience)
    .bind(keep_until.unwrap_or(i64::MAX))
    .bind(first_period)
    .execute(&mut *transaction)
    .await
    .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_is_made_of_the_releases_that_are_left_and_names_the_others() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    cube_released(&city).await;
    cube_asked(&city, 5 * 12 + 4, QUARTERS..QUARTERS + 1).await;
    let begin = async |browser: &Browser<'_>| {
        let body = wanted(json!({ "level": "city" }));
        browser.post("/api/v1/forecasts", &body).await
    };
    let whole = begin(&city.analyst).await.expect(202).location();
    let whole_view = done(&city.analyst, &whole).await;
    assert_eq!(whole_view["result"]["past"].as_array().unwrap().len(), 17);
    assert_eq!(whole_view["result"]["missing"], Value::Null);
    // A past with three cells of a person, and a quarter with the one there is: their numbers are cut differently.
    assert_eq!(whole_view["result"]["bounds_changed"], json!(["2025-Q1"]));
    // So a change from the one to the other is told as a number, however sure, and not claimed; within one release it is.
    let release = |at: usize| whole_view["releases"][at].as_str().unwrap();
    let change = async |now: (usize, &str), before: (usize, &str)| {
        let all = "areas=all:1%2B2%2B3%2B4%2B5%2B6%2B7%2B8%2B9";
        let path = format!(
            "/api/v1/releases/{}/comparison?period={}&against={}&against_period={}&{all}",
            release(now.0),
            now.1,
            release(before.0),
            before.1
        );
        let found = city.analyst.get(&path).await.expect(200).json();
        let difference = found["items"][0]["difference"].clone();
        assert!(difference["p_value"].as_f64().unwrap() < 0.01, "{found}");
        (
            found["against"]["other_bounds"].clone(),
            difference["verdict"].clone(),
        )
    };
    assert_eq!(
        change((1, "2025-Q1"), (0, "2021-Q1")).await,
        (json!(true), json!("not-comparable"))
    );
    assert_eq!(
        change((0, "2024-Q1"), (0, "2021-Q1")).await,
        (json!(false), json!("higher"))
    );

    owes(&bed, "2025-01", "public", Some(1)).await;
    let left = begin(&city.analyst).await.expect(202).location();
    assert_ne!(left, whole);
    let view = done(&city.analyst, &left).await;
    assert_eq!(view["result"]["past"].as_array().unwrap().len(), QUARTERS);
    assert_eq!(
        (&view["result"]["missing"], &view["result"]["left_out"]),
        (
            &json!([{ "period": "2025-Q1", "why": "ended" }]),
            &json!([])
        )
    );
    // The one that rests on it is not there any more.
    city.analyst.get(&whole).await.refused(404, "not-found");

    // Whoever is not meant to see a release is told of it as little as if there were none.
    owes(&bed, "2025-01", "public", None).await;
    owes(&bed, "2021-01", "requester", None).await;
    let outsider = Some("fondazione-navigli");
    bed.node("fondazione-navigli").await;
    let outsider = bed.signed_in("navigli", Role::Analyst, outsider).await;
    let seen = begin(&outsider).await.expect(202).location();
    let seen = done(&outsider, &seen).await;
    assert_eq!(seen["result"]["past"], json!(["2025-Q1"]));
    assert_eq!(seen["result"]["bounds_changed"], Value::Null);
    assert_eq!(seen["result"]["missing"], Value::Null);
    // Lists name to each what each may see: of forecasts, and of a cube's releases.
    let listed = async |browser: &Browser<'_>| {
        let forecasts = browser.get("/api/v1/forecasts").await.expect(200).json();
        let cube = browser.get("/api/v1/cubes/needs").await.expect(200).json();
        let all = browser.get("/api/v1/cubes").await.expect(200).json();
        assert_eq!(all["cubes"][0], cube);
        let asked = cube["asked"].as_array().unwrap().clone();
        let named = asked.iter().filter(|ask| !ask["release"].is_null());
        (
            forecasts["forecasts"].as_array().unwrap().len(),
            named.count(),
            asked.len(),
        )
    };
    assert_eq!(listed(&outsider).await, (1, 1, 2));
    assert_eq!(listed(&city.analyst).await, (3, 2, 2));
    owes(&bed, "2025-01", "requester", None).await;
    assert_eq!(listed(&outsider).await, (0, 0, 2));
    begin(&outsider).await.refused(409, "nothing-released");
    owes(&bed, "2021-01", "public", Some(1)).await;
    owes(&bed, "2025-01", "public", Some(1)).await;
    begin(&city.analyst).await.refused(409, "releases-ended");
}

#[tokio::test]
async fn what_cannot_be_forecast_is_refused_by_name() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let begin = async |body: Value| city.analyst.post("/api/v1/forecasts", &body).await;
    begin(wanted(json!({}))).await.refused(404, "not-found");
    cube_released(&city).await;
    for (more, status, code, path) in [
        (json!({ "horizon": 0 }), 422, "out-of-range", "$.horizon"),
        (json!({ "horizon": 25 }), 422, "out-of-range", "$.horizon"),
        (json!({ "level": "street" }), 422, "unknown-id", "$.level"),
        (json!({ "level": "nil" }), 409, "no-such-level", "$.level"),
        (
            json!({ "at": { "period": "2024-Q1" } }),
            409,
            "no-such-axis",
            "$.at",
        ),
        (json!({ "at": { "sex": "F" } }), 409, "no-such-axis", "at"),
        (
            json!({ "adjustments": [{ "from": 1, "to": 5, "thousandths": 900, "reason": "x" }] }),
            422,
            "out-of-range",
            "$.adjustments",
        ),
        (
            json!({ "adjustments": [{ "from": 1, "to": 2, "thousandths": 900, "reason": " " }] }),
            422,
            "missing-field",
            "$.adjustments.reason",
        ),
    ] {
        let reply = begin(wanted(more.clone())).await;
        let body = reply.json();
        assert_eq!(
            (
                reply.status.as_u16(),
                body["code"].as_str().unwrap(),
                body["path"].as_str().unwrap()
            ),
            (status, code, path),
            "{more}"
        );
    }
    begin(wanted(json!({ "surprise": 1 })))
        .await
        .refused(422, "wrong-type");
    city.analyst
        .get("/api/v1/forecasts/00")
        .await
        .refused(404, "not-found");
}
