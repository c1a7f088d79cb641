//! What the headers of the ledger's own entries say, as a function of the rows they record.
//! Writing and verification both call these, so a row that no longer says what its leaf says is found.

use crate::LedgerError;
use audit::{EntryKind, Fact};
use protocol::SubCap;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The facts of a header.
pub(crate) type Facts = BTreeMap<String, Fact>;

/// Facts from keys and values.
pub(crate) fn facts<const N: usize>(pairs: [(&str, Fact); N]) -> Facts {
    pairs
        .into_iter()
        .map(|(key, fact)| (key.to_owned(), fact))
        .collect()
}

/// A debit, as a row of `charges` holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChargeRow {
    pub(crate) request_id: String,
    pub(crate) request_hash: Vec<u8>,
    pub(crate) query_hash: Vec<u8>,
    pub(crate) dataset: String,
    pub(crate) edition: i64,
    pub(crate) study: String,
    pub(crate) purpose: String,
    pub(crate) policy_hash: String,
    pub(crate) year: i64,
    pub(crate) rho: i64,
    /// The restoration whose receipts proved it, or [`MADE_HERE`].
    pub(crate) recovered_by: i64,
}

/// What `recovered_by` holds of a debit that was made here.
pub(crate) const MADE_HERE: i64 = -1;

/// All debits.
pub(crate) const SELECT_CHARGES: &str = "SELECT request_id, request_hash, query_hash, dataset, edition, study, \
     purpose, policy_hash, year, rho, recovered_by, entry_index FROM charges";
/// The debit of request `$1`.
pub(crate) const SELECT_CHARGE: &str = "SELECT request_id, request_hash, query_hash, dataset, edition, study, \
     purpose, policy_hash, year, rho, recovered_by, entry_index FROM charges WHERE request_id = $1";

impl ChargeRow {
    /// A debit and its leaf, from the columns of [`SELECT_CHARGE`].
    pub(crate) fn read(row: &SqliteRow) -> Result<(ChargeRow, i64), LedgerError> {
        let charge = ChargeRow {
            request_id: row.try_get(0)?,
            request_hash: row.try_get(1)?,
            query_hash: row.try_get(2)?,
            dataset: row.try_get(3)?,
            edition: row.try_get(4)?,
            study: row.try_get(5)?,
            purpose: row.try_get(6)?,
            policy_hash: row.try_get(7)?,
            year: row.try_get(8)?,
            rho: row.try_get(9)?,
            recovered_by: row.try_get(10)?,
        };
        Ok((charge, row.try_get(11)?))
    }

    /// The key under which it counts for a part of the budget.
    pub(crate) fn key(&self, part: SubCap) -> Cow<'_, str> {
        match part {
            SubCap::Year => Cow::Owned(self.year.to_string()),
            SubCap::Dataset => Cow::Borrowed(&self.dataset),
            SubCap::Purpose => Cow::Borrowed(&self.purpose),
            SubCap::Study => Cow::Borrowed(&self.study),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let mut facts = facts([
            ("request", self.request_id.as_str().into()),
            ("request-hash", protocol::hex(&self.request_hash).into()),
            ("query-hash", protocol::hex(&self.query_hash).into()),
            ("dataset", self.dataset.as_str().into()),
            ("edition", number(self.edition)),
            ("study", self.study.as_str().into()),
            ("purpose", self.purpose.as_str().into()),
            ("policy-hash", self.policy_hash.as_str().into()),
            ("year", number(self.year)),
            ("rho", number(self.rho)),
        ]);
        if self.recovered_by != MADE_HERE {
            facts.insert("recovered-by".to_owned(), number(self.recovered_by));
        }
        facts
    }
}

/// A request answered from stored noise, as a row of `reuses` holds it.
#[derive(Clone, Debug)]
pub(crate) struct ReuseRow {
    pub(crate) request_id: String,
    pub(crate) request_hash: Vec<u8>,
    pub(crate) noise_request_id: String,
    pub(crate) study: String,
    pub(crate) purpose: String,
    pub(crate) policy_hash: String,
}

