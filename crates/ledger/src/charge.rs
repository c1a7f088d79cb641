//! Charging a request: one transaction that answers, debits, reuses or refuses.
//! Proofs of a charge are made here alone, after the transaction is committed; they cannot be copied.

use crate::caps::{charged, exceeded, fixed_lifetime, year};
use crate::facts::{self, ChargeRow, MADE_HERE, ReuseRow};
use crate::log::{append, stored};
use crate::refusals::log_refusal;
use crate::restore::is_before_a_restoration;
use crate::{
    ANSWER_ERASED, ANSWER_LOST, CAP_EXCEEDED, LedgerError, REQUEST_ID, REQUEST_ID_REUSED, RULE,
};
use crate::{policies, requests};
use audit::EntryKind;
use policy::{Caps, Permit};
use privacy_loss::NanoRho;
use sqlx::SqliteConnection;
use storage::Writer;

/// What became of a request that the ledger did not refuse.
#[derive(Debug)]
pub enum Charge {
    /// It is charged, now or before a crash, and has no answer yet: compute one.
    Debited(Debit),
    /// The same question was answered on the same edition: seal the stored noise again. Nothing was charged.
    Reusable(Reuse),
    /// It was answered before: send these bytes again. Nothing was charged.
    Answered(Vec<u8>),
}

/// Proof that a request's loss is debited and durable. Only [`Ledger::charge`](crate::Ledger::charge) makes
/// one, after its commit; storing the answer uses it up.
#[derive(Debug)]
#[must_use = "a debit is spent whether or not it is used"]
pub struct Debit {
    // Written here from a permit, or read back and found equal to one: its integers fit their unsigned types.
    pub(crate) row: ChargeRow,
    pub(crate) leaf_index: i64,
}

impl Debit {
    /// The request.
    pub fn request_id(&self) -> &str {
        &self.row.request_id
    }

    /// The dataset charged for.
    pub fn dataset(&self) -> &str {
        &self.row.dataset
    }

    /// The edition charged for.
    pub fn edition(&self) -> u32 {
        self.row.edition as u32
    }

    /// SHA-256 of the question charged for.
    pub fn query_hash(&self) -> &[u8] {
        &self.row.query_hash
    }

    /// The loss debited.
    pub fn rho(&self) -> NanoRho {
        NanoRho::new(self.row.rho as u64)
    }

    /// Index of the charge's leaf in the log.
    pub fn leaf_index(&self) -> u64 {
        self.leaf_index as u64
    }
}

/// Proof that a request may be answered with noise already released, and that this is logged. Only
/// [`Ledger::charge`](crate::Ledger::charge) makes one.
#[derive(Debug)]
#[must_use = "the reuse is logged already"]
pub struct Reuse {
    pub(crate) row: ReuseRow,
    pub(crate) leaf_index: i64,
    pub(crate) body: Vec<u8>,
}

impl Reuse {
    /// The request that may be answered.
    pub fn request_id(&self) -> &str {
        &self.row.request_id
    }

    /// The request whose charge paid for the noise.
    pub fn noise_request_id(&self) -> &str {
        &self.row.noise_request_id
    }

    /// The noisy body, byte for byte as it was stored.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Index of the reuse's leaf in the log.
    pub fn leaf_index(&self) -> u64 {
        self.leaf_index as u64
    }
}

/// What a permit says that a charge needs.
#[derive(Clone, Debug)]
pub(crate) struct ChargeTerms {
    pub(crate) request_id: String,
    pub(crate) request_hash: [u8; 32],
    pub(crate) query_hash: [u8; 32],
    pub(crate) dataset: String,
    pub(crate) edition: u32,
    pub(crate) study: String,
    pub(crate) purpose: String,
    pub(crate) policy_hash: String,
    pub(crate) rule: String,
    pub(crate) waits_for_person: bool,
    pub(crate) rho: NanoRho,
    pub(crate) caps: Caps,
    pub(crate) study_limit: NanoRho,
}

