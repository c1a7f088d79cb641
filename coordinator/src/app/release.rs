//! From verified answers to a release: what is published, with its uncertainty and who is in it.
//! It works on `VerifiedAnswer` only; a stored answer is verified again before it is composed.

use super::collect::outstanding;
use crate::clock::rfc3339;
use crate::store::queries::StoredQuery;
use crate::store::requests::{RequestState, StoredRequest};
use crate::store::{answers, datasets, requests};
use crate::{CoordinatorError, secret};
use compose::{
    AnsweredNode, Bracket, Composed, Confidence, Coverage, Part, RefusedNode, SilentNode,
};
use privacy_loss::NanoRho;
use protocol::{Outcome, Receipt, VerifiedAnswer};
use query::{AggregateQuery, Measure, Slice, SliceOf};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The delta at which losses are shown as epsilon.
pub const DELTA: f64 = 1e-6;

/// A release in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseSummary {
    /// Identifier.
    pub id: String,
    /// Hash of the question, hex.
    pub query_hash: String,
    /// The question.
    #[schema(value_type = Object)]
    pub query: Value,
    /// The study it was asked in.
    pub study: String,
    /// When, RFC 3339.
    pub released_at: String,
    /// Organisations in it.
    pub nodes_answered: usize,
    /// `persons`, `events`, `households`, `first-time`, `sum` or `bins`.
    pub measure: String,
    /// The area level.
    pub level: String,
    /// The release whose cells it sums, where nobody was asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<String>,
    /// The question it is a part of, where one answer was split over several levels or counts what bounds cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<PartOf>,
}

/// The question a release is a part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartOf {
    /// The query's identifier.
    pub query: String,
    /// Its hash, hex.
    pub query_hash: String,
    /// What the whole of it cost each organisation, nano-rho.
    pub rho: u64,
    /// Its releases by level, coarsest first.
    pub releases: Vec<LevelRelease>,
}

/// The release of one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LevelRelease {
    /// The level.
    pub level: String,
    /// The release.
    pub release: String,
}

/// The bounds that were applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedBounds {
    /// L0.
    pub cells: u32,
    /// Linf.
    pub per_cell: u32,
}

/// An axis of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Axis {
    /// `area`, `target`, `service`, `sex`, `age_band`, `citizenship`, `household`, `bin` or `period`.
    pub name: String,
    /// Keys, in cell order.
    pub keys: Vec<String>,
}

/// What a release cost each organisation in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Privacy {
    /// Nano-rho.
    pub rho: u64,
    /// The same as epsilon.
    pub epsilon: f64,
    /// At this delta.
    pub delta: f64,
    /// How noise was added.
    pub mechanism: String,
    /// Where it came from.
    pub noise_source: String,
    /// What the bounds cut off, where the question asked for it.
    #[serde(default)]
    pub truncation: Option<Truncation>,
    /// The bounds applied, where they are not those of the question but of the release that this one sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<AppliedBounds>,
}

/// A noisy count of what the bounds cut off, citywide, over all organisations in the release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Truncation {
    /// The sum; it may be negative.
    pub value: i64,
    /// Noise variance.
    pub variance: f64,
    /// Margin at 95 percent.
    pub margin_95: f64,
    /// The most one person or household adds to it.
    pub at_most: u32,
}

/// A release. Cells are row-major over `dimensions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// What it is.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// Its axes.
    pub dimensions: Vec<Axis>,
    /// Unbiased sums; they may be negative.
    pub values: Vec<i64>,
    /// The sums as shown, never negative.
    pub display: Vec<u64>,
    /// Noise variance of each.
    pub variance: Vec<f64>,
    /// Margin of each at 95 percent.
    pub margin_95: Vec<f64>,
    /// Margin of each at 99.99 percent.
    pub margin_9999: Vec<f64>,
    /// Whether the margin is larger than the value.
    pub too_uncertain: Vec<bool>,
    /// Who is in it, who is not and why.
    #[schema(value_type = Object)]
    pub coverage: Coverage,
    /// What it cost.
    pub privacy: Privacy,
    /// `presences`, `household-presences`, `first-time-presences`, `presences-by-bin`, `events` or `bounded-sum`.
    pub estimand: String,
    /// Between which numbers distinct persons or households lie.
    #[schema(value_type = Option<Object>)]
    pub bracket: Option<Bracket>,
}

/// A dataset's answer, verified.
pub(super) struct Answered {
    organisation: String,
    dataset: String,
    answer: VerifiedAnswer,
}

impl Answered {
    /// Whether it is that of a dataset.
    pub(super) fn is_of(&self, organisation: &str, dataset: &str) -> bool {
        self.organisation == organisation && self.dataset == dataset
    }

    /// Its noisy cells and receipt; a refusal has none.
    pub(super) fn cells(&self) -> Option<(&[i64], &Receipt)> {
        match &self.answer.answer().outcome {
            Outcome::Answered { cells, receipt } => Some((cells, receipt)),
            Outcome::Refused { .. } => None,
        }
    }
}

