//! Going on from a backup without giving budget back: what receipts prove is debited, the rest of every open year is written
//! off, and what was debited without an answer is never computed again. One transaction, with its leaves.
//!
//! Proof that nothing comes back. Let B be the debits the backup holds, L those made after it and lost with the log. Every
//! debit of L fell into a year from the backup's last entry, or its making if that is earlier, to now and fitted that year's limit beside the debits of that
//! year in B, so the debits of L in one year are at most that year's limit less B's part of it. Receipts debit some of L; the
//! write-off debits the remainder of the year's limit. Hence after this transaction at least B + L is on the books, whoever
//! withheld whichever receipt, as long as no limit in force after the backup was higher than the one used here and the clock, which said
//! the years of L, ran neither behind the backup nor ahead of now by a turn of the year.

use crate::LedgerError;
use crate::act_rows::{RestorationRow, WriteOffRow};
use crate::acts::{check_unused, envelope_bytes};
use crate::answers::store;
use crate::caps::{fixed_lifetime, lifetime_limit, limit_on, spent_in_all, spent_on, year};
use crate::charge::{charge_row, insert_charge, open_account, sealed};
use crate::facts::ChargeRow;
use crate::log::{append, stored, tree};
use audit::EntryKind;
use policy::Caps;
use privacy_loss::NanoRho;
use protocol::{LogState, SubCap, VerifiedReceipt, VerifiedRestoration};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use storage::{WriteTransaction, Writer};

/// What a restoration booked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Debits that receipts proved and the backup did not hold.
    pub charges: u64,
    /// Their sum.
    pub recovered: NanoRho,
    /// Answers stored again.
    pub answers: u64,
    /// What was written off of the open years.
    pub written_off: NanoRho,
}

/// Books a restoration, in one transaction.
pub(crate) async fn restore(
    writer: &Writer,
    verified: &VerifiedRestoration,
    receipts: &[VerifiedReceipt],
    caps: &Caps,
    known: &[(SubCap, String)],
    made_at: i64,
    now: i64,
) -> Result<Restored, LedgerError> {
    verified.check_fresh(now)?;
    let act = verified.act();
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("restore-begun");
    check_unused(&mut transaction, &act.id).await?;
    let kept = tree(&mut transaction).await?;
    if LogState::new(kept.size(), &kept.root()) != act.kept {
        return Err(LedgerError::OtherBackup);
    }
    if act.ended.size > 0 && fixed_lifetime(&mut transaction).await?.is_none() {
        // The log that ended may have promised less than the policy says now, and only two persons may raise that.
        return Err(LedgerError::NoAccount);
    }
    // The earlier of both, since either was read from a clock that may have been ahead.
    let since = (last_entry_at(&mut transaction).await?).map_or(made_at, |last| last.min(made_at));
    let row = RestorationRow::of(verified).ok_or(LedgerError::Corrupt { what: "act" })?;
    let body = envelope_bytes(verified.envelope())?;
    let index = append(
        &mut transaction,
        EntryKind::Restoration,
        now,
        row.facts(),
        &body,
    )
    .await?;
    row.insert(&mut transaction, index).await?;
    open_account(&mut transaction, caps.lifetime, now).await?;

    let mut restored = Restored::default();
    for receipt in receipts {
        recover(&mut transaction, receipt, index, now, &mut restored).await?;
    }
    failpoint::reach("restore-recovered");
    for open in year(since.min(now))?..=year(now)? {
        let key = open.to_string();
        let lifetime = lifetime_limit(caps.lifetime, fixed_lifetime(&mut transaction).await?);
        let left = left_of(&mut transaction, caps, SubCap::Year, &key).await?;
        let unspent = lifetime.saturating_sub(spent_in_all(&mut transaction).await?);
        let lost = left.min(unspent);
        write_off(&mut transaction, index, SubCap::Year, &key, lost, now).await?;
        restored.written_off = restored
            .written_off
            .checked_add(lost)
            .ok_or(LedgerError::Corrupt { what: "balance" })?;
    }
    // What is written off may have been spent on any of these.
    let mut parts = charged_parts(&mut transaction).await?;
    parts.extend(known.iter().cloned());
    for (part, key) in parts.iter().filter(|(part, _)| *part != SubCap::Year) {
        let left = left_of(&mut transaction, caps, *part, key).await?;
        let lost = left.min(restored.written_off);
        write_off(&mut transaction, index, *part, key, lost, now).await?;
    }
    failpoint::reach("restore-written");
    transaction.commit().await?;
    failpoint::reach("restore-committed");
    Ok(restored)
}

