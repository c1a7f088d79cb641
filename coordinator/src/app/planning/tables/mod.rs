//! From what is planned on to tables: demand with its variances, sites with their places, minutes between them, and
//! where all of it comes from. What does not fit is named with its path and the remedy.

mod demand;
mod sites;

pub(super) use demand::sources_of_edits;

use super::basis::{Basis, PlannedSite, TravelWanted};
use super::{refused, travel_tables};
use crate::state::State;
use crate::store::accounts::Account;
use crate::{CoordinatorError, Problem};
use access::{Point, Travel, TravelSource};
use demand::demand;
use geography::{Facts, Level};
use optimise::{Demand, Site};
use serde::{Deserialize, Serialize};
use sites::{plain, sites};
use std::collections::{BTreeMap, HashMap, HashSet};
use utoipa::ToSchema;

/// Most rows of demand.
pub const MOST_ROWS: usize = 2_000;
/// Most sites, candidates included.
pub const MOST_SITES: usize = 500;
/// Most pairs of a row and a site.
pub const MOST_PAIRS: usize = 200_000;
/// Most sources of demand.
pub const MOST_SOURCES: usize = 12;
/// Two-sided 95 percent point of the normal distribution.
const TWO_SIDED_95: f64 = 1.959_963_984_540_054;

/// Where a demand comes from, as every result names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// `release`, `forecast` or `rows`.
    pub kind: String,
    /// The target it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Every release its numbers were made of: whoever may not see one of them may not see what was planned on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<String>,
    /// Hash of the question it answers, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_hash: Option<String>,
    /// The study it was asked in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<String>,
    /// The question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub query: Option<serde_json::Value>,
    /// The key of each axis.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at: BTreeMap<String, String>,
    /// The forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
    /// The period ahead that it forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Where numbers of the planner's own come from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The part of these people who would come, in thousandths.
    pub thousandths: u32,
    /// Organisations in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisations: Option<usize>,
    /// People whose area is not known: they are in no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplaced: Option<Between>,
    /// All rows together.
    pub total: Between,
}

/// A number between two others, 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Between {
    /// The estimate, which may be negative.
    pub value: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Between {
    fn of(value: f64, variance: f64) -> Self {
        let margin = TWO_SIDED_95 * variance.max(0.0).sqrt();
        Self {
            value,
            low: value - margin,
            high: value + margin,
        }
    }
}

/// A row of demand, as results show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DemandView {
    /// The area.
    pub area: String,
    /// The target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How much.
    #[serde(flatten)]
    pub demand: Between,
}

/// A site, as results show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteView {
    /// What is planned with it.
    #[serde(flatten)]
    pub site: PlannedSite,
    /// Where it is taken to be: longitude and latitude.
    pub position: [f64; 2],
}

/// Everything a plan is made of.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Level of the areas.
    pub level: Level,
    /// Demand by area and target.
    pub demand: Vec<Demand>,
    /// Sites.
    pub sites: Vec<Site>,
    /// The same sites with names and places.
    pub planned: Vec<SiteView>,
    /// Minutes.
    pub travel: Travel,
    /// Where demand comes from.
    pub sources: Vec<SourceView>,
}

impl Tables {
    /// Gathers what is planned on, as far as an account may see it.
    ///
    /// # Errors
    /// [`Problem`], naming what does not fit and the remedy.
    pub async fn gather(app: &State, account: &Account, basis: &Basis) -> Result<Tables, Problem> {
        let planned = sites(basis)?;
        let (level, demand, sources) = demand(app, account, basis).await?;
        let sites: Vec<Site> = planned.iter().map(|view| plain(&view.site)).collect();
        if demand.len() * sites.len() > MOST_PAIRS {
            return Err(refused(
                "$.basis",
                "too-large",
                format!(
                    "{} rows of demand and {} sites are more than {MOST_PAIRS} pairs; plan with fewer candidates or at a coarser level",
                    demand.len(),
                    sites.len()
                ),
            ));
        }
        let travel = travel(app, basis, level, &demand, &sites, &planned).await?;
        Ok(Tables {
            level,
            demand,
            sites,
            planned,
            travel,
            sources,
        })
    }

    /// The digest of demand, sites and travel, by which a result can be traced to them.
    ///
    /// # Errors
    /// [`CoordinatorError`] when they cannot be written as JSON.
    pub fn version(&self) -> Result<String, CoordinatorError> {
        let costs = self.travel.costs(&self.demand, &self.sites);
        let text = serde_json::to_vec(&(&self.demand, &self.sites, &costs))?;
        Ok(format!(
            "sha256:{}",
            protocol::hex(&protocol::sha256(&text))
        ))
    }

