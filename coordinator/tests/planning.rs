//! Access, scenarios and plans over HTTP: worked out of releases with their noise, kept, called off, refused by name.
//! Nodes are simulated with real keys; solving is done by the built program.

mod support;

use axum::body::Body;
use axum::http::header;
use coordinator::store::accounts::{Role, account_by_name};
use coordinator::store::visible::Viewer;
use serde_json::{Value, json};
use std::time::Duration;
use support::{Bed, Browser, City, Reply, logged, question, send};

/// Presences by NIL: fifty in each, and in four of them many more.
async fn released(city: &City<'_>) -> String {
    let mut query = question(100_000_000);
    query["by"] = json!({ "area": "nil" });
    let id = city.asked(&query, "needs").await;
    let mut cells = vec![50; 89];
    for many in [0, 20, 40, 60] {
        cells[many] = 900;
    }
    // Nobody's area is unknown but forty people's.
    cells[88] = 40;
    for node in &city.nodes {
        node.answers_cells(&cells).await.expect(200);
    }
    city.view(&id).await["release"].as_str().unwrap().to_owned()
}

/// One day centre is open, and there may be one in every neighbourhood.
fn basis(release: &str) -> Value {
    json!({
        "demand": [{ "kind": "release", "release": release, "target": "alone-75-plus", "thousandths": 200 }],
        "sites": [
            { "id": "duomo", "name": "Centro Duomo", "nil": "1", "status": "required", "capacity": 60 },
            { "id": "brera", "nil": "2", "status": "candidate", "capacity": 40, "fixed_cost": 150_000, "running_cost": 30_000 },
        ],
        "candidates": { "areas": ["9", "10", "21", "61"], "capacity": 40, "fixed_cost": 160_000 },
        "travel": { "kind": "crow-flies", "detour": 1.3, "speed_kmh": 4.5, "target_speed_kmh": { "alone-75-plus": 3.0 } },
    })
}

fn scenario(release: &str, edits: Value) -> Value {
    json!({
        "name": "A second centre", "basis": basis(release), "edits": edits, "budget": 100_000,
        "measure": { "method": "e2sfca", "radius": 60 },
    })
}

fn plan(release: &str, more: Value) -> Value {
    let mut plan = json!({
        "name": "Two more", "basis": basis(release), "model": "p-median", "p": 3, "draws": 40, "alternatives": 2,
        "time_limit": 60,
    });
    for (name, value) in more.as_object().unwrap() {
        plan[name] = value.clone();
    }
    plan
}

async fn bed() -> Bed {
    let bed = Bed::new().await;
    (bed.app.plans).solve_with(env!("CARGO_BIN_EXE_coordinator").into());
    bed
}

async fn delete(browser: &Browser<'_>, path: &str) -> Reply {
    let request = browser.request("DELETE", path).body(Body::empty()).unwrap();
    send(&browser.bed.web, request).await
}

