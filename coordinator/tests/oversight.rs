//! What those who answer for the data read: the query log with its filters and pages, one decision with its proof, budgets, alerts,
//! studies. Who sees what is one table.

mod support;

use audit::{NoteKey, SignedCheckpoint, verify_inclusion};
use coordinator::app::oversight::proof::LogProof;
use coordinator::store::accounts::Role;
use protocol::Outcome;
use serde_json::{Value, json};
use support::{Bed, Browser, City, Node, STUDY, question};

/// A question that names a target, a little dearer than the plain one so that it is another.
fn of_minors(rho: u64) -> Value {
    let mut asked = question(rho);
    asked["by"]["target"] = json!(["minors"]);
    asked
}

async fn rows(browser: &Browser<'_>, search: &str) -> Vec<Value> {
    let path = format!("/api/v1/decisions?{search}");
    let page = browser.get(&path).await.expect(200).json();
    page["decisions"].as_array().unwrap().clone()
}

fn refused(rule: &str, field: &str, code: &str) -> Outcome {
    Outcome::Refused {
        rule: rule.to_owned(),
        field: field.to_owned(),
        code: code.to_owned(),
    }
}

/// Three questions: one answered by all, one refused by the second, one that nobody has signed.
async fn asked(city: &City<'_>, bed: &Bed) -> [String; 3] {
    let first = city.asked(&question(1_000), "first").await;
    for node in &city.nodes {
        node.answers(1).await.expect(200);
    }
    bed.pass(60);
    let second = city.asked(&of_minors(2_000), "second").await;
    city.nodes[0].answers(1).await.expect(200);
    let refusal = refused("planning-counts", "purpose", "purpose-not-allowed");
    city.nodes[1].refuses_as(refusal).await.expect(200);
    bed.pass(60);
    let reply = (city.analyst.ask(&question(3_000), "third").await).expect(202);
    let third = reply.location().rsplit('/').next().unwrap().to_owned();
    [first, second, third]
}

