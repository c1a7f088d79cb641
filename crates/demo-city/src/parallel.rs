//! Runs independent tasks on the machine's cores and hands their results back in order.
//! Results never depend on which thread did what.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use crate::Progress;

/// Applies `task` to every item; what tasks send is passed to `progress` on the calling thread.
pub(crate) fn map<I: Sync, T: Send>(
    items: &[I],
    progress: &mut dyn FnMut(Progress),
    task: impl Fn(usize, &I, &Sender<Progress>) -> T + Sync,
) -> Vec<T> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(items.len());
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new(items.iter().map(|_| None).collect());
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            let (next, results, task) = (&next, &results, &task);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = task(index, item, &sender);
                    // Unwrap safety: the lock is held only for this assignment, which cannot panic.
                    results.lock().expect("unpoisoned results")[index] = Some(result);
                }
            });
        }
        drop(sender);
        for message in receiver {
            progress(message);
        }
    });
    // Unwrap safety: the scope has joined all threads and would have panicked had one of them.
    let results = results.into_inner().expect("unpoisoned results");
    results.into_iter().flatten().collect()
}
