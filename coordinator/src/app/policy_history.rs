//! The policies that one organisation's node published, as they follow from each other. A policy may come here before the one it
//! replaced: a node publishes the one in force first, and then, back to the first, those that are missing here.

use super::oversight::policies::readable;
use crate::CoordinatorError;
use crate::store::published_policies::{self, PublishedPolicy};
use policy::PolicyDocument;
use protocol::{PublicKey, officers_of_change};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// Which policy replaced which, of one organisation: all that a greeting needs of them.
#[derive(Clone, Debug)]
pub(crate) struct PolicyLinks(BTreeMap<String, String>);

impl PolicyLinks {
    /// Of what an organisation's node published.
    ///
    /// # Errors
    /// [`CoordinatorError`].
    pub(crate) async fn of(
        connection: &mut SqliteConnection,
        organisation: &str,
    ) -> Result<PolicyLinks, CoordinatorError> {
        let links = published_policies::policy_links(connection, organisation).await?;
        Ok(PolicyLinks(links.into_iter().collect()))
    }

    /// Whether one of them says that it replaced the policy of that hash.
    pub(crate) fn replaced(&self, hash: &str) -> bool {
        self.0.values().any(|replaces| replaces == hash)
    }

    /// Whether the policy of that hash, and each that it follows from back to one that was installed, came here.
    pub(crate) fn is_complete(&self, hash: &str) -> bool {
        let mut hash = hash;
        // A chain that closes on itself ends here: its node has nothing more to publish.
        for _ in 0..=self.0.len() {
            match self.0.get(hash) {
                None => return false,
                Some(replaces) if replaces.is_empty() => return true,
                Some(replaces) => hash = replaces,
            }
        }
        true
    }
}

/// Policies of one organisation, each after the one it replaced.
#[derive(Clone, Debug)]
pub(crate) struct PolicyHistory {
    policies: Vec<PublishedPolicy>,
}

impl PolicyHistory {
    /// What an organisation's node published.
    ///
    /// # Errors
    /// [`CoordinatorError`].
    pub(crate) async fn of(
        connection: &mut SqliteConnection,
        organisation: &str,
    ) -> Result<PolicyHistory, CoordinatorError> {
        let policies = published_policies::policies(connection, Some(organisation)).await?;
        Ok(PolicyHistory::new(policies))
    }

    /// The history of the policies of one organisation, given as they came here.
    pub(crate) fn new(policies: Vec<PublishedPolicy>) -> PolicyHistory {
        let mut came: Vec<Option<PublishedPolicy>> = policies.into_iter().map(Some).collect();
        let mut policies: Vec<PublishedPolicy> = Vec::with_capacity(came.len());
        for index in 0..came.len() {
            // From this one back to what is placed already, or is not here.
            let mut back = Vec::new();
            let mut next = came[index].take();
            while let Some(policy) = next {
                let before = (came.iter_mut())
                    .find(|it| it.as_ref().is_some_and(|it| it.hash == policy.replaces));
                next = before.and_then(Option::take);
                back.push(policy);
            }
            policies.extend(back.into_iter().rev());
        }
        PolicyHistory { policies }
    }

    /// All of them, each after the one it replaced.
    pub(crate) fn policies(&self) -> &[PublishedPolicy] {
        &self.policies
    }

    /// The policy of that hash.
    pub(crate) fn find(&self, hash: &str) -> Option<&PublishedPolicy> {
        self.policies.iter().find(|policy| policy.hash == hash)
    }

    /// Which of the officers known here signed a policy: those of the one it replaced, and the key pinned when the organisation joined.
    pub(crate) fn signers(
        &self,
        policy: &PublishedPolicy,
        pinned: Option<&PublicKey>,
    ) -> Vec<PublicKey> {
        let Some(act) = &policy.act else {
            return Vec::new();
        };
        let mut officers: Vec<PublicKey> = (self.find(&policy.replaces))
            .and_then(|before| readable(before).document)
            .map_or(Vec::new(), |document| document.dpo.keys);
        officers.extend(pinned);
        officers_of_change(act, &officers)
    }

    /// The policy of that hash, if it is the first one published that was installed and names `pinned`, or if enough officers of one
    /// that follows signed it. A node could publish another installed one at any time: it would be nobody's word but the node's. Where
    /// one between was never published, nothing shows that the later ones follow.
    pub(crate) fn following(&self, hash: &str, pinned: &PublicKey) -> Option<PolicyDocument> {
        let read = |policy: &PublishedPolicy| readable(policy).document;
        let root = (self.policies.iter())
            .filter(|policy| policy.replaces.is_empty())
            .filter(|policy| read(policy).is_some_and(|it| it.dpo.keys.contains(pinned)))
            .min_by_key(|policy| policy.received_at)?;
        let mut policy = self.find(hash)?;
        // Each policy is stored once, so a chain has no more links than there are policies.
        for _ in &self.policies {
            if policy.hash == root.hash {
                return self.find(hash).and_then(read);
            }
            let before = self.find(&policy.replaces)?;
            let officers = read(before)?.dpo;
            let signed = officers_of_change(policy.act.as_ref()?, &officers.keys);
            if signed.len() < officers.threshold() {
                return None;
            }
            policy = before;
        }
        None
    }
}
