//! The policies that one organisation's node published, as they follow from each other. A policy may come here before the one it
//! replaced: a node publishes the one in force first, and then, back to the first, those that are missing here. It may also have replaced
//! more than one: officers went back to it, and an earlier version of a node publishes it as it came into force the last time.

use super::oversight::policies::readable;
use crate::CoordinatorError;
use crate::store::published_policies::{self, PublishedPolicy};
use policy::PolicyDocument;
use protocol::{PublicKey, officers_of_change};
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Which policies each one replaced, of one organisation: all that a greeting needs of them.
#[derive(Clone, Debug)]
pub(crate) struct PolicyLinks(BTreeMap<String, BTreeSet<String>>);

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
        Ok(PolicyLinks::new(links))
    }

    /// Of hashes, each with that of one it replaced, which is empty where it was installed.
    fn new(links: impl IntoIterator<Item = (String, String)>) -> PolicyLinks {
        let mut replaced: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (hash, replaces) in links {
            replaced.entry(hash).or_default().insert(replaces);
        }
        PolicyLinks(replaced)
    }

    /// Whether one of them says that it replaced the policy of that hash.
    pub(crate) fn replaced(&self, hash: &str) -> bool {
        (self.0.values()).any(|replaced| replaced.contains(hash))
    }

    /// Whether the policy of that hash came here, and in one of the ways it came into force each that it follows from, back to one that
    /// was installed. A chain that closes on itself leads to none.
    pub(crate) fn is_complete(&self, hash: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut back = vec![hash];
        while let Some(hash) = back.pop() {
            if hash.is_empty() {
                return true;
            }
            if seen.insert(hash) {
                back.extend(self.0.get(hash).into_iter().flatten().map(String::as_str));
            }
        }
        false
    }
}

/// A policy among those of its organisation.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The policy: in the way by which it follows, otherwise as it came here first.
    pub(crate) policy: PublishedPolicy,
    /// Whether it follows, signature by signature, from the officers known here.
    pub(crate) follows: bool,
    /// The officers known here who signed it: those of the policy it replaced, where that one follows, otherwise at most the one whose
    /// key was pinned when the organisation joined.
    pub(crate) signers: Vec<PublicKey>,
    /// How many officers' signatures it needed, where the policy it replaced follows.
    pub(crate) signers_needed: Option<usize>,
}

/// Policies of one organisation, each once and after the one it replaced.
///
/// The first one published that was installed and names the pinned key follows; another one follows if as many officers of one that
/// follows signed an act that replaces that one by it as that one asks for. A hash stands for one document, and so for the same
/// officers and the same threshold in whatever way it came into force. So by induction over the acts nobody is an officer here who was not
/// named by the first policy or by a document that enough officers signed, however many ways a node publishes: another way is
/// another act, which counts by its signatures alone. A node could publish another installed one at any time: it would be nobody's word
/// but the node's. Where one between was never published, nothing shows that the later ones follow.
#[derive(Clone, Debug)]
pub(crate) struct PolicyHistory {
    steps: Vec<Step>,
    documents: BTreeMap<String, PolicyDocument>,
}

impl PolicyHistory {
    /// What an organisation's node published, given the key that was pinned when it joined.
    ///
    /// # Errors
    /// [`CoordinatorError`].
    pub(crate) async fn of(
        connection: &mut SqliteConnection,
        organisation: &str,
        pinned: Option<&PublicKey>,
    ) -> Result<PolicyHistory, CoordinatorError> {
        let policies = published_policies::policies(connection, Some(organisation)).await?;
        Ok(PolicyHistory::new(policies, pinned))
    }

    /// The history of the policies of one organisation, given as they came here.
    pub(crate) fn new(policies: Vec<PublishedPolicy>, pinned: Option<&PublicKey>) -> PolicyHistory {
        let mut documents = BTreeMap::new();
        for policy in &policies {
            if !documents.contains_key(&policy.hash)
                && let Some(document) = readable(policy).document
            {
                documents.insert(policy.hash.clone(), document);
            }
        }
        let ways = following(&policies, &documents, pinned);
        let mut placed = BTreeSet::new();
        let mut steps = Vec::new();
        for (way, policy) in policies.into_iter().enumerate() {
            let follows = ways.get(&policy.hash) == Some(&way);
            if !follows && ways.contains_key(&policy.hash) || !placed.insert(policy.hash.clone()) {
                continue;
            }
            let officers = (documents.get(&policy.replaces))
                .filter(|_| ways.contains_key(&policy.replaces))
                .map(|document| &document.dpo);
            let keys = officers.map_or(pinned.map_or(&[][..], std::slice::from_ref), |dpo| {
                &dpo.keys
            });
            let signers = (policy.act.as_ref()).map(|act| officers_of_change(act, keys));
            steps.push(Step {
                signers: signers.unwrap_or_default(),
                signers_needed: officers.map(|dpo| dpo.threshold()),
                follows,
                policy,
            });
        }
        PolicyHistory {
            steps: each_after_its_before(steps),
            documents,
        }
    }

