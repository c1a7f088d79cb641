//! A Merkle log in SQLite, as node and coordinator both keep one: appended inside the transaction of what it records.
//! It never commits, signs or decides what is recorded; each program writes its own row of `entries` between two calls.
//!
//! Tables: `entries` (header, body hash, leaf hash; each program's own, beside columns for its queries), `bodies` (salt and
//! body, apart so that one can be erased), `tree` (size and frontier) and `subtrees` (what proofs are made of). All but
//! `entries` are written here alone.

mod append;
mod prove;
mod read;

pub use append::{Batch, NewEntry, append};
pub use prove::{consistency, fill_subtrees, inclusion, leaves, root_at, stored_subtrees, tree};
pub use read::{StoredEntry, entries};

/// The schema step that adds the table `subtrees`, for the migrations of each program.
pub const SUBTREES: &str = include_str!("../migrations/subtrees.sql");

/// The schema of a log that stands alone, without columns of its own: what [`append`] fills. [`SUBTREES`] comes after it.
pub const STANDALONE: &str = include_str!("../migrations/log.sql");

/// Why the log could not be read or grown. No variant carries what is recorded.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database could not be used.
    #[error("the database refused a statement")]
    Database(#[from] sqlx::Error),
    /// A size, index or proof does not fit the log.
    #[error("the log does not fit")]
    Audit(#[from] audit::AuditError),
    /// A stored value is not what is written here: it was altered from outside.
    #[error("the stored {what} is damaged")]
    Corrupt {
        /// What cannot be read.
        what: &'static str,
    },
    /// The system gave no randomness for a salt.
    #[error("the system gave no randomness")]
    NoRandomness,
}

/// An unsigned number as SQLite stores it.
///
/// # Errors
/// [`LogError::Audit`] for one that no log can hold.
pub fn stored(number: u64) -> Result<i64, LogError> {
    i64::try_from(number).map_err(|_| audit::AuditError::OutOfRange.into())
}
