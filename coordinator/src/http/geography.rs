//! `/api/v1/geography`: levels, facts and outlines of the areas. Public facts only.
//! Outlines are served under their hash, so that browsers may keep them for ever.

use super::auth::Caller;
use crate::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(geography))
        .routes(routes!(outlines))
}

/// Levels with their keys, facts of the areas, and where their outlines are.
#[utoipa::path(get, path = "/api/v1/geography", responses((status = 200, body = Object), (status = 401)))]
async fn geography(State(app): State<App>, _: Caller) -> Json<Value> {
    Json(app.areas.facts().clone())
}

/// Outlines as GeoJSON, in WGS 84.
#[utoipa::path(
    get, path = "/api/v1/geography/outlines/{file}", params(("file" = String, Path, description = "`{hash}.json`")),
    responses((status = 200, body = Object), (status = 404))
)]
async fn outlines(
    State(app): State<App>,
    _: Caller,
    Path(file): Path<String>,
) -> Result<Response, Problem> {
    let outlines = (file.strip_suffix(".json"))
        .and_then(|hash| app.areas.outlines(hash))
        .ok_or(Problem::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, "application/geo+json"),
        (
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable",
        ),
    ];
    Ok((headers, outlines.to_owned()).into_response())
}
