//! Means, rates, quantiles and spreads of releases, with intervals: computed from what is released, stored nowhere, for nothing.
//! Within one study, and only of cells that mean the same in both releases; anything else is refused by name.

use super::derive::{parsed, stored};
use super::release::{Axis, Release};
use crate::app::audience;
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::visible::Viewer;
use crate::{CoordinatorError, Problem};
use compose::{Amounts, Confidence, Derived, Estimate, Quantile};
use geography::{Facts, Level};
use query::{AggregateQuery, Measure};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What is wanted of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// A sum over a count: the amount per presence or per event of the release named.
    Mean {
        /// The count.
        of: String,
    },
    /// So many per thousand.
    Rate {
        /// Of what.
        of: Whole,
    },
    /// Percentiles of a quantity counted by bin.
    Quantiles {
        /// 1 to 99, rising.
        percents: Vec<u8>,
    },
    /// Mean and standard deviation of a quantity counted by bin.
    Spread {
        /// Amounts above it count as it; without it the open last bin leaves no upper end.
        most: Option<u32>,
    },
}

/// What a rate is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The public number of residents, or of families where households are counted.
    Residents,
    /// Another release.
    Release(String),
}

/// A statistic of each cell of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// The release.
    pub release: String,
    /// The other release, where there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The public number divided by, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<PublicWhole>,
    /// Level of the areas.
    pub level: String,
    /// With which each interval holds the truth, as far as noise is concerned.
    pub confidence: f64,
    /// Axes of `cells`, without that of bins.
    pub dimensions: Vec<Axis>,
    /// One per number wanted.
    pub series: Vec<Series>,
}

/// A public number, with where it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicWhole {
    /// `residents` or `families`.
    pub what: String,
    /// Who published it.
    pub source: String,
    /// As of when.
    pub date: String,
}

/// One number of every cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// `mean`, `deviation`, `rate` or `quantile`.
    pub statistic: String,
    /// Which percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Row-major over the dimensions. Amounts are in the release's own units, cents or minutes; rates are per 1,000.
    pub cells: Vec<StatisticCell>,
}

/// Where a number lies. Neither `low` nor `high`: too uncertain to say. `low` alone: at least that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatisticCell {
    /// The most plausible value; of a quantile, where its most plausible bin begins.
    pub estimate: Option<f64>,
    /// Of a quantile, where its most plausible bin ends; absent for the open one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_to: Option<f64>,
    /// At least.
    pub low: Option<f64>,
    /// At most; of a quantile, less than this.
    pub high: Option<f64>,
}

impl From<Derived> for StatisticCell {
    fn from(derived: Derived) -> StatisticCell {
        match derived {
            Derived::Between {
                estimate,
                low,
                high,
            } => StatisticCell {
                estimate: Some(estimate),
                low: Some(low),
                high: Some(high),
                ..StatisticCell::default()
            },
            Derived::AtLeast { low } => StatisticCell {
                low: Some(low),
                ..StatisticCell::default()
            },
            Derived::TooUncertain => StatisticCell::default(),
        }
    }
}

impl From<Quantile> for StatisticCell {
    fn from(quantile: Quantile) -> StatisticCell {
        let Quantile::Between { likely, within } = quantile else {
            return StatisticCell::default();
        };
        let from = |amounts: Amounts| Some(f64::from(amounts.from));
        let to = |amounts: Amounts| amounts.to.map(f64::from);
        StatisticCell {
            estimate: from(likely),
            estimate_to: to(likely),
            low: from(within),
            high: to(within),
        }
    }
}

/// The confidence of every interval.
const CONFIDENCE: Confidence = Confidence::P95;

/// Rates are per so many.
const PER: f64 = 1_000.0;

/// The statistic of a release. Reading what is released is not logged, and neither is this.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn statistics(
    app: &State,
    account: &Account,
    release: &str,
    statistic: &Statistic,
) -> Result<Statistics, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let (_, release) = (stored(&mut reader, &viewer, release).await?).ok_or(Problem::NotFound)?;
    let other = match statistic {
        Statistic::Mean { of }
        | Statistic::Rate {
            of: Whole::Release(of),
        } => {
            let found = stored(&mut reader, &viewer, of)
                .await?
                .map(|(_, release)| release);
            // No privacy cost is not a lawful purpose: another study's release is not there.
            let found = found.filter(|other| other.summary.study == release.summary.study);
            let found = found.ok_or(Problem::NotFound)?;
            own_noise(&mut reader, &viewer, &release, &found).await?;
            Some(found)
        }
        _ => None,
    };
    drop(reader);
    let query = parsed(&release.summary.query)?;
    let (series, whole) = match (statistic, &other) {
        (Statistic::Mean { .. }, Some(count)) => (vec![mean(&release, &query, count)?], None),
        (Statistic::Rate { .. }, Some(whole)) => {
            same_axes(&release, whole)?;
            (vec![ratio("rate", &release, whole, PER)?], None)
        }
        (Statistic::Rate { .. }, None) => {
            let (series, whole) = public_rate(&release, &query)?;
            (vec![series], Some(whole))
        }
        (Statistic::Quantiles { percents }, _) => (quantiles(&release, &query, percents)?, None),
        (Statistic::Spread { most }, _) => (spread(&release, &query, *most)?, None),
        (Statistic::Mean { .. }, None) => return Err(Problem::NotFound),
    };
    Ok(Statistics {
        dimensions: (release.dimensions.into_iter())
            .filter(|axis| axis.name != "bin" || !by_bin(statistic))
            .collect(),
        release: release.summary.id,
        level: release.summary.level,
        of: other.map(|other| other.summary.id),
        whole,
        confidence: 1.0 - CONFIDENCE.miss(),
        series,
    })
}