/// Composes what a query's nodes have answered so far, into one release for each level asked, coarsest first; into none
/// where nobody has answered. `is_offline` says of a request without an answer whether its node is out of reach.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn composed(
    connection: &mut SqliteConnection,
    query: &StoredQuery,
    requests: &[StoredRequest],
    is_offline: impl Fn(&StoredRequest) -> bool,
    now: i64,
) -> Result<Vec<Release>, CoordinatorError> {
    let answered = verified(connection, requests).await?;
    if answered.is_empty() {
        return Ok(Vec::new());
    }
    let parsed = AggregateQuery::parse(query.query.as_bytes())
        .map_err(|_| CoordinatorError::Corrupt { what: "query" })?;
    let slices = parsed.slices();
    let mut levels = Vec::new();
    for (place, slice) in slices.iter().enumerate() {
        if let SliceOf::Level(level) = slice.of {
            levels.push((place, level, secret::identifier()?));
        }
    }
    let part_of = parsed.is_split().then(|| PartOf {
        query: query.id.clone(),
        query_hash: query.query_hash.clone(),
        rho: parsed.rho_nano(),
        releases: (levels.iter())
            .map(|(_, level, release)| LevelRelease {
                level: level.id().to_owned(),
                release: release.clone(),
            })
            .collect(),
    });
    let truncation = truncation(&parsed, &slices, &answered);
    let declared = datasets::datasets(connection).await?;
    let mut releases = Vec::new();
    for (place, level, id) in levels {
        let corrupt = || CoordinatorError::Corrupt { what: "query" };
        let plain = parsed.at_level(level).ok_or_else(corrupt)?;
        let parts = parts(&slices, place, &answered);
        let mut coverage = coverage(query, requests, place, &answered, &is_offline);
        for node in &mut coverage.answered {
            // Of another edition's mapping nothing follows for the one that answered.
            let same = (declared.iter()).find(|known| {
                (&known.organisation, &known.notice.id, known.notice.edition)
                    == (&node.node, &node.dataset, node.edition)
            });
            node.finest_level = same.map(|known| known.notice.finest_level);
        }
        let mut release = build(query, &plain, &answered, &parts, coverage, &id, now)?;
        release.summary.part_of = part_of.clone();
        release.privacy.truncation = truncation.clone();
        releases.push(release);
    }
    Ok(releases)
}

/// The answers among a query's requests, verified once more.
///
/// # Errors
/// [`CoordinatorError`].
pub(super) async fn verified(
    connection: &mut SqliteConnection,
    requests: &[StoredRequest],
) -> Result<Vec<Answered>, CoordinatorError> {
    let mut answered = Vec::new();
    for request in requests
        .iter()
        .filter(|request| request.state == RequestState::Answered)
    {
        let corrupt = || CoordinatorError::Corrupt { what: "answer" };
        let (key, envelope) = answers::answer_by_request(connection, &request.id)
            .await?
            .ok_or_else(corrupt)?;
        let payload = requests::request_payload(connection, &request.id).await?;
        let (parsed, asked) = outstanding(&payload)?;
        let answer = VerifiedAnswer::verify(&envelope, &key, &parsed, &payload, &asked)
            .map_err(|_| corrupt())?;
        answered.push(Answered {
            organisation: request.organisation.clone(),
            dataset: request.dataset.clone(),
            answer,
        });
    }
    Ok(answered)
}

impl Release {
    /// This release, with the same answers summed to another question: nobody is asked and nothing is spent.
    pub(super) fn derived(
        self,
        id: &str,
        question: &AggregateQuery,
        applied: AppliedBounds,
        composed: Composed,
        now: i64,
    ) -> Result<Release, CoordinatorError> {
        Ok(Release {
            summary: ReleaseSummary {
                id: id.to_owned(),
                query_hash: question.hash().to_string(),
                query: serde_json::from_str(&question.canonical())?,
                released_at: rfc3339(now),
                measure: question.measure().id().to_owned(),
                level: question.level().id().to_owned(),
                derived_from: Some(self.summary.id),
                part_of: None,
                ..self.summary
            },
            dimensions: axes(question),
            values: composed.values,
            display: composed.display,
            variance: composed.variance,
            margin_95: composed.margin_95,
            margin_9999: composed.margin_9999,
            too_uncertain: composed.too_uncertain,
            bracket: composed.bracket,
            estimand: estimand(question.measure()).to_owned(),
            privacy: Privacy {
                bounds: Some(applied),
                // It was counted for the question of the source.
                truncation: None,
                ..self.privacy
            },
            coverage: self.coverage,
        })
    }
}

fn axes(query: &AggregateQuery) -> Vec<Axis> {
    (query.dimensions().into_iter())
        .map(|dimension| Axis {
            name: dimension.name.to_owned(),
            keys: dimension.keys,
        })
        .collect()
}