#[tokio::test]
async fn the_query_log_is_filtered_and_paged_without_losing_or_repeating_a_decision() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [first, second, third] = asked(&city, &bed).await;
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("cooperativa-lambro"))
        .await;
    let all = rows(&dpo, "").await;
    assert_eq!(all.len(), 9);
    let queries = |rows: &[Value]| -> Vec<String> {
        let mut ids: Vec<String> = (rows.iter())
            .map(|row| row["query"].as_str().unwrap().to_owned())
            .collect();
        ids.dedup();
        ids
    };
    assert_eq!(
        queries(&all),
        [third.clone(), second.clone(), first.clone()]
    );

    for limit in [1, 2, 4, 8, 9] {
        let (mut read, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/decisions?limit={limit}&after={after}");
            let page = dpo.get(&path).await.expect(200).json();
            read.extend(page["decisions"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(read, all, "pages of {limit}");
    }

    let today = jiff::Timestamp::from_second(bed.now()).unwrap().to_string()[..10].to_owned();
    for (search, expected) in [
        ("organisation=cooperativa-lambro", 3),
        ("organisation=fondazione-navigli", 0),
        ("requester=comune-milano", 9),
        ("requester=cooperativa-lambro", 0),
        ("decision=answered", 4),
        ("decision=refused", 1),
        ("decision=waiting", 4),
        ("decision=declined", 0),
        ("target=minors", 3),
        ("target=carers", 0),
        (&format!("study={STUDY}"), 9),
        ("study=other", 0),
        ("purpose=planning", 9),
        ("purpose=research", 0),
        ("purpose=planning&target=minors&decision=answered", 1),
        // Words: a target's Italian name, an account, an organisation, the rule that refused, a hash's beginning.
        ("text=minori", 3),
        ("text=ANNA", 9),
        ("text=lambro", 3),
        ("text=lambro+minori", 1),
        ("text=planning-counts", 1),
        (&format!("text={}", &first[..12]), 3),
        ("text=100%25", 0),
        ("from=2020-01-01&to=2020-12-31", 0),
        (&format!("from=2020-01-01&to={today}"), 9),
    ] {
        assert_eq!(rows(&dpo, search).await.len(), expected, "{search}");
    }
    for (search, path) in [
        ("from=soon", "from"),
        ("to=2026-02-30", "to"),
        ("decision=maybe", "decision"),
        ("after=here", "after"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
    ] {
        let reply = dpo.get(&format!("/api/v1/decisions?{search}")).await;
        assert_eq!(reply.json()["path"], path);
        reply.refused(422, "wrong-value");
    }
}

/// The log of a question that was declined, and of one that followed from a release.
#[tokio::test]
async fn questions_that_nobody_answered_stand_in_the_log_too() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let reply = (city.analyst.ask(&question(1_000), "key").await).expect(202);
    let id = reply.location().rsplit('/').next().unwrap().to_owned();
    let declined = protocol::exchange::Declined {
        field: "purpose".to_owned(),
        code: "not-in-the-study".to_owned(),
    };
    (city.nodes[0].hand_in(&id, vec![], Some(declined)).await).expect(204);
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("cooperativa-lambro"))
        .await;
    let found = rows(&dpo, "decision=declined").await;
    assert_eq!(found.len(), 3);
    assert_eq!(found[0]["code"], "not-in-the-study");
    assert!(rows(&dpo, "decision=unanswered").await.is_empty());
}

#[tokio::test]
async fn a_decision_says_why_what_it_cost_what_remained_and_proves_that_it_is_logged() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [first, second, _] = asked(&city, &bed).await;
    // A node shows that it saw the log, after the decisions were logged.
    cosigned(&bed, &city.nodes[1]).await;
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("cooperativa-lambro"))
        .await;

    let answered = rows(&dpo, "organisation=cooperativa-lambro&decision=answered").await;
    let id = answered[0]["id"].as_str().unwrap();
    let record = dpo
        .get(&format!("/api/v1/decisions/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(record["query"], first);
    assert_eq!(record["cost"]["rho"], 1_000);
    assert_eq!(record["remaining"]["study_limit"]["rho"], 250_000_000);
    assert_eq!(record["remaining"]["study_left"]["rho"], 249_999_000);
    assert_eq!(record["receipt"]["mechanism"], "discrete-gaussian");
    assert_eq!(record["answer_signature"], "holds");
    assert_eq!(record["lawful_basis"], "art6-1-e");
    let codes: Vec<&str> = (record["entries"].as_array().unwrap().iter())
        .map(|entry| entry["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "query-asked",
            "query-signed",
            "request-sent",
            "answer-accepted",
            "release-published"
        ]
    );

    let refused = rows(&dpo, "decision=refused").await;
    let id = refused[0]["id"].as_str().unwrap();
    let record = dpo
        .get(&format!("/api/v1/decisions/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(record["query"], second);
    assert_eq!(record["cost"], json!(null), "a refusal costs nothing");
    for language in ["it", "en"] {
        let words = record["explanation"][language].as_str().unwrap();
        let has_blank = [" ;", " .", "()", "  "].iter().any(|it| words.contains(it));
        assert!(!words.is_empty() && !has_blank, "{words}");
    }

    for row in rows(&dpo, "").await {
        let id = row["id"].as_str().unwrap();
        let reply = dpo
            .get(&format!("/api/v1/decisions/{id}/proof"))
            .await
            .expect(200);
        let proof: LogProof = serde_json::from_str(&reply.text).unwrap();
        assert!(proven(&proof) >= 1, "{row}");
        if row["decision"] == "answered" {
            assert_eq!(
                proof.heads.len(),
                2,
                "the present head, and the one a node cosigned"
            );
        }
    }
}

/// What a person or the ledger refused has its words on the website; a policy's sentence would only repeat the codes.
#[tokio::test]
async fn what_no_policy_refused_is_explained_by_no_policy() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    city.asked(&question(1_000), "first").await;
    let by_a_person = refused("research", "approval", "refused-by-a-person");
    city.nodes[0].refuses_as(by_a_person).await.expect(200);
    let by_the_ledger = refused("ledger", "year", "cap-exceeded");
    city.nodes[1].refuses_as(by_the_ledger).await.expect(200);
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("comune-milano"))
        .await;
    let rows = rows(&dpo, "decision=refused").await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        let path = format!("/api/v1/decisions/{}", row["id"].as_str().unwrap());
        let record = dpo.get(&path).await.expect(200).json();
        assert_eq!(record["explanation"], json!(null), "{record}");
        assert_ne!(record["code"], json!(null));
    }
}

