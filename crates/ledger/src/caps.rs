//! The caps of an account and whether one more charge stays within all of them.
//! Sums are exact integers of nano-rho; a sum that would overflow passes every cap and is refused.

use crate::LedgerError;
use crate::charge::ChargeTerms;
use crate::facts::ChargeRow;
use policy::Caps;
use privacy_loss::NanoRho;
use protocol::SubCap;
use sqlx::SqliteConnection;
use std::fmt;

/// A cap on spending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cap {
    /// Over all datasets, for ever.
    Lifetime,
    /// On one part: a year, dataset, purpose or study.
    Part(SubCap),
}

impl Cap {
    /// Every cap, in the order in which they are checked.
    pub const ALL: [Cap; 5] = [
        Cap::Lifetime,
        Cap::Part(SubCap::Year),
        Cap::Part(SubCap::Dataset),
        Cap::Part(SubCap::Purpose),
        Cap::Part(SubCap::Study),
    ];

    /// Its name, as refusals state it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cap::Lifetime => "lifetime",
            Cap::Part(part) => part.as_str(),
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

/// The lifetime cap that was promised, if the account is open: what opening it fixed, or the latest guarantee that two
/// persons signed since.
pub(crate) async fn fixed_lifetime(
    connection: &mut SqliteConnection,
) -> Result<Option<NanoRho>, LedgerError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT COALESCE((SELECT lifetime FROM guarantees ORDER BY entry_index DESC LIMIT 1), lifetime) \
         FROM account WHERE id = 1",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|(lifetime,)| amount(lifetime)).transpose()
}

/// What may be spent on one part: what the policy says, and what signed acts moved to it and from it.
pub(crate) async fn limit_on(
    connection: &mut SqliteConnection,
    caps: &Caps,
    part: SubCap,
    key: &str,
) -> Result<NanoRho, LedgerError> {
    let (into, out): (i64, i64) = sqlx::query_as(
        "SELECT COALESCE((SELECT SUM(rho) FROM moves WHERE part = $1 AND to_key = $2), 0), \
         COALESCE((SELECT SUM(rho) FROM moves WHERE part = $1 AND from_key = $2), 0)",
    )
    .bind(part.as_str())
    .bind(key)
    .fetch_one(connection)
    .await?;
    let given = amount(into)?.nano();
    let limit = caps.limit(part, key).nano().saturating_add(given);
    Ok(NanoRho::new(limit).saturating_sub(amount(out)?))
}

/// Whether anything was ever debited.
pub(crate) async fn charged(connection: &mut SqliteConnection) -> Result<bool, LedgerError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT entry_index FROM charges LIMIT 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// All that was ever debited or written off.
pub(crate) async fn spent_in_all(
    connection: &mut SqliteConnection,
) -> Result<NanoRho, LedgerError> {
    let sums: (Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT SUM(rho) FROM charges), (SELECT SUM(rho) FROM write_offs WHERE part = 'year')",
    )
    .fetch_one(connection)
    .await?;
    both(sums)
}

/// What was debited or written off on one part.
pub(crate) async fn spent_on(
    connection: &mut SqliteConnection,
    part: SubCap,
    key: &str,
) -> Result<NanoRho, LedgerError> {
    let sums = match part {
        SubCap::Year => {
            "SELECT (SELECT SUM(rho) FROM charges WHERE year = CAST($1 AS INTEGER)), \
             (SELECT SUM(rho) FROM write_offs WHERE part = 'year' AND part_key = $1)"
        }
        SubCap::Dataset => {
            "SELECT (SELECT SUM(rho) FROM charges WHERE dataset = $1), \
             (SELECT SUM(rho) FROM write_offs WHERE part = 'dataset' AND part_key = $1)"
        }
        SubCap::Purpose => {
            "SELECT (SELECT SUM(rho) FROM charges WHERE purpose = $1), \
             (SELECT SUM(rho) FROM write_offs WHERE part = 'purpose' AND part_key = $1)"
        }
        SubCap::Study => {
            "SELECT (SELECT SUM(rho) FROM charges WHERE study = $1), \
             (SELECT SUM(rho) FROM write_offs WHERE part = 'study' AND part_key = $1)"
        }
    };
    let sums: (Option<i64>, Option<i64>) =
        sqlx::query_as(sums).bind(key).fetch_one(connection).await?;
    both(sums)
}

