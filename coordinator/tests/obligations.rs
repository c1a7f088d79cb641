//! What releases owe the organisations in them, over HTTP: who may see them on every path, what is shown, and until when.
//! Nodes are simulated with real keys; their policies are what their answers say they owe.

mod support;

use coordinator::app::audience;
use coordinator::store::accounts::Role;
use protocol::{Audience, Obligations, Outcome};
use serde_json::json;
use support::{Bed, Browser, City, Node, STUDY, logged, question};

fn owed(audience: Audience) -> Obligations {
    Obligations {
        display_minimum: 5,
        retention_months: 24,
        audience,
    }
}

/// Answers the request it is handed, and says what is owed for it.
async fn answers(node: &Node<'_>, value: i64, owed: Obligations) {
    let request = node.handed().await;
    let mut outcome = Node::cells(&request, value);
    if let Outcome::Answered { receipt, .. } = &mut outcome {
        receipt.obligations = Some(owed);
    }
    let sealed = node.sealed(&request, outcome);
    node.post("/node/v1/answers", &sealed).await.expect(200);
}

/// A release to which each organisation attached what it asks.
async fn released(city: &City<'_>, key: &str, value: i64, owed: [Obligations; 3]) -> String {
    let mut query = question(20_000_000);
    query["rho"] = json!(20_000_000 + key.len());
    let id = city.asked(&query, key).await;
    for (node, owed) in city.nodes.iter().zip(owed) {
        answers(node, value, owed).await;
    }
    city.view(&id).await["release"].as_str().unwrap().to_owned()
}

