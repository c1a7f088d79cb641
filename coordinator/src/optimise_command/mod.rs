//! `coordinator optimise`: a problem in, a plan out, as JSON. It reads the problem from one document or from tables,
//! has a worker solve it, and shows the plan and its bound while they come nearer to each other.

use crate::out_file::{OutFile, overwritten};
use crate::solve_worker::{Event, SolveError, own_program, solve_in_worker};
use clap::Args;
use optimise::table::{self, TableError};
use optimise::{Model, Plan, Problem, Status, gap};
use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// Finds the best plan.
#[derive(Args, Debug)]
pub struct Options {
    /// The problem as one JSON document; the other flags then only add to it.
    #[arg(long, conflicts_with_all = ["model", "demand", "sites", "costs"])]
    pub problem: Option<PathBuf>,
    /// What to optimise.
    #[arg(long, value_parser = model, required_unless_present_any = ["problem", "schema"])]
    pub model: Option<Model>,
    /// Demand: CSV with the columns id, demand and, where known, variance and target.
    #[arg(long, required_unless_present_any = ["problem", "schema"])]
    pub demand: Option<PathBuf>,
    /// Sites: CSV with the columns id and, where needed, status, capacity, fixed_cost, running_cost, module_capacity, module_cost, modules, targets.
    #[arg(long, required_unless_present_any = ["problem", "schema"])]
    pub sites: Option<PathBuf>,
    /// Travel: CSV with the columns from_id, to_id, minutes and, where there are several, mode; an absent pair is unreachable.
    #[arg(long, required_unless_present_any = ["problem", "schema"])]
    pub costs: Option<PathBuf>,
    /// The mode of travel, where the travel names several.
    #[arg(long)]
    pub mode: Option<String>,
    /// How many sites to open.
    #[arg(long)]
    pub p: Option<usize>,
    /// Minutes within which demand is covered.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub radius: Option<f64>,
    /// Minutes from which on nothing is covered; in between, a part is.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub outer_radius: Option<f64>,
    /// The most that may be spent.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub budget: Option<f64>,
    /// What a unit of demand that is not served costs; without it everything must be served.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub unmet_cost: Option<f64>,
    /// Share of the worst-served demand that cvar looks at.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub tail: Option<f64>,
    /// Plan for the mean over this worst share of noise draws instead of for the estimate.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub robust: Option<f64>,
    /// Noise draws that judge the plan; only where demand has variances.
    #[arg(long)]
    pub draws: Option<usize>,
    /// How many further plans to give.
    #[arg(long)]
    pub alternatives: Option<usize>,
    /// Solve for every smaller p, or tenths of the budget, too.
    #[arg(long)]
    pub front: bool,
    /// Seconds after which the best plan so far is taken.
    #[arg(long, value_parser = number, allow_negative_numbers = true)]
    pub time_limit: Option<f64>,
    /// Seed of searches and draws.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Prints the JSON Schema of problems or plans instead.
    #[arg(long, value_parser = ["problem", "plan"], exclusive = true)]
    pub schema: Option<String>,
    /// Where the plan goes.
    #[arg(long, required_unless_present = "schema")]
    pub out: Option<PathBuf>,
}

fn model(text: &str) -> Result<Model, String> {
    Model::from_id(text).ok_or_else(|| {
        let all: Vec<&str> = Model::ALL.into_iter().map(Model::id).collect();
        format!("one of {}", all.join(", "))
    })
}

