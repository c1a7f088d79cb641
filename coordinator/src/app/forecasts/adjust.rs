//! What people assume of the future, applied to a statistical forecast and never mixed into it.
//! An assumption says which areas and periods it is of, what it does to them, and why.

use super::views::{AheadView, ForecastResult, SeriesView};
use crate::Problem;
use crate::app::consistent::rounded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An explicit assumption about periods to come, kept apart from the forecast it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// Areas it holds for; all where empty.
    #[serde(default)]
    pub areas: Vec<String>,
    /// The first period ahead it holds for, counted from 1.
    pub from: usize,
    /// The last.
    pub to: usize,
    /// Multiplies the forecast and its width, in thousandths: 1,200 for a fifth more.
    #[serde(default = "unchanged")]
    pub thousandths: u32,
    /// Is added to each period of each area named; its width stays.
    #[serde(default)]
    pub add: i32,
    /// Why, in words of whoever assumes it.
    pub reason: String,
}

fn unchanged() -> u32 {
    1_000
}

/// The whole, as a series.
pub(super) const TOGETHER: &str = "together";

/// Most assumptions on top of one forecast, and the longest reason in bytes.
const MOST: usize = 50;
const LONGEST_REASON: usize = 500;
/// The largest factor in thousandths, and the most that is added or taken away.
const LARGEST: u32 = 10_000;
const MOST_ADDED: u32 = 1_000_000;

/// Checks assumptions about `horizon` periods of the areas `keys`.
///
/// # Errors
/// [`Problem::InvalidBody`], naming the field.
pub(super) fn check(
    adjustments: &[Adjustment],
    horizon: usize,
    keys: &[String],
) -> Result<(), Problem> {
    let invalid = |path: &str, code| {
        Err(Problem::InvalidBody {
            path: path.to_owned(),
            code,
        })
    };
    if adjustments.len() > MOST {
        return invalid("$.adjustments", "out-of-range");
    }
    for one in adjustments {
        if !(1..=horizon).contains(&one.from)
            || !(one.from..=horizon).contains(&one.to)
            || one.thousandths > LARGEST
            || one.add.unsigned_abs() > MOST_ADDED
        {
            return invalid("$.adjustments", "out-of-range");
        }
        if one.areas.iter().any(|area| !keys.contains(area)) {
            return invalid("$.adjustments.areas", "unknown-id");
        }
        // As much in every area would be another thing than as much in the whole city.
        if one.add != 0 && one.areas.is_empty() {
            return invalid("$.adjustments.areas", "missing-field");
        }
        if one.reason.trim().is_empty() || one.reason.len() > LONGEST_REASON {
            return invalid("$.adjustments.reason", "missing-field");
        }
    }
    Ok(())
}

/// Adds to every series what it is under the assumptions, in their order. What is assumed of some areas moves the whole by as much
/// as it moves them.
pub(super) fn apply(result: &mut ForecastResult, adjustments: &[Adjustment]) {
    for one in adjustments {
        let steps = one.from - 1..one.to;
        let mut moved = vec![0.0; steps.len()];
        for series in result.series.iter_mut().filter(|s| s.key != TOGETHER) {
            if one.areas.is_empty() || one.areas.contains(&series.key) {
                for (view, moved) in of(series)[steps.clone()].iter_mut().zip(&mut moved) {
                    let before = view.mean;
                    change(view, one.thousandths, f64::from(one.add));
                    *moved += view.mean - before;
                }
            }
        }
        let whole = result.series.iter_mut().find(|s| s.key == TOGETHER);
        if let Some(whole) = whole {
            for (view, moved) in of(whole)[steps].iter_mut().zip(moved) {
                if one.areas.is_empty() {
                    change(view, one.thousandths, 0.0);
                } else {
                    change(view, unchanged(), moved);
                }
            }
        }
    }
}

fn of(series: &mut SeriesView) -> &mut Vec<AheadView> {
    series.adjusted.get_or_insert_with(|| series.ahead.clone())
}

fn change(view: &mut AheadView, thousandths: u32, add: f64) {
    let factor = f64::from(thousandths) / 1_000.0;
    view.mean = rounded(view.mean * factor + add);
    for end in view.low.iter_mut().chain(&mut view.high) {
        *end = rounded(*end * factor + add);
    }
}
