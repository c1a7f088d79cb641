//! Bodies of requests: JSON only, of bounded size, with a problem for whatever else comes.
//! Questions are read by the strict parser of queries, so that nothing in them is read two ways.

use crate::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use query::{AggregateQuery, Json, Refusal};
use serde::de::DeserializeOwned;
use std::error::Error;
use tower_http::timeout::TimeoutError;

/// Largest body read, in bytes.
pub(crate) const LARGEST: usize = 96 * 1024;

/// The bytes of a JSON body.
pub(crate) struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<JsonBytes, Problem> {
        let is_json = (request.headers().get(header::CONTENT_TYPE))
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(Problem::UnsupportedMediaType);
        }
        let bytes =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.status().as_u16() {
                    413 => Problem::TooLarge,
                    _ if is_late(&rejection) => Problem::TooSlow,
                    _ => Problem::Malformed,
                })?;
        Ok(JsonBytes(bytes))
    }
}

fn is_late(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|error| error.is::<TimeoutError>())
}

/// A JSON body of a known form.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        serde_json::from_slice(&bytes)
            .map(Body)
            .map_err(|error| Problem::InvalidBody {
                path: "$".to_owned(),
                code: if error.is_data() {
                    "wrong-type"
                } else {
                    "not-json"
                },
            })
    }
}

/// A question: the study, the query, and how long it stays open.
#[derive(Debug)]
pub(crate) struct QuestionBody {
    /// The study.
    pub study: String,
    /// The query.
    pub query: AggregateQuery,
    /// Seconds; the configured time where absent.
    pub validity_seconds: Option<i64>,
    /// Whether to ask although the answer follows from a release; not where absent.
    pub ask_anew: bool,
}

impl QuestionBody {
    /// Reads `{"study": …, "query": …, "validity_seconds": …, "ask_anew": …}`.
    ///
    /// # Errors
    /// [`Problem::InvalidBody`], or [`Problem::InvalidQuery`] with a path counted from the query.
    pub(crate) fn parse(bytes: &[u8]) -> Result<QuestionBody, Problem> {
        let Json::Object(mut fields) = Json::parse(bytes).map_err(within_query)? else {
            return Err(invalid("$", "wrong-type"));
        };
        let study = match fields.remove("study") {
            Some(Json::String(study)) => study,
            Some(_) => return Err(invalid("$.study", "wrong-type")),
            None => return Err(invalid("$.study", "missing-field")),
        };
        let validity_seconds = match fields.remove("validity_seconds") {
            None | Some(Json::Null) => None,
            Some(Json::Integer(seconds)) => Some(seconds),
            Some(_) => return Err(invalid("$.validity_seconds", "wrong-type")),
        };
        let ask_anew = match fields.remove("ask_anew") {
            None | Some(Json::Null) => false,
            Some(Json::Bool(anew)) => anew,
            Some(_) => return Err(invalid("$.ask_anew", "wrong-type")),
        };
        if fields.remove("query").is_none() {
            return Err(invalid("$.query", "missing-field"));
        }
        if let Some(unknown) = fields.keys().next() {
            return Err(invalid(&format!("$.{unknown}"), "unknown-field"));
        }
        // The text as it was sent, so that the refusal of a number names it as what it is.
        let query = member(bytes, b"query").ok_or_else(|| invalid("$.query", "not-json"))?;
        Ok(QuestionBody {
            study,
            query: AggregateQuery::parse_written_here(query).map_err(Problem::InvalidQuery)?,
            validity_seconds,
            ask_anew,
        })
    }
}

fn invalid(path: &str, code: &'static str) -> Problem {
    Problem::InvalidBody {
        path: path.to_owned(),
        code,
    }
}

/// A refusal of the whole body, its path counted from the query where it lies there.
fn within_query(mut refusal: Refusal) -> Problem {
    if let Some(rest) = refusal.path.strip_prefix("$.query") {
        refusal.path = format!("${rest}");
    }
    Problem::InvalidQuery(refusal)
}

/// The text of a member of an object that is known to be JSON with distinct keys.
fn member<'a>(json: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (mut depth, mut at, mut expects_key) = (0usize, 0, false);
    let mut value_of: Option<usize> = None;
    while at < json.len() {
        match json[at] {
            b'"' => {
                let end = string_end(json, at)?;
                if depth == 1 && expects_key {
                    let colon = end + json[end..].iter().position(|&byte| byte == b':')?;
                    if &json[at + 1..end - 1] == name {
                        value_of = Some(colon + 1);
                    }
                    expects_key = false;
                    at = colon + 1;
                } else {
                    at = end;
                }
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                expects_key = depth == 1;
            }
            end @ (b'}' | b']' | b',') => {
                if depth == 1 {
                    if let Some(start) = value_of {
                        return Some(&json[start..at]);
                    }
                    expects_key = true;
                }
                if end != b',' {
                    depth = depth.checked_sub(1)?;
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// One past the closing quote of the string that opens at `at`.
fn string_end(json: &[u8], at: usize) -> Option<usize> {
    let mut escaped = false;
    for (offset, &byte) in json[at + 1..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + offset + 2),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = r#"{"version":1,"measure":"persons","by":{"area":"city"},"period":{"from":"2025-01","to":"2025-03"},"bounds":{"cells":1,"per_cell":1},"rho":1000}"#;

    #[test]
    fn a_question_is_read_wherever_its_query_stands() {
        for body in [
            format!(r#"{{"study":"s","query":{QUERY}}}"#),
            format!(r#" {{ "query" : {QUERY} , "validity_seconds" : 60, "study" : "s" }} "#),
            format!(r#"{{"study":"a \" , {{ \\","query":{QUERY},"validity_seconds":null}}"#),
        ] {
            let question = QuestionBody::parse(body.as_bytes()).expect(&body);
            assert_eq!(question.query.rho_nano(), 1000);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let fault = |body: &str| {
            let problem = QuestionBody::parse(body.as_bytes()).unwrap_err();
            (
                problem.path().unwrap_or_default().to_owned(),
                problem.code(),
            )
        };
        let expect = |body: &str, path: &str, code: &str| {
            assert_eq!(fault(body), (path.to_owned(), code.to_owned()), "{body}");
        };
        expect("{", "$", "not-json");
        expect("[]", "$", "wrong-type");
        expect(r#"{"query":{}}"#, "$.study", "missing-field");
        expect(r#"{"study":"s"}"#, "$.query", "missing-field");
        expect(
            &format!(r#"{{"study":"s","query":{QUERY},"x":1}}"#),
            "$.x",
            "unknown-field",
        );
        expect(
            &format!(
                r#"{{"study":"s","query":{}}}"#,
                QUERY.replace("1000", "0.5")
            ),
            "$.rho",
            "not-an-integer",
        );
        expect(
            &format!(
                r#"{{"study":"s","query":{}}}"#,
                QUERY.replace(r#""rho""#, r#""version":1,"rho""#)
            ),
            "$",
            "duplicate-key",
        );
    }
}