    /// All of them, each after the one it replaced.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The policy of that hash.
    pub(crate) fn find(&self, hash: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.policy.hash == hash)
    }

    /// The policy of that hash, if it follows from the officers known here.
    pub(crate) fn following(&self, hash: &str) -> Option<&PolicyDocument> {
        let step = self.find(hash).filter(|step| step.follows)?;
        self.documents.get(&step.policy.hash)
    }
}

/// Of the policies that follow, each hash with the place of the first way found in which it does.
fn following(
    policies: &[PublishedPolicy],
    documents: &BTreeMap<String, PolicyDocument>,
    pinned: Option<&PublicKey>,
) -> BTreeMap<String, usize> {
    let mut ways = BTreeMap::new();
    let root = policies.iter().position(|policy| {
        let names = |key| (documents.get(&policy.hash)).is_some_and(|it| it.dpo.keys.contains(key));
        policy.replaces.is_empty() && pinned.is_some_and(names)
    });
    let Some(root) = root else {
        return ways;
    };
    ways.insert(policies[root].hash.clone(), root);
    let mut reached = vec![&policies[root].hash];
    // Each policy is reached once, so a chain that closes on itself ends.
    while let Some(before) = reached.pop() {
        let Some(dpo) = documents.get(before).map(|document| &document.dpo) else {
            continue;
        };
        for (way, policy) in policies.iter().enumerate() {
            let Some(act) = (policy.act.as_ref()).filter(|_| policy.replaces == *before) else {
                continue;
            };
            // A document that can be read asks for one signature at least.
            if !ways.contains_key(&policy.hash)
                && officers_of_change(act, &dpo.keys).len() >= dpo.threshold()
            {
                ways.insert(policy.hash.clone(), way);
                reached.push(&policy.hash);
            }
        }
    }
    ways
}

