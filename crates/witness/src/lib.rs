//! A witness of logs, C2SP `tlog-witness`: it cosigns a checkpoint only if it extends the last one it saw of that log, and keeps the
//! ones that do not as evidence. It holds no entry of any log and learns nothing of them but their number.
//!
//! The same crate holds the other side: [`Client`], by which a log has its head cosigned.

mod book;
mod client;
mod restoration;
mod serve;
mod submission;
mod watched;

pub use book::{Contradiction, Held, Refused, Witness};
pub use client::{Client, SubmitError, WitnessAddress};
pub use restoration::{GoesOn, Restored};
pub use serve::serve;
pub use submission::Submission;
pub use watched::Watched;

/// Why a witness cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Its database cannot be used.
    #[error("the witness's database could not be used")]
    Storage(#[from] storage::StorageError),
    /// A statement failed.
    #[error("the witness's database refused an operation")]
    Database(#[from] sqlx::Error),
    /// A stored row is not what it must be.
    #[error("a row of the witness's database is damaged: {what}")]
    Corrupt {
        /// What cannot be read.
        what: &'static str,
    },
    /// A name or key is not what it must be.
    #[error("a key of the witness is not accepted")]
    Key(#[from] audit::AuditError),
    /// The list of logs is not what it must be.
    #[error("line {line} of the list of logs: {reason}")]
    Watched {
        /// The line, from one.
        line: usize,
        /// What would be right.
        reason: &'static str,
    },
    /// A restoration that is not accepted.
    #[error("the restoration is not accepted: {reason}")]
    Restoration {
        /// Why.
        reason: &'static str,
    },
    /// The port cannot be served.
    #[error("the port could not be served")]
    Serve(#[source] std::io::Error),
}