/// Checks every path of a proof; how many heads there are.
fn proven(proof: &LogProof) -> usize {
    let key = NoteKey::parse(&proof.log_key).unwrap();
    for head in &proof.heads {
        let note = SignedCheckpoint::open(&head.note, &key).unwrap();
        let (size, root) = (note.checkpoint().size, note.checkpoint().root);
        for (entry, path) in proof.entries.iter().zip(&head.paths) {
            let body = protocol::from_hex(&entry.body_hash).unwrap();
            let leaf = audit::leaf_hash_of(&entry.header, &body);
            assert_eq!(protocol::hex(&leaf), entry.leaf);
            let path: Vec<_> =
                (path.iter().map(|hash| protocol::from_hex(hash).unwrap())).collect();
            verify_inclusion(&leaf, entry.index, size, &path, &root).unwrap();
        }
    }
    proof.heads.len()
}

/// A node takes the coordinator's head and hands its cosignature in.
async fn cosigned(bed: &Bed, node: &Node<'_>) {
    use protocol::exchange::{LogHead, LogHeadWanted};
    let wanted = |from, cosignature| LogHeadWanted {
        version: 1,
        from,
        root: None,
        cosignature,
    };
    let reply = node
        .post("/node/v1/log", &wanted(0, None))
        .await
        .expect(200);
    let head: LogHead = serde_json::from_str(&reply.text).unwrap();
    let key = bed.app.database.signer().log_key().clone();
    let head = SignedCheckpoint::open(&head.checkpoint, &key).unwrap();
    let line = audit::cosign(
        head.checkpoint(),
        &node.log_signer(),
        bed.now().unsigned_abs(),
    );
    let wanted = wanted(head.checkpoint().size, Some(line.to_string()));
    node.post("/node/v1/log", &wanted).await.expect(200);
}

