//! Writes that come at the same moment, done together: whoever has the turn takes along all that wait, so that they share one transaction.
//! It decides nothing about any of them; what is done with a batch is its caller's part.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Most jobs of one batch.
const AT_ONCE: usize = 32;

/// Jobs that wait, each with whom to tell.
pub struct Together<J, R> {
    waiting: Mutex<Vec<(J, oneshot::Sender<R>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<J, R> Default for Together<J, R> {
    fn default() -> Together<J, R> {
        Together {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl<J, R> Together<J, R> {
    fn waiting(&self) -> MutexGuard<'_, Vec<(J, oneshot::Sender<R>)>> {
        // Nothing panics while holding the lock; if it did, the list would still be whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. Its result comes once somebody has taken a turn; [`Together::take_turn`] must follow, on a task that nobody cancels.
    pub fn add(&self, job: J) -> oneshot::Receiver<R> {
        let (tell, result) = oneshot::channel();
        self.waiting().push((job, tell));
        result
    }

    /// Waits for a turn and does what waits then, which may be nothing: whoever had the turn before took it along. `act` returns
    /// one result for each job, in their order; where it returns none, those who wait are told nothing.
    pub async fn take_turn(&self, act: impl AsyncFnOnce(&mut [J]) -> Option<Vec<R>>) {
        let _turn = self.turn.lock().await;
        let (mut jobs, tell): (Vec<J>, Vec<oneshot::Sender<R>>) = {
            let mut waiting = self.waiting();
            let most = waiting.len().min(AT_ONCE);
            waiting.drain(..most).unzip()
        };
        if jobs.is_empty() {
            return;
        }
        for (tell, result) in tell
            .into_iter()
            .zip(act(&mut jobs).await.into_iter().flatten())
        {
            // Whoever has gone meanwhile does not hear of it.
            let _ = tell.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_the_turn_takes_along_who_waits_and_everybody_hears_their_own() {
        let together: Together<usize, usize> = Together::default();
        let results: Vec<_> = (0..AT_ONCE + 3).map(|job| together.add(job)).collect();
        let mut batches = Vec::new();
        for _ in 0..results.len() {
            together
                .take_turn(async |jobs| {
                    batches.push(jobs.len());
                    Some(jobs.iter().map(|job| 10 * job).collect())
                })
                .await;
        }
        assert_eq!(batches, [AT_ONCE, 3]);
        for (job, result) in results.into_iter().enumerate() {
            assert_eq!(result.await, Ok(10 * job));
        }
    }

    #[tokio::test]
    async fn whose_batch_failed_is_told_so() {
        let together: Together<u8, u8> = Together::default();
        let (gone, waits) = (together.add(1), together.add(2));
        drop(gone);
        together.take_turn(async |_| None).await;
        assert!(waits.await.is_err());
        // The next batch is not held up.
        let next = together.add(3);
        together.take_turn(async |jobs| Some(jobs.to_vec())).await;
        assert_eq!(next.await, Ok(3));
    }
}
