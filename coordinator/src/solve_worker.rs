//! Solves run in a process of their own, so that one that hangs in an engine can be killed: the same program, started
//! as `solve-worker`, speaks JSON lines on its standard streams and ends with whoever started it.
//!
//! The problem is the first line in; `cancel` as a later line asks for the best plan so far, and the end of the input
//! means that nobody waits any more. Events come out, the plan last.

use optimise::watch::{Deadline, Watch};
use optimise::{Cost, Plan, Problem, Status, interrupted, solve};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// The hidden command.
pub const COMMAND: &str = "solve-worker";
/// How long a worker that was asked to stop may take to hand over its plan.
const LAST_WORD: Duration = Duration::from_millis(500);
/// How long a worker may overrun its time limit: engines look at the clock between steps only.
const OVERRUN: Duration = Duration::from_secs(1);
/// Bounds closer together than this are passed over.
const PAUSE: Duration = Duration::from_millis(20);

/// A problem on its way: travel, of which there is most, as numbers of areas and sites.
#[derive(Serialize, Deserialize)]
struct Sent {
    problem: Problem,
    areas: Vec<String>,
    pairs: Vec<(u32, u32, f64)>,
}

impl Sent {
    /// Pairs that name no area or site of the problem stay behind: no model looks at them.
    fn from_problem(problem: &Problem) -> Self {
        let mut areas: Vec<String> = Vec::new();
        let mut area_number: HashMap<&str, u32> = HashMap::new();
        for row in &problem.demand {
            area_number.entry(&row.id).or_insert_with(|| {
                areas.push(row.id.clone());
                areas.len() as u32 - 1
            });
        }
        let site_number: HashMap<&str, u32> = (problem.sites.iter().enumerate())
            .map(|(at, site)| (site.id.as_str(), at as u32))
            .collect();
        let pairs = (problem.costs.iter())
            .filter_map(|cost| {
                let from = *area_number.get(cost.from_id.as_str())?;
                let to = *site_number.get(cost.to_id.as_str())?;
                Some((from, to, cost.minutes))
            })
            .collect();
        let mut problem = problem.clone();
        problem.costs = Vec::new();
        Self {
            problem,
            areas,
            pairs,
        }
    }

    fn into_problem(self) -> Option<Problem> {
        let mut problem = self.problem;
        problem.costs = (self.pairs.iter())
            .map(|&(from, to, minutes)| {
                Some(Cost {
                    from_id: self.areas.get(from as usize)?.clone(),
                    to_id: problem.sites.get(to as usize)?.id.clone(),
                    minutes,
                })
            })
            .collect::<Option<_>>()?;
        Some(problem)
    }
}

/// What a worker tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A better plan.
    Incumbent {
        /// Its objective.
        objective: f64,
        /// Its open sites.
        open: Vec<String>,
    },
    /// A better bound.
    Bound {
        /// No plan has a better objective.
        bound: f64,
    },
    /// The end: the plan.
    Plan {
        /// The plan.
        plan: Box<Plan>,
    },
    /// The end: no answer.
    Error {
        /// Why, with the remedy.
        message: String,
    },
}

/// Why a worker gave no plan.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// The worker could not be started or spoken to.
    #[error("the solver's process cannot be used")]
    Process(#[from] std::io::Error),
    /// The problem is refused, or the engine failed.
    #[error("{0}")]
    Refused(String),
    /// The worker ended without a word.
    #[error("the solver's process ended without an answer; it may have run out of memory")]
    Died,
}

/// The worker's side: solves the problem on standard input. Ends the process when the input does.
///
/// # Errors
/// When the standard streams are not those of a parent that speaks JSON lines.
pub fn work() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let sent = serde_json::from_str::<Sent>(&line).ok();
    drop(line);
    let Some(problem) = sent.and_then(Sent::into_problem) else {
        say(&Event::Error {
            message: "the problem cannot be read by its worker".to_owned(),
        });
        return Ok(());
    };
    let limit = problem.time_limit.map(Duration::try_from_secs_f64);
    let deadline = Arc::new(Deadline::after(limit.and_then(Result::ok)));
    let listening = Arc::clone(&deadline);
    // Nothing waits for this thread: the process ends with `work`, or here.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            match line {
                Ok(line) if line == "cancel" => listening.stop(),
                _ => break,
            }
        }
        std::process::exit(1);
    });
    let telling = Telling {
        deadline: &deadline,
        problem: &problem,
        last_bound: Mutex::new(None),
    };
    say(&match solve(&problem, &telling) {
        Ok(plan) => Event::Plan {
            plan: Box::new(plan),
        },
        Err(error) => Event::Error {
            message: error.to_string(),
        },
    });
    Ok(())
}

fn say(event: &Event) {
    let mut out = std::io::stdout().lock();
    // A parent that is gone needs no answer, and the thread that reads its end stops the process.
    let _ = serde_json::to_writer(&mut out, event);
    let _ = out.write_all(b"\n");
    let _ = out.flush();
}

