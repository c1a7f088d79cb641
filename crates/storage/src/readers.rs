//! Read-only connections to the database, as many as readers need.
//! They see committed data only and never wait for the writer.

use crate::StorageError;
use sqlx::{Sqlite, SqlitePool, Transaction};

/// A pool of read-only connections. Cloning shares the pool.
#[derive(Clone, Debug)]
pub struct Readers {
    pool: SqlitePool,
}

impl Readers {
    pub(crate) fn new(pool: SqlitePool) -> Readers {
        Readers { pool }
    }

    /// The pool, to run single statements on.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// A transaction whose statements all see the same committed state.
    pub async fn read_transaction(&self) -> Result<Transaction<'static, Sqlite>, StorageError> {
        Ok(self.pool.begin_with("BEGIN DEFERRED").await?)
    }
}
