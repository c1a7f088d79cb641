//! Entering signed acts: budget moved between parts, and a higher lifetime cap as a new guarantee.
//! Each is one transaction with its leaf, whose body is the signed envelope; none adds to what was promised before it.

use crate::act_rows::{GuaranteeRow, MoveRow};
use crate::caps::{fixed_lifetime, lifetime_limit, limit_on, spent_in_all, spent_on};
use crate::log::append;
use crate::{LedgerError, acceptance};
use audit::EntryKind;
use policy::Caps;
use protocol::{Envelope, VerifiedBudgetMove, VerifiedGuarantee};
use sqlx::SqliteConnection;
use storage::Writer;

/// Moves unspent budget, in one transaction, and returns the leaf's index.
pub(crate) async fn move_budget(
    writer: &Writer,
    verified: &VerifiedBudgetMove,
    caps: &Caps,
    now: i64,
) -> Result<u64, LedgerError> {
    verified.check_fresh(now)?;
    let act = verified.act();
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("move-begun");
    check_unused(&mut transaction, &act.id).await?;
    let limit = limit_on(&mut transaction, caps, act.part, &act.from).await?;
    let spent = spent_on(&mut transaction, act.part, &act.from).await?;
    let lifetime = lifetime_limit(caps.lifetime, fixed_lifetime(&mut transaction).await?);
    let unspent = lifetime.saturating_sub(spent_in_all(&mut transaction).await?);
    let left = limit.saturating_sub(spent).min(unspent);
    if act.rho > left {
        return Err(LedgerError::NotUnspent {
            part: act.part,
            key: act.from.clone(),
            left,
        });
    }
    let row = MoveRow::of(verified).ok_or(LedgerError::Corrupt { what: "act" })?;
    let body = envelope_bytes(verified.envelope())?;
    let index = append(
        &mut transaction,
        EntryKind::BudgetMove,
        now,
        row.facts(),
        &body,
    )
    .await?;
    sqlx::query(
        "INSERT INTO moves (act_id, act_hash, signer, part, from_key, to_key, rho, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.act_id)
    .bind(row.act_hash)
    .bind(row.signer)
    .bind(row.part)
    .bind(row.from)
    .bind(row.to)
    .bind(row.rho)
    .bind(index)
    .execute(&mut *transaction)
    .await?;
    failpoint::reach("move-written");
    transaction.commit().await?;
    failpoint::reach("move-committed");
    Ok(index as u64)
}

/// Replaces the lifetime cap by a higher one, in one transaction, and returns the leaf's index.
pub(crate) async fn new_guarantee(
    writer: &Writer,
    verified: &VerifiedGuarantee,
    now: i64,
) -> Result<u64, LedgerError> {
    verified.check_fresh(now)?;
    let act = verified.act();
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("guarantee-begun");
    check_unused(&mut transaction, &act.id).await?;
    match fixed_lifetime(&mut transaction).await? {
        None => return Err(LedgerError::NothingPromised),
        Some(fixed) if fixed != act.lifetime_before => {
            return Err(LedgerError::OtherLifetime { fixed });
        }
        Some(_) => {}
    }
    let row = GuaranteeRow::of(verified).ok_or(LedgerError::Corrupt { what: "act" })?;
    let body = envelope_bytes(verified.envelope())?;
    let index = append(
        &mut transaction,
        EntryKind::BudgetMove,
        now,
        row.facts(),
        &body,
    )
    .await?;
    sqlx::query(
        "INSERT INTO guarantees \
         (act_id, act_hash, signer, second_signer, lifetime_before, lifetime, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.act_id)
    .bind(row.act_hash)
    .bind(row.signer)
    .bind(row.second_signer)
    .bind(row.lifetime_before)
    .bind(row.lifetime)
    .bind(index)
    .execute(&mut *transaction)
    .await?;
    failpoint::reach("guarantee-written");
    transaction.commit().await?;
    failpoint::reach("guarantee-committed");
    Ok(index as u64)
}

/// An act's id counts once, whatever it did.
pub(crate) async fn check_unused(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), LedgerError> {
    let known: Option<(i64,)> = sqlx::query_as(
        "SELECT entry_index FROM moves WHERE act_id = $1 \
         UNION ALL SELECT entry_index FROM guarantees WHERE act_id = $1 \
         UNION ALL SELECT entry_index FROM restorations WHERE act_id = $1 \
         UNION ALL SELECT entry_index FROM policies WHERE act_id = $1 \
         UNION ALL SELECT entry_index FROM approvals WHERE act_id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    let known = match known {
        Some((index,)) => Some(index.unsigned_abs()),
        None => acceptance::entry_of(connection, id).await?,
    };
    match known {
        Some(index) => Err(LedgerError::ActUsed {
            id: id.to_owned(),
            index,
        }),
        None => Ok(()),
    }
}

pub(crate) fn envelope_bytes(envelope: &Envelope) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(envelope).map_err(|_| LedgerError::Corrupt { what: "act" })
}
