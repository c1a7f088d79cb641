//! Who speaks for an organisation as its data protection officer: the officers of the policy in force, where that policy follows,
//! signature by signature, from one that names the key pinned when the organisation joined; otherwise that key alone. It decides nothing
//! about what a node answers. Which published policy is in force is the node's own word.

use super::oversight::policies::readable;
use crate::CoordinatorError;
use crate::store::organisations::Organisation;
use crate::store::published_policies::{self, PublishedPolicy};
use policy::PolicyDocument;
use protocol::PublicKey;
use sqlx::SqliteConnection;

/// The keys by which an organisation's officers are known here; none before it joined.
///
/// # Errors
/// [`CoordinatorError`].
pub(crate) async fn officers(
    connection: &mut SqliteConnection,
    organisation: &Organisation,
) -> Result<Vec<PublicKey>, CoordinatorError> {
    let Some(keys) = organisation.keys else {
        return Ok(Vec::new());
    };
    let published = published_policies::policies(connection, Some(&organisation.id)).await?;
    let in_force = following(&published, &organisation.policy_hash, &keys.dpo);
    Ok(in_force.map_or_else(|| vec![keys.dpo], |document| document.dpo.keys))
}

/// The policy of that hash, if it is the first one published that was installed and names `pinned`, or if enough officers of one that
/// follows signed it. A node could publish another installed one at any time: it would be nobody's word but the node's. Where one between
/// was never published, nothing shows that the later ones follow.
fn following(
    published: &[PublishedPolicy],
    hash: &str,
    pinned: &PublicKey,
) -> Option<PolicyDocument> {
    let read = |policy: &PublishedPolicy| readable(policy).document;
    let find = |hash: &str| published.iter().find(|policy| policy.hash == hash);
    let root = (published.iter()).find(|policy| {
        policy.replaces.is_empty()
            && read(policy).is_some_and(|document| document.dpo.keys.contains(pinned))
    })?;
    let mut policy = find(hash)?;
    // Each policy is stored once, so a chain has no more links than there are policies.
    for _ in published {
        if policy.hash == root.hash {
            return find(hash).and_then(read);
        }
        let before = find(&policy.replaces)?;
        let officers = read(before)?.dpo;
        let signed = (officers.keys.iter())
            .filter(|key| policy.signers.contains(&key.to_string()))
            .count();
        if signed < officers.threshold() {
            return None;
        }
        policy = before;
    }
    None
}
