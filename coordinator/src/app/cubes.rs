//! Planned cubes: what is due of each, what it costs, and asking it. A new edition is asked only for the periods it newly
//! completes; periods asked before are asked again only on purpose.

use super::ask::{self, Asked, Question};
use super::plan;
use super::preview::{self, Preview};
use crate::app::audience;
use crate::clock::rfc3339;
use crate::state::State;
use crate::store::accounts::{Account, Role};
use crate::store::cubes::{self, AskKind, CubeAsk, StoredAsk, StoredCube};
use crate::store::log::{self, Entry};
use crate::store::queries::QueryState;
use crate::store::studies;
use crate::store::visible::Viewer;
use crate::{CoordinatorError, Problem};
use audit::EntryKind;
use query::{AggregateQuery, Cube, Month, Span, completed_by};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Months of a cube, `YYYY-MM`, both inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Months {
    /// First.
    pub from: String,
    /// Last.
    pub to: String,
}

/// What to ask of a cube: what is due, or periods asked again on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Whole periods to ask again, at their price.
    #[serde(default)]
    pub revise: Option<Months>,
}

/// One asking of a cube.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AskView {
    /// `past`, `period` or `revision`.
    pub kind: AskKind,
    /// The first month, `YYYY-MM`.
    pub from: String,
    /// The last month, `YYYY-MM`.
    pub to: String,
    /// The query.
    pub query: String,
    /// How far it is.
    pub state: QueryState,
    /// Its release at the finest level, where the account may see it.
    pub release: Option<String>,
}

/// What is due of a cube.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DueView {
    /// `past` or `period`.
    pub kind: AskKind,
    /// The first month, `YYYY-MM`.
    pub from: String,
    /// The last month, `YYYY-MM`.
    pub to: String,
    /// What it costs each organisation, nano-rho.
    pub rho: u64,
}

/// A planned cube.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CubeView {
    /// Its identifier.
    pub id: String,
    /// The study it is asked in.
    pub study: String,
    /// Its definition.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// When it was planned, RFC 3339.
    pub planned_at: String,
    /// The last month that the current editions of everybody asked complete.
    pub completed: Option<String>,
    /// What was asked.
    pub asked: Vec<AskView>,
    /// What is to be asked next, if anything is.
    pub due: Option<DueView>,
}

/// Plans a cube; nothing is asked yet.
///
/// # Errors
/// [`Problem`]; nothing is stored then.
pub async fn define(app: &State, account: &Account, definition: &[u8]) -> Result<String, Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    let cube = Cube::parse(definition).map_err(Problem::InvalidQuery)?;
    // Strict JSON is ASCII.
    let text =
        std::str::from_utf8(definition).map_err(|_| CoordinatorError::Corrupt { what: "cube" })?;
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    studies::study_by_id(&mut transaction, cube.study())
        .await?
        .ok_or(Problem::UnknownStudy)?;
    if !cubes::cube_insert(&mut transaction, &cube, text, account.id, now).await? {
        return Err(Problem::CubeExists);
    }
    let entry = Entry::new(EntryKind::AdminAct, "cube-planned")
        .study(cube.study())
        .fact("cube", cube.id())
        .fact("cube-hash", protocol::hex(&protocol::sha256(definition)))
        .body(json!({ "account": account.name, "definition": text }));
    log::append(&mut transaction, now, entry).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok(cube.id().to_owned())
}

/// What the default cubes of a study need to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The first month they cover, the first of a year, `YYYY-MM`.
    pub first: String,
}

/// Plans the default cubes of a study that are not planned yet; their identifiers.
///
/// # Errors
/// As [`define`].
pub async fn define_defaults(
    app: &State,
    account: &Account,
    study: &str,
    defaults: &Defaults,
) -> Result<Vec<String>, Problem> {
    let first = Month::parse(&defaults.first).ok_or_else(|| Problem::InvalidBody {
        path: "$.first".to_owned(),
        code: "invalid-period",
    })?;
    let mut planned = Vec::new();
    for definition in query::default_definitions(study, first) {
        match define(app, account, definition.as_bytes()).await {
            Ok(id) => planned.push(id),
            Err(Problem::CubeExists) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(planned)
}

/// All cubes.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn list(app: &State, account: &Account) -> Result<Vec<CubeView>, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let mut views = Vec::new();
    for stored in cubes::cubes(&mut reader).await? {
        views.push(view(&mut reader, &viewer, stored).await?);
    }
    Ok(views)
}

/// One cube.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn one(app: &State, account: &Account, id: &str) -> Result<CubeView, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let stored = (cubes::cube_by_id(&mut reader, id).await?).ok_or(Problem::NotFound)?;
    view(&mut reader, &viewer, stored).await
}

/// Price and accuracy of what is wanted of a cube; spends nothing.
///
/// # Errors
/// [`Problem`] as asking it would meet.
pub async fn preview(
    app: &State,
    account: &Account,
    id: &str,
    wanted: &Wanted,
) -> Result<Preview, Problem> {
    let (cube, _, query) = resolve(app, id, wanted).await?;
    preview::preview_for(app, account, cube.study(), &query).await
}

