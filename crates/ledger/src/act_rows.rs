//! Rows of signed acts and of what they write off, each with the facts of its leaf.
//! As for the ledger's other rows, writing and verification both call these.

use crate::LedgerError;
use crate::facts::{Facts, facts, number};
use protocol::{VerifiedBudgetMove, VerifiedGuarantee, VerifiedRestoration};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// Budget moved by a signed act, as a row of `moves` holds it.
#[derive(Clone, Debug)]
pub(crate) struct MoveRow {
    pub(crate) act_id: String,
    pub(crate) act_hash: Vec<u8>,
    pub(crate) signer: String,
    pub(crate) part: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) rho: i64,
}

impl MoveRow {
    /// All moves.
    pub(crate) const SELECT: &str =
        "SELECT act_id, act_hash, signer, part, from_key, to_key, rho, entry_index FROM moves";

    /// The row that records an act; `None` for an amount that cannot be stored.
    pub(crate) fn of(verified: &VerifiedBudgetMove) -> Option<MoveRow> {
        let act = verified.act();
        Some(MoveRow {
            act_id: act.id.clone(),
            act_hash: verified.hash().to_vec(),
            signer: verified.signer().to_string(),
            part: act.part.as_str().to_owned(),
            from: act.from.clone(),
            to: act.to.clone(),
            rho: i64::try_from(act.rho.nano()).ok()?,
        })
    }

    /// A move and its leaf, from the columns of [`MoveRow::SELECT`].
    pub(crate) fn read(row: &SqliteRow) -> Result<(MoveRow, i64), LedgerError> {
        let read = MoveRow {
            act_id: row.try_get(0)?,
            act_hash: row.try_get(1)?,
            signer: row.try_get(2)?,
            part: row.try_get(3)?,
            from: row.try_get(4)?,
            to: row.try_get(5)?,
            rho: row.try_get(6)?,
        };
        Ok((read, row.try_get(7)?))
    }

    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("act", "move".into()),
            ("act-id", self.act_id.as_str().into()),
            ("act-hash", protocol::hex(&self.act_hash).into()),
            ("signer", self.signer.as_str().into()),
            ("part", self.part.as_str().into()),
            ("from", self.from.as_str().into()),
            ("to", self.to.as_str().into()),
            ("rho", number(self.rho)),
        ])
    }
}

/// A new guarantee, as a row of `guarantees` holds it.
#[derive(Clone, Debug)]
pub(crate) struct GuaranteeRow {
    pub(crate) act_id: String,
    pub(crate) act_hash: Vec<u8>,
    pub(crate) signer: String,
    pub(crate) second_signer: String,
    pub(crate) lifetime_before: i64,
    pub(crate) lifetime: i64,
}

impl GuaranteeRow {
    /// All new guarantees.
    pub(crate) const SELECT: &str = "SELECT act_id, act_hash, signer, second_signer, lifetime_before, lifetime, \
         entry_index FROM guarantees";

    /// The row that records an act; `None` for an amount that cannot be stored.
    pub(crate) fn of(verified: &VerifiedGuarantee) -> Option<GuaranteeRow> {
        let act = verified.act();
        let (signer, second) = (verified.signers().first()?, verified.signers().get(1)?);
        Some(GuaranteeRow {
            act_id: act.id.clone(),
            act_hash: verified.hash().to_vec(),
            signer: signer.to_string(),
            second_signer: second.to_string(),
            lifetime_before: i64::try_from(act.lifetime_before.nano()).ok()?,
            lifetime: i64::try_from(act.lifetime.nano()).ok()?,
        })
    }

    /// A guarantee and its leaf, from the columns of [`GuaranteeRow::SELECT`].
    pub(crate) fn read(row: &SqliteRow) -> Result<(GuaranteeRow, i64), LedgerError> {
        let read = GuaranteeRow {
            act_id: row.try_get(0)?,
            act_hash: row.try_get(1)?,
            signer: row.try_get(2)?,
            second_signer: row.try_get(3)?,
            lifetime_before: row.try_get(4)?,
            lifetime: row.try_get(5)?,
        };
        Ok((read, row.try_get(6)?))
    }

    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("act", "new-guarantee".into()),
            ("act-id", self.act_id.as_str().into()),
            ("act-hash", protocol::hex(&self.act_hash).into()),
            ("signer", self.signer.as_str().into()),
            ("second-signer", self.second_signer.as_str().into()),
            ("lifetime-before", number(self.lifetime_before)),
            ("lifetime", number(self.lifetime)),
        ])
    }
}

