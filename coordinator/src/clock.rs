//! The time, as a value that is handed in: tests set it, the program reads the system's.
//! It is wall-clock time in Unix seconds; nothing privacy-relevant is renewed by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A source of the present time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that stands still until set.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// Unix seconds.
    pub fn now(&self) -> i64 {
        match self {
            Clock::System => jiff::Timestamp::now().as_second(),
            Clock::Set(second) => second.load(Ordering::SeqCst),
        }
    }

    /// The same as a timestamp.
    pub fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// Unix seconds as RFC 3339, in UTC.
pub fn rfc3339(second: i64) -> String {
    jiff::Timestamp::from_second(second)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}
