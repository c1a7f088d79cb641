//! The policy in force and the signed acts that replace it. The first policy is trusted as it was installed with the node; every
//! later one needs the signatures of as many officers as the policy in force asks for.

use crate::config::{NodeDir, write_private};
use crate::fault::OrFault;
use crate::node::{Node, open_ledger, read_policy};
use anyhow::{Context, Result, ensure};
use ledger::{LedgerReader, PolicyInForce};
use policy::Authorizer;
use protocol::{Envelope, PolicyPublication, PublicKey, PublishedAs, VerifiedPolicyChange};
use std::collections::BTreeSet;

/// The policy in force, as the log holds it.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn in_force(dir: &NodeDir) -> Result<Option<PolicyInForce>> {
    match LedgerReader::open_made(&dir.ledger()).await? {
        Some(ledger) => Ok(ledger.policy().await?),
        None => Ok(None),
    }
}

/// The policy in force and those it follows from, each as this node publishes it, the latest first and each document once; none where
/// none is in force. By the earlier ones a reader finds, signature by signature, who the officers of the one in force are.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn publications(node: &Node, now: i64) -> Result<Vec<Envelope>> {
    let ledger = node.ledger().reader();
    if ledger.policy().await?.is_none() {
        return Ok(Vec::new());
    }
    let mut history = ledger.policy_history().await?;
    // A document that came into force twice, after a restoration or because officers went back to it, stands as it did the first time:
    // only then does every later one follow from it.
    let mut seen = BTreeSet::new();
    history.reverse();
    history.retain(|policy| seen.insert(policy.hash.clone()));
    history.reverse();
    (history.into_iter())
        .map(|policy| publication(node, policy, now))
        .collect()
}

fn publication(node: &Node, policy: PolicyInForce, now: i64) -> Result<Envelope> {
    let document = policy.document;
    let publication = PolicyPublication {
        version: protocol::VERSION,
        organisation: node.config().organisation.clone(),
        policy: match policy.act {
            Some(act) => PublishedAs::Signed { act },
            None => PublishedAs::Installed { document },
        },
        published_at: now,
    };
    let key = node.signing_key();
    let public = PublicKey(*key.public_key().as_bytes());
    let payload = serde_json::to_vec(&publication)?;
    let sign = |bytes: &[u8]| key.sign(bytes);
    Ok(Envelope::sign(
        PolicyPublication::TYPE,
        &payload,
        &public,
        sign,
    ))
}

/// The policy of the folder's file and its text.
///
/// # Errors
/// When the document is not valid; the message names the key and the remedy.
pub fn read_file(dir: &NodeDir) -> Result<(String, Authorizer)> {
    let path = dir.policy();
    let text = std::fs::read_to_string(&path).or_unread(&path)?;
    let policy = Authorizer::from_toml(&text)
        .with_context(|| format!("{} is not a valid policy", path.display()))?;
    Ok((text, policy))
}

/// The policy that the log holds last, also where a restoration has ended it.
async fn latest(dir: &NodeDir) -> Result<Option<PolicyInForce>> {
    match LedgerReader::open_made(&dir.ledger()).await? {
        Some(ledger) => Ok(ledger.latest_policy().await?),
        None => Ok(None),
    }
}

/// The policy that came into force last, also where a restoration has ended it: whoever replaces it is bound by it.
async fn read_last(dir: &NodeDir) -> Result<Authorizer> {
    match latest(dir).await? {
        Some(policy) => Authorizer::from_toml(&policy.document)
            .context("the last policy of the log cannot be read by this version"),
        None => read_policy(dir).await,
    }
}

/// Writes the policy in force over the folder's file, a copy for people: the ledger alone says what is in force. Of two that
/// replace it at once the later one stays in the file, as it does in the ledger.
async fn copy_in_force(dir: &NodeDir) -> Result<()> {
    let mut written = None;
    while let Some(policy) = in_force(dir).await?
        && written.as_ref() != Some(&policy.hash)
    {
        write_private(&dir.policy(), policy.document.as_bytes())?;
        written = Some(policy.hash);
    }
    Ok(())
}

/// SHA-256 of the folder's file, hex.
pub(crate) fn file_hash(dir: &NodeDir) -> Option<String> {
    let bytes = std::fs::read(dir.policy()).ok()?;
    Some(protocol::hex(&protocol::sha256(&bytes)))
}

/// Enters a signed policy in the ledger, which brings it into force, and returns its entry's index.
///
/// # Errors
/// When fewer officers of the policy in force signed than it asks for, it replaces another policy, or the document is not valid.
pub async fn apply(dir: &NodeDir, signed: &Envelope, now: i64) -> Result<(Authorizer, u64)> {
    let config = dir.read_config()?;
    ensure!(
        latest(dir).await?.is_some(),
        "this node has not served yet, so its policy is trusted as installed; edit {} instead",
        dir.policy().display()
    );
    let policy = read_last(dir).await?;
    let verified = VerifiedPolicyChange::verify(signed, &policy.officers(), &config.organisation)?;
    let document = &verified.act().document;
    let fresh = Authorizer::from_toml(document).context("the signed policy is not valid")?;
    ensure!(
        fresh.document().organisation == config.organisation,
        "the signed policy is for {}, not for {}",
        fresh.document().organisation,
        config.organisation
    );
    let ledger = open_ledger(dir, &config.organisation).await?;
    let index = ledger.change_policy(&verified, now).await?;
    copy_in_force(dir).await?;
    let path = dir.acts().join(format!("{}.json", verified.act().id));
    write_private(&path, &serde_json::to_vec(signed)?)?;
    Ok((fresh, index))
}
