//! The levels of one question made to agree: worked out of the stored answers on request, stored nowhere, for nothing. Stored
//! releases stay as they are; this is an estimate derived from them. The work itself is `compose::Consistent`.

use super::derive::{parsed, stored};
use super::release::{self, Axis, Release};
use super::volumes::{self, AnsweredShare};
use crate::app::audience;
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::visible::Viewer;
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
    /// Other queries of the same people whose answers are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// `presences`, `household-presences`, `first-time-presences`, `presences-by-bin`, `events` or `bounded-sum`.
    pub estimand: String,
    /// With which each interval holds the bounded aggregate, as far as noise is concerned.
    pub confidence: f64,
    /// By level, coarsest first; of several questions one after the other.
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
    /// Margin at 95 percent, by area, as releases give theirs; of several questions together, by cell.
    pub margin_95: Vec<f64>,
    /// Noise variance, by area: cells of an area that differ in other keys have the same. Of several questions together, by cell.
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
    viewer: &Viewer<'_>,
    id: &str,
) -> Result<Loaded, Problem> {
    let (query, release) = stored(connection, viewer, id)
        .await?
        .ok_or(Problem::NotFound)?;
    if release.summary.derived_from.is_some() {
        return Err(Problem::Unfit {
            code: "derived-release",
            path: "release",
            remedy: "this release sums cells of another; name the one in its `derived_from`",
        });
    }
    let asked = Asked::read(connection, vouchers, query, release).await?;
    let answers: Vec<LevelledAnswer<'_>> = (asked.answers.iter())
        .map(|answer| LevelledAnswer {
            finest: answer.finest,
            levels: (answer.levels.iter())
                .map(|(cells, variance)| (&cells[..], *variance))
                .collect(),
        })
        .collect();
    let level = (asked.levels.iter())
        .position(|level| *level == asked.question.level())
        .ok_or(CoordinatorError::Corrupt { what: "query" })?;
    let areas = geography::Partition::milan()
        .keys(asked.question.level())
        .len();
    let inner = asked.question.cells() / areas;
    let consistent =
        Consistent::compose(&asked.levels, inner, &answers).map_err(CoordinatorError::from)?;
    Ok(Loaded {
        query: asked.query,
        release: asked.release,
        question: asked.question,
        consistent,
        level,
    })
}

/// A release with all levels of the answers behind it.
pub(super) struct Asked {
    pub(super) query: String,
    pub(super) release: Release,
    /// The question of this release.
    pub(super) question: AggregateQuery,
    /// The levels asked, coarsest first.
    pub(super) levels: Vec<Level>,
    /// In the order of the release's coverage.
    pub(super) answers: Vec<NodeAnswer>,
}

/// One node's cells and noise variance at every level asked.
pub(super) struct NodeAnswer {
    pub(super) finest: Option<Level>,
    pub(super) levels: Vec<(Vec<i64>, f64)>,
}

impl Asked {
    pub(super) async fn read(
        connection: &mut SqliteConnection,
        vouchers: &Vouchers,
        query: String,
        release: Release,
    ) -> Result<Asked, Problem> {
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
        let requests = requests::requests_of_query(connection, &query).await?;
        let answered = release::answers(connection, vouchers, &requests).await?;
        let answers: Vec<NodeAnswer> = (release.coverage.answered.iter())
            .filter_map(|node| {
                let answer = answered
                    .iter()
                    .find(|a| a.is_of(&node.node, &node.dataset))?;
                let levels = (levels.iter())
                    .map(|(place, _)| {
                        let part = answer.part(&slices, *place);
                        (part.cells.to_vec(), part.variance)
                    })
                    .collect();
                Some(NodeAnswer {
                    finest: node.finest_level,
                    levels,
                })
            })
            .collect();
        if answers.len() != release.coverage.answered.len() {
            return Err(CoordinatorError::Corrupt { what: "answer" }.into());
        }
        Ok(Asked {
            query,
            release,
            question,
            levels: levels.into_iter().map(|(_, level)| level).collect(),
            answers,
        })
    }
}

/// The consistent estimates of the question a release is part of. Reading what is released is not logged, and neither is this.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn view(app: &State, account: &Account, id: &str) -> Result<ConsistentView, Problem> {
    let mut reader = app.database.read().await?;
    let viewer = audience::viewer(app, account);
    let loaded = loaded(&mut reader, &app.vouched, &viewer, id).await?;
    let consistent = &loaded.consistent;
    let mut levels = Vec::new();
    for (place, level) in consistent.levels().iter().enumerate() {
        let release = of_level(&mut reader, &viewer, &loaded.release, *level).await?;
        levels.push(one_level(consistent, place, release));
    }
    let answered_share =
        volumes::answered_share(&mut reader, &app.vouched, &viewer, &loaded.release).await?;
    Ok(ConsistentView {
        query: loaded.query,
        with: Vec::new(),
        estimand: loaded.release.estimand,
        confidence: 1.0 - CONFIDENCE.miss(),
        levels,
        coverage: loaded.release.coverage,
        answered_share,
    })
}

/// The release of the same question at another of its levels.
pub(super) async fn of_level(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    release: &Release,
    level: Level,
) -> Result<Release, Problem> {
    let Some(part) = &release.summary.part_of else {
        return Ok(release.clone());
    };
    let part = part.releases.iter().find(|part| part.level == level.id());
    let part = part.ok_or(CoordinatorError::Corrupt { what: "release" })?;
    let found = stored(connection, viewer, &part.release).await?;
    let (_, release) = found.ok_or(Problem::NotFound)?;
    Ok(release)
}

fn one_level(consistent: &Consistent, place: usize, release: Release) -> ConsistentLevel {
    let (inner, variance) = (consistent.inner(), consistent.variance(place));
    let estimates: Vec<Estimate> = (consistent.values(place).iter().enumerate())
        .map(|(cell, value)| Estimate {
            value: *value,
            variance: variance[cell / inner],
        })
        .collect();
    level_view(release, &estimates, variance)
}

/// A level as it is served, from the estimates of its cells; `variance` by area, or by whatever has the same.
pub(super) fn level_view(
    release: Release,
    estimates: &[Estimate],
    variance: &[f64],
) -> ConsistentLevel {
    let ends: Vec<(f64, f64)> = estimates
        .iter()
        .map(|one| one.interval(CONFIDENCE))
        .collect();
    ConsistentLevel {
        level: release.summary.level,
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
