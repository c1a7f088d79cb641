//! Problems as HTTP answers: `application/problem+json` with the status the problem has.
//! A fault of ours is logged here, once, and told to nobody.

use crate::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Problem::Internal(error) = &self {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a request could not be served"
            );
        }
        let status =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (
            status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            self.body().to_string(),
        )
            .into_response();
        if let Problem::TooManyAttempts { retry_after } = self {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
        }
        if let Problem::Unauthenticated = self {
            // Named so that no browser asks for a password by itself.
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Session"),
            );
        }
        response
    }
}

/// The answer to a method a path does not have.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::MethodNotAllowed
}
