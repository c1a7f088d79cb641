//! The port for nodes: TLS 1.3 with client certificates, long polls, signed documents.
//! Who calls is the certificate, never a field; every call but joining asks whether it is still active.

mod caller;
mod calls;
mod error;
mod poll;

pub use caller::NodeCaller;

use crate::state::App;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;

/// Largest body of a node's call in bytes, but for answers.
const LARGEST: usize = 1 << 20;
/// Largest answer in bytes: base64 of the largest payload, with room for the envelope.
const LARGEST_ANSWER: usize = protocol::dsse::MAX_PAYLOAD / 3 * 4 + (64 << 10);

/// Everything this port serves.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/node/v1/join", post(calls::join))
        .route("/node/v1/renew", post(calls::renew))
        .route("/node/v1/hello", post(calls::hello))
        .route("/node/v1/poll", post(poll::poll))
        .route(
            "/node/v1/signed",
            post(calls::signed).layer(DefaultBodyLimit::max(LARGEST_ANSWER)),
        )
        .route("/node/v1/checkpoint", post(calls::checkpoint))
        .route(
            "/node/v1/answers",
            post(calls::answers).layer(DefaultBodyLimit::max(LARGEST_ANSWER)),
        )
        .route("/node/v1/log", post(calls::log_head))
        .route("/node/v1/policy", post(calls::policy))
        .route("/node/v1/guarantee", post(calls::guarantee))
        .route("/node/v1/receipts", post(calls::receipts))
        .route("/node/v1/restoration", post(calls::restoration))
        .route("/node/v1/waiting", post(calls::waiting))
        .route(
            "/node/v1/offer",
            post(calls::offer).layer(DefaultBodyLimit::max(LARGEST_ANSWER)),
        )
        .route("/node/v1/studies", post(calls::studies))
        .route("/node/v1/consents", post(calls::consents))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::not_found)
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn_with_state(app.clone(), count))
        .with_state(app)
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = (request.extensions().get::<MatchedPath>())
        .map_or("unknown", MatchedPath::as_str)
        .to_owned();
    let response = next.run(request).await;
    app.metrics
        .request("nodes", method.as_str(), &route, response.status().as_u16());
    response
}
