//! `/api/v1/nodes`: who takes part, whether each is there, and what it serves.
//! Only what nodes declare in public; an organisation's people see their own node, its officers all, since they read what all decided.

use super::auth::Caller;
use crate::Problem;
use crate::app::oversight::reach::Reach;
use crate::clock::rfc3339;
use crate::state::App;
use crate::store::{datasets, organisations};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
struct DatasetView {
    id: String,
    edition: u32,
    finest_level: &'static str,
}

/// A node.
#[derive(Serialize, ToSchema)]
struct NodeInfo {
    id: String,
    name: String,
    /// `online`, `offline`, `revoked`, or `never` before it has joined and first said what it serves.
    state: &'static str,
    /// RFC 3339.
    last_seen: Option<String>,
    /// The latest edition of its datasets.
    edition: Option<u32>,
    /// The finest level any of its datasets knows.
    finest_level: Option<&'static str>,
    datasets: Vec<DatasetView>,
}

/// All nodes.
#[derive(Serialize, ToSchema)]
struct NodesView {
    nodes: Vec<NodeInfo>,
}

/// All nodes.
#[utoipa::path(get, path = "/api/v1/nodes", responses((status = 200, body = NodesView), (status = 401)))]
async fn list(State(app): State<App>, Caller(account): Caller) -> Result<Json<NodesView>, Problem> {
    let now = app.clock.now();
    let mut reader = app.database.read().await?;
    let served = datasets::datasets(&mut reader).await?;
    let reach = Reach::of(&account);
    let nodes = (organisations::organisations(&mut reader).await?.into_iter())
        .filter(|organisation| match reach {
            Reach::Organisation(own) => own == organisation.id,
            Reach::All | Reach::Asker(_) => true,
        })
        .map(|organisation| {
            let mine = || {
                served
                    .iter()
                    .filter(|dataset| dataset.organisation == organisation.id)
            };
            let last_seen = app
                .hub
                .last_seen(&organisation.id)
                .max(organisation.last_seen);
            let state = if organisation.revoked {
                "revoked"
            } else if organisation.keys.is_none() || mine().next().is_none() {
                // A node that joined but has not greeted yet cannot be asked anything.
                "never"
            } else if app
                .hub
                .is_online(&organisation.id, organisation.last_seen, now)
            {
                "online"
            } else {
                "offline"
            };
            NodeInfo {
                state,
                last_seen: last_seen.map(rfc3339),
                edition: mine().map(|dataset| dataset.notice.edition).max(),
                finest_level: mine()
                    .map(|dataset| dataset.notice.finest_level)
                    .max()
                    .map(|level| level.id()),
                datasets: mine()
                    .map(|dataset| DatasetView {
                        id: dataset.notice.id.clone(),
                        edition: dataset.notice.edition,
                        finest_level: dataset.notice.finest_level.id(),
                    })
                    .collect(),
                id: organisation.id.clone(),
                name: organisation.name.clone(),
            }
        })
        .collect();
    Ok(Json(NodesView { nodes }))
}
