//! The port for people: website, `/api/v1`, health and metrics. A file per resource.
//! Every answer carries the same strict headers; every refusal is a problem with a code.

pub(crate) mod auth;
pub(crate) mod body;
mod comparisons;
mod cubes;
mod description;
mod error;
mod forecasts;
mod geography;
mod log;
mod nodes;
mod operations;
mod queries;
mod releases;
mod session;
mod statistics;
mod studies;
mod taxonomy;
mod website;

use crate::Problem;
use crate::state::App;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What pages may load: their own origin's files and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
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
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
];

fn described() -> (Router<App>, OpenApi) {
    let (routes, description) = OpenApiRouter::with_openapi(description::empty())
        .merge(session::routes())
        .merge(geography::routes())
        .merge(taxonomy::routes())
        .merge(studies::routes())
        .merge(nodes::routes())
        .merge(queries::routes())
        .merge(cubes::routes())
        .merge(releases::routes())
        .merge(statistics::routes())
        .merge(comparisons::routes())
        .merge(forecasts::routes())
        .merge(log::routes())
        .merge(operations::routes())
        .split_for_parts();
    (routes, description::complete(description))
}

/// The description of the API, OpenAPI 3.1.
pub fn openapi() -> OpenApi {
    described().1
}

/// Everything this port serves.
pub fn router(app: App) -> Router {
    let (routes, description) = described();
    let description = serde_json::to_value(description).unwrap_or_default();
    let describe = move || {
        let description = description.clone();
        async move { Json(description) }
    };
    let csrf = CsrfLayer::new()
        .with_rejection_response(|_: ProtectionError| Problem::CrossSite.into_response());
    routes
        .route("/api/v1/openapi.json", axum::routing::get(describe))
        .fallback(website::page)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(DefaultBodyLimit::max(body::LARGEST))
        .layer(csrf)
        .layer(middleware::from_fn_with_state(app.clone(), count_and_guard))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| {
            Problem::Internal(crate::CoordinatorError::Corrupt {
                what: "state of a handler",
            })
            .into_response()
        }))
        .with_state(app)
}

/// Counts the request by its pattern, and adds the headers every answer carries.
async fn count_and_guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = (request.extensions().get::<MatchedPath>())
        .map_or("website", MatchedPath::as_str)
        .to_owned();
    let is_api = route != "website";
    let mut response = next.run(request).await;
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
