//! Evidence packs: a log with everything a third party needs to check it, as one ZIP, and the check itself.
//! It knows no clock and holds no key; only [`verify_files`] opens a file. docs/AUDIT-FORMAT.md describes the format for writers of other verifiers.
//!
//! A pack is written by whoever keeps the log and signed with the log's key. It is verified with keys and checkpoints that
//! the reader got by another way; what the pack says of its own keys is never believed.

mod acceptances;
mod acts;
mod archive;
mod books;
mod counterpart;
mod entries;
mod files;
mod log;
mod pack;
mod policies;
mod report;
mod spreadsheet;
mod trust;
mod verify;
mod witnesses;
mod write;

pub use entries::EntryLine;
pub use files::verify_files;
pub use pack::{Cosigned, FORMAT, LedgerTotals, Manifest, Proof, Side, VERSION};
pub use report::{Code, Finding, Report};
pub use trust::Trust;
pub use verify::verify;
pub use write::{Contents, last_of_each_day, write};

/// Why a pack could not be written, or nothing in it be checked.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Not a ZIP of the expected members, or one that was cut off.
    #[error("{name} cannot be read: {reason}")]
    Unreadable {
        /// The file, by the name the reader gave it.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A pack of a later format.
    #[error(
        "{name} has format version {found}; this program reads version {}: use a newer one",
        VERSION
    )]
    OtherVersion {
        /// The file.
        name: String,
        /// Its version.
        found: u64,
    },
    /// The file of keys, or of a checkpoint, is not what it must be.
    #[error("{name}, line {line}: {reason}")]
    Trust {
        /// The file.
        name: String,
        /// The line, from one.
        line: usize,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The pack could not be put together.
    #[error("the pack could not be written")]
    Unwritable(#[source] std::io::Error),
    /// A log's part did not fit its format.
    #[error("a part of the log does not fit its format")]
    Audit(#[from] audit::AuditError),
}
