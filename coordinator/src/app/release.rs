//! From verified answers to a release: what is published, with its uncertainty and who is in it.
//! It works on `VerifiedAnswer` only; a stored answer is verified again before it is composed.

use super::collect::outstanding;
use crate::CoordinatorError;
use crate::clock::rfc3339;
use crate::store::queries::StoredQuery;
use crate::store::requests::{RequestState, StoredRequest};
use crate::store::{answers, requests};
use compose::{AnsweredNode, Bracket, Coverage, Part, RefusedNode, SilentNode};
use privacy_loss::NanoRho;
use protocol::{Outcome, Receipt, VerifiedAnswer};
use query::{AggregateQuery, Measure};
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
    /// What is known of what the bounds cut off: `not-measured`.
    pub truncation: String,
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

struct Answered {
    organisation: String,
    dataset: String,
    answer: VerifiedAnswer,
}

impl Answered {
    fn cells(&self) -> Option<(&[i64], &Receipt)> {
        match &self.answer.answer().outcome {
            Outcome::Answered { cells, receipt } => Some((cells, receipt)),
            Outcome::Refused { .. } => None,
        }
    }
}

/// Composes what a query's nodes have answered so far; `None` where none has. `silent` says of a request without an
/// answer whether its node is out of reach.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn composed(
    connection: &mut SqliteConnection,
    query: &StoredQuery,
    requests: &[StoredRequest],
    is_offline: impl Fn(&StoredRequest) -> bool,
    id: &str,
    now: i64,
) -> Result<Option<Release>, CoordinatorError> {
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
    if answered.is_empty() {
        return Ok(None);
    }
    let coverage = coverage(query, requests, &answered, is_offline);
    let parsed = AggregateQuery::parse(query.query.as_bytes())
        .map_err(|_| CoordinatorError::Corrupt { what: "query" })?;
    build(query, &parsed, &answered, coverage, id, now).map(Some)
}

fn build(
    query: &StoredQuery,
    parsed: &AggregateQuery,
    answered: &[Answered],
    coverage: Coverage,
    id: &str,
    now: i64,
) -> Result<Release, CoordinatorError> {
    let parts: Vec<Part<'_>> = (answered.iter().filter_map(Answered::cells))
        .map(|(cells, receipt)| Part {
            cells,
            variance: receipt.variance,
        })
        .collect();
    let composed = compose::compose(parsed.measure(), parsed.cells(), &parts)?;
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
            query_hash: query.query_hash.clone(),
            query: serde_json::from_str(&query.query)?,
            study: query.study.clone(),
            released_at: rfc3339(now),
            nodes_answered: organisations.len(),
            measure: parsed.measure().id().to_owned(),
            level: parsed.level().id().to_owned(),
        },
        dimensions: (parsed.dimensions().into_iter())
            .map(|dimension| Axis {
                name: dimension.name.to_owned(),
                keys: dimension.keys,
            })
            .collect(),
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
            truncation: "not-measured".to_owned(),
        },
        estimand: match parsed.measure() {
            Measure::Persons => "presences",
            Measure::Households => "household-presences",
            Measure::FirstTime => "first-time-presences",
            Measure::Bins(_) => "presences-by-bin",
            Measure::Events => "events",
            Measure::Sum(_) => "bounded-sum",
        }
        .to_owned(),
        bracket: composed.bracket,
    })
}

fn coverage(
    query: &StoredQuery,
    requests: &[StoredRequest],
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
                variance: receipt.variance,
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
