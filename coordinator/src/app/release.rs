//! From verified answers to a release: what is published, with its uncertainty and who is in it.
//! It works on `VerifiedAnswer` only; a stored answer that this process did not verify itself is verified again before it is composed, and
//! one that it did must be the same still.

use super::audience;
use super::collect::outstanding;
use crate::clock::rfc3339;
use crate::store::answers::{self as stored_answers, StoredAnswer};
use crate::store::datasets;
use crate::store::queries::StoredQuery;
use crate::store::requests::{RequestState, StoredRequest};
use crate::vouched::Vouchers;
use crate::{CoordinatorError, secret};
use compose::{
    AnsweredNode, Bracket, Composition, Confidence, Coverage, Part, RefusedNode, SilentNode, Sums,
};
use privacy_loss::NanoRho;
use protocol::{Audience, Obligations, Outcome, Receipt, VerifiedAnswer};
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

/// What whoever sees a release owes the organisations in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseObligations {
    /// `requester`, `participants` or `public`: who may see it.
    pub audience: String,
    /// Values below it are shown as "fewer than". A rule of display: it makes nothing more private.
    pub display_minimum: u32,
    /// How many months it is kept.
    pub retention_months: u32,
    /// Until when it is kept, RFC 3339.
    pub kept_until: String,
}

impl ReleaseObligations {
    /// What answers owe together, for a release made at `now`.
    fn of(owed: &Obligations, now: i64) -> ReleaseObligations {
        ReleaseObligations {
            audience: owed.audience.id().to_owned(),
            display_minimum: owed.display_minimum,
            retention_months: owed.retention_months,
            kept_until: rfc3339(audience::keep_until(now, owed.retention_months)),
        }
    }

    /// As it was owed.
    pub(super) fn owed(&self) -> Option<Obligations> {
        Some(Obligations {
            display_minimum: self.display_minimum,
            retention_months: self.retention_months,
            audience: Audience::from_id(&self.audience)?,
        })
    }

    /// The last second it is kept, Unix seconds.
    pub(super) fn keep_until(&self) -> Option<i64> {
        let until: jiff::Timestamp = self.kept_until.parse().ok()?;
        Some(until.as_second())
    }
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
    /// What whoever sees it owes; absent where the answers stated nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligations: Option<ReleaseObligations>,
    /// Values whose displayed copy is below it are shown as "fewer than"; absent where there is no minimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_minimum: Option<u32>,
}

impl Release {
    /// As it is served: with the display minimum that it owes.
    #[must_use]
    pub fn shown(mut self) -> Release {
        let owed = self.obligations.as_ref().map(|it| it.display_minimum);
        self.display_minimum = owed.filter(|minimum| *minimum > 0);
        self
    }
}

/// A release as it was composed and is to be stored.
#[derive(Clone, Debug)]
pub struct ComposedRelease {
    /// As [`Release::summary`].
    pub summary: ReleaseSummary,
    /// As [`Release::dimensions`].
    pub dimensions: Vec<Axis>,
    /// Its cells.
    pub sums: Sums,
    /// As [`Release::coverage`].
    pub coverage: Coverage,
    /// As [`Release::privacy`].
    pub privacy: Privacy,
    /// As [`Release::estimand`].
    pub estimand: String,
    /// As [`Release::obligations`].
    pub obligations: Option<ReleaseObligations>,
}

/// A dataset's answer, verified.
pub(super) struct Answered {
    cells: Vec<i64>,
    source: Source,
}

/// Whose answer it is, and its receipt.
struct Source {
    organisation: String,
    dataset: String,
    receipt: Receipt,
}

impl Answered {
    /// Whether it is that of a dataset.
    pub(super) fn is_of(&self, organisation: &str, dataset: &str) -> bool {
        self.source.organisation == organisation && self.source.dataset == dataset
    }

    /// One slice of the answer.
    pub(super) fn part(&self, slices: &[Slice], place: usize) -> Part<'_> {
        Part {
            // A verified answer has the slices of its question.
            cells: &self.cells[slices[place].cells.clone()],
            variance: self.source.receipt.slices[place].variance,
        }
    }
}

