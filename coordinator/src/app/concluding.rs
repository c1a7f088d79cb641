//! Which queries are being concluded, so that the sweep does not compose once more what the last answer's arrival is composing.
//! It decides nothing about them: whoever concludes a query finds in the database whether it still has to be.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Queries that are being concluded, each with by how many.
#[derive(Default)]
pub struct Concluding(Mutex<HashMap<String, usize>>);

/// While it is held, its query is being concluded.
#[must_use = "a query is being concluded while this is held"]
pub struct Begun<'a> {
    all: &'a Concluding,
    query: &'a str,
}

impl Concluding {
    fn all(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // Nothing panics while holding the lock; if it did, the map would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody begins to conclude a query.
    pub fn begin<'a>(&'a self, query: &'a str) -> Begun<'a> {
        *self.all().entry(query.to_owned()).or_default() += 1;
        Begun { all: self, query }
    }

    /// Whether somebody is concluding a query.
    pub fn has_begun(&self, query: &str) -> bool {
        self.all().contains_key(query)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut all = self.all.all();
        if let Some(count) = all.get_mut(self.query) {
            *count -= 1;
            if *count == 0 {
                all.remove(self.query);
            }
        }
    }
}
