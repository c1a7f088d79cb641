//! `/api/v1/plans`: where to open, with how many places; followed while it is solved, called off, kept. Plans spend
//! nothing; analysts make them, every signed-in account reads them.

use super::auth::Caller;
use super::body::Body;
use super::description::StreamEvent;
use crate::Problem;
use crate::app::planning::plans::{self, PlanSummary, PlanView, PlanWanted, Progress};
use crate::state::App;
use crate::store::accounts::Account;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures::Stream;
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Progress is told at most this often: a solver finds more than anybody can read.
const PAUSE: Duration = Duration::from_millis(150);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(one, remove))
        .routes(routes!(events))
        .routes(routes!(cancel))
}

/// Plans, newest first.
#[derive(Serialize, ToSchema)]
struct PlansView {
    plans: Vec<PlanSummary>,
}

/// All plans.
#[utoipa::path(get, path = "/api/v1/plans", responses((status = 200, body = PlansView), (status = 401)))]
async fn list(State(app): State<App>, Caller(account): Caller) -> Result<Json<PlansView>, Problem> {
    let plans = plans::list(&app, &account).await?;
    Ok(Json(PlansView { plans }))
}

/// Begins a plan. 202 with the resource to follow.
#[utoipa::path(
    post, path = "/api/v1/plans", request_body = PlanWanted,
    responses(
        (status = 202, headers(("Location" = String))), (status = 401), (status = 403), (status = 409), (status = 413),
        (status = 415), (status = 422), (status = 429), (status = 503)
    )
)]
async fn begin(
    State(app): State<App>,
    Caller(account): Caller,
    Body(wanted): Body<PlanWanted>,
) -> Result<Response, Problem> {
    let id = plans::begin(&app, &account, wanted).await?;
    let location = format!("/api/v1/plans/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)]).into_response())
}

/// A plan as far as it is; `{id}.json` is the same as a file, `{id}.csv` its sites.
#[utoipa::path(
    get, path = "/api/v1/plans/{id}",
    params(("id" = String, Path, description = "`{id}`, `{id}.json` or `{id}.csv`")),
    responses(
        (status = 200, description = "the plan", content((PlanView = "application/json"), (String = "text/csv"))),
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
    let view = plans::one(&app, &account, id).await?;
    let Some(form) = form else {
        return Ok(Json(view).into_response());
    };
    // The id was found, so it is the plain identifier that was stored.
    let disposition = format!("attachment; filename=\"plan-{id}.{form}\"");
    let headers = [(header::CONTENT_DISPOSITION, disposition)];
    if form == "json" {
        return Ok((headers, Json(view)).into_response());
    }
    let table = plans::csv(&view).ok_or(Problem::Unfit {
        code: "not-done",
        path: "id",
        remedy: "there is no plan yet; follow it until its state is `done`",
    })?;
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((headers, kind, table).into_response())
}

/// Removes a plan that ended.
#[utoipa::path(
    delete, path = "/api/v1/plans/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409))
)]
async fn remove(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    plans::remove(&app, &account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Calls a plan off: it ends within a second, with the best plan found by then. One that ended stays.
#[utoipa::path(
    post, path = "/api/v1/plans/{id}/cancel", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404))
)]
async fn cancel(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    plans::cancel(&app, &account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follows a plan: events `progress` with bound and incumbent while it is solved, then one event `plan` with all of it.
#[utoipa::path(
    get, path = "/api/v1/plans/{id}/events", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/event-stream", body = StreamEvent), (status = 401), (status = 404))
)]
async fn events(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    // Listening starts before looking, so that no end falls between the two.
    let progress = app.plans.follow(&id);
    plans::one(&app, &account, &id).await?;
    let follower = Follower {
        stopping: app.hub.stopping(),
        app,
        account,
        id,
        progress,
        is_first: true,
        is_over: false,
    };
    let stream = futures::stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

struct Follower {
    app: App,
    account: Account,
    id: String,
    progress: Option<watch::Receiver<Progress>>,
    stopping: watch::Receiver<bool>,
    is_first: bool,
    is_over: bool,
}

impl Follower {
    /// What is to be told next; none at the end.
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        if let Some(progress) = &mut self.progress {
            if !std::mem::take(&mut self.is_first) {
                tokio::time::sleep(PAUSE).await;
                tokio::select! {
                    // The sender goes with the job, which ended then.
                    _ = progress.changed() => {}
                    _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                }
            }
            let now = progress.borrow_and_update().clone();
            if !now.state.is_final() && progress.has_changed().is_ok() {
                let text = serde_json::to_string(&now).ok()?;
                return Some(Event::default().event("progress").data(text));
            }
        }
        self.is_over = true;
        let view: PlanView = plans::one(&self.app, &self.account, &self.id).await.ok()?;
        let text = serde_json::to_string(&view).ok()?;
        Some(Event::default().event("plan").data(text))
    }
}
