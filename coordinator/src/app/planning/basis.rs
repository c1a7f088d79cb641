//! What is planned on, as people write it: whose demand, which sites, how people travel. The same words serve access,
//! scenarios and plans, so that results can be set beside each other.

use optimise::SiteStatus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Demand, sites and travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Where demand comes from; several are for several targets.
    pub demand: Vec<DemandSource>,
    /// Sites there are, and places where one may be.
    #[serde(default)]
    pub sites: Vec<PlannedSite>,
    /// One further candidate in each neighbourhood, at its centroid, with the id `nil-` and its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Candidates>,
    /// How people travel.
    #[serde(default)]
    pub travel: TravelWanted,
}

/// One source of demand. Estimates are taken with their noise and are never clipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DemandSource {
    /// The consistent estimates of a release.
    Release {
        /// The release, by neighbourhood, municipio or micro-area.
        release: String,
        /// The key of each other axis that has more than one.
        #[serde(default)]
        at: BTreeMap<String, String>,
        /// The target the demand is of; that of `at` where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// The part of these people who would come, in thousandths; all where absent.
        #[serde(default = "all", skip_serializing_if = "is_all")]
        thousandths: u32,
    },
    /// A period ahead of a forecast, with its variance.
    Forecast {
        /// The forecast, which must be done.
        forecast: String,
        /// Which period ahead, counted from 1.
        ahead: usize,
        /// The target the demand is of; that of the forecast where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// As of a release.
        #[serde(default = "all", skip_serializing_if = "is_all")]
        thousandths: u32,
    },
    /// Numbers of the planner's own.
    Rows {
        /// A row for each area.
        rows: Vec<DemandRow>,
        /// The target the demand is of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// Where they come from, in words.
        source: String,
    },
}

fn all() -> u32 {
    1_000
}

fn is_all(thousandths: &u32) -> bool {
    *thousandths == all()
}

/// Demand of an area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DemandRow {
    /// The area: a key of the level `nil`, `municipio` or `micro-area`.
    pub area: String,
    /// The estimate.
    pub demand: f64,
    /// Its variance; 0 where it is known.
    #[serde(default)]
    pub variance: f64,
}

/// A site, or a place where one may be. It lies in a neighbourhood or at a position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedSite {
    /// Its identifier, of at most 80 characters.
    pub id: String,
    /// Its name; the identifier where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The neighbourhood it lies in, at whose centroid it is taken to be where it has no position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nil: Option<String>,
    /// Latitude in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Longitude in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// `candidate` (where absent), `required` and `extendable` (open today), `closed`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub status: SiteStatus,
    /// Places; without limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Cost of opening it; 0 where it is open already.
    #[serde(default)]
    pub fixed_cost: f64,
    /// Cost of its being open.
    #[serde(default)]
    pub running_cost: f64,
    /// Places of one further module.
    #[serde(default)]
    pub module_capacity: f64,
    /// Cost of one further module.
    #[serde(default)]
    pub module_cost: f64,
    /// The most further modules.
    #[serde(default)]
    pub modules: usize,
    /// Targets served; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// What a candidate in each neighbourhood would be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidates {
    /// Only in these neighbourhoods; in all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<String>,
    /// Places; without limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Cost of opening it.
    #[serde(default)]
    pub fixed_cost: f64,
    /// Cost of its being open.
    #[serde(default)]
    pub running_cost: f64,
    /// Places of one further module.
    #[serde(default)]
    pub module_capacity: f64,
    /// Cost of one further module.
    #[serde(default)]
    pub module_cost: f64,
    /// The most further modules.
    #[serde(default)]
    pub modules: usize,
    /// Targets served; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// How people travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TravelWanted {
    /// Great-circle distance times a detour factor, at a speed.
    CrowFlies {
        /// How much longer than the straight line streets are.
        #[serde(default = "detour")]
        detour: f64,
        /// Kilometres in an hour.
        #[serde(default = "walking")]
        speed_kmh: f64,
        /// What moves at that speed.
        #[serde(default = "foot")]
        mode: String,
        /// The speed of targets that move at another.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        target_speed_kmh: BTreeMap<String, f64>,
    },
    /// An uploaded table of origins and destinations.
    Table {
        /// The table.
        table: String,
        /// The mode, where the table has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
    },
}

/// Streets of a dense city are about 1.3 times as long as the straight line (Boscoe, Henry and Zdeb 2012 find 1.4 for a
/// whole country of which cities are the straighter part).
fn detour() -> f64 {
    1.3
}

fn walking() -> f64 {
    4.5
}

fn foot() -> String {
    "foot".to_owned()
}

impl Default for TravelWanted {
    fn default() -> Self {
        Self::CrowFlies {
            detour: detour(),
            speed_kmh: walking(),
            mode: foot(),
            target_speed_kmh: BTreeMap::new(),
        }
    }
}