/// All reuses.
pub(crate) const SELECT_REUSES: &str = "SELECT request_id, request_hash, noise_request_id, study, purpose, \
     policy_hash, entry_index FROM reuses";
/// The reuse of request `$1`.
pub(crate) const SELECT_REUSE: &str = "SELECT request_id, request_hash, noise_request_id, study, purpose, \
     policy_hash, entry_index FROM reuses WHERE request_id = $1";

impl ReuseRow {
    /// A reuse and its leaf, from the columns of [`SELECT_REUSES`].
    pub(crate) fn read(row: &SqliteRow) -> Result<(ReuseRow, i64), LedgerError> {
        let reuse = ReuseRow {
            request_id: row.try_get(0)?,
            request_hash: row.try_get(1)?,
            noise_request_id: row.try_get(2)?,
            study: row.try_get(3)?,
            purpose: row.try_get(4)?,
            policy_hash: row.try_get(5)?,
        };
        Ok((reuse, row.try_get(6)?))
    }

    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("request", self.request_id.as_str().into()),
            ("request-hash", protocol::hex(&self.request_hash).into()),
            ("noise-of", self.noise_request_id.as_str().into()),
            ("study", self.study.as_str().into()),
            ("purpose", self.purpose.as_str().into()),
            ("policy-hash", self.policy_hash.as_str().into()),
        ])
    }
}

/// An answer, as a row of `answers` holds it, without its bytes.
#[derive(Clone, Debug)]
pub(crate) struct AnswerRow {
    pub(crate) request_id: String,
    /// Index of the charge's or reuse's leaf.
    pub(crate) allowed_by: i64,
    /// SHA-256 of the sealed bytes.
    pub(crate) answer_hash: Vec<u8>,
    /// SHA-256 of the noisy body in them.
    pub(crate) noise_hash: Vec<u8>,
}

impl AnswerRow {
    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("request", self.request_id.as_str().into()),
            ("allowed-by", number(self.allowed_by)),
            ("answer-hash", protocol::hex(&self.answer_hash).into()),
            ("noise-hash", protocol::hex(&self.noise_hash).into()),
        ])
    }
}

/// A refusal, as a row of `refusals` holds it, under the policy in force where it stands. Which one that was follows from the log, to which
/// the chain of policies holds it; refusals of earlier versions do not say it.
pub(crate) fn refusal(
    request_id: &str,
    request_hash: &[u8],
    [rule, field, code]: [&str; 3],
    policy_hash: Option<&str>,
) -> Facts {
    let mut facts = facts([
        ("request", request_id.into()),
        ("request-hash", protocol::hex(request_hash).into()),
        ("rule", rule.into()),
        ("field", field.into()),
        ("code", code.into()),
    ]);
    if let Some(hash) = policy_hash {
        facts.insert("policy-hash".to_owned(), hash.into());
    }
    facts
}

/// The erasure of an answer, as a row of `tombstones` holds it.
pub(crate) fn tombstone(request_id: &str, answer_hash: &[u8]) -> Facts {
    facts([
        ("request", request_id.into()),
        ("answer-hash", protocol::hex(answer_hash).into()),
    ])
}

/// The account's opening.
pub(crate) fn account(lifetime: i64) -> Facts {
    facts([("lifetime", number(lifetime))])
}

/// Whether only the ledger itself writes entries of this kind, each beside a row.
pub(crate) fn is_reserved(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Account
            | EntryKind::Charge
            | EntryKind::Refusal
            | EntryKind::Answer
            | EntryKind::Reuse
            | EntryKind::BudgetMove
            | EntryKind::PolicyChange
            | EntryKind::Decision
            | EntryKind::Restoration
            | EntryKind::WriteOff
            | EntryKind::Acceptance
            | EntryKind::Tombstone
    )
}

/// A stored integer as a fact; one that is negative was not stored by the ledger and matches no leaf.
pub(crate) fn number(stored: i64) -> Fact {
    match u64::try_from(stored) {
        Ok(number) => number.into(),
        Err(_) => "negative".into(),
    }
}
