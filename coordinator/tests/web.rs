//! The website's interface: who may do what, how failures look, which headers every answer carries.
//! Requests go through the whole router, as a browser's would.

mod support;

use axum::body::Body;
use axum::http::{Request, header};
use coordinator::http::{CONTENT_SECURITY_POLICY, openapi};
use coordinator::store::accounts::Role;
use coordinator::{admin, http};
use serde_json::json;
use std::collections::BTreeSet;
use support::{Bed, Browser, PASSWORD, STUDY, question, send};

#[tokio::test]
async fn every_failure_is_a_problem_with_a_code() {
    let bed = Bed::new().await;
    let nobody = Browser::nobody(&bed);
    let json_type = |builder: axum::http::request::Builder| {
        builder.header(header::CONTENT_TYPE, "application/json")
    };
    let cases = [
        (nobody.get("/api/v1/nothing").await, 404, "not-found"),
        (nobody.get("/api/v1/releases").await, 401, "unauthenticated"),
        (
            send(
                &bed.web,
                nobody
                    .request("PATCH", "/api/v1/session")
                    .body(Body::empty())
                    .unwrap(),
            )
            .await,
            405,
            "method-not-allowed",
        ),
        (
            send(
                &bed.web,
                nobody.request("POST", "/").body(Body::empty()).unwrap(),
            )
            .await,
            405,
            "method-not-allowed",
        ),
        (
            send(
                &bed.web,
                nobody
                    .request("POST", "/api/v1/session")
                    .body(Body::from("{}"))
                    .unwrap(),
            )
            .await,
            415,
            "unsupported-media-type",
        ),
        (
            send(
                &bed.web,
                json_type(nobody.request("POST", "/api/v1/session"))
                    .body(Body::from("{"))
                    .unwrap(),
            )
            .await,
            422,
            "not-json",
        ),
        (
            send(
                &bed.web,
                json_type(nobody.request("POST", "/api/v1/session"))
                    .body(Body::from("{}"))
                    .unwrap(),
            )
            .await,
            422,
            "wrong-type",
        ),
        (
            send(
                &bed.web,
                json_type(nobody.request("POST", "/api/v1/session"))
                    .body(Body::from("x".repeat(200_000)))
                    .unwrap(),
            )
            .await,
            413,
            "too-large",
        ),
    ];
    for (reply, status, code) in cases {
        assert_eq!(
            reply.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{}",
            reply.text
        );
        assert_eq!(reply.json()["status"], status);
        assert_eq!(
            reply.json()["type"],
            format!("urn:welfare-intelligence:problem:{code}")
        );
        reply.refused(status, code);
    }
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let bed = Bed::new().await;
    let nobody = Browser::nobody(&bed);
    for path in [
        "/",
        "/explore",
        "/health",
        "/metrics",
        "/api/v1/session",
        "/api/v1/nothing",
        "/api/v1/openapi.json",
    ] {
        let reply = nobody.get(path).await;
        assert_eq!(
            reply.headers[header::CONTENT_SECURITY_POLICY],
            CONTENT_SECURITY_POLICY,
            "{path}"
        );
        assert_eq!(
            reply.headers[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff",
            "{path}"
        );
        assert_eq!(reply.headers[header::X_FRAME_OPTIONS], "DENY", "{path}");
    }
    assert_eq!(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    assert_eq!(
        nobody.get("/api/v1/session").await.headers[header::CACHE_CONTROL],
        "no-store"
    );
}

#[tokio::test]
async fn sessions_begin_end_idle_out_and_never_outlive_half_a_day() {
    let bed = Bed::new().await;
    let anna = bed.signed_in("anna", Role::Analyst, None).await;
    let who = anna.get("/api/v1/session").await.expect(200).json();
    assert_eq!(
        who,
        json!({ "account": { "name": "anna", "role": "analyst" } })
    );
    for _ in 0..11 {
        bed.pass(3_600);
        anna.get("/api/v1/session").await.expect(200);
    }
    bed.pass(3_600);
    anna.get("/api/v1/session")
        .await
        .refused(401, "unauthenticated");

    let bruno = bed.signed_in("bruno", Role::Admin, None).await;
    bed.pass(2 * 3_600);
    bruno
        .get("/api/v1/session")
        .await
        .refused(401, "unauthenticated");

    let carla = bed.signed_in("carla", Role::Admin, None).await;
    let out = send(
        &bed.web,
        carla
            .request("DELETE", "/api/v1/session")
            .body(Body::empty())
            .unwrap(),
    )
    .await;
    assert!(
        out.expect(204).headers[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    carla
        .get("/api/v1/session")
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_cookie_is_for_this_site_and_no_script() {
    let bed = Bed::new().await;
    bed.account("anna", Role::Analyst, None).await;
    let body = json!({ "name": "anna", "password": PASSWORD });
    let reply = Browser::nobody(&bed)
        .post("/api/v1/session", &body)
        .await
        .expect(200);
    let cookie = reply.headers[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .to_owned();
    for part in ["wi_session=", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    assert!(!reply.text.contains(token));
    let database = std::fs::read(bed.config.database.clone()).unwrap();
    assert!(
        !database
            .windows(token.len())
            .any(|window| window == token.as_bytes()),
        "only a hash is stored"
    );
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_look_alike_and_are_slowed_down() {
    let bed = Bed::new().await;
    bed.account("anna", Role::Analyst, None).await;
    let nobody = Browser::nobody(&bed);
    let attempt = |name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        let nobody = nobody.clone();
        async move { nobody.post("/api/v1/session", &body).await }
    };
    let wrong_password = attempt("anna", "a wrong password").await;
    let wrong_name = attempt("nobody", PASSWORD).await;
    assert_eq!(wrong_password.text, wrong_name.text);
    wrong_password.refused(401, "invalid-credentials");
    for _ in 0..4 {
        attempt("anna", "a wrong password").await.expect(401);
    }
    let slowed = attempt("anna", PASSWORD).await;
    assert!(slowed.headers.contains_key(header::RETRY_AFTER));
    slowed.refused(429, "too-many-attempts");
    bed.pass(60);
    attempt("anna", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn other_sites_cannot_act_with_a_persons_cookie() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let from_elsewhere = |site: &'static str| {
        city.analyst
            .request("POST", "/api/v1/queries/preview")
            .header(header::CONTENT_TYPE, "application/json")
            .header("sec-fetch-site", site)
            .header(header::ORIGIN, "https://elsewhere.example")
            .body(Body::from(
                json!({ "study": STUDY, "query": question(1_000) }).to_string(),
            ))
            .unwrap()
    };
    send(&bed.web, from_elsewhere("cross-site"))
        .await
        .refused(403, "cross-site");
    send(&bed.web, from_elsewhere("same-site"))
        .await
        .refused(403, "cross-site");
    send(&bed.web, from_elsewhere("same-origin"))
        .await
        .expect(200);
}

#[tokio::test]
async fn api_tokens_speak_for_their_account_until_they_expire() {
    let bed = Bed::new().await;
    bed.account("anna", Role::Analyst, None).await;
    let token = admin::api_token(&bed.config, "anna", "notebook")
        .await
        .unwrap();
    assert!(token.starts_with("wi_"));
    let with = |value: String| {
        let request = Request::get("/api/v1/session")
            .header(header::AUTHORIZATION, value)
            .body(Body::empty())
            .unwrap();
        send(&bed.web, request)
    };
    assert_eq!(
        with(format!("Bearer {token}")).await.expect(200).json()["account"]["name"],
        "anna"
    );
    with(format!("Bearer {token}x"))
        .await
        .refused(401, "unauthenticated");
    with(format!("Basic {token}"))
        .await
        .refused(401, "unauthenticated");
    bed.pass(366 * 86_400);
    with(format!("Bearer {token}"))
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn reference_data_is_served_to_whoever_is_signed_in() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let geography = city
        .analyst
        .get("/api/v1/geography")
        .await
        .expect(200)
        .json();
    assert_eq!(geography["areas"].as_array().unwrap().len(), 88);
    let outlines = city
        .analyst
        .get(geography["outlines_url"].as_str().unwrap())
        .await
        .expect(200);
    assert!(
        outlines.headers[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(outlines.json()["features"].as_array().unwrap().len(), 88);
    city.analyst
        .get("/api/v1/geography/outlines/0.json")
        .await
        .refused(404, "not-found");
    let taxonomy = city
        .analyst
        .get("/api/v1/taxonomy")
        .await
        .expect(200)
        .json();
    assert_eq!(taxonomy["targets"].as_array().unwrap().len(), 118);
    assert_eq!(taxonomy["age_bands"].as_array().unwrap().len(), 12);
    let studies = city.analyst.get("/api/v1/studies").await.expect(200).json();
    assert_eq!(
        studies["studies"][0]["countersigned"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    for path in [
        "geography",
        "taxonomy",
        "studies",
        "nodes",
        "queries",
        "releases",
        "log",
    ] {
        Browser::nobody(&bed)
            .get(&format!("/api/v1/{path}"))
            .await
            .refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn metrics_count_routes_by_pattern_and_states_of_queries() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let id = city.asked(&question(1_000), "key").await;
    city.view(&id).await;
    let metrics = Browser::nobody(&bed).get("/metrics").await.expect(200).text;
    assert!(
        metrics.contains("route=\"/api/v1/queries/{id}\",status=\"200\"} 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("wi_queries{state=\"collecting\"} 1\n"),
        "{metrics}"
    );
    assert!(metrics.contains("wi_nodes_online 3\n"), "{metrics}");
    assert!(!metrics.contains(&id));
    assert_eq!(
        Browser::nobody(&bed)
            .get("/health")
            .await
            .expect(200)
            .json()["status"],
        "ok"
    );
}

#[tokio::test]
async fn the_description_names_every_route() {
    let description = serde_json::to_value(openapi()).unwrap();
    assert_eq!(
        description["openapi"]
            .as_str()
            .unwrap()
            .split('.')
            .take(2)
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    let mut described = BTreeSet::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            described.insert(format!("{method} {path}"));
        }
    }
    let expected: BTreeSet<String> = [
        "post /api/v1/session",
        "get /api/v1/session",
        "delete /api/v1/session",
        "get /api/v1/geography",
        "get /api/v1/geography/outlines/{file}",
        "get /api/v1/taxonomy",
        "get /api/v1/studies",
        "get /api/v1/nodes",
        "get /api/v1/offers",
        "post /api/v1/queries/preview",
        "post /api/v1/queries",
        "get /api/v1/queries",
        "get /api/v1/queries/{id}",
        "post /api/v1/queries/{id}/close",
        "get /api/v1/queries/{id}/events",
        "get /api/v1/cubes",
        "post /api/v1/cubes",
        "post /api/v1/studies/{id}/default-cubes",
        "get /api/v1/cubes/{id}",
        "post /api/v1/cubes/{id}/preview",
        "post /api/v1/cubes/{id}/ask",
        "post /api/v1/access",
        "get /api/v1/scenarios",
        "post /api/v1/scenarios",
        "post /api/v1/scenarios/preview",
        "get /api/v1/scenarios/{id}",
        "delete /api/v1/scenarios/{id}",
        "post /api/v1/scenarios/{id}/fork",
        "get /api/v1/scenarios/{id}/comparison",
        "get /api/v1/plans",
        "post /api/v1/plans",
        "get /api/v1/plans/{id}",
        "delete /api/v1/plans/{id}",
        "get /api/v1/plans/{id}/events",
        "post /api/v1/plans/{id}/cancel",
        "get /api/v1/travel-tables",
        "post /api/v1/travel-tables",
        "delete /api/v1/travel-tables/{id}",
        "get /api/v1/views",
        "post /api/v1/views",
        "delete /api/v1/views/{id}",
        "get /api/v1/releases",
        "get /api/v1/releases/{id}",
        "post /api/v1/releases/{id}/derive",
        "get /api/v1/releases/{id}/statistics",
        "get /api/v1/releases/{id}/statistics.csv",
        "get /api/v1/releases/{id}/consistent",
        "get /api/v1/releases/{id}/comparison",
        "get /api/v1/forecasts",
        "get /api/v1/offers",
        "post /api/v1/forecasts",
        "get /api/v1/forecasts/{id}",
        "delete /api/v1/forecasts/{id}",
        "get /api/v1/log",
        "get /api/v1/log/evidence",
        "get /api/v1/protection",
        "get /api/v1/decisions",
        "get /api/v1/decisions/{id}",
        "get /api/v1/decisions/{id}/proof",
        "get /api/v1/policies",
        "get /api/v1/policies/{organisation}/{hash}",
        "get /api/v1/budgets",
        "get /api/v1/alerts",
        "get /api/v1/study-records",
        "get /health",
        "get /metrics",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(described, expected);
    // Whatever is described is also served: nothing but an unknown path answers 404 to nobody.
    let bed = Bed::new().await;
    for route in &described {
        let (method, path) = route.split_once(' ').unwrap();
        let request =
            Browser::nobody(&bed).request(&method.to_uppercase(), &path.replace(['{', '}'], "x"));
        let reply = send(&bed.web, request.body(Body::empty()).unwrap()).await;
        assert!(
            ![404, 405].contains(&reply.status.as_u16()),
            "{route}: {}",
            reply.text
        );
    }
    let served = Browser::nobody(&bed)
        .get("/api/v1/openapi.json")
        .await
        .expect(200)
        .json();
    assert_eq!(served, serde_json::to_value(http::openapi()).unwrap());
}

#[tokio::test]
async fn the_front_page_is_there_with_and_without_a_built_website() {
    let bed = Bed::new().await;
    let nobody = Browser::nobody(&bed);
    let front = nobody.get("/").await.expect(200);
    assert!(
        front.headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    if website_assets::is_built() {
        assert_eq!(nobody.get("/explore").await.expect(200).text, front.text);
    } else {
        assert!(front.text.contains("cargo xtask web"));
    }
    nobody.get("/nothing.js").await.refused(404, "not-found");
}
