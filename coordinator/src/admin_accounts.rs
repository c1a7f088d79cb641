//! Changing and closing accounts, from the command line. Whatever changes, the account's sessions end, so that no browser goes on
//! with what it was allowed before; a closed account stays in the books with a password nobody knows.

use crate::admin::{now, open};
use crate::config::Config;
use crate::store::accounts::{self, Account, Role};
use crate::store::log::{self, Entry};
use crate::store::{sessions, tokens};
use crate::{CoordinatorError, passwords, secret};
use audit::EntryKind;
use identity::check_organisation;
use serde_json::json;

/// What is to change of an account; `None` stays.
#[derive(Debug, Default)]
pub struct Change<'a> {
    /// What it may do.
    pub role: Option<Role>,
    /// The organisation it belongs to.
    pub organisation: Option<&'a str>,
    /// Its password.
    pub password: Option<&'a str>,
}

/// Changes an account and ends its sessions. API tokens go on, with the role the account has then.
///
/// # Errors
/// [`CoordinatorError::Refused`] where there is no such account, nothing to change, or the outcome would break a rule.
pub async fn account_change(
    config: &Config,
    name: &str,
    change: &Change<'_>,
) -> Result<(), CoordinatorError> {
    let (database, _) = open(config).await?;
    let mut transaction = database.write().await?;
    let mut account = found(&mut transaction, name).await?;
    if change.role.is_none() && change.organisation.is_none() && change.password.is_none() {
        return Err(CoordinatorError::refused(
            "nothing to change: add --role, --organisation or --password-stdin",
        ));
    }
    if let Some(role) = change.role {
        account.role = role;
    }
    if let Some(organisation) = change.organisation {
        check_organisation(organisation)?;
        account.organisation = Some(organisation.to_owned());
    }
    if account.role.is_scoped() && account.organisation.is_none() {
        return Err(CoordinatorError::refused(format!(
            "accounts of role {} belong to an organisation: add --organisation",
            account.role.id()
        )));
    }
    if let Some(password) = change.password {
        account.password_hash = passwords::hash(password).map_err(|_| {
            CoordinatorError::refused(format!(
                "a password has at least {} characters",
                passwords::SHORTEST
            ))
        })?;
    }
    accounts::account_update(&mut transaction, &account).await?;
    if change.password.is_some() {
        accounts::account_set_closed(&mut transaction, account.id, None).await?;
    }
    sessions::sessions_end(&mut transaction, account.id).await?;
    let entry = Entry::new(EntryKind::AdminAct, "account-changed")
        .fact("role", account.role.id())
        .fact(
            "organisation",
            account.organisation.as_deref().unwrap_or_default(),
        )
        .body(json!({ "account": name }));
    log::append(&mut transaction, now(), entry).await?;
    Ok(transaction.commit().await?)
}

/// Closes an account: its sessions and API tokens end, and no password opens it. What it asked stays in the books.
///
/// # Errors
/// [`CoordinatorError::Refused`] where there is no such account.
pub async fn account_close(config: &Config, name: &str) -> Result<(), CoordinatorError> {
    let (database, _) = open(config).await?;
    let mut transaction = database.write().await?;
    let mut account = found(&mut transaction, name).await?;
    account.password_hash = passwords::hash(&secret::token("")?)?;
    accounts::account_update(&mut transaction, &account).await?;
    accounts::account_set_closed(&mut transaction, account.id, Some(now())).await?;
    sessions::sessions_end(&mut transaction, account.id).await?;
    tokens::api_tokens_end(&mut transaction, account.id).await?;
    let entry = Entry::new(EntryKind::AdminAct, "account-closed").body(json!({ "account": name }));
    log::append(&mut transaction, now(), entry).await?;
    Ok(transaction.commit().await?)
}

async fn found(
    connection: &mut sqlx::SqliteConnection,
    name: &str,
) -> Result<Account, CoordinatorError> {
    (accounts::account_by_name(connection, name).await?).ok_or_else(|| no_account(name))
}

/// Nobody of this name, and what to do.
pub(crate) fn no_account(name: &str) -> CoordinatorError {
    CoordinatorError::refused(format!(
        "there is no account {name}; look at how it is written, or make it with `coordinator admin account add --config FILE --name {name} --role ROLE --password-stdin`"
    ))
}
