//! `/health` and `/metrics`, for whoever runs the service.
//! Neither tells anything that depends on a register.

use crate::Problem;
use crate::state::App;
use crate::store::queries::{self, QueryState};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(metrics))
}

/// Whether the database answers.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Object), (status = 500)))]
async fn health(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let mut reader = app.database.read().await?;
    queries::queries_by_state(&mut reader).await?;
    Ok(Json(json!({ "status": "ok" })))
}

/// Counters, Prometheus text.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let mut reader = app.database.read().await?;
    let counted = queries::queries_by_state(&mut reader).await?;
    let queries: Vec<(&str, i64)> = QueryState::ALL
        .into_iter()
        .map(|state| {
            let count = counted.iter().find(|(found, _)| *found == state);
            (state.id(), count.map_or(0, |(_, count)| *count))
        })
        .collect();
    let text = app.metrics.text(app.hub.online(app.clock.now()), &queries);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
