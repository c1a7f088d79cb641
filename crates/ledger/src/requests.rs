//! Requests as policies decided them, and what persons said of those left to them. Node only: it holds questions, never data.
//! A request that waits is charged by nobody; its own expiry ends the waiting.

use crate::LedgerError;
use crate::acts::{check_unused, envelope_bytes};
use crate::facts::{Facts, facts};
use crate::log::append;
use crate::policies;
use audit::EntryKind;
use policy::Decided;
use protocol::{Envelope, Request, VerifiedApproval, Word};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use storage::Writer;

/// A request that a policy decided.
#[derive(Clone, Debug)]
pub struct DecidedRequest {
    /// The request.
    pub request_id: String,
    /// SHA-256 of its signed bytes.
    pub request_hash: [u8; 32],
    /// As it was signed.
    pub envelope: Envelope,
    /// The study as it was signed.
    pub study: Envelope,
    /// The decision.
    pub decided: Decided,
    /// The rule that decided.
    pub rule: String,
    /// Hash of the policy it decided under; not known where an earlier version kept the request.
    pub policy_hash: Option<String>,
    /// When it was decided first, Unix seconds.
    pub at: i64,
    /// What a person said last, where somebody did.
    pub word: Option<Word>,
    /// Hash of the policy under which it was said.
    pub word_under: Option<String>,
}

/// Selects kept requests; also from a ledger that an earlier version wrote, which knows of no policy of theirs.
async fn select(
    connection: &mut SqliteConnection,
    rest: &str,
) -> Result<AssertSqlSafe<String>, LedgerError> {
    let (known,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM pragma_table_info('requests') WHERE name = 'policy_hash'",
    )
    .fetch_one(connection)
    .await?;
    let policy = if known > 0 { "r.policy_hash" } else { "NULL" };
    Ok(AssertSqlSafe(format!(
        "SELECT r.request_id, r.request_hash, r.envelope, r.study, r.decided, r.rule, r.at, a.word, a.policy_hash, {policy} \
         FROM requests r LEFT JOIN approvals a ON a.entry_index = (SELECT MAX(entry_index) FROM approvals b \
         WHERE b.request_id = r.request_id AND b.request_hash = lower(hex(r.request_hash))) {rest}"
    )))
}

