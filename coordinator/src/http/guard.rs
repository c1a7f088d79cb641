//! What every answer of this port has in common: the strict headers, a count by route, and that a failure of the interface is a
//! problem with a code, whoever found it.

use crate::Problem;
use crate::state::App;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What pages may load: their own origin's files and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=()",
    ),
];

/// Counts the request by its pattern, and adds the headers every answer carries.
pub(super) async fn count_and_guard(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let route = (request.extensions().get::<MatchedPath>())
        .map_or("website", MatchedPath::as_str)
        .to_owned();
    let is_api = route != "website";
    let mut response = next.run(request).await;
    if is_api {
        response = as_problem(response);
    }
    app.metrics
        .request("web", method.as_str(), &route, response.status().as_u16());
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.config.is_public_tls() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A failure as a problem, where the framework refused the request before a handler saw it.
fn as_problem(response: Response) -> Response {
    let is_problem = |headers: &HeaderMap| {
        (headers.get(header::CONTENT_TYPE)).is_some_and(|kind| kind == "application/problem+json")
    };
    match response.status() {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
            if !is_problem(response.headers()) =>
        {
            Problem::Malformed.into_response()
        }
        _ => response,
    }
}