async fn listed(browser: &Browser<'_>) -> Vec<String> {
    let list = browser.get("/api/v1/releases").await.expect(200).json();
    (list["releases"].as_array().unwrap().iter())
        .map(|release| release["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every way to read a release that the API's description names.
fn ways(release: &str) -> Vec<String> {
    let description = serde_json::to_value(coordinator::http::openapi()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let ways: Vec<String> = (paths.iter())
        .filter(|(path, methods)| path.contains("/releases/{id}") && methods.get("get").is_some())
        .flat_map(|(path, _)| {
            let path = path.replace("{id}", release);
            match path.ends_with(release) {
                true => vec![path.clone(), format!("{path}.json"), format!("{path}.csv")],
                false => vec![format!("{path}?kind=rate&of=residents"), path],
            }
        })
        .collect();
    assert!(ways.len() >= 9, "{ways:?}");
    ways
}

async fn is_there(browser: &Browser<'_>, release: &str, is_there: bool) {
    assert_eq!(
        listed(browser).await.contains(&release.to_owned()),
        is_there
    );
    for way in ways(release) {
        let status = browser.get(&way).await.status.as_u16();
        // Somebody who may see it is told what is wrong with a request; nobody else is told anything.
        assert_eq!(status != 404, is_there, "{way}: {status}");
        assert!(status < 500, "{way}: {status}");
    }
    let question = json!({ "study": STUDY, "query": question(20_000_000) });
    let derive = browser
        .post(&format!("/api/v1/releases/{release}/derive"), &question)
        .await;
    assert_eq!(derive.status.as_u16() != 404, is_there, "{}", derive.text);
    assert!(derive.status.as_u16() < 500, "{}", derive.text);
}

#[tokio::test]
async fn a_release_is_seen_by_whom_every_organisation_in_it_allows() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    bed.node("fondazione-navigli").await;
    let of = async |name, organisation| {
        bed.signed_in(name, Role::Organisation, Some(organisation))
            .await
    };
    let requester = of("comune", "comune-milano").await;
    let participant = of("lambro", "cooperativa-lambro").await;
    let outsider = of("navigli", "fondazione-navigli").await;
    let admin = bed.signed_in("root", Role::Admin, None).await;
    for (key, audiences, seen_by) in [
        ("a", [Audience::Public; 3], [true, true, true, true]),
        (
            "bb",
            [Audience::Public, Audience::Participants, Audience::Public],
            [true, true, false, false],
        ),
        (
            "ccc",
            [
                Audience::Participants,
                Audience::Public,
                Audience::Requester,
            ],
            [true, false, false, false],
        ),
    ] {
        let release = released(&city, key, 100, audiences.map(owed)).await;
        is_there(&city.analyst, &release, true).await;
        for (browser, seen) in [&requester, &participant, &outsider, &admin]
            .into_iter()
            .zip(seen_by)
        {
            is_there(browser, &release, seen).await;
        }
        let strictest = audiences.into_iter().min().unwrap();
        let shown = city
            .analyst
            .get(&format!("/api/v1/releases/{release}"))
            .await;
        assert_eq!(
            shown.expect(200).json()["obligations"]["audience"],
            json!(strictest.id())
        );
    }
}

/// A release that an account may not see is not named to it where the same question is previewed.
#[tokio::test]
async fn a_preview_names_no_release_that_is_hidden() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let of = async |name, organisation| {
        bed.signed_in(name, Role::Organisation, Some(organisation))
            .await
    };
    let requester = of("comune", "comune-milano").await;
    let participant = of("lambro", "cooperativa-lambro").await;
    let release = released(&city, "a", 100, [Audience::Requester; 3].map(owed)).await;
    let asked = json!({ "study": STUDY, "query": question(20_000_001) });
    for (browser, named) in [(&requester, json!(release)), (&participant, json!(null))] {
        let preview = browser.post("/api/v1/queries/preview", &asked).await;
        assert_eq!(preview.expect(200).json()["already_released"], named);
    }
}

/// What a solver still works on holds numbers of the releases it was given: it ends with the first of them.
#[tokio::test]
async fn a_plan_that_is_being_solved_is_called_off_when_a_release_of_it_ends() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = Bed::new().await;
    let city = bed.city().await;
    // A solver that finds nothing for an hour.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("solver");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 3600\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    (bed.app.plans).solve_with(program);
    let ends = Obligations {
        retention_months: 1,
        ..owed(Audience::Public)
    };
    let mut query = question(20_000_000);
    query["by"] = json!({ "area": "nil" });
    let asked = city.asked(&query, "a").await;
    for node in &city.nodes {
        answers(node, 100, ends).await;
    }
    let release = city.view(&asked).await["release"].clone();
    let plan = json!({
        "name": "long", "model": "p-median", "p": 1,
        "basis": {
            "demand": [{ "kind": "release", "release": release }],
            "sites": [{ "id": "duomo", "nil": "1", "status": "required", "capacity": 60 }],
        },
    });
    let made = city.analyst.post("/api/v1/plans", &plan).await;
    let id = made.location().rsplit('/').next().unwrap().to_owned();
    assert!(bed.app.plans.follow(&id).is_some());
    bed.pass(32 * 86_400);
    audience::erase_ended(&bed.app, false).await.unwrap();
    let gone = async {
        while bed.app.plans.follow(&id).is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    (tokio::time::timeout(patience, gone).await).expect("the plan is called off");
}

/// Who saw the earlier release of all three is told what part the two of a later one are of it; nobody else is.
#[tokio::test]
async fn the_share_that_answered_is_told_from_what_the_reader_may_see() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    bed.node("fondazione-navigli").await;
    let all = [Audience::Public, Audience::Requester, Audience::Public];
    released(&city, "a", 1_000, all.map(owed)).await;
    bed.pass(1);
    let mut query = question(20_000_000);
    query["rho"] = json!(20_000_003);
    let id = city.asked(&query, "later").await;
    answers(&city.nodes[0], 1_000, owed(Audience::Public)).await;
    city.nodes[1].refuses("purpose").await.expect(200);
    answers(&city.nodes[2], 1_000, owed(Audience::Public)).await;
    let later = city.view(&id).await["release"].as_str().unwrap().to_owned();
    let outsider = (bed.signed_in("navigli", Role::Organisation, Some("fondazione-navigli"))).await;
    let path = format!("/api/v1/releases/{later}/consistent");
    let told = async |browser: &Browser<'_>| {
        browser.get(&path).await.expect(200).json()["answered_share"].clone()
    };
    let (seen, hidden) = (told(&city.analyst).await, told(&outsider).await);
    assert!(!seen["by_release"].is_null(), "{seen}");
    assert!(hidden["by_release"].is_null(), "{hidden}");
    assert!(hidden["estimate"].is_null(), "{hidden}");
}