fn estimand(measure: Measure) -> &'static str {
    match measure {
        Measure::Persons => "presences",
        Measure::Households => "household-presences",
        Measure::FirstTime => "first-time-presences",
        Measure::Bins(_) => "presences-by-bin",
        Measure::Events => "events",
        Measure::Sum(_) => "bounded-sum",
    }
}

/// One slice of every answer.
pub(super) fn parts<'a>(slices: &[Slice], place: usize, answered: &'a [Answered]) -> Vec<Part<'a>> {
    (answered.iter().filter_map(Answered::cells))
        .map(|(cells, receipt)| Part {
            // A verified answer has the slices of its question.
            cells: &cells[slices[place].cells.clone()],
            variance: receipt.slices[place].variance,
        })
        .collect()
}

/// What the bounds cut off, over all answers, if it was asked.
fn truncation(
    parsed: &AggregateQuery,
    slices: &[Slice],
    answered: &[Answered],
) -> Option<Truncation> {
    let cut_off = parsed.cut_off()?;
    let place = (slices.iter()).position(|slice| slice.of == SliceOf::CutOff)?;
    let parts = parts(slices, place, answered);
    let variances: Vec<f64> = parts.iter().map(|part| part.variance).collect();
    Some(Truncation {
        value: (parts.iter().flat_map(|part| part.cells))
            .fold(0, |sum: i64, cell| sum.saturating_add(*cell)),
        variance: variances.iter().sum(),
        margin_95: compose::margin(&variances, Confidence::P95),
        at_most: cut_off.at_most,
    })
}

fn build(
    query: &StoredQuery,
    parsed: &AggregateQuery,
    answered: &[Answered],
    parts: &[Part<'_>],
    coverage: Coverage,
    id: &str,
    now: i64,
) -> Result<Release, CoordinatorError> {
    let composed = compose::compose(parsed.measure(), parsed.cells(), parts)?;
    let every = |part: fn(&Receipt) -> &String| -> String {
        let all: BTreeSet<&str> = (answered.iter().filter_map(Answered::cells))
            .map(|(_, receipt)| part(receipt).as_str())
            .collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    let organisations: BTreeSet<&String> = answered
        .iter()
        .map(|answered| &answered.organisation)
        .collect();
    Ok(Release {
        summary: ReleaseSummary {
            id: id.to_owned(),
            query_hash: parsed.hash().to_string(),
            query: serde_json::from_str(&parsed.canonical())?,
            study: query.study.clone(),
            released_at: rfc3339(now),
            nodes_answered: organisations.len(),
            measure: parsed.measure().id().to_owned(),
            level: parsed.level().id().to_owned(),
            part_of: None,
            derived_from: None,
        },
        dimensions: axes(parsed),
        values: composed.values,
        display: composed.display,
        variance: composed.variance,
        margin_95: composed.margin_95,
        margin_9999: composed.margin_9999,
        too_uncertain: composed.too_uncertain,
        coverage,
        privacy: Privacy {
            rho: parsed.rho_nano(),
            epsilon: privacy_loss::epsilon(NanoRho::new(parsed.rho_nano()), DELTA),
            delta: DELTA,
            mechanism: every(|receipt| &receipt.mechanism),
            noise_source: every(|receipt| &receipt.noise_source),
            truncation: None,
            bounds: None,
        },
        estimand: estimand(parsed.measure()).to_owned(),
        bracket: composed.bracket,
    })
}

fn coverage(
    query: &StoredQuery,
    requests: &[StoredRequest],
    place: usize,
    answered: &[Answered],
    is_offline: impl Fn(&StoredRequest) -> bool,
) -> Coverage {
    let mut coverage = Coverage::default();
    for part in answered {
        if let Some((_, receipt)) = part.cells() {
            coverage.answered.push(AnsweredNode {
                node: part.organisation.clone(),
                dataset: part.dataset.clone(),
                edition: receipt.edition,
                variance: receipt.slices[place].variance,
                finest_level: None,
            });
        }
    }
    for request in requests {
        let node = request.organisation.clone();
        match (&request.refusal, request.state) {
            (_, RequestState::Answered) => {}
            (Some((rule, field, code)), RequestState::Refused) => {
                coverage.refused.push(RefusedNode {
                    node,
                    rule: rule.clone(),
                    field: field.clone(),
                    code: code.clone(),
                })
            }
            _ if is_offline(request) => coverage.offline.push(SilentNode { node }),
            _ => coverage.expired.push(SilentNode { node }),
        }
    }
    for unasked in &query.unasked {
        let node = unasked.organisation.clone();
        if unasked.reason == "never-connected" {
            coverage.offline.push(SilentNode { node });
        } else {
            coverage.refused.push(RefusedNode {
                node,
                rule: "enrolment".to_owned(),
                field: "study".to_owned(),
                code: unasked.reason.clone(),
            });
        }
    }
    coverage
}
