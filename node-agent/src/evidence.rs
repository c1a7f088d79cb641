//! A node's log as an evidence pack: entries, cosigned heads, the ledger's totals, policies, studies and consents.
//! It holds hashes of answers, never answers, and nothing of the register.

use crate::config::NodeDir;
use crate::{keys, node, policies};
use anyhow::{Context, Result};
use audit::{EntryKind, Header, LogSigner, NoteKey, SignedCheckpoint};
use evidence::{Contents, Cosigned, EntryLine, LedgerTotals};
use identity::SigningKey;
use ledger::{Accepted, Balance, Evidence, LedgerReader};
use privacy_loss::NanoRho;
use protocol::{Envelope, PolicyChange};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The pack of the node in `dir` as of `now`, Unix seconds, also while it serves.
///
/// # Errors
/// When there is no ledger, or a part cannot be read.
pub async fn export(dir: &NodeDir, now: i64) -> Result<Vec<u8>> {
    let config = dir.read_config()?;
    let key = SigningKey::load(&dir.key(keys::NODE))?;
    let public = *key.public_key().as_bytes();
    let origin = protocol::node_log(&config.organisation);
    let signer = LogSigner::new(&origin, public, move |bytes| key.sign(bytes))?;
    let ledger = LedgerReader::open(&dir.ledger())
        .await
        .context("there is no ledger yet; it is made at the first start")?;
    let log = ledger.evidence().await?;
    let accepted = ledger.acceptances().await?;
    let contents = Contents {
        organisation: Some(config.organisation),
        scope: None,
        made_at: now,
        entries: log.entries.iter().map(line).collect(),
        head: SignedCheckpoint::sign(log.tree.size(), log.tree.root(), &signer),
        cosigned: cosigned(dir, &log, &accepted, &signer),
        ledger: Some(totals(&log.balance)),
        keys: public_keys(dir, &origin, &signer).await?,
        documents: documents(dir, &log)?,
    };
    Ok(evidence::write(&contents, &signer)?)
}

fn line(entry: &ledger::StoredEntry) -> EntryLine {
    let body = (entry.body.as_ref()).map(|(salt, body)| (salt, body.as_slice()));
    EntryLine::whole(
        entry.header.clone(),
        &entry.body_hash,
        body,
        &entry.leaf_hash,
    )
}

/// The witnesses' heads, under this log's own signature, each of which the log passed through; the last head of the coordinator's log
/// that this node cosigned, and before it every one in whose place officers accepted another.
fn cosigned(
    dir: &NodeDir,
    log: &Evidence,
    accepted: &[Accepted],
    signer: &LogSigner,
) -> Vec<Cosigned> {
    // One note for each head, with the lines of all its witnesses.
    let mut heads: Vec<(i64, SignedCheckpoint)> = Vec::new();
    for (head, line) in &log.cosigned {
        let time = line
            .claimed_time()
            .and_then(|time| i64::try_from(time).ok())
            .unwrap_or_default();
        match heads.pop() {
            Some((at, signed)) if signed.checkpoint() == head => {
                heads.push((at.max(time), signed.with_signature(line.clone())));
            }
            before => {
                let signed = SignedCheckpoint::sign(head.size, head.root, signer);
                heads.extend(before);
                heads.push((time, signed.with_signature(line.clone())));
            }
        }
    }
    let heads = heads.into_iter().map(|(time, head)| {
        let note = head.to_string();
        (time, Cosigned { note })
    });
    let mut cosigned = evidence::last_of_each_day(heads.collect());
    let mut seen: Vec<String> = accepted.iter().map(|it| it.act.held_note.clone()).collect();
    seen.extend(std::fs::read_to_string(dir.coordinator_head()));
    // Until the node has looked again, the file still holds the head that was replaced.
    seen.dedup();
    cosigned.extend(seen.into_iter().map(|note| Cosigned { note }));
    cosigned
}

fn totals(balance: &Balance) -> LedgerTotals {
    let part = |part: &BTreeMap<String, NanoRho>| -> BTreeMap<String, u64> {
        (part.iter())
            .map(|(key, rho)| (key.clone(), rho.nano()))
            .collect()
    };
    LedgerTotals {
        by_dataset: part(&balance.by_dataset),
        by_purpose: part(&balance.by_purpose),
        by_study: part(&balance.by_study),
        by_year: (balance.by_year.iter())
            .map(|(year, rho)| (year.to_string(), rho.nano()))
            .collect(),
        charges: balance.charges,
        lifetime: balance.lifetime.map(NanoRho::nano),
        spent: balance.spent.nano(),
        written_off: balance.written_off.nano(),
    }
}

async fn public_keys(dir: &NodeDir, origin: &str, signer: &LogSigner) -> Result<String> {
    let mut text = format!(
        "# As this node knows them: compare them with what you received by another way.\n{}\n",
        signer.log_key()
    );
    // Unwrap safety for all of these: writing to a string cannot fail.
    writeln!(text, "{}", signer.witness_key()).unwrap();
    if dir.key(keys::COORDINATOR).exists() {
        let coordinator = keys::read_public(&dir.key(keys::COORDINATOR))?;
        for key in [
            NoteKey::log(protocol::COORDINATOR_LOG, coordinator.0)?,
            NoteKey::witness(protocol::COORDINATOR_LOG, coordinator.0)?,
        ] {
            writeln!(text, "{key}").unwrap();
        }
    }
    for witness in &dir.read_config()?.witnesses {
        writeln!(text, "{}", witness.key).unwrap();
    }
    let policy = node::read_policy(dir).await?;
    for officer in policy.dpo_keys() {
        writeln!(text, "officer {origin} {officer}").unwrap();
    }
    Ok(text)
}

/// Every policy that the log put in force, or the folder's where it holds none yet; studies and consents as they lie in the folder.
fn documents(dir: &NodeDir, log: &Evidence) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut documents = BTreeMap::new();
    let path = |document: &str| {
        let hash = protocol::hex(&protocol::sha256(document.as_bytes()));
        format!("policies/{hash}.toml")
    };
    for entry in &log.entries {
        if let Some(document) = policy_of(entry)? {
            documents.insert(path(&document), document.into_bytes());
        }
    }
    if documents.is_empty() {
        let (document, _) = policies::read_file(dir)?;
        documents.insert(path(&document), document.into_bytes());
    }
    for entry in std::fs::read_dir(dir.studies()).into_iter().flatten() {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && name.ends_with(".json")
        {
            documents.insert(format!("studies/{name}"), std::fs::read(entry.path())?);
        }
    }
    Ok(documents)
}

/// The policy that an entry put in force, where it is the entry of one and its body is there.
fn policy_of(entry: &ledger::StoredEntry) -> Result<Option<String>> {
    let header = Header::parse(&entry.header)?;
    let Some((_, body)) = (entry.body.as_ref()).filter(|_| header.kind == EntryKind::PolicyChange)
    else {
        return Ok(None);
    };
    if header.text("act-id") == Some("") {
        return Ok(String::from_utf8(body.clone()).ok());
    }
    let envelope: Envelope = serde_json::from_slice(body)?;
    let payload = envelope.unverified_payload().unwrap_or_default();
    let act: PolicyChange = serde_json::from_slice(&payload)?;
    Ok(Some(act.document))
}
