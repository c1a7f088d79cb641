//! Accounts of people: name, role, organisation, password hash.
//! The hash never leaves this module but for the one check at sign-in, and is not printed.

use crate::CoordinatorError;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use std::fmt;
use utoipa::ToSchema;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Asks questions and reads releases.
    Analyst,
    /// Reads releases and what concerns the own organisation.
    Organisation,
    /// As organisation; for its data protection officer.
    Dpo,
    /// Reads everything, asks nothing.
    Admin,
}

impl Role {
    /// The identifier.
    pub fn id(self) -> &'static str {
        match self {
            Role::Analyst => "analyst",
            Role::Organisation => "organisation",
            Role::Dpo => "dpo",
            Role::Admin => "admin",
        }
    }

    /// The role with this identifier.
    pub fn from_id(id: &str) -> Option<Role> {
        [Role::Analyst, Role::Organisation, Role::Dpo, Role::Admin]
            .into_iter()
            .find(|role| role.id() == id)
    }

    /// Whether the role sees one organisation's part only.
    pub fn is_scoped(self) -> bool {
        matches!(self, Role::Organisation | Role::Dpo)
    }
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Key in the database.
    pub id: i64,
    /// Sign-in name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The organisation it belongs to.
    pub organisation: Option<String>,
    /// Argon2id hash of the password, PHC format.
    pub(crate) password_hash: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("organisation", &self.organisation)
            .finish_non_exhaustive()
    }
}

pub(crate) type AccountRow = (i64, String, String, Option<String>, String);

impl TryFrom<AccountRow> for Account {
    type Error = CoordinatorError;

    fn try_from(
        (id, name, role, organisation, password_hash): AccountRow,
    ) -> Result<Account, CoordinatorError> {
        Ok(Account {
            id,
            name,
            role: Role::from_id(&role).ok_or(CoordinatorError::Corrupt { what: "role" })?,
            organisation,
            password_hash,
        })
    }
}

/// The account of this name.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn account_by_name(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<Account>, CoordinatorError> {
    let row: Option<AccountRow> = sqlx::query_as(
        "SELECT id, name, role, organisation, password_hash FROM accounts WHERE name = $1",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?;
    row.map(Account::try_from).transpose()
}

/// Adds an account; false where the name is taken.
pub async fn account_insert(
    connection: &mut SqliteConnection,
    name: &str,
    role: Role,
    organisation: Option<&str>,
    password_hash: &str,
    now: i64,
) -> Result<bool, CoordinatorError> {
    let done = sqlx::query(
        "INSERT INTO accounts (name, role, organisation, password_hash, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(role.id())
    .bind(organisation)
    .bind(password_hash)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that an account was closed at `now`, or with `None` that it is open again.
pub async fn account_set_closed(
    connection: &mut SqliteConnection,
    account: i64,
    now: Option<i64>,
) -> Result<(), CoordinatorError> {
    sqlx::query("UPDATE accounts SET closed_at = $2 WHERE id = $1")
        .bind(account)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether an account was closed and not opened again.
pub async fn account_is_closed(
    connection: &mut SqliteConnection,
    account: i64,
) -> Result<bool, CoordinatorError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM accounts WHERE id = $1 AND closed_at IS NOT NULL")
            .bind(account)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Changes what an account may do, or its password.
pub async fn account_update(
    connection: &mut SqliteConnection,
    account: &Account,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "UPDATE accounts SET role = $2, organisation = $3, password_hash = $4 WHERE id = $1",
    )
    .bind(account.id)
    .bind(account.role.id())
    .bind(&account.organisation)
    .bind(&account.password_hash)
    .execute(connection)
    .await?;
    Ok(())
}
