//! What each role may do: every route of the description, called by nobody and by each role, as one readable table that is held to
//! `roles.txt`. A new route appears in it by itself; `ROLES=write` writes the table anew, and its change is read in review.

mod support;

use axum::body::Body;
use axum::http::header;
use coordinator::http::openapi;
use coordinator::store::accounts::Role;
use serde_json::{Value, json};
use std::fmt::Write as _;
use support::{Bed, Browser, City, STUDY, question, send};

/// Who may call without an account, and why nobody else needs one there.
const OPEN: [&str; 5] = [
    "get /health",
    "get /metrics",
    "get /api/v1/protection",
    "post /api/v1/session",
    "delete /api/v1/session",
];

/// Identifiers of what there is, by the resource before `{…}` in a path.
struct There {
    query: String,
    release: String,
}

impl There {
    fn path(&self, pattern: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        for part in pattern.split('/') {
            parts.push(match (part.starts_with('{'), parts.last()) {
                (false, _) => part,
                (true, Some(&"queries")) => &self.query,
                (true, Some(&"releases")) => &self.release,
                (true, Some(&"studies")) => STUDY,
                (true, Some(&"cubes")) => "needs",
                (true, _) => "none",
            });
        }
        parts.join("/")
    }
}

/// A body that the route understands, so that what is refused is refused to the role.
fn body(route: &str) -> Value {
    let asked = json!({ "study": STUDY, "query": question(1_000) });
    match route {
        "post /api/v1/session" => json!({ "name": "nobody", "password": "a wrong password" }),
        "post /api/v1/queries" | "post /api/v1/queries/preview" => asked,
        "post /api/v1/releases/{id}/derive" => asked,
        "post /api/v1/cubes" => json!({
            "version": 1, "id": "needs", "study": STUDY, "first": "2025-01",
            "question": { "measure": "persons", "by": { "area": "municipio", "period": "quarter" } },
            "past": { "bounds": { "cells": 1, "per_cell": 1 }, "rho": 1_000 },
            "each": { "bounds": { "cells": 1, "per_cell": 1 }, "rho": 1_000 },
        }),
        "post /api/v1/studies/{id}/default-cubes" => json!({ "first": "2025-01" }),
        "post /api/v1/forecasts" => json!({ "cube": "needs", "level": "municipio", "horizon": 4 }),
        "post /api/v1/access" => json!({ "basis": basis(), "measure": { "method": "nearest" } }),
        "post /api/v1/scenarios" | "post /api/v1/scenarios/preview" => json!({
            "name": "one", "basis": basis(), "edits": [], "measure": { "method": "nearest" },
        }),
        "post /api/v1/scenarios/{id}/fork" => json!({ "name": "another" }),
        // Without the number of sites, so that nothing is solved.
        "post /api/v1/plans" => json!({ "name": "one", "basis": basis(), "model": "p-median" }),
        "post /api/v1/views" => json!({ "name": "one", "address": "/explore" }),
        _ => json!({}),
    }
}

/// What can be planned on without any release.
fn basis() -> Value {
    json!({
        "demand": [{ "kind": "rows", "rows": [{ "area": "9", "demand": 10 }], "source": "made up" }],
        "sites": [{ "id": "a", "nil": "9", "status": "required", "capacity": 5 }],
    })
}

async fn released(city: &City<'_>) -> There {
    let query = city.asked(&question(1_000_000), "first").await;
    for node in &city.nodes {
        node.answers(40).await.expect(200);
    }
    let view = city.view(&query).await;
    let release = view["release"].as_str().expect("released").to_owned();
    There { query, release }
}

async fn call(browser: &Browser<'_>, route: &str, there: &There) -> u16 {
    let (method, pattern) = route.split_once(' ').expect("method and path");
    let request = (browser.request(&method.to_uppercase(), &there.path(pattern)))
        .header("idempotency-key", route.replace(['/', ' ', '{', '}'], "-"))
        .header(header::CONTENT_TYPE, "application/json");
    let body = match method {
        "get" | "delete" => Body::empty(),
        _ => Body::from(body(route).to_string()),
    };
    let reply = send(&browser.bed.web, request.body(body).expect("a request")).await;
    reply.status.as_u16()
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let there = released(&city).await;
    let own = Some("cooperativa-lambro");
    let callers = [
        ("nobody", Browser::nobody(&bed)),
        (
            "organisation",
            bed.signed_in("olga", Role::Organisation, own).await,
        ),
        ("dpo", bed.signed_in("dora", Role::Dpo, own).await),
        ("admin", bed.signed_in("ada", Role::Admin, None).await),
        // Last: what it makes is there for nobody before.
        ("analyst", city.analyst.clone()),
    ];
    let description = serde_json::to_value(openapi()).expect("JSON");
    let mut routes: Vec<String> = Vec::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        let methods = operations.as_object().expect("operations").keys();
        routes.extend(methods.map(|method| format!("{method} {path}")));
    }
    // Signing out ends what the others need.
    routes.sort_by_key(|route| (route == "delete /api/v1/session", route.clone()));

    let mut table = String::from(
        "# Status by role: 401 asks to sign in, 403 refuses the role, 404 hides what it may not see.\n",
    );
    let _ = write!(table, "{:<58}", "");
    for (name, _) in &callers {
        let _ = write!(table, "{name:>13}");
    }
    table.push('\n');
    for route in &routes {
        let _ = write!(table, "{route:<58}");
        for (name, browser) in &callers {
            let status = call(browser, route, &there).await;
            let is_let_in = status != 401;
            assert!(
                *name != "nobody" || !is_let_in || OPEN.contains(&route.as_str()),
                "{route} answers {status} to nobody"
            );
            assert!(status < 500, "{route} answers {status} to {name}");
            let _ = write!(table, "{status:>13}");
        }
        table.push('\n');
    }

    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roles.txt");
    if std::env::var_os("ROLES").is_some_and(|wish| wish == "write") {
        std::fs::write(file, &table).expect("written");
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        table == expected,
        "the table differs from tests/roles.txt; if that is meant, run this test with ROLES=write and read the change\n{table}"
    );
}