/// Passes on what the solver says as events.
struct Telling<'a> {
    deadline: &'a Deadline,
    problem: &'a Problem,
    last_bound: Mutex<Option<Instant>>,
}

impl Watch for Telling<'_> {
    fn incumbent(&self, objective: f64, open: &[usize]) {
        if objective.is_finite() {
            let open = open
                .iter()
                .map(|&site| self.problem.sites[site].id.clone())
                .collect();
            say(&Event::Incumbent { objective, open });
        }
    }

    fn bound(&self, bound: f64) {
        let mut last = self.last_bound.lock().unwrap_or_else(|e| e.into_inner());
        if bound.is_finite() && last.is_none_or(|last| last.elapsed() > PAUSE) {
            *last = Some(Instant::now());
            say(&Event::Bound { bound });
        }
    }

    fn is_stopped(&self) -> bool {
        self.deadline.is_stopped()
    }

    fn seconds_left(&self) -> Option<f64> {
        self.deadline.seconds_left()
    }
}

/// The program that runs, to be started again as a worker. On Linux this is the running program itself, also where an
/// upgrade has put another file in its place, which might speak another version of these lines.
///
/// # Errors
/// When the system does not tell.
pub fn own_program() -> std::io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe()
}

/// Solves in a worker of `program` and tells `event` what it says. When `stop` completes, or the time limit is overrun, the worker
/// is asked for its plan and killed if it has none at once: a plan comes back within a second, made from the last that
/// was told. Dropping the future kills the worker.
///
/// # Errors
/// When the problem is refused or the worker fails.
pub async fn solve_in_worker(
    program: &Path,
    problem: &Problem,
    mut event: impl FnMut(&Event),
    stop: impl Future<Output = ()>,
) -> Result<Plan, SolveError> {
    let began = Instant::now();
    let mut child = Command::new(program)
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A terminal's Ctrl-C is for the parent, which asks the worker for its plan.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(SolveError::Died);
    };
    let mut text =
        serde_json::to_vec(&Sent::from_problem(problem)).map_err(std::io::Error::from)?;
    text.push(b'\n');
    let mut lines = BufReader::new(output).lines();
    let mut told = Told::default();
    let limit = problem
        .time_limit
        .and_then(|limit| Duration::try_from_secs_f64(limit).ok());
    let overrun = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit + OVERRUN).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(stop, overrun);
    // A worker that refuses the problem may end before it has read it all; its answer says why.
    let mut sending = Some(Box::pin(async {
        let _ = input.write_all(&text).await;
        input
    }));
    let mut input: Option<ChildStdin> = None;
    let status = loop {
        tokio::select! {
            sent = async { sending.as_mut().unwrap_or_else(|| unreachable!()).await }, if sending.is_some() => {
                sending = None;
                input = Some(sent);
            }
            line = lines.next_line() => {
                let Some(line) = line? else {
                    return Err(SolveError::Died);
                };
                if let Some(done) = told.hear(&line, &mut event) {
                    let _ = child.wait().await;
                    return done;
                }
            }
            () = &mut stop => break Status::Cancelled,
            () = &mut overrun => break Status::Feasible,
        }
    };
    drop(sending);
    if status == Status::Cancelled
        && let Some(mut input) = input
        && input.write_all(b"cancel\n").await.is_ok()
    {
        let last_word = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(done) = told.hear(&line, &mut event) {
                    return Some(done);
                }
            }
            None
        };
        if let Ok(Some(done)) = tokio::time::timeout(LAST_WORD, last_word).await {
            kill(&mut child).await;
            return done;
        }
    }
    kill(&mut child).await;
    let incumbent = told
        .incumbent
        .as_ref()
        .map(|(objective, open)| (*objective, open.as_slice()));
    let seconds = began.elapsed().as_secs_f64();
    Ok(interrupted(problem, incumbent, told.bound, status, seconds))
}

async fn kill(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill().await;
}

/// What was told so far.
#[derive(Default)]
struct Told {
    incumbent: Option<(f64, Vec<String>)>,
    bound: Option<f64>,
}

impl Told {
    /// Takes in a line; the end, if it is one.
    fn hear(
        &mut self,
        line: &str,
        event: &mut impl FnMut(&Event),
    ) -> Option<Result<Plan, SolveError>> {
        let Ok(heard) = serde_json::from_str::<Event>(line) else {
            return Some(Err(SolveError::Died));
        };
        event(&heard);
        match heard {
            Event::Incumbent { objective, open } => self.incumbent = Some((objective, open)),
            Event::Bound { bound } => self.bound = Some(bound),
            Event::Plan { plan } => return Some(Ok(*plan)),
            Event::Error { message } => return Some(Err(SolveError::Refused(message))),
        }
        None
    }
}
