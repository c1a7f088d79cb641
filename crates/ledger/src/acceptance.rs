//! Entering the officers' act by which this node goes on with a restored coordinator: one entry, whose body is the signed act with both
//! heads of the coordinator's log as evidence. It touches no debit, no cap and no answer, so it gives no budget back.

use crate::acts::{check_unused, envelope_bytes};
use crate::facts::{Facts, facts};
use crate::log::append;
use crate::{LedgerError, policies};
use audit::{Checkpoint, EntryKind, Header, SignedNote};
use protocol::{
    COORDINATOR_LOG, CoordinatorAcceptance, Envelope, LogState, PublicKey, VerifiedAcceptance,
};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use storage::Writer;

/// An acceptance as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its entry.
    pub index: u64,
    /// When it was entered, Unix seconds.
    pub at: i64,
    /// What the officers signed.
    pub act: CoordinatorAcceptance,
    /// The officers whose signatures count.
    pub signers: Vec<PublicKey>,
}

/// A request that this node allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedRequest {
    /// Its id.
    pub id: String,
    /// The study in which it was asked.
    pub study: String,
    /// What it cost, in nano-rho; nothing where it repeated noise that was paid for.
    pub rho: u64,
    /// When it was allowed, Unix seconds.
    pub at: i64,
    /// Whether an answer was stored.
    pub answered: bool,
}

/// Whether both notes of an act are heads of the coordinator's log and are those that it names. Whose key signed them is for whoever
/// knows the coordinator's.
pub(crate) fn has_its_heads(act: &CoordinatorAcceptance) -> bool {
    let says = |note: &str, state: &LogState| {
        (SignedNote::parse(note))
            .and_then(|note| Checkpoint::parse(note.text()))
            .is_ok_and(|head| {
                head.origin == COORDINATOR_LOG && LogState::new(head.size, &head.root) == *state
            })
    };
    says(&act.held_note, &act.held) && says(&act.accepted_note, &act.accepted)
}

pub(crate) fn facts_of(verified: &VerifiedAcceptance) -> Facts {
    let act = verified.act();
    let signers: Vec<String> = verified
        .signers()
        .iter()
        .map(|key| key.to_string())
        .collect();
    facts([
        ("act", CoordinatorAcceptance::NAME.into()),
        ("act-id", act.id.as_str().into()),
        ("act-hash", protocol::hex(&verified.hash()).into()),
        ("signers", signers.join(",").into()),
        ("held-size", act.held.size.into()),
        ("held-root", act.held.root.as_str().into()),
        ("accepted-size", act.accepted.size.into()),
        ("accepted-root", act.accepted.root.as_str().into()),
        ("lost", (act.lost.len() as u64).into()),
    ])
}

/// Enters an acceptance and returns its leaf. Whoever the caller took for its officers, they are checked here against the policy in
/// force, in the transaction that enters it.
pub(crate) async fn accept(
    writer: &Writer,
    verified: &VerifiedAcceptance,
    now: i64,
) -> Result<u64, LedgerError> {
    verified.check_fresh(now)?;
    let mut transaction = writer.write_transaction().await?;
    check_unused(&mut transaction, &verified.act().id).await?;
    let chain = policies::chain(&mut transaction).await?;
    let policy = chain.in_force().ok_or(LedgerError::PolicyReplaced)?;
    let verified =
        VerifiedAcceptance::verify(verified.envelope(), &policy.officers, &policy.organisation)?;
    if !has_its_heads(verified.act()) {
        return Err(LedgerError::Corrupt { what: "act" });
    }
    let allowed = allowed(&mut transaction).await?;
    let allowed: BTreeSet<&str> = allowed.iter().map(|request| &*request.id).collect();
    if let Some(id) = (verified.act().lost.iter()).find(|id| !allowed.contains(&***id)) {
        return Err(LedgerError::NeverAllowed {
            request_id: id.clone(),
        });
    }
    let body = envelope_bytes(verified.envelope())?;
    let facts = facts_of(&verified);
    let index = append(&mut transaction, EntryKind::Acceptance, now, facts, &body).await?;
    transaction.commit().await?;
    Ok(index.unsigned_abs())
}

/// The entry of the acceptance with this id; acceptances have no table beside the log.
pub(crate) async fn entry_of(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<u64>, LedgerError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT header FROM entries WHERE kind = $1")
        .bind(EntryKind::Acceptance.as_str())
        .fetch_all(connection)
        .await?;
    for (text,) in rows {
        let header = Header::parse(&text)?;
        if header.text("act-id") == Some(id) {
            return Ok(Some(header.index));
        }
    }
    Ok(None)
}

/// Every acceptance, oldest first.
pub(crate) async fn all(connection: &mut SqliteConnection) -> Result<Vec<Accepted>, LedgerError> {
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
        "SELECT e.header, b.body FROM entries e JOIN bodies b ON b.entry_index = e.entry_index \
         WHERE e.kind = $1 ORDER BY e.entry_index",
    )
    .bind(EntryKind::Acceptance.as_str())
    .fetch_all(connection)
    .await?;
    let corrupt = || LedgerError::Corrupt { what: "act" };
    let read = |(text, body): (String, Vec<u8>)| {
        let header = Header::parse(&text)?;
        let envelope: Envelope = serde_json::from_slice(&body).map_err(|_| corrupt())?;
        let payload = envelope.unverified_payload().ok_or_else(corrupt)?;
        let signers = header.text("signers").unwrap_or_default().split(',');
        Ok(Accepted {
            index: header.index,
            at: header.at,
            act: serde_json::from_slice(&payload).map_err(|_| corrupt())?,
            signers: signers
                .map(PublicKey::from_hex)
                .collect::<Option<_>>()
                .ok_or_else(corrupt)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Every request that was allowed here, in the order of the log; not what a restoration booked again.
pub(crate) async fn allowed(
    connection: &mut SqliteConnection,
) -> Result<Vec<AllowedRequest>, LedgerError> {
    let rows: Vec<(String, String, i64, i64, bool)> = sqlx::query_as(
        "SELECT a.request_id, a.study, a.rho, e.at, \
         EXISTS (SELECT 1 FROM answers w WHERE w.request_id = a.request_id) FROM ( \
         SELECT request_id, study, rho, entry_index FROM charges WHERE recovered_by < 0 \
         UNION ALL SELECT request_id, study, 0, entry_index FROM reuses) a \
         JOIN entries e ON e.entry_index = a.entry_index ORDER BY a.entry_index",
    )
    .fetch_all(connection)
    .await?;
    Ok((rows.into_iter())
        .map(|(id, study, rho, at, answered)| AllowedRequest {
            id,
            study,
            rho: rho.unsigned_abs(),
            at,
            answered,
        })
        .collect())
}