#[tokio::test]
async fn what_is_planned_on_a_release_is_seen_by_whom_the_release_is() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    bed.node("fondazione-navigli").await;
    let mut query = question(100_000_000);
    query["by"] = json!({ "area": "nil" });
    let id = city.asked(&query, "needs").await;
    for node in &city.nodes {
        answers(node, 100, owed(Audience::Requester)).await;
    }
    let release = city.view(&id).await["release"].as_str().unwrap().to_owned();
    let basis = json!({
        "demand": [{ "kind": "release", "release": release }],
        "sites": [{ "id": "duomo", "nil": "1", "status": "required", "capacity": 60 }],
    });
    let measure = json!({ "method": "e2sfca", "radius": 60 });
    let scenario = json!({ "name": "As it is", "basis": &basis, "edits": [], "measure": &measure });
    let plan = json!({ "name": "One", "basis": &basis, "model": "p-median", "p": 1 });
    let mut kept = Vec::new();
    for (path, wanted) in [("/api/v1/scenarios", scenario), ("/api/v1/plans", plan)] {
        let made = city.analyst.post(path, &wanted).await;
        kept.push((path, made.location().to_owned()));
    }
    let requester = (bed.signed_in("comune", Role::Organisation, Some("comune-milano"))).await;
    let outsider = (bed.signed_in("navigli", Role::Analyst, Some("fondazione-navigli"))).await;
    for (list, one) in &kept {
        for (browser, sees) in [(&requester, true), (&outsider, false)] {
            let listed = browser.get(list).await.expect(200).text;
            let id = one.rsplit('/').next().unwrap();
            assert_eq!(listed.contains(id), sees, "{list}");
            assert_eq!(browser.get(one).await.status == 200, sees, "{one}");
        }
    }
    let fork = json!({ "name": "Mine" });
    let forked = outsider.post(&format!("{}/fork", kept[0].1), &fork).await;
    forked.expect(404);
    let access = json!({ "basis": basis, "measure": measure });
    let refused = outsider.post("/api/v1/access", &access).await.expect(422);
    assert_eq!(
        refused.json()["code"],
        "unknown-release",
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn small_values_are_shown_as_fewer_than_the_largest_minimum() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let minimums = [5, 30, 10].map(|display_minimum| Obligations {
        display_minimum,
        ..owed(Audience::Public)
    });
    let release = released(&city, "a", 9, minimums).await;
    let path = format!("/api/v1/releases/{release}");
    let shown = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(shown["display_minimum"], json!(30));
    // The number itself is not hidden: this is a rule of display.
    assert_eq!(shown["values"][0], json!(27));
    let table = city.analyst.get(&format!("{path}.csv")).await.expect(200);
    let first: Vec<&str> = table.text.lines().nth(1).unwrap().split(',').collect();
    assert!(first.contains(&"27") && first.contains(&"<30"), "{first:?}");
}

#[tokio::test]
async fn a_release_ends_with_the_shortest_retention_and_its_log_stays() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let months = [24, 1, 12].map(|retention_months| Obligations {
        retention_months,
        ..owed(Audience::Public)
    });
    let release = released(&city, "a", 100, months).await;
    audience::erase_ended(&bed.app, false).await.unwrap();
    is_there(&city.analyst, &release, true).await;
    // Deriving made another of it, which owes the same.
    let made = listed(&city.analyst).await.len();
    let before = logged(&bed).await;
    assert!(!before.contains(&"release-erased".to_owned()));

    bed.pass(32 * 86_400);
    let analyst = city.again().await;
    // Nobody sees it from that second on, whether or not anything was erased yet.
    is_there(&analyst, &release, false).await;
    audience::erase_ended(&bed.app, false).await.unwrap();
    audience::erase_ended(&bed.app, false).await.unwrap();
    is_there(&analyst, &release, false).await;
    let after = logged(&bed).await;
    let erased: Vec<&String> = after
        .iter()
        .filter(|code| *code == "release-erased")
        .collect();
    assert_eq!(erased.len(), made);
    let mut reader = bed.app.database.read().await.unwrap();
    let body: (String,) = sqlx::query_as("SELECT body FROM releases WHERE id = $1")
        .bind(&release)
        .fetch_one(&mut *reader)
        .await
        .unwrap();
    assert_eq!(body.0, "");
}

