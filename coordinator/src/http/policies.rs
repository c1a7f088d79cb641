//! `/api/v1/policies`: the policies that nodes published, and what changed from one to the next, in decisions.
//! For those who answer for the data; analysts ask under policies and do not read them here.

use super::auth::Caller;
use crate::Problem;
use crate::app::oversight::policies::{self, OrganisationPolicies, PolicyRecord};
use crate::app::oversight::reach::Reach;
use crate::state::App;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
}

/// All policies.
#[derive(Serialize, ToSchema)]
struct PoliciesView {
    organisations: Vec<OrganisationPolicies>,
}

/// What to compare with.
#[derive(Deserialize, IntoParams)]
struct Against {
    /// Hash of another version of the same organisation; the version it replaced where absent.
    against: Option<String>,
}

/// Every version of every organisation's policy that its node published.
#[utoipa::path(get, path = "/api/v1/policies",
    responses((status = 200, body = PoliciesView), (status = 401), (status = 403)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<PoliciesView>, Problem> {
    let organisations = policies::list(&app, Reach::of(&account)).await?;
    Ok(Json(PoliciesView { organisations }))
}

/// One version, and what it decides otherwise than another.
#[utoipa::path(get, path = "/api/v1/policies/{organisation}/{hash}", params(("organisation" = String, Path), ("hash" = String, Path), Against),
    responses((status = 200, body = PolicyRecord), (status = 401), (status = 403), (status = 404)))]
async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path((organisation, hash)): Path<(String, String)>,
    Query(Against { against }): Query<Against>,
) -> Result<Json<PolicyRecord>, Problem> {
    let reach = Reach::of(&account);
    let against = against.as_deref().filter(|hash| !hash.is_empty());
    let record = policies::record(&app, reach, &organisation, &hash, against).await?;
    Ok(Json(record))
}
