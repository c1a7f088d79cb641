//! `/api/v1/queries`: preview, ask, follow, close.
//! Asking spends budget, so it needs a key of the sender's choice and happens once per key.

use super::auth::Caller;
use super::body::{JsonBytes, QuestionBody};
use super::description::StreamEvent;
use crate::app::ask::{self, Asked, Question};
use crate::app::end;
use crate::app::preview::{self, Preview};
use crate::app::view::{self, QueryView};
use crate::state::App;
use crate::store::accounts::Account;
use crate::{CoordinatorError, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often a followed query is looked at without a change being told: nodes go offline silently.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(ask, list))
        .routes(routes!(one))
        .routes(routes!(close))
        .routes(routes!(events))
}

/// A question.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `QuestionBody` reads strictly")]
pub(super) struct QuestionSchema {
    /// The study.
    study: String,
    /// The query, version 1.
    #[schema(value_type = Object)]
    query: serde_json::Value,
    /// How long it stays open.
    validity_seconds: Option<i64>,
    /// Ask, and spend, although the answer follows from a release; without it such a question is refused as `derivable`,
    /// with the release and its margin as parameters. Only asking reads it.
    ask_anew: Option<bool>,
}

/// Queries, newest first.
#[derive(Serialize, ToSchema)]
struct QueriesView {
    queries: Vec<QueryView>,
}

/// Price and accuracy of a question; spends nothing.
#[utoipa::path(
    post, path = "/api/v1/queries/preview", request_body = QuestionSchema,
    responses((status = 200, body = Preview), (status = 401), (status = 422))
)]
async fn preview(
    State(app): State<App>,
    Caller(account): Caller,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Preview>, Problem> {
    let question = QuestionBody::parse(&bytes)?;
    Ok(Json(
        preview::preview_for(&app, &account, &question.study, &question.query).await?,
    ))
}

/// Asks a question. 202 with the query to follow, or 200 with a release that answers it already.
#[utoipa::path(
    post, path = "/api/v1/queries", request_body = QuestionSchema,
    params(("Idempotency-Key" = String, Header, description = "1 to 100 printable characters; the same key asks once")),
    responses(
        (status = 202, headers(("Location" = String))), (status = 200, headers(("Location" = String))),
        (status = 400), (status = 401), (status = 403), (status = 409), (status = 422)
    )
)]
async fn ask(
    State(app): State<App>,
    Caller(account): Caller,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let body = QuestionBody::parse(&bytes)?;
    let question = Question {
        account: &account,
        study: &body.study,
        query: &body.query,
        ask_anew: body.ask_anew,
        validity_seconds: body.validity_seconds,
        idempotency_key: key,
        body_hash: protocol::sha256(&bytes),
        cube: None,
    };
    Ok(answered(ask::ask(&app, question).await?))
}

/// The sender's key for a request that spends budget.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    (headers.get("idempotency-key"))
        .and_then(|key| key.to_str().ok())
        .filter(|key| {
            (1..=100).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .ok_or(Problem::IdempotencyKeyRequired)
}

/// 202 with the query to follow, or 200 with a release.
pub(super) fn answered(asked: Asked) -> Response {
    let status = StatusCode::from_u16(asked.status).unwrap_or(StatusCode::ACCEPTED);
    (status, [(header::LOCATION, asked.location)]).into_response()
}

/// The latest queries.
#[utoipa::path(get, path = "/api/v1/queries", responses((status = 200, body = QueriesView), (status = 401)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<QueriesView>, Problem> {
    let queries = view::queries(&app, &account).await?;
    Ok(Json(QueriesView { queries }))
}

/// One query.
#[utoipa::path(
    get, path = "/api/v1/queries/{id}", params(("id" = String, Path)),
    responses((status = 200, body = QueryView), (status = 401), (status = 404))
)]
async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<QueryView>, Problem> {
    view::query(&app, &account, &id)
        .await?
        .map(Json)
        .ok_or(Problem::NotFound)
}

/// Releases what has been answered so far, and asks nobody any more. 200 with the release.
#[utoipa::path(
    post, path = "/api/v1/queries/{id}/close", params(("id" = String, Path)),
    responses((status = 200, headers(("Location" = String))), (status = 403), (status = 404), (status = 409))
)]
async fn close(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let release = end::close(&app, &account, &id).await?;
    let location = format!("/api/v1/releases/{release}");
    Ok((StatusCode::OK, [(header::LOCATION, location)]).into_response())
}

/// Follows a query: an event `query` with the whole query on each change, until it is at rest.
#[utoipa::path(
    get, path = "/api/v1/queries/{id}/events", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/event-stream", body = StreamEvent), (status = 401), (status = 404))
)]
async fn events(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    // Listening starts before looking, so that no change falls between the two.
    let follower = Follower {
        changes: app.hub.changes(),
        stopping: app.hub.stopping(),
        app,
        account,
        id,
        last: None,
        ended: false,
    };
    let first = follower.look().await?.ok_or(Problem::NotFound)?;
    let stream = futures::stream::unfold(
        (follower, Some(first)),
        |(mut follower, first)| async move {
            let view = match first {
                Some(view) => view,
                None => follower.next().await?,
            };
            let text = serde_json::to_string(&view).ok()?;
            follower.ended = view.state.is_final();
            follower.last = Some(view);
            Some((
                Ok(Event::default().event("query").data(text)),
                (follower, None),
            ))
        },
    );
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

struct Follower {
    app: App,
    account: Account,
    id: String,
    changes: broadcast::Receiver<String>,
    stopping: watch::Receiver<bool>,
    last: Option<QueryView>,
    ended: bool,
}

impl Follower {
    async fn look(&self) -> Result<Option<QueryView>, CoordinatorError> {
        view::query(&self.app, &self.account, &self.id).await
    }

    /// The next view that differs from the last; `None` at the end.
    async fn next(&mut self) -> Option<QueryView> {
        if self.ended {
            return None;
        }
        loop {
            let looked_at = tokio::time::sleep(LOOK_EVERY);
            tokio::pin!(looked_at);
            loop {
                tokio::select! {
                    _ = &mut looked_at => break,
                    _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                    changed = self.changes.recv() => match changed {
                        Ok(id) if id == self.id => break,
                        Ok(_) => {}
                        // Some changes were missed, perhaps ours.
                        Err(broadcast::error::RecvError::Lagged(_)) => break,
                        Err(broadcast::error::RecvError::Closed) => return None,
                    },
                }
            }
            let view = self.look().await.ok()??;
            if self.last.as_ref() != Some(&view) {
                return Some(view);
            }
        }
    }
}
