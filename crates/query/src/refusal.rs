//! Why a query is not one: the place in its JSON, a code, and a sentence with the remedy.
//! A refusal depends on the query and public facts only, never on a register.

use serde::{Deserialize, Serialize};

/// What is wrong, as a stable code that a website can translate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// Not JSON at all.
    NotJson,
    /// More bytes than a query may have.
    TooLarge,
    /// Nested too deeply.
    TooDeep,
    /// A key stands twice in one object.
    DuplicateKey,
    /// Text beyond printable ASCII.
    NotAscii,
    /// A fraction, an exponent, or a number beyond 64 bits.
    NotAnInteger,
    /// A field this version does not know.
    UnknownField,
    /// A required field is absent.
    MissingField,
    /// A value of another type.
    WrongType,
    /// A version this program does not read.
    UnknownVersion,
    /// An identifier outside the public vocabulary.
    UnknownId,
    /// A value given twice in a set.
    DuplicateValue,
    /// An empty set or list.
    Empty,
    /// A number outside its limits.
    OutOfRange,
    /// A period that ends before it starts or cuts through a quarter or year.
    InvalidPeriod,
    /// A target asked at a finer level than it may be shown.
    LevelTooFine,
    /// More cells than an answer may have.
    TooManyCells,
    /// A field that means nothing with this measure.
    NotApplicable,
    /// Asked over another taxonomy than the one in use.
    OtherTaxonomy,
}

/// A refused query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Refusal {
    /// Where, as a JSON path such as `$.by.target[0]`.
    pub path: String,
    /// What is wrong.
    pub code: RefusalCode,
    /// The reason and the remedy, in English.
    pub message: String,
}

impl Refusal {
    /// A refusal at `path`.
    pub fn new(path: &str, code: RefusalCode, message: &str) -> Refusal {
        Refusal {
            path: path.to_owned(),
            code,
            message: message.to_owned(),
        }
    }
}
