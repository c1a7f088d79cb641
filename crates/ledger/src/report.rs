//! What a verification of the ledger finds, each problem by its name.
//! Problems name entries and requests, never what was answered.

use audit::Hash;
use protocol::PublicKey;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Number of entries.
    pub entries: u64,
    /// Root recomputed from them.
    pub root: Hash,
    /// Number of debits.
    pub charges: u64,
    /// Sum of the debits' leaves and of what was written off, in nano-rho.
    pub spent_nano: u128,
    /// Number of stored answers.
    pub answers: u64,
    /// Number of reuses.
    pub reuses: u64,
    /// Number of refusals.
    pub refusals: u64,
    /// Signed acts on the budget whose signatures hold, in order.
    pub acts: Vec<Act>,
    /// Everything that is not as it must be; empty for a sound ledger.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether nothing is wrong with the log and the budget. Kept requests are no part of either: they show people what was asked, and
    /// what a person said of them counts by its entry.
    pub fn is_log_sound(&self) -> bool {
        self.problems.iter().all(Problem::is_of_kept_request)
    }
}

/// A signed act on the budget, as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its entry.
    pub index: u64,
    /// When it was entered, unix seconds.
    pub at: i64,
    /// What it did.
    pub words: String,
    /// The keys whose signatures hold.
    pub signers: Vec<PublicKey>,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Entries are missing, or numbered wrongly.
    #[error("entry {index} is missing")]
    EntryMissing {
        /// Where the numbering breaks.
        index: u64,
    },
    /// The header is not canonical or disagrees with its row.
    #[error("the header of entry {index} was altered")]
    HeaderAltered {
        /// The entry.
        index: u64,
    },
    /// The leaf hash is not that of header and body hash.
    #[error("the leaf of entry {index} was altered")]
    LeafAltered {
        /// The entry.
        index: u64,
    },
    /// The body is missing or does not have its hash.
    #[error("the body of entry {index} was altered")]
    BodyAltered {
        /// The entry.
        index: u64,
    },
    /// The stored tree is not the tree of the entries.
    #[error("the stored tree does not fit the entries")]
    TreeAltered,
    /// A row disagrees with its leaf, or has none.
    #[error("a {kind} row does not fit the log at entry {index}")]
    RowAltered {
        /// The kind of row.
        kind: &'static str,
        /// The entry it names.
        index: i64,
    },
    /// A leaf has no row.
    #[error("the {kind} of entry {index} has no row")]
    RowMissing {
        /// The kind of row.
        kind: &'static str,
        /// The entry.
        index: u64,
    },
    /// The sum of the ledger's debits is not that of the log's.
    #[error("the ledger's total {rows} is not the log's {leaves} (nano-rho)")]
    TotalDiffers {
        /// Sum over rows.
        rows: i128,
        /// Sum over leaves.
        leaves: u128,
    },
    /// More was debited than the lifetime cap allowed at that entry.
    #[error("more was debited than the lifetime cap in force")]
    Overspent,
    /// A signed act whose body does not hold the signatures and the words that its leaf names.
    #[error("the act of entry {index} is not signed as its entry says")]
    ActUnsigned {
        /// The entry.
        index: u64,
    },
    /// An entry that does not follow from the policies before it.
    #[error("entry {index} {fault}")]
    NotUnderPolicy {
        /// The entry.
        index: u64,
        /// Why.
        fault: protocol::ChainFault,
    },
    /// An answer without an earlier charge or reuse of its request.
    #[error("the answer to request {request_id} has neither charge nor reuse")]
    AnswerUncharged {
        /// The request.
        request_id: String,
    },
    /// A stored answer's bytes do not have the logged hash.
    #[error("the stored answer to request {request_id} was altered")]
    AnswerAltered {
        /// The request.
        request_id: String,
    },
    /// Stored noise does not have the hash that its answer's leaf states.
    #[error("the stored noise of request {request_id} was altered")]
    NoiseAltered {
        /// The request.
        request_id: String,
    },
    /// A kept request whose bytes are not those that were signed.
    #[error("the kept request {request_id} was altered")]
    RequestAltered {
        /// The request, as its row gives it.
        request_id: String,
    },
    /// A kept request whose decision is none that the log allows.
    #[error("the decision kept of request {request_id} is not that of the log")]
    RequestContradicted {
        /// The request, as its row gives it.
        request_id: String,
    },
    /// A request that the log says was decided, and that is not kept.
    #[error("the request {request_id} was decided and is not kept")]
    RequestMissing {
        /// The request, as its entry gives it.
        request_id: String,
    },
    /// The log does not extend a checkpoint: it was rewritten, cut or forked.
    #[error("the log does not extend its checkpoint at {size}")]
    CheckpointContradicted {
        /// Size of that checkpoint.
        size: u64,
    },
}

impl Problem {
    fn is_of_kept_request(&self) -> bool {
        matches!(
            self,
            Problem::RequestAltered { .. }
                | Problem::RequestContradicted { .. }
                | Problem::RequestMissing { .. }
        )
    }
}
