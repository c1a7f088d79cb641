//! Policies in force: the first as installed, each later one as the officers of the one before signed it.
//! The document comes from the log, so that a file edited on disk changes nothing.

use crate::LedgerError;
use crate::acts::{check_unused, envelope_bytes};
use crate::facts::{Facts, facts};
use crate::log::append;
use audit::EntryKind;
use protocol::{Envelope, PolicyChain, PolicyChange, PolicyText, PublicKey, VerifiedPolicyChange};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use storage::Writer;

/// A policy that came into force, as a row of `policies` holds it.
#[derive(Clone, Debug)]
pub(crate) struct PolicyRow {
    pub(crate) policy_hash: String,
    pub(crate) replaces: String,
    pub(crate) act_id: String,
    pub(crate) act_hash: String,
    /// Hexadecimal keys, joined by commas; empty where it was installed.
    pub(crate) signers: String,
}

impl PolicyRow {
    /// All policies.
    pub(crate) const SELECT: &str =
        "SELECT policy_hash, replaces, act_id, act_hash, signers, entry_index FROM policies";

    pub(crate) fn read(row: &SqliteRow) -> Result<(PolicyRow, i64), LedgerError> {
        let read = PolicyRow {
            policy_hash: row.try_get(0)?,
            replaces: row.try_get(1)?,
            act_id: row.try_get(2)?,
            act_hash: row.try_get(3)?,
            signers: row.try_get(4)?,
        };
        Ok((read, row.try_get(5)?))
    }

    /// The row that records a signed policy.
    pub(crate) fn of(verified: &VerifiedPolicyChange) -> PolicyRow {
        let signers: Vec<String> = (verified.signers().iter())
            .map(|key| key.to_string())
            .collect();
        PolicyRow {
            policy_hash: verified.act().policy_hash(),
            replaces: verified.act().replaces.clone(),
            act_id: verified.act().id.clone(),
            act_hash: protocol::hex(&verified.hash()),
            signers: signers.join(","),
        }
    }

