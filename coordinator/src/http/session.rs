//! `/api/v1/session`: sign in, who am I, sign out.
//! The token travels in an HttpOnly cookie only; no script can read it.

use super::auth::Caller;
use super::body::Body;
use super::cookies::Cookies;
use super::remote;
use crate::Problem;
use crate::app::session::{self, Attempt};
use crate::state::App;
use crate::store::accounts::{Account, Role};
use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(sign_in, who_am_i, sign_out))
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    name: String,
    password: String,
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
struct AccountView {
    name: String,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
struct SessionView {
    account: AccountView,
}

impl From<Account> for SessionView {
    fn from(account: Account) -> SessionView {
        SessionView {
            account: AccountView {
                name: account.name,
                role: account.role,
                organisation: account.organisation,
            },
        }
    }
}

/// Signs in.
#[utoipa::path(
    post, path = "/api/v1/session", request_body = Credentials,
    responses((status = 200, body = SessionView), (status = 401), (status = 429), (status = 503))
)]
async fn sign_in(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Body(credentials): Body<Credentials>,
) -> Result<Response, Problem> {
    let cookies = Cookies::of(&headers, app.config.is_public_tls());
    let attempt = Attempt {
        address: remote::address(&app, &extensions, &headers),
        device: cookies.device(),
        session: cookies.session(),
        name: &credentials.name,
        password: credentials.password,
    };
    let signed_in = session::sign_in(&app, attempt).await?;
    let mut response = Json(SessionView::from(signed_in.account)).into_response();
    cookies.keep(response.headers_mut(), &signed_in.token, &signed_in.device);
    Ok(response)
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/v1/session",
    responses((status = 200, body = SessionView), (status = 401))
)]
async fn who_am_i(Caller(account): Caller) -> Json<SessionView> {
    Json(account.into())
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", responses((status = 204)))]
async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let cookies = Cookies::of(&headers, app.config.is_public_tls());
    if let Some(token) = cookies.session() {
        session::sign_out(&app, token).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies.forget(response.headers_mut());
    Ok(response)
}