fn read(row: &SqliteRow) -> Result<DecidedRequest, LedgerError> {
    let corrupt = || LedgerError::Corrupt { what: "request" };
    let (hash, envelope, study): (Vec<u8>, Vec<u8>, Vec<u8>) =
        (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    let (decided, word): (String, Option<String>) = (row.try_get(4)?, row.try_get(7)?);
    Ok(DecidedRequest {
        request_id: row.try_get(0)?,
        request_hash: hash.try_into().map_err(|_| corrupt())?,
        envelope: serde_json::from_slice(&envelope).map_err(|_| corrupt())?,
        study: serde_json::from_slice(&study).map_err(|_| corrupt())?,
        decided: Decided::from_id(&decided).ok_or_else(corrupt)?,
        rule: row.try_get(5)?,
        at: row.try_get(6)?,
        word: word
            .map(|word| Word::from_id(&word).ok_or_else(corrupt))
            .transpose()?,
        word_under: row.try_get(8)?,
        policy_hash: row.try_get(9)?,
    })
}

/// Keeps a request with its first decision.
pub(crate) async fn keep(writer: &Writer, request: &DecidedRequest) -> Result<(), LedgerError> {
    let mut transaction = writer.write_transaction().await?;
    sqlx::query(
        "INSERT INTO requests (request_id, request_hash, envelope, study, decided, rule, at, policy_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(&request.request_id)
    .bind(&request.request_hash[..])
    .bind(envelope_bytes(&request.envelope)?)
    .bind(envelope_bytes(&request.study)?)
    .bind(request.decided.id())
    .bind(&request.rule)
    .bind(request.at)
    .bind(&request.policy_hash)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Leaves a kept request to a person.
pub(crate) async fn leave(
    writer: &Writer,
    request_id: &str,
    request_hash: &[u8; 32],
    rule: &str,
    policy_hash: &str,
) -> Result<(), LedgerError> {
    let mut transaction = writer.write_transaction().await?;
    sqlx::query(
        "UPDATE requests SET decided = $1, rule = $2, policy_hash = $3 WHERE request_id = $4 AND request_hash = $5",
    )
    .bind(Decided::Manual.id())
    .bind(rule)
    .bind(policy_hash)
    .bind(request_id)
    .bind(&request_hash[..])
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Requests in the order of their decisions.
pub(crate) async fn all(
    connection: &mut SqliteConnection,
) -> Result<Vec<DecidedRequest>, LedgerError> {
    let text = select(connection, "ORDER BY r.at, r.request_id").await?;
    let rows = sqlx::query(text).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// Requests whose rows can be read.
pub(crate) async fn all_readable(
    connection: &mut SqliteConnection,
) -> Result<Vec<DecidedRequest>, LedgerError> {
    let text = select(connection, "").await?;
    let rows = sqlx::query(text).fetch_all(connection).await?;
    Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
}

/// Ids of the kept requests that are not what was signed, as their rows give them.
pub(crate) async fn altered(connection: &mut SqliteConnection) -> Result<Vec<String>, LedgerError> {
    let text = select(connection, "").await?;
    let rows = sqlx::query(text).fetch_all(connection).await?;
    let altered = rows
        .iter()
        .filter(|row| !read(row).is_ok_and(|kept| kept.as_signed().is_some()));
    altered.map(|row| Ok(row.try_get(0)?)).collect()
}

/// A kept request.
pub(crate) async fn one(
    connection: &mut SqliteConnection,
    request_id: &str,
    request_hash: &[u8; 32],
) -> Result<Option<DecidedRequest>, LedgerError> {
    let text = select(
        connection,
        "WHERE r.request_id = $1 AND r.request_hash = $2",
    )
    .await?;
    let row = sqlx::query(text)
        .bind(request_id)
        .bind(&request_hash[..])
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A person's word, as a row of `approvals` holds it.
#[derive(Clone, Debug)]
pub(crate) struct ApprovalRow {
    pub(crate) act_id: String,
    pub(crate) act_hash: Vec<u8>,
    pub(crate) signer: String,
    pub(crate) request_id: String,
    pub(crate) request_hash: String,
    pub(crate) word: String,
    pub(crate) policy_hash: String,
}

impl ApprovalRow {
    pub(crate) const SELECT: &str = "SELECT act_id, act_hash, signer, request_id, request_hash, word, policy_hash, entry_index \
         FROM approvals";

    pub(crate) fn read(row: &SqliteRow) -> Result<(ApprovalRow, i64), LedgerError> {
        let read = ApprovalRow {
            act_id: row.try_get(0)?,
            act_hash: row.try_get(1)?,
            signer: row.try_get(2)?,
            request_id: row.try_get(3)?,
            request_hash: row.try_get(4)?,
            word: row.try_get(5)?,
            policy_hash: row.try_get(6)?,
        };
        Ok((read, row.try_get(7)?))
    }

    pub(crate) fn of(verified: &VerifiedApproval, policy_hash: &str) -> ApprovalRow {
        let act = verified.act();
        ApprovalRow {
            act_id: act.id.clone(),
            act_hash: verified.hash().to_vec(),
            signer: verified.signer().to_string(),
            request_id: act.request.clone(),
            request_hash: act.request_hash.clone(),
            word: act.word.id().to_owned(),
            policy_hash: policy_hash.to_owned(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        facts([
            ("act-id", self.act_id.as_str().into()),
            ("act-hash", protocol::hex(&self.act_hash).into()),
            ("signer", self.signer.as_str().into()),
            ("request", self.request_id.as_str().into()),
            ("request-hash", self.request_hash.as_str().into()),
            ("word", self.word.as_str().into()),
            ("policy-hash", self.policy_hash.as_str().into()),
        ])
    }
}

/// Whether somebody approved exactly this request under a policy.
pub(crate) async fn is_approved(
    connection: &mut SqliteConnection,
    request_id: &str,
    request_hash: &[u8; 32],
    policy_hash: &str,
) -> Result<bool, LedgerError> {
    let (count,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM approvals WHERE request_id = $1 AND request_hash = $2 AND policy_hash = $3 AND word = 'approved'",
    )
    .bind(request_id)
    .bind(protocol::hex(request_hash))
    .bind(policy_hash)
    .fetch_one(connection)
    .await?;
    Ok(count > 0)
}

impl DecidedRequest {
    /// The request, and the study's signed bytes, where what is kept is what was signed: the request's bytes have its hash, and the
    /// study's the hash that the request names. `None` where a row was altered since.
    pub fn as_signed(&self) -> Option<(Request, Vec<u8>)> {
        let (asked, study) = (
            self.envelope.unverified_payload()?,
            self.study.unverified_payload()?,
        );
        let request: Request = serde_json::from_slice(&asked).ok()?;
        let holds = protocol::sha256(&asked) == self.request_hash
            && request.id == self.request_id
            && request.study_hash == protocol::hex(&protocol::sha256(&study));
        holds.then_some((request, study))
    }

    /// What a person said that still counts under a policy: a refusal always, an approval under the policy it was said under.
    pub fn word_under(&self, policy_hash: &str) -> Option<Word> {
        match self.word {
            Some(Word::Approved) if self.word_under.as_deref() != Some(policy_hash) => None,
            word => word,
        }
    }
}

/// Enters a person's word on a request that waits, once under each policy, and returns its leaf.
pub(crate) async fn decide(
    writer: &Writer,
    verified: &VerifiedApproval,
    policy_hash: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    let act = verified.act();
    let mut transaction = writer.write_transaction().await?;
    check_unused(&mut transaction, &act.id).await?;
    let hash = protocol::from_hex::<32>(&act.request_hash).unwrap_or_default();
    match one(&mut transaction, &act.request, &hash).await? {
        Some(request)
            if request.decided == Decided::Manual && request.word_under(policy_hash).is_none() => {}
        _ => return Err(LedgerError::NotWaiting),
    }
    let in_force = policies::hash_in_force(&mut transaction).await?;
    let stands = in_force.is_none_or(|in_force| in_force == policy_hash);
    // A word of version 1 says nothing of the policy, so it could be kept for another.
    if !stands || act.policy_hash.as_deref() != Some(policy_hash) {
        return Err(LedgerError::PolicyReplaced);
    }
    let row = ApprovalRow::of(verified, policy_hash);
    let body = envelope_bytes(verified.envelope())?;
    let index = append(
        &mut transaction,
        EntryKind::Decision,
        now,
        row.facts(),
        &body,
    )
    .await?;
    sqlx::query(
        "INSERT INTO approvals (act_id, act_hash, signer, request_id, request_hash, word, policy_hash, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.act_id)
    .bind(row.act_hash)
    .bind(row.signer)
    .bind(row.request_id)
    .bind(row.request_hash)
    .bind(row.word)
    .bind(row.policy_hash)
    .bind(index)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(index.unsigned_abs())
}
