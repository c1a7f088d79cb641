//! Sessions of signed-in people, by the hash of their cookie.
//! A session ends when unused, when old, or when signed out; the server decides, never the cookie.

use super::accounts::{Account, AccountRow};
use crate::CoordinatorError;
use sqlx::SqliteConnection;

/// A session may stay unused so long, in seconds.
pub const IDLE_SECONDS: i64 = 2 * 3_600;
/// A session lives at most so long, in seconds.
pub const LIFETIME_SECONDS: i64 = 12 * 3_600;
/// Use is recorded at most this often, in seconds, so that reading does not mean writing.
pub const USE_RECORDED_EVERY: i64 = 60;

/// Opens a session and forgets those that have ended.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn session_insert(
    connection: &mut SqliteConnection,
    token_hash: &str,
    account: i64,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= $1 OR used_at <= $2")
        .bind(now)
        .bind(now - IDLE_SECONDS)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO sessions (token_hash, account, created_at, used_at, expires_at) VALUES ($1, $2, $3, $3, $4)",
    )
    .bind(token_hash)
    .bind(account)
    .bind(now)
    .bind(now + LIFETIME_SECONDS)
    .execute(connection)
    .await?;
    Ok(())
}

/// The account of a live session, and when its use was last recorded.
pub async fn session_account(
    connection: &mut SqliteConnection,
    token_hash: &str,
    now: i64,
) -> Result<Option<(Account, i64)>, CoordinatorError> {
    let row: Option<(i64, String, String, Option<String>, String, i64)> = sqlx::query_as(
        "SELECT accounts.id, accounts.name, accounts.role, accounts.organisation, accounts.password_hash, \
         sessions.used_at FROM sessions JOIN accounts ON accounts.id = sessions.account \
         WHERE sessions.token_hash = $1 AND sessions.expires_at > $2 AND sessions.used_at > $3",
    )
    .bind(token_hash)
    .bind(now)
    .bind(now - IDLE_SECONDS)
    .fetch_optional(connection)
    .await?;
    row.map(|(id, name, role, organisation, password_hash, used_at)| {
        let row: AccountRow = (id, name, role, organisation, password_hash);
        Ok((Account::try_from(row)?, used_at))
    })
    .transpose()
}

/// Records that a session was used.
pub async fn session_used(
    connection: &mut SqliteConnection,
    token_hash: &str,
    now: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE sessions SET used_at = $2 WHERE token_hash = $1")
        .bind(token_hash)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn session_delete(
    connection: &mut SqliteConnection,
    token_hash: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(token_hash)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends all sessions of an account: what it may do, or its password, has changed.
pub async fn sessions_end(
    connection: &mut SqliteConnection,
    account: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM sessions WHERE account = $1")
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}
