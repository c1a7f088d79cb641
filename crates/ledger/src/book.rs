//! Reading the ledger: balance, entries, proofs, verification, also while another process writes it.
//! It changes nothing and needs no key.

use crate::verify::verify;
use crate::{LedgerError, Report, charge, log};
use audit::{AuditError, Checkpoint, Hash, Header, Tree, consistency_proof, inclusion_proof, root};
use privacy_loss::NanoRho;
use std::collections::BTreeMap;
use std::path::Path;
use storage::{Readers, Store};

/// What an account has spent, as a whole and by each sub-cap's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// The lifetime cap, once the first charge has fixed it.
    pub lifetime: Option<NanoRho>,
    /// All that was ever debited.
    pub spent: NanoRho,
    /// Number of debits.
    pub charges: u64,
    /// By calendar year, UTC.
    pub by_year: BTreeMap<i64, NanoRho>,
    /// By dataset.
    pub by_dataset: BTreeMap<String, NanoRho>,
    /// By purpose.
    pub by_purpose: BTreeMap<String, NanoRho>,
    /// By study.
    pub by_study: BTreeMap<String, NanoRho>,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is kept for ever.
    pub header: Header,
    /// What may be erased one day.
    pub body: Vec<u8>,
}

/// The ledger, open for reading. Cloning shares it.
#[derive(Clone, Debug)]
pub struct LedgerReader {
    readers: Readers,
}

impl LedgerReader {
    /// Opens an existing ledger for reading only.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] if the file is missing or is no database.
    pub async fn open(path: &Path) -> Result<LedgerReader, LedgerError> {
        Ok(LedgerReader::new(Store::open_read_only(path).await?))
    }

    pub(crate) fn new(readers: Readers) -> LedgerReader {
        LedgerReader { readers }
    }

    /// What was spent.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for rows that the ledger cannot have written.
    pub async fn balance(&self) -> Result<Balance, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        let lifetime = crate::caps::fixed_lifetime(&mut transaction).await?;
        let rows: Vec<(i64, String, String, String, i64)> =
            sqlx::query_as("SELECT year, dataset, purpose, study, rho FROM charges")
                .fetch_all(&mut *transaction)
                .await?;
        let mut balance = Balance {
            lifetime: lifetime.map(amount).transpose()?,
            charges: rows.len() as u64,
            ..Balance::default()
        };
        for (year, dataset, purpose, study, rho) in rows {
            let rho = amount(rho)?;
            add(&mut balance.spent, rho)?;
            add(balance.by_year.entry(year).or_default(), rho)?;
            add(balance.by_dataset.entry(dataset).or_default(), rho)?;
            add(balance.by_purpose.entry(purpose).or_default(), rho)?;
            add(balance.by_study.entry(study).or_default(), rho)?;
        }
        Ok(balance)
    }

    /// The stored answer of a request, as it is sent.
    pub async fn answer(&self, request_id: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        charge::sealed(&mut transaction, request_id).await
    }

    /// At most `limit` entries from index `from` on, in order.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] for a header that the ledger cannot have written.
    pub async fn entries(&self, from: u64, limit: u32) -> Result<Vec<Entry>, LedgerError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT e.header, b.body FROM entries e JOIN bodies b ON b.entry_index = e.entry_index \
             WHERE e.entry_index >= $1 ORDER BY e.entry_index LIMIT $2",
        )
        .bind(log::stored(from)?)
        .bind(i64::from(limit))
        .fetch_all(self.readers.pool())
        .await?;
        rows.into_iter()
            .map(|(header, body)| {
                Ok(Entry {
                    header: Header::parse(&header)?,
                    body,
                })
            })
            .collect()
    }

    /// The log's size and root.
    pub async fn tree(&self) -> Result<Tree, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        log::tree(&mut transaction).await
    }

    /// The root the log had when it held `size` entries.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if it is shorter.
    pub async fn root_at(&self, size: u64) -> Result<Hash, LedgerError> {
        Ok(root(&self.leaves(size).await?))
    }

    /// Proof that the log of `to` entries extends that of `from`.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if the log is shorter or the sizes are the wrong way round.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LedgerError> {
        if from > to {
            return Err(AuditError::OutOfRange.into());
        }
        Ok(consistency_proof(&self.leaves(to).await?, from as usize)?)
    }

    /// Proof that entry `index` is in the log of `size` entries.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if the log is shorter or has no such entry.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        if index >= size {
            return Err(AuditError::OutOfRange.into());
        }
        Ok(inclusion_proof(&self.leaves(size).await?, index as usize)?)
    }

    /// The largest checkpoint that `witness` cosigned.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if the stored text is none.
    pub async fn last_cosigned(&self, witness: &str) -> Result<Option<Checkpoint>, LedgerError> {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT checkpoint FROM cosignatures WHERE witness = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(witness)
        .fetch_optional(self.readers.pool())
        .await?;
        Ok(row.map(|(text,)| Checkpoint::parse(&text)).transpose()?)
    }

    /// Recomputes the whole log and compares it with every table, with each stored cosigned checkpoint and
    /// with `held`, checkpoints of this log that the caller kept elsewhere and whose signatures it verified.
    /// Only these reveal a ledger that was rewritten as a whole.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] if the file cannot be read or decoded. What else is wrong is in the report.
    pub async fn verify(&self, held: &[Checkpoint]) -> Result<Report, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        verify(&mut transaction, held).await
    }

    /// Whether the log holds as many entries as its tree counts.
    pub(crate) async fn check_size(&self) -> Result<(), LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        let tree = log::tree(&mut transaction).await?;
        let (count, next): (i64, i64) =
            sqlx::query_as("SELECT COUNT(*), COALESCE(MAX(entry_index) + 1, 0) FROM entries")
                .fetch_one(&mut *transaction)
                .await?;
        let size = log::stored(tree.size())?;
        if count == size && next == size {
            Ok(())
        } else {
            Err(LedgerError::Corrupt { what: "log" })
        }
    }

    async fn leaves(&self, size: u64) -> Result<Vec<Hash>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        log::leaves(&mut transaction, size).await
    }
}

fn amount(stored: i64) -> Result<NanoRho, LedgerError> {
    u64::try_from(stored)
        .map(NanoRho::new)
        .map_err(|_| LedgerError::Corrupt { what: "amount" })
}

fn add(total: &mut NanoRho, rho: NanoRho) -> Result<(), LedgerError> {
    *total = total
        .checked_add(rho)
        .ok_or(LedgerError::Corrupt { what: "balance" })?;
    Ok(())
}
