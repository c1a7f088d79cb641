//! Opening a database file: mode, pragmas, migrations, writer and readers.
//! It never opens a file with weaker durability or wider permissions than stated here.

use crate::{Readers, StorageError, Writer};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

/// How long one attempt waits inside SQLite for another process's lock.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a task waits for its turn at the writer or at a reader.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of a page where rows are long. Twice as much would save little more, and short transactions write whole pages.
const LONG_ROWS: u32 = 8192;
/// Most concurrent readers.
const READERS: u32 = 8;

/// An open database: its one [`Writer`] and its [`Readers`]. Cloning shares both.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Writer,
    readers: Readers,
}

impl Store {
    /// Opens the file, creating it with mode 0600 where it is missing, and applies outstanding migrations.
    ///
    /// # Errors
    /// [`StorageError::File`] when it cannot be created or restricted to its owner, [`StorageError::Newer`]
    /// when its schema is newer than `migrator`, [`StorageError::Migration`] when it was edited, [`StorageError::Database`] otherwise.
    pub async fn open(path: &Path, migrator: &Migrator) -> Result<Store, StorageError> {
        Store::open_as(path, migrator, durable(path)).await
    }

    /// Opens the file in the same way for rows that are mostly long, such as answers of many cells: a new file has pages of
    /// 8192 bytes, so that a long row is fewer of them. One that exists keeps what it has.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_for_long_rows(
        path: &Path,
        migrator: &Migrator,
    ) -> Result<Store, StorageError> {
        Store::open_as(path, migrator, durable(path).page_size(LONG_ROWS)).await
    }

    async fn open_as(
        path: &Path,
        migrator: &Migrator,
        options: SqliteConnectOptions,
    ) -> Result<Store, StorageError> {
        restrict_to_owner(path)?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // A file does not hang up as a server does; asking whether it is there would cost as much as a statement.
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await?;
        (migrator.run(&writer).await).map_err(|error| match error {
            MigrateError::VersionMissing(_) => StorageError::Newer,
            error => StorageError::Migration(error),
        })?;
        Ok(Store {
            writer: Writer::new(writer),
            readers: Store::open_read_only(path).await?,
        })
    }

    /// Opens an existing file for reading only, also while another process writes it. Applies no migration.
    ///
    /// # Errors
    /// [`StorageError::Database`] when the file is missing or is no database.
    pub async fn open_read_only(path: &Path) -> Result<Readers, StorageError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("trusted_schema", "OFF");
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await?;
        Ok(Readers::new(pool))
    }

    /// The writing side.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The reading side.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }
}

fn durable(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        // What is erased is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        // Else INSERT OR REPLACE would delete rows past the triggers that forbid deleting.
        .pragma("recursive_triggers", "ON")
}

/// Creates the file if need be and leaves it readable by its owner alone; SQLite gives the write-ahead log and
/// its index the same mode and owner.
fn restrict_to_owner(path: &Path) -> Result<(), StorageError> {
    let file = match private_file::create_new(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => private_file::open(path),
        made => made,
    };
    let file = file.map_err(StorageError::File)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(StorageError::File)?;
    drop(file);
    Ok(())
}
