//! Everything the website's API refuses, as one enumeration: status, stable code, parameters.
//! Sentences for people are the website's; nothing here depends on a register.

use crate::CoordinatorError;
use crate::app::derive::Derivable;
use compose::Underivable;
use query::{Refusal, RefusalCode};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A refusal or failure, rendered as `application/problem+json` (RFC 9457).
#[derive(Debug)]
pub enum Problem {
    /// Nobody is signed in.
    Unauthenticated,
    /// Name or password is wrong, or both.
    InvalidCredentials,
    /// Too many failed sign-ins.
    TooManyAttempts {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// Too much is going on at once.
    Busy,
    /// The role does not allow it.
    Forbidden,
    /// A browser sent it from another site.
    CrossSite,
    /// Not there, or not to be seen.
    NotFound,
    /// Another method.
    MethodNotAllowed,
    /// Not `application/json`.
    UnsupportedMediaType,
    /// Not a request this interface understands at all: its path, query or framing.
    Malformed,
    /// The body did not arrive in time.
    TooSlow,
    /// More bytes than are read.
    TooLarge,
    /// Not the JSON expected; where and why.
    InvalidBody {
        /// JSON path.
        path: String,
        /// A stable code.
        code: &'static str,
    },
    /// Not a legal query; where and why.
    InvalidQuery(Refusal),
    /// No study of this name.
    UnknownStudy,
    /// The study is not in force.
    StudyExpired,
    /// More loss than the study allows one query.
    RhoOverStudyLimit {
        /// The most, nano-rho.
        limit: u64,
    },
    /// A target the study does not name.
    TargetNotInStudy {
        /// Which.
        target: String,
    },
    /// A measure the study does not name.
    MeasureNotInStudy {
        /// Which.
        measure: String,
    },
    /// A finer level than the study allows.
    LevelTooFine {
        /// The finest allowed.
        finest: String,
    },
    /// More loss than the study has left at an organisation.
    StudyLimit {
        /// The organisation.
        node: String,
        /// What is left, nano-rho.
        remaining: u64,
    },
    /// No organisation of the study can be asked.
    NoNodeToAsk,
    /// The requester's organisation cannot sign.
    RequesterCannotSign,
    /// `Idempotency-Key` is missing or malformed.
    IdempotencyKeyRequired,
    /// The key was used for another body.
    Conflict,
    /// The query is not open any more.
    QueryNotOpen,
    /// Nobody has answered yet.
    NothingAnswered,
    /// There is a cube of that name.
    CubeExists,
    /// No edition has completed a period that was not asked yet.
    NothingDue,
    /// The answer follows from a release, and it was not said that it is to be asked anew.
    Derivable(Box<Derivable>),
    /// The question does not follow from the release.
    NotDerivable(Underivable),
    /// A release does not serve for the statistic wanted.
    Unfit {
        /// The stable code.
        code: &'static str,
        /// What does not fit: a path in the release's question, or the parameter that names it.
        path: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// What is to be planned does not fit.
    InvalidPlanning {
        /// JSON path.
        path: String,
        /// The stable code.
        code: &'static str,
        /// What to do instead.
        remedy: String,
    },
    /// The account has as many plans running as it may.
    TooManyRunning {
        /// How many.
        limit: usize,
    },
    /// A fault of ours.
    Internal(CoordinatorError),
}

impl<E: Into<CoordinatorError>> From<E> for Problem {
    fn from(error: E) -> Problem {
        Problem::Internal(error.into())
    }
}

impl Problem {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Problem::Unauthenticated | Problem::InvalidCredentials => 401,
            Problem::Forbidden | Problem::CrossSite => 403,
            Problem::NotFound => 404,
            Problem::MethodNotAllowed => 405,
            Problem::TooSlow => 408,
            Problem::NoNodeToAsk
            | Problem::RequesterCannotSign
            | Problem::QueryNotOpen
            | Problem::NothingAnswered
            | Problem::CubeExists
            | Problem::NothingDue
            | Problem::Derivable(_)
            | Problem::NotDerivable(_)
            | Problem::Unfit { .. } => 409,
            Problem::TooLarge => 413,
            Problem::UnsupportedMediaType => 415,
            Problem::IdempotencyKeyRequired | Problem::Malformed => 400,
            Problem::InvalidBody { .. }
            | Problem::InvalidQuery(_)
            | Problem::UnknownStudy
            | Problem::StudyExpired
            | Problem::RhoOverStudyLimit { .. }
            | Problem::TargetNotInStudy { .. }
            | Problem::MeasureNotInStudy { .. }
            | Problem::LevelTooFine { .. }
            | Problem::StudyLimit { .. }
            | Problem::InvalidPlanning { .. }
            | Problem::Conflict => 422,
            Problem::TooManyAttempts { .. } | Problem::TooManyRunning { .. } => 429,
            Problem::Internal(_) => 500,
            Problem::Busy => 503,
        }
    }

