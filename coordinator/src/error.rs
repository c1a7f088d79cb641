//! What can go wrong inside the coordinator, as opposed to what it refuses (see `problem`).
//! No variant carries a stored value, a password, a token or an answer.

use audit::AuditError;
use identity::IdentityError;
use storage::StorageError;

/// An inner failure.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The database could not be opened, locked or committed.
    #[error("the database could not be used")]
    Storage(#[from] StorageError),
    /// A statement failed.
    #[error("the database refused a statement")]
    Database(#[from] sqlx::Error),
    /// The log could not be read or grown.
    #[error("the log could not be used")]
    Audit(#[from] AuditError),
    /// Keys or certificates could not be used.
    #[error("a key or certificate could not be used")]
    Identity(#[from] IdentityError),
    /// A value could not be written as JSON, or a stored one not be read.
    #[error("a stored format could not be read or written")]
    Format(#[from] serde_json::Error),
    /// Stored data that no version of this program wrote.
    #[error("the stored {what} is damaged")]
    Corrupt {
        /// Which part.
        what: &'static str,
    },
    /// Answers that were accepted do not compose.
    #[error("the stored answers do not compose")]
    Compose(#[from] compose::ComposeError),
    /// Answers that were to be stored together were not.
    #[error("the answer could not be stored")]
    NotStored,
    /// The file of outlines does not fit the city.
    #[error("the outlines of the areas cannot be used")]
    Areas(#[from] geography::GeographyError),
    /// The system's random generator failed.
    #[error("the system has no randomness")]
    NoRandomness,
    /// Passwords could not be hashed.
    #[error("a password could not be hashed")]
    Password,
    /// An act of administration that cannot be done; the sentence says why and what to do instead.
    #[error("{0}")]
    Refused(String),
}

impl From<merkle_log::LogError> for CoordinatorError {
    fn from(error: merkle_log::LogError) -> CoordinatorError {
        match error {
            merkle_log::LogError::Database(error) => error.into(),
            merkle_log::LogError::Audit(error) => error.into(),
            merkle_log::LogError::Corrupt { what } => CoordinatorError::Corrupt { what },
            merkle_log::LogError::NoRandomness => CoordinatorError::NoRandomness,
        }
    }
}

impl CoordinatorError {
    /// A refusal of an administrative act.
    pub(crate) fn refused(sentence: impl Into<String>) -> CoordinatorError {
        CoordinatorError::Refused(sentence.into())
    }
}
