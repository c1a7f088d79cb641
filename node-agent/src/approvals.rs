//! Requests as the policy decided them, and persons' words on those it leaves to a person. Whoever approves is shown who asks, why,
//! what it would reveal in general and what it costs; never data, and nothing that depends on data.

use crate::acts::act_id;
use crate::config::NodeDir;
use crate::fault::{
    Fault, KEPT_ALTERED, NO_REQUEST, NOT_OFFICER, NOT_WAITING, OrFault, SEVERAL_REQUESTS,
};
use crate::keys;
use crate::node::{Node, NodeError, open_ledger, read_policy};
use anyhow::{Result, ensure};
use audit::Header;
use identity::SigningKey;
use ledger::{DecidedRequest, LedgerReader};
use policy::{Approval, Asked, Decided, Denial, Permit};
use protocol::{Act, Envelope, Request, Study, VerifiedApproval, VerifiedRequest, Word};

/// Field and code of a person's refusal.
pub const REFUSED: (&str, &str) = ("approval", "refused-by-a-person");

/// Keeps a request with the decision of the policy of that hash, and returns what a person said of it, if anybody did.
pub(crate) async fn keep(
    node: &Node,
    envelope: &Envelope,
    request: &VerifiedRequest,
    decided: &Result<Permit, Denial>,
    policy_hash: &str,
    now: i64,
) -> Result<Option<Word>, NodeError> {
    let (id, hash) = (&request.request().id, request.hash());
    let left_to_person =
        (decided.as_ref().ok()).filter(|permit| permit.approval() == Approval::Manual);
    if let Some(known) = node.ledger().reader().request(id, &hash).await? {
        // What an earlier policy allowed at once waits once the policy in force leaves it to a person.
        if known.decided != Decided::Manual
            && let Some(permit) = left_to_person
        {
            (node.ledger())
                .leave_request(id, &hash, permit.rule(), policy_hash)
                .await?;
        }
        return Ok(known.word_under(policy_hash));
    }
    let Some(study) = node.studies().envelope(&request.request().study) else {
        return Ok(None);
    };
    let (decided, rule) = match decided {
        Ok(permit) if left_to_person.is_some() => (Decided::Manual, permit.rule()),
        Ok(permit) => (Decided::Allowed, permit.rule()),
        Err(denial) => (Decided::Denied, denial.rule.as_str()),
    };
    let kept = DecidedRequest {
        request_id: id.clone(),
        request_hash: hash,
        envelope: envelope.clone(),
        study,
        decided,
        rule: rule.to_owned(),
        policy_hash: Some(policy_hash.to_owned()),
        at: now,
        word: None,
        word_under: None,
    };
    node.ledger().keep_request(&kept).await?;
    // Read again: a person's word stands in the log also where the row that it was said of was lost.
    let kept = node.ledger().reader().request(id, &hash).await?;
    Ok(kept.and_then(|kept| kept.word_under(policy_hash)))
}

/// A kept request as people read it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// As it is kept.
    pub kept: DecidedRequest,
    /// What was signed.
    pub request: Request,
    /// The study.
    pub study: Study,
    /// Hash of the policy in force when this was read; empty where none was.
    pub policy_hash: String,
}

impl Shown {
    /// How it stands at `now`: `waiting`, `approved`, `refused`, `expired`, or for others `allowed` or `denied`. An approval ends
    /// with the policy it was said under; a refusal holds.
    pub fn state(&self, now: i64) -> &'static str {
        match (self.kept.decided, self.kept.word_under(&self.policy_hash)) {
            (_, Some(word)) => word.id(),
            (Decided::Manual, None) if now >= self.request.expires_at => "expired",
            (Decided::Manual, None) => "waiting",
            (decided, _) => decided.id(),
        }
    }

    /// As a line of an exported log.
    pub fn asked(&self) -> Asked {
        Asked {
            version: 1,
            at: self.kept.at,
            request: self.request.id.clone(),
            requester: self.request.requester.clone(),
            purpose: self.request.purpose.clone(),
            study: self.request.study.clone(),
            lawful_basis: self.study.lawful_basis.clone(),
            special_grounds: self.study.special_categories.clone(),
            query: self.request.query.clone(),
            decided: self.kept.decided,
        }
    }
}

