//! Which answers this process verified itself, so that composing need not verify their signatures again: it reads them from the
//! database and holds them to the hashes remembered here. After a restart nothing is remembered, and signatures are verified.
//!
//! Nothing of it is stored. Whoever could alter a stored answer could alter a stored hash.

use protocol::Vouched;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers to open queries, by request.
#[derive(Default)]
pub struct Vouchers {
    held: Mutex<HashMap<String, Vouched>>,
}

impl Vouchers {
    fn held(&self) -> MutexGuard<'_, HashMap<String, Vouched>> {
        // Nothing panics while holding the lock; if it did, the map would still be whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an answer until its query ends.
    pub fn remember(&self, request: &str, answer: Vouched) {
        self.held().insert(request.to_owned(), answer);
    }

    /// What is remembered of the answer to a request.
    pub fn of(&self, request: &str) -> Option<Vouched> {
        self.held().get(request).cloned()
    }

    /// A query ended: its requests' answers are not composed again soon.
    pub fn forget<'a>(&self, requests: impl Iterator<Item = &'a str>) {
        let mut held = self.held();
        for request in requests {
            held.remove(request);
        }
    }
}
