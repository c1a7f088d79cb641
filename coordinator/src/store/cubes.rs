//! Planned cubes and what was asked of each.
//! A definition is written once and never changed; another plan is another cube.

use crate::CoordinatorError;
use crate::store::queries::QueryState;
use query::{Cube, Month, Span};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use utoipa::ToSchema;

/// A planned cube.
#[derive(Clone, Debug)]
pub struct StoredCube {
    /// Its definition, read again.
    pub cube: Cube,
    /// The definition's text.
    pub definition: String,
    /// When it was planned, Unix seconds.
    pub planned_at: i64,
}

/// Why a cube was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AskKind {
    /// All periods completed before the cube was first asked.
    Past,
    /// A period that an edition completed.
    Period,
    /// Periods asked again on purpose.
    Revision,
}

impl AskKind {
    const ALL: [AskKind; 3] = [AskKind::Past, AskKind::Period, AskKind::Revision];

    fn as_str(self) -> &'static str {
        match self {
            AskKind::Past => "past",
            AskKind::Period => "period",
            AskKind::Revision => "revision",
        }
    }
}

/// One asking of a cube, to be stored with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CubeAsk {
    /// The cube.
    pub cube: String,
    /// Why.
    pub kind: AskKind,
    /// Which months.
    pub span: Span,
}

/// One asking of a cube and what has come of it.
#[derive(Clone, Debug)]
pub struct StoredAsk {
    /// Why.
    pub kind: AskKind,
    /// Which months.
    pub span: Span,
    /// The query.
    pub query: String,
    /// How far it is.
    pub state: QueryState,
    /// Its release, at the finest level.
    pub release: Option<String>,
}

/// Stores a planned cube; false where there is one of that name.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn cube_insert(
    connection: &mut SqliteConnection,
    cube: &Cube,
    definition: &str,
    planned_by: i64,
    now: i64,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO cubes (id, study, definition, planned_by, planned_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(cube.id())
    .bind(cube.study())
    .bind(definition)
    .bind(planned_by)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All cubes, by identifier.
pub async fn cubes(connection: &mut SqliteConnection) -> Result<Vec<StoredCube>, CoordinatorError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT definition, planned_at FROM cubes ORDER BY id")
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(read).collect()
}

/// A cube.
pub async fn cube_by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<StoredCube>, CoordinatorError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT definition, planned_at FROM cubes WHERE id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    row.map(read).transpose()
}

fn read((definition, planned_at): (String, i64)) -> Result<StoredCube, CoordinatorError> {
    let corrupt = |_| CoordinatorError::Corrupt { what: "cube" };
    Ok(StoredCube {
        cube: Cube::parse(definition.as_bytes()).map_err(corrupt)?,
        definition,
        planned_at,
    })
}

/// Stores that a cube was asked by a query. Once only: the same query again changes nothing.
pub async fn cube_ask_insert(
    connection: &mut SqliteConnection,
    ask: &CubeAsk,
    query: &str,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO cube_asks (cube, query, kind, from_month, to_month, asked_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (cube, query) DO NOTHING",
    )
    .bind(&ask.cube)
    .bind(query)
    .bind(ask.kind.as_str())
    .bind(ask.span.from.to_string())
    .bind(ask.span.to.to_string())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// What was asked of a cube, by the months asked.
pub async fn cube_asks(
    connection: &mut SqliteConnection,
    cube: &str,
) -> Result<Vec<StoredAsk>, CoordinatorError> {
    let rows: Vec<(String, String, String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT cube_asks.kind, cube_asks.from_month, cube_asks.to_month, queries.id, queries.state, queries.release \
         FROM cube_asks JOIN queries ON queries.id = cube_asks.query WHERE cube_asks.cube = $1 \
         ORDER BY cube_asks.from_month, cube_asks.asked_at",
    )
    .bind(cube)
    .fetch_all(connection)
    .await?;
    let corrupt = || CoordinatorError::Corrupt { what: "cube" };
    (rows.into_iter())
        .map(|(kind, from, to, query, state, release)| {
            let kind = (AskKind::ALL.into_iter()).find(|known| known.as_str() == kind);
            Ok(StoredAsk {
                kind: kind.ok_or_else(corrupt)?,
                span: Span {
                    from: Month::parse(&from).ok_or_else(corrupt)?,
                    to: Month::parse(&to).ok_or_else(corrupt)?,
                },
                query,
                state: QueryState::from_stored(&state)?,
                release,
            })
        })
        .collect()
}
