//! Demand of releases, forecasts and the planner's own numbers: estimates with their variances, never clipped.

use super::super::basis::{Basis, DemandSource};
use super::super::refused;
use super::{Between, MOST_ROWS, MOST_SOURCES, SourceView, TWO_SIDED_95, home};
use crate::app::audience;
use crate::app::comparison::place;
use crate::app::consistent::loaded;
use crate::app::derive::{parsed, stored};
use crate::app::forecasts::{self, ForecastState};
use crate::app::release::Release;
use crate::state::State;
use crate::store::accounts::Account;
use crate::{CoordinatorError, Problem};
use access::Edit;
use geography::{Level, Partition};
use optimise::Demand;
use std::collections::{BTreeMap, HashSet};

/// Demand of all sources; they must be of one level, and of targets that differ.
pub(super) async fn demand(
    app: &State,
    account: &Account,
    basis: &Basis,
) -> Result<(Level, Vec<Demand>, Vec<SourceView>), Problem> {
    if basis.demand.is_empty() || basis.demand.len() > MOST_SOURCES {
        return Err(refused(
            "$.basis.demand",
            "no-demand",
            format!("name 1 to {MOST_SOURCES} sources of demand"),
        ));
    }
    let mut level = None;
    let (mut rows, mut sources) = (Vec::new(), Vec::new());
    let mut targets = HashSet::new();
    for (at, source) in basis.demand.iter().enumerate() {
        let path = format!("$.basis.demand[{at}]");
        let found = match source {
            DemandSource::Release { release, .. } => {
                of_release(app, account, source, release, &path).await
            }
            DemandSource::Forecast { .. } => of_forecast(app, account, source, &path).await,
            DemandSource::Rows { .. } => of_rows(source, &path),
        }?;
        if *level.get_or_insert(found.level) != found.level {
            return Err(refused(
                path,
                "other-level",
                "all sources must be of areas of one level",
            ));
        }
        if !targets.insert(found.view.target.clone()) {
            return Err(refused(
                format!("{path}.target"),
                "repeated-target",
                "two sources are of one target; give each a target of its own, or name one of them only",
            ));
        }
        rows.extend(found.rows);
        sources.push(found.view);
    }
    if rows.len() > MOST_ROWS {
        return Err(refused(
            "$.basis.demand",
            "too-large",
            format!("plan with at most {MOST_ROWS} rows of demand"),
        ));
    }
    // There is at least one source.
    Ok((level.unwrap_or(Level::Nil), rows, sources))
}

struct Found {
    level: Level,
    rows: Vec<Demand>,
    view: SourceView,
}

/// Rows of areas, of which those without a place are counted apart.
fn found(
    level: Level,
    cells: impl Iterator<Item = (String, f64, f64)>,
    thousandths: u32,
    mut view: SourceView,
) -> Found {
    let share = f64::from(thousandths) / 1_000.0;
    let (mut rows, mut total, mut unplaced) = (Vec::new(), (0.0, 0.0), None);
    for (area, value, variance) in cells {
        let (value, variance) = (value * share, variance * share * share);
        if home(level, &area).is_none() {
            let sum: &mut (f64, f64) = unplaced.get_or_insert((0.0, 0.0));
            *sum = (sum.0 + value, sum.1 + variance);
            continue;
        }
        total = (total.0 + value, total.1 + variance);
        rows.push(Demand {
            id: area,
            demand: value,
            variance,
            target: view.target.clone(),
        });
    }
    view.thousandths = thousandths;
    view.total = Between::of(total.0, total.1);
    view.unplaced = unplaced.map(|(value, variance)| Between::of(value, variance));
    Found { level, rows, view }
}

fn view(kind: &str, target: Option<String>) -> SourceView {
    SourceView {
        kind: kind.to_owned(),
        target,
        release: None,
        releases: Vec::new(),
        query_hash: None,
        study: None,
        query: None,
        at: BTreeMap::new(),
        forecast: None,
        period: None,
        words: None,
        thousandths: 1_000,
        organisations: None,
        unplaced: None,
        total: Between::of(0.0, 0.0),
    }
}

fn checked_share(thousandths: u32, path: &str) -> Result<(), Problem> {
    if (1..=10_000).contains(&thousandths) {
        return Ok(());
    }
    Err(refused(
        format!("{path}.thousandths"),
        "out-of-range",
        "write 1 to 10000: 200 where a fifth of these people would come",
    ))
}

