//! What changes when sites or demand do: edits of a baseline, and who gains and loses by target and area. Both sides
//! share the same noisy demand, so the noise that is common to them cancels in the difference. Nothing is drawn, or
//! from the seed of the settings: a scenario gives the same comparison every time.

use crate::catchment::Catchments;
use crate::measure::{Method, Settings, deviation};
use crate::travel::Travel;
use crate::{TWO_SIDED_95, agents};
use optimise::{Demand, Site, SiteStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One edit of the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "edit", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Opens a site that is known and not open.
    Open {
        /// The site.
        site: String,
    },
    /// Closes a site.
    Close {
        /// The site.
        site: String,
    },
    /// Adds places to a site; fewer where negative.
    Extend {
        /// The site.
        site: String,
        /// How many.
        places: f64,
    },
    /// Moves a site's places to where another known site is.
    Move {
        /// The site.
        site: String,
        /// The place.
        to: String,
    },
    /// Multiplies demand, and its standard deviation with it.
    Demand {
        /// Only this area.
        #[serde(default)]
        area: Option<String>,
        /// Only this target.
        #[serde(default)]
        target: Option<String>,
        /// By how much.
        factor: f64,
    },
    /// Replaces a demand, by a forecast for example.
    Forecast {
        /// The area.
        area: String,
        /// The target.
        #[serde(default)]
        target: Option<String>,
        /// The new estimate.
        demand: f64,
        /// Its variance.
        variance: f64,
        /// The forecast these numbers are of, for whoever keeps the scenario.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
}

/// An edit that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("edit {number}: {what}")]
pub struct InvalidScenario {
    /// Which edit, from 1 on.
    pub number: usize,
    /// What is wrong and how to mend it.
    pub what: String,
}

/// What a scenario changes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// How access is measured.
    pub method: Method,
    /// By area and target, in the order of the demand.
    pub rows: Vec<Change>,
    /// By target, weighted by the scenario's demand.
    pub by_target: Vec<Change>,
    /// Rows whose interval lies above zero, below, or over it.
    pub gaining: usize,
    /// Rows that lose.
    pub losing: usize,
    /// Rows of which the noise does not let tell.
    pub uncertain: usize,
}

/// A number before and after.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The area; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The target, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The nearest open site before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_before: Option<String>,
    /// The nearest open site after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_after: Option<String>,
    /// Access before.
    pub before: Option<f64>,
    /// Access after.
    pub after: Option<f64>,
    /// By how much it is better, whatever the method's direction.
    pub gain: Option<f64>,
    /// Lower end of the gain's 95 percent interval.
    pub lower: Option<f64>,
    /// Upper end of the gain's interval.
    pub upper: Option<f64>,
}

/// One side of a comparison.
#[derive(Clone)]
struct Side {
    demand: Vec<Demand>,
    sites: Vec<Site>,
    travel: Travel,
    /// How each row's demand follows the baseline's: noise that both sides share. 0 where a forecast, whose error is
    /// its own, stands in its place.
    follows: Vec<f64>,
}

impl Side {
    fn edited(&self, edits: &[Edit]) -> Result<Side, InvalidScenario> {
        let mut side = self.clone();
        for (at, edit) in edits.iter().enumerate() {
            apply(&mut side, edit).map_err(|what| InvalidScenario {
                number: at + 1,
                what,
            })?;
        }
        Ok(side)
    }
}

/// Applies `edits` in their order and compares with the baseline.
///
/// # Errors
/// Names the edit that cannot be made.
pub fn compare(
    demand: &[Demand],
    sites: &[Site],
    travel: &Travel,
    edits: &[Edit],
    method: Method,
    settings: Settings,
) -> Result<Comparison, InvalidScenario> {
    compare_between(demand, sites, travel, &[], edits, method, settings)
}

/// Compares two scenarios of one baseline: what `edits` change against what `against` changes.
///
/// # Errors
/// Names the edit that cannot be made, counted within its own list.
pub fn compare_between(
    demand: &[Demand],
    sites: &[Site],
    travel: &Travel,
    against: &[Edit],
    edits: &[Edit],
    method: Method,
    settings: Settings,
) -> Result<Comparison, InvalidScenario> {
    let baseline = Side {
        demand: demand.to_vec(),
        sites: sites.to_vec(),
        travel: travel.clone(),
        follows: vec![1.0; demand.len()],
    };
    let (before, after) = (baseline.edited(against)?, baseline.edited(edits)?);
    let rows = changes(demand, &before, &after, method, settings);
    let by_target = by_target(&after, &rows);
    let is = |test: fn(&Change) -> bool| rows.iter().filter(|row| test(row)).count();
    Ok(Comparison {
        method,
        gaining: is(|row| row.lower.is_some_and(|lower| lower > 0.0)),
        losing: is(|row| row.upper.is_some_and(|upper| upper < 0.0)),
        uncertain: is(|row| {
            row.lower
                .zip(row.upper)
                .is_none_or(|(l, u)| l < 0.0 && u > 0.0)
        }),
        rows,
        by_target,
    })
}

