//! `/api/v1/studies`: the purposes for which questions may be asked, and who countersigned them.
//! Studies are added by their requester's node or the administration, never here.

use super::auth::Caller;
use crate::Problem;
use crate::clock::rfc3339;
use crate::state::App;
use crate::store::{consents, studies};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A study.
#[derive(Serialize, ToSchema)]
struct StudyView {
    id: String,
    title: String,
    purpose: String,
    requester: String,
    lawful_basis: String,
    /// RFC 3339.
    valid_from: String,
    /// RFC 3339.
    valid_to: String,
    /// Nano-rho.
    max_rho_per_query: u64,
    /// Nano-rho, for each organisation.
    max_rho_total: u64,
    finest_level: &'static str,
    targets: Vec<String>,
    measures: Vec<String>,
    participants: Vec<String>,
    /// Organisations whose data protection officer countersigned.
    countersigned: Vec<String>,
    /// SHA-256 of the signed text, hex.
    hash: String,
}

/// All studies.
#[derive(Serialize, ToSchema)]
struct StudiesView {
    studies: Vec<StudyView>,
}

/// All studies.
#[utoipa::path(get, path = "/api/v1/studies", responses((status = 200, body = StudiesView), (status = 401)))]
async fn list(State(app): State<App>, _: Caller) -> Result<Json<StudiesView>, Problem> {
    let mut reader = app.database.read().await?;
    let consents = consents::consents(&mut reader).await?;
    let studies = (studies::studies(&mut reader).await?.into_iter())
        .map(|stored| {
            let study = stored.study;
            StudyView {
                countersigned: (consents.iter())
                    .filter(|(id, _)| *id == study.id)
                    .map(|(_, organisation)| organisation.clone())
                    .collect(),
                id: study.id,
                title: study.title,
                purpose: study.purpose,
                requester: study.requester,
                lawful_basis: study.lawful_basis,
                valid_from: rfc3339(study.valid_from),
                valid_to: rfc3339(study.valid_until),
                max_rho_per_query: study.max_rho_per_query.nano(),
                max_rho_total: study.max_rho_total.nano(),
                finest_level: study.finest_level.id(),
                targets: study.targets,
                measures: study.measures,
                participants: study.participants,
                hash: stored.hash,
            }
        })
        .collect();
    Ok(Json(StudiesView { studies }))
}