fn drawn_level(level: Level, path: &str) -> Result<(), Problem> {
    if level == Level::City {
        return Err(refused(
            path,
            "level-too-coarse",
            "the whole city has no places to travel from; name a release by neighbourhood, municipio or micro-area",
        ));
    }
    Ok(())
}

async fn of_release(
    app: &State,
    account: &Account,
    source: &DemandSource,
    id: &str,
    path: &str,
) -> Result<Found, Problem> {
    let DemandSource::Release {
        at,
        target,
        thousandths,
        ..
    } = source
    else {
        unreachable!("called for releases")
    };
    checked_share(*thousandths, path)?;
    let missing = || {
        refused(
            format!("{path}.release"),
            "unknown-release",
            "there is no such release; name one of those listed",
        )
    };
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let (_, release) = stored(&mut reader, &viewer, id)
        .await?
        .ok_or_else(missing)?;
    let question = parsed(&release.summary.query)?;
    let level = question.level();
    drawn_level(level, &format!("{path}.release"))?;
    if !matches!(
        release.summary.measure.as_str(),
        "persons" | "households" | "events" | "first-time"
    ) {
        return Err(refused(
            format!("{path}.release"),
            "no-count",
            "demand is a count; name a release of persons, households, events or first-time presences",
        ));
    }
    let (spelt, place) = place(&release, at)?;
    let (values, variance) = if release.summary.derived_from.is_some() {
        plain_cells(&release, place)
    } else {
        let loaded = loaded(&mut reader, &app.vouched, &viewer, id).await?;
        let (inner, all) = (
            loaded.consistent.inner(),
            loaded.consistent.values(loaded.level),
        );
        let values = (0..all.len() / inner).map(|area| all[area * inner + place]);
        (
            values.collect::<Vec<f64>>(),
            loaded.consistent.variance(loaded.level).to_vec(),
        )
    };
    drop(reader);
    let keys = Partition::milan().keys(level);
    let mut told = view(
        "release",
        target.clone().or_else(|| spelt.get("target").cloned()),
    );
    told.release = Some(release.summary.id.clone());
    told.releases = vec![release.summary.id.clone()];
    told.query_hash = Some(release.summary.query_hash.clone());
    told.study = Some(release.summary.study.clone());
    told.query = Some(release.summary.query.clone());
    told.at = spelt;
    told.organisations = Some(release.summary.nodes_answered);
    let cells = (keys.iter().cloned())
        .zip(values.into_iter().zip(variance))
        .map(|(key, (value, variance))| (key, value, variance));
    Ok(found(level, cells, *thousandths, told))
}

/// The forecasts whose numbers edits hold, as sources: whoever may not see one of their releases may not see what was made
/// of them, and it goes when their time ends.
///
/// # Errors
/// [`Problem`] naming the edit that says of no forecast, or of one that is not there for the account.
pub(in crate::app::planning) async fn sources_of_edits(
    app: &State,
    account: &Account,
    edits: &[Edit],
) -> Result<Vec<SourceView>, Problem> {
    let mut sources: Vec<SourceView> = Vec::new();
    for (at, edit) in edits.iter().enumerate() {
        let Edit::Forecast { from, target, .. } = edit else {
            continue;
        };
        let path = format!("$.edits[{at}].from");
        let Some(from) = from else {
            return Err(refused(
                path,
                "missing-field",
                "name the forecast these numbers are of; numbers of your own are a change of demand by a factor, or the basis",
            ));
        };
        if sources
            .iter()
            .any(|known| known.forecast.as_ref() == Some(from))
        {
            continue;
        }
        let gone = || {
            refused(
                path.as_str(),
                "unknown-forecast",
                "there is no such forecast any more; begin it again on the page of forecasts",
            )
        };
        let known = (forecasts::one(app, account, from).await).map_err(|_| gone())?;
        let mut told = view("forecast", target.clone());
        told.forecast = Some(known.id.clone());
        told.releases = known.releases.clone();
        told.at = known.wanted.at.clone();
        sources.push(told);
    }
    Ok(sources)
}

/// Cells of a release as it was stored.
fn plain_cells(release: &Release, place: usize) -> (Vec<f64>, Vec<f64>) {
    let areas = release.dimensions.first().map_or(1, |axis| axis.keys.len());
    let inner = (release.values.len() / areas.max(1)).max(1);
    let cells = (0..areas).map(|area| area * inner + place);
    cells
        .map(|cell| (release.values[cell] as f64, release.variance[cell]))
        .unzip()
}

