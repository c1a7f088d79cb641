//! `/api/v1/offers`: what organisations offer, where, for whom and how many people, as their nodes published it.
//! Public facts of places and services. An organisation's people see their own.

use super::auth::Caller;
use crate::Problem;
use crate::app::offers::{self, PublishedOffer};
use crate::app::view::scope;
use crate::clock::rfc3339;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A place where services are given.
#[derive(Serialize, ToSchema)]
struct SiteView {
    /// Identifier within the organisation's offer.
    id: String,
    name: String,
    address: Option<String>,
    /// Longitude and latitude in degrees (WGS 84).
    position: Option<[f64; 2]>,
    /// Number of the NIL it lies in.
    nil: Option<u16>,
    municipio: Option<u8>,
}

/// When a service is open.
#[derive(Serialize, ToSchema)]
struct OpeningView {
    /// Days of the week, `MO` to `SU`.
    days: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    description: Option<String>,
}

/// A service that is offered.
#[derive(Serialize, ToSchema)]
struct OfferedServiceView {
    /// Identifier within the organisation's offer.
    id: String,
    name: String,
    description: Option<String>,
    /// The service of the taxonomy it is, where that is known.
    service: Option<String>,
    /// Targets of the taxonomy it serves, where that is known.
    targets: Vec<String>,
    /// Whom it serves, in words.
    served: Option<String>,
    /// Youngest age served, in completed years.
    minimum_age: Option<u16>,
    /// Oldest age served.
    maximum_age: Option<u16>,
    /// Ids of its sites.
    sites: Vec<String>,
    /// People it can serve at a time.
    capacity: Option<u32>,
    /// What users pay, in words.
    cost: Option<String>,
    opening: Vec<OpeningView>,
    /// How one gets in.
    access: Option<String>,
}

/// What one organisation offers.
#[derive(Serialize, ToSchema)]
struct OfferView {
    organisation: String,
    /// Counts up with every change.
    revision: u64,
    /// SHA-256 of what the node signed; the log holds it.
    hash: String,
    /// When the node signed it, RFC 3339.
    signed_at: String,
    /// When it came in, RFC 3339.
    published_at: String,
    sites: Vec<SiteView>,
    services: Vec<OfferedServiceView>,
}

/// What organisations offer.
#[derive(Serialize, ToSchema)]
struct OffersView {
    offers: Vec<OfferView>,
}

impl From<PublishedOffer> for OfferView {
    fn from(published: PublishedOffer) -> OfferView {
        let PublishedOffer { notice, hash, at } = published;
        let sites = notice.offer.sites.into_iter().map(|site| SiteView {
            id: site.id,
            name: site.name,
            address: site.address,
            position: site.position.map(<[f64; 2]>::from),
            nil: site.nil,
            municipio: site.municipio,
        });
        let services = (notice.offer.services.into_iter()).map(|service| OfferedServiceView {
            id: service.id,
            name: service.name,
            description: service.description,
            service: service.service,
            targets: service.targets.into_iter().collect(),
            served: service.served,
            minimum_age: service.ages.min,
            maximum_age: service.ages.max,
            sites: service.sites.into_iter().collect(),
            capacity: service.capacity,
            cost: service.cost,
            opening: (service.opening.into_iter())
                .map(|opening| OpeningView {
                    days: opening.days,
                    from: opening.from,
                    to: opening.to,
                    description: opening.description,
                })
                .collect(),
            access: service.access,
        });
        OfferView {
            organisation: notice.organisation,
            revision: notice.revision,
            hash,
            signed_at: rfc3339(notice.signed_at),
            published_at: rfc3339(at),
            sites: sites.collect(),
            services: services.collect(),
        }
    }
}

/// What organisations offer.
#[utoipa::path(get, path = "/api/v1/offers", responses((status = 200, body = OffersView), (status = 401)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<Json<OffersView>, Problem> {
    let own = scope(&account);
    let offers = (offers::published(&app).await?.into_iter())
        .filter(|offer| own.is_none_or(|own| own == offer.notice.organisation))
        .map(OfferView::from);
    Ok(Json(OffersView {
        offers: offers.collect(),
    }))
}