#[tokio::test]
async fn budgets_count_each_question_once_and_alerts_say_what_to_look_at() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    asked(&city, &bed).await;
    let admin = bed.signed_in("ada", Role::Admin, None).await;
    let budgets = admin.get("/api/v1/budgets").await.expect(200).json();
    let spent: Vec<(&str, u64)> = (budgets["nodes"].as_array().unwrap().iter())
        .map(|node| {
            (
                node["organisation"].as_str().unwrap(),
                node["lifetime"]["spent"]["rho"].as_u64().unwrap(),
            )
        })
        .collect();
    // The second refused the dearer question; the third has yet to answer it and may have charged; nobody signed the last.
    assert_eq!(
        spent,
        [
            ("associazione-ortica", 3_000),
            ("comune-milano", 3_000),
            ("cooperativa-lambro", 1_000)
        ]
    );
    let citywide: Vec<u64> = (budgets["citywide"].as_array().unwrap().iter())
        .map(|it| it["spent"]["rho"].as_u64().unwrap())
        .collect();
    assert_eq!(citywide, [3_000, 7_000, 7_000]);
    let study = &budgets["nodes"][0]["studies"][0];
    assert_eq!(
        (study["key"].as_str(), study["cap"]["rho"].as_u64()),
        (Some(STUDY), Some(250_000_000))
    );

    // A log that does not extend the one cosigned before.
    let node = &city.nodes[2];
    node.offer(&[audit::leaf_hash(b"a"), audit::leaf_hash(b"b")], 0)
        .await
        .expect(200);
    node.offer(&[audit::leaf_hash(b"c")], 0).await.expect(409);
    bed.pass(86_500);
    let admin = again(&bed, "ada").await;
    let alerts = admin.get("/api/v1/alerts").await.expect(200).json();
    let alerts = alerts["alerts"].as_array().unwrap();
    let one = |code: &str, node: &str| {
        (alerts.iter())
            .find(|alert| alert["code"] == code && alert["node"] == node)
            .unwrap_or_else(|| panic!("{code} of {node} is missing: {alerts:?}"))
    };
    assert_eq!(
        one("history-differs", "associazione-ortica")["severity"],
        "danger"
    );
    assert_eq!(alerts[0]["severity"], "danger", "the gravest first");
    let refused = one("node-refused", "cooperativa-lambro");
    assert_eq!(
        (refused["severity"].as_str(), refused["count"].as_u64()),
        (Some("info"), Some(1))
    );
    assert!(refused["entry"].is_u64());
    one("node-silent", "comune-milano");
    one("policy-unpublished", "comune-milano");

    let records = admin.get("/api/v1/study-records").await.expect(200).json();
    let study = &records["studies"][0];
    assert_eq!(study["questions"], 3);
    assert_eq!(study["requester_signature"], "holds");
    let countersigned = study["countersignatures"].as_array().unwrap();
    assert!(
        countersigned
            .iter()
            .all(|it| it["state"] == "signed" && it["signed_at"].is_string())
    );
}

/// How often the log says that a node holds another history of it.
async fn set_back(bed: &Bed) -> usize {
    let admin = again(bed, "ada").await;
    let alerts = admin.get("/api/v1/alerts").await.expect(200).json();
    (alerts["alerts"].as_array().unwrap().iter())
        .filter(|alert| alert["code"] == "coordinator-set-back")
        .map(|alert| usize::try_from(alert["count"].as_u64().unwrap()).unwrap())
        .sum()
}

#[tokio::test]
async fn a_node_that_holds_another_history_is_told_of_once_until_it_cosigns_this_one() {
    use protocol::exchange::LogHeadWanted;
    let bed = Bed::new().await;
    let city = bed.city().await;
    bed.signed_in("ada", Role::Admin, None).await;
    let node = &city.nodes[0];
    let claims = async |from, root: Option<[u8; 32]>| {
        let wanted = LogHeadWanted {
            version: 1,
            from,
            root: root.map(|root| protocol::hex(&root)),
            cosignature: None,
        };
        node.post("/node/v1/log", &wanted).await
    };
    // Longer than this log, twice; and no longer, but of another past: all are one alarm.
    for from in [1_000, 5_000] {
        claims(from, None).await.refused(409, "history-differs");
    }
    claims(2, Some([7; 32]))
        .await
        .refused(409, "history-differs");
    assert_eq!(set_back(&bed).await, 1);
    // A root of nothing is not compared, and a node of before tells none.
    claims(0, Some([7; 32])).await.expect(200);
    claims(2, None).await.expect(200);
    bed.pass(60);
    cosigned(&bed, node).await;
    assert_eq!(set_back(&bed).await, 0);
    bed.pass(60);
    claims(1_000, None).await.refused(409, "history-differs");
    assert_eq!(set_back(&bed).await, 1);
}

async fn again<'a>(bed: &'a Bed, name: &str) -> Browser<'a> {
    let body = json!({ "name": name, "password": support::PASSWORD });
    let reply = Browser::nobody(bed)
        .post("/api/v1/session", &body)
        .await
        .expect(200);
    let cookie = reply.headers[axum::http::header::SET_COOKIE]
        .to_str()
        .unwrap();
    Browser {
        bed,
        cookie: cookie.split(';').next().unwrap().to_owned(),
    }
}

