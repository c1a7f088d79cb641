//! Refusals of nodes' calls as HTTP answers: `protocol::exchange::NodeRefusal` as JSON.
//! A fault of ours is logged here, once, and told to nobody.

use crate::node_problem::NodeProblem;
use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::exchange::NodeRefusal;

impl IntoResponse for NodeProblem {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            NodeProblem::Refused {
                status,
                code,
                message,
            } => (status, code, message),
            NodeProblem::Internal(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a node's call could not be served"
                );
                (
                    500,
                    "internal",
                    "try again; the coordinator's log says what is wrong",
                )
            }
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = NodeRefusal {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        (status, Json(body)).into_response()
    }
}

/// The refusal of a body that cannot be read.
pub(super) fn unreadable(rejection: &JsonRejection) -> NodeProblem {
    match rejection {
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_)) => {
            NodeProblem::refused(413, "too-large", "send less at once")
        }
        JsonRejection::MissingJsonContentType(_) => {
            NodeProblem::refused(415, "unsupported-media-type", "send application/json")
        }
        _ => NodeProblem::refused(
            422,
            "unreadable",
            "send JSON of the format version this coordinator knows",
        ),
    }
}

/// The answer to an unknown path or method.
pub(super) async fn not_found() -> NodeProblem {
    NodeProblem::refused(404, "not-found", "this coordinator does not know this call")
}