async fn ended(browser: &Browser<'_>, location: &str) -> Value {
    for _ in 0..2_400 {
        let view = browser.get(location).await.expect(200).json();
        if !matches!(view["state"].as_str(), Some("waiting" | "running")) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the plan does not end");
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[tokio::test]
async fn access_has_intervals_and_names_its_travel_and_its_releases() {
    let bed = bed().await;
    let city = bed.city().await;
    let release = released(&city).await;
    let wanted =
        json!({ "basis": basis(&release), "measure": { "method": "2sfca", "radius": 60 } });
    let found = (city
        .analyst
        .post("/api/v1/access", &wanted)
        .await
        .expect(200))
    .json();
    assert_eq!(found["level"], "nil");
    let travel = &found["access"]["travel"];
    assert_eq!(
        (&travel["kind"], &travel["detour"]),
        (&json!("crow-flies"), &json!(1.3))
    );
    assert_eq!(travel["target_speed_kmh"]["alone-75-plus"], 3.0);
    let source = &found["sources"][0];
    assert_eq!(
        (&source["release"], &source["target"]),
        (&json!(release), &json!("alone-75-plus"))
    );
    assert_eq!(source["organisations"], 3);
    // A fifth of forty people of three organisations, and of all the others.
    assert!((number(&source["unplaced"]["value"]) - 24.0).abs() < 1e-6);
    let total = 0.2 * 3.0 * (4.0 * 900.0 + 84.0 * 50.0);
    assert!((number(&source["total"]["value"]) - total).abs() < 1e-6);
    let rows = found["access"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 88);
    let reached: Vec<&Value> = rows
        .iter()
        .filter(|row| number_or(&row["access"], 0.0) > 0.0)
        .collect();
    assert!(!reached.is_empty());
    for row in reached {
        assert!(
            number(&row["lower"]) < number(&row["access"])
                && number(&row["access"]) < number(&row["upper"])
        );
    }
    assert_eq!(
        logged(&bed).await.last().map(String::as_str),
        Some("access-measured")
    );

    for (path, value, at, code) in [
        (
            "/basis/demand/0/release",
            json!("none"),
            "$.basis.demand[0].release",
            "unknown-release",
        ),
        (
            "/basis/demand/0/thousandths",
            json!(0),
            "$.basis.demand[0].thousandths",
            "out-of-range",
        ),
        (
            "/basis/sites/0/nil",
            json!("999"),
            "$.basis.sites[0].nil",
            "no-place",
        ),
        (
            "/basis/sites/1/id",
            json!("duomo"),
            "$.basis.sites[1].id",
            "invalid-id",
        ),
        (
            "/basis/sites/0/capacity",
            json!(null),
            "$.basis.sites",
            "no-capacity",
        ),
        (
            "/basis/travel/speed_kmh",
            json!(0.1),
            "$.basis.travel.speed_kmh",
            "out-of-range",
        ),
        (
            "/measure/radius",
            json!(0),
            "$.measure.radius",
            "out-of-range",
        ),
    ] {
        let mut wrong = wanted.clone();
        *wrong.pointer_mut(path).unwrap() = value;
        let reply = city.analyst.post("/api/v1/access", &wrong).await;
        assert_eq!(
            (reply.json()["path"].as_str(), reply.code().as_str()),
            (Some(at), code)
        );
        assert!(reply.json()["detail"].is_string());
        reply.expect(422);
    }
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("comune-milano"))
        .await;
    dpo.post("/api/v1/access", &wanted)
        .await
        .refused(403, "forbidden");
    (Browser::nobody(&bed).post("/api/v1/access", &wanted).await).refused(401, "unauthenticated");
}

fn number_or(value: &Value, other: f64) -> f64 {
    value.as_f64().unwrap_or(other)
}

#[tokio::test]
async fn scenarios_are_repeated_saved_forked_and_compared() {
    let bed = bed().await;
    let city = bed.city().await;
    let release = released(&city).await;
    let open = scenario(&release, json!([{ "edit": "open", "site": "brera" }]));
    let before = logged(&bed).await.len();
    let preview = (city
        .analyst
        .post("/api/v1/scenarios/preview", &open)
        .await
        .expect(200))
    .text;
    let again = (city
        .analyst
        .post("/api/v1/scenarios/preview", &open)
        .await
        .expect(200))
    .text;
    assert_eq!(preview, again);
    assert_eq!(logged(&bed).await.len(), before);
    let saved = (city
        .analyst
        .post("/api/v1/scenarios", &open)
        .await
        .expect(201))
    .location();
    assert_eq!(
        logged(&bed).await.last().map(String::as_str),
        Some("scenario-saved")
    );
    let view = city.analyst.get(&saved).await.expect(200).json();
    assert_eq!(
        view["result"],
        serde_json::from_str::<Value>(&preview).unwrap()
    );
    let result = &view["result"];
    // An open site more makes nobody worse, and by this method those near it better.
    assert_eq!(result["comparison"]["losing"], 0);
    assert!(result["comparison"]["gaining"].as_u64() > Some(0));
    let cost = &result["cost"];
    assert_eq!(
        (&cost["total"], &cost["over_budget"]),
        (&json!(180_000.0), &json!(true))
    );
    assert_eq!(cost["more_places"], 40.0);
    for row in result["comparison"]["rows"].as_array().unwrap() {
        if row["gain"].is_number() {
            assert!(
                number(&row["lower"]) <= number(&row["gain"])
                    && number(&row["gain"]) <= number(&row["upper"])
            );
        }
    }

    let fork = json!({ "name": "Elsewhere", "edits": [{ "edit": "open", "site": "nil-21" }] });
    let forked = (city
        .analyst
        .post(&format!("{saved}/fork"), &fork)
        .await
        .expect(201))
    .location();
    let id = |location: &str| location.rsplit('/').next().unwrap().to_owned();
    let fork = city.analyst.get(&forked).await.expect(200).json();
    assert_eq!(fork["wanted"]["parent"], id(&saved));
    let between = (city
        .analyst
        .get(&format!("{forked}/comparison?against={}", id(&saved)))
        .await
        .expect(200))
    .json();
    let comparison = &between["comparison"];
    assert!(comparison["gaining"].as_u64() > Some(0) && comparison["losing"].as_u64() > Some(0));
    assert_eq!(between["costs"][1]["total"], 160_000.0);
    (city.analyst.get(&format!("{forked}/comparison")).await).refused(422, "missing-field");
    let mut other = open.clone();
    other["measure"]["method"] = json!("nearest");
    let other = (city
        .analyst
        .post("/api/v1/scenarios", &other)
        .await
        .expect(201))
    .location();
    (city
        .analyst
        .get(&format!("{other}/comparison?against={}", id(&saved)))
        .await)
        .refused(409, "other-baseline");

    let wrong = scenario(
        &release,
        json!([{ "edit": "close", "site": "duomo" }, { "edit": "open", "site": "nowhere" }]),
    );
    let reply = city.analyst.post("/api/v1/scenarios", &wrong).await;
    assert_eq!(reply.json()["path"], "$.edits[1]");
    reply.refused(422, "invalid-edit");

    // Who reads releases reads scenarios; who made one removes it.
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("comune-milano"))
        .await;
    dpo.get(&saved).await.expect(200);
    let listed = dpo.get("/api/v1/scenarios").await.expect(200).json();
    assert_eq!(listed["scenarios"].as_array().unwrap().len(), 3);
    dpo.post("/api/v1/scenarios", &open)
        .await
        .refused(403, "forbidden");
    delete(&dpo, &saved).await.refused(403, "forbidden");
    delete(&city.analyst, &saved).await.expect(204);
    city.analyst.get(&saved).await.refused(404, "not-found");
    city.analyst.get(&forked).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_followed_to_its_end_and_kept() {
    let bed = bed().await;
    let city = bed.city().await;
    let release = released(&city).await;
    let reply = city
        .analyst
        .post("/api/v1/plans", &plan(&release, json!({})))
        .await
        .expect(202);
    assert_eq!(
        logged(&bed).await.last().map(String::as_str),
        Some("plan-begun")
    );
    let location = reply.location();
    // The stream ends by itself once the plan does.
    let told = city
        .analyst
        .get(&format!("{location}/events"))
        .await
        .expect(200);
    assert_eq!(told.headers[header::CONTENT_TYPE], "text/event-stream");
    let last = told.text.rsplit("event: ").next().unwrap();
    let data = last
        .strip_prefix("plan\ndata: ")
        .unwrap_or_else(|| panic!("{}", told.text));
    let followed: Value = serde_json::from_str(data.trim()).unwrap();
    let view = ended(&city.analyst, &location).await;
    assert_eq!(followed, view);
    assert_eq!(view["state"], "done");
    let plan_ = &view["plan"];
    assert_eq!(plan_["status"], "optimal");
    assert!(number(&plan_["gap"]) <= 1e-6);
    assert_eq!(plan_["open"].as_array().unwrap().len(), 3);
    assert!(plan_["open"].as_array().unwrap().contains(&json!("duomo")));
    assert_eq!(plan_["alternatives"].as_array().unwrap().len(), 2);
    let stability = &plan_["stability"];
    assert_eq!(stability["draws"], 40);
    assert!(number(&stability["regret"]["lower"]) <= number(&stability["regret"]["upper"]));
    assert_eq!(plan_["data_version"], view["inputs"]["data_version"]);
    assert_eq!(view["inputs"]["sites"].as_array().unwrap().len(), 6);
    // The same input and seed give the same plan.
    let again = city
        .analyst
        .post("/api/v1/plans", &plan(&release, json!({})))
        .await
        .expect(202);
    let again = ended(&city.analyst, &again.location()).await;
    for field in [
        "objective",
        "open",
        "stability",
        "alternatives",
        "explanation",
    ] {
        assert_eq!(again["plan"][field], plan_[field], "{field}");
    }
    let table = city
        .analyst
        .get(&format!("{location}.csv"))
        .await
        .expect(200);
    assert!(
        table
            .text
            .starts_with("site,name,nil,status,open,modules,in_100_draws\n")
    );
    assert!(table.text.contains("duomo,Centro Duomo,1,required,yes"));

    let impossible = plan(&release, json!({ "model": "lscp", "radius": 5, "p": null }));
    let impossible = city
        .analyst
        .post("/api/v1/plans", &impossible)
        .await
        .expect(202);
    let impossible = ended(&city.analyst, &impossible.location()).await;
    assert_eq!(impossible["state"], "done", "{impossible}");
    assert_eq!(impossible["plan"]["status"], "infeasible");

    assert!(
        impossible["plan"]["reason"]
            .as_str()
            .unwrap()
            .contains("raise the radius")
    );
    assert_eq!(impossible["plan"]["relaxations"][0]["limit"], "radius");
    assert!(number(&impossible["plan"]["relaxations"][0]["to"]) > 5.0);

    let wrong = plan(&release, json!({ "p": null }));
    let reply = city.analyst.post("/api/v1/plans", &wrong).await;
    assert_eq!(reply.json()["path"], "$.p");
    reply.refused(422, "invalid-problem");
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("comune-milano"))
        .await;
    dpo.get(&location).await.expect(200);
    dpo.post(&format!("{location}/cancel"), &json!({}))
        .await
        .refused(403, "forbidden");
    delete(&city.analyst, &location).await.expect(204);
    city.analyst.get(&location).await.refused(404, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_wait_for_their_turn_are_called_off_and_have_a_limit() {
    let bed = bed().await;
    let city = bed.city().await;
    let release = released(&city).await;
    // Capacities, modules and a budget over all neighbourhoods: not solved while this test runs.
    let mut hard = plan(
        &release,
        json!({ "model": "max-min", "p": 30, "budget": 3_000_000, "time_limit": 600 }),
    );
    hard["basis"]["candidates"] = json!({ "capacity": 7, "fixed_cost": 31_000, "module_capacity": 5, "module_cost": 9_000, "modules": 9 });
    let mut locations = Vec::new();
    for _ in 0..3 {
        locations.push(
            city.analyst
                .post("/api/v1/plans", &hard)
                .await
                .expect(202)
                .location(),
        );
    }
    let fourth = city.analyst.post("/api/v1/plans", &hard).await;
    assert_eq!(fourth.json()["params"]["limit"], 3);
    fourth.refused(429, "too-many-running");
    let waiting = city.analyst.get(&locations[2]).await.expect(200).json();
    assert_eq!(
        (&waiting["state"], &waiting["progress"]["before"]),
        (&json!("waiting"), &json!(2))
    );
    delete(&city.analyst, &locations[2])
        .await
        .refused(409, "still-running");
    for location in locations.iter().rev() {
        city.analyst
            .post(&format!("{location}/cancel"), &json!({}))
            .await
            .expect(204);
    }
    for location in &locations {
        assert_eq!(ended(&city.analyst, location).await["state"], "cancelled");
    }
    // One that was cut off when the service stopped says so.
    let mut transaction = bed.app.database.write().await.unwrap();
    let cut_off = coordinator::store::planning::plan(
        &mut transaction,
        locations[0].rsplit('/').next().unwrap(),
    );
    let cut_off = cut_off.await.unwrap().unwrap();
    let anna = account_by_name(&mut transaction, "anna").await.unwrap();
    let viewer = Viewer {
        account: &anna.unwrap(),
        now: bed.app.clock.now(),
    };
    let cut_off = cut_off.open(&mut transaction, &viewer).await.unwrap();
    let cut_off = cut_off.expect("seen by the analyst");
    let new = coordinator::store::planning::NewPlan {
        id: "cut-off",
        name: &cut_off.name,
        owner: &cut_off.owner,
        created_at: 0,
        wanted: &cut_off.wanted,
        inputs: &cut_off.inputs,
        state: "running",
    };
    coordinator::store::planning::plan_insert(&mut transaction, &new)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let view = city
        .analyst
        .get("/api/v1/plans/cut-off")
        .await
        .expect(200)
        .json();
    assert_eq!(view["state"], "failed");
    assert!(view["failure"].as_str().unwrap().contains("begin it again"));
}

async fn upload(browser: &Browser<'_>, name: &str, csv: &str) -> Reply {
    let request = (browser.request("POST", &format!("/api/v1/travel-tables?name={name}")))
        .header(header::CONTENT_TYPE, "text/csv")
        .body(Body::from(csv.to_owned()))
        .unwrap();
    send(&browser.bed.web, request).await
}

#[tokio::test]
async fn travel_comes_from_an_uploaded_table_and_is_named() {
    let bed = bed().await;
    let city = bed.city().await;
    let release = released(&city).await;
    let mut table = String::from("from_id,to_id,minutes,mode\n");
    for nil in 1..=88 {
        table.push_str(&format!(
            "{nil},duomo,{},bus\n{nil},duomo,{},foot\n{nil},2,12,bus\n",
            nil % 40,
            2 * (nil % 40)
        ));
    }
    let location = upload(&city.analyst, "GTFS", &table)
        .await
        .expect(201)
        .location();
    let listed = city
        .analyst
        .get("/api/v1/travel-tables")
        .await
        .expect(200)
        .json();
    assert_eq!(listed["tables"][0]["modes"], json!(["bus", "foot"]));
    let mut wanted = json!({ "basis": basis(&release), "measure": { "method": "nearest" } });
    let id = location.rsplit('/').next().unwrap();
    wanted["basis"]["travel"] = json!({ "kind": "table", "table": id });
    city.analyst
        .post("/api/v1/access", &wanted)
        .await
        .refused(422, "unknown-mode");
    wanted["basis"]["travel"]["mode"] = json!("bus");
    let found = (city
        .analyst
        .post("/api/v1/access", &wanted)
        .await
        .expect(200))
    .json();
    assert_eq!(
        found["access"]["travel"],
        json!({ "kind": "table", "name": "GTFS", "mode": "bus" })
    );
    assert_eq!(found["access"]["rows"][4]["access"], 5.0);
    // The candidate in the second neighbourhood is reached by the row of its neighbourhood once it opens.
    wanted["basis"]["sites"][1]["status"] = json!("required");
    let found = (city
        .analyst
        .post("/api/v1/access", &wanted)
        .await
        .expect(200))
    .json();
    assert_eq!(found["access"]["rows"][29]["access"], 12.0);

    let wrong = upload(&city.analyst, "x", "from_id,to_id,minutes\n1,2,soon\n").await;
    assert!(
        wrong.json()["detail"].as_str().unwrap().contains("line 2"),
        "{}",
        wrong.text
    );
    wrong.refused(422, "unreadable-table");
    upload(&city.analyst, "", &table)
        .await
        .refused(422, "invalid-name");
    upload(&city.analyst, "x", &"1,2,3\n".repeat(900_000))
        .await
        .refused(413, "too-large");
    let json_body = city
        .analyst
        .post("/api/v1/travel-tables?name=x", &json!({}))
        .await;
    json_body.refused(415, "unsupported-media-type");
    delete(&city.analyst, &location).await.expect(204);
    city.analyst
        .post("/api/v1/access", &wanted)
        .await
        .refused(422, "unknown-table");
}
