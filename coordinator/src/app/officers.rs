//! Who speaks for an organisation as its data protection officer: the officers of the policy in force, where that policy follows,
//! signature by signature, from one that names the key pinned when the organisation joined; otherwise that key alone. It decides nothing
//! about what a node answers. Which published policy is in force is the node's own word.

use super::policy_history::PolicyHistory;
use crate::CoordinatorError;
use crate::store::organisations::Organisation;
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
    let history = PolicyHistory::of(connection, &organisation.id, Some(&keys.dpo)).await?;
    let in_force = history.following(&organisation.policy_hash);
    Ok(in_force.map_or_else(|| vec![keys.dpo], |document| document.dpo.keys.clone()))
}
