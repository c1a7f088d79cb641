//! Putting a pack together from what a program read of its log.
//! It decides nothing about who may see what; withheld entries come in as such.

use crate::archive::{self, Members};
use crate::pack::{
    CHECKPOINT, COSIGNED, Cosigned, ENTRIES, FORMAT, KEYS, LEDGER, LedgerTotals, MANIFEST,
    Manifest, PROOFS, Proof, SPREADSHEET, Side, VERSION,
};
use crate::{EntryLine, EvidenceError, entries, spreadsheet};
use audit::{Checkpoint, Hash, LogSigner, SignedCheckpoint, SignedNote, consistency_proof};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a pack is made of.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The organisation whose node's log it is; `None` for the coordinator's.
    pub organisation: Option<String>,
    /// The organisation for whose officer it is made, where entries that concern others only are withheld.
    pub scope: Option<String>,
    /// When it is made, Unix seconds.
    pub made_at: i64,
    /// All entries, in order.
    pub entries: Vec<EntryLine>,
    /// The signed head over exactly these entries.
    pub head: SignedCheckpoint,
    /// Cosigned heads: of this log, and of others that its keeper cosigned.
    pub cosigned: Vec<Cosigned>,
    /// The totals of a node's ledger.
    pub ledger: Option<LedgerTotals>,
    /// Public keys, in lines as [`crate::Trust::from_keys`] reads them, with comments.
    pub keys: String,
    /// Policies, studies, consents and the like, by path.
    pub documents: BTreeMap<String, Vec<u8>>,
}

/// Writes the pack, signed with the key of its log. The same contents give the same bytes.
///
/// # Errors
/// [`EvidenceError::Unwritable`].
pub fn write(contents: &Contents, signer: &LogSigner) -> Result<Vec<u8>, EvidenceError> {
    let lines = json_lines(&contents.entries)?;
    let read: Vec<entries::Read> = lines.lines().map(entries::read).collect();
    let proofs = proofs(contents, &read)?;
    let mut members: Members = contents.documents.clone();
    for (name, text) in [
        (SPREADSHEET, spreadsheet::table(&read)),
        (ENTRIES, lines),
        (CHECKPOINT, contents.head.to_string()),
        (COSIGNED, json_lines(&contents.cosigned)?),
        (PROOFS, json_lines(&proofs)?),
        (KEYS, contents.keys.clone()),
    ] {
        members.insert(name.to_owned(), text.into_bytes());
    }
    if let Some(ledger) = &contents.ledger {
        members.insert(LEDGER.to_owned(), json(ledger)?.into_bytes());
    }
    let manifest = Manifest {
        entries: contents.entries.len() as u64,
        files: (members.iter())
            .map(|(path, bytes)| (path.clone(), protocol::hex(&protocol::sha256(bytes))))
            .collect(),
        format: FORMAT.to_owned(),
        made_at: contents.made_at,
        organisation: contents.organisation.clone(),
        origin: contents.head.checkpoint().origin.clone(),
        scope: contents.scope.clone(),
        side: match contents.organisation {
            Some(_) => Side::Node,
            None => Side::Coordinator,
        },
        version: VERSION,
    };
    let note = SignedNote::sign(&json(&manifest)?, signer)?;
    members.insert(MANIFEST.to_owned(), note.to_string().into_bytes());
    archive::write(&members)
}

/// A proof from each cosigned head of this log to the pack's head.
fn proofs(contents: &Contents, entries: &[entries::Read]) -> Result<Vec<Proof>, EvidenceError> {
    let leaves: Vec<Hash> = entries.iter().map(|entry| entry.leaf).collect();
    let mut proofs = Vec::new();
    for Cosigned { note } in &contents.cosigned {
        let head = Checkpoint::parse(SignedNote::parse(note)?.text())?;
        if head.origin == contents.head.checkpoint().origin {
            let from = usize::try_from(head.size).unwrap_or(usize::MAX);
            let hashes = consistency_proof(&leaves, from)?;
            proofs.push(Proof {
                from: head.size,
                hashes: hashes.iter().map(|hash| protocol::hex(hash)).collect(),
                to: leaves.len() as u64,
            });
        }
    }
    Ok(proofs)
}

/// Of heads with the time of their cosignatures, in order, the last of each day (UTC) of each log that each of its signers
/// signed: a later head covers the earlier ones of its log.
pub fn last_of_each_day(heads: Vec<(i64, Cosigned)>) -> Vec<Cosigned> {
    let mut last: BTreeMap<(&str, i64, &str), usize> = BTreeMap::new();
    for (place, (time, head)) in heads.iter().enumerate() {
        let log = head.note.lines().next().unwrap_or_default();
        let (_, signatures) = head.note.rsplit_once("\n\n").unwrap_or_default();
        for signer in signatures.lines().filter_map(|line| line.split(' ').nth(1)) {
            last.insert((log, time.div_euclid(86_400), signer), place);
        }
    }
    let kept: BTreeSet<usize> = last.into_values().collect();
    (heads.into_iter().enumerate())
        .filter(|(place, _)| kept.contains(place))
        .map(|(_, (_, head))| head)
        .collect()
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, EvidenceError> {
    let mut text =
        serde_json::to_string(value).map_err(|error| EvidenceError::Unwritable(error.into()))?;
    text.push('\n');
    Ok(text)
}

fn json_lines<T: Serialize>(values: &[T]) -> Result<String, EvidenceError> {
    values.iter().map(json).collect()
}
