//! `/api/v1/access` and `/api/v1/scenarios`: who reaches which offer, and what edits of it change. They spend nothing;
//! analysts make them, every signed-in account reads those that are saved.

use super::auth::Caller;
use super::body::Body;
use crate::Problem;
use crate::app::planning::access::{self, AccessView, AccessWanted};
use crate::app::planning::scenarios::{
    self, BetweenView, Fork, ScenarioResult, ScenarioSummary, ScenarioView, ScenarioWanted,
};
use crate::state::App;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(measure))
        .routes(routes!(list, save))
        .routes(routes!(preview))
        .routes(routes!(one, remove))
        .routes(routes!(fork))
        .routes(routes!(between))
}

/// Measures access by area and target, with intervals from the demand's noise.
#[utoipa::path(
    post, path = "/api/v1/access", request_body = AccessWanted,
    responses(
        (status = 200, body = AccessView), (status = 401), (status = 403), (status = 409), (status = 413),
        (status = 415), (status = 422), (status = 503)
    )
)]
async fn measure(
    State(app): State<App>,
    Caller(account): Caller,
    Body(wanted): Body<AccessWanted>,
) -> Result<Json<AccessView>, Problem> {
    Ok(Json(access::measure(&app, &account, wanted).await?))
}

/// Saved scenarios, newest first.
#[derive(Serialize, ToSchema)]
struct ScenariosView {
    scenarios: Vec<ScenarioSummary>,
}

/// All saved scenarios.
#[utoipa::path(get, path = "/api/v1/scenarios", responses((status = 200, body = ScenariosView), (status = 401)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<ScenariosView>, Problem> {
    let scenarios = scenarios::list(&app, &account).await?;
    Ok(Json(ScenariosView { scenarios }))
}

/// Works a scenario out and saves it.
#[utoipa::path(
    post, path = "/api/v1/scenarios", request_body = ScenarioWanted,
    responses(
        (status = 201, headers(("Location" = String))), (status = 401), (status = 403), (status = 409),
        (status = 413), (status = 415), (status = 422), (status = 503)
    )
)]
async fn save(
    State(app): State<App>,
    Caller(account): Caller,
    Body(wanted): Body<ScenarioWanted>,
) -> Result<Response, Problem> {
    let id = scenarios::save(&app, &account, &wanted).await?;
    Ok(created(&id))
}

fn created(id: &str) -> Response {
    let location = format!("/api/v1/scenarios/{id}");
    (StatusCode::CREATED, [(header::LOCATION, location)]).into_response()
}

/// Works a scenario out without saving it.
#[utoipa::path(
    post, path = "/api/v1/scenarios/preview", request_body = ScenarioWanted,
    responses(
        (status = 200, body = ScenarioResult), (status = 401), (status = 403), (status = 409), (status = 413),
        (status = 415), (status = 422), (status = 503)
    )
)]
async fn preview(
    State(app): State<App>,
    Caller(account): Caller,
    Body(wanted): Body<ScenarioWanted>,
) -> Result<Json<ScenarioResult>, Problem> {
    Ok(Json(scenarios::preview(&app, &account, &wanted).await?))
}

/// A saved scenario with what it changes.
#[utoipa::path(
    get, path = "/api/v1/scenarios/{id}", params(("id" = String, Path)),
    responses((status = 200, body = ScenarioView), (status = 401), (status = 404))
)]
async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ScenarioView>, Problem> {
    Ok(Json(scenarios::one(&app, &account, &id).await?))
}

/// Removes a scenario. Those forked from it stay.
#[utoipa::path(
    delete, path = "/api/v1/scenarios/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404))
)]
async fn remove(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    scenarios::remove(&app, &account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Saves a scenario as another, with other edits where they are given.
#[utoipa::path(
    post, path = "/api/v1/scenarios/{id}/fork", params(("id" = String, Path)), request_body = Fork,
    responses(
        (status = 201, headers(("Location" = String))), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 413), (status = 415), (status = 422), (status = 503)
    )
)]
async fn fork(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(wanted): Body<Fork>,
) -> Result<Response, Problem> {
    let id = scenarios::fork(&app, &account, &id, wanted).await?;
    Ok(created(&id))
}

/// What is compared with.
#[derive(Deserialize, IntoParams)]
struct Against {
    /// Another scenario of the same baseline.
    against: Option<String>,
}

/// Compares a scenario with another of the same baseline: whom it serves better, with intervals of the difference.
#[utoipa::path(
    get, path = "/api/v1/scenarios/{id}/comparison", params(("id" = String, Path), Against),
    responses((status = 200, body = BetweenView), (status = 401), (status = 404), (status = 409), (status = 422))
)]
async fn between(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Query(Against { against }): Query<Against>,
) -> Result<Json<BetweenView>, Problem> {
    let against = against.ok_or_else(|| Problem::InvalidBody {
        path: "against".to_owned(),
        code: "missing-field",
    })?;
    Ok(Json(
        scenarios::between(&app, &account, &id, &against).await?,
    ))
}