/// A log that goes on from a backup, as a row of `restorations` holds it.
#[derive(Clone, Debug)]
pub(crate) struct RestorationRow {
    act_id: String,
    act_hash: Vec<u8>,
    signer: String,
    old_key: String,
    new_key: String,
    kept_size: i64,
    kept_root: String,
    ended_size: i64,
    ended_root: String,
}

impl RestorationRow {
    /// All restorations.
    pub(crate) const SELECT: &str = "SELECT act_id, act_hash, signer, old_key, new_key, kept_size, kept_root, \
         ended_size, ended_root, entry_index FROM restorations";

    /// The row that records an act; `None` for a size that cannot be stored.
    pub(crate) fn of(verified: &VerifiedRestoration) -> Option<RestorationRow> {
        let act = verified.act();
        Some(RestorationRow {
            act_id: act.id.clone(),
            act_hash: verified.hash().to_vec(),
            signer: verified.signer().to_string(),
            old_key: act.old_key.to_string(),
            new_key: act.new_key.to_string(),
            kept_size: i64::try_from(act.kept.size).ok()?,
            kept_root: act.kept.root.clone(),
            ended_size: i64::try_from(act.ended.size).ok()?,
            ended_root: act.ended.root.clone(),
        })
    }

    /// A restoration and its leaf, from the columns of [`RestorationRow::SELECT`].
    pub(crate) fn read(row: &SqliteRow) -> Result<(RestorationRow, i64), LedgerError> {
        let read = RestorationRow {
            act_id: row.try_get(0)?,
            act_hash: row.try_get(1)?,
            signer: row.try_get(2)?,
            old_key: row.try_get(3)?,
            new_key: row.try_get(4)?,
            kept_size: row.try_get(5)?,
            kept_root: row.try_get(6)?,
            ended_size: row.try_get(7)?,
            ended_root: row.try_get(8)?,
        };
        Ok((read, row.try_get(9)?))
    }

    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("act", "restoration".into()),
            ("act-id", self.act_id.as_str().into()),
            ("act-hash", protocol::hex(&self.act_hash).into()),
            ("signer", self.signer.as_str().into()),
            ("old-key", self.old_key.as_str().into()),
            ("new-key", self.new_key.as_str().into()),
            ("kept-size", number(self.kept_size)),
            ("kept-root", self.kept_root.as_str().into()),
            ("ended-size", number(self.ended_size)),
            ("ended-root", self.ended_root.as_str().into()),
        ])
    }

    pub(crate) async fn insert(
        &self,
        connection: &mut SqliteConnection,
        index: i64,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO restorations (act_id, act_hash, signer, old_key, new_key, kept_size, kept_root, \
             ended_size, ended_root, entry_index) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&self.act_id)
        .bind(&self.act_hash)
        .bind(&self.signer)
        .bind(&self.old_key)
        .bind(&self.new_key)
        .bind(self.kept_size)
        .bind(&self.kept_root)
        .bind(self.ended_size)
        .bind(&self.ended_root)
        .bind(index)
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Budget written off with a restoration, as a row of `write_offs` holds it.
#[derive(Clone, Debug)]
pub(crate) struct WriteOffRow {
    pub(crate) restored_by: i64,
    pub(crate) part: String,
    pub(crate) key: String,
    pub(crate) rho: i64,
}

impl WriteOffRow {
    /// All write-offs.
    pub(crate) const SELECT: &str =
        "SELECT restored_by, part, part_key, rho, entry_index FROM write_offs";

    /// A write-off and its leaf, from the columns of [`WriteOffRow::SELECT`].
    pub(crate) fn read(row: &SqliteRow) -> Result<(WriteOffRow, i64), LedgerError> {
        let read = WriteOffRow {
            restored_by: row.try_get(0)?,
            part: row.try_get(1)?,
            key: row.try_get(2)?,
            rho: row.try_get(3)?,
        };
        Ok((read, row.try_get(4)?))
    }

    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("restored-by", number(self.restored_by)),
            ("part", self.part.as_str().into()),
            ("key", self.key.as_str().into()),
            ("rho", number(self.rho)),
        ])
    }

    pub(crate) async fn insert(
        &self,
        connection: &mut SqliteConnection,
        index: i64,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO write_offs (restored_by, part, part_key, rho, entry_index) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.restored_by)
        .bind(&self.part)
        .bind(&self.key)
        .bind(self.rho)
        .bind(index)
        .execute(connection)
        .await?;
        Ok(())
    }
}
