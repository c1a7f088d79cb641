//! `/api/v1/taxonomy`: target groups, services, age bands, sexes, as questions may name them.
//! Public vocabulary only.

use super::auth::Caller;
use crate::state::App;
use axum::Json;
use serde::Serialize;
use taxonomy::model::{AGE_BANDS, Sex};
use taxonomy::{Taxonomy, UserArea};
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
    /// `person` or `family`.
    unit: &'static str,
    /// Area of users, one of `areas`.
    area: &'static str,
    /// The harm to the group that answers could do.
    group_harm: Option<&'static str>,
    /// Whether only a policy that names the target allows it.
    must_be_named: bool,
}

#[derive(Serialize, ToSchema)]
struct AreaView {
    id: &'static str,
    it: &'static str,
    en: &'static str,
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
    /// Version of the list of targets.
    version: &'static str,
    /// SHA-256 of the list.
    hash: String,
    /// Areas of users, by which targets are grouped.
    areas: Vec<AreaView>,
    targets: Vec<TargetView>,
    services: Vec<ServiceView>,
    age_bands: Vec<&'static str>,
    sexes: Vec<&'static str>,
}

/// The vocabulary of questions.
#[utoipa::path(get, path = "/api/v1/taxonomy", responses((status = 200, body = TaxonomyView), (status = 401)))]
async fn taxonomy(_: Caller) -> Json<TaxonomyView> {
    let built_in = Taxonomy::current();
    let areas = UserArea::ALL.iter().map(|area| AreaView {
        id: area.id(),
        it: area.it(),
        en: area.en(),
    });
    Json(TaxonomyView {
        version: built_in.version(),
        hash: protocol::hex(&built_in.hash()),
        areas: areas.collect(),
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
                unit: target.unit.id(),
                area: target.area.id(),
                group_harm: target.group_harm.map(taxonomy::GroupHarm::id),
                must_be_named: target.must_be_named(),
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
