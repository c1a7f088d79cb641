//! Seconds the processor spent on this thread, so that a busy machine does not change a speed.

use std::time::Instant;

/// A stopwatch of the thread's processor time; of the wall where the system does not tell.
pub(crate) struct Stopwatch {
    cpu: Option<f64>,
    wall: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            cpu: thread_seconds(),
            wall: Instant::now(),
        }
    }

    pub(crate) fn seconds(&self) -> f64 {
        match (self.cpu, thread_seconds()) {
            (Some(before), Some(now)) => now - before,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Linux tells nanoseconds on the processor as the first number of this file.
fn thread_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds * 1e-9)
}
