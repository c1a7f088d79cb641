//! `/api/v1/forecasts`: forecasts of a cube's series, worked out in the background. They spend nothing.

use super::auth::Caller;
use super::body::Body;
use crate::Problem;
use crate::app::forecasts::{self, ForecastSummary, ForecastView, ForecastWanted};
use crate::state::App;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(one, cancel))
}

/// Forecasts, newest first.
#[derive(Serialize, ToSchema)]
struct ForecastsView {
    forecasts: Vec<ForecastSummary>,
}

/// The newest forecasts, those with adjustments among them.
#[utoipa::path(get, path = "/api/v1/forecasts", responses((status = 200, body = ForecastsView), (status = 401)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<ForecastsView>, Problem> {
    let forecasts = forecasts::list(&app, &account).await?;
    Ok(Json(ForecastsView { forecasts }))
}

/// Begins a forecast. 202 with the resource to follow; the same input is worked out once, and kept. Adjustments are
/// entered in the log.
#[utoipa::path(
    post, path = "/api/v1/forecasts", request_body = ForecastWanted,
    responses(
        (status = 202, headers(("Location" = String))), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 422), (status = 503)
    )
)]
async fn begin(
    State(app): State<App>,
    Caller(account): Caller,
    Body(wanted): Body<ForecastWanted>,
) -> Result<Response, Problem> {
    let id = forecasts::begin(&app, &account, wanted).await?;
    let location = format!("/api/v1/forecasts/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)]).into_response())
}

/// A forecast as far as it is; `{id}.json` and `{id}.csv` are its result as files.
#[utoipa::path(
    get, path = "/api/v1/forecasts/{id}",
    params(("id" = String, Path, description = "`{id}`, `{id}.json` or `{id}.csv`")),
    responses(
        (status = 200, description = "the forecast", content((ForecastView = "application/json"), (String = "text/csv"))),
        (status = 401), (status = 404), (status = 409)
    )
)]
async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let (id, form) = match name.split_once('.') {
        None => (name.as_str(), None),
        Some((id, form @ ("csv" | "json"))) => (id, Some(form)),
        Some(_) => return Err(Problem::NotFound),
    };
    let view = forecasts::one(&app, &account, id).await?;
    let Some(form) = form else {
        return Ok(Json(view).into_response());
    };
    let result = view.result.as_ref().ok_or(Problem::Unfit {
        code: "not-done",
        path: "id",
        remedy: "the forecast is not there yet; follow it until its state is `done`",
    })?;
    // The id was found, so it is the hexadecimal hash it was made under.
    let disposition = format!("attachment; filename=\"forecast-{id}.{form}\"");
    let headers = [(header::CONTENT_DISPOSITION, disposition)];
    Ok(match form {
        "csv" => {
            let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
            (headers, kind, forecasts::csv(result)).into_response()
        }
        _ => (headers, Json(view)).into_response(),
    })
}

/// Calls a forecast off. One that is there stays.
#[utoipa::path(
    delete, path = "/api/v1/forecasts/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404))
)]
async fn cancel(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    forecasts::cancel(&app, &account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
