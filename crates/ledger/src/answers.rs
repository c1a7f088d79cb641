//! Storing an answer: noise, sealed bytes and their leaf in one transaction, before anything is sent.
//! The first stored answer of a request stays the only one.

use crate::LedgerError;
use crate::charge::{Debit, Reuse, sealed};
use crate::facts::{AnswerRow, ChargeRow};
use crate::log::append;
use audit::EntryKind;
use storage::{WriteTransaction, Writer};

/// Stores the answer to a charged request, and its noise for reuse.
pub(crate) async fn store_charged(
    writer: &Writer,
    debit: Debit,
    body: &[u8],
    sealed: &[u8],
    now: i64,
) -> Result<u64, LedgerError> {
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("store-begun");
    let row = &debit.row;
    let index = store(
        &mut transaction,
        &row.request_id,
        debit.leaf_index,
        body,
        sealed,
        now,
    )
    .await?;
    keep_noise(&mut transaction, row, body).await?;
    commit(transaction, index).await
}

/// Stores the answer to a request that reuses noise.
pub(crate) async fn store_reused(
    writer: &Writer,
    reuse: Reuse,
    sealed: &[u8],
    now: i64,
) -> Result<u64, LedgerError> {
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("store-begun");
    let request_id = &reuse.row.request_id;
    let index = store(
        &mut transaction,
        request_id,
        reuse.leaf_index,
        &reuse.body,
        sealed,
        now,
    )
    .await?;
    commit(transaction, index).await
}

/// Keeps noise for every later request of the same question on the same edition. Two requests of one question may both be
/// charged before either is answered; the first noise is reused.
pub(crate) async fn keep_noise(
    transaction: &mut WriteTransaction,
    row: &ChargeRow,
    body: &[u8],
) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO noise (query_hash, dataset, edition, request_id, body) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (query_hash, dataset, edition) DO NOTHING",
    )
    .bind(&row.query_hash)
    .bind(&row.dataset)
    .bind(row.edition)
    .bind(&row.request_id)
    .bind(body)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Appends an answer's leaf and its row; returns the leaf's index.
pub(crate) async fn store(
    transaction: &mut WriteTransaction,
    request_id: &str,
    allowed_by: i64,
    body: &[u8],
    sealed_bytes: &[u8],
    now: i64,
) -> Result<i64, LedgerError> {
    if sealed(&mut *transaction, request_id).await?.is_some() {
        return Err(LedgerError::AlreadyAnswered {
            request_id: request_id.to_owned(),
        });
    }
    let row = AnswerRow {
        request_id: request_id.to_owned(),
        allowed_by,
        answer_hash: protocol::sha256(sealed_bytes).to_vec(),
        noise_hash: protocol::sha256(body).to_vec(),
    };
    let index = append(&mut *transaction, EntryKind::Answer, now, row.facts(), b"").await?;
    sqlx::query(
        "INSERT INTO answers (request_id, sealed, answer_hash, noise_hash, allowed_by, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.request_id)
    .bind(sealed_bytes)
    .bind(row.answer_hash)
    .bind(row.noise_hash)
    .bind(allowed_by)
    .bind(index)
    .execute(&mut **transaction)
    .await?;
    Ok(index)
}

async fn commit(transaction: WriteTransaction, index: i64) -> Result<u64, LedgerError> {
    failpoint::reach("store-written");
    transaction.commit().await?;
    failpoint::reach("store-committed");
    Ok(index as u64)
}