/// Puts each policy after the one it replaced, otherwise as they came.
fn each_after_its_before(steps: Vec<Step>) -> Vec<Step> {
    let mut came: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut steps: Vec<Step> = Vec::with_capacity(came.len());
    for index in 0..came.len() {
        // From this one back to what is placed already, or is not here.
        let mut back = Vec::new();
        let mut next = came[index].take();
        while let Some(step) = next {
            let before = (came.iter_mut())
                .find(|it| (it.as_ref()).is_some_and(|it| it.policy.hash == step.policy.replaces));
            next = before.and_then(Option::take);
            back.push(step);
        }
        steps.extend(back.into_iter().rev());
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::SigningKey;
    use policy::Starter;
    use protocol::{Act, Envelope, PolicyChange};

    #[test]
    fn a_chain_is_complete_once_one_way_back_ends_at_a_policy_that_was_installed() {
        type Links<'a> = &'a [(&'a str, &'a str)];
        let table: [(Links<'_>, &str, bool); 12] = [
            (&[], "i", false),
            (&[("i", "")], "i", true),
            (&[("i", "")], "a", false),
            (&[("a", "i")], "a", false),
            (&[("i", ""), ("a", "i")], "a", true),
            (&[("i", ""), ("a", "b")], "a", false),
            (&[("i", ""), ("a", "b"), ("a", "i")], "a", true),
            (&[("a", "b"), ("b", "a")], "a", false),
            (&[("a", "b"), ("b", "a"), ("a", "i")], "a", false),
            (&[("a", "b"), ("b", "a"), ("a", "i"), ("i", "")], "b", true),
            (&[("a", "a")], "a", false),
            (&[("a", "b"), ("b", "c"), ("c", "b"), ("i", "")], "a", false),
        ];
        for (links, hash, expected) in table {
            let links = PolicyLinks::new(links.iter().map(|(a, b)| (a.to_string(), b.to_string())));
            assert_eq!(links.is_complete(hash), expected, "{hash} of {links:?}");
        }
    }

    fn public(key: &SigningKey) -> PublicKey {
        PublicKey(*key.public_key().as_bytes())
    }

    /// A starter policy with these officers, so many of whom sign what replaces it.
    fn document(keys: &[&SigningKey], threshold: usize) -> String {
        let pinned = public(keys[0]);
        let starter = Starter::Cooperative.text("a", "b", &PublicKey([1; 32]), &pinned);
        let one = format!("threshold = 1\nkeys = [\"{pinned}\"]");
        let keys: Vec<String> = keys.iter().map(|key| public(key).to_string()).collect();
        assert!(starter.contains(&one));
        starter.replace(&one, &format!("threshold = {threshold}\nkeys = {keys:?}"))
    }

    fn hash(document: &str) -> String {
        protocol::hex(&protocol::sha256(document.as_bytes()))
    }

    /// A document as it came here: in the place of another one by an act of these officers, or installed.
    fn came(document: &str, replaced: Option<(&str, &[&SigningKey])>, at: i64) -> PublishedPolicy {
        let replaces = replaced.map_or(String::new(), |(before, _)| hash(before));
        let act = replaced.map(|(_, signers)| {
            let change = PolicyChange {
                version: 1,
                id: "0".repeat(32),
                organisation: "a".to_owned(),
                replaces: replaces.clone(),
                document: document.to_owned(),
                reason: "another".to_owned(),
                signed_at: at,
            };
            let payload = serde_json::to_vec(&change).expect("JSON");
            let sign = |key: &SigningKey, bytes: &[u8]| key.sign(bytes);
            let mut act =
                Envelope::sign(PolicyChange::TYPE, &payload, &public(signers[0]), |bytes| {
                    sign(signers[0], bytes)
                });
            for key in &signers[1..] {
                act.add_signature(&public(key), |bytes| sign(key, bytes))
                    .expect("signed");
            }
            act
        });
        PublishedPolicy {
            organisation: "a".to_owned(),
            hash: hash(document),
            replaces,
            reason: String::new(),
            act,
            document: document.to_owned(),
            signed_at: at,
            received_at: at,
        }
    }

    #[test]
    fn a_policy_follows_in_any_way_that_enough_officers_of_one_that_follows_signed_and_in_no_other()
    {
        let [p, q, a, b, k] = [(); 5].map(|()| SigningKey::ephemeral().expect("a key"));
        let names = ["i", "a", "b", "y"];
        let documents = [
            document(&[&p, &q], 2),
            document(&[&a], 1),
            document(&[&b], 1),
            document(&[&p, &k], 1),
        ];
        let [i, first, second, own] = &documents;
        type Came<'a> = (&'a str, Option<(&'a str, &'a [&'a SigningKey])>);
        let installed: Came<'_> = (i, None);
        let by_two: Came<'_> = (first, Some((i, &[&p, &q])));
        let back: Came<'_> = (first, Some((second, &[&b])));
        let on: Came<'_> = (second, Some((first, &[&a])));
        let by_keeper: Came<'_> = (first, Some((own, &[&k])));
        let table: [(&[Came<'_>], &[&str]); 14] = [
            (&[], &[]),
            (&[installed], &["i"]),
            (&[installed, by_two], &["i", "a"]),
            // The one between never came; then the way from the first does.
            (&[back], &[]),
            (&[installed, back], &["i"]),
            (&[installed, back, by_two], &["i", "a"]),
            (&[back, by_two, installed], &["i", "a"]),
            // A chain that closes on itself, and the way out of it.
            (&[back, on], &[]),
            (&[back, on, installed], &["i"]),
            (&[back, on, by_two, installed], &["i", "a", "b"]),
            // Too few officers, whatever else was signed.
            (&[installed, (first, Some((i, &[&p]))), on], &["i"]),
            (&[installed, (first, Some((i, &[&p, &k, &a]))), on], &["i"]),
            // What the node's keeper installed later makes nobody an officer.
            (&[installed, (own, None), by_keeper, on], &["i"]),
            (&[installed, (own, None), by_keeper, by_two], &["i", "a"]),
        ];
        for (rows, expected) in table {
            let rows: Vec<_> = (rows.iter().zip(1..))
                .map(|((document, replaced), at)| came(document, *replaced, at))
                .collect();
            let history = PolicyHistory::new(rows, Some(&public(&p)));
            let follow: Vec<_> = (names.iter().zip(&documents))
                .filter(|(_, document)| history.following(&hash(document)).is_some())
                .map(|(name, _)| *name)
                .collect();
            assert_eq!(follow, expected);
            for step in history.steps() {
                let enough =
                    (step.signers_needed).is_some_and(|needed| step.signers.len() >= needed);
                let is_first = step.policy.hash == hash(i);
                assert_eq!(step.follows, is_first || enough, "{}", step.policy.document);
                assert!(!step.signers.contains(&public(&k)));
            }
            assert_eq!(
                PolicyHistory::new(Vec::new(), None).following(&hash(i)),
                None
            );
        }
    }
}
