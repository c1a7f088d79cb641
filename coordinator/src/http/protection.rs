//! `/api/v1/protection`: the numbers behind "how we protect data", as they are in force now. Open to everybody, so it names no
//! organisation: caps that studies set, and what was lost so far where most was lost.

use crate::Problem;
use crate::app::preview::Loss;
use crate::app::release::DELTA;
use crate::state::App;
use crate::store::{organisations, studies, totals};
use axum::Json;
use axum::extract::State;
use privacy_loss::{NanoRho, epsilon};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(protection))
}

/// The loss of a person known to so many organisations.
#[derive(Serialize, ToSchema)]
struct KnownTo {
    /// Organisations that know the person.
    organisations: usize,
    /// The most they can have lost together, as far as asked from here.
    loss: Loss,
}

/// The numbers in force.
#[derive(Serialize, ToSchema)]
struct ProtectionView {
    /// The delta at which epsilons are stated.
    delta: f64,
    /// Organisations whose nodes have joined.
    organisations: usize,
    /// Studies in force.
    studies: usize,
    /// The most that a study in force allows one question to cost; absent where none is.
    per_question: Option<Loss>,
    /// The most that a study in force allows all its questions to cost one organisation.
    per_study: Option<Loss>,
    /// What persons have lost so far at most: known to one organisation, to three, to all.
    so_far: Vec<KnownTo>,
}

fn loss(nano: u64) -> Loss {
    Loss {
        rho: nano,
        epsilon: epsilon(NanoRho::new(nano), DELTA),
    }
}

/// The numbers behind what is promised: caps of the studies in force, and the largest losses so far.
#[utoipa::path(get, path = "/api/v1/protection", responses((status = 200, body = ProtectionView)))]
async fn protection(State(app): State<App>) -> Result<Json<ProtectionView>, Problem> {
    let now = app.clock.now();
    let mut reader = app.database.read().await?;
    let joined = (organisations::organisations(&mut reader).await?.iter())
        .filter(|organisation| organisation.keys.is_some() && !organisation.revoked)
        .count();
    let in_force: Vec<_> = (studies::studies(&mut reader).await?.into_iter())
        .map(|stored| stored.study)
        .filter(|study| study.in_force(now))
        .collect();
    let mut spent: Vec<u64> = (totals::rho_asked(&mut reader, None).await?.into_iter())
        .map(|(_, rho)| rho)
        .collect();
    spent.sort_unstable_by(|a, b| b.cmp(a));
    let mut shown = vec![1, 3, joined];
    shown.retain(|known_to| *known_to <= joined);
    shown.sort_unstable();
    shown.dedup();
    Ok(Json(ProtectionView {
        delta: DELTA,
        organisations: joined,
        studies: in_force.len(),
        per_question: (in_force.iter().map(|study| study.max_rho_per_query.nano()))
            .max()
            .map(loss),
        per_study: (in_force.iter().map(|study| study.max_rho_total.nano()))
            .max()
            .map(loss),
        so_far: shown
            .into_iter()
            .map(|known_to| KnownTo {
                organisations: known_to,
                loss: loss(
                    spent
                        .iter()
                        .take(known_to)
                        .fold(0, |sum, rho| sum.saturating_add(*rho)),
                ),
            })
            .collect(),
    }))
}
