//! Plans while they are solved: who waits, who runs, what was found so far, who called it off.

use super::PlanState;
use crate::solve_worker::{Event, SolveError, own_program, solve_in_worker};
use crate::state::State;
use crate::store::planning::{self as kept, PlanEnd};
use crate::{CoordinatorError, Problem};
use optimise::{Plan, Status, gap};
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use utoipa::ToSchema;

/// Most plans of one account that wait or run.
const MOST_RUNNING: usize = 3;
/// Most plans that wait or run, of all accounts.
const MOST_WAITING: usize = 24;
/// Most computations of other kinds at once.
const SHORT_TURNS: usize = 2;

/// What a solve has found so far.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// How far it is.
    pub state: PlanState,
    /// Plans before it in the queue.
    pub before: usize,
    /// The objective of the best plan so far.
    pub objective: Option<f64>,
    /// No plan has a better objective than this.
    pub bound: Option<f64>,
    /// |objective - bound| / |objective|.
    pub gap: Option<f64>,
    /// The sites that the best plan so far opens.
    pub open: Vec<String>,
    /// Seconds since it began to be solved.
    pub seconds: f64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            state: PlanState::Waiting,
            before: 0,
            objective: None,
            bound: None,
            gap: None,
            open: Vec::new(),
            seconds: 0.0,
        }
    }
}

/// What plans that wait or run had found at one moment, by their ids.
pub(super) type Underway = HashMap<String, Progress>;

/// A plan being solved.
pub(super) struct Job {
    owner: String,
    progress: watch::Sender<Progress>,
    stop: watch::Sender<bool>,
}

/// Plans that wait or run, and the turns of what computes.
pub struct Plans {
    jobs: Mutex<HashMap<String, Arc<Job>>>,
    turn: Arc<Semaphore>,
    short: Arc<Semaphore>,
    program: Mutex<Option<PathBuf>>,
}

impl Default for Plans {
    fn default() -> Self {
        Self {
            jobs: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            short: Arc::new(Semaphore::new(SHORT_TURNS)),
            program: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Plans {
    /// Solves with this program in the place of the one that runs, which must know `solve-worker`.
    pub fn solve_with(&self, program: PathBuf) {
        *lock(&self.program) = Some(program);
    }

    fn program(&self) -> Result<PathBuf, SolveError> {
        match &*lock(&self.program) {
            Some(program) => Ok(program.clone()),
            None => Ok(own_program()?),
        }
    }

    /// A turn for what computes for a moment.
    ///
    /// # Errors
    /// [`Problem::Busy`] when too many wait.
    pub(in crate::app::planning) async fn short_turn(
        &self,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        (Arc::clone(&self.short).acquire_owned().await).map_err(|_| Problem::Busy)
    }

    /// Lets a plan wait for its turn.
    ///
    /// # Errors
    /// [`Problem::TooManyRunning`], [`Problem::Busy`].
    pub(super) fn admit(&self, id: &str, owner: &str) -> Result<Arc<Job>, Problem> {
        let mut jobs = lock(&self.jobs);
        if jobs.values().filter(|job| job.owner == owner).count() >= MOST_RUNNING {
            return Err(Problem::TooManyRunning {
                limit: MOST_RUNNING,
            });
        }
        if jobs.len() >= MOST_WAITING {
            return Err(Problem::Busy);
        }
        let progress = Progress {
            before: jobs.len(),
            ..Progress::default()
        };
        let job = Arc::new(Job {
            owner: owner.to_owned(),
            progress: watch::Sender::new(progress),
            stop: watch::Sender::new(false),
        });
        jobs.insert(id.to_owned(), Arc::clone(&job));
        Ok(job)
    }

    pub(super) fn forget(&self, id: &str) {
        lock(&self.jobs).remove(id);
    }

    /// Ends the work on a plan that waits or runs.
    pub(in crate::app) fn call_off(&self, id: &str) {
        if let Some(job) = lock(&self.jobs).get(id) {
            job.stop.send_replace(true);
        }
    }

    /// What a plan that waits or runs has found so far.
    pub(super) fn progress(&self, id: &str) -> Option<Progress> {
        let jobs = lock(&self.jobs);
        jobs.get(id).map(|job| job.progress.borrow().clone())
    }

    /// What all plans that wait or run have found so far.
    pub(super) fn underway(&self) -> Underway {
        (lock(&self.jobs).iter())
            .map(|(id, job)| (id.clone(), job.progress.borrow().clone()))
            .collect()
    }

    /// What a running plan tells, from now on.
    pub fn follow(&self, id: &str) -> Option<watch::Receiver<Progress>> {
        let jobs = lock(&self.jobs);
        jobs.get(id).map(|job| job.progress.subscribe())
    }
}

/// Solves a plan that was admitted and stores how it ended.
pub(super) async fn run(app: &State, id: &str, job: &Job, problem: &optimise::Problem) {
    let end = solved(app, job, problem).await;
    if let Err(error) = ended(app, id, job, end).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the end of a plan could not be stored"
        );
    }
    app.plans.forget(id);
}

/// Waits for its turn and solves; none where it was called off before.
async fn solved(
    app: &State,
    job: &Job,
    problem: &optimise::Problem,
) -> Option<Result<Plan, SolveError>> {
    let mut stop = job.stop.subscribe();
    let turn = Arc::clone(&app.plans.turn);
    let _turn = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return None,
        turn = turn.acquire_owned() => turn.ok()?,
    };
    let began = Instant::now();
    job.progress.send_modify(|progress| {
        progress.state = PlanState::Running;
        progress.before = 0;
    });
    let program = match app.plans.program() {
        Ok(program) => program,
        Err(error) => return Some(Err(error)),
    };
    let told = |event: &Event| {
        job.progress.send_modify(|progress| {
            match event {
                Event::Incumbent { objective, open } => {
                    progress.objective = Some(*objective);
                    progress.open.clone_from(open);
                }
                Event::Bound { bound } => progress.bound = Some(*bound),
                Event::Plan { .. } | Event::Error { .. } => {}
            }
            progress.gap = (progress.objective.zip(progress.bound))
                .and_then(|(objective, bound)| gap(objective, bound));
            progress.seconds = began.elapsed().as_secs_f64();
        });
    };
    let mut stopping = app.hub.stopping();
    let called_off = async {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    };
    Some(solve_in_worker(&program, problem, told, called_off).await)
}

async fn ended(
    app: &State,
    id: &str,
    job: &Job,
    end: Option<Result<Plan, SolveError>>,
) -> Result<(), CoordinatorError> {
    let (state, plan, failure) = match end {
        None => (PlanState::Cancelled, None, None),
        Some(Ok(plan)) => {
            let state = match plan.status {
                Status::Cancelled if *job.stop.borrow() => PlanState::Cancelled,
                _ => PlanState::Done,
            };
            (state, Some(serde_json::to_string(&plan)?), None)
        }
        Some(Err(SolveError::Refused(message))) => (PlanState::Failed, None, Some(message)),
        Some(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a solver failed");
            (PlanState::Failed, None, Some(error.to_string()))
        }
    };
    let mut transaction = app.database.write().await?;
    let end = PlanEnd {
        state: state.as_str(),
        at: app.clock.now(),
        plan: plan.as_deref(),
        failure: failure.as_deref(),
    };
    kept::plan_end(&mut transaction, id, &end).await?;
    transaction.commit().await?;
    // Told after it is stored, so that whoever is told finds it.
    job.progress.send_modify(|progress| progress.state = state);
    Ok(())
}
