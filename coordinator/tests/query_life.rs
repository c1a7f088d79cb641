//! The life of a query, from the analyst's question to a release, over both HTTP interfaces and a real database.
//! Nodes are simulated with real keys; their cells are made up here.

mod support;

use coordinator::app::end;
use coordinator::store::accounts::Role;
use http_body_util::BodyExt as _;
use protocol::exchange::{Declined, WorkItem};
use serde_json::json;
use support::{Bed, Node, STUDY, logged, question};
use tower::ServiceExt as _;

#[tokio::test]
async fn a_question_is_signed_answered_composed_and_reused() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, ortica] = &city.nodes;
    let query = question(100_000_000);

    let preview = city
        .analyst
        .post(
            "/api/v1/queries/preview",
            &json!({ "study": STUDY, "query": query }),
        )
        .await;
    let preview = preview.expect(200).json();
    assert_eq!(preview["cells"], 10);
    assert_eq!(preview["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(preview["already_released"], json!(null));
    assert_eq!(preview["price"]["lifetime"]["rho"], 100_000_000);
    // Sensitivity 1 at rho 0.1 is sigma sqrt(5); three nodes make sqrt(15).
    let deviation = preview["standard_deviation"].as_f64().unwrap();
    assert!((deviation - 15f64.sqrt()).abs() < 1e-6, "{deviation}");

    let asked = city.analyst.ask(&query, "key-1").await.expect(202);
    let id = asked.location().rsplit('/').next().unwrap().to_owned();
    assert_eq!(city.view(&id).await["state"], "signing");
    assert!(
        lambro.poll().await.is_empty(),
        "nobody is asked before the requester signed"
    );
    comune.sign_all().await;
    assert_eq!(city.view(&id).await["state"], "collecting");

    comune.answers(40).await.expect(200);
    lambro.answers(-3).await.expect(200);
    let view = city.view(&id).await;
    assert_eq!(view["state"], "collecting");
    assert_eq!(view["nodes"][0]["node"], "associazione-ortica");
    assert_eq!(view["nodes"][1]["state"], "answered");
    ortica.refuses("purpose").await.expect(200);
    let view = city.view(&id).await;
    assert_eq!(view["state"], "released");
    assert_eq!(view["nodes"][0]["state"], "refused");
    assert_eq!(view["nodes"][0]["rule"], "purpose");

    let release_id = view["release"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/releases/{release_id}");
    let release = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(release["values"], json!(vec![37; 10]));
    assert_eq!(release["nodes_answered"], 2);
    assert_eq!(release["estimand"], "presences");
    assert_eq!(release["query_hash"], preview["query_hash"]);
    let variance = release["variance"][0].as_f64().unwrap();
    assert!((variance - 10.0).abs() < 1e-6, "{variance}");
    assert_eq!(release["margin_95"][0], 7.0);
    assert_eq!(
        release["coverage"]["refused"],
        json!([{ "node": "associazione-ortica", "rule": "purpose", "field": "purpose", "code": "not-allowed" }])
    );
    assert_eq!(release["coverage"]["answered"].as_array().unwrap().len(), 2);
    let epsilon = release["privacy"]["epsilon"].as_f64().unwrap();
    assert!((epsilon - 2.14).abs() < 0.01, "{epsilon}");
    let listed = city
        .analyst
        .get("/api/v1/releases")
        .await
        .expect(200)
        .json();
    assert_eq!(listed["releases"][0]["id"], release_id);

    // The same question, spelt otherwise: the release, and nobody is asked.
    let mut spelt = query.clone();
    spelt["services"] = json!(["home-care"]);
    let respelt = json!({ "rho": 100_000_000, "bounds": query["bounds"], "period": query["period"],
        "by": query["by"], "measure": "persons", "version": 1 });
    let again = city.analyst.ask(&respelt, "key-2").await.expect(200);
    assert_eq!(again.location(), path);
    let preview = city
        .analyst
        .post(
            "/api/v1/queries/preview",
            &json!({ "study": STUDY, "query": query }),
        )
        .await;
    assert_eq!(preview.expect(200).json()["already_released"], release_id);
    assert!(lambro.poll().await.is_empty());
    // Another question is another question.
    city.analyst.ask(&spelt, "key-3").await.expect(202);

    // A new edition makes it a question again.
    lambro.hello(2).await.expect(200);
    let renewed = city.analyst.ask(&query, "key-4").await.expect(202);
    assert_ne!(renewed.location(), asked.location());

    // A greeting without datasets, as commands and nodes that rest send it, changes nothing of what the node serves.
    let serves = || async {
        let nodes = city.analyst.get("/api/v1/nodes").await.expect(200).json();
        nodes["nodes"].clone()
    };
    let before = serves().await;
    assert!(before.to_string().contains("\"edition\":2"), "{before}");
    lambro.greet_only().await.expect(200);
    assert_eq!(serves().await, before);
}

#[tokio::test]
async fn a_release_downloads_as_csv_and_json() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let id = city.asked(&question(1_000_000), "key").await;
    for (node, value) in city.nodes.iter().zip([5, -20, 3]) {
        node.answers(value).await.expect(200);
    }
    let release = city.view(&id).await["release"].as_str().unwrap().to_owned();
    let csv = city
        .analyst
        .get(&format!("/api/v1/releases/{release}.csv"))
        .await
        .expect(200);
    assert!(
        csv.headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains(&format!("release-{release}.csv"))
    );
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 11);
    assert!(lines[0].starts_with("area,area_name,period,value,display,margin_95,"));
    assert!(
        lines[1].starts_with("1,Municipio 1,2025-01/2025-03,-12,0,"),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains("discrete-gaussian") && lines[1].contains(STUDY));
    assert!(lines[1].contains("answered: associazione-ortica comune-milano cooperativa-lambro"));
    let json = city
        .analyst
        .get(&format!("/api/v1/releases/{release}.json"))
        .await
        .expect(200);
    assert_eq!(json.json()["id"], release);
    city.analyst
        .get(&format!("/api/v1/releases/{release}.exe"))
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn the_same_key_asks_once_and_another_body_under_it_is_refused() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let first = city.analyst.ask(&question(1_000), "key").await.expect(202);
    let second = city.analyst.ask(&question(1_000), "key").await.expect(202);
    assert_eq!(first.location(), second.location());
    city.analyst
        .ask(&question(2_000), "key")
        .await
        .refused(422, "conflict");
    // Another key finds the open query instead of asking again.
    let third = city
        .analyst
        .ask(&question(1_000), "other")
        .await
        .expect(202);
    assert_eq!(first.location(), third.location());
    let queries = city.analyst.get("/api/v1/queries").await.expect(200).json();
    assert_eq!(queries["queries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn questions_beyond_their_study_are_refused_by_name() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let analyst = &city.analyst;
    analyst
        .ask(&question(200_000_001), "a")
        .await
        .refused(422, "rho-over-study-limit");
    let mut query = question(1_000);
    query["by"]["area"] = json!("micro-area");
    analyst
        .ask(&query, "b")
        .await
        .refused(422, "level-too-fine");
    let mut query = question(1_000);
    query["by"]["target"] = json!(["living-alone"]);
    analyst
        .ask(&query, "c")
        .await
        .refused(422, "target-not-in-study");
    let mut query = question(1_000);
    query["rho"] = json!(0.5);
    let reply = analyst.ask(&query, "d").await.expect(422).json();
    assert_eq!(
        (reply["code"].as_str(), reply["path"].as_str()),
        (Some("not-an-integer"), Some("$.rho"))
    );
    analyst
        .ask_with(&json!({ "study": "other", "query": question(1) }), "e")
        .await
        .refused(422, "unknown-study");
    let forever = json!({ "study": STUDY, "query": question(1), "validity_seconds": 99_999_999 });
    analyst
        .ask_with(&forever, "f")
        .await
        .refused(422, "out-of-range");
    // 0.2 of 0.25 are spent; another 0.1 no longer fits, but the same question again does.
    city.asked(&question(200_000_000), "g").await;
    let reply = analyst
        .ask(&question(100_000_000), "h")
        .await
        .expect(422)
        .json();
    assert_eq!(reply["code"], "study-limit");
    assert_eq!(reply["params"]["remaining"], 50_000_000);
    bed.pass(50 * 86_400);
    let analyst = city.again().await;
    analyst
        .ask(&question(1_000), "i")
        .await
        .refused(422, "study-expired");
}

#[tokio::test]
async fn a_node_that_was_offline_answers_later_once() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, ortica] = &city.nodes;
    let id = city.asked(&question(1_000_000), "key").await;
    comune.answers(1).await.expect(200);
    lambro.answers(2).await.expect(200);
    bed.pass(3_600);
    let view = city.view(&id).await;
    assert_eq!(
        (&view["state"], &view["nodes"][0]["state"]),
        (&json!("collecting"), &json!("offline"))
    );
    ortica.hello(1).await.expect(200);
    assert_eq!(city.view(&id).await["nodes"][0]["state"], "waiting");
    // Handed out, lost, and handed out again after a restart.
    let request = ortica.handed().await;
    assert_eq!(city.view(&id).await["nodes"][0]["state"], "asked");
    assert!(ortica.poll().await.is_empty());
    ortica.hello(1).await.expect(200);
    assert_eq!(ortica.handed().await, request);
    let answer = ortica.answer(&request, Node::cells(&request, 4));
    let status = ortica
        .post("/node/v1/answers", &answer)
        .await
        .expect(200)
        .json();
    assert_eq!(status["status"], "accepted");
    let status = ortica
        .post("/node/v1/answers", &answer)
        .await
        .expect(200)
        .json();
    assert_eq!(status["status"], "duplicate");
    let other = ortica.answer(&request, Node::cells(&request, 5));
    ortica
        .post("/node/v1/answers", &other)
        .await
        .refused(409, "other-answer");
    let view = city.view(&id).await;
    let release = city
        .analyst
        .get(&format!(
            "/api/v1/releases/{}",
            view["release"].as_str().unwrap()
        ))
        .await;
    assert_eq!(release.json()["values"][0], 7);
    assert_eq!(
        logged(&bed)
            .await
            .iter()
            .filter(|code| *code == "answer-accepted")
            .count(),
        3
    );
}