/// Every kept request, in the order of decisions. Signatures were checked before they were kept.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn all(dir: &NodeDir) -> Result<Vec<Shown>> {
    match LedgerReader::open_made(&dir.ledger()).await? {
        Some(ledger) => read(&ledger).await,
        None => Ok(Vec::new()),
    }
}

/// Every request that a ledger keeps. One that was altered is left out and reported: the others can be read and decided all the same.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn read(ledger: &LedgerReader) -> Result<Vec<Shown>> {
    let in_force = ledger.policy().await?.map_or(String::new(), |it| it.hash);
    let mut all = Vec::new();
    for kept in ledger.requests().await? {
        match shown(kept, in_force.clone()) {
            Ok(shown) => all.push(shown),
            Err(fault) => tracing::error!("{fault:#}; it is left out"),
        }
    }
    Ok(all)
}

/// The kept request that an entry of the log is about; `None` where none was kept.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn of_entry(ledger: &LedgerReader, header: &Header) -> Result<Option<Shown>> {
    let hash = header
        .text("request-hash")
        .and_then(protocol::from_hex::<32>);
    let (Some(id), Some(hash)) = (header.text("request"), hash) else {
        return Ok(None);
    };
    let in_force = ledger.policy().await?.map_or(String::new(), |it| it.hash);
    let kept = ledger.request(id, &hash).await?;
    kept.map(|kept| shown(kept, in_force)).transpose()
}

fn shown(kept: DecidedRequest, policy_hash: String) -> Result<Shown> {
    // Whoever signs a word signs these hashes, so what is shown must be what has them.
    let (request, study) = kept
        .as_signed()
        .or_fault(|| KEPT_ALTERED.with([&kept.request_id]))?;
    Ok(Shown {
        study: serde_json::from_slice(&study)?,
        request,
        kept,
        policy_hash,
    })
}

/// The kept request of that id; the beginning of an id will do where it is one's alone.
///
/// # Errors
/// When there is none, or several.
pub async fn find(dir: &NodeDir, id: &str) -> Result<Shown> {
    let mut found = (all(dir).await?.into_iter())
        .filter(|shown| !id.is_empty() && shown.request.id.starts_with(id));
    let written = id.escape_default().to_string();
    let first = found.next().or_fault(|| NO_REQUEST.with([&written]))?;
    ensure!(
        found.next().is_none(),
        Fault::new(SEVERAL_REQUESTS.with([&written]))
    );
    Ok(first)
}

/// Signs a person's word on a request with an officer's key, enters it in the ledger and returns its entry's index.
///
/// # Errors
/// When the key is not pinned, the request does not wait any more, or it expired.
pub async fn decide(
    dir: &NodeDir,
    shown: &Shown,
    word: Word,
    reason: String,
    officer: &SigningKey,
    now: i64,
) -> Result<u64> {
    let config = dir.read_config()?;
    let policy = read_policy(dir).await?;
    ensure!(
        policy.dpo_keys().contains(&keys::public(officer)),
        Fault::new(&NOT_OFFICER)
    );
    ensure!(
        shown.state(now) == "waiting",
        Fault::new(NOT_WAITING.with([&shown.request.id]))
    );
    let act = protocol::Approval {
        version: protocol::Approval::VERSION,
        id: act_id()?,
        organisation: config.organisation.clone(),
        request: shown.request.id.clone(),
        request_hash: protocol::hex(&shown.kept.request_hash),
        policy_hash: Some(policy.policy_hash().to_owned()),
        word,
        reason,
        signed_at: now,
    };
    act.check(&config.organisation)?;
    let envelope = keys::sign_json(officer, protocol::Approval::TYPE, &act)?;
    let verified = VerifiedApproval::verify(&envelope, &policy.officers(), &config.organisation)?;
    let ledger = open_ledger(dir, &config.organisation).await?;
    Ok(ledger
        .decide_request(&verified, policy.policy_hash(), now)
        .await?)
}
