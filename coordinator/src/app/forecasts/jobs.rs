//! Forecasts being worked out: one at a time, since each uses all cores; how far each is; how it ended.
//! A job that the coordinator's end interrupts is taken up again at its next start.

use super::views::ForecastState;
use super::{Input, StoredResult, VERSION, read_input, work};
use crate::CoordinatorError;
use crate::state::{App, State};
use crate::store::forecasts::{self as store, Ended};
use crate::store::stored;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the progress of a running forecast is stored.
const STORED_EVERY: Duration = Duration::from_secs(2);

/// A forecast that waits or is being worked out.
struct Job {
    input: Input,
    /// Of [`work::PARTS`].
    done: AtomicUsize,
    running: AtomicBool,
    cancelled: AtomicBool,
}

impl Job {
    fn share(&self) -> f64 {
        self.done.load(Ordering::Relaxed) as f64 / work::PARTS as f64
    }
}

/// The forecasts that wait or are being worked out.
pub struct Forecasts {
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
    turn: Arc<tokio::sync::Semaphore>,
    stopping: AtomicBool,
}

impl Default for Forecasts {
    fn default() -> Forecasts {
        Forecasts {
            jobs: Mutex::default(),
            turn: Arc::new(tokio::sync::Semaphore::new(1)),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Forecasts {
    /// What is under this lock is whole at every moment, so another thread's panic does not take it away.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// How far a forecast is that has not ended, by the memory of this process, as a part of 1.
    pub(super) fn progress(&self, id: &str) -> Option<(ForecastState, f64)> {
        let job = self.lock().get(id).map(Arc::clone)?;
        let state = if job.running.load(Ordering::Relaxed) {
            ForecastState::Running
        } else {
            ForecastState::Waiting
        };
        Some((state, job.share()))
    }

    pub(super) fn cancel(&self, id: &str) {
        if let Some(job) = self.lock().remove(id) {
            job.cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// Has everything end soon that is being worked out; it is taken up again at the next start.
pub fn stop(app: &State) {
    app.forecasts.stopping.store(true, Ordering::Relaxed);
    for job in app.forecasts.lock().values() {
        job.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Ends the work on a forecast whose past may be kept no longer.
pub fn forget(app: &State, id: &str) {
    app.forecasts.cancel(id);
}

/// Takes up again what the last end of the coordinator interrupted.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn resume(app: &App) -> Result<(), CoordinatorError> {
    let mut reader = app.database.read().await?;
    let interrupted = store::forecasts_unended(&mut reader).await?;
    drop(reader);
    for forecast in interrupted {
        let input = read_input(&forecast)?;
        if input.engine == forecast::ENGINE {
            spawn(app, forecast.id, input);
            continue;
        }
        // Its name says that another version of the forecasting made it, which is no more.
        let mut transaction = app.database.write().await?;
        store::forecast_end(&mut transaction, &forecast.id, Ended::Failed("engine")).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Has a stored forecast worked out when its turn comes.
pub(super) fn spawn(app: &App, id: String, input: Input) {
    let job = Arc::new(Job {
        input,
        done: AtomicUsize::new(0),
        running: AtomicBool::new(false),
        cancelled: AtomicBool::new(false),
    });
    app.forecasts.lock().insert(id.clone(), Arc::clone(&job));
    let app = Arc::clone(app);
    tokio::spawn(async move {
        // The semaphore is never closed.
        let Ok(_turn) = Arc::clone(&app.forecasts.turn).acquire_owned().await else {
            return;
        };
        if let Err(error) = see_through(&app, &id, &job).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a forecast could not be stored; it begins again at the next start"
            );
        }
        let mut jobs = app.forecasts.lock();
        // A job called off and asked for again is another.
        if jobs.get(&id).is_some_and(|known| Arc::ptr_eq(known, &job)) {
            jobs.remove(&id);
        }
    });
}

async fn see_through(app: &State, id: &str, job: &Arc<Job>) -> Result<(), CoordinatorError> {
    if job.cancelled.load(Ordering::Relaxed) {
        return Ok(());
    }
    job.running.store(true, Ordering::Relaxed);
    let mut working = {
        let job = Arc::clone(job);
        tokio::task::spawn_blocking(move || {
            work::forecast(
                &job.input.past,
                &job.input.wanted,
                &job.done,
                &job.cancelled,
            )
        })
    };
    let mut ticks = tokio::time::interval(STORED_EVERY);
    let worked = loop {
        tokio::select! {
            worked = &mut working => break worked,
            _ = ticks.tick() => {
                let series = job.input.past.count() as f64;
                let done = stored((job.share() * series) as u64)?;
                let mut transaction = app.database.write().await?;
                store::forecast_progress(&mut transaction, id, done).await?;
                transaction.commit().await?;
            }
        }
    };
    let text;
    let ended = match worked {
        Ok(Ok(Some(result))) => {
            text = serde_json::to_string(&StoredResult {
                version: VERSION,
                result,
            })?;
            Ended::Done(&text)
        }
        // Called off: the table says so already, or the coordinator stops and it says that it goes on.
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(_)) => Ended::Failed("series"),
        // A panic is a fault of ours; whoever waits is told that it failed, not left waiting.
        Err(_) => Ended::Failed("fault"),
    };
    if job.cancelled.load(Ordering::Relaxed) && !app.forecasts.stopping.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut transaction = app.database.write().await?;
    store::forecast_end(&mut transaction, id, ended).await?;
    Ok(transaction.commit().await?)
}
