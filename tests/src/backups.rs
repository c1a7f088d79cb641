//! Databases copied and put back, and a coordinator stopped and started around that, as whoever restores a backup does.

use crate::PATIENCE;
use crate::process::Process;
use crate::stack::Stack;
use anyhow::{Context, Result, ensure};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};

const LOOK_AGAIN: Duration = Duration::from_millis(500);

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// Starts the coordinator again, and waits until it is up.
///
/// # Errors
/// When it does not come up.
pub async fn serve_coordinator(stack: &mut Stack, log_name: &str) -> Result<()> {
    let config = stack.coordinator_dir().join("coordinator.toml");
    let log = stack.city.path().join("logs").join(log_name);
    let serve = ["serve", "--config", text(&config)?];
    stack.coordinator = Process::start("coordinator", &serve, &[], &log)?;
    let began = Instant::now();
    while !stack.website.is_up("/health").await {
        ensure!(began.elapsed() < PATIENCE, "{}", stack.coordinator.tail());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Kills the coordinator; a process that has ended stands in its place.
///
/// # Errors
/// When it cannot be ended.
pub fn stop_coordinator(stack: &mut Stack) -> Result<()> {
    let log = stack.city.path().join("logs").join("ended.log");
    let ended = Process::start("coordinator", &["--version"], &[], &log)?;
    std::mem::replace(&mut stack.coordinator, ended).kill()
}

/// Puts the copy of a database in its place.
///
/// # Errors
/// When a file cannot be removed or copied.
pub fn put_back(from: &Path, to: &Path) -> Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let path = format!("{}{ending}", to.display());
        if Path::new(&path).exists() {
            std::fs::remove_file(path)?;
        }
    }
    std::fs::copy(from, to)?;
    Ok(())
}

/// What a query of a database gives, which is one number.
///
/// # Errors
/// When the database cannot be read.
pub async fn number_in(database: &Path, query: &'static str) -> Result<i64> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let (number,) = sqlx::query_as(query).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(number)
}

/// Copies a database as it stands, also while it is written.
///
/// # Errors
/// When the copy cannot be written.
pub async fn copy_of(database: &Path, to: &Path) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("VACUUM INTO $1")
        .bind(text(to)?)
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}

/// Writes the coordinator's evidence pack.
///
/// # Errors
/// When it cannot be written.
pub async fn export_coordinator(stack: &Stack, out: &Path) -> Result<()> {
    let config = stack.coordinator_dir().join("coordinator.toml");
    let words = [
        "audit",
        "export",
        "--config",
        text(&config)?,
        "--out",
        text(out)?,
    ];
    (crate::process::run_ok("coordinator", &words, "").await).map(drop)
}

/// The text of a member of a pack.
///
/// # Errors
/// When there is none.
pub fn member(pack: &Path, name: &str) -> Result<String> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(pack)?)?;
    Ok(std::io::read_to_string(archive.by_name(name)?)?)
}