fn by_bin(statistic: &Statistic) -> bool {
    matches!(
        statistic,
        Statistic::Quantiles { .. } | Statistic::Spread { .. }
    )
}

fn unfit(code: &'static str, path: &'static str, remedy: &'static str) -> Problem {
    Problem::Unfit { code, path, remedy }
}

/// A sum per unit counted: both counted of the same people, bounded alike. Where a bound cuts, somebody with a period worth
/// nothing may keep other cells of the two; each is as likely to be kept in both.
fn mean(release: &Release, query: &AggregateQuery, count: &Release) -> Result<Series, Problem> {
    if !matches!(query.measure(), Measure::Sum(_)) {
        return Err(unfit(
            "wrong-measure",
            "$.measure",
            "a mean is of a sum; name a release of measure `sum`",
        ));
    }
    let counted = parsed(&count.summary.query)?;
    if !matches!(counted.measure(), Measure::Persons | Measure::Events) {
        return Err(unfit(
            "wrong-measure",
            "of",
            "a sum is shared among persons or events; name a release of one of these measures",
        ));
    }
    same_axes(release, count)?;
    let same = [
        (query.filter() == counted.filter(), "$.filter"),
        (query.services() == counted.services(), "$.services"),
        (
            bounds_of(release, query) == bounds_of(count, &counted),
            "$.bounds.cells",
        ),
    ];
    if let Some((_, path)) = same.into_iter().find(|(same, _)| !same) {
        return Err(unfit(
            "other-cells",
            path,
            "both releases must count the same people within the same bound on cells; ask one with the other's",
        ));
    }
    ratio("mean", release, count, 1.0)
}

/// L0, as it was applied.
fn bounds_of(release: &Release, query: &AggregateQuery) -> u32 {
    (release.privacy.bounds).map_or(query.bounds().cells, |bounds| bounds.cells)
}

fn same_axes(release: &Release, other: &Release) -> Result<(), Problem> {
    const PATHS: [(&str, &str); 9] = [
        ("area", "$.by.area"),
        ("target", "$.by.target"),
        ("service", "$.by.service"),
        ("sex", "$.by.sex"),
        ("age_band", "$.by.age_band"),
        ("citizenship", "$.by.citizenship"),
        ("household", "$.by.household"),
        ("bin", "$.edges"),
        ("period", "$.period"),
    ];
    let axis = |release: &Release, name: &str| {
        (release.dimensions.iter())
            .find(|axis| axis.name == name)
            .cloned()
    };
    let differs = (PATHS.into_iter()).find(|(name, _)| axis(release, name) != axis(other, name));
    match differs {
        None => Ok(()),
        Some((_, path)) => Err(unfit(
            "other-cells",
            path,
            "both releases must have the same cells; derive or ask one that has",
        )),
    }
}

/// Checks that two releases answer different questions: a node gives the same question the same answer, noise included.
async fn own_noise(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    release: &Release,
    other: &Release,
) -> Result<(), Problem> {
    let mut asked = Vec::new();
    for summary in [&release.summary, &other.summary] {
        asked.push(match &summary.derived_from {
            None => summary.query_hash.clone(),
            Some(source) => match stored(connection, viewer, source).await? {
                Some((_, source)) => source.summary.query_hash,
                None => return Err(Problem::NotFound),
            },
        });
    }
    if asked[0] == asked[1] {
        return Err(unfit(
            "shared-noise",
            "of",
            "both are made of answers to one question, so that their noise is not independent; name a release of another",
        ));
    }
    Ok(())
}

/// The ratio of each cell, of releases by the same organisations with noise of their own.
fn ratio(statistic: &str, release: &Release, other: &Release, per: f64) -> Result<Series, Problem> {
    let answered = |release: &Release| -> BTreeSet<(String, String, u32)> {
        (release.coverage.answered.iter())
            .map(|node| (node.node.clone(), node.dataset.clone(), node.edition))
            .collect()
    };
    if answered(release) != answered(other) {
        return Err(unfit(
            "other-coverage",
            "of",
            "other organisations or editions answered the two; ask again so that both hold the same",
        ));
    }
    let cells = (0..release.values.len()).map(|cell| {
        let (numerator, denominator) = (estimate(release, cell), estimate(other, cell));
        let ratio = compose::ratio(numerator, denominator, CONFIDENCE);
        StatisticCell::from(ratio.times(per))
    });
    Ok(Series {
        statistic: statistic.to_owned(),
        percent: None,
        cells: cells.collect(),
    })
}

