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
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_)) => too_large(),
        JsonRejection::MissingJsonContentType(_) => other_media_type(),
        _ => NodeProblem::refused(
            422,
            "unreadable",
            "send JSON of the format version this coordinator knows",
        ),
    }
}

/// The refusal of a body that is too large.
pub(super) fn too_large() -> NodeProblem {
    NodeProblem::refused(413, "too-large", "send less at once")
}

/// The refusal of a body of another media type.
pub(super) fn other_media_type() -> NodeProblem {
    NodeProblem::refused(
        415,
        "unsupported-media-type",
        "send application/json, or an answer with its cells as application/octet-stream",
    )
}

/// The answer to an unknown path or method.
pub(super) async fn not_found() -> NodeProblem {
    NodeProblem::refused(404, "not-found", "this coordinator does not know this call")
}
