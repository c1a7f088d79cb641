//! Access of every area and target to the sites that are open, with intervals from the demand's noise.

use super::basis::Basis;
use super::tables::{DemandView, SiteView, SourceView, Tables};
use super::{may_plan, record, refused};
use crate::state::State;
use crate::store::accounts::Account;
use crate::{CoordinatorError, Problem};
use ::access::{Method, Settings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessWanted {
    /// Demand, sites and travel.
    pub basis: Basis,
    /// How.
    pub measure: MeasureWanted,
}

/// How access is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureWanted {
    /// `nearest`, `cumulative`, `2sfca`, `e2sfca` or `raam`.
    #[schema(value_type = String)]
    pub method: Method,
    /// Minutes of a catchment.
    #[serde(default = "half_an_hour")]
    pub radius: f64,
    /// Minutes of travel that weigh as much as a site as crowded as the city's mean.
    #[serde(default = "half_an_hour")]
    pub tau: f64,
    /// Seed of draws.
    #[serde(default = "one")]
    pub seed: u64,
}

fn half_an_hour() -> f64 {
    30.0
}

fn one() -> u64 {
    1
}

impl MeasureWanted {
    pub(super) fn settings(&self) -> Result<Settings, Problem> {
        for (field, minutes) in [("radius", self.radius), ("tau", self.tau)] {
            if !(1.0..=600.0).contains(&minutes) {
                return Err(refused(
                    format!("$.measure.{field}"),
                    "out-of-range",
                    "write 1 to 600 minutes",
                ));
            }
        }
        Ok(Settings {
            radius: self.radius,
            tau: self.tau,
            seed: self.seed,
        })
    }
}

/// Access, and what it was measured on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccessView {
    /// Digest of demand, sites and travel.
    pub data_version: String,
    /// The level of the areas.
    pub level: String,
    /// Access and gaps by area and target, with the travel they are measured by.
    #[schema(value_type = Object)]
    pub access: ::access::Access,
    /// Where demand comes from.
    pub sources: Vec<SourceView>,
    /// Demand by area and target.
    pub demand: Vec<DemandView>,
    /// Sites and candidates.
    pub sites: Vec<SiteView>,
}

/// Measures.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn measure(
    app: &State,
    account: &Account,
    wanted: AccessWanted,
) -> Result<AccessView, Problem> {
    may_plan(account)?;
    let settings = wanted.measure.settings()?;
    let tables = Tables::gather(app, account, &wanted.basis).await?;
    need_places(&tables, wanted.measure.method)?;
    let method = wanted.measure.method;
    let (tables, access) = work(app, move || {
        let (demand, sites) = (&tables.demand, &tables.sites);
        let access = ::access::measure(demand, sites, &tables.travel, method, settings);
        (tables, access)
    })
    .await?;
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    record(
        &mut transaction,
        account,
        &tables,
        "access-measured",
        None,
        now,
    )
    .await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(AccessView {
        data_version: tables.version()?,
        level: tables.level.id().to_owned(),
        access,
        demand: tables.demand_view(),
        sources: tables.sources,
        sites: tables.planned,
    })
}

/// Places are compared by every method but the nearest: a site without a number of them cannot be.
pub(super) fn need_places(tables: &Tables, method: Method) -> Result<(), Problem> {
    let without = (tables.sites.iter())
        .find(|site| site.capacity.is_none() && site.status.is_open())
        .filter(|_| method != Method::Nearest);
    match without {
        None => Ok(()),
        Some(site) => Err(refused(
            "$.basis.sites",
            "no-capacity",
            format!(
                "the open site `{}` has no number of places; give its capacity, or measure by `nearest`",
                site.id
            ),
        )),
    }
}

/// Runs what computes for a while where it stops nobody, one at a time.
pub(super) async fn work<T: Send + 'static>(
    app: &State,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let turn = app.plans.short_turn().await?;
    let done = tokio::task::spawn_blocking(job).await;
    drop(turn);
    done.map_err(|_| CoordinatorError::Corrupt { what: "measure" }.into())
}
