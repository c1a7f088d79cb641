//! What a witness holds: the last head of each log. A head is replaced and cosigned in one step, after the proof; a head that a
//! log's own key signed and that does not extend the one held is kept as evidence, and never cosigned.

use crate::{Submission, Watched, WitnessError};
use audit::{Checkpoint, Hash, LogSigner, NoteKey, NoteSignature, SignedCheckpoint, SignedNote};
use protocol::{COORDINATOR_LOG, PublicKey};
use std::path::Path;
use storage::{Store, WriteTransaction};

const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "witness", include_str!("../migrations/0001_witness.sql")),
    (
        2,
        "ended_heads",
        include_str!("../migrations/0002_ended_heads.sql"),
    ),
];
/// Most contradictions kept of one log: one proves as much as a thousand.
const MOST_CONTRADICTIONS: i64 = 1_000;

/// Why a checkpoint is not cosigned, as the protocol tells it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 400: not a body of the protocol, or its sizes are the wrong way round.
    Malformed,
    /// 403: no key of that log signed it.
    NotSigned,
    /// 404: a log that this witness does not watch.
    UnknownLog,
    /// 409: the witness holds a head of this size; prove from there. Also where the size is the same and the root is not.
    Held(u64),
    /// 422: the proof does not lead from the head held to this one.
    NotExtended,
}

/// The last head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
    /// When it was cosigned, Unix seconds.
    pub at: i64,
}

/// A head that contradicts the one that was held when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The head that came, signed by the log's key.
    pub note: String,
    /// The head that was held, signed by the same log.
    pub held: String,
    /// When it came, Unix seconds.
    pub at: i64,
}

/// A witness.
#[derive(Clone, Debug)]
pub struct Witness {
    pub(crate) store: Store,
    pub(crate) watched: Watched,
    signer: LogSigner,
}

impl Witness {
    /// Opens the witness whose heads are in the database at `path`, which is made where it is missing; `signer` cosigns.
    ///
    /// # Errors
    /// [`WitnessError::Storage`].
    pub async fn open(
        path: &Path,
        watched: Watched,
        signer: LogSigner,
    ) -> Result<Witness, WitnessError> {
        let store = Store::open(path, &storage::migrator(&MIGRATIONS)).await?;
        Ok(Witness {
            store,
            watched,
            signer,
        })
    }

    /// The key by which others know its cosignatures.
    pub fn key(&self) -> &NoteKey {
        self.signer.witness_key()
    }

    /// Cosigns a checkpoint if it extends the last one, durably so before the line is handed out.
    ///
    /// # Errors
    /// [`WitnessError`] where the database fails; a refusal is the inner error.
    pub async fn add(
        &self,
        body: &str,
        now: i64,
    ) -> Result<Result<NoteSignature, Refused>, WitnessError> {
        let Some(submission) = Submission::parse(body) else {
            return Ok(Err(Refused::Malformed));
        };
        let parsed = SignedNote::parse(&submission.checkpoint)
            .and_then(|note| Checkpoint::parse(note.text()));
        let Ok(claimed) = parsed else {
            return Ok(Err(Refused::Malformed));
        };
        if !self.watched.knows(&claimed.origin) {
            return Ok(Err(Refused::UnknownLog));
        }
        let mut transaction = self.store.writer().write_transaction().await?;
        let keys = self.keys(&mut transaction, &claimed.origin).await?;
        let signed =
            (keys.iter()).find_map(|key| SignedCheckpoint::open(&submission.checkpoint, key).ok());
        let Some(signed) = signed else {
            return Ok(Err(Refused::NotSigned));
        };
        let head = signed.checkpoint();
        if submission.old > head.size {
            return Ok(Err(Refused::Malformed));
        }
        let held = held(&mut transaction, &head.origin).await?;
        let (size, root) = match &held {
            Some(held) => (held.checkpoint.size, held.checkpoint.root),
            None => (0, audit::root(&[])),
        };
        let differs = head.size == size && head.root != root;
        let refused = if submission.old != size || differs {
            Some(Refused::Held(size))
        } else {
            audit::verify_consistency(size, &root, head.size, &head.root, &submission.proof)
                .err()
                .map(|_| Refused::NotExtended)
        };
        if let Some(refused) = refused {
            // Another start alone contradicts nothing: the log may not know yet what is held.
            let contradicts = submission.old == size || differs;
            if let Some(held) = held.filter(|_| contradicts) {
                keep(&mut transaction, &signed, &held, now).await?;
                transaction.commit().await?;
            }
            return Ok(Err(refused));
        }
        write(&mut transaction, &signed, now).await?;
        transaction.commit().await?;
        Ok(Ok(audit::cosign(head, &self.signer, now.unsigned_abs())))
    }

