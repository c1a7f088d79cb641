//! The witness's port: one call, C2SP `tlog-witness`. It answers by status what it holds and whether it cosigned, and nothing else.
//! Everything said here is signed, so the port is plain HTTP; who wants TLS puts a proxy in front.

use crate::{Refused, Witness, WitnessError};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// The longest body: the size, 63 hashes and a note.
const LONGEST_BODY: usize = 64 * 1024;

/// Serves until the process ends.
///
/// # Errors
/// [`WitnessError::Serve`].
pub async fn serve(witness: Witness, listener: TcpListener) -> Result<(), WitnessError> {
    let router = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(witness);
    axum::serve(listener, router)
        .await
        .map_err(WitnessError::Serve)
}

async fn add_checkpoint(State(witness): State<Witness>, body: Bytes) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    });
    let Ok(body) = std::str::from_utf8(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match witness.add(body, now).await {
        Ok(Ok(line)) => format!("{line}\n").into_response(),
        Ok(Err(refused)) => {
            tracing::warn!(?refused, "a checkpoint was not cosigned");
            refusal(&refused)
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no checkpoint can be taken in"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn refusal(refused: &Refused) -> Response {
    match refused {
        Refused::Malformed => StatusCode::BAD_REQUEST.into_response(),
        Refused::NotSigned => StatusCode::FORBIDDEN.into_response(),
        Refused::UnknownLog => StatusCode::NOT_FOUND.into_response(),
        Refused::NotExtended => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Refused::Held(size) => {
            let media_type = [(header::CONTENT_TYPE, "text/x.tlog.size")];
            (StatusCode::CONFLICT, media_type, format!("{size}\n")).into_response()
        }
    }
}
