//! The policy in force and the signed acts that replace it. The first policy is trusted as it was installed with the node; every
//! later one needs the signatures of as many officers as the policy in force asks for.

use crate::config::{NodeDir, write_private};
use crate::fault::{CANNOT_REPLACE, Fault, OrFault};
use crate::node::{Node, open_ledger, read_policy};
use anyhow::{Context, Result, ensure};
use ledger::{LedgerReader, PolicyInForce};
use policy::Authorizer;
use protocol::{
    ChainFault, Envelope, PolicyPublication, PolicyText, PublicKey, PublishedAs,
    VerifiedPolicyChange,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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

/// The policy in force and those it follows from, in every way each came into force, as this node publishes them; none where none is in
/// force. Each comes after one that replaced it. By the earlier ones a reader finds, signature by signature, who the officers are.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn publications(node: &Node, now: i64) -> Result<Vec<Envelope>> {
    let ledger = node.ledger().reader();
    let Some(in_force) = ledger.policy().await? else {
        return Ok(Vec::new());
    };
    (lineage(&in_force.hash, ledger.policy_history().await?).into_iter())
        .map(|policy| publication(node, policy, now))
        .collect()
}

/// Whether one of [`publications`] came into force in more than one way, in the place of several policies: a coordinator that holds
/// one of its ways asks for no other. False where the ledger cannot be read, which stops every answer too.
pub(crate) async fn has_other_ways(node: &Node) -> bool {
    let ledger = node.ledger().reader();
    let read = async { Ok((ledger.policy().await?, ledger.policy_history().await?)) };
    let read: Result<_, ledger::LedgerError> = read.await;
    let Ok((Some(in_force), history)) = read else {
        return false;
    };
    let lineage = lineage(&in_force.hash, history);
    let hashes: BTreeSet<&String> = lineage.iter().map(|policy| &policy.hash).collect();
    hashes.len() < lineage.len()
}

/// The policy of that hash and those it follows from, of all that came into force, given the latest first. A document may have come into
/// force more than once, because officers went back to it or restored the node: it stands here once in the place of each that it replaced.
/// The chain of the first times comes before all later ways. That a restoration installed it once more is left out: the signatures of before
/// say more than a node's own word.
fn lineage(in_force: &str, history: Vec<PolicyInForce>) -> Vec<PolicyInForce> {
    let mut ways: BTreeMap<String, VecDeque<PolicyInForce>> = BTreeMap::new();
    for policy in history.into_iter().rev() {
        let ways = ways.entry(policy.hash.clone()).or_default();
        let is_signed = !policy.replaces.is_empty();
        let is_another = ways.iter().all(|way| way.replaces != policy.replaces);
        if ways.is_empty() || (is_signed && is_another) {
            ways.push_back(policy);
        }
    }
    let (mut lineage, mut later) = (Vec::new(), VecDeque::new());
    let mut hash = in_force.to_owned();
    loop {
        // None where it was reached before, so that a chain that closes on itself ends.
        let mut ways = ways.remove(&hash).unwrap_or_default();
        let first = ways.pop_front();
        later.extend(ways);
        let Some(policy) = first.or_else(|| later.pop_front()) else {
            return lineage;
        };
        hash.clone_from(&policy.replaces);
        lineage.push(policy);
    }
}

fn publication(node: &Node, policy: PolicyInForce, now: i64) -> Result<Envelope> {
    let document = policy.document;
    let publication = PolicyPublication {
        version: protocol::VERSION,
        organisation: node.config().organisation.clone(),
        policy: match policy.act {
            // Anybody can append signatures to a file on its way from its officers.
            Some(act) => PublishedAs::Signed {
                act: protocol::signed_by_alone(&act, &policy.signers),
            },
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

/// Whether a node whose log ends with the policy `had` could go on with the folder's policy, of this text, once `officer` restored it.
///
/// # Errors
/// When the log would take another policy only; the message names the remedy.
pub(crate) fn ensure_may_go_on(had: &str, fresh: &str, officer: &PublicKey) -> Result<()> {
    let read = |document| PolicyText::read(document).context("the policy cannot be read");
    match protocol::may_go_on(&read(had)?, &read(fresh)?, officer) {
        Ok(()) => Ok(()),
        Err(ChainFault::Installed) => Err(Fault::new(&CANNOT_REPLACE).into()),
        Err(fault) => Err(fault).context("the policy of policy.toml cannot replace the last one"),
    }
}

/// The policy that the log holds last, also where a restoration has ended it.
pub(crate) async fn latest(dir: &NodeDir) -> Result<Option<PolicyInForce>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents by a letter, each with the one its act replaced; nothing where it was installed. The oldest first.
    fn lineage_of(log: &[(&str, &str)]) -> Vec<(String, String)> {
        let policy = |(index, (document, replaces)): (usize, &(&str, &str))| PolicyInForce {
            document: (*document).to_owned(),
            hash: (*document).to_owned(),
            replaces: (*replaces).to_owned(),
            signers: Vec::new(),
            act: None,
            index: index as u64,
        };
        let mut history: Vec<PolicyInForce> = log.iter().enumerate().map(policy).collect();
        history.reverse();
        let in_force = history[0].hash.clone();
        (lineage(&in_force, history).into_iter())
            .map(|policy| (policy.hash, policy.replaces))
            .collect()
    }

    #[test]
    fn the_policy_in_force_comes_first_and_each_after_one_that_replaced_it_in_all_its_ways() {
        for (log, expected) in [
            (&[("i", "")][..], &[("i", "")][..]),
            (
                &[("i", ""), ("a", "i"), ("b", "a")],
                &[("b", "a"), ("a", "i"), ("i", "")],
            ),
            // Back to an earlier one.
            (
                &[("i", ""), ("a", "i"), ("b", "a"), ("a", "b")],
                &[("a", "i"), ("i", ""), ("a", "b"), ("b", "a")],
            ),
            (
                &[("i", ""), ("a", "i"), ("i", "a")],
                &[("i", ""), ("i", "a"), ("a", "i")],
            ),
            (
                &[("i", ""), ("a", "i"), ("b", "a"), ("a", "b"), ("c", "a")],
                &[("c", "a"), ("a", "i"), ("i", ""), ("a", "b"), ("b", "a")],
            ),
            // After a restoration: the same again, an earlier one, and another.
            (
                &[("i", ""), ("a", "i"), ("a", "")],
                &[("a", "i"), ("i", "")],
            ),
            (&[("i", ""), ("a", "i"), ("i", "")], &[("i", "")]),
            (&[("i", ""), ("a", "i"), ("x", "")], &[("x", "")]),
            // Back after it from the other one.
            (
                &[("i", ""), ("a", "i"), ("x", ""), ("a", "x")],
                &[("a", "i"), ("i", ""), ("a", "x"), ("x", "")],
            ),
        ] {
            let found = lineage_of(log);
            let found: Vec<_> = (found.iter())
                .map(|(hash, replaces)| (&**hash, &**replaces))
                .collect();
            assert_eq!(found, expected, "{log:?}");
        }
    }
}