    /// The stable code.
    pub fn code(&self) -> String {
        match self {
            Problem::Unauthenticated => "unauthenticated",
            Problem::InvalidCredentials => "invalid-credentials",
            Problem::TooManyAttempts { .. } => "too-many-attempts",
            Problem::Busy => "busy",
            Problem::Forbidden => "forbidden",
            Problem::CrossSite => "cross-site",
            Problem::NotFound => "not-found",
            Problem::MethodNotAllowed => "method-not-allowed",
            Problem::UnsupportedMediaType => "unsupported-media-type",
            Problem::Malformed => "malformed-request",
            Problem::TooSlow => "too-slow",
            Problem::TooLarge => "too-large",
            Problem::InvalidBody { code, .. } => code,
            Problem::InvalidQuery(refusal) => return refusal_code(refusal.code),
            Problem::UnknownStudy => "unknown-study",
            Problem::StudyExpired => "study-expired",
            Problem::RhoOverStudyLimit { .. } => "rho-over-study-limit",
            Problem::TargetNotInStudy { .. } => "target-not-in-study",
            Problem::MeasureNotInStudy { .. } => "measure-not-in-study",
            Problem::LevelTooFine { .. } => "level-too-fine",
            Problem::StudyLimit { .. } => "study-limit",
            Problem::NoNodeToAsk => "no-node-to-ask",
            Problem::RequesterCannotSign => "requester-cannot-sign",
            Problem::IdempotencyKeyRequired => "idempotency-key-required",
            Problem::Conflict => "conflict",
            Problem::QueryNotOpen => "query-not-open",
            Problem::NothingAnswered => "nothing-answered",
            Problem::CubeExists => "cube-exists",
            Problem::NothingDue => "nothing-due",
            Problem::Derivable(_) => "derivable",
            Problem::NotDerivable(_) => "not-derivable",
            Problem::Unfit { code, .. } | Problem::InvalidPlanning { code, .. } => code,
            Problem::TooManyRunning { .. } => "too-many-running",
            Problem::Internal(_) => "internal",
        }
        .to_owned()
    }

    /// The URI of the problem's type.
    pub fn type_uri(&self) -> String {
        format!("urn:welfare-intelligence:problem:{}", self.code())
    }

