//! The levels of one question made to agree: worked out of the stored answers on request, stored nowhere, for nothing. Stored
//! releases stay as they are; this is an estimate derived from them. The work itself is `compose::Consistent`.

use super::derive::{parsed, stored};
use super::release::{self, Axis, Release};
use super::volumes::{self, AnsweredShare};
use crate::state::State;
use crate::store::{queries, requests};
use crate::vouched::Vouchers;
use crate::{CoordinatorError, Problem};
use compose::{Bracket, Confidence, Consistent, Coverage, Estimate, LevelledAnswer};
use geography::Level;
use query::{AggregateQuery, SliceOf};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use utoipa::ToSchema;

/// Estimates of all levels of a question, which agree with each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsistentView {
    /// The query whose answers it is made of.
    pub query: String,
    /// `presences`, `household-presences`, `first-time-presences`, `presences-by-bin`, `events` or `bounded-sum`.
    pub estimand: String,
    /// With which each interval holds the bounded aggregate, as far as noise is concerned.
    pub confidence: f64,
    /// By level, coarsest first.
    pub levels: Vec<ConsistentLevel>,
    /// Who is in it, who is not and why.
    #[schema(value_type = Object)]
    pub coverage: Coverage,
    /// How much those who answered hold, by what the missing ones released before. Nothing is filled in for them.
    pub answered_share: AnsweredShare,
}

/// The estimates of one level. Cells are row-major over `dimensions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsistentLevel {
    /// The level.
    pub level: String,
    /// The stored release of this level.
    pub release: String,
    /// Its axes, areas first.
    pub dimensions: Vec<Axis>,
    /// Unbiased; may be negative, and are no whole numbers.
    pub values: Vec<f64>,
    /// At least.
    pub low: Vec<f64>,
    /// At most.
    pub high: Vec<f64>,
    /// Margin at 95 percent, by area, as releases give theirs.
    pub margin_95: Vec<f64>,
    /// Noise variance, by area: cells of an area that differ in other keys have the same.
    pub variance: Vec<f64>,
    /// Noise variance of each cell of the stored release.
    pub released_variance: f64,
    /// Whether zero lies in the interval, so that the number alone says little; by cell.
    pub too_uncertain: Vec<bool>,
    /// Between which numbers distinct persons or households lie: at least the largest organisation's, at most the sum.
    #[schema(value_type = Option<Object>)]
    pub bracket: Option<Bracket>,
}

/// A stored release with the consistent estimates of the question it is part of.
pub(super) struct Loaded {
    pub(super) query: String,
    pub(super) release: Release,
    /// The question of this release.
    pub(super) question: AggregateQuery,
    pub(super) consistent: Consistent,
    /// The place of the release's own level in it.
    pub(super) level: usize,
}

/// The confidence of intervals: nine times in ten.
pub(super) const CONFIDENCE: Confidence = Confidence::P90;

/// Reads a release and makes the answers behind it consistent.
///
/// # Errors
/// [`Problem::NotFound`]; [`Problem::Unfit`] for a release that sums another's cells.
pub(super) async fn loaded(
    connection: &mut SqliteConnection,
    vouchers: &Vouchers,
    id: &str,
) -> Result<Loaded, Problem> {
    let (query, release) = stored(connection, id).await?.ok_or(Problem::NotFound)?;
    if release.summary.derived_from.is_some() {
        return Err(Problem::Unfit {
            code: "derived-release",
            path: "release",
            remedy: "this release sums cells of another; name the one in its `derived_from`",
        });
    }
    let question = parsed(&release.summary.query)?;
    let corrupt = || CoordinatorError::Corrupt { what: "query" };
    let whole = queries::query_by_id(connection, &query)
        .await?
        .ok_or_else(corrupt)?;
    let whole = AggregateQuery::parse(whole.query.as_bytes()).map_err(|_| corrupt())?;
    let slices = whole.slices();
    let levels: Vec<(usize, Level)> = (slices.iter().enumerate())
        .filter_map(|(place, slice)| match slice.of {
            SliceOf::Level(level) => Some((place, level)),
            SliceOf::CutOff => None,
        })
        .collect();
    let level = (levels.iter())
        .position(|(_, level)| *level == question.level())
        .ok_or_else(corrupt)?;
    let requests = requests::requests_of_query(connection, &query).await?;
    let answered = release::answers(connection, vouchers, &requests).await?;
    let answers: Vec<LevelledAnswer<'_>> = (release.coverage.answered.iter())
        .filter_map(|node| {
            let answer = answered
                .iter()
                .find(|a| a.is_of(&node.node, &node.dataset))?;
            let levels = (levels.iter())
                .map(|(place, _)| {
                    let part = answer.part(&slices, *place);
                    (part.cells, part.variance)
                })
                .collect();
            Some(LevelledAnswer {
                finest: node.finest_level,
                levels,
            })
        })
        .collect();
    if answers.len() != release.coverage.answered.len() {
        return Err(CoordinatorError::Corrupt { what: "answer" }.into());
    }
    let named: Vec<Level> = levels.iter().map(|(_, level)| *level).collect();
    let areas = geography::Partition::milan().keys(question.level()).len();
    let consistent = Consistent::compose(&named, question.cells() / areas, &answers)
        .map_err(CoordinatorError::from)?;
    Ok(Loaded {
        query,
        release,
        question,
        consistent,
        level,
    })
}

