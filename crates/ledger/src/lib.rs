//! The durable privacy budget and its log, charged before anything is computed.
//! It never gives anything back: a crash may waste budget, a debit is never refunded, no row is ever changed.
//!
//! One transaction checks every cap, debits, keeps the request id and appends the log leaf
//! ([`Ledger::charge`]); after its commit the caller computes, stores the answer and its leaf in a second one
//! ([`Ledger::store_answer`]), and only then sends. [`Debit`] and [`Reuse`] prove that the first transaction is
//! durable; nothing outside this crate can make one.
//!
//! The balance is the account of an organisation over all its datasets. Losses compose by addition
//! (Bun & Steinke 2016, Lemma 1.7), and a charge that would pass a cap is refused before it is made, which is
//! a privacy filter for zCDP (Feldman & Zrnic 2021, Rogers et al. 2016): whatever is asked next may depend on earlier answers.

mod acceptance;
mod act_rows;
mod acts;
mod answers;
mod book;
mod caps;
mod charge;
mod facts;
mod ledger;
mod log;
mod policies;
mod refusals;
mod report;
mod requests;
mod restore;
mod retention;
mod standing;
mod verify;
mod verify_acts;
mod verify_policies;
mod verify_requests;

#[cfg(test)]
mod tests;

pub use acceptance::{Accepted, AllowedRequest};
pub use audit::{LogSigner, SignedCheckpoint};
pub use book::{Balance, EnteredGuarantee, Entry, Evidence, LedgerReader};
pub use caps::{Cap, lifetime_limit};
pub use charge::{Charge, Debit, Reuse};
pub use ledger::Ledger;
pub use merkle_log::StoredEntry;
pub use policies::PolicyInForce;
pub use privacy_loss::{Exhaustion, Pace, RECENT_SECONDS, exhaustion};
pub use report::{Act, Problem, Report};
pub use requests::DecidedRequest;
pub use restore::Restored;
pub use standing::{CapStanding, unspent};

use audit::EntryKind;

