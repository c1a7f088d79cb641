//! Replaying what was asked under another policy: what would be newly denied, newly allowed, newly wait for a person.
//! Studies, signatures and budget are as they were; only the rules are tried.

use crate::authorizer::{Authorizer, Verdict};
use crate::day::Day;
use crate::question::Question;
use crate::vocabulary::{Approval, Category};
use privacy_loss::NanoRho;
use query::AggregateQuery;
use serde::{Deserialize, Serialize};

/// How a request was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// Allowed at once.
    Allowed,
    /// Left to a person.
    Manual,
    /// Denied.
    Denied,
}

impl Decided {
    /// The word in exports and tables.
    pub fn id(self) -> &'static str {
        match self {
            Decided::Allowed => "allowed",
            Decided::Manual => "manual",
            Decided::Denied => "denied",
        }
    }

    /// What that word stands for.
    pub fn from_id(id: &str) -> Option<Decided> {
        [Decided::Allowed, Decided::Manual, Decided::Denied]
            .into_iter()
            .find(|decided| decided.id() == id)
    }
}

impl Verdict {
    /// The decision without its reason.
    pub fn decided(&self) -> Decided {
        match self {
            Verdict::Allowed {
                approval: Approval::Auto,
                ..
            } => Decided::Allowed,
            Verdict::Allowed {
                approval: Approval::Manual,
                ..
            } => Decided::Manual,
            Verdict::Denied(_) => Decided::Denied,
        }
    }
}

/// A request of the past: one line of an exported log, JSON of version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Format version, 1.
    pub version: u32,
    /// When it was decided, Unix seconds.
    pub at: i64,
    /// The request.
    pub request: String,
    /// Who asked.
    pub requester: String,
    /// For what.
    pub purpose: String,
    /// The study.
    pub study: String,
    /// Its lawful basis.
    pub lawful_basis: String,
    /// Its grounds for special categories.
    pub special_grounds: Vec<String>,
    /// The canonical query.
    pub query: String,
    /// How the policy of then decided.
    pub decided: Decided,
}

/// Why a log cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the log {problem}")]
pub struct LogError {
    line: usize,
    problem: String,
}

impl Asked {
    /// What it asked, on the day it was decided; `None` where the query is none this version can read.
    pub fn question(&self) -> Option<Question> {
        let query = AggregateQuery::parse(self.query.as_bytes()).ok()?;
        Some(Question {
            requester: self.requester.clone(),
            purpose: self.purpose.clone(),
            lawful_basis: self.lawful_basis.clone(),
            special_grounds: self.special_grounds.clone(),
            measure: query.measure().id().to_owned(),
            categories: Category::of_query(&query),
            targets: query
                .named_targets()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            level: query.level(),
            rho: NanoRho::new(query.rho_nano()),
            day: Day::of(self.at),
        })
    }

    /// Reads an exported log, one request a line.
    ///
    /// # Errors
    /// [`LogError`] naming the line.
    pub fn read_lines(text: &str) -> Result<Vec<Asked>, LogError> {
        let lines = (text.lines().enumerate()).filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(i, line)| {
                let error = |problem: String| LogError {
                    line: i + 1,
                    problem,
                };
                let asked: Asked = serde_json::from_str(line)
                    .map_err(|reason| error(format!("is no request: {reason}")))?;
                match (asked.version, asked.question()) {
                    (1, Some(_)) => Ok(asked),
                    (1, None) => Err(error("holds no legal query".to_owned())),
                    _ => Err(error("has another version than 1".to_owned())),
                }
            })
            .collect()
    }
}

/// A request that another policy decides otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The request, with how it was decided.
    pub asked: Asked,
    /// What the policy says of it now. Validity is tried as of then.
    pub verdict: Verdict,
}

/// The requests that `policy` decides otherwise than they were, in order.
pub fn replay(policy: &Authorizer, log: &[Asked]) -> Vec<Replayed> {
    (log.iter())
        .filter_map(|asked| {
            let verdict = policy.judge(&asked.question()?);
            (verdict.decided() != asked.decided).then(|| Replayed {
                asked: asked.clone(),
                verdict,
            })
        })
        .collect()
}
