//! `/api/v1/releases`: results, and the same as files, for the accounts that every organisation in them allows.
//! A release never changes; what follows from one is computed once, on request, and stored as another.

use super::auth::Caller;
use super::body::{JsonBytes, QuestionBody};
use super::queries::QuestionSchema;
use crate::app::audience;
use crate::app::derive;
use crate::app::export;
use crate::app::release::{Release, ReleaseSummary};
use crate::app::stored_release;
use crate::state::App;
use crate::store::releases;
use crate::{CoordinatorError, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(derive))
}

/// Releases, newest first.
#[derive(Serialize, ToSchema)]
struct ReleasesView {
    releases: Vec<ReleaseSummary>,
}

/// All releases.
#[utoipa::path(get, path = "/api/v1/releases", responses((status = 200, body = ReleasesView), (status = 401)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<ReleasesView>, Problem> {
    let viewer = audience::viewer(&app, &account);
    let mut reader = app.database.read().await?;
    let mut releases = Vec::new();
    for summary in releases::release_summaries(&mut reader).await? {
        let summary: ReleaseSummary = serde_json::from_str(&summary)?;
        if viewer.find(&mut reader, &summary.id).await?.is_some() {
            releases.push(summary);
        }
    }
    Ok(Json(ReleasesView { releases }))
}

/// A release; `{id}.json` and `{id}.csv` are the same as files.
#[utoipa::path(
    get, path = "/api/v1/releases/{id}",
    params(("id" = String, Path, description = "`{id}`, `{id}.json` or `{id}.csv`")),
    responses(
        (status = 200, description = "the release", content((Release = "application/json"), (String = "text/csv"))),
        (status = 401), (status = 404)
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
    let mut reader = app.database.read().await?;
    let viewer = audience::viewer(&app, &account);
    let visible = audience::check(&mut reader, &viewer, id).await?;
    let body = releases::release_body(&mut reader, &visible)
        .await?
        .ok_or(Problem::NotFound)?;
    drop(reader);
    let release = stored_release::read(&body)?;
    let (media_type, body) = match form {
        Some("csv") => ("text/csv; charset=utf-8", export::csv(&release, &app.areas)),
        _ => {
            let json = serde_json::to_string(&release).map_err(CoordinatorError::from)?;
            ("application/json", json)
        }
    };
    let mut response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
    if let Some(form) = form {
        // The id was found in the database, so it is the plain identifier that was stored.
        let disposition = format!("attachment; filename=\"release-{id}.{form}\"");
        if let Ok(value) = disposition.parse() {
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, value);
        }
    }
    Ok(response)
}

/// Answers a question of the release's study from its cells, at no further loss. 200 with a release of its own.
#[utoipa::path(
    post, path = "/api/v1/releases/{id}/derive", params(("id" = String, Path)), request_body = QuestionSchema,
    responses(
        (status = 200, headers(("Location" = String))), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 422)
    )
)]
async fn derive(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    let question = QuestionBody::parse(&bytes)?;
    audience::ensure(&app, &account, &id).await?;
    let made = derive::derive(&app, &account, &id, &question.study, &question.query).await?;
    Ok([(header::LOCATION, format!("/api/v1/releases/{made}"))].into_response())
}