    /// A short English title; the same for every occurrence of a code.
    pub fn title(&self) -> String {
        let words = self.code().replace('-', " ");
        let mut letters = words.chars();
        match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => words,
        }
    }

    /// The reason and the remedy, where the code alone does not say.
    pub fn detail(&self) -> Option<Cow<'_, str>> {
        let fixed = match self {
            Problem::InvalidQuery(refusal) => refusal.message.as_str(),
            Problem::NotDerivable(why) => return Some(why.to_string().into()),
            Problem::Unfit { remedy, .. } => remedy,
            Problem::InvalidPlanning { remedy, .. } => remedy.as_str(),
            Problem::TooManyRunning { .. } => "wait for one of your plans to end, or cancel one",
            Problem::NoNodeToAsk => {
                "no organisation of this study has joined, countersigned and greeted"
            }
            Problem::RequesterCannotSign => {
                "the requester's organisation has not joined with a requester key"
            }
            Problem::CubeExists => "a cube is planned once; choose another `id`",
            Problem::NothingDue => {
                "every completed period was asked; name periods to `revise` to ask them again at their price"
            }
            Problem::Derivable(_) => {
                "a release answers it for nothing: post the question to its `derive`, or send `ask_anew` true to spend"
            }
            Problem::Malformed => {
                "the path or the query is not text this interface reads; its description is at /api/v1/openapi.json"
            }
            Problem::TooSlow => "send the body at once",
            Problem::IdempotencyKeyRequired => {
                "send a header Idempotency-Key of 1 to 100 printable ASCII characters, a new one per question"
            }
            _ => return None,
        };
        Some(fixed.into())
    }

    /// What a sentence about it needs.
    pub fn params(&self) -> Value {
        match self {
            Problem::TooManyAttempts { retry_after } => json!({ "retry_after": retry_after }),
            Problem::RhoOverStudyLimit { limit } => json!({ "limit": limit }),
            Problem::TooManyRunning { limit } => json!({ "limit": limit }),
            Problem::TargetNotInStudy { target } => json!({ "target": target }),
            Problem::MeasureNotInStudy { measure } => json!({ "measure": measure }),
            Problem::LevelTooFine { finest } => json!({ "finest": finest }),
            Problem::StudyLimit { node, remaining } => {
                json!({ "node": node, "remaining": remaining })
            }
            Problem::Derivable(offer) => {
                serde_json::to_value(offer).unwrap_or(Value::Object(Map::new()))
            }
            _ => Value::Object(Map::new()),
        }
    }

    /// Where in the body, as a JSON path; for queries counted from the query itself.
    pub fn path(&self) -> Option<&str> {
        match self {
            Problem::InvalidBody { path, .. } => Some(path),
            Problem::InvalidQuery(refusal) => Some(&refusal.path),
            Problem::RhoOverStudyLimit { .. } | Problem::StudyLimit { .. } => Some("$.rho"),
            Problem::MeasureNotInStudy { .. } => Some("$.measure"),
            Problem::TargetNotInStudy { .. } => Some("$.by.target"),
            Problem::LevelTooFine { .. } => Some("$.by.area"),
            Problem::NotDerivable(why) => Some(why.path()),
            Problem::Unfit { path, .. } => Some(path),
            Problem::InvalidPlanning { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The problem as it is sent.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": self.type_uri(),
            "title": self.title(),
            "status": self.status(),
            "code": self.code(),
            "params": self.params(),
        });
        if let Some(detail) = self.detail() {
            body["detail"] = json!(detail);
        }
        if let Some(path) = self.path() {
            body["path"] = json!(path);
        }
        body
    }
}

fn refusal_code(code: RefusalCode) -> String {
    match serde_json::to_value(code) {
        Ok(Value::String(code)) => code,
        _ => "invalid-query".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_query_keeps_path_code_and_remedy() {
        let refusal = query::AggregateQuery::parse(b"[]").unwrap_err();
        let (path, message) = (refusal.path.clone(), refusal.message.clone());
        let body = Problem::InvalidQuery(refusal).body();
        assert_eq!(body["status"], 422);
        assert_eq!(body["code"], "wrong-type");
        assert_eq!(body["type"], "urn:welfare-intelligence:problem:wrong-type");
        assert_eq!(body["title"], "Wrong type");
        assert_eq!(body["path"], path);
        assert_eq!(body["detail"], message);
    }

    #[test]
    fn a_fault_of_ours_tells_nothing_of_itself() {
        let body = Problem::Internal(CoordinatorError::Corrupt { what: "secret" }).body();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("secret"));
    }
}