/// Asks what is wanted of a cube.
///
/// # Errors
/// [`Problem`]; nothing is stored then.
pub async fn ask(
    app: &State,
    account: &Account,
    id: &str,
    wanted: &Wanted,
    idempotency_key: &str,
) -> Result<Asked, Problem> {
    if account.role != Role::Analyst {
        return Err(Problem::Forbidden);
    }
    // What is due moves on once it is asked, so a key stands for the cube and the words of the request.
    let body = serde_json::to_vec(&(id, wanted)).map_err(CoordinatorError::from)?;
    let body_hash = protocol::sha256(&body);
    if let Some(asked) = ask::replayed(app, account, idempotency_key, body_hash).await? {
        return Ok(asked);
    }
    let (cube, ask, query) = resolve(app, id, wanted).await?;
    let question = Question {
        account,
        study: cube.study(),
        query: &query,
        ask_anew: true,
        validity_seconds: None,
        idempotency_key,
        body_hash,
        cube: Some(ask),
    };
    ask::ask(app, question).await
}

/// The query that is wanted, and why it is asked.
async fn resolve(
    app: &State,
    id: &str,
    wanted: &Wanted,
) -> Result<(Cube, CubeAsk, AggregateQuery), Problem> {
    let mut reader = app.database.read().await?;
    let stored = (cubes::cube_by_id(&mut reader, id).await?).ok_or(Problem::NotFound)?;
    let asks = cubes::cube_asks(&mut reader, id).await?;
    let cube = stored.cube;
    let (kind, span) = match &wanted.revise {
        Some(months) => (AskKind::Revision, revisable(&cube, &asks, months)?),
        None => {
            let completed = completed(&mut reader, &cube).await?;
            due(&cube, &asks, completed).ok_or(Problem::NothingDue)?
        }
    };
    let query = match kind {
        AskKind::Past => cube.past(span),
        AskKind::Period => cube.each(span),
        AskKind::Revision => cube.question(span),
    };
    let query = query.map_err(Problem::InvalidQuery)?;
    let ask = CubeAsk {
        cube: id.to_owned(),
        kind,
        span,
    };
    Ok((cube, ask, query))
}

/// Periods that were asked before.
fn revisable(cube: &Cube, asks: &[StoredAsk], months: &Months) -> Result<Span, Problem> {
    let month = |text: &str, path: &str| {
        Month::parse(text).ok_or_else(|| Problem::InvalidBody {
            path: path.to_owned(),
            code: "invalid-period",
        })
    };
    let span = Span {
        from: month(&months.from, "$.revise.from")?,
        to: month(&months.to, "$.revise.to")?,
    };
    let asked_to = asked_to(asks);
    if span.from < cube.first() || span.to < span.from || asked_to.is_none_or(|to| span.to > to) {
        return Err(Problem::InvalidBody {
            path: "$.revise".to_owned(),
            code: "not-asked-before",
        });
    }
    Ok(span)
}

/// The last month that was asked for the first time and is answered or still may be.
fn asked_to(asks: &[StoredAsk]) -> Option<Month> {
    (asks.iter())
        .filter(|ask| ask.kind != AskKind::Revision)
        .filter(|ask| !matches!(ask.state, QueryState::Expired | QueryState::Refused))
        .map(|ask| ask.span.to)
        .max()
}

fn due(cube: &Cube, asks: &[StoredAsk], completed: Option<Month>) -> Option<(AskKind, Span)> {
    let asked_to = asked_to(asks);
    let span = cube.due(asked_to, completed?)?;
    let kind = match asked_to {
        None => AskKind::Past,
        Some(_) => AskKind::Period,
    };
    Some((kind, span))
}

/// The last month that the current edition of every dataset to be asked completes; `None` where nobody is to be asked.
async fn completed(
    connection: &mut SqliteConnection,
    cube: &Cube,
) -> Result<Option<Month>, Problem> {
    let study = (studies::study_by_id(connection, cube.study()).await?)
        .ok_or(CoordinatorError::Corrupt { what: "cube" })?;
    let plan = plan::plan(connection, &study).await?;
    let editions = plan.asked.iter().map(|addressee| addressee.edition);
    Ok(editions.min().and_then(completed_by))
}

async fn view(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    stored: StoredCube,
) -> Result<CubeView, Problem> {
    let cube = stored.cube;
    let asks = cubes::cube_asks(connection, cube.id()).await?;
    let mut seen = BTreeSet::new();
    for release in asks.iter().filter_map(|ask| ask.release.as_deref()) {
        if viewer.find(connection, release).await?.is_some() {
            seen.insert(release.to_owned());
        }
    }
    let completed = completed(connection, &cube).await?;
    let due = due(&cube, &asks, completed).and_then(|(kind, span)| {
        let query = match kind {
            AskKind::Past => cube.past(span),
            _ => cube.each(span),
        };
        Some(DueView {
            kind,
            from: span.from.to_string(),
            to: span.to.to_string(),
            rho: query.ok()?.rho_nano(),
        })
    });
    Ok(CubeView {
        id: cube.id().to_owned(),
        study: cube.study().to_owned(),
        definition: serde_json::from_str(&stored.definition).map_err(CoordinatorError::from)?,
        planned_at: rfc3339(stored.planned_at),
        completed: completed.map(|month| month.to_string()),
        asked: (asks.into_iter())
            .map(|ask| AskView {
                kind: ask.kind,
                from: ask.span.from.to_string(),
                to: ask.span.to.to_string(),
                query: ask.query,
                state: ask.state,
                release: ask.release.filter(|release| seen.contains(release)),
            })
            .collect(),
        due,
    })
}
