//! How far an account sees: officers and administrators everything that was decided, an organisation's people what concerns their
//! organisation, analysts what they asked themselves. Personal data is nowhere in it, whoever looks.

use crate::store::accounts::{Account, Role};

/// Whose decisions an account sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// Everybody's.
    All,
    /// Those an organisation made or asked for.
    Organisation(&'a str),
    /// Those about questions of one account.
    Asker(i64),
}

impl<'a> Reach<'a> {
    /// The reach of an account.
    pub fn of(account: &'a Account) -> Reach<'a> {
        match account.role {
            Role::Admin | Role::Dpo => Reach::All,
            // An account of an organisation always has one; without, it sees nothing.
            Role::Organisation => {
                Reach::Organisation(account.organisation.as_deref().unwrap_or_default())
            }
            Role::Analyst => Reach::Asker(account.id),
        }
    }

    /// Whether it takes in what concerns an organisation as a whole, such as its policies and its budget.
    pub fn has_organisation(&self, id: &str) -> bool {
        match self {
            Reach::All => true,
            Reach::Organisation(own) => *own == id,
            Reach::Asker(_) => false,
        }
    }
}
