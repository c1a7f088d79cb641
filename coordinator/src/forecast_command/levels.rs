//! Forecasts of a hierarchy: series put on common periods, short ones lent their parent's season, sums formed, everything
//! forecast and reconciled, also from earlier ends of the past, by which intervals are calibrated by level and forecasts backtested.

use super::table::Table;
use super::{ForecastCommandError, Options, Progress};
use forecast::{
    Backtest, Calibration, Forecast, ForecastError, Hierarchy, Kind, Parent, Prior, Season, Series,
    Trials, borrow, forecast,
};
use rayon::prelude::*;

/// All forecasts of a hierarchy.
pub(super) struct Levels {
    pub(super) hierarchy: Hierarchy,
    pub(super) sums: Vec<Forecast>,
    pub(super) leaves: Vec<Forecast>,
    /// By level.
    pub(super) calibrations: Vec<Calibration>,
    /// Of the sums and, after them, the leaves; empty where none is wanted.
    pub(super) backtests: Vec<Vec<Backtest>>,
    /// The first period of all, an ordinal.
    pub(super) first: i64,
    /// The last.
    pub(super) last: i64,
}

fn invalid(source: ForecastError) -> ForecastCommandError {
    ForecastCommandError::Option {
        option: "hierarchy",
        source,
    }
}

/// Forecasts every series of the table and every sum over them.
pub(super) fn run(
    table: &Table,
    options: &Options,
    season: Season,
    kind: Kind,
) -> Result<Levels, ForecastCommandError> {
    let named: Vec<(&str, &[String])> = table
        .rows
        .iter()
        .map(|row| (row.id.as_str(), row.groups.as_slice()))
        .collect();
    let hierarchy = Hierarchy::try_new(&options.hierarchy, &named).map_err(invalid)?;
    let first = table
        .rows
        .iter()
        .filter_map(|row| row.ordinals.first())
        .min();
    let last = table
        .rows
        .iter()
        .filter_map(|row| row.ordinals.last())
        .max();
    let (Some(&first), Some(&last)) = (first, last) else {
        return Err(invalid(ForecastError::NoValues));
    };
    let leaves = table
        .rows
        .iter()
        .map(|row| {
            let (values, variances) = row.spread(&table.calendar, first, last)?;
            Series::try_new(
                values,
                table.has_variance.then_some(variances),
                season,
                kind,
            )
            .map_err(|source| ForecastCommandError::Series {
                id: row.id.clone(),
                source,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let sums = hierarchy
        .nodes()
        .iter()
        .map(|node| hierarchy.sum(node, &leaves))
        .collect::<Result<Vec<_>, _>>()
        .map_err(invalid)?;
    let priors = priors(&hierarchy, &leaves).map_err(invalid)?;
    let lent = priors.iter().filter(|prior| prior.is_some()).count();
    eprintln!(
        "{} sums on {} levels; {lent} short series borrow from their parent",
        sums.len(),
        hierarchy.levels().len()
    );
    let horizon = options.horizon;
    let ahead = |all: &[Series], priors: &[Prior]| -> Result<Vec<Forecast>, ForecastError> {
        let (sums, leaves) = all.split_at(hierarchy.nodes().len());
        let own = Prior::default();
        let borrowed = sums.iter().map(|_| &own).chain(priors);
        let all: Vec<_> = sums.iter().chain(leaves).zip(borrowed).collect();
        (all.into_par_iter())
            .map(|(series, prior)| forecast(series, horizon, prior))
            .collect()
    };
    let lattice = hierarchy.lattice(&leaves).map_err(invalid)?;
    let all: Vec<Series> = sums.into_iter().chain(leaves).collect();
    let found = ahead(&all, &priors).map_err(invalid)?;
    eprintln!("forecast {} of {} series", priors.len(), priors.len());
    let mut trials = Trials::try_new(&lattice, &all, horizon, options.backtest).map_err(invalid)?;
    let origins = trials.origins().to_vec();
    let mut progress = Progress::new("tried from earlier ends", origins.len() * all.len());
    for origin in origins {
        let past = trials.past(origin);
        let leaves = &past[hierarchy.nodes().len()..];
        let tried = (self::priors(&hierarchy, leaves))
            .and_then(|priors| ahead(&past, &priors))
            .map_err(invalid)?;
        trials.add(origin, &tried).map_err(invalid)?;
        progress.advance(all.len());
    }
    let calibrations = trials.calibrations();
    eprintln!(
        "intervals calibrated by level on {} held-out windows",
        calibrations.iter().map(Calibration::windows).sum::<usize>()
    );
    let backtests = if options.backtest {
        trials.backtests()
    } else {
        Vec::new()
    };
    let mut sums = lattice.reconcile(&found).map_err(invalid)?;
    let leaves = sums.split_off(hierarchy.nodes().len());
    Ok(Levels {
        hierarchy,
        sums,
        leaves,
        calibrations,
        backtests,
        first,
        last,
    })
}

/// What each series borrows: from the smallest sum over it whose other series have a history.
fn priors(hierarchy: &Hierarchy, leaves: &[Series]) -> Result<Vec<Prior>, ForecastError> {
    let mut priors = vec![Prior::default(); leaves.len()];
    for (leaf, series) in leaves.iter().enumerate() {
        let known = series.values().iter().filter(|v| !v.is_nan()).count();
        if known >= 2 * series.season().periods() {
            continue;
        }
        let mut over: Vec<_> = hierarchy
            .nodes()
            .iter()
            .filter(|node| node.leaves.contains(&leaf))
            .collect();
        over.sort_by_key(|node| node.leaves.len());
        for node in over {
            let siblings: Vec<&Series> = node
                .leaves
                .iter()
                .filter(|&&l| l != leaf)
                .map(|&l| &leaves[l])
                .collect();
            if let Some(parent) = Parent::of(&siblings)? {
                priors[leaf] = borrow(series, &parent);
                break;
            }
        }
    }
    Ok(priors)
}