fn both((charged, written_off): (Option<i64>, Option<i64>)) -> Result<NanoRho, LedgerError> {
    amount(charged.unwrap_or(0))?
        .checked_add(amount(written_off.unwrap_or(0))?)
        .ok_or(LedgerError::Corrupt { what: "balance" })
}

/// A stored amount.
pub(crate) fn amount(stored: i64) -> Result<NanoRho, LedgerError> {
    u64::try_from(stored)
        .map(NanoRho::new)
        .map_err(|_| LedgerError::Corrupt { what: "amount" })
}

/// The first cap that the charge would pass, widest first; `None` if it fits within all.
pub(crate) async fn exceeded(
    connection: &mut SqliteConnection,
    row: &ChargeRow,
    terms: &ChargeTerms,
) -> Result<Option<Cap>, LedgerError> {
    let caps = &terms.caps;
    let fixed = fixed_lifetime(&mut *connection).await?;
    if fixed.is_none() && charged(&mut *connection).await? {
        // Opening the account fixed a lifetime cap; without it nothing may be charged, least of all under a new one.
        return Err(LedgerError::Corrupt { what: "account" });
    }
    for cap in Cap::ALL {
        let (limit, spent) = match cap {
            Cap::Lifetime => (
                lifetime_limit(caps.lifetime, fixed),
                spent_in_all(&mut *connection).await?,
            ),
            Cap::Part(part) => {
                let key = row.key(part);
                let mut limit = limit_on(&mut *connection, caps, part, &key).await?;
                if part == SubCap::Study {
                    limit = limit.min(terms.study_limit);
                }
                (limit, spent_on(&mut *connection, part, &key).await?)
            }
        };
        if !fits(spent, terms.rho, limit) {
            return Ok(Some(cap));
        }
    }
    Ok(None)
}

/// The lifetime limit in force: the policy's, but never above what was promised.
pub fn lifetime_limit(policy: NanoRho, promised: Option<NanoRho>) -> NanoRho {
    promised.map_or(policy, |promised| policy.min(promised))
}

/// Whether `spent` and `rho` together stay within `limit`. What cannot be stored as an `i64` never fits.
fn fits(spent: NanoRho, rho: NanoRho, limit: NanoRho) -> bool {
    let limit = limit.min(NanoRho::new(i64::MAX as u64));
    spent.checked_add(rho).is_some_and(|total| total <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_fits_up_to_its_limit_and_never_by_overflow() {
        let max = i64::MAX as u64;
        let fits = |spent: u64, rho: u64, limit: u64| {
            fits(NanoRho::new(spent), NanoRho::new(rho), NanoRho::new(limit))
        };
        assert!(fits(0, 0, 0));
        assert!(fits(9, 1, 10));
        assert!(!fits(9, 2, 10));
        assert!(!fits(0, 1, 0));
        assert!(fits(max - 1, 1, u64::MAX));
        assert!(!fits(max, 1, u64::MAX));
        assert!(!fits(max, u64::MAX, u64::MAX));
        assert!(!fits(1, u64::MAX, u64::MAX));
        assert!(!fits(0, max + 1, u64::MAX));
    }

    #[test]
    fn a_policy_cannot_raise_the_fixed_lifetime_but_may_lower_it() {
        let limit = |policy: u64, promised: Option<u64>| {
            lifetime_limit(NanoRho::new(policy), promised.map(NanoRho::new)).nano()
        };
        assert_eq!(limit(10, None), 10);
        assert_eq!(limit(10, Some(5)), 5);
        assert_eq!(limit(3, Some(5)), 3);
    }

    #[test]
    fn years_turn_at_midnight_utc() {
        assert_eq!(year(1_735_689_599).unwrap(), 2024);
        assert_eq!(year(1_735_689_600).unwrap(), 2025);
        assert!(year(i64::MAX).is_err());
    }
}