/// The requests of a query that were answered.
pub(super) fn answered(requests: &[StoredRequest]) -> impl Iterator<Item = &StoredRequest> {
    (requests.iter()).filter(|request| request.state == RequestState::Answered)
}

/// The stored answer to a request, which is the one that was verified when it came in, or is verified now.
///
/// # Errors
/// [`CoordinatorError`], also where what is stored is not what was signed.
pub(super) async fn answer(
    connection: &mut SqliteConnection,
    vouchers: &Vouchers,
    request: &StoredRequest,
) -> Result<Answered, CoordinatorError> {
    let corrupt = || CoordinatorError::Corrupt { what: "answer" };
    let StoredAnswer {
        node_key,
        envelope,
        request_payload,
    } = (stored_answers::answer_by_request(connection, &request.id).await?).ok_or_else(corrupt)?;
    let verified = match vouchers.of(&request.id) {
        Some(vouched) => VerifiedAnswer::read_again(&envelope, &vouched, &request_payload),
        None => {
            let (parsed, asked) = outstanding(&request_payload)?;
            VerifiedAnswer::verify(&envelope, &node_key, &parsed, &request_payload, &asked)
        }
    };
    match verified.map_err(|_| corrupt())?.into_outcome() {
        Outcome::Answered { cells, receipt } => Ok(Answered {
            cells,
            source: Source {
                organisation: request.organisation.clone(),
                dataset: request.dataset.clone(),
                receipt,
            },
        }),
        Outcome::Refused { .. } => Err(corrupt()),
    }
}

/// All answers to a query, each as [`answer`] reads it.
///
/// # Errors
/// As [`answer`].
pub(super) async fn answers(
    connection: &mut SqliteConnection,
    vouchers: &Vouchers,
    requests: &[StoredRequest],
) -> Result<Vec<Answered>, CoordinatorError> {
    let mut all = Vec::new();
    for request in answered(requests) {
        all.push(answer(connection, vouchers, request).await?);
    }
    Ok(all)
}

/// Composes what a query's nodes have answered so far, into one release for each level asked, coarsest first; into none
/// where nobody has answered. `is_offline` says of a request without an answer whether its node is out of reach.
///
/// Answers are read and added one by one, so that only one is held at a time.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn composed(
    connection: &mut SqliteConnection,
    vouchers: &Vouchers,
    query: &StoredQuery,
    requests: &[StoredRequest],
    is_offline: impl Fn(&StoredRequest) -> bool,
    now: i64,
) -> Result<Vec<ComposedRelease>, CoordinatorError> {
    let nodes = answered(requests).count();
    if nodes == 0 {
        return Ok(Vec::new());
    }
    let corrupt = || CoordinatorError::Corrupt { what: "query" };
    let parsed = AggregateQuery::parse(query.query.as_bytes()).map_err(|_| corrupt())?;
    let slices = parsed.slices();
    let mut levels = Vec::new();
    for (place, slice) in slices.iter().enumerate() {
        if let SliceOf::Level(level) = slice.of {
            let plain = parsed.at_level(level).ok_or_else(corrupt)?;
            let composition = Composition::new(plain.measure(), &vec![1; plain.cells()], nodes);
            levels.push((place, plain, composition, secret::identifier()?));
        }
    }
    let cut_off = slices.iter().position(|slice| slice.of == SliceOf::CutOff);
    let mut truncation = CutOffSum::default();
    let mut sources = Vec::new();
    for request in answered(requests) {
        let answer = answer(connection, vouchers, request).await?;
        for (place, _, composition, _) in &mut levels {
            composition.add(answer.part(&slices, *place))?;
        }
        if let Some(place) = cut_off {
            truncation.add(answer.part(&slices, place));
        }
        sources.push(answer.source);
    }
    let part_of = parsed.is_split().then(|| PartOf {
        query: query.id.clone(),
        query_hash: query.query_hash.clone(),
        rho: parsed.rho_nano(),
        releases: (levels.iter())
            .map(|(_, plain, _, release)| LevelRelease {
                level: plain.level().id().to_owned(),
                release: release.clone(),
            })
            .collect(),
    });
    let truncation = (parsed.cut_off()).map(|bound| truncation.published(bound.at_most));
    let declared = datasets::datasets(connection).await?;
    let mut releases = Vec::new();
    for (place, plain, composition, id) in levels {
        let mut coverage = coverage(query, requests, place, &sources, &is_offline);
        for node in &mut coverage.answered {
            // Of another edition's mapping nothing follows for the one that answered.
            let same = (declared.iter()).find(|known| {
                (&known.organisation, &known.notice.id, known.notice.edition)
                    == (&node.node, &node.dataset, node.edition)
            });
            node.finest_level = same.map(|known| known.notice.finest_level);
        }
        let sums = composition.sums()?;
        let mut release = build(query, &plain, &sources, sums, coverage, &id, now)?;
        release.summary.part_of = part_of.clone();
        release.privacy.truncation = truncation.clone();
        releases.push(release);
    }
    Ok(releases)
}

