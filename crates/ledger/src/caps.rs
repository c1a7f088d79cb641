//! The caps of an account and whether one more charge stays within all of them.
//! Sums are exact integers of nano-rho; a sum that would overflow passes every cap and is refused.

use crate::LedgerError;
use crate::charge::ChargeTerms;
use crate::facts::ChargeRow;
use privacy_loss::NanoRho;
use sqlx::SqliteConnection;
use std::fmt;

/// A cap on spending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cap {
    /// Over all datasets, for ever.
    Lifetime,
    /// Within one calendar year, UTC.
    Year,
    /// On one dataset.
    Dataset,
    /// For one purpose.
    Purpose,
    /// Within one study.
    Study,
}

impl Cap {
    /// Every cap, in the order in which they are checked.
    pub const ALL: [Cap; 5] = [
        Cap::Lifetime,
        Cap::Year,
        Cap::Dataset,
        Cap::Purpose,
        Cap::Study,
    ];

    /// Its name, as refusals state it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cap::Lifetime => "lifetime",
            Cap::Year => "year",
            Cap::Dataset => "dataset",
            Cap::Purpose => "purpose",
            Cap::Study => "study",
        }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The calendar year of a time, UTC.
pub(crate) fn year(at: i64) -> Result<i64, LedgerError> {
    let time = jiff::Timestamp::from_second(at).map_err(|_| LedgerError::TimeOutOfRange)?;
    Ok(i64::from(time.to_zoned(jiff::tz::TimeZone::UTC).year()))
}

/// The lifetime cap that was fixed, if the account was charged before.
pub(crate) async fn fixed_lifetime(
    connection: &mut SqliteConnection,
) -> Result<Option<i64>, LedgerError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT lifetime FROM account WHERE id = 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(lifetime,)| lifetime))
}

async fn charged(connection: &mut SqliteConnection) -> Result<bool, LedgerError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT entry_index FROM charges LIMIT 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// The first cap that the charge would pass, widest first; `None` if it fits within all.
pub(crate) async fn exceeded(
    connection: &mut SqliteConnection,
    row: &ChargeRow,
    terms: &ChargeTerms,
) -> Result<Option<Cap>, LedgerError> {
    let caps = terms.caps;
    let fixed = fixed_lifetime(&mut *connection).await?;
    if fixed.is_none() && charged(&mut *connection).await? {
        // The first charge fixed a lifetime cap; without it nothing may be charged, least of all under a new one.
        return Err(LedgerError::Corrupt { what: "account" });
    }
    for cap in Cap::ALL {
        let (limit, spent) = match cap {
            Cap::Lifetime => {
                let spent = sqlx::query_as("SELECT SUM(rho) FROM charges")
                    .fetch_one(&mut *connection)
                    .await?;
                (lifetime_limit(caps.lifetime, fixed), spent)
            }
            Cap::Year => {
                let spent = sqlx::query_as("SELECT SUM(rho) FROM charges WHERE year = $1")
                    .bind(row.year)
                    .fetch_one(&mut *connection)
                    .await?;
                (caps.per_year.nano(), spent)
            }
            Cap::Dataset => {
                let spent = sqlx::query_as("SELECT SUM(rho) FROM charges WHERE dataset = $1")
                    .bind(&row.dataset)
                    .fetch_one(&mut *connection)
                    .await?;
                (caps.per_dataset.nano(), spent)
            }
            Cap::Purpose => {
                let spent = sqlx::query_as("SELECT SUM(rho) FROM charges WHERE purpose = $1")
                    .bind(&row.purpose)
                    .fetch_one(&mut *connection)
                    .await?;
                (caps.per_purpose.nano(), spent)
            }
            Cap::Study => {
                let spent = sqlx::query_as("SELECT SUM(rho) FROM charges WHERE study = $1")
                    .bind(&row.study)
                    .fetch_one(&mut *connection)
                    .await?;
                (caps.per_study.nano(), spent)
            }
        };
        if !fits(spent, terms.rho, limit)? {
            return Ok(Some(cap));
        }
    }
    Ok(None)
}

/// The lifetime limit in force: the policy's, but never above what the first charge fixed.
pub(crate) fn lifetime_limit(policy: NanoRho, fixed: Option<i64>) -> u64 {
    match fixed {
        Some(fixed) => policy.nano().min(u64::try_from(fixed).unwrap_or(0)),
        None => policy.nano(),
    }
}

/// Whether `spent` and `rho` together stay within `limit`. What cannot be stored as an `i64` never fits.
fn fits(spent: (Option<i64>,), rho: NanoRho, limit: u64) -> Result<bool, LedgerError> {
    let spent = u64::try_from(spent.0.unwrap_or(0))
        .map_err(|_| LedgerError::Corrupt { what: "balance" })?;
    let limit = limit.min(i64::MAX as u64);
    Ok(NanoRho::new(spent)
        .checked_add(rho)
        .is_some_and(|total| total.nano() <= limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_fits_up_to_its_limit_and_never_by_overflow() {
        let max = i64::MAX;
        let fits = |spent: i64, rho: u64, limit: u64| {
            fits((Some(spent),), NanoRho::new(rho), limit).unwrap()
        };
        assert!(fits(0, 0, 0));
        assert!(fits(9, 1, 10));
        assert!(!fits(9, 2, 10));
        assert!(!fits(0, 1, 0));
        assert!(fits(max - 1, 1, u64::MAX));
        assert!(!fits(max, 1, u64::MAX));
        assert!(!fits(max, u64::MAX, u64::MAX));
        assert!(!fits(1, u64::MAX, u64::MAX));
        assert!(!fits(0, max as u64 + 1, u64::MAX));
    }

    #[test]
    fn a_policy_cannot_raise_the_fixed_lifetime_but_may_lower_it() {
        assert_eq!(lifetime_limit(NanoRho::new(10), None), 10);
        assert_eq!(lifetime_limit(NanoRho::new(10), Some(5)), 5);
        assert_eq!(lifetime_limit(NanoRho::new(3), Some(5)), 3);
        assert_eq!(lifetime_limit(NanoRho::new(3), Some(-1)), 0);
    }

    #[test]
    fn years_turn_at_midnight_utc() {
        assert_eq!(year(1_735_689_599).unwrap(), 2024);
        assert_eq!(year(1_735_689_600).unwrap(), 2025);
        assert!(year(i64::MAX).is_err());
    }
}
