//! Reading the ledger: balance, entries, proofs, verification, also while another process writes it.
//! It changes nothing and needs no key.

use crate::caps::amount;
use crate::ledger::READABLE_FROM;
use crate::standing::standing;
use crate::verify::verify;
use crate::{
    Accepted, AllowedRequest, CapStanding, DecidedRequest, LedgerError, PolicyInForce, Report,
    acceptance, charge, log, policies, requests,
};
use audit::{Checkpoint, EntryKind, Hash, Header, NoteSignature, Tree};
use merkle_log::StoredEntry;
use policy::Caps;
use privacy_loss::NanoRho;
use protocol::{Envelope, PublicKey, SubCap};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;
use std::path::Path;
use storage::{Readers, Store};

/// A new guarantee that the ledger holds.
#[derive(Clone, Debug)]
pub struct EnteredGuarantee {
    /// The act as it was signed.
    pub act: Envelope,
    /// The keys of the two persons, which were pinned when it was entered.
    pub signers: [PublicKey; 2],
}

/// What an account has spent, as a whole and by each sub-cap's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// The lifetime cap in force, once the account is open.
    pub lifetime: Option<NanoRho>,
    /// All that was ever debited, and what was written off.
    pub spent: NanoRho,
    /// What was written off with restorations, because nothing proves it unspent.
    pub written_off: NanoRho,
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

