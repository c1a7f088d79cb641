//! Why a node's call is refused: a status, a stable code, a sentence with the remedy.
//! It says nothing to a node about other nodes.

use crate::CoordinatorError;

/// A refusal of a node's call.
#[derive(Debug)]
pub enum NodeProblem {
    /// Refused, by a rule.
    Refused {
        /// HTTP status.
        status: u16,
        /// A stable code.
        code: &'static str,
        /// What to do about it.
        message: &'static str,
    },
    /// A fault of ours.
    Internal(CoordinatorError),
}

impl<E: Into<CoordinatorError>> From<E> for NodeProblem {
    fn from(error: E) -> NodeProblem {
        NodeProblem::Internal(error.into())
    }
}

impl NodeProblem {
    /// A refusal.
    pub const fn refused(status: u16, code: &'static str, message: &'static str) -> NodeProblem {
        NodeProblem::Refused {
            status,
            code,
            message,
        }
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        match self {
            NodeProblem::Refused { code, .. } => code,
            NodeProblem::Internal(_) => "internal",
        }
    }
}