/// The sites as edits leave them.
///
/// # Errors
/// Names the edit that cannot be made.
pub fn edited_sites(
    demand: &[Demand],
    sites: &[Site],
    edits: &[Edit],
) -> Result<Vec<Site>, InvalidScenario> {
    let side = Side {
        demand: demand.to_vec(),
        sites: sites.to_vec(),
        travel: Travel::nowhere(demand.len()),
        follows: vec![1.0; demand.len()],
    };
    Ok(side.edited(edits)?.sites)
}

fn apply(side: &mut Side, edit: &Edit) -> Result<(), String> {
    let find = |sites: &[Site], id: &str| {
        (sites.iter().position(|site| site.id == id))
            .ok_or_else(|| format!("there is no site `{id}`; name one of the sites"))
    };
    match edit {
        Edit::Open { site } => {
            let at = find(&side.sites, site)?;
            if side.sites[at].status.is_open() {
                return Err(format!("`{site}` is open already; leave the edit out"));
            }
            side.sites[at].status = SiteStatus::Required;
        }
        Edit::Close { site } => {
            let at = find(&side.sites, site)?;
            side.sites[at].status = SiteStatus::Closed;
        }
        Edit::Extend { site, places } => {
            let at = find(&side.sites, site)?;
            let now = side.sites[at].capacity.unwrap_or(0.0);
            if !places.is_finite() || now + places < 0.0 {
                return Err(format!(
                    "`{site}` has {now} places; take away no more than that"
                ));
            }
            side.sites[at].capacity = Some(now + places);
        }
        Edit::Move { site, to } => {
            let (from, to_at) = (find(&side.sites, site)?, find(&side.sites, to)?);
            if side.sites[to_at].status.is_open() {
                return Err(format!(
                    "`{to}` is open already; move to a place that is free"
                ));
            }
            side.sites[to_at].capacity = side.sites[from].capacity;
            side.sites[to_at].targets = side.sites[from].targets.clone();
            side.sites[to_at].status = side.sites[from].status;
            side.sites[from].status = SiteStatus::Closed;
        }
        Edit::Demand {
            area,
            target,
            factor,
        } => {
            if !factor.is_finite() || *factor < 0.0 {
                return Err("factor must be a number of at least 0".to_owned());
            }
            let mut found = false;
            for (row, follows) in side.demand.iter_mut().zip(&mut side.follows) {
                let fits = area.as_ref().is_none_or(|area| *area == row.id)
                    && (target.as_ref()).is_none_or(|t| row.target.as_ref() == Some(t));
                if fits {
                    found = true;
                    row.demand *= factor;
                    row.variance *= factor * factor;
                    *follows *= factor;
                }
            }
            if !found {
                return Err("no demand has that area and target; name one that has".to_owned());
            }
        }
        Edit::Forecast {
            area,
            target,
            demand,
            variance,
            from: _,
        } => {
            if !demand.is_finite() || !variance.is_finite() || *variance < 0.0 {
                return Err("demand must be a number, and variance one of at least 0".to_owned());
            }
            let row = row_of(&side.demand, area, target.as_deref())?;
            side.demand[row].demand = *demand;
            side.demand[row].variance = *variance;
            // A forecast's error is its own.
            side.follows[row] = 0.0;
        }
    }
    Ok(())
}

/// The row of an area and target. Where the area has one row only, its target need not be named.
fn row_of(demand: &[Demand], area: &str, target: Option<&str>) -> Result<usize, String> {
    let of_area: Vec<usize> = (0..demand.len())
        .filter(|&row| demand[row].id == area)
        .collect();
    match (&of_area[..], target) {
        ([], _) => Err(format!(
            "there is no demand of `{area}`; name an area that has one"
        )),
        (&[row], None) => Ok(row),
        (rows, target) => (rows.iter().copied())
            .find(|&row| demand[row].target.as_deref() == target)
            .ok_or_else(|| {
                let targets: Vec<&str> = (rows.iter())
                    .map(|&row| demand[row].target.as_deref().unwrap_or("everybody"))
                    .collect();
                let targets = targets.join(", ");
                format!("there is no demand of `{area}` for that target; its targets are {targets}")
            }),
    }
}

fn changes(
    baseline: &[Demand],
    before: &Side,
    after: &Side,
    method: Method,
    settings: Settings,
) -> Vec<Change> {
    let sign = if method.is_cost() { -1.0 } else { 1.0 };
    let (was, is) = (
        values(before, method, settings),
        values(after, method, settings),
    );
    let spread = match method {
        Method::Agents => drawn_spread(baseline, before, after, settings),
        Method::TwoStep | Method::Enhanced => {
            first_order(baseline, before, after, method, settings)
        }
        Method::Nearest | Method::Cumulative => vec![0.0; was.len()],
    };
    let nearest = |side: &Side, row: usize| {
        (side.travel.nearest(row, &side.sites)).map(|(site, _)| side.sites[site].id.clone())
    };
    (0..was.len())
        .map(|row| {
            let gain = was[row].zip(is[row]).map(|(was, is)| sign * (is - was));
            let margin = TWO_SIDED_95 * spread[row];
            Change {
                id: Some(before.demand[row].id.clone()),
                target: before.demand[row].target.clone(),
                site_before: nearest(before, row),
                site_after: nearest(after, row),
                before: was[row],
                after: is[row],
                gain,
                lower: gain.map(|gain| gain - margin),
                upper: gain.map(|gain| gain + margin),
            }
        })
        .collect()
}

