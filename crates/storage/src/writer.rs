//! The process's one writing connection and its one way to write.
//! A transaction owns SQLite's write lock from its first statement; what it does not commit is rolled back.

use crate::{StorageError, is_busy};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// How often a transaction tries to begin while another process holds the lock; each try waits
/// [`crate::store::BUSY_TIMEOUT`] inside SQLite.
const ATTEMPTS: u32 = 4;

/// The only writing connection of this process. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Writer {
    pool: SqlitePool,
}

impl Writer {
    pub(crate) fn new(pool: SqlitePool) -> Writer {
        Writer { pool }
    }

    /// Begins the only kind of write transaction there is (`BEGIN IMMEDIATE`). Tasks of this process queue for
    /// it; a lock held by another process is waited for and retried, then reported as [`StorageError::Busy`].
    /// Retrying the beginning is enough: a transaction that holds the write lock cannot meet BUSY later.
    pub async fn write_transaction(&self) -> Result<WriteTransaction, StorageError> {
        for attempt in 1..=ATTEMPTS {
            match self.pool.begin_with("BEGIN IMMEDIATE").await {
                Ok(transaction) => return Ok(WriteTransaction { transaction }),
                Err(error) if is_busy(&error) => {
                    tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::Busy { attempts: ATTEMPTS })
    }

    /// Moves the write-ahead log into the database file and empties it, for a backup by copy.
    pub async fn checkpoint(&self) -> Result<(), StorageError> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// An open write transaction. Run statements on `&mut *transaction`; dropping it without
/// [`commit`](WriteTransaction::commit) rolls everything back.
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct WriteTransaction {
    transaction: Transaction<'static, Sqlite>,
}

impl WriteTransaction {
    /// Makes everything durable. After `Ok` it survives loss of power; after an error it may or may not have
    /// been committed, and the caller reads to find out.
    pub async fn commit(self) -> Result<(), StorageError> {
        Ok(self.transaction.commit().await?)
    }

    /// Undoes everything, and waits until it is undone.
    pub async fn rollback(self) -> Result<(), StorageError> {
        Ok(self.transaction.rollback().await?)
    }
}

impl Deref for WriteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}
