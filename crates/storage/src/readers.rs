//! Read-only connections to the database, as many as readers need.
//! They see committed data only and never wait for the writer.

use crate::StorageError;
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::path::Path;

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

    /// Copies the database as it stands into the new file `to`, compacted, with mode 0600. Writers go on meanwhile.
    ///
    /// # Errors
    /// [`StorageError::File`] when `to` exists or cannot be created, [`StorageError::Database`] when copying fails.
    pub async fn copy_to(&self, to: &Path) -> Result<(), StorageError> {
        // SQLite takes over a file that exists and is empty, with its mode.
        drop(private_file::create_new(to).map_err(StorageError::File)?);
        let path = to
            .to_str()
            .ok_or_else(|| StorageError::File(std::io::Error::other("the path is not UTF-8")))?;
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&self.pool)
            .await?;
        std::fs::File::open(to)
            .and_then(|file| file.sync_all())
            .map_err(StorageError::File)
    }

    /// The last step of the schema that was applied to the file; nothing where none was, as in a file whose maker was
    /// stopped before the first.
    ///
    /// # Errors
    /// [`StorageError::Database`] when the file cannot be read.
    pub async fn schema_version(&self) -> Result<Option<i64>, StorageError> {
        match self.last_step().await {
            // Only before it has a write-ahead log, its first statement, does a file have a journal that a writer must roll back.
            Err(StorageError::Database(error)) if is_rollback_wanted(&error) => Ok(None),
            read => read,
        }
    }

    async fn last_step(&self) -> Result<Option<i64>, StorageError> {
        let mut transaction = self.read_transaction().await?;
        let begun: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')",
        )
        .fetch_one(&mut *transaction)
        .await?;
        if !begun {
            return Ok(None);
        }
        Ok(
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&mut *transaction)
                .await?,
        )
    }

    /// A transaction whose statements all see the same committed state.
    pub async fn read_transaction(&self) -> Result<Transaction<'static, Sqlite>, StorageError> {
        Ok(self.pool.begin_with("BEGIN DEFERRED").await?)
    }
}

/// Whether SQLite reported that the file has a hot rollback journal, which who only reads cannot roll back.
fn is_rollback_wanted(error: &sqlx::Error) -> bool {
    const SQLITE_READONLY_ROLLBACK: &str = "776";
    error
        .as_database_error()
        .and_then(|error| error.code())
        .as_deref()
        == Some(SQLITE_READONLY_ROLLBACK)
}
