//! Answering a question from a release: found and offered before anything is spent, made only on an analyst's word.
//! Within one study: no privacy cost is not a lawful purpose, so nothing is reused across studies.

use super::plan::{self, Addressee};
use super::release::{self, AppliedBounds, Release, ReleaseSummary};
use super::stored_release;
use super::{end, limits};
use crate::app::audience;
use crate::state::State;
use crate::store::accounts::{Account, Role};
use crate::store::log::{self, Entry};
use crate::store::queries::NewQuery;
use crate::store::visible::Viewer;
use crate::store::{queries, releases, requests, studies};
use crate::{CoordinatorError, Problem, secret};
use audit::EntryKind;
use compose::{CellMap, Composition, Confidence, Part};
use query::{AggregateQuery, SliceOf};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use utoipa::ToSchema;

/// A release from which a question can be answered for nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Derivable {
    /// The release.
    pub release: String,
    /// Of how many of its cells the least certain cell of the answer is the sum.
    pub draws: u32,
    /// Margin of that cell, 95 percent.
    pub margin_95: f64,
    /// The bounds it was asked with.
    pub bounds: AppliedBounds,
    /// How many of its cells one person, or household, can be in; more than the bound are cut off.
    pub reachable: u32,
    /// Whether these bounds may cut off more than those of the question.
    pub cuts_more: bool,
    /// Organisations that refused it and that the question would be put to again.
    pub refused: Vec<String>,
}

impl Derivable {
    /// Whether it is the better offer: fewer organisations missing, then nothing more cut off, for neither shows in a
    /// margin; then the smaller margin of the least certain cell.
    fn is_better_than(&self, other: &Derivable) -> bool {
        let flaws = |one: &Derivable| (one.refused.len(), one.cuts_more);
        match flaws(self).cmp(&flaws(other)) {
            std::cmp::Ordering::Equal => self.margin_95 < other.margin_95,
            order => order.is_lt(),
        }
    }
}

/// The best release of a study, of those that the viewer may see, from which `wanted` follows and that asking again could not complete; the newest of
/// equals.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn best(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    study: &str,
    wanted: &AggregateQuery,
    asked: &[Addressee],
) -> Result<Option<Derivable>, CoordinatorError> {
    let mut best: Option<Derivable> = None;
    for summary in releases::release_summaries_of_study(connection, study).await? {
        let summary: ReleaseSummary = serde_json::from_str(&summary)?;
        // What follows from a derived release follows from its source too.
        if summary.derived_from.is_some() {
            continue;
        }
        let source = parsed(&summary.query)?;
        let Ok(map) = CellMap::new(&source, wanted) else {
            continue;
        };
        let Some((query, release)) = stored(connection, viewer, &summary.id).await? else {
            continue;
        };
        let Some(refused) = plan::refused_of_settled(connection, &query, asked).await? else {
            continue;
        };
        let variances: Vec<f64> = (release.coverage.answered.iter())
            .map(|node| node.variance)
            .collect();
        let draws = map.draws().iter().max().copied().unwrap_or(1);
        let offer = Derivable {
            release: summary.id,
            draws,
            margin_95: compose::margin_of_draws(&variances, draws, Confidence::P95),
            bounds: applied(&source),
            reachable: source.reachable_cells(),
            cuts_more: map.cuts_more(),
            refused,
        };
        if best.as_ref().is_none_or(|best| offer.is_better_than(best)) {
            best = Some(offer);
        }
    }
    Ok(best)
}