#[tokio::test]
async fn at_expiry_the_release_holds_who_answered_and_names_who_did_not() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, ortica] = &city.nodes;
    let id = city.asked(&question(1_000_000), "key").await;
    comune.answers(8).await.expect(200);
    let late = ortica.handed().await;
    bed.pass(86_400 - 30);
    lambro.poll().await;
    bed.pass(30);
    end::sweep(&bed.app).await.unwrap();
    let view = city.view_again(&id).await;
    assert_eq!(view["state"], "released");
    let path = format!("/api/v1/releases/{}", view["release"].as_str().unwrap());
    let release = city.again().await.get(&path).await.expect(200).json();
    assert_eq!(release["values"][0], 8);
    assert_eq!(
        release["coverage"]["offline"],
        json!([{ "node": "associazione-ortica" }])
    );
    assert_eq!(
        release["coverage"]["expired"],
        json!([{ "node": "cooperativa-lambro" }])
    );
    // What comes after the end is kept, since it was paid for, and changes nothing.
    let answer = ortica.answer(&late, Node::cells(&late, 100));
    ortica.post("/node/v1/answers", &answer).await.expect(200);
    assert_eq!(city.again().await.get(&path).await.json(), release);
    assert!(logged(&bed).await.contains(&"answer-late".to_owned()));
    // Asked again, the release is not taken for an answer: two organisations are missing from it.
    city.again()
        .await
        .ask(&question(1_000_000), "again")
        .await
        .expect(202);
}