/// The log and what the tables say was spent, all at one moment.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Every entry, in order.
    pub entries: Vec<StoredEntry>,
    /// Their tree.
    pub tree: Tree,
    /// Heads of this log and the cosignature of each, smallest first.
    pub cosigned: Vec<(Checkpoint, NoteSignature)>,
    /// What was spent.
    pub balance: Balance,
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
    /// [`LedgerError::Storage`] if the file is missing or is no database, [`LedgerError::NotSetUp`] while its making has not come so far
    /// that it can be read.
    pub async fn open(path: &Path) -> Result<LedgerReader, LedgerError> {
        let readers = Store::open_read_only(path).await?;
        match readers.schema_version().await? {
            Some(version) if version >= READABLE_FROM => Ok(LedgerReader::new(readers)),
            _ => Err(LedgerError::NotSetUp),
        }
    }

    /// Opens a ledger for reading only; nothing where there is none yet: the file is missing, or it is still being made, or its
    /// making was stopped. A file that holds entries is never taken for none.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] if the file is no database, [`LedgerError::NotSetUp`] if it holds entries and lacks tables.
    pub async fn open_made(path: &Path) -> Result<Option<LedgerReader>, LedgerError> {
        if !path.exists() {
            return Ok(None);
        }
        let readers = Store::open_read_only(path).await?;
        let version = readers.schema_version().await?;
        match version {
            Some(version) if version >= READABLE_FROM => Ok(Some(LedgerReader::new(readers))),
            // The first step makes the log; before it there is none.
            None => Ok(None),
            Some(_) => {
                let written: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM entries)")
                    .fetch_one(readers.pool())
                    .await?;
                match written {
                    true => Err(LedgerError::NotSetUp),
                    false => Ok(None),
                }
            }
        }
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
        LedgerReader::balance_on_conn(&mut transaction).await
    }

    /// The whole log as it stands, with the cosignatures kept and the balance at the same moment, for an export.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for rows that the ledger cannot have written.
    pub async fn evidence(&self) -> Result<Evidence, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT checkpoint, cosignature FROM cosignatures ORDER BY size, witness",
        )
        .fetch_all(&mut *transaction)
        .await?;
        Ok(Evidence {
            entries: merkle_log::entries(&mut transaction).await?,
            tree: log::tree(&mut transaction).await?,
            cosigned: (rows.into_iter())
                .map(|(head, line)| Ok((Checkpoint::parse(&head)?, NoteSignature::parse(&line)?)))
                .collect::<Result<_, LedgerError>>()?,
            balance: LedgerReader::balance_on_conn(&mut transaction).await?,
        })
    }

    async fn balance_on_conn(transaction: &mut SqliteConnection) -> Result<Balance, LedgerError> {
        let lifetime = crate::caps::fixed_lifetime(&mut *transaction).await?;
        let rows: Vec<(i64, String, String, String, i64)> =
            sqlx::query_as("SELECT year, dataset, purpose, study, rho FROM charges")
                .fetch_all(&mut *transaction)
                .await?;
        let mut balance = Balance {
            lifetime,
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
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT part, part_key, rho FROM write_offs")
                .fetch_all(&mut *transaction)
                .await?;
        for (part, key, rho) in rows {
            let rho = amount(rho)?;
            let total = match SubCap::from_name(&part) {
                Some(SubCap::Year) => {
                    add(&mut balance.spent, rho)?;
                    add(&mut balance.written_off, rho)?;
                    let year = key
                        .parse()
                        .map_err(|_| LedgerError::Corrupt { what: "write-off" })?;
                    balance.by_year.entry(year).or_default()
                }
                Some(SubCap::Dataset) => balance.by_dataset.entry(key).or_default(),
                Some(SubCap::Purpose) => balance.by_purpose.entry(key).or_default(),
                Some(SubCap::Study) => balance.by_study.entry(key).or_default(),
                None => return Err(LedgerError::Corrupt { what: "write-off" }),
            };
            add(total, rho)?;
        }
        Ok(balance)
    }

    /// Copies the ledger as it stands into the new file `to`, also while it is written.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] if `to` exists or cannot be written.
    pub async fn copy_to(&self, to: &Path) -> Result<(), LedgerError> {
        self.readers.copy_to(to).await?;
        Ok(())
    }

    /// Size of the log that the latest restoration kept, if there was one.
    pub async fn kept_by_restoration(&self) -> Result<Option<u64>, LedgerError> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT kept_size FROM restorations ORDER BY entry_index DESC LIMIT 1")
                .fetch_optional(self.readers.pool())
                .await?;
        Ok(row.map(|(size,)| size.unsigned_abs()))
    }

    /// The policy in force; none before one was installed, nor after a restoration until one is installed again.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for a document that does not have its hash.
    pub async fn policy(&self) -> Result<Option<PolicyInForce>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        policies::in_force(&mut transaction).await
    }

    /// The policy that came into force last, also where a restoration ended it.
    ///
    /// # Errors
    /// As [`LedgerReader::policy`].
    pub async fn latest_policy(&self) -> Result<Option<PolicyInForce>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        policies::latest(&mut transaction).await
    }

    /// Every policy that came into force and whose document is there, the latest first.
    ///
    /// # Errors
    /// As [`LedgerReader::policy`].
    pub async fn policy_history(&self) -> Result<Vec<PolicyInForce>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        policies::history(&mut transaction).await
    }

    /// Every request that a policy decided, in that order, with what a person said of it.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for rows that the ledger cannot have written.
    pub async fn requests(&self) -> Result<Vec<DecidedRequest>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        requests::all(&mut transaction).await
    }

    /// One of them.
    ///
    /// # Errors
    /// As [`LedgerReader::requests`].
    pub async fn request(
        &self,
        request_id: &str,
        request_hash: &[u8; 32],
    ) -> Result<Option<DecidedRequest>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        requests::one(&mut transaction, request_id, request_hash).await
    }

    /// Every acceptance of a restored coordinator, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for an entry that holds no signed act.
    pub async fn acceptances(&self) -> Result<Vec<Accepted>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        acceptance::all(&mut transaction).await
    }

    /// Every request that was allowed here, in the order of the log; not what a restoration booked again.
    pub async fn allowed_requests(&self) -> Result<Vec<AllowedRequest>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        acceptance::allowed(&mut transaction).await
    }

    /// The keys under which this log was kept before each restoration of the node, oldest first: answers handed in then are under them.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for a row that holds no key.
    pub async fn earlier_keys(&self) -> Result<Vec<PublicKey>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT old_key FROM restorations ORDER BY entry_index")
                .fetch_all(&mut *transaction)
                .await?;
        (rows.iter())
            .map(|(key,)| PublicKey::from_hex(key))
            .collect::<Option<_>>()
            .ok_or(LedgerError::Corrupt { what: "act" })
    }

    /// Every new guarantee that was entered, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for an entry that holds no signed act.
    pub async fn guarantees(&self) -> Result<Vec<EnteredGuarantee>, LedgerError> {
        let rows: Vec<(Vec<u8>, String, String)> = sqlx::query_as(
            "SELECT b.body, g.signer, g.second_signer FROM guarantees g \
             JOIN bodies b ON b.entry_index = g.entry_index ORDER BY g.entry_index",
        )
        .fetch_all(self.readers.pool())
        .await?;
        let corrupt = LedgerError::Corrupt { what: "act" };
        let read = |(body, signer, second): (Vec<u8>, String, String)| {
            Some(EnteredGuarantee {
                act: serde_json::from_slice(&body).ok()?,
                signers: [PublicKey::from_hex(&signer)?, PublicKey::from_hex(&second)?],
            })
        };
        rows.into_iter()
            .map(read)
            .collect::<Option<_>>()
            .ok_or(corrupt)
    }

    /// Where each cap of `caps` stands at `now`: the lifetime first, then every part that was charged, has a cap of its
    /// own or is named in `known`, and the year of `now`.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for rows that the ledger cannot have written.
    pub async fn standing(
        &self,
        caps: &Caps,
        known: &[(SubCap, String)],
        now: i64,
    ) -> Result<Vec<CapStanding>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        standing(&mut transaction, caps, known, now).await
    }

    /// The stored answer of a request, as it is sent, unless it was erased.
    pub async fn answer(&self, request_id: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        let sealed = charge::sealed(&mut transaction, request_id).await?;
        Ok(sealed.filter(|bytes| !bytes.is_empty()))
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

    /// The header of the latest entry of a kind.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] for a header that the ledger cannot have written.
    pub async fn latest(&self, kind: EntryKind) -> Result<Option<Header>, LedgerError> {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT header FROM entries WHERE kind = $1 ORDER BY entry_index DESC LIMIT 1",
        )
        .bind(kind.as_str())
        .fetch_optional(self.readers.pool())
        .await?;
        Ok(row.map(|(text,)| Header::parse(&text)).transpose()?)
    }

    /// The headers of all entries of a kind, in order.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] for a header that the ledger cannot have written.
    pub async fn of_kind(&self, kind: EntryKind) -> Result<Vec<Header>, LedgerError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT header FROM entries WHERE kind = $1 ORDER BY entry_index")
                .bind(kind.as_str())
                .fetch_all(self.readers.pool())
                .await?;
        rows.into_iter()
            .map(|(text,)| Ok(Header::parse(&text)?))
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
        let mut transaction = self.readers.read_transaction().await?;
        Ok(merkle_log::root_at(&mut transaction, size).await?)
    }

    /// Proof that the log of `to` entries extends that of `from`.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if the log is shorter or the sizes are the wrong way round.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        Ok(merkle_log::consistency(&mut transaction, from, to).await?)
    }

    /// Proof that entry `index` is in the log of `size` entries.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if the log is shorter or has no such entry.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        let mut transaction = self.readers.read_transaction().await?;
        Ok(merkle_log::inclusion(&mut transaction, index, size).await?)
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
}

fn add(total: &mut NanoRho, rho: NanoRho) -> Result<(), LedgerError> {
    *total = total
        .checked_add(rho)
        .ok_or(LedgerError::Corrupt { what: "balance" })?;
    Ok(())
}
