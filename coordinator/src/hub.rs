//! Who is there and who waits: nodes on their long polls, browsers on their event streams.
//! It holds nothing that must survive a restart; the database says what is to be done.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;

/// A node that has not called for so long is offline, in seconds. Polls last at most half of it.
pub const ONLINE_SECONDS: i64 = 60;
/// Work is offered again to the same node after so long without an answer.
pub const REOFFER: Duration = Duration::from_secs(5);
/// A node's last call is written down at most this often, in seconds.
const SAVED_EVERY: i64 = 60;

#[derive(Default)]
struct Node {
    wake: Arc<Notify>,
    last_seen: Option<i64>,
    saved: Option<i64>,
    offered: HashMap<String, Instant>,
    must_greet: bool,
    /// Requests that wait for a person at the node, as it says whenever they are offered.
    waiting: HashSet<String>,
}

/// Presence of nodes, and changes of queries.
pub struct Hub {
    nodes: Mutex<HashMap<String, Node>>,
    changes: broadcast::Sender<String>,
    stopping: watch::Sender<bool>,
}

impl Default for Hub {
    fn default() -> Hub {
        Hub {
            nodes: Mutex::default(),
            changes: broadcast::Sender::new(256),
            stopping: watch::Sender::new(false),
        }
    }
}

impl Hub {
    fn nodes(&self) -> MutexGuard<'_, HashMap<String, Node>> {
        // Nothing panics while holding the lock; if it did, the map would still be whole.
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node<T>(&self, id: &str, act: impl FnOnce(&mut Node) -> T) -> T {
        let mut nodes = self.nodes();
        if !nodes.contains_key(id) {
            nodes.insert(id.to_owned(), Node::default());
        }
        // Unwrap safety: inserted above, under the same lock.
        act(nodes.get_mut(id).expect("present"))
    }

    /// A node called. True where that should be written down.
    pub fn seen(&self, id: &str, now: i64) -> bool {
        self.node(id, |node| {
            node.last_seen = Some(now);
            let due = node.saved.is_none_or(|saved| now - saved >= SAVED_EVERY);
            if due {
                node.saved = Some(now);
            }
            due
        })
    }

    /// When a node last called, as far as this process knows.
    pub fn last_seen(&self, id: &str) -> Option<i64> {
        self.node(id, |node| node.last_seen)
    }

    /// Whether a node has called lately, here or, before a restart, at `stored`.
    pub fn is_online(&self, id: &str, stored: Option<i64>, now: i64) -> bool {
        self.last_seen(id)
            .max(stored)
            .is_some_and(|seen| now - seen < ONLINE_SECONDS)
    }

    /// A node greeted: whatever was offered before may not have reached it.
    pub fn greeted(&self, id: &str) {
        self.node(id, |node| {
            node.offered.clear();
            node.waiting.clear();
            node.must_greet = false;
        });
    }

    /// The node's next poll is to be refused until it greets, because what it believes of us is out of date.
    pub fn ask_to_greet(&self, id: &str) {
        self.node(id, |node| {
            node.must_greet = true;
            node.wake.notify_waiters();
        });
    }

    /// Whether the node is to greet first.
    pub fn must_greet(&self, id: &str) -> bool {
        self.node(id, |node| node.must_greet)
    }

    /// The node said that a request waits for a person there.
    pub fn waits_for_approval(&self, id: &str, request: &str) {
        self.node(id, |node| node.waiting.insert(request.to_owned()));
    }

    /// The request was answered or refused.
    pub fn no_longer_waits(&self, id: &str, request: &str) {
        self.node(id, |node| node.waiting.remove(request));
    }

    /// Whether a request waits for a person at the node.
    pub fn is_waiting_for_approval(&self, id: &str, request: &str) -> bool {
        self.node(id, |node| node.waiting.contains(request))
    }

    /// Of `work` (identifiers, oldest first), what is due to be offered now, at most `limit`; it counts as offered.
    /// What was never offered comes before what waits for an answer, so that nothing starves.
    pub fn due<'a>(
        &self,
        id: &str,
        work: impl Iterator<Item = &'a str>,
        limit: usize,
        now: Instant,
    ) -> Vec<String> {
        self.node(id, |node| {
            let (mut fresh, mut again, mut offered) = (Vec::new(), Vec::new(), HashMap::new());
            for item in work {
                match node.offered.get(item) {
                    None => fresh.push(item.to_owned()),
                    Some(&at) => {
                        offered.insert(item.to_owned(), at);
                        if now - at >= REOFFER {
                            again.push(item.to_owned());
                        }
                    }
                }
            }
            fresh.extend(again);
            fresh.truncate(limit);
            offered.extend(fresh.iter().map(|item| (item.clone(), now)));
            // What is no longer to be done is forgotten.
            node.offered = offered;
            fresh
        })
    }

    /// There may be work for a node.
    pub fn wake(&self, id: &str) {
        self.node(id, |node| node.wake.notify_waiters());
    }

    /// To be waited on for work; register before looking for work, so that none is missed.
    pub fn waker(&self, id: &str) -> Arc<Notify> {
        self.node(id, |node| Arc::clone(&node.wake))
    }

    /// A query changed.
    pub fn changed(&self, query: &str) {
        // Nobody listening is no failure.
        let _ = self.changes.send(query.to_owned());
    }

    /// Identifiers of queries as they change.
    pub fn changes(&self) -> broadcast::Receiver<String> {
        self.changes.subscribe()
    }

    /// Tells everybody who waits that the process ends.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Becomes true when the process ends.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// How many nodes have called lately.
    pub fn online(&self, now: i64) -> usize {
        self.nodes()
            .values()
            .filter(|node| {
                node.last_seen
                    .is_some_and(|seen| now - seen < ONLINE_SECONDS)
            })
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_offered_once_and_again_after_a_while_or_a_greeting() {
        let hub = Hub::default();
        let work = || ["a", "b"].into_iter();
        let now = Instant::now();
        assert_eq!(hub.due("node", work(), 9, now), ["a", "b"]);
        assert!(hub.due("node", work(), 9, now).is_empty());
        assert_eq!(hub.due("other", work(), 9, now), ["a", "b"]);
        let later = now + REOFFER;
        assert_eq!(hub.due("node", work(), 9, later), ["a", "b"]);
        hub.greeted("node");
        assert_eq!(hub.due("node", work(), 9, later), ["a", "b"]);
    }

    #[test]
    fn unanswered_work_does_not_starve_what_was_never_offered() {
        let hub = Hub::default();
        let now = Instant::now();
        let work = || ["a", "b", "c"].into_iter();
        assert_eq!(hub.due("node", work(), 2, now), ["a", "b"]);
        assert_eq!(hub.due("node", work(), 2, now + REOFFER), ["c", "a"]);
    }

    #[test]
    fn a_node_is_online_for_a_minute_after_its_last_call() {
        let hub = Hub::default();
        assert!(!hub.is_online("node", None, 1_000));
        assert!(hub.is_online("node", Some(950), 1_000));
        assert!(hub.seen("node", 1_000));
        assert!(!hub.seen("node", 1_030));
        assert!(hub.is_online("node", None, 1_059));
        assert!(!hub.is_online("node", None, 1_090));
        assert_eq!(hub.online(1_059), 1);
    }
}
