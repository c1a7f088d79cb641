//! `/api/v1/budgets`, `/api/v1/alerts`, `/api/v1/study-records`: what whoever answers for the data keeps an eye on.
//! An organisation's people see their own part; analysts see studies only.

use super::auth::Caller;
use crate::Problem;
use crate::app::oversight::alerts::{self, AlertsView};
use crate::app::oversight::budgets::{self, BudgetsView};
use crate::app::oversight::reach::Reach;
use crate::app::oversight::study_records::{self, StudyRecord};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(spent))
        .routes(routes!(watched))
        .routes(routes!(studied))
}

/// All studies.
#[derive(Serialize, ToSchema)]
struct StudyRecordsView {
    studies: Vec<StudyRecord>,
}

/// What each organisation was asked to spend and what is left, by year, dataset, purpose and study; and what somebody known to several may lose.
#[utoipa::path(get, path = "/api/v1/budgets",
    responses((status = 200, body = BudgetsView), (status = 401), (status = 403)))]
async fn spent(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<BudgetsView>, Problem> {
    Ok(Json(budgets::budgets(&app, Reach::of(&account)).await?))
}

/// What should be looked at, the gravest first.
#[utoipa::path(get, path = "/api/v1/alerts",
    responses((status = 200, body = AlertsView), (status = 401), (status = 403)))]
async fn watched(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<AlertsView>, Problem> {
    Ok(Json(alerts::alerts(&app, Reach::of(&account)).await?))
}

/// Studies with who countersigned them, what was asked, and what it cost so far.
#[utoipa::path(get, path = "/api/v1/study-records",
    responses((status = 200, body = StudyRecordsView), (status = 401)))]
async fn studied(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<StudyRecordsView>, Problem> {
    let studies = study_records::list(&app, Reach::of(&account)).await?;
    Ok(Json(StudyRecordsView { studies }))
}