/// What the bounds cut off, over all answers.
#[derive(Default)]
struct CutOffSum {
    value: i64,
    variances: Vec<f64>,
}

impl CutOffSum {
    fn add(&mut self, part: Part<'_>) {
        for cell in part.cells {
            self.value = self.value.saturating_add(*cell);
        }
        self.variances.push(part.variance);
    }

    fn published(self, at_most: u32) -> Truncation {
        Truncation {
            value: self.value,
            variance: self.variances.iter().sum(),
            margin_95: compose::margin(&self.variances, Confidence::P95),
            at_most,
        }
    }
}

impl Release {
    /// This release, with the same answers summed to another question: nobody is asked and nothing is spent.
    pub(super) fn derived(
        self,
        id: &str,
        question: &AggregateQuery,
        applied: AppliedBounds,
        sums: Sums,
        now: i64,
    ) -> Result<ComposedRelease, CoordinatorError> {
        Ok(ComposedRelease {
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
            sums,
            estimand: estimand(question.measure()).to_owned(),
            privacy: Privacy {
                bounds: Some(applied),
                // It was counted for the question of the source.
                truncation: None,
                ..self.privacy
            },
            coverage: self.coverage,
            // It ends with what it was made of.
            obligations: self.obligations,
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

fn build(
    query: &StoredQuery,
    parsed: &AggregateQuery,
    sources: &[Source],
    sums: Sums,
    coverage: Coverage,
    id: &str,
    now: i64,
) -> Result<ComposedRelease, CoordinatorError> {
    let every = |part: fn(&Receipt) -> &String| -> String {
        let all: BTreeSet<&str> = (sources.iter())
            .map(|source| part(&source.receipt).as_str())
            .collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    let organisations: BTreeSet<&String> =
        sources.iter().map(|source| &source.organisation).collect();
    Ok(ComposedRelease {
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
        sums,
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
        obligations: owed(sources).map(|owed| ReleaseObligations::of(&owed, now)),
    })
}

/// The strictest of what the answers owe; `None` where none states anything.
fn owed(sources: &[Source]) -> Option<Obligations> {
    (sources.iter())
        .filter_map(|source| source.receipt.obligations)
        .reduce(Obligations::strictest)
}

fn coverage(
    query: &StoredQuery,
    requests: &[StoredRequest],
    place: usize,
    sources: &[Source],
    is_offline: impl Fn(&StoredRequest) -> bool,
) -> Coverage {
    let mut coverage = Coverage::default();
    for Source {
        organisation,
        dataset,
        receipt,
    } in sources
    {
        coverage.answered.push(AnsweredNode {
            node: organisation.clone(),
            dataset: dataset.clone(),
            edition: receipt.edition,
            variance: receipt.slices[place].variance,
            finest_level: None,
        });
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