#[tokio::test]
async fn a_query_nobody_answers_expires_and_one_all_refuse_is_refused() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let silent = city.asked(&question(1_000_000), "a").await;
    bed.pass(86_400);
    end::sweep(&bed.app).await.unwrap();
    assert_eq!(city.view_again(&silent).await["state"], "expired");
    for node in &city.nodes {
        node.hello(1).await.expect(200);
    }
    let analyst = city.again().await;
    let asked = analyst.ask(&question(2_000_000), "b").await.expect(202);
    city.nodes[0].sign_all().await;
    for node in &city.nodes {
        node.refuses("lifetime-cap").await.expect(200);
    }
    let view = analyst.get(&asked.location()).await.json();
    assert_eq!(
        (&view["state"], &view["release"]),
        (&json!("refused"), &json!(null))
    );
}

#[tokio::test]
async fn the_analyst_may_take_what_there_is() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let id = city.asked(&question(1_000_000), "key").await;
    let close = format!("/api/v1/queries/{id}/close");
    city.analyst
        .post(&close, &json!({}))
        .await
        .refused(409, "nothing-answered");
    city.nodes[1].answers(6).await.expect(200);
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("cooperativa-lambro"))
        .await;
    dpo.post(&close, &json!({})).await.refused(403, "forbidden");
    let closed = city.analyst.post(&close, &json!({})).await.expect(200);
    let release = city
        .analyst
        .get(&closed.location())
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&release["values"][0], &release["nodes_answered"]),
        (&json!(6), &json!(1))
    );
    city.analyst
        .post(&close, &json!({}))
        .await
        .refused(409, "query-not-open");
    assert!(
        city.nodes[2].poll().await.is_empty(),
        "a closed query asks nobody any more"
    );
}