/// Why the ledger did not do what was asked. No variant carries data of a register.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The charge would pass a cap. Nothing was charged; the refusal is logged.
    #[error("the {cap} cap would be passed")]
    CapExceeded {
        /// The first cap that would be passed, widest first.
        cap: Cap,
    },
    /// The request id was used before, for another request. Nothing was charged; the refusal is logged.
    #[error("request id {request_id} was used before, for another request")]
    RequestIdReused {
        /// The id.
        request_id: String,
    },
    /// The request has an answer already, which is the one to send.
    #[error("request {request_id} has an answer already")]
    AlreadyAnswered {
        /// The request.
        request_id: String,
    },
    /// Only the ledger itself writes entries of this kind.
    #[error("entries of kind {} are written by the ledger alone", kind.as_str())]
    ReservedKind {
        /// The kind.
        kind: EntryKind,
    },
    /// A signed act was entered before; it counts once.
    #[error("act {id} was entered before, at entry {index}; make a new one")]
    ActUsed {
        /// The act.
        id: String,
        /// The entry that records it.
        index: u64,
    },
    /// An act would move more than is unspent.
    #[error("only {left} of {part} {key} is unspent; move at most that")]
    NotUnspent {
        /// The kind of part.
        part: protocol::SubCap,
        /// The part that was to give.
        key: String,
        /// What is left of it, and of the account.
        left: privacy_loss::NanoRho,
    },
    /// The request was debited before the log was lost, and its answer with it; it may be out already.
    #[error("the answer to request {request_id} was lost with the log; ask again under a new id")]
    AnswerLost {
        /// The request.
        request_id: String,
    },
    /// The answer was erased after its time; its debit stands.
    #[error("the answer to request {request_id} was erased after its time")]
    AnswerErased {
        /// The request.
        request_id: String,
    },
    /// The ledger is not the one that the restoration was signed for.
    #[error("the ledger is not the one the restoration names as kept")]
    OtherBackup,
    /// The backup was made before the lifetime cap was fixed, and the log that ended was cosigned, so it may have promised one.
    #[error(
        "the backup was made before the node first served, so it does not hold the lifetime cap that was promised; restore a later one"
    )]
    NoAccount,
    /// There is no promise to replace: opening the account fixes the lifetime cap that the policy then names.
    #[error("nothing was promised yet, so the policy alone says the lifetime cap; change it there")]
    NothingPromised,
    /// A new guarantee was signed over another lifetime cap than the one in force.
    #[error("the lifetime cap in force is {fixed}, not the one the act replaces; sign a new act")]
    OtherLifetime {
        /// The cap in force.
        fixed: privacy_loss::NanoRho,
    },
    /// An act names a request as lost that this node never allowed.
    #[error(
        "the act names request {request_id} as lost, which this node never allowed; draw up a new act"
    )]
    NeverAllowed {
        /// The request.
        request_id: String,
    },
    /// A policy was signed over another one than that in force.
    #[error("the policy it replaces is not the one in force; sign it again over that one")]
    OtherPolicy,
    /// The policy that decided is not in force any more, or not yet.
    #[error(
        "another policy came into force meanwhile; the request is decided again under that one"
    )]
    PolicyReplaced,
    /// A document that does not say whose it is and who its officers are.
    #[error("the policy does not say its `organisation` and the keys of its officers under `dpo`")]
    PolicyUnreadable,
    /// A policy does not follow from the one before it.
    #[error("the policy {0}")]
    PolicyChain(#[from] protocol::ChainFault),
    /// A rule waits for a person, and nobody approved exactly this request under the policy in force.
    #[error("nobody approved this request under the policy in force")]
    NotApproved,
    /// No such request waits for a person.
    #[error("no such request waits for a person: it is unknown, or somebody decided it already")]
    NotWaiting,
    /// A signed act is not valid, or not now.
    #[error("the act is not accepted: {0}")]
    Act(#[from] protocol::ActError),
    /// No calendar has this time.
    #[error("the time is outside the calendar")]
    TimeOutOfRange,
    /// The system gave no randomness for a salt.
    #[error("the system gave no randomness")]
    NoRandomness,
    /// The file lacks the tables that every reader needs: its first opening has not made them yet, or was stopped before.
    #[error(
        "the ledger file is not set up to its end: the node is making it now, or was stopped while it did; start the node, which sets it up"
    )]
    NotSetUp,
    /// A stored row is not what the ledger writes: it was altered from outside.
    #[error("the ledger file holds an unreadable {what}")]
    Corrupt {
        /// What cannot be read.
        what: &'static str,
    },
    /// The database could not be used.
    #[error("the ledger file could not be used")]
    Storage(#[from] storage::StorageError),
    /// A checkpoint, cosignature or proof was not accepted.
    #[error("the log's proof was not accepted")]
    Audit(#[from] audit::AuditError),
}

impl From<merkle_log::LogError> for LedgerError {
    fn from(error: merkle_log::LogError) -> LedgerError {
        match error {
            merkle_log::LogError::Database(error) => error.into(),
            merkle_log::LogError::Audit(error) => error.into(),
            merkle_log::LogError::Corrupt { what } => LedgerError::Corrupt { what },
            merkle_log::LogError::NoRandomness => LedgerError::NoRandomness,
        }
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> LedgerError {
        LedgerError::Storage(error.into())
    }
}

impl LedgerError {
    /// The denial to send, if the ledger refused the request rather than failed.
    pub fn denial(&self) -> Option<policy::Denial> {
        let (field, code) = match self {
            LedgerError::CapExceeded { cap } => (cap.as_str(), CAP_EXCEEDED),
            LedgerError::RequestIdReused { .. } => (REQUEST_ID, REQUEST_ID_REUSED),
            LedgerError::AnswerLost { .. } => (REQUEST_ID, ANSWER_LOST),
            LedgerError::AnswerErased { .. } => (REQUEST_ID, ANSWER_ERASED),
            _ => return None,
        };
        Some(policy::Denial {
            rule: RULE.to_owned(),
            field: field.to_owned(),
            code: code.to_owned(),
        })
    }
}

/// The rule that the ledger's own refusals name.
const RULE: &str = "ledger";
const REQUEST_ID: &str = "request-id";
const CAP_EXCEEDED: &str = "cap-exceeded";
const ANSWER_ERASED: &str = "answer-erased";
const ANSWER_LOST: &str = "answer-lost";
const REQUEST_ID_REUSED: &str = "request-id-reused";
