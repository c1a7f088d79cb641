//! Named places where a crash test may stop a process for good.
//! It can only stop: it never skips a step, changes a value or answers anything; a release build contains none of it.

/// The environment variable that names the place to stop at, optionally as `name:n` for the n-th visit.
pub const VARIABLE: &str = "WI_FAILPOINT";

/// Stops here for ever if the environment names this place, so that a test can kill the process from
/// outside: prints `failpoint NAME` on standard error, then sleeps without end.
#[cfg(debug_assertions)]
pub fn reach(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static VISITS: AtomicU32 = AtomicU32::new(0);

    let Ok(wanted) = std::env::var(VARIABLE) else {
        return;
    };
    let (place, visit) = match wanted.split_once(':') {
        Some((place, visit)) => (place, visit.parse().unwrap_or(1)),
        None => (wanted.as_str(), 1),
    };
    if place == name && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == visit {
        eprintln!("failpoint {name}");
        loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_name: &str) {}
