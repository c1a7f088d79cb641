//! Erasing answers after their time: the bytes go, their hashes and the loss stay. One transaction, a tombstone for each.
//! What was erased is never computed again: its debit stands, and asking for it once more is refused.

use crate::LedgerError;
use crate::facts;
use crate::log::append;
use audit::EntryKind;
use storage::Writer;

/// Erases the answers, and the noise kept for reuse, of every edition before `edition`; returns how many answers.
pub(crate) async fn erase_answers(
    writer: &Writer,
    edition: u32,
    now: i64,
) -> Result<u64, LedgerError> {
    let mut transaction = writer.write_transaction().await?;
    failpoint::reach("erase-begun");
    let due: Vec<(String, Vec<u8>)> = sqlx::query_as(
        "SELECT a.request_id, a.answer_hash FROM answers a \
         LEFT JOIN charges c ON c.request_id = a.request_id \
         LEFT JOIN reuses r ON r.request_id = a.request_id \
         LEFT JOIN charges n ON n.request_id = r.noise_request_id \
         WHERE length(a.sealed) > 0 AND COALESCE(c.edition, n.edition) < $1 ORDER BY a.entry_index",
    )
    .bind(i64::from(edition))
    .fetch_all(&mut *transaction)
    .await?;
    let erased = due.len() as u64;
    for (request_id, answer_hash) in due {
        let facts = facts::tombstone(&request_id, &answer_hash);
        let index = append(&mut transaction, EntryKind::Tombstone, now, facts, b"").await?;
        sqlx::query(
            "INSERT INTO tombstones (request_id, answer_hash, entry_index) VALUES ($1, $2, $3)",
        )
        .bind(&request_id)
        .bind(answer_hash)
        .bind(index)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE answers SET sealed = x'' WHERE request_id = $1")
            .bind(&request_id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE noise SET body = x'' WHERE request_id = $1")
            .bind(&request_id)
            .execute(&mut *transaction)
            .await?;
    }
    failpoint::reach("erase-written");
    transaction.commit().await?;
    failpoint::reach("erase-committed");
    if erased > 0 {
        // Else the write-ahead log would keep the bytes.
        writer.checkpoint().await?;
    }
    Ok(erased)
}
