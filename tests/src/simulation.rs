//! A simulated federation: the real coordinator (its handlers, use cases and database) and real nodes (policy, ledger, kernel, mechanism, seal)
//! in one process, joined by a network that loses, repeats, delays and reorders what it carries. A seed decides everything but keys and noise.
//!
//! Faults: a request is lost, or arrives late and out of order; its reply is lost; a node stops before or after any call it makes (that is, before
//! its charge, between charge and answer, between answer and sending, after sending) and starts again from its files; the coordinator starts
//! again; work is done twice and in another order; clocks jump by minutes, hours or a month, each on its own.
//!
//! **Failures** (see `check`):
//! - a ledger holds less than what its node has let out, or more than its cap;
//! - a node lets out two different answers to one request, or charges one question twice on one edition though it had answered it;
//! - a ledger does not verify; a node is locked out as if its history had been rewritten;
//! - a release is not the sum of what its nodes sent, or changes after it was published;
//! - an answer that was let out is not to be had again while its request and edition are current;
//! - one idempotency key asks twice;
//! - after the faults end and clocks are right, a question that has not expired stays open.
//!
//! **Not failures**: budget spent on an answer that never arrived; a refusal because clocks disagree or a month has turned, even where the same
//! request is answered later; a question that expires; an answer that arrives after its question ended.

mod check;
mod network;
mod operation;
mod world;

pub use network::Fault;
pub use operation::{Op, Who, operations};
pub use world::{Simulated, World};

/// Runs one seed: so many operations, then the end of all faults.
///
/// # Errors
/// The first failure, with the operations that led to it.
pub async fn run(seed: u64, length: usize) -> anyhow::Result<Simulated> {
    run_operations(&operations(seed, length)).await
}

/// Runs these operations, then the end of all faults.
///
/// # Errors
/// The first failure, with the operations that led to it.
pub async fn run_operations(operations: &[Op]) -> anyhow::Result<Simulated> {
    let mut world = World::new().await?;
    for (step, operation) in operations.iter().enumerate() {
        let done = match world.apply(operation).await {
            Ok(()) => world.check().await,
            failed => failed,
        };
        done.map_err(|error| {
            let led: Vec<String> = (operations[..=step].iter())
                .map(|operation| format!("    {operation:?},"))
                .collect();
            error.context(format!("after these operations:\n{}", led.join("\n")))
        })?;
    }
    world
        .settle()
        .await
        .map_err(|error| error.context(format!("after the faults of {operations:?}")))
}
