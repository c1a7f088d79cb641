//! `/api/v1/log`: what was asked, decided and released, and the signed head of the log it stands in.
//! Accounts of an organisation see what concerns it; sign-ins and acts of administration are for the administration.

use super::auth::Caller;
use crate::Problem;
use crate::app::evidence;
use crate::app::oversight::italy;
use crate::app::view::scope;
use crate::clock::rfc3339;
use crate::state::App;
use crate::store::accounts::Role;
use crate::store::log::{self, Readership, Recorded};
use audit::Fact;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(entries))
        .routes(routes!(pack))
}

/// Where to read on.
#[derive(Deserialize, IntoParams)]
struct After {
    /// The index of the last entry already read.
    after: Option<i64>,
}

/// How far a pack reaches.
#[derive(Deserialize, IntoParams)]
struct Until {
    /// Last day, `YYYY-MM-DD`, as days are in Italy; the whole log where absent. A pack always begins with the log.
    until: Option<String>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
struct LogEntry {
    index: u64,
    kind: &'static str,
    /// RFC 3339.
    at: String,
    study: Option<String>,
    query: Option<String>,
    node: Option<String>,
    /// What happened.
    summary_code: String,
    #[schema(value_type = Object)]
    params: Map<String, Value>,
}

/// A page of the log, oldest first.
#[derive(Serialize, ToSchema)]
struct LogView {
    entries: Vec<LogEntry>,
    /// The signed head of the whole log, C2SP checkpoint.
    checkpoint: String,
}

/// A page of the log.
#[utoipa::path(get, path = "/api/v1/log", params(After), responses((status = 200, body = LogView), (status = 401)))]
async fn entries(
    State(app): State<App>,
    Caller(account): Caller,
    Query(After { after }): Query<After>,
) -> Result<Json<LogView>, Problem> {
    let own = scope(&account);
    let readership = match (account.role, own) {
        (Role::Admin, _) => Readership::All,
        (_, Some(own)) => Readership::Organisation(own),
        _ => Readership::Questions,
    };
    let mut reader = app.database.read().await?;
    let checkpoint = log::checkpoint(&mut reader, app.database.signer()).await?;
    let entries = (log::page(&mut reader, after, readership).await?.into_iter())
        .map(|recorded| view(recorded, account.role))
        .collect();
    Ok(Json(LogView {
        entries,
        checkpoint: checkpoint.to_string(),
    }))
}

/// The log as an evidence pack, a ZIP that anybody can verify offline: whole for administrators; for an organisation's data
/// protection officer with the entries that concern others withheld.
#[utoipa::path(get, path = "/api/v1/log/evidence", params(Until),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>), (status = 401), (status = 403), (status = 422)))]
async fn pack(
    State(app): State<App>,
    Caller(account): Caller,
    Query(Until { until }): Query<Until>,
) -> Result<Response, Problem> {
    if !matches!(account.role, Role::Admin | Role::Dpo) {
        return Err(Problem::Forbidden);
    }
    let until = match until.filter(|day| !day.is_empty()) {
        None => None,
        Some(day) => match italy::day(&day) {
            Some((_, until)) => Some(until),
            None => {
                return Err(Problem::InvalidBody {
                    path: "until".to_owned(),
                    code: "wrong-value",
                });
            }
        },
    };
    let now = app.clock.now();
    let bytes = evidence::export_until(&app.database, scope(&account), now, until).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"coordinator-evidence.zip\"",
        ),
    ];
    Ok((headers, bytes).into_response())
}

fn view(recorded: Recorded, role: Role) -> LogEntry {
    let header = recorded.header;
    let mut params = Map::new();
    for (key, fact) in &header.facts {
        if !matches!(key.as_str(), "code" | "study" | "query" | "node") {
            let value = match fact {
                Fact::Number(number) => json!(number),
                Fact::Text(text) => json!(text),
            };
            params.insert(key.clone(), value);
        }
    }
    // Bodies name people; who keeps the log may read them.
    if let (Role::Admin | Role::Dpo, Some(Value::Object(body))) = (role, recorded.body) {
        params.extend(body);
    }
    let text = |key| header.text(key).map(str::to_owned);
    LogEntry {
        index: header.index,
        kind: header.kind.as_str(),
        at: rfc3339(header.at),
        study: text("study"),
        query: text("query"),
        node: text("node"),
        summary_code: text("code").unwrap_or_default(),
        params,
    }
}
