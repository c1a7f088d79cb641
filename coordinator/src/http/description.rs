//! The description of the API, OpenAPI 3.1: what the handlers say of themselves, with what holds for all of them added in
//! one place (problems, sign-in, names), so that the document is valid and no handler repeats it.

use super::auth::TOKEN_PREFIX;
use super::cookies;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, Response};
use utoipa::{OpenApi as _, ToSchema};

const SESSION: &str = "session";
const TOKEN: &str = "token";
/// What needs no account.
const OPEN: [(&str, &str); 3] = [
    ("post", "/api/v1/session"),
    ("delete", "/api/v1/session"),
    ("get", "/api/v1/protection"),
];

/// One event of a stream of type `text/event-stream`, as who reads it is given its lines.
#[derive(Serialize, ToSchema)]
#[allow(
    dead_code,
    reason = "describes what `axum::response::sse::Event` writes"
)]
pub(super) struct StreamEvent {
    /// What it tells of.
    event: String,
    /// A JSON document.
    data: String,
}

/// A refusal or failure (RFC 9457).
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "describes what `crate::Problem` writes")]
struct ProblemDetails {
    /// `urn:welfare-intelligence:problem:` and the code.
    r#type: String,
    title: String,
    status: u16,
    /// A stable code.
    code: String,
    /// What the code is about, such as the limit that was passed.
    #[schema(value_type = Object)]
    params: Map<String, Value>,
    /// A sentence in English with the remedy.
    detail: Option<String>,
    /// Where in the body, as a JSON path.
    path: Option<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Welfare Intelligence",
        description = "Questions to organisations' nodes and their differentially private answers. Failures are \
                       application/problem+json with a stable `code` and `params`. Sign in for a session cookie, or send \
                       `Authorization: Bearer wi_...`."
    ),
    components(schemas(ProblemDetails))
)]
struct Description;

/// The description before any route is in it.
pub(super) fn empty() -> OpenApi {
    Description::openapi()
}

/// Adds what holds for every route.
pub(super) fn complete(mut description: OpenApi) -> OpenApi {
    let components = description.components.get_or_insert_with(Components::new);
    let cookie = ApiKey::Cookie(ApiKeyValue::new(cookies::SESSION));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(cookie));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format(TOKEN_PREFIX)
        .build();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer));
    for (path, item) in &mut description.paths.paths {
        for (method, operation) in operations(item) {
            complete_operation(path, method, operation);
        }
    }
    description
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn complete_operation(path: &str, method: &str, operation: &mut Operation) {
    let words: Vec<&str> = (path.trim_start_matches("/api/v1").split(['/', '{', '}']))
        .filter(|word| !word.is_empty())
        .collect();
    operation.operation_id = Some(format!("{method}-{}", words.join("-")));
    operation.tags = words.first().map(|first| vec![(*first).to_owned()]);
    if path.starts_with("/api/") {
        add_common_refusals(path, method, operation);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            complete_response(status, response);
        }
    }
}

/// What any handler of its kind may be refused with, before or within it.
fn add_common_refusals(path: &str, method: &str, operation: &mut Operation) {
    let mut refusals = Vec::new();
    let has_parameters = (operation.parameters.as_ref()).is_some_and(|all| !all.is_empty());
    if has_parameters {
        refusals.push("400");
    }
    // Signing in is open to all, and so is signing out of nothing.
    let is_open = OPEN.contains(&(method, path));
    if !is_open {
        refusals.push("401");
        let none: [&str; 0] = [];
        operation.security = Some(vec![
            SecurityRequirement::new(SESSION, none),
            SecurityRequirement::new(TOKEN, none),
        ]);
    }
    if method != "get" {
        refusals.push("403");
    }
    if operation.request_body.is_some() {
        refusals.extend(["400", "408", "413", "415", "422"]);
    }
    for status in refusals {
        (operation.responses.responses)
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(Response::new("")));
    }
}

fn complete_response(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        let reason = status.parse().ok().and_then(|status| {
            axum::http::StatusCode::from_u16(status)
                .ok()?
                .canonical_reason()
        });
        response.description = reason.unwrap_or("As its status says").to_owned();
    }
    if status.starts_with(['4', '5']) && response.content.is_empty() {
        let problem = Ref::from_schema_name("ProblemDetails");
        let content = Content::new(Some(problem));
        (response.content).insert("application/problem+json".to_owned(), RefOr::T(content));
    }
}
