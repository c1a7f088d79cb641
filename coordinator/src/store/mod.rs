//! The coordinator's tables: SQLite, one file per table family, SQL in the subset other databases share.
//! Functions run on a connection that is handed in, so that what belongs together commits together.

pub mod accounts;
pub mod answers;
pub mod certificates;
pub mod checkpoints;
pub mod consents;
pub mod cubes;
pub mod datasets;
pub mod decisions;
pub mod derived;
pub mod forecasts;
pub mod guarantees;
pub mod idempotency;
pub mod log;
pub mod offers;
pub mod organisations;
pub mod planning;
pub mod published_policies;
pub mod queries;
pub mod release_terms;
pub mod releases;
pub mod requests;
pub mod restorations;
pub mod sessions;
pub mod studies;
pub mod tokens;
pub mod totals;
pub mod visible;

use crate::CoordinatorError;
use audit::LogSigner;
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use std::path::Path;
use storage::{Store, WriteTransaction};

/// Number, name and SQL of each step by which a database came to be what it is, in order.
pub const MIGRATIONS: &[(i64, &str, &str)] = &[
    (
        1,
        "initial",
        include_str!("../../migrations/0001_initial.sql"),
    ),
    (2, "acts", include_str!("../../migrations/0002_acts.sql")),
    (
        3,
        "new_officer",
        include_str!("../../migrations/0003_new_officer.sql"),
    ),
    (4, "subtrees", merkle_log::SUBTREES),
    (
        5,
        "cosigned",
        include_str!("../../migrations/0005_cosigned.sql"),
    ),
    (
        6,
        "forecasts",
        include_str!("../../migrations/0006_forecasts.sql"),
    ),
    (
        12,
        "oversight",
        include_str!("../../migrations/0012_oversight.sql"),
    ),
    (
        16,
        "release_terms",
        include_str!("../../migrations/0016_release_terms.sql"),
    ),
    (
        20,
        "offers",
        include_str!("../../migrations/0020_offers.sql"),
    ),
    (
        30,
        "planning",
        include_str!("../../migrations/0030_planning.sql"),
    ),
    (
        40,
        "witnesses",
        include_str!("../../migrations/0040_witnesses.sql"),
    ),
    (
        41,
        "totals",
        include_str!("../../migrations/0041_totals.sql"),
    ),
    (
        43,
        "guards",
        include_str!("../../migrations/0043_guards.sql"),
    ),
    (46, "steps", include_str!("../../migrations/0046_steps.sql")),
    (
        50,
        "policy-signers",
        include_str!("../../migrations/0050_policy_signers.sql"),
    ),
    (
        53,
        "policy-ways",
        include_str!("../../migrations/0053_policy_ways.sql"),
    ),
    (
        58,
        "release-times",
        include_str!("../../migrations/0058_release_times.sql"),
    ),
];

/// The open database and the key that signs its log.
#[derive(Clone, Debug)]
pub struct Database {
    store: Store,
    signer: LogSigner,
}

impl Database {
    /// Opens the file, creating it and bringing its schema up to date.
    ///
    /// # Errors
    /// [`CoordinatorError::Storage`].
    pub async fn open(path: &Path, signer: LogSigner) -> Result<Database, CoordinatorError> {
        let store = Store::open_for_long_rows(path, &storage::migrator(MIGRATIONS)).await?;
        let mut transaction = store.writer().write_transaction().await?;
        merkle_log::fill_subtrees(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Database { store, signer })
    }

    /// Begins a write transaction; dropping it undoes it.
    ///
    /// # Errors
    /// [`CoordinatorError::Storage`] when the database stays locked.
    pub async fn write(&self) -> Result<WriteTransaction, CoordinatorError> {
        Ok(self.store.writer().write_transaction().await?)
    }

    /// A connection that can only read.
    ///
    /// # Errors
    /// [`CoordinatorError::Database`].
    pub async fn read(&self) -> Result<PoolConnection<Sqlite>, CoordinatorError> {
        Ok(self.store.readers().pool().acquire().await?)
    }

    /// A transaction whose reads all see the same state.
    ///
    /// # Errors
    /// [`CoordinatorError::Storage`].
    pub async fn read_transaction(
        &self,
    ) -> Result<sqlx::Transaction<'static, Sqlite>, CoordinatorError> {
        Ok(self.store.readers().read_transaction().await?)
    }

    /// Who signs the log's checkpoints and cosigns those of nodes.
    pub fn signer(&self) -> &LogSigner {
        &self.signer
    }
}

/// A number as the database holds it.
pub(crate) fn stored(number: u64) -> Result<i64, CoordinatorError> {
    i64::try_from(number).map_err(|_| CoordinatorError::Corrupt { what: "number" })
}

/// An edition as protocols hold it.
pub(crate) fn edition(stored: i64) -> Result<u32, CoordinatorError> {
    u32::try_from(stored).map_err(|_| CoordinatorError::Corrupt { what: "edition" })
}