/// The consistent estimates of the question a release is part of. Reading what is released is not logged, and neither is this.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn view(app: &State, id: &str) -> Result<ConsistentView, Problem> {
    let mut reader = app.database.read().await?;
    let loaded = loaded(&mut reader, &app.vouched, id).await?;
    let consistent = &loaded.consistent;
    let mut levels = Vec::new();
    for (place, level) in consistent.levels().iter().enumerate() {
        let release = match &loaded.release.summary.part_of {
            None => loaded.release.clone(),
            Some(part) => {
                let part = part.releases.iter().find(|part| part.level == level.id());
                let part = part.ok_or(CoordinatorError::Corrupt { what: "release" })?;
                let found = stored(&mut reader, &part.release).await?;
                found
                    .ok_or(CoordinatorError::Corrupt { what: "release" })?
                    .1
            }
        };
        levels.push(one_level(consistent, place, release));
    }
    let answered_share =
        volumes::answered_share(&mut reader, &app.vouched, &loaded.release).await?;
    Ok(ConsistentView {
        query: loaded.query,
        estimand: loaded.release.estimand,
        confidence: 1.0 - CONFIDENCE.miss(),
        levels,
        coverage: loaded.release.coverage,
        answered_share,
    })
}

fn one_level(consistent: &Consistent, place: usize, release: Release) -> ConsistentLevel {
    let (inner, variance) = (consistent.inner(), consistent.variance(place));
    let estimates: Vec<Estimate> = (consistent.values(place).iter().enumerate())
        .map(|(cell, value)| Estimate {
            value: *value,
            variance: variance[cell / inner],
        })
        .collect();
    let ends: Vec<(f64, f64)> = estimates
        .iter()
        .map(|one| one.interval(CONFIDENCE))
        .collect();
    ConsistentLevel {
        level: consistent.levels()[place].id().to_owned(),
        release: release.summary.id,
        dimensions: release.dimensions,
        values: estimates.iter().map(|one| rounded(one.value)).collect(),
        low: ends.iter().map(|(low, _)| rounded(*low)).collect(),
        high: ends.iter().map(|(_, high)| rounded(*high)).collect(),
        margin_95: (variance.iter())
            .map(|variance| {
                let one = Estimate {
                    value: 0.0,
                    variance: *variance,
                };
                rounded(one.interval(Confidence::P95).1)
            })
            .collect(),
        variance: variance.iter().map(|variance| rounded(*variance)).collect(),
        released_variance: release.variance.first().copied().unwrap_or(0.0),
        too_uncertain: ends.iter().map(|(low, _)| *low <= 0.0).collect(),
        bracket: release.bracket,
    }
}

/// To a thousandth, which is far below any noise and short to send.
pub(super) fn rounded(value: f64) -> f64 {
    let rounded = (value * 1_000.0).round() / 1_000.0;
    // No minus zero.
    rounded + 0.0
}
