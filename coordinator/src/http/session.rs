//! `/api/v1/session`: sign in, who am I, sign out.
//! The token travels in an HttpOnly cookie only; no script can read it.

use super::auth::{COOKIE, Caller, session_cookie};
use super::body::Body;
use crate::Problem;
use crate::app::session;
use crate::state::App;
use crate::store::accounts::{Account, Role};
use crate::store::sessions::LIFETIME_SECONDS;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
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

/// Where the connection comes from, where the server told.
fn address(extensions: &Extensions) -> Option<IpAddr> {
    (extensions.get::<ConnectInfo<SocketAddr>>()).map(|ConnectInfo(address)| address.ip())
}

fn cookie(app: &App, token: &str, max_age: i64) -> String {
    let secure = if app.config.is_public_tls() {
        "; Secure"
    } else {
        ""
    };
    format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age}{secure}")
}

/// Signs in.
#[utoipa::path(
    post, path = "/api/v1/session", request_body = Credentials,
    responses((status = 200, body = SessionView), (status = 401), (status = 429))
)]
async fn sign_in(
    State(app): State<App>,
    extensions: Extensions,
    Body(credentials): Body<Credentials>,
) -> Result<Response, Problem> {
    let Credentials { name, password } = credentials;
    let (account, token) = session::sign_in(&app, address(&extensions), &name, password).await?;
    let cookie = cookie(&app, &token, LIFETIME_SECONDS);
    Ok((
        [(header::SET_COOKIE, cookie)],
        Json(SessionView::from(account)),
    )
        .into_response())
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
    if let Some(token) = session_cookie(&headers) {
        session::sign_out(&app, token).await?;
    }
    Ok((
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, cookie(&app, "", 0))],
    )
        .into_response())
}