#[tokio::test]
async fn what_the_requesters_node_does_not_sign_is_asked_of_nobody() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let asked = city
        .analyst
        .ask(&question(1_000_000), "key")
        .await
        .expect(202);
    let Some(WorkItem::Sign { query_id, .. }) = city.nodes[0].poll().await.pop() else {
        panic!("nothing to sign");
    };
    let declined = Declined {
        field: "rho".to_owned(),
        code: "over-the-study-limit".to_owned(),
    };
    city.nodes[0]
        .hand_in(&query_id, vec![], Some(declined))
        .await
        .expect(204);
    let view = city.analyst.get(&asked.location()).await.json();
    assert_eq!(
        (&view["state"], &view["declined_code"]),
        (&json!("refused"), &json!("over-the-study-limit"))
    );
    assert!(city.nodes[1].poll().await.is_empty());
}

#[tokio::test]
async fn participants_without_consent_or_node_are_in_the_coverage() {
    let bed = Bed::new().await;
    let nodes = [
        bed.node("comune-milano").await,
        bed.node("cooperativa-lambro").await,
        Node::new(&bed, "associazione-ortica"),
    ];
    let study = support::seal(
        &nodes[0].requester,
        protocol::Study::TYPE,
        &bed.study(&nodes),
    );
    nodes[0].post("/node/v1/studies", &study).await.expect(204);
    let analyst = bed.signed_in("anna", Role::Analyst, None).await;
    analyst
        .ask(&question(1_000), "a")
        .await
        .refused(409, "no-node-to-ask");
    nodes[0].consent(&study).await.expect(204);
    let asked = analyst.ask(&question(1_000), "b").await.expect(202);
    nodes[0].sign_all().await;
    nodes[0].answers(1).await.expect(200);
    let view = analyst.get(&asked.location()).await.json();
    let release = analyst
        .get(&format!(
            "/api/v1/releases/{}",
            view["release"].as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(
        release["coverage"]["refused"],
        json!([
            { "node": "associazione-ortica", "rule": "enrolment", "field": "study", "code": "not-joined" },
            { "node": "cooperativa-lambro", "rule": "enrolment", "field": "study", "code": "not-countersigned" },
        ])
    );
}

#[tokio::test]
async fn a_followed_query_tells_every_change_and_ends() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let id = city.asked(&question(1_000_000), "key").await;
    let request = city
        .analyst
        .request("GET", &format!("/api/v1/queries/{id}/events"));
    let response = bed
        .web
        .clone()
        .oneshot(request.body(axum::body::Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let following =
        tokio::spawn(async move { response.into_body().collect().await.unwrap().to_bytes() });
    for node in &city.nodes {
        node.answers(1).await.expect(200);
        tokio::task::yield_now().await;
    }
    let told = String::from_utf8(following.await.unwrap().to_vec()).unwrap();
    let last = told
        .lines()
        .rfind(|line| line.starts_with("data:"))
        .unwrap();
    assert!(told.starts_with("event: query"), "{told}");
    assert!(last.contains("\"state\":\"released\""), "{last}");
}

#[tokio::test]
async fn a_request_that_waits_for_a_person_is_shown_as_waiting_until_it_is_answered() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [_, lambro, ortica] = &city.nodes;
    let id = city.asked(&question(1_000_000), "key").await;
    let request = lambro.handed().await;
    let asked: protocol::Request =
        serde_json::from_slice(&request.unverified_payload().unwrap()).unwrap();
    let notice = json!({ "version": 1, "request": asked.id });
    let state = async || {
        let view = city.view(&id).await;
        let nodes = view["nodes"].as_array().unwrap().clone();
        let of = nodes
            .into_iter()
            .find(|node| node["node"] == asked.node.as_str());
        of.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "asked");
    // Nobody says so of another's request.
    ortica.post("/node/v1/waiting", &notice).await.expect(404);
    assert_eq!(state().await, "asked");
    for _ in 0..2 {
        lambro.post("/node/v1/waiting", &notice).await.expect(204);
    }
    assert_eq!(state().await, "waiting-for-approval");
    let answer = lambro.answer(&request, Node::cells(&request, 4));
    lambro.post("/node/v1/answers", &answer).await.expect(200);
    assert_eq!(state().await, "answered");
}