/// Role by route: what each is answered, and how many rows of the query log it sees.
#[tokio::test]
async fn officers_see_all_organisations_their_own_and_analysts_what_they_asked() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    asked(&city, &bed).await;
    let refused = rows(&city.analyst, "decision=refused").await;
    let id = refused[0]["id"].as_str().unwrap().to_owned();
    let decision = format!("/api/v1/decisions/{id}");
    let proof = format!("/api/v1/decisions/{id}/proof");
    let policy = format!("/api/v1/policies/cooperativa-lambro/{}", "ab".repeat(32));
    let routes = [
        "/api/v1/decisions",
        &decision,
        &proof,
        "/api/v1/study-records",
        "/api/v1/budgets",
        "/api/v1/alerts",
        "/api/v1/policies",
        &policy,
        "/api/v1/log/evidence",
    ];
    let nobody = Browser::nobody(&bed);
    let other = bed.signed_in("olga", Role::Analyst, None).await;
    let lambro = Some("cooperativa-lambro");
    let own = bed.signed_in("luca", Role::Organisation, lambro).await;
    let stranger = bed
        .signed_in("sara", Role::Organisation, Some("fondazione-navigli"))
        .await;
    let dpo = bed
        .signed_in("dora", Role::Dpo, Some("associazione-ortica"))
        .await;
    let admin = bed.signed_in("ada", Role::Admin, None).await;
    // The policy was not published, so whoever may read it is told that it is not there.
    let table: [(&str, &Browser<'_>, [u16; 9], usize); 7] = [
        (
            "nobody",
            &nobody,
            [401, 401, 401, 401, 401, 401, 401, 401, 401],
            0,
        ),
        (
            "asker",
            &city.analyst,
            [200, 200, 200, 200, 403, 403, 403, 403, 403],
            9,
        ),
        (
            "analyst",
            &other,
            [200, 404, 404, 200, 403, 403, 403, 403, 403],
            0,
        ),
        (
            "own",
            &own,
            [200, 200, 200, 200, 200, 200, 200, 404, 403],
            3,
        ),
        (
            "stranger",
            &stranger,
            [200, 404, 404, 200, 200, 200, 200, 404, 403],
            0,
        ),
        (
            "officer",
            &dpo,
            [200, 200, 200, 200, 200, 200, 200, 404, 200],
            9,
        ),
        (
            "admin",
            &admin,
            [200, 200, 200, 200, 200, 200, 200, 404, 200],
            9,
        ),
    ];
    for (name, browser, expected, seen) in table {
        let mut answered = [0; 9];
        for (at, route) in routes.iter().enumerate() {
            answered[at] = browser.get(route).await.status.as_u16();
        }
        assert_eq!(answered, expected, "{name}");
        if name != "nobody" {
            assert_eq!(rows(browser, "").await.len(), seen, "{name}");
        }
    }
    let organisations = |reply: Value, list: &str| -> Vec<String> {
        (reply[list].as_array().unwrap().iter())
            .map(|it| it["organisation"].as_str().unwrap().to_owned())
            .collect()
    };
    let budgets = own.get("/api/v1/budgets").await.json();
    assert_eq!(organisations(budgets, "nodes"), ["cooperativa-lambro"]);
    let policies = own.get("/api/v1/policies").await.json();
    assert_eq!(
        organisations(policies, "organisations"),
        ["cooperativa-lambro"]
    );
    let studies = stranger.get("/api/v1/study-records").await.json();
    assert_eq!(studies["studies"], json!([]));
    let alerts = own.get("/api/v1/alerts").await.json();
    assert!(
        (alerts["alerts"].as_array().unwrap().iter()).all(|it| it["node"] == "cooperativa-lambro")
    );
}
