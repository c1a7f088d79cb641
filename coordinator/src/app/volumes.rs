//! How much of the volume those in a release hold, by the latest earlier release of the same question in which the missing ones are
//! too. Only released volumes are used, and nothing is filled in for anybody.

use super::derive::stored;
use super::release::{self, Release, ReleaseSummary};
use crate::CoordinatorError;
use crate::store::visible::Viewer;
use crate::store::{queries, releases, requests};
use crate::vouched::Vouchers;
use compose::{Confidence, Derived, Estimate, Part};
use query::{AggregateQuery, SliceOf};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// The part of the volume that is in a release, between 0 and 1. Without `low` and `high` it is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnsweredShare {
    /// The most plausible part.
    pub estimate: Option<f64>,
    /// At least, nineteen times in twenty.
    pub low: Option<f64>,
    /// At most.
    pub high: Option<f64>,
    /// The earlier release whose volumes were taken; absent where nobody is missing or nothing is known.
    pub by_release: Option<String>,
    /// When that was released, RFC 3339.
    pub as_of: Option<String>,
}

impl AnsweredShare {
    fn of(derived: Derived, by: Option<&ReleaseSummary>) -> AnsweredShare {
        match derived {
            Derived::Between {
                estimate,
                low,
                high,
            } => AnsweredShare {
                estimate: Some(estimate),
                low: Some(low),
                high: Some(high),
                by_release: by.map(|by| by.id.clone()),
                as_of: by.map(|by| by.released_at.clone()),
            },
            Derived::AtLeast { .. } | Derived::TooUncertain => AnsweredShare::default(),
        }
    }
}

/// See [`AnsweredShare`].
pub(super) async fn answered_share(
    connection: &mut SqliteConnection,
    vouchers: &Vouchers,
    viewer: &Viewer<'_>,
    release: &Release,
) -> Result<AnsweredShare, CoordinatorError> {
    let there: BTreeSet<&str> = (release.coverage.answered.iter())
        .map(|node| node.node.as_str())
        .collect();
    let silent = release
        .coverage
        .offline
        .iter()
        .chain(&release.coverage.expired);
    let gone: BTreeSet<&str> = (silent.map(|node| node.node.as_str()))
        .chain(
            release
                .coverage
                .refused
                .iter()
                .map(|node| node.node.as_str()),
        )
        .filter(|node| !there.contains(node))
        .collect();
    if gone.is_empty() {
        let all = compose::answered_share(&[], &[], Confidence::P95);
        return Ok(AnsweredShare::of(all, None));
    }
    let kind = what_is_counted(&release.summary.query);
    for summary in releases::release_summaries_of_study(connection, &release.summary.study).await? {
        let summary: ReleaseSummary = serde_json::from_str(&summary)?;
        let comparable = summary.derived_from.is_none()
            && summary.id != release.summary.id
            && summary.released_at <= release.summary.released_at
            && what_is_counted(&summary.query) == kind;
        if !comparable {
            continue;
        }
        // What an account may not see tells it nothing here either.
        let Some((query, seen)) = stored(connection, viewer, &summary.id).await? else {
            continue;
        };
        let volumes = volumes(connection, vouchers, &query, &seen).await?;
        let of = |nodes: &BTreeSet<&str>| -> Option<Vec<Estimate>> {
            nodes
                .iter()
                .map(|node| volumes.get(*node).copied())
                .collect()
        };
        let (Some(there), Some(gone)) = (of(&there), of(&gone)) else {
            continue;
        };
        let gone: Vec<Option<Estimate>> = gone.into_iter().map(Some).collect();
        let share = compose::answered_share(&there, &gone, Confidence::P95);
        return Ok(AnsweredShare::of(share, Some(&summary)));
    }
    Ok(AnsweredShare::default())
}

/// A question without its months, areas, bounds and price: questions alike in the rest count the same at other times.
fn what_is_counted(query: &Value) -> Value {
    let mut query = query.clone();
    if let Some(fields) = query.as_object_mut() {
        for field in ["period", "bounds", "rho", "cut_off"] {
            fields.remove(field);
        }
        if let Some(by) = fields.get_mut("by").and_then(Value::as_object_mut) {
            by.remove("area");
        }
    }
    query
}

/// What each organisation released of a question in all, at the coarsest level asked.
async fn volumes(
    connection: &mut SqliteConnection,
    vouchers: &Vouchers,
    query: &str,
    release: &Release,
) -> Result<BTreeMap<String, Estimate>, CoordinatorError> {
    let corrupt = || CoordinatorError::Corrupt { what: "release" };
    let whole = queries::query_by_id(connection, query)
        .await?
        .ok_or_else(corrupt)?;
    let whole = AggregateQuery::parse(whole.query.as_bytes()).map_err(|_| corrupt())?;
    let slices = whole.slices();
    let coarsest = (slices.iter())
        .position(|slice| matches!(slice.of, SliceOf::Level(_)))
        .ok_or_else(corrupt)?;
    let requests = requests::requests_of_query(connection, query).await?;
    let mut volumes: BTreeMap<String, Estimate> = BTreeMap::new();
    for answered in release::answers(connection, vouchers, &requests).await? {
        let known = (release.coverage.answered.iter())
            .find(|node| answered.is_of(&node.node, &node.dataset));
        let Some(node) = known else { continue };
        let Part { cells, variance } = answered.part(&slices, coarsest);
        let volume = volumes.entry(node.node.clone()).or_insert(Estimate {
            value: 0.0,
            variance: 0.0,
        });
        volume.value += cells.iter().map(|cell| *cell as f64).sum::<f64>();
        volume.variance += variance * cells.len() as f64;
    }
    Ok(volumes)
}
