//! `/api/v1/cubes`: questions planned once and asked period by period. Planning and previewing spend nothing.

use super::auth::Caller;
use super::body::{Body, JsonBytes};
use super::queries::{answered, idempotency_key};
use crate::Problem;
use crate::app::cubes::{self, CubeView, Defaults, Wanted};
use crate::app::preview::Preview;
use crate::state::App;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, define))
        .routes(routes!(define_defaults))
        .routes(routes!(one))
        .routes(routes!(preview))
        .routes(routes!(ask))
}

/// All planned cubes.
#[derive(Serialize, ToSchema)]
struct CubesView {
    cubes: Vec<CubeView>,
}

/// All planned cubes, with what was asked of each and what is due.
#[utoipa::path(get, path = "/api/v1/cubes", responses((status = 200, body = CubesView), (status = 401)))]
async fn list(State(app): State<App>, Caller(account): Caller) -> Result<Json<CubesView>, Problem> {
    let cubes = cubes::list(&app, &account).await?;
    Ok(Json(CubesView { cubes }))
}

/// Plans a cube. Nothing is asked yet.
#[utoipa::path(
    post, path = "/api/v1/cubes", request_body(content = Object, description = "A cube's definition, version 1"),
    responses(
        (status = 201, headers(("Location" = String))), (status = 401), (status = 403), (status = 409), (status = 422)
    )
)]
async fn define(
    State(app): State<App>,
    Caller(account): Caller,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    let id = cubes::define(&app, &account, &bytes).await?;
    let location = format!("/api/v1/cubes/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// Identifiers of cubes that were planned now.
#[derive(Serialize, ToSchema)]
struct PlannedView {
    planned: Vec<String>,
}

/// Plans the default cubes of a study: needs by quarter, services by month, households by year. Those planned before
/// stay as they are. Nothing is asked yet.
#[utoipa::path(
    post, path = "/api/v1/studies/{id}/default-cubes", params(("id" = String, Path)), request_body = Defaults,
    responses((status = 201, body = PlannedView), (status = 401), (status = 403), (status = 422))
)]
async fn define_defaults(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(defaults): Body<Defaults>,
) -> Result<Response, Problem> {
    let planned = cubes::define_defaults(&app, &account, &id, &defaults).await?;
    Ok((StatusCode::CREATED, Json(PlannedView { planned })).into_response())
}

/// One planned cube.
#[utoipa::path(
    get, path = "/api/v1/cubes/{id}", params(("id" = String, Path)),
    responses((status = 200, body = CubeView), (status = 401), (status = 404))
)]
async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<CubeView>, Problem> {
    Ok(Json(cubes::one(&app, &account, &id).await?))
}

/// Price and accuracy of what is due, or of periods to ask again; spends nothing.
#[utoipa::path(
    post, path = "/api/v1/cubes/{id}/preview", params(("id" = String, Path)), request_body = Wanted,
    responses((status = 200, body = Preview), (status = 401), (status = 404), (status = 409), (status = 422))
)]
async fn preview(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Preview>, Problem> {
    Ok(Json(cubes::preview(&app, &account, &id, &wanted).await?))
}

/// Asks what is due, or periods again on purpose. 202 with the query to follow, or 200 with a release there is.
#[utoipa::path(
    post, path = "/api/v1/cubes/{id}/ask", request_body = Wanted,
    params(
        ("id" = String, Path),
        ("Idempotency-Key" = String, Header, description = "1 to 100 printable characters; the same key asks once")
    ),
    responses(
        (status = 202, headers(("Location" = String))), (status = 200, headers(("Location" = String))),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)
    )
)]
async fn ask(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(wanted): Body<Wanted>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    Ok(answered(
        cubes::ask(&app, &account, &id, &wanted, key).await?,
    ))
}