async fn of_forecast(
    app: &State,
    account: &Account,
    source: &DemandSource,
    path: &str,
) -> Result<Found, Problem> {
    let DemandSource::Forecast {
        forecast,
        ahead,
        target,
        thousandths,
    } = source
    else {
        unreachable!("called for forecasts")
    };
    checked_share(*thousandths, path)?;
    let gone = || {
        refused(
            format!("{path}.forecast"),
            "unknown-forecast",
            "there is no such forecast any more; begin it again on the page of forecasts",
        )
    };
    let known = (forecasts::one(app, account, forecast).await).map_err(|_| gone())?;
    let result = match (&known.result, known.state) {
        (Some(result), ForecastState::Done) => result,
        _ => {
            return Err(refused(
                format!("{path}.forecast"),
                "not-done",
                "the forecast is not there yet; follow it until its state is `done`",
            ));
        }
    };
    let level = Level::from_id(&known.wanted.level).ok_or_else(gone)?;
    drawn_level(level, &format!("{path}.forecast"))?;
    let period = (ahead.checked_sub(1))
        .and_then(|at| result.ahead.get(at))
        .ok_or_else(|| {
            refused(
                format!("{path}.ahead"),
                "out-of-range",
                format!(
                    "the forecast reaches 1 to {} periods ahead",
                    result.ahead.len()
                ),
            )
        })?;
    let widest = result.levels.iter().position(|level| *level == 95);
    let mut cells = Vec::new();
    for series in result.series.iter().filter(|one| one.key != "together") {
        let rows = series.adjusted.as_ref().unwrap_or(&series.ahead);
        let row = rows.get(ahead - 1);
        let (Some(row), Some(widest)) = (row, widest) else {
            return Err(CoordinatorError::Corrupt { what: "forecast" }.into());
        };
        // Intervals may lean; half their width is what the normal noise of plans makes of them.
        let sd = (row.high[widest] - row.low[widest]) / (2.0 * TWO_SIDED_95);
        cells.push((series.key.clone(), row.mean, sd * sd));
    }
    let mut told = view(
        "forecast",
        (target.clone()).or_else(|| known.wanted.at.get("target").cloned()),
    );
    told.forecast = Some(known.id.clone());
    told.releases = known.releases.clone();
    told.period = Some(period.clone());
    told.at = known.wanted.at.clone();
    Ok(found(level, cells.into_iter(), *thousandths, told))
}

fn of_rows(source: &DemandSource, path: &str) -> Result<Found, Problem> {
    let DemandSource::Rows {
        rows,
        target,
        source,
    } = source
    else {
        unreachable!("called for rows")
    };
    if source.trim().is_empty() || source.len() > 500 {
        return Err(refused(
            format!("{path}.source"),
            "missing-field",
            "say in words where these numbers come from, in at most 500 bytes",
        ));
    }
    let level = [Level::Nil, Level::MicroArea, Level::Municipio]
        .into_iter()
        .find(|level| rows.iter().all(|row| home(*level, &row.area).is_some()));
    let (Some(level), false) = (level, rows.is_empty()) else {
        return Err(refused(
            format!("{path}.rows"),
            "unknown-area",
            "name areas by their keys, all of one level",
        ));
    };
    let mut seen = HashSet::new();
    for (at, row) in rows.iter().enumerate() {
        let fits = row.demand.abs() <= 1e9 && (0.0..=1e18).contains(&row.variance);
        if !fits || !seen.insert(&row.area) {
            return Err(refused(
                format!("{path}.rows[{at}]"),
                "out-of-range",
                "write each area once, with a demand within 1e9 and a variance of at least 0",
            ));
        }
    }
    let mut told = view("rows", target.clone());
    told.words = Some(source.clone());
    let cells = (rows.iter()).map(|row| (row.area.clone(), row.demand, row.variance));
    Ok(found(level, cells, 1_000, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_scales_noise_with_its_square_and_the_unknown_are_told_apart() {
        let cells = [
            ("9", 100.0, 16.0),
            ("10", -4.0, 16.0),
            ("unknown", 30.0, 16.0),
        ];
        let cells = cells.map(|(key, value, variance)| (key.to_owned(), value, variance));
        let found = found(Level::Nil, cells.into_iter(), 500, view("rows", None));
        assert_eq!(found.rows.len(), 2);
        assert_eq!((found.rows[1].demand, found.rows[1].variance), (-2.0, 4.0));
        assert_eq!(found.view.total.value, 48.0);
        assert_eq!(found.view.unplaced.map(|them| them.value), Some(15.0));
    }
}
