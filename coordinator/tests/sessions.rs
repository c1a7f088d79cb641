//! The safety of signing in: whose cookies count, when a session ends, and that nobody can lock others out.

mod support;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use coordinator::admin_accounts::{Change, account_change, account_close};
use coordinator::store::accounts::Role;
use coordinator::{Config, State, admin, http};
use serde_json::json;
use support::{Bed, Browser, PASSWORD, Reply, send};

fn credentials(password: &str) -> Body {
    Body::from(json!({ "name": "anna", "password": password }).to_string())
}

async fn sign_in(bed: &Bed, cookies: &str, password: &str) -> Reply {
    let request = Request::post("/api/v1/session")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::COOKIE, cookies)
        .body(credentials(password))
        .unwrap();
    send(&bed.web, request).await
}

/// `name=value` of each cookie that was set.
fn kept(headers: &HeaderMap) -> Vec<String> {
    (headers.get_all(header::SET_COOKIE).iter())
        .map(|value| {
            value
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let bed = Bed::new().await;
    let before = bed.signed_in("anna", Role::Analyst, None).await;
    before.get("/api/v1/session").await.expect(200);
    let again = sign_in(&bed, &before.cookie, PASSWORD).await.expect(200);
    before
        .get("/api/v1/session")
        .await
        .refused(401, "unauthenticated");
    let after = Browser {
        bed: &bed,
        cookie: kept(&again.headers)[0].clone(),
    };
    assert_ne!(after.cookie, before.cookie);
    after.get("/api/v1/session").await.expect(200);
}

#[tokio::test]
async fn changing_or_closing_an_account_ends_its_sessions() {
    let bed = Bed::new().await;
    let anna = bed.signed_in("anna", Role::Admin, None).await;
    let other = bed.signed_in("bruno", Role::Analyst, None).await;
    let change = Change {
        role: Some(Role::Analyst),
        ..Change::default()
    };
    account_change(&bed.config, "anna", &change).await.unwrap();
    anna.get("/api/v1/session")
        .await
        .refused(401, "unauthenticated");
    other.get("/api/v1/session").await.expect(200);
    let now = sign_in(&bed, "", PASSWORD).await.expect(200);
    assert_eq!(now.json()["account"]["role"], "analyst");

    let password = Change {
        password: Some("another long password"),
        ..Change::default()
    };
    account_change(&bed.config, "anna", &password)
        .await
        .unwrap();
    sign_in(&bed, "", PASSWORD)
        .await
        .refused(401, "invalid-credentials");
    sign_in(&bed, "", "another long password").await.expect(200);

    let token = admin::api_token(&bed.config, "anna", "").await.unwrap();
    account_close(&bed.config, "anna").await.unwrap();
    sign_in(&bed, "", "another long password")
        .await
        .refused(401, "invalid-credentials");
    let with_token = Request::get("/api/v1/session")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    send(&bed.web, with_token)
        .await
        .refused(401, "unauthenticated");

    let scoped = Change {
        role: Some(Role::Dpo),
        ..Change::default()
    };
    let refused = account_change(&bed.config, "bruno", &scoped).await;
    assert!(refused.unwrap_err().to_string().contains("--organisation"));
    assert!(account_close(&bed.config, "carla").await.is_err());
    // A closed account gets no token, until it is opened again.
    let refused = admin::api_token(&bed.config, "anna", "").await;
    assert!(refused.unwrap_err().to_string().contains("is closed"));
    let again = Change {
        role: None,
        organisation: None,
        password: Some("correct horse battery staple"),
    };
    account_change(&bed.config, "anna", &again).await.unwrap();
    assert!(admin::api_token(&bed.config, "anna", "").await.is_ok());
}

#[tokio::test]
async fn whoever_guesses_cannot_lock_a_person_out_of_a_browser_they_used() {
    let bed = Bed::new().await;
    bed.account("anna", Role::Analyst, None).await;
    let first = sign_in(&bed, "", PASSWORD).await.expect(200);
    let device = kept(&first.headers)[1].clone();
    for _ in 0..5 {
        sign_in(&bed, "", "a wrong password").await.expect(401);
    }
    // From the same address, as behind a proxy that is not known: strangers wait, her browser does not.
    sign_in(&bed, "", PASSWORD)
        .await
        .refused(429, "too-many-attempts");
    sign_in(&bed, &device, PASSWORD).await.expect(200);
    // A known browser is slowed down as well, by itself.
    for _ in 0..5 {
        sign_in(&bed, &device, "a wrong password").await.expect(401);
    }
    sign_in(&bed, &device, PASSWORD)
        .await
        .refused(429, "too-many-attempts");
}

#[tokio::test]
async fn over_tls_cookies_are_for_this_very_host() {
    let bed = Bed::new().await;
    bed.account("anna", Role::Analyst, None).await;
    let config = Config {
        public_url: "https://welfare.example".to_owned(),
        ..bed.config.clone()
    };
    let app = State::open(config, bed.app.clock.clone()).await.unwrap();
    let web = http::router(app);
    let request = Request::post("/api/v1/session")
        .header(header::CONTENT_TYPE, "application/json")
        .body(credentials(PASSWORD))
        .unwrap();
    let reply = send(&web, request).await.expect(200);
    assert_eq!(
        reply.headers[header::STRICT_TRANSPORT_SECURITY],
        "max-age=31536000"
    );
    for cookie in reply.headers.get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-wi_"), "{cookie}");
        for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Secure"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    let session = kept(&reply.headers)[0].clone();
    let who = |cookie: String| {
        let request = Request::get("/api/v1/session")
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .unwrap();
        send(&web, request)
    };
    who(session.clone()).await.expect(200);
    let planted = session.trim_start_matches("__Host-").to_owned();
    who(planted).await.refused(401, "unauthenticated");
}
