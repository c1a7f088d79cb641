//! `/api/v1/taxonomy`: target groups, services, age bands, sexes, as questions may name them.
//! Public vocabulary only.

use super::auth::Caller;
use crate::state::App;
use axum::Json;
use serde::Serialize;
use taxonomy::Taxonomy;
use taxonomy::model::{AGE_BANDS, Sex};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(taxonomy))
}

#[derive(Serialize, ToSchema)]
struct TargetView {
    id: &'static str,
    it: &'static str,
    en: &'static str,
    description_it: &'static str,
    description_en: &'static str,
    finest_level: &'static str,
    reads_household: bool,
    sensitive: bool,
}

#[derive(Serialize, ToSchema)]
struct ServiceView {
    id: &'static str,
    it: &'static str,
    en: &'static str,
}

/// The vocabulary of questions.
#[derive(Serialize, ToSchema)]
struct TaxonomyView {
    targets: Vec<TargetView>,
    services: Vec<ServiceView>,
    age_bands: Vec<&'static str>,
    sexes: Vec<&'static str>,
}

/// The vocabulary of questions.
#[utoipa::path(get, path = "/api/v1/taxonomy", responses((status = 200, body = TaxonomyView), (status = 401)))]
async fn taxonomy(_: Caller) -> Json<TaxonomyView> {
    let built_in = Taxonomy::built_in();
    Json(TaxonomyView {
        targets: (built_in.targets().iter())
            .map(|target| TargetView {
                id: &target.id,
                it: &target.it,
                en: &target.en,
                description_it: &target.description_it,
                description_en: &target.description_en,
                finest_level: target.finest_level.id(),
                reads_household: target.predicate.reads_household(),
                sensitive: target.sensitive,
            })
            .collect(),
        services: (built_in.services().iter())
            .map(|service| ServiceView {
                id: &service.id,
                it: &service.it,
                en: &service.en,
            })
            .collect(),
        age_bands: AGE_BANDS
            .iter()
            .map(|&(id, _)| id)
            .chain(["unknown"])
            .collect(),
        sexes: Sex::ALL.iter().map(|sex| sex.id()).collect(),
    })
}