    /// The row that records a policy which nobody signed.
    pub(crate) fn installed(document: &str, replaces: String) -> PolicyRow {
        PolicyRow {
            policy_hash: protocol::hex(&protocol::sha256(document.as_bytes())),
            replaces,
            act_id: String::new(),
            act_hash: String::new(),
            signers: String::new(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let act = match self.act_id.is_empty() {
            true => "policy-installed",
            false => "policy-signed",
        };
        facts([
            ("act", act.into()),
            ("policy-hash", self.policy_hash.as_str().into()),
            ("replaces", self.replaces.as_str().into()),
            ("act-id", self.act_id.as_str().into()),
            ("act-hash", self.act_hash.as_str().into()),
            ("signers", self.signers.as_str().into()),
        ])
    }
}

/// A policy that came into force, as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInForce {
    /// The document.
    pub document: String,
    /// SHA-256 of the document, hex.
    pub hash: String,
    /// The policy that the act replaced, hex; empty where it was installed.
    pub replaces: String,
    /// The officers that signed it; none where it was installed.
    pub signers: Vec<PublicKey>,
    /// The act as they signed it.
    pub act: Option<Envelope>,
    /// Its entry.
    pub index: u64,
}

/// The policy in force; none before one was installed, and none after a restoration until one is installed again.
pub(crate) async fn in_force(
    connection: &mut SqliteConnection,
) -> Result<Option<PolicyInForce>, LedgerError> {
    let Some(latest) = latest(&mut *connection).await? else {
        return Ok(None);
    };
    let (restored,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(entry_index), -1) FROM restorations")
            .fetch_one(connection)
            .await?;
    let index = i64::try_from(latest.index).unwrap_or(i64::MAX);
    Ok((restored < index).then_some(latest))
}

/// The policy that came into force last.
pub(crate) async fn latest(
    connection: &mut SqliteConnection,
) -> Result<Option<PolicyInForce>, LedgerError> {
    let row: Option<StoredPolicy> = sqlx::query_as(
        "SELECT p.policy_hash, p.signers, b.body, p.entry_index FROM policies p \
         JOIN bodies b ON b.entry_index = p.entry_index ORDER BY p.entry_index DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    row.map(read_stored).transpose()
}

/// Every policy that came into force and whose document is there, the latest first.
pub(crate) async fn history(
    connection: &mut SqliteConnection,
) -> Result<Vec<PolicyInForce>, LedgerError> {
    let rows: Vec<StoredPolicy> = sqlx::query_as(
        "SELECT p.policy_hash, p.signers, b.body, p.entry_index FROM policies p \
         JOIN bodies b ON b.entry_index = p.entry_index ORDER BY p.entry_index DESC",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(read_stored).collect()
}

/// Hash, signers, body and entry.
type StoredPolicy = (String, String, Vec<u8>, i64);

fn read_stored((hash, signers, body, index): StoredPolicy) -> Result<PolicyInForce, LedgerError> {
    let corrupt = || LedgerError::Corrupt { what: "policy" };
    let (document, replaces, signers, act) = if signers.is_empty() {
        let document = String::from_utf8(body).map_err(|_| corrupt())?;
        (document, String::new(), Vec::new(), None)
    } else {
        let envelope: Envelope = serde_json::from_slice(&body).map_err(|_| corrupt())?;
        let payload = envelope.unverified_payload().ok_or_else(corrupt)?;
        let act: PolicyChange = serde_json::from_slice(&payload).map_err(|_| corrupt())?;
        let signers: Option<Vec<PublicKey>> = signers.split(',').map(PublicKey::from_hex).collect();
        let signers = signers.ok_or_else(corrupt)?;
        (act.document, act.replaces, signers, Some(envelope))
    };
    if protocol::hex(&protocol::sha256(document.as_bytes())) != hash {
        return Err(corrupt());
    }
    Ok(PolicyInForce {
        document,
        hash,
        replaces,
        signers,
        act,
        index: index.unsigned_abs(),
    })
}

/// Hash of the policy in force, or `None` before any was entered.
///
/// # Errors
/// [`LedgerError::PolicyReplaced`] where one was, and none is since a restoration.
pub(crate) async fn hash_in_force(
    connection: &mut SqliteConnection,
) -> Result<Option<String>, LedgerError> {
    let row: Option<(String, i64)> = sqlx::query_as(
        "SELECT policy_hash, (SELECT COUNT(*) FROM restorations r WHERE r.entry_index > p.entry_index) FROM policies p \
         ORDER BY p.entry_index DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    match row {
        Some((_, restored)) if restored > 0 => Err(LedgerError::PolicyReplaced),
        row => Ok(row.map(|(hash, _)| hash)),
    }
}

/// The chain as it stands, without what came before its last policy.
pub(crate) async fn chain(connection: &mut SqliteConnection) -> Result<PolicyChain, LedgerError> {
    let Some(latest) = latest(&mut *connection).await? else {
        return Ok(PolicyChain::default());
    };
    let corrupt = || LedgerError::Corrupt { what: "policy" };
    let last = PolicyText::read(&latest.document).ok_or_else(corrupt)?;
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT signer FROM restorations WHERE entry_index > $1 ORDER BY entry_index DESC LIMIT 1",
    )
    .bind(i64::try_from(latest.index).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    let restored_by = row
        .map(|(signer,)| PublicKey::from_hex(&signer).ok_or_else(corrupt))
        .transpose()?;
    Ok(PolicyChain::after(Some(last), restored_by))
}

/// Records the policy that a node begins with, or goes on with after a restoration; nothing where one is in force.
pub(crate) async fn install(writer: &Writer, document: &str, now: i64) -> Result<(), LedgerError> {
    let mut transaction = writer.write_transaction().await?;
    if in_force(&mut transaction).await?.is_some() {
        return Ok(());
    }
    let fresh = PolicyText::read(document).ok_or(LedgerError::PolicyUnreadable)?;
    let chain = chain(&mut transaction).await?;
    chain.may_install(&fresh)?;
    let replaces = chain.last().map_or(String::new(), |last| last.hash.clone());
    let row = PolicyRow::installed(document, replaces);
    insert(&mut transaction, &row, document.as_bytes(), now).await?;
    transaction.commit().await?;
    Ok(())
}

/// Enters a signed policy and returns its leaf. Whoever the caller took for its officers, they are checked here against the policy
/// that came into force last, in the transaction that replaces it: of two that replace the same one, the second is refused.
pub(crate) async fn change(
    writer: &Writer,
    verified: &VerifiedPolicyChange,
    now: i64,
) -> Result<u64, LedgerError> {
    verified.check_fresh(now)?;
    let mut transaction = writer.write_transaction().await?;
    check_unused(&mut transaction, &verified.act().id).await?;
    let chain = chain(&mut transaction).await?;
    if (chain.last()).is_none_or(|last| last.hash != verified.act().replaces) {
        return Err(LedgerError::OtherPolicy);
    }
    let (verified, _) = chain.verify_change(verified.envelope())?;
    let row = PolicyRow::of(&verified);
    let body = envelope_bytes(verified.envelope())?;
    let index = insert(&mut transaction, &row, &body, now).await?;
    transaction.commit().await?;
    Ok(index.unsigned_abs())
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    row: &PolicyRow,
    body: &[u8],
    now: i64,
) -> Result<i64, LedgerError> {
    let index = append(
        &mut *connection,
        EntryKind::PolicyChange,
        now,
        row.facts(),
        body,
    )
    .await?;
    sqlx::query(
        "INSERT INTO policies (policy_hash, replaces, act_id, act_hash, signers, entry_index) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&row.policy_hash)
    .bind(&row.replaces)
    .bind(&row.act_id)
    .bind(&row.act_hash)
    .bind(&row.signers)
    .bind(index)
    .execute(connection)
    .await?;
    Ok(index)
}