#[tokio::test]
async fn what_was_made_of_a_release_that_ended_goes_with_it() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let mut kept = Vec::new();
    let mut releases = Vec::new();
    for (key, months) in [("ends", 1), ("stays", 24)] {
        let mut query = question(100_000_000);
        query["by"] = json!({ "area": "nil" });
        query["rho"] = json!(100_000_000 + key.len());
        let id = city.asked(&query, key).await;
        let owed = Obligations {
            retention_months: months,
            ..owed(Audience::Public)
        };
        for node in &city.nodes {
            answers(node, 100, owed).await;
        }
        let release = city.view(&id).await["release"].as_str().unwrap().to_owned();
        let basis = json!({
            "demand": [{ "kind": "release", "release": release }],
            "sites": [{ "id": "duomo", "nil": "1", "status": "required", "capacity": 60 }],
        });
        let measure = json!({ "method": "e2sfca", "radius": 60 });
        let scenario = json!({ "name": key, "basis": &basis, "edits": [], "measure": &measure });
        let plan = json!({ "name": key, "basis": &basis, "model": "p-median", "p": 1 });
        for (path, wanted) in [("/api/v1/scenarios", scenario), ("/api/v1/plans", plan)] {
            let made = city.analyst.post(path, &wanted).await;
            kept.push((key, made.location().to_owned()));
        }
        forecast_of(&bed, key, &release).await;
        releases.push(release);
    }
    // What lasts, edited by what ends, ends.
    let mut edited = json!({
        "name": "edited", "measure": { "method": "e2sfca", "radius": 60 },
        "basis": {
            "demand": [{ "kind": "release", "release": releases[1] }],
            "sites": [{ "id": "duomo", "nil": "1", "status": "required", "capacity": 60 }],
        },
        "edits": [{ "edit": "forecast", "area": "1", "demand": 30.0, "variance": 9.0 }],
    });
    let unnamed = city.analyst.post("/api/v1/scenarios", &edited).await;
    unnamed.refused(422, "missing-field");
    edited["edits"][0]["from"] = json!("ends");
    let made = city.analyst.post("/api/v1/scenarios", &edited).await;
    let made = made.expect(201);
    kept.push(("ends", made.location().to_owned()));
    bed.pass(32 * 86_400);
    audience::erase_ended(&bed.app, false).await.unwrap();
    let erased = async || {
        let log = logged(&bed).await;
        log.iter().filter(|code| *code == "derived-erased").count()
    };
    assert_eq!(erased().await, 4);
    let analyst = city.again().await;
    for (key, path) in &kept {
        let status = if *key == "ends" { 404 } else { 200 };
        analyst.get(path).await.expect(status);
    }
    let mut reader = bed.app.database.read().await.unwrap();
    for (table, text) in [
        ("scenarios", "result"),
        ("plans", "inputs || COALESCE(plan, '')"),
        ("forecasts", "input || COALESCE(result, '')"),
    ] {
        let sql = format!("SELECT {text} FROM {table}");
        let rows: Vec<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut *reader)
            .await
            .unwrap();
        let of = |release: &String| rows.iter().filter(|(text,)| text.contains(release)).count();
        assert_eq!(of(&releases[1]), 1, "{table}");
        // Of a forecast it stays known what it was made of; its numbers are gone.
        assert_eq!(
            of(&releases[0]),
            usize::from(table == "forecasts"),
            "{table}"
        );
        let numbers = rows.iter().filter(|(text,)| text.contains("3.5")).count();
        assert_eq!(numbers, usize::from(table == "forecasts"), "{table}");
    }
    drop(reader);

    // Again finds nothing, and what is made at that very moment is found at the next look at everything.
    audience::erase_ended(&bed.app, true).await.unwrap();
    assert_eq!(erased().await, 4);
    forecast_of(&bed, "late", &releases[0]).await;
    audience::erase_ended(&bed.app, true).await.unwrap();
    let log = logged(&bed).await;
    assert_eq!(
        log.iter().filter(|code| *code == "derived-erased").count(),
        5
    );
}

/// A forecast made of a release, as it is stored.
async fn forecast_of(bed: &Bed, id: &str, release: &str) {
    let input = json!({
        "version": 1, "engine": 3,
        "wanted": { "cube": "needs", "level": "municipio", "at": {}, "horizon": 2, "adjustments": [] },
        "past": {
            "releases": [release], "periods": ["2024-Q4"], "left_out": [], "keys": ["1"],
            "values": [[3.5]], "variances": [[2.0]], "kind": "quarter", "counts": true,
            "levels": {
                "levels": [{ "level": "city", "values": [[13.5]], "variances": [[2.0]] }, { "level": "municipio", "values": [], "variances": [] }],
                "relations": [], "covariance": [[13.5], [0.0, 2.0]],
            },
        },
    });
    let mut transaction = bed.app.database.write().await.unwrap();
    sqlx::query(
        "INSERT INTO cubes (id, study, definition, planned_by, planned_at) VALUES ('needs', $1, '{}', 1, 0) ON CONFLICT (id) DO NOTHING",
    )
    .bind(STUDY)
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO forecasts (id, cube, input, state, done, series, result, asked_by, asked_at) \
         VALUES ($1, 'needs', $2, 'done', 1, 1, \
         '{\"version\": 1, \"result\": {\"past\": [\"2024-Q4\"], \"ahead\": [\"2025-Q1\"], \"left_out\": [], \"levels\": [95], \"series\": []}}', 1, 0)",
    )
    .bind(id)
    .bind(input.to_string())
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}
