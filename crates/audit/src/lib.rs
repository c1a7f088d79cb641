//! RFC 6962 Merkle logs and C2SP checkpoints: what an append-only log proves, and how its head is signed.
//! It is pure: it opens no file, knows no clock and holds no key; signing is a closure of the caller.
//!
//! Sources: RFC 6962 section 2.1 and RFC 9162 section 2.1 (hashes, proofs), C2SP `signed-note`,
//! `tlog-checkpoint` and `tlog-cosignature` (text formats).

mod checkpoint;
mod cosignature;
mod leaf;
mod merkle;
mod note;
mod proof;
mod subtree;

pub use checkpoint::{Checkpoint, LogSigner, SignedCheckpoint};
pub use cosignature::{Cosignature, cosign, verify_cosignature};
pub use leaf::{EntryKind, Fact, Header, LEAF_VERSION, body_hash, leaf_hash_of};
pub use merkle::{Hash, Tree, leaf_hash, node_hash, root};
pub use note::{NoteKey, NoteSignature, SignedNote};
pub use proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use subtree::{ProofPlan, Subtree, inner_subtrees};

/// Why a log's text, proof or signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The text is not in the format its source defines.
    #[error("malformed {what}")]
    Malformed {
        /// The part that cannot be read.
        what: &'static str,
    },
    /// No signature by the expected key.
    #[error("the expected key did not sign this")]
    NotSigned,
    /// A signature by the expected key that does not fit.
    #[error("the signature does not fit the text")]
    BadSignature,
    /// A checkpoint of another log.
    #[error("the checkpoint belongs to another log")]
    OtherLog,
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the stated root")]
    BadProof,
    /// A size or index outside the log.
    #[error("the log has no such size or index")]
    OutOfRange,
}
