//! Where an account stands under a policy: of each cap the limit, what is spent, what is left, and until when it lasts.
//! It reads the ledger only, and says what a charge made now would meet.

use crate::caps::{amount, fixed_lifetime, lifetime_limit, limit_on, spent_in_all, spent_on, year};
use crate::{Cap, LedgerError};
use policy::Caps;
use privacy_loss::{Exhaustion, NanoRho, Pace, exhaustion};
use protocol::SubCap;
use sqlx::SqliteConnection;
use std::collections::BTreeSet;

/// One cap of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapStanding {
    /// Which cap.
    pub cap: Cap,
    /// Which year, dataset, purpose or study; empty for the lifetime cap.
    pub key: String,
    /// What may be spent under it in all.
    pub limit: NanoRho,
    /// What is spent.
    pub spent: NanoRho,
    /// When it is used up at the pace of the last 90 days.
    pub recent: Exhaustion,
    /// When it is used up at the pace since the first charge.
    pub overall: Exhaustion,
}

impl CapStanding {
    /// What is left.
    pub fn left(&self) -> NanoRho {
        self.limit.saturating_sub(self.spent)
    }
}

/// What was charged when, with its keys.
struct Dated {
    at: i64,
    rho: NanoRho,
    keys: [String; 4],
}

/// The standing of an account that was never charged.
///
/// # Errors
/// [`LedgerError::TimeOutOfRange`] for a time without a year, or a key that names none.
pub fn unspent(
    caps: &Caps,
    known: &[(SubCap, String)],
    now: i64,
) -> Result<Vec<CapStanding>, LedgerError> {
    let mut standings = vec![row(
        Cap::Lifetime,
        String::new(),
        caps.lifetime,
        NanoRho::ZERO,
        &[],
        now,
    )?];
    let this_year = year(now)?.to_string();
    for part in SubCap::ALL {
        for key in keys(part, &[], caps, known, &this_year) {
            let limit = caps.limit(part, key);
            let cap = Cap::Part(part);
            standings.push(row(cap, key.to_owned(), limit, NanoRho::ZERO, &[], now)?);
        }
    }
    Ok(standings)
}

/// The keys of a part that are worth showing, sorted.
fn keys<'a>(
    part: SubCap,
    charged: &[&'a str],
    caps: &'a Caps,
    known: &'a [(SubCap, String)],
    this_year: &'a str,
) -> BTreeSet<&'a str> {
    let mut keys: BTreeSet<&str> = charged.iter().copied().collect();
    keys.extend(caps.given(part).keys().map(String::as_str));
    let named = known.iter().filter(|(kind, _)| *kind == part);
    keys.extend(named.map(|(_, key)| key.as_str()));
    if part == SubCap::Year {
        keys.insert(this_year);
    }
    keys
}

/// The standing of every cap: the lifetime first, then each part with a charge, a cap of its own, or a place in `known`, and
/// the year of `now`.
pub(crate) async fn standing(
    connection: &mut SqliteConnection,
    caps: &Caps,
    known: &[(SubCap, String)],
    now: i64,
) -> Result<Vec<CapStanding>, LedgerError> {
    let charges = dated(&mut *connection).await?;
    let this_year = year(now)?.to_string();
    let mut known = known.to_vec();
    known.extend(moved(&mut *connection).await?);
    let fixed = fixed_lifetime(&mut *connection).await?;
    let all: Vec<(i64, NanoRho)> = charges.iter().map(|c| (c.at, c.rho)).collect();
    let mut standings = vec![row(
        Cap::Lifetime,
        String::new(),
        lifetime_limit(caps.lifetime, fixed),
        spent_in_all(&mut *connection).await?,
        &all,
        now,
    )?];
    for (place, part) in SubCap::ALL.into_iter().enumerate() {
        let charged_keys: Vec<&str> = charges.iter().map(|c| c.keys[place].as_str()).collect();
        for key in keys(part, &charged_keys, caps, &known, &this_year) {
            let charged: Vec<(i64, NanoRho)> = (charges.iter())
                .filter(|charge| charge.keys[place] == key)
                .map(|charge| (charge.at, charge.rho))
                .collect();
            standings.push(row(
                Cap::Part(part),
                key.to_owned(),
                limit_on(&mut *connection, caps, part, key).await?,
                spent_on(&mut *connection, part, key).await?,
                &charged,
                now,
            )?);
        }
    }
    Ok(standings)
}

fn row(
    cap: Cap,
    key: String,
    limit: NanoRho,
    spent: NanoRho,
    charges: &[(i64, NanoRho)],
    now: i64,
) -> Result<CapStanding, LedgerError> {
    let until = match cap {
        Cap::Part(SubCap::Year) => Some(end_of_year(&key)?),
        _ => None,
    };
    let left = limit.saturating_sub(spent);
    let over = |pace| exhaustion(charges, left, pace, now, until);
    Ok(CapStanding {
        recent: over(Pace::Recent),
        overall: over(Pace::SinceFirst),
        cap,
        key,
        limit,
        spent,
    })
}

/// The first second after a year.
fn end_of_year(key: &str) -> Result<i64, LedgerError> {
    let out_of_range = || LedgerError::TimeOutOfRange;
    let year: i16 = key.parse().map_err(|_| out_of_range())?;
    let next = jiff::civil::Date::new(year.checked_add(1).ok_or_else(out_of_range)?, 1, 1)
        .map_err(|_| out_of_range())?;
    let start = next
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| out_of_range())?;
    Ok(start.timestamp().as_second())
}

/// Parts that signed acts named or something was written off of.
async fn moved(connection: &mut SqliteConnection) -> Result<Vec<(SubCap, String)>, LedgerError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT part, from_key FROM moves UNION SELECT part, to_key FROM moves \
         UNION SELECT part, part_key FROM write_offs",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(part, key)| match SubCap::from_name(&part) {
            Some(part) => Ok((part, key)),
            None => Err(LedgerError::Corrupt { what: "move" }),
        })
        .collect()
}

async fn dated(connection: &mut SqliteConnection) -> Result<Vec<Dated>, LedgerError> {
    let rows: Vec<(i64, i64, i64, String, String, String)> = sqlx::query_as(
        "SELECT e.at, c.rho, c.year, c.dataset, c.purpose, c.study FROM charges c \
         JOIN entries e ON e.entry_index = c.entry_index ORDER BY c.entry_index",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(at, rho, year, dataset, purpose, study)| {
            Ok(Dated {
                at,
                rho: amount(rho)?,
                keys: [year.to_string(), dataset, purpose, study],
            })
        })
        .collect()
}