impl From<&Permit> for ChargeTerms {
    fn from(permit: &Permit) -> ChargeTerms {
        ChargeTerms {
            request_id: permit.request_id().to_owned(),
            request_hash: permit.request_hash(),
            query_hash: permit.query_hash().0,
            dataset: permit.dataset().to_owned(),
            edition: permit.edition(),
            study: permit.study().to_owned(),
            purpose: permit.purpose().to_owned(),
            policy_hash: permit.policy_hash().to_owned(),
            rule: permit.rule().to_owned(),
            waits_for_person: permit.approval() == policy::Approval::Manual,
            rho: permit.rho(),
            caps: permit.caps().clone(),
            study_limit: permit.study_limit(),
        }
    }
}

/// Charges once, in one transaction, and commits it.
pub(crate) async fn charge(
    writer: &Writer,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Charge, LedgerError> {
    let year = year(now)?;
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("charge-begun");
    let outcome = decide(&mut transaction, terms, now, year).await?;
    failpoint::reach("charge-written");
    transaction.commit().await?;
    failpoint::reach("charge-committed");
    outcome
}

/// What the request becomes. The outer error undoes the transaction; the inner one is a refusal, whose leaf is
/// committed.
async fn decide(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    now: i64,
    year: i64,
) -> Result<Result<Charge, LedgerError>, LedgerError> {
    if let Some(known) = charged_before(&mut *connection, terms, now).await? {
        return Ok(known);
    }
    if let Some(known) = reused_before(&mut *connection, terms, now).await? {
        return Ok(known);
    }
    check_policy(&mut *connection, terms).await?;
    if let Some(known) = reuse(&mut *connection, terms, now).await? {
        failpoint::reach("charge-checked");
        return Ok(known);
    }
    // A loss that cannot be stored passes every cap, so this conversion cannot let one through.
    let row = ChargeRow {
        request_id: terms.request_id.clone(),
        request_hash: terms.request_hash.to_vec(),
        query_hash: terms.query_hash.to_vec(),
        dataset: terms.dataset.clone(),
        edition: i64::from(terms.edition),
        study: terms.study.clone(),
        purpose: terms.purpose.clone(),
        policy_hash: terms.policy_hash.clone(),
        year,
        rho: i64::try_from(terms.rho.nano()).unwrap_or(i64::MAX),
        recovered_by: MADE_HERE,
    };
    if let Some(cap) = exceeded(&mut *connection, &row, terms).await? {
        refuse(&mut *connection, terms, cap.as_str(), CAP_EXCEEDED, now).await?;
        return Ok(Err(LedgerError::CapExceeded { cap }));
    }
    failpoint::reach("charge-checked");
    Ok(Ok(Charge::Debited(
        debit(&mut *connection, row, terms, now).await?,
    )))
}

/// Checks that the policy which permits is the one in force in this very transaction, and that what it leaves to a person was
/// approved under it. A log without policies, which only tests write, says nothing of them.
async fn check_policy(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
) -> Result<(), LedgerError> {
    let Some(in_force) = policies::hash_in_force(&mut *connection).await? else {
        return Ok(());
    };
    if in_force != terms.policy_hash {
        return Err(LedgerError::PolicyReplaced);
    }
    if terms.waits_for_person
        && !requests::is_approved(
            connection,
            &terms.request_id,
            &terms.request_hash,
            &terms.policy_hash,
        )
        .await?
    {
        return Err(LedgerError::NotApproved);
    }
    Ok(())
}

/// The outcome for a request id that has a debit.
async fn charged_before(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Option<Result<Charge, LedgerError>>, LedgerError> {
    let Some((row, leaf_index)) = charge_row(&mut *connection, &terms.request_id).await? else {
        return Ok(None);
    };
    let same = row.request_hash == terms.request_hash
        && row.query_hash == terms.query_hash
        && row.dataset == terms.dataset
        && row.edition == i64::from(terms.edition)
        && u64::try_from(row.rho) == Ok(terms.rho.nano());
    if !same {
        return Ok(Some(id_reused(&mut *connection, terms, now).await?));
    }
    if let Some(sealed) = sealed(&mut *connection, &terms.request_id).await? {
        return Ok(Some(answered(&mut *connection, terms, sealed, now).await?));
    }
    if is_before_a_restoration(&mut *connection, leaf_index).await? {
        // Its answer may have left before the log was lost; another noise for the same debit would reveal more.
        refuse(&mut *connection, terms, REQUEST_ID, ANSWER_LOST, now).await?;
        return Ok(Some(Err(LedgerError::AnswerLost {
            request_id: terms.request_id.clone(),
        })));
    }
    Ok(Some(Ok(Charge::Debited(Debit { row, leaf_index }))))
}

/// The outcome for a request id that was allowed to reuse noise.
async fn reused_before(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Option<Result<Charge, LedgerError>>, LedgerError> {
    let found = sqlx::query(facts::SELECT_REUSE)
        .bind(&terms.request_id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some((row, leaf_index)) = found.as_ref().map(ReuseRow::read).transpose()? else {
        return Ok(None);
    };
    if row.request_hash != terms.request_hash {
        return Ok(Some(id_reused(&mut *connection, terms, now).await?));
    }
    if let Some(sealed) = sealed(&mut *connection, &terms.request_id).await? {
        return Ok(Some(answered(&mut *connection, terms, sealed, now).await?));
    }
    let (body,): (Vec<u8>,) = sqlx::query_as("SELECT body FROM noise WHERE request_id = $1")
        .bind(&row.noise_request_id)
        .fetch_one(&mut *connection)
        .await?;
    if body.is_empty() {
        return Ok(Some(erased(&mut *connection, terms, now).await?));
    }
    Ok(Some(Ok(Charge::Reusable(Reuse {
        row,
        leaf_index,
        body,
    }))))
}

/// A stored answer, unless its bytes were erased.
async fn answered(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    sealed: Vec<u8>,
    now: i64,
) -> Result<Result<Charge, LedgerError>, LedgerError> {
    if sealed.is_empty() {
        return erased(connection, terms, now).await;
    }
    Ok(Ok(Charge::Answered(sealed)))
}

/// The refusal of what was answered once and erased since.
async fn erased(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Result<Charge, LedgerError>, LedgerError> {
    refuse(connection, terms, REQUEST_ID, ANSWER_ERASED, now).await?;
    Ok(Err(LedgerError::AnswerErased {
        request_id: terms.request_id.clone(),
    }))
}

/// Logs that the request reuses noise, if there is any for its question and edition.
async fn reuse(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Option<Result<Charge, LedgerError>>, LedgerError> {
    let found: Option<(String, Vec<u8>)> = sqlx::query_as(
        "SELECT request_id, body FROM noise WHERE query_hash = $1 AND dataset = $2 AND edition = $3",
    )
    .bind(&terms.query_hash[..])
    .bind(&terms.dataset)
    .bind(i64::from(terms.edition))
    .fetch_optional(&mut *connection)
    .await?;
    let Some((noise_request_id, body)) = found else {
        return Ok(None);
    };
    if body.is_empty() {
        return Ok(Some(erased(&mut *connection, terms, now).await?));
    }
    let row = ReuseRow {
        request_id: terms.request_id.clone(),
        request_hash: terms.request_hash.to_vec(),
        noise_request_id,
        study: terms.study.clone(),
        purpose: terms.purpose.clone(),
        policy_hash: terms.policy_hash.clone(),
    };
    let leaf_index = append(
        &mut *connection,
        EntryKind::Reuse,
        now,
        row.facts(),
        terms.rule.as_bytes(),
    )
    .await?;
    sqlx::query(
        "INSERT INTO reuses \
         (request_id, request_hash, noise_request_id, study, purpose, policy_hash, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&row.request_id)
    .bind(&row.request_hash)
    .bind(&row.noise_request_id)
    .bind(&row.study)
    .bind(&row.purpose)
    .bind(&row.policy_hash)
    .bind(leaf_index)
    .execute(&mut *connection)
    .await?;
    Ok(Some(Ok(Charge::Reusable(Reuse {
        row,
        leaf_index,
        body,
    }))))
}

/// Debits, after every cap was checked in the same transaction.
async fn debit(
    connection: &mut SqliteConnection,
    row: ChargeRow,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Debit, LedgerError> {
    open_account(&mut *connection, terms.caps.lifetime, now).await?;
    let leaf_index = insert_charge(&mut *connection, &row, terms.rule.as_bytes(), now).await?;
    Ok(Debit { row, leaf_index })
}

/// Opens the account, which fixes its lifetime cap, unless it is open: the cap fixed first stays.
pub(crate) async fn open_account(
    connection: &mut SqliteConnection,
    lifetime: NanoRho,
    now: i64,
) -> Result<(), LedgerError> {
    if fixed_lifetime(&mut *connection).await?.is_some() {
        return Ok(());
    }
    if charged(&mut *connection).await? {
        // A charge opened it; it was taken away, and what it promised is not to be replaced.
        return Err(LedgerError::Corrupt { what: "account" });
    }
    let lifetime = stored(lifetime.nano().min(i64::MAX as u64))?;
    let facts = facts::account(lifetime);
    let index = append(&mut *connection, EntryKind::Account, now, facts, b"").await?;
    sqlx::query("INSERT INTO account (id, lifetime, entry_index) VALUES (1, $1, $2)")
        .bind(lifetime)
        .bind(index)
        .execute(connection)
        .await?;
    Ok(())
}

/// Appends a debit's leaf, whose body names the rule, and its row; returns the leaf's index.
pub(crate) async fn insert_charge(
    connection: &mut SqliteConnection,
    row: &ChargeRow,
    rule: &[u8],
    now: i64,
) -> Result<i64, LedgerError> {
    let leaf_index = append(&mut *connection, EntryKind::Charge, now, row.facts(), rule).await?;
    sqlx::query(
        "INSERT INTO charges (request_id, request_hash, query_hash, dataset, edition, study, purpose, \
         policy_hash, year, rho, recovered_by, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&row.request_id)
    .bind(&row.request_hash)
    .bind(&row.query_hash)
    .bind(&row.dataset)
    .bind(row.edition)
    .bind(&row.study)
    .bind(&row.purpose)
    .bind(&row.policy_hash)
    .bind(row.year)
    .bind(row.rho)
    .bind(row.recovered_by)
    .bind(leaf_index)
    .execute(connection)
    .await?;
    Ok(leaf_index)
}

/// The debit of a request and its leaf.
pub(crate) async fn charge_row(
    connection: &mut SqliteConnection,
    request_id: &str,
) -> Result<Option<(ChargeRow, i64)>, LedgerError> {
    let found = sqlx::query(facts::SELECT_CHARGE)
        .bind(request_id)
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(ChargeRow::read).transpose()
}

/// The stored answer of a request.
pub(crate) async fn sealed(
    connection: &mut SqliteConnection,
    request_id: &str,
) -> Result<Option<Vec<u8>>, LedgerError> {
    let found: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT sealed FROM answers WHERE request_id = $1")
            .bind(request_id)
            .fetch_optional(connection)
            .await?;
    Ok(found.map(|(sealed,)| sealed))
}

async fn id_reused(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    now: i64,
) -> Result<Result<Charge, LedgerError>, LedgerError> {
    refuse(connection, terms, REQUEST_ID, REQUEST_ID_REUSED, now).await?;
    Ok(Err(LedgerError::RequestIdReused {
        request_id: terms.request_id.clone(),
    }))
}

async fn refuse(
    connection: &mut SqliteConnection,
    terms: &ChargeTerms,
    field: &str,
    code: &str,
    now: i64,
) -> Result<(), LedgerError> {
    log_refusal(
        connection,
        &terms.request_id,
        &terms.request_hash,
        [RULE, field, code],
        now,
    )
    .await
    .map(|_| ())
}
