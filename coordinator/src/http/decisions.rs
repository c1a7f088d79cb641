//! `/api/v1/decisions`: the query log, one decision in full, and the proof that it is logged.
//! Officers and administrators see all, an organisation's people their own, analysts what they asked.

use super::auth::Caller;
use crate::Problem;
use crate::app::oversight::decisions::{self, DecisionRecord, DecisionsView, Wanted};
use crate::app::oversight::italy;
use crate::app::oversight::proof::{self, LogProof};
use crate::app::oversight::reach::Reach;
use crate::state::App;
use crate::store::decisions::{Decision, Filter, Place};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rows of a page where no number is asked for.
const USUAL: i64 = 25;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(prove))
}

/// What is looked for. Empty and absent mean the same.
#[derive(Debug, Deserialize, IntoParams)]
struct Search {
    /// The organisation that asks.
    requester: Option<String>,
    /// The study.
    study: Option<String>,
    /// The organisation asked.
    organisation: Option<String>,
    /// `answered`, `refused`, `declined`, `waiting`, `unanswered` or `reused`.
    decision: Option<String>,
    /// The study's purpose.
    purpose: Option<String>,
    /// A target the question names.
    target: Option<String>,
    /// First day, `YYYY-MM-DD`, as days are in Italy.
    from: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    to: Option<String>,
    /// Words that must all be found: in names, titles, targets, rules, codes, and at the beginning of identifiers and hashes.
    text: Option<String>,
    /// Where the page begins, as the page before said in `next`.
    after: Option<String>,
    /// Rows of the page, 1 to 200; 25 where absent.
    limit: Option<String>,
}

fn wrong(path: &'static str) -> Problem {
    Problem::InvalidBody {
        path: path.to_owned(),
        code: "wrong-value",
    }
}

impl Search {
    fn read(self) -> Result<(Wanted, Option<Place>, i64), Problem> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let day = |text: Option<String>, path| match given(text) {
            None => Ok(None),
            Some(text) => italy::day(&text).map(Some).ok_or_else(|| wrong(path)),
        };
        let decision = match given(self.decision) {
            None => None,
            Some(id) => Some(Decision::from_id(&id).ok_or_else(|| wrong("decision"))?),
        };
        let after = match given(self.after) {
            None => None,
            Some(text) => Some(Place::parse(&text).ok_or_else(|| wrong("after"))?),
        };
        let limit = match given(self.limit) {
            None => USUAL,
            Some(text) => (text.parse().ok())
                .filter(|limit| (1..=decisions::PAGE).contains(limit))
                .ok_or_else(|| wrong("limit"))?,
        };
        let filter = Filter {
            requester: given(self.requester),
            organisation: given(self.organisation),
            decision,
            target: given(self.target),
            from: day(self.from, "from")?.map(|(from, _)| from),
            until: day(self.to, "to")?.map(|(_, until)| until),
            ..Filter::default()
        };
        let wanted = Wanted {
            filter,
            study: given(self.study),
            purpose: given(self.purpose),
            text: given(self.text),
        };
        Ok((wanted, after, limit))
    }
}

/// Decisions, newest first, page by page.
#[utoipa::path(get, path = "/api/v1/decisions", params(Search),
    responses((status = 200, body = DecisionsView), (status = 401), (status = 422)))]
async fn list(
    State(app): State<App>,
    Caller(account): Caller,
    Query(search): Query<Search>,
) -> Result<Json<DecisionsView>, Problem> {
    let (wanted, after, limit) = search.read()?;
    let reach = Reach::of(&account);
    let page = decisions::list(&app, reach, wanted, after.as_ref(), limit).await?;
    Ok(Json(page))
}

/// Everything about one decision: why, what it cost, what remained, how the answer was made, where it is logged.
#[utoipa::path(get, path = "/api/v1/decisions/{id}", params(("id" = String, Path)),
    responses((status = 200, body = DecisionRecord), (status = 401), (status = 404)))]
async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<DecisionRecord>, Problem> {
    decisions::record(&app, Reach::of(&account), &id)
        .await?
        .map(Json)
        .ok_or(Problem::NotFound)
}

/// The entries of the coordinator's log about a decision, with inclusion proofs to its head and to heads that nodes cosigned.
#[utoipa::path(get, path = "/api/v1/decisions/{id}/proof", params(("id" = String, Path)),
    responses((status = 200, body = LogProof), (status = 401), (status = 404)))]
async fn prove(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<LogProof>, Problem> {
    proof::proof(&app, Reach::of(&account), &id)
        .await?
        .map(Json)
        .ok_or(Problem::NotFound)
}
