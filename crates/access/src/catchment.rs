//! Floating catchments: two-step (Luo and Wang 2003) and enhanced (Luo and Qi 2009), with variances.
//!
//! Site j offers `capacity / sum of weight * demand` over the rows in its catchment, and a row's access is the weighted
//! sum of what its sites offer. Demand noise enters through the denominators; its effect is told to first order.

use crate::travel::{Travel, is_open};
use optimise::{Demand, Site};

/// A site's demand must be this many standard deviations from zero for first-order variances to mean something.
const CLEAR: f64 = 3.0;

/// Access of every row and how it depends on demand.
#[derive(Clone, Debug)]
pub(crate) struct Catchments {
    /// Places in each site's catchment per unit of its demand; `None` where that demand is not clear of zero.
    ratio: Vec<Option<f64>>,
    /// Weighted demand of each site.
    demand: Vec<f64>,
    /// By row: its sites with their weight.
    weights: Vec<Vec<(usize, f64)>>,
    /// By site: its rows with their weight.
    rows: Vec<Vec<(usize, f64)>>,
}

/// Weight of travel in a plain or an enhanced catchment. Enhanced catchments have three zones of equal width with the
/// weights of a Gaussian at their middles, one in the first.
pub(crate) fn weight(minutes: f64, radius: f64, enhanced: bool) -> f64 {
    if minutes > radius {
        0.0
    } else if !enhanced || minutes <= radius / 3.0 {
        1.0
    } else if minutes <= 2.0 * radius / 3.0 {
        0.68
    } else {
        0.22
    }
}

impl Catchments {
    pub(crate) fn new(
        demand: &[Demand],
        sites: &[Site],
        travel: &Travel,
        radius: f64,
        enhanced: bool,
    ) -> Self {
        let weights: Vec<Vec<(usize, f64)>> = (travel.reach.iter())
            .map(|reach| {
                (reach.iter())
                    .filter(|(site, _)| is_open(&sites[*site]))
                    .map(|&(site, minutes)| (site, weight(minutes, radius, enhanced)))
                    .filter(|&(_, weight)| weight > 0.0)
                    .collect()
            })
            .collect();
        let mut rows = vec![Vec::new(); sites.len()];
        for (row, sites) in weights.iter().enumerate() {
            for &(site, weight) in sites {
                rows[site].push((row, weight));
            }
        }
        let sum = |rows: &Vec<(usize, f64)>| rows.iter().map(|&(r, w)| w * demand[r].demand).sum();
        let asked: Vec<f64> = rows.iter().map(sum).collect();
        let ratio = (sites.iter().zip(&rows).zip(&asked))
            .map(|((site, rows), &asked)| {
                let variance: f64 = (rows.iter())
                    .map(|&(row, weight)| weight * weight * demand[row].variance)
                    .sum();
                let is_clear = asked > 0.0 && asked >= CLEAR * variance.sqrt();
                is_clear.then(|| site.capacity.unwrap_or(0.0) / asked)
            })
            .collect();
        Self {
            ratio,
            demand: asked,
            weights,
            rows,
        }
    }

    /// Places for one unit of a row's demand; `None` where a site's demand is too uncertain to divide by.
    pub(crate) fn access(&self, row: usize) -> Option<f64> {
        (self.weights[row].iter())
            .map(|&(site, weight)| Some(weight * self.ratio[site]?))
            .sum()
    }

    /// How a row's access changes with each row's demand: the rows that share a site with it.
    pub(crate) fn gradient(&self, row: usize) -> Vec<(usize, f64)> {
        let mut slope = std::collections::BTreeMap::new();
        for &(site, weight) in &self.weights[row] {
            let Some(ratio) = self.ratio[site] else {
                continue;
            };
            for &(other, its) in &self.rows[site] {
                *slope.entry(other).or_insert(0.0) -= weight * ratio * its / self.demand[site];
            }
        }
        slope.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::travel::TravelSource;
    use optimise::SiteStatus;

    #[test]
    fn places_times_access_add_up_to_the_places_there_are() {
        let (demand, sites, travel) = crate::measure::tests::city(7);
        for enhanced in [false, true] {
            let found = Catchments::new(&demand, &sites, &travel, 25.0, enhanced);
            let handed: f64 = (0..demand.len())
                .map(|row| demand[row].demand * found.access(row).unwrap_or(f64::NAN))
                .sum();
            let reached = (0..sites.len()).filter(|&site| !found.rows[site].is_empty());
            let places: f64 = reached.filter_map(|site| sites[site].capacity).sum();
            assert!((handed - places).abs() < 1e-6, "{handed} is not {places}");
        }
    }

    #[test]
    fn gradients_are_those_of_small_steps() {
        let (mut demand, sites, travel) = crate::measure::tests::city(8);
        let before = Catchments::new(&demand, &sites, &travel, 25.0, true);
        for changed in 0..demand.len() {
            demand[changed].demand += 1e-4;
            let after = Catchments::new(&demand, &sites, &travel, 25.0, true);
            demand[changed].demand -= 1e-4;
            for row in 0..demand.len() {
                // Unwrap safety: this city's demand is known.
                let step = (after.access(row).unwrap() - before.access(row).unwrap()) / 1e-4;
                let slope = (before.gradient(row).iter())
                    .find(|(other, _)| *other == changed)
                    .map_or(0.0, |&(_, slope)| slope);
                assert!((step - slope).abs() < 1e-4 * (1.0 + slope.abs()));
            }
        }
    }

    #[test]
    fn a_demand_not_clear_of_zero_gives_no_ratio() {
        let demand = [Demand {
            id: "a".to_owned(),
            demand: 2.0,
            variance: 1.0,
            target: None,
        }];
        let site = Site {
            id: "s".to_owned(),
            status: SiteStatus::Required,
            capacity: Some(4.0),
            ..Site::default()
        };
        let source = TravelSource::Table {
            name: "t".to_owned(),
            mode: None,
        };
        let travel = Travel {
            reach: vec![vec![(0, 5.0)]],
            source,
        };
        let found = Catchments::new(&demand, &[site], &travel, 10.0, false);
        assert_eq!(found.access(0), None);
    }
}
