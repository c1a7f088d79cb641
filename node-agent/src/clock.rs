//! The present moment, as every step of the flow is handed it.
//! Nothing else in the node reads a clock, so that what a decision depends on is in its arguments.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