fn values(side: &Side, method: Method, settings: Settings) -> Vec<Option<f64>> {
    crate::measure(&side.demand, &side.sites, &side.travel, method, settings)
        .rows
        .into_iter()
        .map(|row| row.access)
        .collect()
}

/// Standard deviations of the differences, by the gradients of both sides in the noise they share and their own.
fn first_order(
    baseline: &[Demand],
    before: &Side,
    after: &Side,
    method: Method,
    settings: Settings,
) -> Vec<f64> {
    let catchments = |side: &Side| {
        let enhanced = method == Method::Enhanced;
        Catchments::new(
            &side.demand,
            &side.sites,
            &side.travel,
            settings.radius,
            enhanced,
        )
    };
    let (was, is) = (catchments(before), catchments(after));
    (0..before.demand.len())
        .map(|row| {
            let mut shared: BTreeMap<usize, f64> = BTreeMap::new();
            // A demand that was scaled to nothing has no noise and no slope that counts.
            let mut own = 0.0_f64;
            for (side, sign, gradient) in [
                (before, -1.0, was.gradient(row)),
                (after, 1.0, is.gradient(row)),
            ] {
                let mut alone = Vec::new();
                for (other, slope) in gradient {
                    if side.follows[other] == 0.0 {
                        alone.push((other, slope));
                    } else {
                        *shared.entry(other).or_insert(0.0) += sign * slope * side.follows[other];
                    }
                }
                own = own.hypot(deviation(&side.demand, &alone));
            }
            let shared: Vec<(usize, f64)> = shared.into_iter().collect();
            deviation(baseline, &shared).hypot(own)
        })
        .collect()
}

/// Standard deviations of the differences over draws of the demand, the same draw on both sides.
fn drawn_spread(baseline: &[Demand], before: &Side, after: &Side, settings: Settings) -> Vec<f64> {
    const DRAWS: u64 = 60;
    let rows = before.demand.len();
    let (mut sum, mut squares) = (vec![0.0; rows], vec![0.0; rows]);
    for draw in 0..DRAWS {
        let base = crate::measure::drawn(baseline, settings.seed, draw);
        let changed = |side: &Side, seed: u64| -> Vec<f64> {
            let fresh = crate::measure::drawn(&side.demand, seed, draw);
            (side.follows.iter().zip(base.iter().zip(fresh)))
                .map(|(&follows, (&base, fresh))| {
                    if follows == 0.0 {
                        fresh
                    } else {
                        base * follows
                    }
                })
                .collect()
        };
        let of = |side: &Side, demand: &[f64]| {
            agents::costs(
                demand,
                &side.demand,
                &side.sites,
                &side.travel,
                settings.tau,
            )
        };
        let (was, is) = (
            of(before, &changed(before, settings.seed.rotate_left(32) ^ 1)),
            of(after, &changed(after, !settings.seed)),
        );
        for row in 0..rows {
            let difference = is[row].unwrap_or(0.0) - was[row].unwrap_or(0.0);
            sum[row] += difference;
            squares[row] += difference * difference;
        }
    }
    let draws = DRAWS as f64;
    (sum.iter().zip(&squares))
        .map(|(sum, squares)| {
            ((squares - sum * sum / draws) / (draws - 1.0))
                .max(0.0)
                .sqrt()
        })
        .collect()
}

/// Means over areas, weighted by the demand after; the interval's ends add up as if all rows moved together, which is
/// never too narrow.
fn by_target(after: &Side, rows: &[Change]) -> Vec<Change> {
    let mut of_target: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for (row, change) in rows.iter().enumerate() {
        of_target
            .entry(change.target.clone())
            .or_default()
            .push(row);
    }
    (of_target.into_iter())
        .map(|(target, members)| {
            let weight = |row: usize| after.demand[row].demand.max(0.0);
            let whole: f64 = members.iter().map(|&row| weight(row)).sum();
            let mean = |of: &dyn Fn(&Change) -> Option<f64>| -> Option<f64> {
                let sum: Option<f64> = (members.iter())
                    .filter(|&&row| weight(row) > 0.0)
                    .map(|&row| Some(weight(row) * of(&rows[row])?))
                    .sum();
                sum.filter(|_| whole > 0.0).map(|sum| sum / whole)
            };
            Change {
                id: None,
                target,
                site_before: None,
                site_after: None,
                before: mean(&|row| row.before),
                after: mean(&|row| row.after),
                gain: mean(&|row| row.gain),
                lower: mean(&|row| row.lower),
                upper: mean(&|row| row.upper),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
