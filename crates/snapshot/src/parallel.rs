//! One thread for each piece of work.

use std::thread;

/// Works on each input on a thread of its own; outputs in the order of the inputs. A panic goes on in the caller.
pub(crate) fn on_threads<I: Send, O: Send>(
    inputs: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> O + Sync,
) -> Vec<O> {
    let work = &work;
    thread::scope(|scope| {
        let inputs = inputs.into_iter();
        let workers: Vec<_> = inputs
            .map(|input| scope.spawn(move || work(input)))
            .collect();
        let outputs = workers
            .into_iter()
            .map(|worker| (worker.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        outputs.collect()
    })
}