/// Every dataset, purpose and study that was ever charged.
async fn charged_parts(
    connection: &mut SqliteConnection,
) -> Result<BTreeSet<(SubCap, String)>, LedgerError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT DISTINCT dataset, purpose, study FROM charges")
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .flat_map(|(dataset, purpose, study)| {
            [
                (SubCap::Dataset, dataset),
                (SubCap::Purpose, purpose),
                (SubCap::Study, study),
            ]
        })
        .collect())
}

async fn left_of(
    connection: &mut SqliteConnection,
    caps: &Caps,
    part: SubCap,
    key: &str,
) -> Result<NanoRho, LedgerError> {
    let limit = limit_on(&mut *connection, caps, part, key).await?;
    Ok(limit.saturating_sub(spent_on(&mut *connection, part, key).await?))
}

async fn last_entry_at(connection: &mut SqliteConnection) -> Result<Option<i64>, LedgerError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT at FROM entries ORDER BY entry_index DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(at,)| at))
}

/// Debits what a receipt proves, unless the backup holds the debit, and stores its answer, unless it holds that too.
async fn recover(
    transaction: &mut WriteTransaction,
    receipt: &VerifiedReceipt,
    restored_by: i64,
    now: i64,
    restored: &mut Restored,
) -> Result<(), LedgerError> {
    if receipt.receipt().reused {
        // Its cells were paid for by another request; asked again, they are found there.
        return Ok(());
    }
    let request = receipt.request();
    let known = charge_row(&mut *transaction, &request.id).await?;
    let (row, allowed_by) = match known {
        Some(known) => known,
        None => {
            let query_hash = protocol::from_hex::<32>(&request.query_hash)
                .ok_or(LedgerError::Corrupt { what: "receipt" })?;
            let row = ChargeRow {
                request_id: request.id.clone(),
                request_hash: receipt.request_hash().to_vec(),
                query_hash: query_hash.to_vec(),
                dataset: request.dataset.clone(),
                edition: i64::from(request.edition),
                study: request.study.clone(),
                purpose: request.purpose.clone(),
                policy_hash: receipt.receipt().policy_hash.clone(),
                // It was charged no earlier than it was signed, and no later than now.
                year: year(request.issued_at.min(now))?,
                rho: stored(receipt.receipt().rho.nano())?,
                recovered_by: restored_by,
            };
            let rule = receipt.receipt().rule.as_bytes();
            let index = insert_charge(&mut *transaction, &row, rule, now).await?;
            restored.charges += 1;
            restored.recovered = restored
                .recovered
                .checked_add(receipt.receipt().rho)
                .ok_or(LedgerError::Corrupt { what: "balance" })?;
            (row, index)
        }
    };
    if row.request_hash != receipt.request_hash()
        || sealed(&mut *transaction, &request.id).await?.is_some()
    {
        return Ok(());
    }
    store(
        transaction,
        &request.id,
        allowed_by,
        receipt.outcome(),
        receipt.sealed(),
        now,
    )
    .await?;
    crate::answers::keep_noise(transaction, &row, receipt.outcome()).await?;
    restored.answers += 1;
    Ok(())
}

async fn write_off(
    connection: &mut SqliteConnection,
    restored_by: i64,
    part: SubCap,
    key: &str,
    rho: NanoRho,
    now: i64,
) -> Result<(), LedgerError> {
    if rho == NanoRho::ZERO {
        return Ok(());
    }
    let row = WriteOffRow {
        restored_by,
        part: part.as_str().to_owned(),
        key: key.to_owned(),
        rho: stored(rho.nano())?,
    };
    let index = append(&mut *connection, EntryKind::WriteOff, now, row.facts(), b"").await?;
    row.insert(&mut *connection, index).await
}

/// Whether an unanswered debit was made before the latest restoration, so that its answer may be out already.
pub(crate) async fn is_before_a_restoration(
    connection: &mut SqliteConnection,
    leaf_index: i64,
) -> Result<bool, LedgerError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT entry_index FROM restorations WHERE entry_index > $1 LIMIT 1")
            .bind(leaf_index)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}
