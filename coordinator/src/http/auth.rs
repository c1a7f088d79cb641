//! Who is calling: an extractor that handlers name as an argument, so that a forgotten check does not compile.
//! Cookies count for browsers, bearer tokens for programs; anything else is nobody.

use super::cookies::Cookies;
use crate::Problem;
use crate::app::session;
use crate::state::App;
use crate::store::accounts::Account;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

/// How API tokens begin.
pub(crate) const TOKEN_PREFIX: &str = "wi_";

/// The account that calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub Account);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, Problem> {
        let account = if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
            // A request that names a token is judged by it alone.
            match authorization
                .to_str()
                .ok()
                .and_then(|value| value.strip_prefix("Bearer "))
            {
                Some(token) if token.starts_with(TOKEN_PREFIX) => {
                    session::by_token(app, token).await?
                }
                _ => None,
            }
        } else {
            match Cookies::of(&parts.headers, app.config.is_public_tls()).session() {
                Some(token) => session::by_cookie(app, token).await?,
                None => None,
            }
        };
        account.map(Caller).ok_or(Problem::Unauthenticated)
    }
}
