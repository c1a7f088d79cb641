//! A query as people see it: how far it has come and what each organisation is doing.
//! Accounts of one organisation see that organisation's part only.

use crate::CoordinatorError;
use crate::clock::rfc3339;
use crate::state::State;
use crate::store::accounts::{Account, Role};
use crate::store::organisations::{self, Organisation};
use crate::store::queries::{self, QueryState, StoredQuery};
use crate::store::requests::{self, RequestState, StoredRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqliteConnection;
use utoipa::ToSchema;

/// Most queries in a list.
const LISTED: i64 = 500;

/// What one organisation is doing about a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// The organisation.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Which of its datasets; absent where it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// `waiting`, `asked`, `waiting-for-approval`, `answered`, `refused`, `offline` or `expired`.
    pub state: String,
    /// The rule that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Since when, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryView {
    /// Identifier.
    pub id: String,
    /// The study.
    pub study: String,
    /// The canonical question.
    #[schema(value_type = Object)]
    pub query: Value,
    /// Its hash, hex.
    pub query_hash: String,
    /// Who asked.
    pub asked_by: String,
    /// When, RFC 3339.
    pub asked_at: String,
    /// Until when it is open, RFC 3339.
    pub expires_at: String,
    /// How far it has come.
    pub state: QueryState,
    /// Its release.
    pub release: Option<String>,
    /// The field by which the requester's node declined to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declined_field: Option<String>,
    /// Why it declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declined_code: Option<String>,
    /// What each organisation is doing.
    pub nodes: Vec<NodeView>,
}

/// The organisation an account is confined to.
pub fn scope(account: &Account) -> Option<&str> {
    match account.role {
        Role::Analyst | Role::Admin => None,
        // An account of an organisation always has one; without, it sees nothing.
        Role::Organisation | Role::Dpo => Some(account.organisation.as_deref().unwrap_or_default()),
    }
}

/// One query as an account sees it; `None` where it is not there or not to be seen.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn query(
    app: &State,
    account: &Account,
    id: &str,
) -> Result<Option<QueryView>, CoordinatorError> {
    let mut reader = app.database.read().await?;
    let known = organisations::organisations(&mut reader).await?;
    match queries::query_by_id(&mut reader, id).await? {
        Some(query) => view(app, &mut reader, &known, scope(account), query).await,
        None => Ok(None),
    }
}

/// The latest queries an account may see, newest first.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn queries(app: &State, account: &Account) -> Result<Vec<QueryView>, CoordinatorError> {
    let mut reader = app.database.read().await?;
    let known = organisations::organisations(&mut reader).await?;
    let mut views = Vec::new();
    for query in queries::queries_latest(&mut reader, LISTED).await? {
        views.extend(view(app, &mut reader, &known, scope(account), query).await?);
    }
    Ok(views)
}

async fn view(
    app: &State,
    connection: &mut SqliteConnection,
    known: &[Organisation],
    scope: Option<&str>,
    query: StoredQuery,
) -> Result<Option<QueryView>, CoordinatorError> {
    let now = app.clock.now();
    let organisation = |id: &str| known.iter().find(|organisation| organisation.id == id);
    let name = |id: &str| {
        organisation(id)
            .map_or(id, |organisation| &organisation.name)
            .to_owned()
    };
    let is_seen = |id: &str| scope.is_none_or(|scope| scope == id);
    let mut nodes = Vec::new();
    for request in requests::requests_of_query(connection, &query.id).await? {
        if !is_seen(&request.organisation) {
            continue;
        }
        let stored =
            organisation(&request.organisation).and_then(|organisation| organisation.last_seen);
        let online = app.hub.is_online(&request.organisation, stored, now);
        let (rule, field, code) = match request.refusal.clone() {
            Some((rule, field, code)) => (Some(rule), Some(field), Some(code)),
            None => (None, None, None),
        };
        nodes.push(NodeView {
            name: name(&request.organisation),
            state: state_of(app, &request, online).to_owned(),
            at: Some(rfc3339(request.state_at)),
            node: request.organisation,
            dataset: Some(request.dataset),
            rule,
            field,
            code,
        });
    }
    for unasked in query
        .unasked
        .iter()
        .filter(|unasked| is_seen(&unasked.organisation))
    {
        let silent = unasked.reason == "never-connected";
        nodes.push(NodeView {
            node: unasked.organisation.clone(),
            name: name(&unasked.organisation),
            dataset: None,
            state: if silent { "offline" } else { "refused" }.to_owned(),
            rule: (!silent).then(|| "enrolment".to_owned()),
            field: (!silent).then(|| "study".to_owned()),
            code: Some(unasked.reason.clone()),
            at: None,
        });
    }
    // An organisation's people see what concerns their organisation, and what their own node signed.
    if nodes.is_empty() && scope.is_some_and(|scope| scope != query.requester) {
        return Ok(None);
    }
    nodes.sort_by(|a, b| (&a.node, &a.dataset).cmp(&(&b.node, &b.dataset)));
    let (declined_field, declined_code) = query.declined.unzip();
    Ok(Some(QueryView {
        query: serde_json::from_str(&query.query)?,
        id: query.id,
        study: query.study,
        query_hash: query.query_hash,
        asked_by: query.asked_by,
        asked_at: rfc3339(query.asked_at),
        expires_at: rfc3339(query.expires_at),
        state: query.state,
        release: query.release,
        declined_field,
        declined_code,
        nodes,
    }))
}

fn state_of(app: &State, request: &StoredRequest, online: bool) -> &'static str {
    match request.state {
        RequestState::Answered => "answered",
        RequestState::Refused => "refused",
        RequestState::Offline => "offline",
        RequestState::Expired => "expired",
        RequestState::Unsigned | RequestState::Signed | RequestState::Offered if !online => {
            "offline"
        }
        RequestState::Unsigned | RequestState::Signed => "waiting",
        RequestState::Offered
            if (app.hub).is_waiting_for_approval(&request.organisation, &request.id) =>
        {
            "waiting-for-approval"
        }
        RequestState::Offered => "asked",
    }
}
