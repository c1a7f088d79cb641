//! Keeps repeated refusals from filling the log: the first is news, the same within the hour is not.
//! It is a memory of what was logged, never a reason to admit anybody.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The same refusal is logged at most once in so many seconds.
const QUIET: i64 = 3_600;
/// Most refusals remembered.
const KEPT: usize = 10_000;

/// Which refusals were logged lately.
#[derive(Default)]
pub struct Refusals {
    logged: Mutex<HashMap<String, i64>>,
}

impl Refusals {
    /// Whether this refusal was not logged within the hour; it counts as logged now.
    pub fn is_news(&self, refusal: String, now: i64) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.get(&refusal).is_some_and(|at| now - at < QUIET) {
            return false;
        }
        if logged.len() >= KEPT {
            logged.retain(|_, at| now - *at < QUIET);
        }
        if logged.len() >= KEPT {
            // A flood of different refusals: those beyond the limit go unlogged rather than fill the disk.
            return false;
        }
        logged.insert(refusal, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_news_once_an_hour() {
        let refusals = Refusals::default();
        assert!(refusals.is_news("a".to_owned(), 0));
        assert!(!refusals.is_news("a".to_owned(), 3_599));
        assert!(refusals.is_news("b".to_owned(), 3_599));
        assert!(refusals.is_news("a".to_owned(), 3_600));
    }
}
