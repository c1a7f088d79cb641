//! Signing in and out, and who is behind a cookie or an API token.
//! A wrong name and a wrong password look the same and take the same time.

use crate::state::State;
use crate::store::accounts::{Account, account_by_name};
use crate::store::log::{self, Entry};
use crate::store::sessions::{self, USE_RECORDED_EVERY};
use crate::store::tokens;
use crate::throttle::Source;
use crate::{CoordinatorError, Problem, secret};
use audit::EntryKind;
use serde_json::json;
use std::net::IpAddr;

/// Somebody's attempt to sign in.
pub struct Attempt<'a> {
    /// Where it comes from, where the server tells.
    pub address: Option<IpAddr>,
    /// The browser's mark, where it carries one.
    pub device: Option<&'a str>,
    /// The session it had until now, which ends.
    pub session: Option<&'a str>,
    /// The name.
    pub name: &'a str,
    /// The password.
    pub password: String,
}

/// Who signed in, with secrets for their browser alone.
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// The session's token.
    pub token: String,
    /// The browser's mark.
    pub device: String,
}

/// Signs in: a new session, and the end of the one the browser had.
///
/// # Errors
/// [`Problem::InvalidCredentials`], [`Problem::TooManyAttempts`], [`Problem::Busy`].
pub async fn sign_in(app: &State, attempt: Attempt<'_>) -> Result<SignedIn, Problem> {
    let (now, name) = (app.clock.now(), attempt.name);
    let device = (attempt.device).and_then(|cookie| app.devices.known(name, cookie));
    let is_known = device.is_some();
    let source = match device {
        Some(device) => Source::Device(device),
        None => Source::network(attempt.address),
    };
    app.throttle
        .attempt(&source, name, now)
        .map_err(|retry_after| Problem::TooManyAttempts { retry_after })?;
    let mut reader = app.database.read().await?;
    let account = account_by_name(&mut reader, name).await?;
    drop(reader);
    let stored = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let checked = app
        .passwords
        .check(attempt.password, stored, is_known)
        .await;
    let Ok(right) = checked else {
        app.throttle.forgive(&source, name);
        return Err(Problem::Busy);
    };
    let mut transaction = app.database.write().await?;
    let Some(account) = account.filter(|_| right) else {
        // What was typed as a name may be a password; it is not recorded.
        let entry = Entry::new(EntryKind::Login, "sign-in-refused");
        log::append(&mut transaction, now, entry).await?;
        transaction.commit().await.map_err(CoordinatorError::from)?;
        return Err(Problem::InvalidCredentials);
    };
    app.throttle.forgive(&source, name);
    if let Some(former) = attempt.session {
        sessions::session_delete(&mut transaction, &secret::stored_form(former)).await?;
    }
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
    Ok(SignedIn {
        device: app.devices.introduce(&account.name)?,
        account,
        token,
    })
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
