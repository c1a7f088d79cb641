//! What an opened store promises: durability settings, permissions, one writer, read-only readers.
//! Everything runs on real SQLite files.

use sqlx::Executor;
use std::time::Duration;
use storage::{Migrator, StorageError, Store, migrator};
use tempfile::TempDir;

fn numbers() -> Migrator {
    migrator(&[(
        1,
        "numbers",
        "CREATE TABLE numbers (n INTEGER PRIMARY KEY NOT NULL) STRICT",
    )])
}

async fn count(store: &Store) -> i64 {
    let row: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM numbers")
        .fetch_one(store.readers().pool())
        .await
        .unwrap();
    row.0
}

#[tokio::test]
async fn a_new_file_is_private_durable_and_migrated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let store = Store::open(&path, &numbers()).await.unwrap();
    let mut transaction = store.writer().write_transaction().await.unwrap();
    let pragma = |name: &'static str| sqlx::query_as::<_, (i64,)>(name);
    let synchronous = pragma("PRAGMA synchronous")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(synchronous, (2,), "FULL");
    let foreign_keys = pragma("PRAGMA foreign_keys")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(foreign_keys, (1,));
    let journal: (String,) = sqlx::query_as("PRAGMA journal_mode")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(journal.0, "wal");
    transaction
        .execute("INSERT INTO numbers VALUES (1)")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 1);
    #[cfg(unix)]
    for file in std::fs::read_dir(folder.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.file_name()
        );
    }
}

#[tokio::test]
async fn a_new_file_for_long_rows_has_larger_pages_and_an_old_one_keeps_its_own() {
    let folder = TempDir::new().unwrap();
    let page = async |store: &Store| {
        let row: (i64,) = sqlx::query_as("PRAGMA page_size")
            .fetch_one(store.readers().pool())
            .await
            .unwrap();
        row.0
    };
    let path = folder.path().join("new.db");
    let new = Store::open_for_long_rows(&path, &numbers()).await.unwrap();
    assert_eq!(page(&new).await, 8192);
    let path = folder.path().join("old.db");
    let old = Store::open(&path, &numbers()).await.unwrap();
    let mut transaction = old.writer().write_transaction().await.unwrap();
    transaction
        .execute("INSERT INTO numbers VALUES (1)")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(page(&old).await, 4096);
    drop(old);
    let old = Store::open_for_long_rows(&path, &numbers()).await.unwrap();
    assert_eq!((page(&old).await, count(&old).await), (4096, 1));
}

#[tokio::test]
async fn sqlite_is_recent_enough_to_reset_its_log_safely() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("a.db"), &numbers())
        .await
        .unwrap();
    let (version,): (String,) = sqlx::query_as("SELECT sqlite_version()")
        .fetch_one(store.readers().pool())
        .await
        .unwrap();
    let parts: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    assert!(parts >= vec![3, 51, 3], "SQLite {version}");
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("a.db"), &numbers())
        .await
        .unwrap();
    assert!(
        store
            .readers()
            .pool()
            .execute("INSERT INTO numbers VALUES (1)")
            .await
            .is_err()
    );
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("a.db"), &numbers())
        .await
        .unwrap();
    let mut transaction = store.writer().write_transaction().await.unwrap();
    transaction
        .execute("INSERT INTO numbers VALUES (1)")
        .await
        .unwrap();
    drop(transaction);
    let mut transaction = store.writer().write_transaction().await.unwrap();
    transaction
        .execute("INSERT INTO numbers VALUES (2)")
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(count(&store).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_of_several_processes_lose_no_increment() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let mut tasks = Vec::new();
    for _ in 0..3 {
        // Each handle has a writing connection of its own, as another process would.
        let store = Store::open(&path, &numbers()).await.unwrap();
        for _ in 0..20 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let mut transaction = store.writer().write_transaction().await.unwrap();
                let (next,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(n), 0) + 1 FROM numbers")
                    .fetch_one(&mut *transaction)
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                sqlx::query("INSERT INTO numbers VALUES ($1)")
                    .bind(next)
                    .execute(&mut *transaction)
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let store = Store::open(&path, &numbers()).await.unwrap();
    assert_eq!(count(&store).await, 60);
}

#[tokio::test]
async fn an_edited_or_newer_schema_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    drop(Store::open(&path, &numbers()).await.unwrap());
    let edited = migrator(&[(1, "numbers", "CREATE TABLE numbers (n INTEGER) STRICT")]);
    assert!(matches!(
        Store::open(&path, &edited).await,
        Err(StorageError::Migration(_))
    ));
    let older = migrator(&[]);
    assert!(matches!(
        Store::open(&path, &older).await,
        Err(StorageError::Newer)
    ));
    assert!(Store::open(&path, &numbers()).await.is_ok());
}

#[tokio::test]
async fn a_missing_file_cannot_be_opened_for_reading() {
    let folder = TempDir::new().unwrap();
    assert!(
        Store::open_read_only(&folder.path().join("none.db"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_closed_database_can_be_read_and_is_complete() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let store = Store::open(&path, &numbers()).await.unwrap();
    let mut transaction = store.writer().write_transaction().await.unwrap();
    transaction
        .execute("INSERT INTO numbers VALUES (7)")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.writer().checkpoint().await.unwrap();
    drop(store);
    let readers = Store::open_read_only(&path).await.unwrap();
    let mut transaction = readers.read_transaction().await.unwrap();
    let (n,): (i64,) = sqlx::query_as("SELECT n FROM numbers")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(n, 7);
}

#[tokio::test]
async fn a_file_whose_maker_was_stopped_has_no_schema_yet() {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
    let folder = TempDir::new().unwrap();
    let version = async |path: &std::path::Path| {
        let readers = Store::open_read_only(path).await.unwrap();
        readers.schema_version().await.unwrap()
    };
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(version(&empty).await, None);

    // A transaction that has outgrown its cache, as a kill leaves it: a file half written and the journal that takes it back.
    let making = folder.path().join("making.db");
    let options = SqliteConnectOptions::new()
        .filename(&making)
        .create_if_missing(true)
        .pragma("cache_size", "1");
    let mut connection = options.connect().await.unwrap();
    for statement in [
        "CREATE TABLE numbers (n INTEGER, text TEXT)",
        "INSERT INTO numbers VALUES (1, hex(randomblob(20000)))",
        "BEGIN IMMEDIATE",
        "UPDATE numbers SET text = hex(randomblob(20000))",
    ] {
        connection.execute(statement).await.unwrap();
    }
    let stopped = folder.path().join("stopped.db");
    std::fs::copy(&making, &stopped).unwrap();
    let journal = |name: &str| folder.path().join(format!("{name}.db-journal"));
    std::fs::copy(journal("making"), journal("stopped")).unwrap();
    let readers = Store::open_read_only(&stopped).await.unwrap();
    assert!(
        sqlx::query("SELECT n FROM numbers")
            .fetch_all(readers.pool())
            .await
            .is_err(),
        "the journal is not hot"
    );
    assert_eq!(readers.schema_version().await.unwrap(), None);

    let made = folder.path().join("made.db");
    drop(Store::open(&made, &numbers()).await.unwrap());
    assert_eq!(version(&made).await, Some(1));
}