/// A number that JSON can hold: what is no number would reach the worker as a limit that is not there.
fn number(text: &str) -> Result<f64, String> {
    (text.parse().ok())
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| "write a number like 12.5; leave the option out for no limit".to_owned())
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum OptimiseCommandError {
    /// A file cannot be read or written.
    #[error("cannot open {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The plan would go where its input is.
    #[error("--out would overwrite {}, which the plan is made from; name another file", file.display())]
    Overwrites {
        /// The file.
        file: PathBuf,
    },
    /// The problem is no JSON of the format.
    #[error("{} is no problem of format 1; `coordinator optimise --schema problem` prints what one looks like", file.display())]
    Problem {
        /// The file.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// The solver gave no plan.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// Writing failed.
    #[error("cannot write the plan")]
    Write(#[from] serde_json::Error),
}

/// Reads, solves, writes; Ctrl-C takes the best plan so far.
pub async fn run(options: &Options) -> Result<(), OptimiseCommandError> {
    if let Some(schema) = &options.schema {
        let schema = if schema == "plan" {
            optimise::plan_schema()
        } else {
            optimise::problem_schema()
        };
        println!("{}", serde_json::to_string_pretty(&schema)?);
        return Ok(());
    }
    // Unwrap safety: the parser of command lines requires it where no schema is asked for.
    let out = options.out.as_ref().unwrap();
    let read = [
        &options.problem,
        &options.demand,
        &options.sites,
        &options.costs,
    ];
    if let Some(file) = overwritten(out, read.into_iter().flatten().map(PathBuf::as_path)) {
        let file = file.to_owned();
        return Err(OptimiseCommandError::Overwrites { file });
    }
    let problem = problem(options)?;
    let not_written = |source| OptimiseCommandError::File {
        file: out.clone(),
        source,
    };
    // A plan that cannot be written is found out before it is sought.
    let file = OutFile::try_new(out).map_err(not_written)?;
    let mut progress = Progress::default();
    let program = own_program().map_err(SolveError::from)?;
    let plan = solve_in_worker(&program, &problem, |event| progress.show(event), stopped()).await?;
    progress.end();
    // Unbuffered, each word of a large plan would be a call of the system.
    let mut file = BufWriter::new(file.create().map_err(not_written)?);
    serde_json::to_writer_pretty(&mut file, &plan)?;
    file.flush().map_err(serde_json::Error::io)?;
    eprintln!("{}", summary(&plan));
    Ok(())
}

/// Completes when the person or the system asks to stop.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

fn open(file: &Path) -> Result<BufReader<File>, OptimiseCommandError> {
    File::open(file)
        .map(BufReader::new)
        .map_err(|source| OptimiseCommandError::File {
            file: file.to_owned(),
            source,
        })
}

/// The problem the options describe.
fn problem(options: &Options) -> Result<Problem, OptimiseCommandError> {
    let mut problem = match (&options.problem, options.model) {
        (Some(file), _) => serde_json::from_reader(open(file)?).map_err(|source| {
            OptimiseCommandError::Problem {
                file: file.clone(),
                source,
            }
        })?,
        (None, model) => tables(options, model)?,
    };
    let set = |field: &mut Option<f64>, option: Option<f64>| *field = option.or(*field);
    set(&mut problem.radius, options.radius);
    set(&mut problem.outer_radius, options.outer_radius);
    set(&mut problem.budget, options.budget);
    set(&mut problem.unmet_cost, options.unmet_cost);
    set(&mut problem.tail, options.tail);
    set(&mut problem.robust, options.robust);
    set(&mut problem.time_limit, options.time_limit);
    problem.p = options.p.or(problem.p);
    problem.seed = options.seed.unwrap_or(problem.seed);
    problem.draws = options.draws.unwrap_or(problem.draws);
    problem.alternatives = options.alternatives.unwrap_or(problem.alternatives);
    problem.front |= options.front;
    Ok(problem)
}

fn tables(options: &Options, model: Option<Model>) -> Result<Problem, OptimiseCommandError> {
    let (Some(model), Some(demand), Some(sites), Some(costs)) =
        (model, &options.demand, &options.sites, &options.costs)
    else {
        // Unwrap safety: the parser of command lines requires all four where no problem is given.
        unreachable!("a problem or its tables")
    };
    let name = |file: &Path| file.display().to_string();
    // Travel beyond every radius decides nothing, and there is much of it.
    let covers = matches!(model, Model::Mclp | Model::Lscp);
    let within = (options.outer_radius.or(options.radius)).filter(|_| covers);
    let mut problem = Problem::new(
        model,
        table::demand(open(demand)?, &name(demand))?,
        table::sites(open(sites)?, &name(sites))?,
        table::costs(open(costs)?, &name(costs), options.mode.as_deref(), within)?,
    );
    table::one_mode(open(costs)?, &name(costs), options.mode.as_deref())?;
    problem.data_version = Some(data_version(&[demand, sites, costs])?);
    Ok(problem)
}

/// The digest of what was read, so that a plan can be traced to its tables.
fn data_version(files: &[&PathBuf]) -> Result<String, OptimiseCommandError> {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for file in files {
        let mut reader = open(file)?;
        let failed = |source| OptimiseCommandError::File {
            file: (*file).clone(),
            source,
        };
        loop {
            let chunk = std::io::BufRead::fill_buf(&mut reader).map_err(failed)?;
            if chunk.is_empty() {
                break;
            }
            digest.update(chunk);
            let read = chunk.len();
            std::io::BufRead::consume(&mut reader, read);
        }
    }
    let hex: String = (digest.finish().as_ref().iter())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("sha256:{hex}"))
}

/// Shows the best plan and bound on a terminal.
#[derive(Default)]
struct Progress {
    objective: Option<f64>,
    bound: Option<f64>,
    is_shown: bool,
}

impl Progress {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Incumbent { objective, .. } => self.objective = Some(*objective),
            Event::Bound { bound } => self.bound = Some(*bound),
            Event::Plan { .. } | Event::Error { .. } => return,
        }
        if !std::io::stderr().is_terminal() {
            return;
        }
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
        let gap =
            (self.objective.zip(self.bound)).and_then(|(objective, bound)| gap(objective, bound));
        let gap = gap.map_or(String::new(), |gap| format!(", gap {:.3} %", 100.0 * gap));
        eprint!(
            "\r\x1b[Kplan {}, bound {}{gap}",
            number(self.objective),
            number(self.bound)
        );
        self.is_shown = true;
    }

    fn end(&self) {
        if self.is_shown {
            eprintln!();
        }
    }
}

/// One line that says what the plan is.
fn summary(plan: &Plan) -> String {
    let status = match plan.status {
        Status::Optimal => "optimal",
        Status::Feasible => "feasible",
        Status::Infeasible => "infeasible",
        Status::Cancelled => "cancelled",
    };
    let mut text = status.to_owned();
    if let Some(objective) = plan.objective {
        text.push_str(&format!(": objective {objective:.2}"));
    }
    if let (Some(gap), Status::Feasible | Status::Cancelled) = (plan.gap, plan.status) {
        text.push_str(&format!(", at most {:.3} % from the best", 100.0 * gap));
    }
    if !plan.open.is_empty() {
        text.push_str(&format!(", {} sites open", plan.open.len()));
    }
    if let Some(reason) = &plan.reason {
        text.push_str(&format!(": {reason}"));
    }
    text
}