fn estimate(release: &Release, cell: usize) -> Estimate {
    Estimate {
        value: release.values[cell] as f64,
        variance: release.variance[cell],
    }
}

/// Per thousand residents, or families where households are counted. Areas nobody publishes a number for say nothing.
fn public_rate(
    release: &Release,
    query: &AggregateQuery,
) -> Result<(Series, PublicWhole), Problem> {
    let facts = Facts::milan();
    let families = query.measure() == Measure::Households;
    let of = |area: &geography::AreaFacts| {
        u64::from(if families {
            area.families
        } else {
            area.residents
        })
    };
    let number = |key: &str| match query.level() {
        Level::City => facts.areas().iter().map(of).sum(),
        _ => (key.parse().ok())
            .and_then(|nil| facts.area(nil))
            .map_or(0, of),
    };
    if !matches!(query.level(), Level::City | Level::Nil) {
        return Err(unfit(
            "no-public-number",
            "$.by.area",
            "residents are published by NIL and for the city; name a release at one of these levels",
        ));
    }
    let keys = &(release.dimensions.first())
        .ok_or(CoordinatorError::Corrupt { what: "release" })?
        .keys;
    let inner = release.values.len() / keys.len().max(1);
    let numbers: Vec<u64> = keys.iter().map(|key| number(key)).collect();
    let cells = (0..release.values.len()).map(|cell| {
        let rate = compose::rate(
            estimate(release, cell),
            numbers[cell / inner],
            PER,
            CONFIDENCE,
        );
        StatisticCell::from(rate)
    });
    let series = Series {
        statistic: "rate".to_owned(),
        percent: None,
        cells: cells.collect(),
    };
    let whole = public_whole(query.measure());
    Ok((series, whole))
}

/// Of what rates of a measure are, and where the number is from.
pub(super) fn public_whole(measure: Measure) -> PublicWhole {
    let what = if measure == Measure::Households {
        "families"
    } else {
        "residents"
    };
    PublicWhole {
        what: what.to_owned(),
        source: Facts::SOURCE.to_owned(),
        date: Facts::DATE.to_owned(),
    }
}

fn quantiles(
    release: &Release,
    query: &AggregateQuery,
    percents: &[u8],
) -> Result<Vec<Series>, Problem> {
    let groups = bins(release, query)?;
    let one = |percent: &u8| Series {
        statistic: "quantile".to_owned(),
        percent: Some(*percent),
        cells: (groups.iter())
            .map(|counts| compose::quantile(counts, query.edges(), *percent, CONFIDENCE).into())
            .collect(),
    };
    Ok(percents.iter().map(one).collect())
}

fn spread(
    release: &Release,
    query: &AggregateQuery,
    most: Option<u32>,
) -> Result<Vec<Series>, Problem> {
    let groups = bins(release, query)?;
    let series =
        |statistic: &str, of: fn(&[Estimate], &[u32], Option<u32>, Confidence) -> Derived| Series {
            statistic: statistic.to_owned(),
            percent: None,
            cells: (groups.iter())
                .map(|counts| of(counts, query.edges(), most, CONFIDENCE).into())
                .collect(),
        };
    Ok(vec![
        series("mean", compose::mean_of_bins),
        series("deviation", compose::deviation_of_bins),
    ])
}

/// The counts of each cell without its bin, by bin.
fn bins(release: &Release, query: &AggregateQuery) -> Result<Vec<Vec<Estimate>>, Problem> {
    if !matches!(query.measure(), Measure::Bins(_)) {
        return Err(unfit(
            "wrong-measure",
            "$.measure",
            "quantiles are of a quantity counted by bin; name a release of measure `bins`",
        ));
    }
    // Periods run inside bins, everything else outside.
    let (bins, periods) = (query.edges().len() + 1, query.periods().len());
    let groups = release.values.len() / bins;
    let cell = |group: usize, bin: usize| {
        let (outer, period) = (group / periods, group % periods);
        estimate(release, (outer * bins + bin) * periods + period)
    };
    Ok((0..groups)
        .map(|group| (0..bins).map(|bin| cell(group, bin)).collect())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_uncertain_has_neither_end() {
        let none = StatisticCell::default();
        assert_eq!(StatisticCell::from(Derived::TooUncertain), none);
        assert_eq!(StatisticCell::from(Quantile::TooUncertain), none);
        let low = StatisticCell::from(Derived::AtLeast { low: 2.0 });
        assert_eq!((low.low, low.high, low.estimate), (Some(2.0), None, None));
    }
}