/// Answers a question from a release and stores the result as a release; where that was done before, it is the one there is.
///
/// # Errors
/// [`Problem`]; nothing is stored then.
pub async fn derive(
    app: &State,
    account: &Account,
    release: &str,
    study: &str,
    wanted: &AggregateQuery,
) -> Result<String, Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    let now = app.clock.now();
    let id = secret::identifier()?;
    // Verifying and summing hold no lock.
    let mut reader = app.database.read().await?;
    let viewer = audience::viewer(app, account);
    let (query, source) = source(&mut reader, &viewer, release, study).await?;
    let held = studies::study_by_id(&mut reader, study)
        .await?
        .ok_or(Problem::UnknownStudy)?;
    limits::check(&held.study, wanted, now)?;
    let asked = parsed(&source.summary.query)?;
    let map = CellMap::new(&asked, wanted).map_err(Problem::NotDerivable)?;
    let requests = requests::requests_of_query(&mut reader, &query).await?;
    let whole = queries::query_by_id(&mut reader, &query).await?;
    let corrupt = || CoordinatorError::Corrupt { what: "query" };
    let whole = whole.and_then(|whole| AggregateQuery::parse(whole.query.as_bytes()).ok());
    let slices = whole.ok_or_else(corrupt)?.slices();
    let level = SliceOf::Level(asked.level());
    let place = slices.iter().position(|slice| slice.of == level);
    let place = place.ok_or_else(corrupt)?;
    // Each node's cells, summed as the question asks, then added over nodes.
    let nodes = release::answered(&requests).count();
    let mut composition = Composition::new(wanted.measure(), map.draws(), nodes);
    for request in release::answered(&requests) {
        let answer = release::answer(&mut reader, &app.vouched, request).await?;
        let part = answer.part(&slices, place);
        let cells = map
            .apply(part.cells)
            .ok_or(CoordinatorError::Corrupt { what: "answer" })?;
        composition
            .add(Part {
                cells: &cells,
                ..part
            })
            .map_err(CoordinatorError::from)?;
    }
    drop(reader);
    let sums = composition.sums().map_err(CoordinatorError::from)?;
    let source_id = source.summary.id.clone();
    let made = source.derived(&id, wanted, applied(&asked), sums, now)?;

    let mut transaction = app.database.write().await?;
    let hash = wanted.hash().to_string();
    let reuse = |code| {
        Entry::new(EntryKind::Reuse, code)
            .study(study)
            .fact("query-hash", hash.as_str())
            .body(json!({ "account": account.name }))
    };
    for (known, _) in releases::releases_of_question(&mut transaction, &hash, study).await? {
        let same = (stored(&mut transaction, &viewer, &known).await?)
            .is_some_and(|(_, it)| it.summary.derived_from.as_ref() == Some(&source_id));
        if same {
            let entry = reuse("release-reused").fact("release", known.as_str());
            log::append(&mut transaction, now, entry).await?;
            transaction.commit().await.map_err(CoordinatorError::from)?;
            return Ok(known);
        }
    }
    let query = NewQuery {
        id: &secret::identifier()?,
        study,
        requester: &held.study.requester,
        query: &wanted.canonical(),
        query_hash: &hash,
        asked_by: account.id,
        asked_at: now,
        expires_at: now,
        unasked: &[],
    };
    queries::query_insert(&mut transaction, &query).await?;
    let inserted = queries::query_by_id(&mut transaction, query.id)
        .await?
        .ok_or(CoordinatorError::Corrupt { what: "query" })?;
    let entry = reuse("release-derived")
        .query(query.id)
        .fact("release", source_id.as_str());
    log::append(&mut transaction, now, entry).await?;
    end::publish(&mut transaction, &inserted, &made, None, now).await?;
    queries::query_set_released(&mut transaction, query.id, &id).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(id)
}

/// The release that nodes answered behind `release`, which is itself or what it was derived from, with its query.
async fn source(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    release: &str,
    study: &str,
) -> Result<(String, Release), Problem> {
    let of_study = |found: Option<(String, Release)>| {
        found
            .filter(|(_, release)| release.summary.study == study)
            .ok_or(Problem::NotFound)
    };
    let (query, found) = of_study(stored(connection, viewer, release).await?)?;
    match &found.summary.derived_from {
        None => Ok((query, found)),
        Some(first) => of_study(stored(connection, viewer, first).await?),
    }
}

/// A stored release with the query it answers; none where the viewer may not see it.
pub(super) async fn stored(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    id: &str,
) -> Result<Option<(String, Release)>, CoordinatorError> {
    let Some(visible) = viewer.find(connection, id).await? else {
        return Ok(None);
    };
    match releases::release_with_query(connection, &visible).await? {
        Some((query, body)) => Ok(Some((query, stored_release::read(&body)?))),
        None => Ok(None),
    }
}

/// The question of a stored release.
pub(super) fn parsed(query: &Value) -> Result<AggregateQuery, CoordinatorError> {
    AggregateQuery::parse(query.to_string().as_bytes())
        .map_err(|_| CoordinatorError::Corrupt { what: "query" })
}

fn applied(query: &AggregateQuery) -> AppliedBounds {
    let bounds = query.bounds();
    AppliedBounds {
        cells: bounds.cells,
        per_cell: bounds.per_cell,
    }
}
