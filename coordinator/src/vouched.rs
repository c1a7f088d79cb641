//! Which answers this process verified itself, so that composing need not verify their signatures again: it reads them from the
//! database and holds them to the bytes and hashes remembered here. After a restart nothing is remembered, and signatures are verified.
//!
//! Nothing of it is stored. Whoever could alter a stored answer could alter a stored hash.

use protocol::Vouched;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bytes of cells that are remembered. Of answers beyond it only hashes are.
const MOST_BYTES: usize = 64 << 20;

/// Answers to open queries, by request.
#[derive(Default)]
pub struct Vouchers {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    answers: HashMap<String, Vouched>,
    /// Of the cells of all of them.
    bytes: usize,
}

impl Held {
    fn forget(&mut self, request: &str) {
        if let Some(answer) = self.answers.remove(request) {
            self.bytes -= answer.cells_held();
        }
    }
}

impl Vouchers {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while holding the lock; if it did, answers would still be whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an answer until its query ends.
    pub fn remember(&self, request: &str, answer: Vouched) {
        let mut held = self.held();
        held.forget(request);
        let answer = match held.bytes + answer.cells_held() {
            ..=MOST_BYTES => answer,
            _ => answer.without_cells(),
        };
        held.bytes += answer.cells_held();
        held.answers.insert(request.to_owned(), answer);
    }

    /// What is remembered of the answer to a request.
    pub fn of(&self, request: &str) -> Option<Vouched> {
        self.held().answers.get(request).cloned()
    }

    /// A query ended: its requests' answers are not composed again soon.
    pub fn forget<'a>(&self, requests: impl Iterator<Item = &'a str>) {
        let mut held = self.held();
        for request in requests {
            held.forget(request);
        }
    }
}
