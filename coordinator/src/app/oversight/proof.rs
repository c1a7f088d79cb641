//! The proof that the entries about a decision stand in the coordinator's log: their leaves, and paths to heads that the log
//! signed and nodes cosigned. Whoever checks it recomputes everything; the keys in it are this coordinator's word.

use super::decisions::{entries_of, present_head, witness_key};
use super::reach::Reach;
use crate::CoordinatorError;
use crate::state::State;
use crate::store::{checkpoints, decisions, organisations};
use audit::{Hash, NoteKey, NoteSignature, SignedCheckpoint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most heads of a proof besides the present one.
const HEADS: usize = 12;

/// An entry as its leaf is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenEntry {
    /// Its index.
    pub index: u64,
    /// The canonical header.
    pub header: String,
    /// The salted hash of its body, hex.
    pub body_hash: String,
    /// The leaf, hex.
    pub leaf: String,
}

/// A head of the log with a path from each entry to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenHead {
    /// The signed checkpoint, C2SP text, with any cosignatures.
    pub note: String,
    /// Of each entry, in their order: the hashes from its leaf to the root, RFC 6962, hex.
    pub paths: Vec<Vec<String>>,
}

/// The proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogProof {
    /// The key of the log, as C2SP writes it.
    pub log_key: String,
    /// The keys of nodes and further witnesses that cosign, as C2SP writes them.
    pub witness_keys: Vec<String>,
    /// The entries, oldest first.
    pub entries: Vec<ProvenEntry>,
    /// The present head first, then heads that nodes and further witnesses cosigned, latest first.
    pub heads: Vec<ProvenHead>,
}

impl ProvenHead {
    /// A head and the paths of the entries to it.
    pub fn new(note: &SignedCheckpoint, paths: &[Vec<Hash>]) -> ProvenHead {
        ProvenHead {
            note: note.to_string(),
            paths: (paths.iter())
                .map(|path| path.iter().map(|hash| protocol::hex(hash)).collect())
                .collect(),
        }
    }
}

/// The proof for a decision; `None` where it is out of reach, or nothing is logged about it.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn proof(
    app: &State,
    reach: Reach<'_>,
    id: &str,
) -> Result<Option<LogProof>, CoordinatorError> {
    // One state for all that is read: entries, heads, paths.
    let mut reader = app.database.read_transaction().await?;
    let Some(row) = decisions::decision_by_id(&mut reader, reach, id).await? else {
        return Ok(None);
    };
    let leaves = entries_of(&mut reader, &row).await?;
    let Some(last) = leaves.last().map(|leaf| leaf.header.index) else {
        return Ok(None);
    };
    let signer = app.database.signer().clone();
    let mut witness_keys = Vec::new();
    for organisation in organisations::organisations(&mut reader).await? {
        if let Some(keys) = organisation.keys {
            witness_keys.push(witness_key(&organisation.id, &keys.node)?);
        }
    }
    for key in checkpoints::witnesses(&mut reader).await? {
        witness_keys.push(NoteKey::parse(&key)?);
    }
    let mut notes = vec![present_head(app, &mut reader).await?];
    let mut cosigned: BTreeMap<u64, Vec<NoteSignature>> = BTreeMap::new();
    for (size, line) in checkpoints::latest_cosignatures(&mut reader, last + 1).await? {
        (cosigned.entry(size).or_default()).push(NoteSignature::parse(&line)?);
    }
    for (size, lines) in cosigned.into_iter().rev().take(HEADS) {
        let root = merkle_log::root_at(&mut reader, size).await?;
        let head = SignedCheckpoint::sign(size, root, &signer);
        // A line by a key that its organisation has no longer proves nothing to whoever reads this.
        let is_known = |line: &NoteSignature| {
            (witness_keys.iter())
                .any(|key| audit::verify_cosignature(head.checkpoint(), line, key).is_ok())
        };
        let lines: Vec<NoteSignature> = lines.into_iter().filter(is_known).collect();
        if !lines.is_empty() {
            notes.push((lines.into_iter()).fold(head, SignedCheckpoint::with_signature));
        }
    }
    let mut heads = Vec::new();
    for note in notes {
        let mut paths = Vec::new();
        for leaf in &leaves {
            let size = note.checkpoint().size;
            paths.push(merkle_log::inclusion(&mut reader, leaf.header.index, size).await?);
        }
        heads.push(ProvenHead::new(&note, &paths));
    }
    Ok(Some(LogProof {
        log_key: signer.log_key().to_string(),
        witness_keys: witness_keys.iter().map(NoteKey::to_string).collect(),
        entries: (leaves.iter())
            .map(|leaf| ProvenEntry {
                index: leaf.header.index,
                header: leaf.header.canonical(),
                body_hash: protocol::hex(&leaf.body_hash),
                leaf: protocol::hex(&leaf.hash),
            })
            .collect(),
        heads,
    }))
}
