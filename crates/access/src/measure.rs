//! Access of every area and target by one of the field's methods, and the gap between what is asked and what reaches.

use crate::catchment::Catchments;
use crate::travel::{Travel, TravelSource, is_open};
use crate::{TWO_SIDED_95, agents};
use optimise::{Demand, Site};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How access is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Method {
    /// Minutes to the nearest open site.
    #[serde(rename = "nearest")]
    Nearest,
    /// Places within the radius, whoever else wants them.
    #[serde(rename = "cumulative")]
    Cumulative,
    /// Two-step floating catchment: places for one unit of demand within the radius.
    #[serde(rename = "2sfca")]
    TwoStep,
    /// Enhanced two-step floating catchment: nearer thirds of the radius weigh more.
    #[serde(rename = "e2sfca")]
    Enhanced,
    /// Rational agents: travel and crowding together, less being better.
    #[serde(rename = "raam")]
    Agents,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 5] = [
        Method::Nearest,
        Method::Cumulative,
        Method::TwoStep,
        Method::Enhanced,
        Method::Agents,
    ];

    /// Its name in files and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Method::Nearest => "nearest",
            Method::Cumulative => "cumulative",
            Method::TwoStep => "2sfca",
            Method::Enhanced => "e2sfca",
            Method::Agents => "raam",
        }
    }

    /// The method of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.id() == id)
    }

    /// What its numbers count.
    pub fn unit(self) -> &'static str {
        match self {
            Method::Nearest => "minutes",
            Method::Cumulative => "places",
            Method::TwoStep | Method::Enhanced => "places per unit of demand",
            Method::Agents => "cost (travel in units of tau, plus crowding)",
        }
    }

    /// Whether less is better.
    pub fn is_cost(self) -> bool {
        matches!(self, Method::Nearest | Method::Agents)
    }
}

/// Numbers a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Minutes of a catchment.
    pub radius: f64,
    /// Minutes of travel that weigh as much as a site as crowded as the city's mean.
    pub tau: f64,
    /// Seed of the draws behind intervals of `raam`.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            radius: 30.0,
            tau: 30.0,
            seed: 1,
        }
    }
}

/// Access of all areas.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Access {
    /// Version of this format: 1.
    pub version: u32,
    /// How it is measured.
    pub method: Method,
    /// What the numbers count.
    pub unit: String,
    /// Where travel comes from.
    pub travel: TravelSource,
    /// What the method needs.
    pub settings: Settings,
    /// Level of all intervals.
    pub level: f64,
    /// By area and target, in the order of the demand.
    pub rows: Vec<AccessRow>,
    /// Demand less the places that floating catchments hand it, by area and target.
    pub gaps: Vec<Gap>,
    /// The same by target, over all areas.
    pub gaps_by_target: Vec<Gap>,
}

/// Access of one area and target.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AccessRow {
    /// The area.
    pub id: String,
    /// The target, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number; absent where no site is reached, or where the demand it is divided by is not clear of zero.
    pub access: Option<f64>,
    /// Lower end of its interval.
    pub lower: Option<f64>,
    /// Upper end of its interval.
    pub upper: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// Demand against the places it gets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Gap {
    /// The area; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The target, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is asked.
    pub demand: f64,
    /// Places that catchments hand to it; absent where that cannot be told from noise.
    pub offer: Option<f64>,
    /// Demand less offer: positive where places lack.
    pub gap: Option<f64>,
    /// Lower end of the gap's interval.
    pub lower: Option<f64>,
    /// Upper end of the gap's interval.
    pub upper: Option<f64>,
}

/// Draws behind an interval of rational agents.
const DRAWS: u64 = 60;

/// Measures access. `demand`, `sites` and `travel` belong together; sites that are closed or candidates offer nothing.
pub fn measure(
    demand: &[Demand],
    sites: &[Site],
    travel: &Travel,
    method: Method,
    settings: Settings,
) -> Access {
    let catchments = Catchments::new(
        demand,
        sites,
        travel,
        settings.radius,
        method == Method::Enhanced,
    );
    let rows = match method {
        Method::Agents => by_agents(demand, sites, travel, settings),
        _ => (0..demand.len())
            .map(|row| {
                let (value, sd) = plain(demand, sites, travel, method, settings, &catchments, row);
                let reaches = travel.nearest(row, sites).is_some();
                told(&demand[row], value, sd.map(|sd| TWO_SIDED_95 * sd), reaches)
            })
            .collect(),
    };
    let (gaps, gaps_by_target) = gaps(demand, &catchments);
    Access {
        version: 1,
        method,
        unit: method.unit().to_owned(),
        travel: travel.source.clone(),
        settings,
        level: 0.95,
        rows,
        gaps,
        gaps_by_target,
    }
}

fn told(row: &Demand, value: Option<f64>, margin: Option<f64>, reaches: bool) -> AccessRow {
    let missing = match (value, reaches) {
        (Some(_), _) => None,
        (None, false) => Some("no open site is reached".to_owned()),
        (None, true) => Some("too uncertain: the demand of a site is not clear of zero".to_owned()),
    };
    // An empty sum is -0, which nobody should read.
    let value = value.map(|value| value + 0.0);
    AccessRow {
        id: row.id.clone(),
        target: row.target.clone(),
        access: value,
        lower: value.zip(margin).map(|(value, margin)| value - margin),
        upper: value.zip(margin).map(|(value, margin)| value + margin),
        missing,
    }
}

