//! Single-use join tokens and API tokens, as hashes.
//! A join token is spent in the transaction that certifies the node it was for.

use super::accounts::{Account, AccountRow};
use crate::CoordinatorError;
use sqlx::SqliteConnection;

/// What a join token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The organisation that may join.
    pub organisation: String,
    /// Whether it may pin another data protection officer's key than it pinned before.
    pub new_officer: bool,
}

/// What became of a join token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinTokenUse {
    /// Spent now.
    Spent(Invitation),
    /// It was spent before.
    Used,
    /// Its time is over.
    Expired,
    /// Never issued.
    Unknown,
}

/// Records a join token by its hash.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn join_token_insert(
    connection: &mut SqliteConnection,
    token_hash: &str,
    invitation: &Invitation,
    now: i64,
    expires_at: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO join_tokens (token_hash, organisation, new_officer, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(token_hash)
    .bind(&invitation.organisation)
    .bind(invitation.new_officer)
    .bind(now)
    .bind(expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Spends a join token.
pub async fn join_token_spend(
    connection: &mut SqliteConnection,
    token_hash: &str,
    now: i64,
) -> Result<JoinTokenUse, CoordinatorError> {
    let row: Option<(String, bool, i64, Option<i64>)> = sqlx::query_as(
        "SELECT organisation, new_officer, expires_at, used_at FROM join_tokens WHERE token_hash = $1",
    )
    .bind(token_hash)
    .fetch_optional(&mut *connection)
    .await?;
    let invitation = match row {
        None => return Ok(JoinTokenUse::Unknown),
        Some((.., Some(_))) => return Ok(JoinTokenUse::Used),
        Some((_, _, expires_at, None)) if expires_at <= now => return Ok(JoinTokenUse::Expired),
        Some((organisation, new_officer, ..)) => Invitation {
            organisation,
            new_officer,
        },
    };
    sqlx::query("UPDATE join_tokens SET used_at = $2 WHERE token_hash = $1")
        .bind(token_hash)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(JoinTokenUse::Spent(invitation))
}

/// Records an API token by its hash.
pub async fn api_token_insert(
    connection: &mut SqliteConnection,
    token_hash: &str,
    account: i64,
    label: &str,
    now: i64,
    expires_at: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO api_tokens (token_hash, account, label, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(token_hash)
    .bind(account)
    .bind(label)
    .bind(now)
    .bind(expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// The account an API token speaks for.
pub async fn api_token_account(
    connection: &mut SqliteConnection,
    token_hash: &str,
    now: i64,
) -> Result<Option<Account>, CoordinatorError> {
    let row: Option<AccountRow> = sqlx::query_as(
        "SELECT accounts.id, accounts.name, accounts.role, accounts.organisation, accounts.password_hash \
         FROM api_tokens JOIN accounts ON accounts.id = api_tokens.account \
         WHERE api_tokens.token_hash = $1 AND api_tokens.expires_at > $2",
    )
    .bind(token_hash)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.map(Account::try_from).transpose()
}

/// Ends all API tokens of an account.
pub async fn api_tokens_end(
    connection: &mut SqliteConnection,
    account: i64,
) -> Result<(), CoordinatorError> {
    sqlx::query("DELETE FROM api_tokens WHERE account = $1")
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}
