//! How a solver is followed and stopped while it works. It knows no channel and no thread of anyone's.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a solver tells while it works, and what it asks.
pub trait Watch: Sync {
    /// A better plan: its objective and open sites, in the problem's own direction and numbering.
    fn incumbent(&self, _objective: f64, _open: &[usize]) {}
    /// A better proven bound on every plan's objective.
    fn bound(&self, _bound: f64) {}
    /// Whether to stop now with what there is.
    fn is_stopped(&self) -> bool {
        false
    }
    /// Seconds until a solver must be done, for engines that count by themselves.
    fn seconds_left(&self) -> Option<f64> {
        None
    }
}

/// Nobody watches; nothing stops the solver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}

/// Stops when time is up or when told to.
#[derive(Debug)]
pub struct Deadline {
    until: Option<Instant>,
    stop: AtomicBool,
}

impl Deadline {
    /// A deadline `limit` from now, if there is one.
    pub fn after(limit: Option<Duration>) -> Self {
        Self {
            until: limit.and_then(|limit| Instant::now().checked_add(limit)),
            stop: AtomicBool::new(false),
        }
    }

    /// Stops whoever watches it.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Watch for Deadline {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn seconds_left(&self) -> Option<f64> {
        self.until.map(|until| {
            until
                .saturating_duration_since(Instant::now())
                .as_secs_f64()
        })
    }
}

/// Passes on only what improves, whatever thread says it.
pub(crate) struct Improving<'a> {
    watch: &'a dyn Watch,
    /// Turns an internal objective into the problem's own.
    shown: &'a (dyn Fn(f64) -> f64 + Sync),
    best: Mutex<(f64, f64)>,
}

impl<'a> Improving<'a> {
    pub(crate) fn new(watch: &'a dyn Watch, shown: &'a (dyn Fn(f64) -> f64 + Sync)) -> Self {
        Self {
            watch,
            shown,
            best: Mutex::new((f64::INFINITY, f64::NEG_INFINITY)),
        }
    }
}

impl Watch for Improving<'_> {
    fn incumbent(&self, objective: f64, open: &[usize]) {
        let mut best = self.best.lock().unwrap_or_else(|e| e.into_inner());
        if objective < best.0 {
            best.0 = objective;
            self.watch.incumbent((self.shown)(objective), open);
        }
    }

    fn bound(&self, bound: f64) {
        let mut best = self.best.lock().unwrap_or_else(|e| e.into_inner());
        if bound > best.1 {
            best.1 = bound;
            self.watch.bound((self.shown)(bound));
        }
    }

    fn is_stopped(&self) -> bool {
        self.watch.is_stopped()
    }

    fn seconds_left(&self) -> Option<f64> {
        self.watch.seconds_left()
    }
}
