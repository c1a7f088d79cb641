//! Signing in and out, and who is behind a cookie or an API token.
//! A wrong name and a wrong password look the same and take the same time.

use crate::state::State;
use crate::store::accounts::{Account, account_by_name};
use crate::store::log::{self, Entry};
use crate::store::sessions::{self, USE_RECORDED_EVERY};
use crate::store::tokens;
use crate::{CoordinatorError, Problem, secret};
use audit::EntryKind;
use serde_json::json;
use std::net::IpAddr;

/// Signs in and returns the account with the session's token.
///
/// # Errors
/// [`Problem::InvalidCredentials`], [`Problem::TooManyAttempts`], [`Problem::Busy`].
pub async fn sign_in(
    app: &State,
    address: Option<IpAddr>,
    name: &str,
    password: String,
) -> Result<(Account, String), Problem> {
    let now = app.clock.now();
    if let Some(retry_after) = app.throttle.wait(address, name, now) {
        return Err(Problem::TooManyAttempts { retry_after });
    }
    let mut reader = app.database.read().await?;
    let account = account_by_name(&mut reader, name).await?;
    drop(reader);
    let stored = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let right = app
        .passwords
        .check(password, stored)
        .await
        .map_err(|_| Problem::Busy)?;
    let mut transaction = app.database.write().await?;
    let Some(account) = account.filter(|_| right) else {
        app.throttle.failed(address, name, now);
        // What was typed as a name may be a password; it is not recorded.
        let entry = Entry::new(EntryKind::Login, "sign-in-refused");
        log::append(&mut transaction, now, entry).await?;
        transaction.commit().await.map_err(CoordinatorError::from)?;
        return Err(Problem::InvalidCredentials);
    };
    let token = secret::token("")?;
    sessions::session_insert(
        &mut transaction,
        &secret::stored_form(&token),
        account.id,
        now,
    )
    .await?;
    let entry = Entry::new(EntryKind::Login, "signed-in")
        .fact("role", account.role.id())
        .body(json!({ "account": account.name }));
    log::append(&mut transaction, now, entry).await?;
    transaction.commit().await.map_err(CoordinatorError::from)?;
    Ok((account, token))
}

/// Ends a session.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn sign_out(app: &State, token: &str) -> Result<(), CoordinatorError> {
    let mut transaction = app.database.write().await?;
    sessions::session_delete(&mut transaction, &secret::stored_form(token)).await?;
    Ok(transaction.commit().await?)
}

/// The account behind a session's token.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn by_cookie(app: &State, token: &str) -> Result<Option<Account>, CoordinatorError> {
    let now = app.clock.now();
    let hash = secret::stored_form(token);
    let mut reader = app.database.read().await?;
    let Some((account, used_at)) = sessions::session_account(&mut reader, &hash, now).await? else {
        return Ok(None);
    };
    drop(reader);
    if now - used_at >= USE_RECORDED_EVERY {
        let mut transaction = app.database.write().await?;
        sessions::session_used(&mut transaction, &hash, now).await?;
        transaction.commit().await?;
    }
    Ok(Some(account))
}

/// The account behind an API token.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn by_token(app: &State, token: &str) -> Result<Option<Account>, CoordinatorError> {
    let mut reader = app.database.read().await?;
    tokens::api_token_account(&mut reader, &secret::stored_form(token), app.clock.now()).await
}
