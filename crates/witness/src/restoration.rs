//! How a log goes on from a backup at its witness: only as an officer in the witness's own list signed it, only if the act ends the log no
//! earlier than the witness saw it, and never without keeping the head that was held.

use crate::book::{HeadRow, held, read, replace, stored};
use crate::{Held, Witness, WitnessError};
use audit::{Checkpoint, NoteKey, SignedCheckpoint};
use protocol::{Act, COORDINATOR_LOG, CoordinatorRestoration, Envelope, Restoration};

/// Where a log ends and from where it goes on, as an act says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoesOn {
    /// The act's id.
    pub act_id: String,
    /// Why, as the officer wrote it.
    pub reason: String,
    /// The last head of the log that ended.
    pub ended: Checkpoint,
    /// The head that is held from now on.
    pub from: Checkpoint,
    /// What stands for that head until the next is cosigned: its signed note, or its text where the act names roots only.
    note: String,
    old_key: NoteKey,
    new_key: NoteKey,
}

/// A restoration that was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The log.
    pub origin: String,
    /// The signed act.
    pub act: String,
    /// The head that was held before, with its signed note; nothing where none was.
    pub before: Option<Held>,
    /// When it was entered, Unix seconds.
    pub at: i64,
}

fn refused(reason: &'static str) -> WitnessError {
    WitnessError::Restoration { reason }
}

impl Witness {
    /// Lets a log go on from a backup, as an officer named in the list of logs signed it: from now on its heads are held to those of the
    /// act; an old key's are refused, where the act names a new one. The head held before is kept.
    ///
    /// # Errors
    /// [`WitnessError::Restoration`] where the act is not an officer's, or ends the log before the head held here.
    pub async fn restore(
        &self,
        origin: &str,
        envelope: &Envelope,
        now: i64,
    ) -> Result<GoesOn, WitnessError> {
        let act = match origin {
            COORDINATOR_LOG => self.coordinator_act(envelope)?,
            _ => self.node_act(origin, envelope)?,
        };
        let mut transaction = self.store.writer().write_transaction().await?;
        let keys = self.keys(&mut transaction, origin).await?;
        if !keys.contains(&act.old_key) {
            return Err(refused(
                "the key that it ends is not the one of this log here",
            ));
        }
        let before = held(&mut transaction, origin).await?;
        if let Some(held) = &before {
            let head = &held.checkpoint;
            let elsewhere = head.size == act.ended.size && head.root != act.ended.root;
            if head.size > act.ended.size || elsewhere {
                return Err(refused(
                    "this witness saw the log go on beyond where the act ends it; have it signed anew with the head shown here",
                ));
            }
        }
        sqlx::query(
            "INSERT INTO restorations (act_id, origin, old_key, new_key, envelope, at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&act.act_id)
        .bind(origin)
        .bind(hex_of(&act.old_key))
        .bind(hex_of(&act.new_key))
        .bind(serde_json::to_string(envelope).map_err(|_| refused("it cannot be written"))?)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(|_| refused("this act was entered before"))?;
        if let Some(held) = before {
            sqlx::query(
                "INSERT INTO ended_heads (act_id, origin, size, root, note, at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&act.act_id)
            .bind(origin)
            .bind(stored(held.checkpoint.size)?)
            .bind(&held.checkpoint.root[..])
            .bind(&held.note)
            .bind(held.at)
            .execute(&mut *transaction)
            .await?;
        }
        replace(&mut transaction, &act.from, &act.note, now).await?;
        transaction.commit().await?;
        Ok(act)
    }

    /// The restorations entered, oldest first.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub async fn restorations(&self) -> Result<Vec<Restored>, WitnessError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT act_id, origin, envelope, at FROM restorations ORDER BY at, rowid",
        )
        .fetch_all(self.store.readers().pool())
        .await?;
        let mut restorations = Vec::new();
        for (id, origin, act, at) in rows {
            let before: Option<HeadRow> = sqlx::query_as(
                "SELECT origin, size, root, note, at FROM ended_heads WHERE act_id = $1",
            )
            .bind(id)
            .fetch_optional(self.store.readers().pool())
            .await?;
            restorations.push(Restored {
                origin,
                act,
                before: before.map(read).transpose()?,
                at,
            });
        }
        Ok(restorations)
    }

    /// The payload of an act that an officer of this log signed.
    fn signed_by_an_officer(
        &self,
        origin: &str,
        payload_type: &str,
        envelope: &Envelope,
    ) -> Result<Vec<u8>, WitnessError> {
        let officers = self.watched.officers(origin);
        match envelope.verify_each(payload_type, &officers) {
            Ok((payload, signers)) if !signers.is_empty() => Ok(payload),
            _ => Err(refused(
                "no officer of this log in the list of logs signed it",
            )),
        }
    }

    fn node_act(&self, origin: &str, envelope: &Envelope) -> Result<GoesOn, WitnessError> {
        let payload = self.signed_by_an_officer(origin, Restoration::TYPE, envelope)?;
        let act: Restoration = serde_json::from_slice(&payload)
            .ok()
            .filter(|act: &Restoration| protocol::node_log(&act.organisation) == origin)
            .ok_or_else(|| refused("it is no restoration of this log"))?;
        let (Some(kept), Some(ended)) = (act.kept.root_bytes(), act.ended.root_bytes()) else {
            return Err(refused("it names no roots"));
        };
        let head = |size, root| Checkpoint {
            origin: origin.to_owned(),
            size,
            root,
        };
        let from = head(act.kept.size, kept);
        Ok(GoesOn {
            // No signature of the new key is there yet: the officer's act stands for it.
            note: from.text(),
            from,
            ended: head(act.ended.size, ended),
            old_key: NoteKey::log(origin, act.old_key.0)?,
            new_key: NoteKey::log(origin, act.new_key.0)?,
            act_id: act.id,
            reason: act.reason,
        })
    }

    /// Both heads are signed by keys of the coordinator's log in the list, mostly the same one. The act adds none to it: a key counts as
    /// long as the list names it and no act ended it.
    fn coordinator_act(&self, envelope: &Envelope) -> Result<GoesOn, WitnessError> {
        let (origin, payload_type) = (COORDINATOR_LOG, CoordinatorRestoration::TYPE);
        let payload = self.signed_by_an_officer(origin, payload_type, envelope)?;
        let act: CoordinatorRestoration = serde_json::from_slice(&payload)
            .map_err(|_| refused("it is no restoration of the coordinator's log"))?;
        act.check(&act.organisation)
            .map_err(|_| refused("a field of it breaks its rule"))?;
        let opened = |note: &str| {
            (self.watched.keys(origin))
                .find_map(|key| Some((SignedCheckpoint::open(note, key).ok()?, key.clone())))
                .ok_or_else(|| {
                    refused("a head in it is not signed by a key of the log in the list of logs")
                })
        };
        let ((ended, old_key), (from, new_key)) = (opened(&act.ended)?, opened(&act.goes_on)?);
        Ok(GoesOn {
            act_id: act.id,
            reason: act.reason,
            ended: ended.checkpoint().clone(),
            from: from.checkpoint().clone(),
            note: from.to_string(),
            old_key,
            new_key,
        })
    }
}

/// The public key, hex, as restorations are stored.
fn hex_of(key: &NoteKey) -> String {
    protocol::hex(&key.public_key())
}
