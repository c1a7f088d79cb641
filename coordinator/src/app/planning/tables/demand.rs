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

/// Areas of a source with their values and variances, and how the noise of them hangs together.
struct Cells {
    areas: Vec<(String, f64, f64)>,
    shared: Shared,
}

/// What is known of the noise of several areas together.
enum Shared {
    /// Each area has noise of its own.
    Nothing,
    /// Covariances of every two areas.
    Covariance(Vec<Vec<f64>>),
    /// The standard deviation of all areas' sum, those without a place among them.
    Whole(f64),
}

impl Cells {
    /// The factor by which the areas' variances must be taken for more, so that noise drawn area by area is no less than theirs in
    /// any sum of some.
    fn factor(&self) -> f64 {
        match &self.shared {
            Shared::Covariance(rows) => compose::independent_factor(rows),
            Shared::Nothing | Shared::Whole(_) => 1.0,
        }
    }

    /// The variance of the sum of the areas for which `among` is true. Of areas whose whole alone is known it is at most this: the
    /// whole less the others, however these err together.
    fn variance_of(&self, among: impl Fn(&str) -> bool) -> f64 {
        let chosen = |at: usize| among(&self.areas[at].0);
        let places = || (0..self.areas.len()).filter(|&at| chosen(at));
        match &self.shared {
            Shared::Nothing => places().map(|at| self.areas[at].2).sum(),
            Shared::Covariance(rows) => places()
                .map(|at| places().map(|other| rows[at][other]).sum::<f64>())
                .sum(),
            Shared::Whole(sd) => {
                let others = (0..self.areas.len()).filter(|&at| !chosen(at));
                let others: f64 = others.map(|at| self.areas[at].2.sqrt()).sum();
                (sd + others).powi(2)
            }
        }
    }
}

/// Rows of areas, of which those without a place are counted apart.
fn found(level: Level, cells: Cells, thousandths: u32, mut view: SourceView) -> Found {
    let share = f64::from(thousandths) / 1_000.0;
    let factor = cells.factor();
    let placed = |area: &str| home(level, area).is_some();
    let total_variance = cells.variance_of(placed) * share * share;
    let (mut rows, mut total, mut unplaced) = (Vec::new(), 0.0, None);
    for (area, value, variance) in cells.areas {
        let (value, variance) = (value * share, variance * share * share);
        if !placed(&area) {
            let sum: &mut (f64, f64) = unplaced.get_or_insert((0.0, 0.0));
            *sum = (sum.0 + value, sum.1 + variance);
            continue;
        }
        total += value;
        rows.push(Demand {
            id: area,
            demand: value,
            variance: variance * factor,
            target: view.target.clone(),
        });
    }
    view.thousandths = thousandths;
    view.total = Between::of(total, total_variance);
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
    let (values, variance, shared) = if release.summary.derived_from.is_some() {
        let (values, variance) = plain_cells(&release, place);
        (values, variance, Shared::Nothing)
    } else {
        let loaded = loaded(&mut reader, &app.vouched, &viewer, id).await?;
        let (inner, all) = (
            loaded.consistent.inner(),
            loaded.consistent.values(loaded.level),
        );
        let areas = 0..all.len() / inner;
        let values = (areas.clone()).map(|area| all[area * inner + place]);
        let regions: Vec<compose::Region> =
            (areas.map(|area| vec![(loaded.level, area, 1.0)])).collect();
        let covariance =
            (loaded.consistent.covariances(&regions)).map_err(CoordinatorError::from)?;
        (
            values.collect::<Vec<f64>>(),
            loaded.consistent.variance(loaded.level).to_vec(),
            Shared::Covariance(covariance),
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
    let areas = (keys.iter().cloned())
        .zip(values.into_iter().zip(variance))
        .map(|(key, (value, variance))| (key, value, variance))
        .collect();
    Ok(found(level, Cells { areas, shared }, *thousandths, told))
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
    let mut areas = Vec::new();
    let mut shared = Shared::Nothing;
    for series in &result.series {
        let rows = series.adjusted.as_ref().unwrap_or(&series.ahead);
        let row = rows.get(ahead - 1);
        let (Some(row), Some(widest)) = (row, widest) else {
            return Err(CoordinatorError::Corrupt { what: "forecast" }.into());
        };
        // Intervals may lean; half their width is what the normal noise of plans makes of them.
        let sd = (row.high[widest] - row.low[widest]) / (2.0 * TWO_SIDED_95);
        if series.key == "together" {
            shared = Shared::Whole(sd);
        } else {
            areas.push((series.key.clone(), row.mean, sd * sd));
        }
    }
    let mut told = view(
        "forecast",
        (target.clone()).or_else(|| known.wanted.at.get("target").cloned()),
    );
    told.forecast = Some(known.id.clone());
    told.releases = known.releases.clone();
    told.period = Some(period.clone());
    told.at = known.wanted.at.clone();
    Ok(found(level, Cells { areas, shared }, *thousandths, told))
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
    let areas = (rows
        .iter()
        .map(|row| (row.area.clone(), row.demand, row.variance)))
    .collect();
    let shared = Shared::Nothing;
    Ok(found(level, Cells { areas, shared }, 1_000, told))
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
        let areas = cells.map(|(key, value, variance)| (key.to_owned(), value, variance));
        let cells = |shared| Cells {
            areas: areas.to_vec(),
            shared,
        };
        let of = |shared| found(Level::Nil, cells(shared), 500, view("rows", None));
        let found = of(Shared::Nothing);
        assert_eq!(found.rows.len(), 2);
        assert_eq!((found.rows[1].demand, found.rows[1].variance), (-2.0, 4.0));
        assert_eq!(found.view.total.value, 48.0);
        assert_eq!(found.view.unplaced.map(|them| them.value), Some(15.0));

        // Two areas that err against each other are known better together, and differ by more, than each alone would say.
        let rows = vec![
            vec![16.0, -8.0, 0.0],
            vec![-8.0, 16.0, 0.0],
            vec![0.0, 0.0, 16.0],
        ];
        let exact = of(Shared::Covariance(rows));
        let half = Between::of(48.0, 16.0 * 0.25);
        assert_eq!(exact.view.total, half);
        let drawn: f64 = exact.rows.iter().map(|row| row.variance).sum();
        assert!((12.0..12.125).contains(&drawn), "{drawn}");
        // A whole that errs more than its areas would alone, less those without a place.
        let whole = of(Shared::Whole(20.0));
        assert_eq!(whole.view.total, Between::of(48.0, 24.0 * 24.0 * 0.25));
        assert_eq!(whole.rows[1].variance, 4.0);
    }
}
