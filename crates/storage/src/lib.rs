//! SQLite as both binaries open it: one writer, many readers, immediate transactions.
//! It knows no tables: callers bring their migrations and their SQL.
//!
//! - WAL with `synchronous = FULL`: a committed transaction survives loss of power.
//! - [`Writer`] holds the only writing connection of the process, so writers of one process queue instead of
//!   colliding. Other processes are waited for with SQLite's busy timeout and a capped number of retries.
//! - Every write transaction begins with `BEGIN IMMEDIATE`: it owns the write lock before it reads, so that what
//!   it checked still holds when it writes, and no later statement of it can fail with BUSY.
//! - [`Readers`] are opened read-only; they cannot write even by mistake.

mod migrations;
mod readers;
mod store;
mod writer;

pub use migrations::migrator;
pub use readers::Readers;
pub use sqlx::migrate::Migrator;
pub use store::Store;
pub use writer::{WriteTransaction, Writer};

/// Why the database could not be used. No variant carries a stored value.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file or its folder could not be created, or its mode not be set.
    #[error("the database file could not be prepared")]
    File(#[source] std::io::Error),
    /// The file holds a newer schema than this program knows.
    #[error(
        "the database was written by a newer version of the program; run that version, or restore the backup made before the upgrade"
    )]
    Newer,
    /// A schema that this program knows was altered, or a migration failed.
    #[error("the database schema could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Another process held the write lock through all attempts.
    #[error("the database stayed locked through {attempts} attempts")]
    Busy {
        /// How often the transaction tried to begin.
        attempts: u32,
    },
    /// SQLite refused a statement or could not be reached.
    #[error("the database refused an operation")]
    Database(#[from] sqlx::Error),
}

/// Whether SQLite reported that another connection holds the lock (primary result code 5 or 6, any extension).
pub fn is_busy(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        return false;
    };
    database
        .code()
        .and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}