/// A row's number and its standard deviation.
fn plain(
    demand: &[Demand],
    sites: &[Site],
    travel: &Travel,
    method: Method,
    settings: Settings,
    catchments: &Catchments,
    row: usize,
) -> (Option<f64>, Option<f64>) {
    match method {
        Method::Nearest => (
            travel.nearest(row, sites).map(|(_, minutes)| minutes),
            Some(0.0),
        ),
        Method::Cumulative => {
            let places = (travel.reach[row].iter())
                .filter(|&&(site, minutes)| minutes <= settings.radius && is_open(&sites[site]))
                .map(|&(site, _)| sites[site].capacity.unwrap_or(0.0))
                .sum();
            (Some(places), Some(0.0))
        }
        _ => (
            catchments.access(row),
            Some(deviation(demand, &catchments.gradient(row)) + 0.0),
        ),
    }
}

/// Standard deviation of what has this gradient in the demand.
pub(crate) fn deviation(demand: &[Demand], gradient: &[(usize, f64)]) -> f64 {
    (gradient.iter())
        .map(|&(row, slope)| slope * slope * demand[row].variance)
        .sum::<f64>()
        .sqrt()
}

/// Demand drawn from what its noise leaves possible.
pub(crate) fn drawn(demand: &[Demand], seed: u64, draw: u64) -> Vec<f64> {
    let mut state = seed ^ draw.wrapping_add(1).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mut unit = move || {
        // SplitMix64, as in the solver.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (demand.iter())
        .map(|row| {
            let normal =
                (-2.0 * (1.0 - unit()).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
            row.demand + row.variance.sqrt() * normal
        })
        .collect()
}

fn by_agents(
    demand: &[Demand],
    sites: &[Site],
    travel: &Travel,
    settings: Settings,
) -> Vec<AccessRow> {
    let known: Vec<f64> = demand.iter().map(|row| row.demand).collect();
    let values = agents::costs(&known, demand, sites, travel, settings.tau);
    let is_noisy = demand.iter().any(|row| row.variance > 0.0);
    let draws: Vec<Vec<Option<f64>>> = (0..if is_noisy { DRAWS } else { 0 })
        .map(|draw| {
            let drawn = drawn(demand, settings.seed, draw);
            agents::costs(&drawn, demand, sites, travel, settings.tau)
        })
        .collect();
    (demand.iter().enumerate())
        .map(|(at, row)| {
            let seen: Vec<f64> = draws.iter().filter_map(|draw| draw[at]).collect();
            let mean = seen.iter().sum::<f64>() / seen.len().max(1) as f64;
            let squares: f64 = seen.iter().map(|x| (x - mean).powi(2)).sum();
            let sd = (squares / (seen.len().max(2) - 1) as f64).sqrt();
            told(
                row,
                values[at],
                Some(TWO_SIDED_95 * sd),
                values[at].is_some(),
            )
        })
        .collect()
}

/// Gaps by row and by target. What a row gets is its demand times its access; both depend on the same noise.
fn gaps(demand: &[Demand], catchments: &Catchments) -> (Vec<Gap>, Vec<Gap>) {
    let mut of_target: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for (row, asked) in demand.iter().enumerate() {
        of_target.entry(asked.target.clone()).or_default().push(row);
    }
    let of = |rows: &[usize], id: Option<String>, target: Option<String>| {
        let asked: f64 = rows.iter().map(|&row| demand[row].demand).sum();
        let offer: Option<f64> = (rows.iter())
            .map(|&row| Some(demand[row].demand * catchments.access(row)?))
            .sum::<Option<f64>>()
            .map(|offer| offer + 0.0);
        let mut slope = BTreeMap::new();
        for &row in rows {
            *slope.entry(row).or_insert(0.0) += 1.0 - catchments.access(row).unwrap_or(0.0);
            for (other, change) in catchments.gradient(row) {
                *slope.entry(other).or_insert(0.0) -= demand[row].demand * change;
            }
        }
        let slope: Vec<(usize, f64)> = slope.into_iter().collect();
        let margin = TWO_SIDED_95 * deviation(demand, &slope);
        let gap = offer.map(|offer| asked - offer);
        Gap {
            id,
            target,
            demand: asked,
            offer,
            gap,
            lower: gap.map(|gap| gap - margin),
            upper: gap.map(|gap| gap + margin),
        }
    };
    let by_row = (0..demand.len())
        .map(|row| {
            let asked = &demand[row];
            of(&[row], Some(asked.id.clone()), asked.target.clone())
        })
        .collect();
    let by_target = (of_target.iter())
        .map(|(target, rows)| of(rows, None, target.clone()))
        .collect();
    (by_row, by_target)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use optimise::{Cost, SiteStatus};

    /// A city of twelve areas and four open sites in a plain grid, with uneven demand.
    pub(crate) fn city(seed: u64) -> (Vec<Demand>, Vec<Site>, Travel) {
        let demand: Vec<Demand> = (0..12)
            .map(|at| Demand {
                id: format!("a{at}"),
                demand: 20.0 + ((at * 7 + seed) % 11) as f64 * 3.0,
                variance: 4.0,
                target: None,
            })
            .collect();
        let sites: Vec<Site> = (0..4)
            .map(|at| Site {
                id: format!("s{at}"),
                status: SiteStatus::Required,
                capacity: Some(10.0 + 5.0 * at as f64),
                ..Site::default()
            })
            .collect();
        let mut costs = Vec::new();
        for area in 0..12_u64 {
            for site in 0..4_u64 {
                let (x, y) = ((area % 4) as f64, (area / 4) as f64);
                let (u, v) = (((site * 3 + seed) % 4) as f64, (site % 3) as f64);
                costs.push(Cost {
                    from_id: format!("a{area}"),
                    to_id: format!("s{site}"),
                    minutes: 3.0 + 9.0 * (x - u).hypot(y - v),
                });
            }
        }
        let source = TravelSource::Table {
            name: "od.csv".to_owned(),
            mode: None,
        };
        let travel = Travel::of_table(&demand, &sites, &costs, source);
        (demand, sites, travel)
    }

    #[test]
    fn two_step_is_what_the_definition_says() {
        let (demand, sites, travel) = city(3);
        let found = measure(
            &demand,
            &sites,
            &travel,
            Method::TwoStep,
            Settings::default(),
        );
        let near = |row: usize, site: usize| {
            travel.reach[row]
                .iter()
                .any(|&(s, m)| s == site && m <= 30.0)
        };
        for row in 0..12 {
            let expected: f64 = (0..4)
                .filter(|&site| near(row, site))
                .map(|site| {
                    let asked: f64 = (0..12)
                        .filter(|&other| near(other, site))
                        .map(|other| demand[other].demand)
                        .sum();
                    (10.0 + 5.0 * site as f64) / asked
                })
                .sum();
            // Unwrap safety: this city's demand is clear of zero.
            assert!((found.rows[row].access.unwrap() - expected).abs() < 1e-9);
        }
        assert_eq!(found.travel, travel.source);
    }

    #[test]
    fn intervals_cover_the_access_of_the_true_demand() {
        let (truth, sites, travel) = city(5);
        let exact = measure(
            &truth,
            &sites,
            &travel,
            Method::Enhanced,
            Settings::default(),
        );
        let (mut covered, mut told) = (0, 0);
        for draw in 0..200 {
            let mut noisy = truth.clone();
            for (row, drawn) in noisy.iter_mut().zip(drawn(&truth, 77, draw)) {
                row.demand = drawn;
            }
            let found = measure(
                &noisy,
                &sites,
                &travel,
                Method::Enhanced,
                Settings::default(),
            );
            for (row, exact) in found.rows.iter().zip(&exact.rows) {
                if let (Some(lower), Some(upper), Some(exact)) =
                    (row.lower, row.upper, exact.access)
                {
                    told += 1;
                    covered += usize::from(lower <= exact && exact <= upper);
                }
            }
        }
        let share = covered as f64 / told as f64;
        // 2,400 intervals of 200 independent draws at 95 percent; the seed is fixed.
        assert!(
            told == 2400 && (0.90..0.99).contains(&share),
            "{share} of {told}"
        );
    }

    #[test]
    fn gaps_by_target_add_up_and_closed_sites_offer_nothing() {
        let (demand, mut sites, travel) = city(4);
        let found = measure(
            &demand,
            &sites,
            &travel,
            Method::TwoStep,
            Settings::default(),
        );
        let sum: f64 = found.gaps.iter().filter_map(|gap| gap.gap).sum();
        let whole = found.gaps_by_target[0].gap.unwrap_or(f64::NAN);
        assert!((sum - whole).abs() < 1e-9);
        // All places are handed out, so the whole gap knows them exactly and only demand's own noise is left.
        let margin = found.gaps_by_target[0].upper.unwrap_or(f64::NAN) - whole;
        assert!((margin - TWO_SIDED_95 * (12.0_f64 * 4.0).sqrt()).abs() < 1e-6);
        for site in &mut sites {
            site.status = SiteStatus::Closed;
        }
        let found = measure(
            &demand,
            &sites,
            &travel,
            Method::Nearest,
            Settings::default(),
        );
        assert!(
            found
                .rows
                .iter()
                .all(|row| row.access.is_none() && row.missing.is_some())
        );
    }

    #[test]
    fn agents_have_intervals_where_demand_is_noisy() {
        let (mut demand, sites, travel) = city(6);
        let found = measure(
            &demand,
            &sites,
            &travel,
            Method::Agents,
            Settings::default(),
        );
        assert!(found.rows.iter().all(|row| row.upper > row.lower));
        for row in &mut demand {
            row.variance = 0.0;
        }
        let found = measure(
            &demand,
            &sites,
            &travel,
            Method::Agents,
            Settings::default(),
        );
        assert!(found.rows.iter().all(|row| row.upper == row.lower));
    }
}
