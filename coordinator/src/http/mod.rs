//! The port for people: website, `/api/v1`, health and metrics. A file per resource.
//! Every answer carries the same strict headers; every refusal is a problem with a code.

pub(crate) mod auth;
pub(crate) mod body;
mod comparisons;
mod cookies;
mod cubes;
mod decisions;
mod description;
mod error;
mod forecasts;
mod geography;
mod guard;
mod log;
mod nodes;
mod offers;
mod operations;
mod oversight;
mod plans;
mod policies;
mod protection;
mod queries;
mod releases;
mod remote;
mod scenarios;
mod session;
mod statistics;
mod studies;
mod taxonomy;
mod travel_tables;
mod website;

pub use guard::CONTENT_SECURITY_POLICY;

use crate::Problem;
use crate::state::App;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::IntoResponse;
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

fn described() -> (Router<App>, OpenApi) {
    let (routes, description) = OpenApiRouter::with_openapi(description::empty())
        .merge(session::routes())
        .merge(geography::routes())
        .merge(taxonomy::routes())
        .merge(studies::routes())
        .merge(nodes::routes())
        .merge(offers::routes())
        .merge(queries::routes())
        .merge(cubes::routes())
        .merge(releases::routes())
        .merge(statistics::routes())
        .merge(comparisons::routes())
        .merge(forecasts::routes())
        .merge(scenarios::routes())
        .merge(plans::routes())
        .merge(travel_tables::routes())
        .merge(log::routes())
        .merge(protection::routes())
        .merge(decisions::routes())
        .merge(policies::routes())
        .merge(oversight::routes())
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
        .layer(middleware::from_fn_with_state(
            app.clone(),
            guard::count_and_guard,
        ))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| {
            Problem::Internal(crate::CoordinatorError::Corrupt {
                what: "state of a handler",
            })
            .into_response()
        }))
        .with_state(app)
}