    /// The last heads, by log.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub async fn heads(&self) -> Result<Vec<Held>, WitnessError> {
        let rows: Vec<HeadRow> =
            sqlx::query_as("SELECT origin, size, root, note, at FROM heads ORDER BY origin")
                .fetch_all(self.store.readers().pool())
                .await?;
        rows.into_iter().map(read).collect()
    }

    /// The contradictions kept, oldest first.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub async fn contradictions(&self) -> Result<Vec<Contradiction>, WitnessError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT note, held_note, at FROM contradictions ORDER BY at, origin, size",
        )
        .fetch_all(self.store.readers().pool())
        .await?;
        Ok((rows.into_iter())
            .map(|(note, held, at)| Contradiction { note, held, at })
            .collect())
    }

    /// The keys whose heads are accepted: those of the list, or the one with which the log went on last. An act of a node's log brings
    /// its new key along; the coordinator's names keys of the list only, so that one its keeper takes out of the list counts no more.
    pub(crate) async fn keys(
        &self,
        transaction: &mut WriteTransaction,
        origin: &str,
    ) -> Result<Vec<NoteKey>, WitnessError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT old_key, new_key FROM restorations WHERE origin = $1 ORDER BY at, rowid",
        )
        .bind(origin)
        .fetch_all(&mut **transaction)
        .await?;
        let mut keys: Vec<NoteKey> = self.watched.keys(origin).cloned().collect();
        for (old, new) in rows {
            let key = |text: &str| -> Result<NoteKey, WitnessError> {
                let key = PublicKey::from_hex(text).ok_or(WitnessError::Corrupt { what: "key" })?;
                Ok(NoteKey::log(origin, key.0)?)
            };
            let (old, new) = (key(&old)?, key(&new)?);
            keys.retain(|key| *key != old && *key != new);
            if origin != COORDINATOR_LOG || self.watched.keys(origin).any(|key| *key == new) {
                keys.push(new);
            }
        }
        Ok(keys)
    }
}

pub(crate) type HeadRow = (String, i64, Vec<u8>, String, i64);

pub(crate) fn read((origin, size, root, note, at): HeadRow) -> Result<Held, WitnessError> {
    let corrupt = || WitnessError::Corrupt { what: "head" };
    Ok(Held {
        checkpoint: Checkpoint {
            origin,
            size: u64::try_from(size).map_err(|_| corrupt())?,
            root: Hash::try_from(root).map_err(|_| corrupt())?,
        },
        note,
        at,
    })
}

pub(crate) async fn held(
    transaction: &mut WriteTransaction,
    origin: &str,
) -> Result<Option<Held>, WitnessError> {
    let row: Option<HeadRow> =
        sqlx::query_as("SELECT origin, size, root, note, at FROM heads WHERE origin = $1")
            .bind(origin)
            .fetch_optional(&mut **transaction)
            .await?;
    row.map(read).transpose()
}

async fn write(
    transaction: &mut WriteTransaction,
    signed: &SignedCheckpoint,
    now: i64,
) -> Result<(), WitnessError> {
    replace(transaction, signed.checkpoint(), &signed.to_string(), now).await
}

pub(crate) async fn replace(
    transaction: &mut WriteTransaction,
    head: &Checkpoint,
    note: &str,
    now: i64,
) -> Result<(), WitnessError> {
    sqlx::query(
        "INSERT INTO heads (origin, size, root, note, at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (origin) DO UPDATE SET size = $2, root = $3, note = $4, at = $5",
    )
    .bind(&head.origin)
    .bind(stored(head.size)?)
    .bind(&head.root[..])
    .bind(note)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn keep(
    transaction: &mut WriteTransaction,
    signed: &SignedCheckpoint,
    held: &Held,
    now: i64,
) -> Result<(), WitnessError> {
    let head = signed.checkpoint();
    sqlx::query(
        "INSERT INTO contradictions (origin, size, root, note, held_size, held_note, at) \
         SELECT $1, $2, $3, $4, $5, $6, $7 \
         WHERE (SELECT COUNT(*) FROM contradictions WHERE origin = $1) < $8 \
         ON CONFLICT (origin, size, root) DO NOTHING",
    )
    .bind(&head.origin)
    .bind(stored(head.size)?)
    .bind(&head.root[..])
    .bind(signed.to_string())
    .bind(stored(held.checkpoint.size)?)
    .bind(&held.note)
    .bind(now)
    .bind(MOST_CONTRADICTIONS)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(crate) fn stored(size: u64) -> Result<i64, WitnessError> {
    i64::try_from(size).map_err(|_| WitnessError::Corrupt { what: "size" })
}
