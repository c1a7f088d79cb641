//! Minutes between areas and sites, and where they come from.

use optimise::{Cost, Demand, Site};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Where minutes come from; part of every result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TravelSource {
    /// A table of pairs.
    Table {
        /// Its name.
        name: String,
        /// Its mode of travel, where it names several.
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
    },
    /// Great-circle distance, made longer by a detour factor, at a speed.
    CrowFlies {
        /// How much longer than the straight line streets are.
        detour: f64,
        /// Kilometres in an hour.
        speed_kmh: f64,
        /// The same of targets that move at another speed.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        target_speed_kmh: BTreeMap<String, f64>,
        /// What moves at that speed.
        mode: String,
    },
}

/// A place on the globe, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Latitude.
    pub latitude: f64,
    /// Longitude.
    pub longitude: f64,
}

impl Point {
    /// Great-circle distance in kilometres by the haversine formula, on a sphere of the Earth's mean radius.
    pub fn distance_km(self, other: Self) -> f64 {
        const RADIUS_KM: f64 = 6371.0088;
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let turn = (other.longitude - self.longitude).to_radians();
        let half = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (turn / 2.0).sin().powi(2);
        2.0 * RADIUS_KM * half.sqrt().min(1.0).asin()
    }
}

/// Minutes from each demand row to the sites it reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Travel {
    /// By demand row: sites and minutes.
    pub(crate) reach: Vec<Vec<(usize, f64)>>,
    /// Where they come from.
    pub source: TravelSource,
}

impl Travel {
    /// Minutes of a table, for sites that serve the row's target.
    pub fn of_table(
        demand: &[Demand],
        sites: &[Site],
        costs: &[Cost],
        source: TravelSource,
    ) -> Self {
        let number: HashMap<&str, usize> = (sites.iter().enumerate())
            .map(|(at, site)| (site.id.as_str(), at))
            .collect();
        let mut of_area: HashMap<&str, Vec<(usize, f64)>> = HashMap::new();
        for cost in costs {
            if let Some(&site) = number.get(cost.to_id.as_str()) {
                of_area
                    .entry(&cost.from_id)
                    .or_default()
                    .push((site, cost.minutes));
            }
        }
        let reach = (demand.iter())
            .map(|row| {
                let reached = of_area.get(row.id.as_str()).into_iter().flatten();
                reached
                    .filter(|(site, _)| sites[*site].serves(row.target.as_deref()))
                    .copied()
                    .collect()
            })
            .collect();
        Self { reach, source }
    }

    /// Minutes as the crow flies between `homes`, one for each demand row, and `places`, one for each site. `pace` gives
    /// each target its detour factor and speed: who walks slowly reaches less.
    pub fn as_the_crow_flies(
        demand: &[Demand],
        homes: &[Point],
        sites: &[Site],
        places: &[Point],
        mode: &str,
        pace: impl Fn(Option<&str>) -> (f64, f64),
    ) -> Self {
        let (detour, speed_kmh) = pace(None);
        let target_speed_kmh = (demand.iter())
            .filter_map(|row| {
                let (_, speed) = pace(row.target.as_deref());
                Some((row.target.clone()?, speed)).filter(|_| speed != speed_kmh)
            })
            .collect();
        let reach = (demand.iter().zip(homes))
            .map(|(row, &home)| {
                let (detour, speed) = pace(row.target.as_deref());
                (sites.iter().zip(places).enumerate())
                    .filter(|(_, (site, _))| site.serves(row.target.as_deref()))
                    .map(|(at, (_, &place))| (at, 60.0 * detour * home.distance_km(place) / speed))
                    .collect()
            })
            .collect();
        Self {
            reach,
            source: TravelSource::CrowFlies {
                detour,
                speed_kmh,
                target_speed_kmh,
                mode: mode.to_owned(),
            },
        }
    }

    /// Nobody reaches anything.
    pub(crate) fn nowhere(rows: usize) -> Self {
        Self {
            reach: vec![Vec::new(); rows],
            source: TravelSource::Table {
                name: String::new(),
                mode: None,
            },
        }
    }

    /// The same as a table of areas and sites. Where targets of an area travel at different speeds, the slowest counts:
    /// a plan made with it promises nobody too much.
    pub fn costs(&self, demand: &[Demand], sites: &[Site]) -> Vec<Cost> {
        let mut slowest: BTreeMap<(&str, usize), f64> = BTreeMap::new();
        for (row, reached) in demand.iter().zip(&self.reach) {
            for &(site, minutes) in reached {
                let known = slowest.entry((&row.id, site)).or_insert(minutes);
                *known = known.max(minutes);
            }
        }
        (slowest.into_iter())
            .map(|((area, site), minutes)| Cost {
                from_id: area.to_owned(),
                to_id: sites[site].id.clone(),
                minutes,
            })
            .collect()
    }

    /// The nearest of the open sites for a row.
    pub(crate) fn nearest(&self, row: usize, sites: &[Site]) -> Option<(usize, f64)> {
        (self.reach[row].iter().copied())
            .filter(|(site, _)| is_open(&sites[*site]))
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
    }
}

/// Sites offer something unless they are closed or only candidates.
pub(crate) fn is_open(site: &Site) -> bool {
    site.status.is_open()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cathedral_and_the_central_station_are_two_kilometres_and_a_half_apart() {
        let cathedral = Point {
            latitude: 45.4642,
            longitude: 9.1900,
        };
        let station = Point {
            latitude: 45.4861,
            longitude: 9.2043,
        };
        let distance = cathedral.distance_km(station);
        assert!((distance - 2.68).abs() < 0.02, "{distance}");
        assert_eq!(cathedral.distance_km(cathedral), 0.0);
        assert!((distance - station.distance_km(cathedral)).abs() < 1e-12);
    }

    #[test]
    fn a_slower_target_travels_longer() {
        let demand = ["adults", "elderly"].map(|target| Demand {
            id: "a".to_owned(),
            demand: 1.0,
            target: Some(target.to_owned()),
            ..Demand::default()
        });
        let point = |latitude| Point {
            latitude,
            longitude: 9.19,
        };
        let sites = [Site::default()];
        let pace = |target: Option<&str>| match target {
            Some("elderly") => (1.3, 3.0),
            _ => (1.3, 4.5),
        };
        let travel = Travel::as_the_crow_flies(
            &demand,
            &[point(45.46), point(45.46)],
            &sites,
            &[point(45.47)],
            "foot",
            pace,
        );
        let minutes = |row: usize| travel.reach[row][0].1;
        assert!((minutes(1) / minutes(0) - 1.5).abs() < 1e-9);
        assert!(minutes(0) > 15.0 && minutes(0) < 25.0);
        // A plan for both goes by the slower, and the source names both speeds.
        let costs = travel.costs(&demand, &sites);
        assert_eq!((costs.len(), costs[0].minutes), (1, minutes(1)));
        let TravelSource::CrowFlies {
            speed_kmh,
            target_speed_kmh,
            ..
        } = &travel.source
        else {
            unreachable!("as the crow flies");
        };
        assert_eq!(*speed_kmh, 4.5);
        assert_eq!(target_speed_kmh.get("elderly"), Some(&3.0));
    }
}
