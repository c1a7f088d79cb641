//! All levels of a cube's releases at once: what a forecast of one level has to agree with, and how the noise of all their areas hangs
//! together, exactly. The forecasts themselves are made in `work`.

use super::series::{Past, gaps};
use compose::{AreaRelation, Consistent, area_sizes};
use forecast::{ForecastError, Hierarchy, Lattice, Series};
use geography::Level;
use serde::{Deserialize, Serialize};

/// The levels of a past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PastLevels {
    /// Coarsest first, the city always.
    pub(super) levels: Vec<PastLevel>,
    /// Equalities between areas, numbered through all levels.
    pub(super) relations: Vec<AreaRelation>,
    /// Noise covariance of every two areas in one period, the mean over the past: of each area with those up to itself.
    pub(super) covariance: Vec<Vec<f64>>,
}

/// The series of all areas of one level; empty for the one whose series the past itself holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PastLevel {
    pub(super) level: String,
    #[serde(with = "gaps")]
    pub(super) values: Vec<Vec<f64>>,
    pub(super) variances: Vec<Vec<f64>>,
}

/// The levels that are forecast together: those of the question, and the city.
pub(super) fn with_city(asked: &[Level]) -> Vec<Level> {
    let mut levels = asked.to_vec();
    if !levels.contains(&Level::City) {
        levels.insert(0, Level::City);
    }
    levels
}

/// Estimates of the areas of [`with_city`] at one place within them, by level, with variances.
pub(super) fn estimates(
    consistent: &Consistent,
    covariance: &[Vec<f64>],
    place: usize,
) -> Vec<(Vec<f64>, Vec<f64>)> {
    let inner = consistent.inner();
    let mut all: Vec<(Vec<f64>, Vec<f64>)> = (consistent.levels().iter().enumerate())
        .map(|(level, _)| {
            let variances = consistent.variance(level).to_vec();
            let values = consistent.values(level);
            let values = (0..variances.len()).map(|area| values[area * inner + place]);
            (values.collect(), variances)
        })
        .collect();
    if !consistent.levels().contains(&Level::City) {
        let sum = all[0].0.iter().sum();
        all.insert(0, (vec![sum], vec![covariance[0][0]]));
    }
    all
}

/// Covariances of the noise of all areas of [`with_city`] in one period, exactly: of each with those up to itself.
///
/// # Errors
/// [`compose::ComposeError`] never, since the estimates were made from the same answers.
pub(super) fn covariance(consistent: &Consistent) -> Result<Vec<Vec<f64>>, compose::ComposeError> {
    let areas = |level: usize| 0..consistent.variance(level).len();
    let mut regions: Vec<compose::Region> = Vec::new();
    if !consistent.levels().contains(&Level::City) {
        regions.push(areas(0).map(|area| (0, area, 1.0)).collect());
    }
    for level in 0..consistent.levels().len() {
        regions.extend(areas(level).map(|area| vec![(level, area, 1.0)]));
    }
    let mut rows = consistent.covariances(&regions)?;
    for (at, row) in rows.iter_mut().enumerate() {
        row.truncate(at + 1);
    }
    Ok(rows)
}

/// The mean of covariances, each of so many periods.
pub(super) fn mean(of: &[(&[Vec<f64>], usize)]) -> Vec<Vec<f64>> {
    let periods: usize = of.iter().map(|(_, periods)| periods).sum();
    let Some((first, _)) = of.first() else {
        return Vec::new();
    };
    let mut mean: Vec<Vec<f64>> = first.iter().map(|row| vec![0.0; row.len()]).collect();
    for (rows, times) in of {
        let weight = *times as f64 / periods.max(1) as f64;
        for (sum, cell) in (mean.iter_mut().flatten()).zip(rows.iter().flatten()) {
            *sum += weight * cell;
        }
    }
    mean
}

/// Series to be forecast together, and where those are that are shown.
pub(super) struct Together {
    pub(super) series: Vec<Series>,
    /// What they agree on; `None` for a series alone.
    pub(super) lattice: Option<Lattice>,
    /// The levels that agree, coarsest first.
    pub(super) levels: Vec<String>,
    /// All areas together, where the areas shown are several.
    pub(super) whole: Option<usize>,
    /// The first of the areas shown, which lie one after the other.
    pub(super) shown: usize,
}

impl Together {
    /// From a past; `series` makes one of values and variances.
    ///
    /// # Errors
    /// [`ForecastError`].
    pub(super) fn of(
        past: &Past,
        level: &str,
        series: impl Fn(&[f64], &[f64]) -> Result<Series, ForecastError>,
    ) -> Result<Together, ForecastError> {
        let made = |values: &[Vec<f64>], variances: &[Vec<f64>]| {
            (values.iter().zip(variances))
                .map(|(values, variances)| series(values, variances))
                .collect::<Result<Vec<_>, _>>()
        };
        let own = made(&past.values, &past.variances)?;
        let Some(all) = &past.levels else {
            return alone(past, own);
        };
        let mut together = Together {
            series: Vec::new(),
            lattice: None,
            levels: all.levels.iter().map(|one| one.level.clone()).collect(),
            whole: (own.len() > 1).then_some(0),
            shown: 0,
        };
        let (mut number, mut sizes) = (Vec::new(), Vec::new());
        let pieces = |level: &str| Level::from_id(level).map(area_sizes).unwrap_or_default();
        let finest = (all.levels.last()).map_or(1, |one| pieces(&one.level).len());
        for (at, one) in all.levels.iter().enumerate() {
            let areas = if one.level == level {
                together.shown = together.series.len();
                own.clone()
            } else {
                made(&one.values, &one.variances)?
            };
            let pieces = pieces(&one.level);
            let total: usize = pieces.iter().sum();
            sizes.extend((pieces.iter()).map(|of| ((of * finest) as f64 / total as f64).max(1.0)));
            number.extend(vec![at; areas.len()]);
            together.series.extend(areas);
        }
        let lattice = Lattice::try_new(number, sizes, all.relations.clone(), &all.covariance)?;
        together.lattice = Some(lattice);
        Ok(together)
    }

    /// Series by level.
    pub(super) fn by_level(&self) -> Vec<std::ops::Range<usize>> {
        let Some(lattice) = &self.lattice else {
            return std::iter::once(0..self.series.len()).collect();
        };
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for (at, level) in lattice.levels().iter().enumerate() {
            match ranges.get_mut(*level) {
                Some(range) => range.end = at + 1,
                None => ranges.push(at..at + 1),
            }
        }
        ranges
    }
}

/// Areas of one level and their sum, their noise taken for independent: pasts stored by earlier versions, and a single series.
fn alone(past: &Past, own: Vec<Series>) -> Result<Together, ForecastError> {
    if own.len() < 2 {
        return Ok(Together {
            series: own,
            lattice: None,
            levels: Vec::new(),
            whole: None,
            shown: 0,
        });
    }
    let city = ["city".to_owned()];
    let leaves: Vec<(&str, &[String])> = (past.keys.iter())
        .map(|key| (key.as_str(), &city[..]))
        .collect();
    let hierarchy = Hierarchy::try_new(&["city".to_owned()], &leaves)?;
    let mut series = vec![hierarchy.sum(&hierarchy.nodes()[0], &own)?];
    let lattice = Some(hierarchy.lattice(&own)?);
    series.extend(own);
    Ok(Together {
        series,
        lattice,
        levels: Vec::new(),
        whole: Some(0),
        shown: 1,
    })
}