    /// Rows of demand with their intervals.
    pub fn demand_view(&self) -> Vec<DemandView> {
        (self.demand.iter())
            .map(|row| DemandView {
                area: row.id.clone(),
                target: row.target.clone(),
                demand: Between::of(row.demand, row.variance),
            })
            .collect()
    }
}

/// Where an area's people are taken to live: the centroid of its neighbourhood, or of all its neighbourhoods weighted by
/// residents. None where the key is not of the level, or has no place.
fn home(level: Level, key: &str) -> Option<Point> {
    let facts = Facts::milan();
    let nil = |key: &str| {
        let centroid = facts.area(key.parse().ok()?)?.centroid;
        Some(Point {
            latitude: centroid.lat(),
            longitude: centroid.lon(),
        })
    };
    match level {
        Level::Nil => nil(key),
        Level::MicroArea => nil(key.split_once('.')?.0),
        Level::Municipio => {
            let municipio: u8 = key.parse().ok()?;
            let mut sum = (0.0, 0.0, 0.0);
            for area in facts
                .areas()
                .iter()
                .filter(|a| a.main_municipio() == municipio)
            {
                let weight = f64::from(area.residents);
                sum.0 += weight;
                sum.1 += weight * area.centroid.lat();
                sum.2 += weight * area.centroid.lon();
            }
            (sum.0 > 0.0).then(|| Point {
                latitude: sum.1 / sum.0,
                longitude: sum.2 / sum.0,
            })
        }
        Level::City => None,
    }
}

async fn travel(
    app: &State,
    basis: &Basis,
    level: Level,
    demand: &[Demand],
    sites: &[Site],
    planned: &[SiteView],
) -> Result<Travel, Problem> {
    match &basis.travel {
        TravelWanted::CrowFlies {
            detour,
            speed_kmh,
            mode,
            target_speed_kmh,
        } => {
            let speeds = target_speed_kmh.values().chain([speed_kmh]);
            if speeds
                .into_iter()
                .any(|speed| !(0.5..=200.0).contains(speed))
            {
                return Err(refused(
                    "$.basis.travel.speed_kmh",
                    "out-of-range",
                    "write 0.5 to 200 kilometres in an hour",
                ));
            }
            if !(1.0..=5.0).contains(detour) || mode.len() > 60 || mode.trim().is_empty() {
                return Err(refused(
                    "$.basis.travel.detour",
                    "out-of-range",
                    "write a detour of 1 to 5, and a mode of at most 60 bytes",
                ));
            }
            let homes: Vec<Point> = (demand.iter())
                // Rows without a home were left out.
                .filter_map(|row| home(level, &row.id))
                .collect();
            let places: Vec<Point> = (planned.iter())
                .map(|view| Point {
                    latitude: view.position[1],
                    longitude: view.position[0],
                })
                .collect();
            let pace = |target: Option<&str>| {
                let own = target.and_then(|target| target_speed_kmh.get(target));
                (*detour, own.copied().unwrap_or(*speed_kmh))
            };
            Ok(Travel::as_the_crow_flies(
                demand, &homes, sites, &places, mode, pace,
            ))
        }
        TravelWanted::Table { table, mode } => {
            let (name, costs) = travel_tables::costs(app, table, mode.as_deref()).await?;
            // A table of areas serves sites too: one without a row of its own is where its neighbourhood is.
            let destinations: HashSet<&str> =
                costs.iter().map(|cost| cost.to_id.as_str()).collect();
            let mut at_area: HashMap<&str, Vec<&str>> = HashMap::new();
            for view in planned {
                if let Some(nil) = &view.site.nil
                    && !destinations.contains(view.site.id.as_str())
                {
                    at_area.entry(nil).or_default().push(&view.site.id);
                }
            }
            let mut all = Vec::new();
            for cost in &costs {
                for site in at_area.get(cost.to_id.as_str()).into_iter().flatten() {
                    let mut cost = cost.clone();
                    cost.to_id = (*site).to_owned();
                    all.push(cost);
                }
            }
            all.extend(costs);
            let source = TravelSource::Table {
                name,
                mode: mode.clone(),
            };
            Ok(Travel::of_table(demand, sites, &all, source))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use geography::Partition;

    #[test]
    fn every_area_but_the_unknown_has_a_home_in_the_city() {
        for level in [Level::Nil, Level::MicroArea, Level::Municipio] {
            for key in Partition::milan().keys(level) {
                let home = home(level, key);
                assert_eq!(home.is_none(), key == "unknown", "{key}");
                if let Some(home) = home {
                    assert!((45.3..45.6).contains(&home.latitude), "{key}");
                    assert!((9.0..9.35).contains(&home.longitude), "{key}");
                }
            }
        }
        assert!(home(Level::City, "milano").is_none());
    }
}
