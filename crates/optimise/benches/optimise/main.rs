//! Measures solvers against the plain formulation of HiGHS in one run: `cargo xtask bench optimise`. Takes the folder
//! of the OR-Library's files (parts whose files are absent are left out, visibly), and one part's name to run it alone:
//! cap, pmed, city, large, covering, places or draws.
//!
//! CPU seconds are of all threads. `ratio` is the CPU time of HiGHS over ours; where HiGHS was stopped at its limit the
//! ratio is a lower bound and says so.

mod baseline;
mod instances;

use instances::Uniform;
use optimise::median::{Effort, Instance, solve, solve_from};
use optimise::watch::{Deadline, Unwatched, Watch};
use optimise::{Cost, Demand, Model, Problem, Site};
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Done = Result<(), Box<dyn Error>>;

/// One part of the measurements, given the folder of public problems.
type Part = fn(&Path) -> Done;
/// A public problem: its name, its file, its optimum where that is known.
type PublicFile = (String, PathBuf, Option<f64>);

fn main() -> ExitCode {
    // Cargo itself says `--bench` to whatever it benches.
    let mut arguments = std::env::args_os().skip(1).filter(|a| a != "--bench");
    let folder = arguments
        .next()
        .map_or_else(|| PathBuf::from("../shared/data/optimise"), PathBuf::from);
    let only = arguments.next().and_then(|part| part.into_string().ok());
    let parts: [(&str, Part); 7] = [
        ("cap", cap),
        ("pmed", pmed),
        ("city", city),
        ("large", large),
        ("covering", covering),
        ("places", places),
        ("draws", draws),
    ];
    println!(
        "{:24} {:>14} {:>14} {:>8} {:>9} {:>9} {:>9}",
        "problem", "objective", "bound", "gap %", "CPU s", "HiGHS s", "ratio"
    );
    for (part, run) in parts {
        if only.as_deref().is_some_and(|only| only != part) {
            continue;
        }
        if let Err(error) = run(&folder) {
            eprintln!("error in {part}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Stops after so many CPU seconds: what else runs on the machine does not change what is measured.
struct Processor {
    until: f64,
}

impl Processor {
    fn of(seconds: f64) -> Self {
        Self {
            until: cpu() + seconds,
        }
    }
}

impl Watch for Processor {
    fn is_stopped(&self) -> bool {
        cpu() >= self.until
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = cpu();
    (work(), cpu() - began)
}

/// The files of a folder in the order of their numbers, and optima by name.
fn files(folder: &Path, kind: &str) -> Result<Vec<PublicFile>, Box<dyn Error>> {
    let inner = folder.join(kind);
    if !inner.is_dir() {
        println!("skipped: {} is not here", inner.display());
        return Ok(Vec::new());
    }
    let optima: HashMap<String, f64> = std::fs::read_to_string(folder.join("optima.csv"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let (name, optimum) = line.split_once(',')?;
            Some((name.to_owned(), optimum.trim().parse().ok()?))
        })
        .collect();
    let mut found = Vec::new();
    for file in std::fs::read_dir(inner)? {
        let path = file?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with(kind) {
            found.push((name.clone(), path, optima.get(&name).copied()));
        }
    }
    found.sort_by_key(|(name, _, _)| (name.len(), name.clone()));
    Ok(found)
}

/// One row of the table.
fn row(name: &str, value: f64, bound: f64, ours: f64, highs: Option<baseline::Run>, note: &str) {
    let gap = 100.0 * (value - bound).abs() / value.abs();
    let (theirs, ratio) = highs.map_or(("-".to_owned(), "-".to_owned()), |run| {
        let mark = if run.is_complete { "" } else { ">" };
        (
            format!("{mark}{:.2}", run.cpu),
            format!("{mark}{:.1}", run.cpu / ours.max(1e-3)),
        )
    });
    println!(
        "{name:24} {value:14.3} {bound:14.3} {gap:8.4} {ours:9.3} {theirs:>9} {ratio:>9}  {note}"
    );
}

/// Against the known optimum, if there is one.
fn against(value: f64, optimum: Option<f64>) -> String {
    optimum.map_or(String::new(), |optimum| {
        let off = 100.0 * (value - optimum) / optimum;
        if off.abs() < 5e-7 {
            "the known optimum".to_owned()
        } else {
            format!("{off:.4} % above the known optimum")
        }
    })
}

/// Warehouses with capacities, exactly.
fn cap(folder: &Path) -> Done {
    for (name, path, optimum) in files(folder, "cap")? {
        let read = instances::warehouses(&path)?;
        let sites = (0..read.fixed.len()).map(|at| Site {
            id: format!("s{at}"),
            capacity: Some(read.capacity[at]),
            fixed_cost: read.fixed[at],
            ..Site::default()
        });
        let demand = (read.demand.iter().enumerate()).map(|(at, &demand)| Demand {
            id: format!("c{at}"),
            demand,
            ..Demand::default()
        });
        let mut costs = Vec::new();
        for (from, row) in read.cost.iter().enumerate() {
            for (to, whole) in row.iter().enumerate() {
                costs.push(Cost {
                    from_id: format!("c{from}"),
                    to_id: format!("s{to}"),
                    minutes: whole / read.demand[from],
                });
            }
        }
        let mut problem = Problem::new(Model::Warehouse, demand.collect(), sites.collect(), costs);
        problem.explain = false;
        let (plan, ours) = timed(|| optimise::solve(&problem, &Unwatched));
        let plan = plan?;
        let highs = baseline::warehouses(&read, baseline::LIMIT)?;
        let value = plan.objective.ok_or("no plan")?;
        row(
            &name,
            value,
            plan.bound.unwrap_or(f64::NAN),
            ours,
            Some(highs),
            &against(value, optimum),
        );
    }
    Ok(())
}

fn measured(
    name: &str,
    instance: &Instance,
    limit: f64,
    optimum: Option<f64>,
    highs: bool,
) -> Done {
    compared(name, instance, limit, optimum, highs, &|value| value)
}

/// Solves with ours and, where asked, with HiGHS. `shown` makes of an objective the one that people read.
fn compared(
    name: &str,
    instance: &Instance,
    limit: f64,
    optimum: Option<f64>,
    highs: bool,
    shown: &dyn Fn(f64) -> f64,
) -> Done {
    let (solved, ours) = timed(|| solve(instance, Effort::default(), &Processor::of(limit)));
    let solved = solved.ok_or("no plan")?;
    let run = highs
        .then(|| baseline::median(instance, baseline::LIMIT))
        .transpose()?;
    let (value, bound) = (shown(solved.value), shown(solved.bound));
    let proven = if solved.is_proven { "proven " } else { "" };
    let stopped = run.as_ref().and_then(|run| run.stopped(value));
    let note = format!(
        "{proven}{}{}",
        against(value, optimum),
        stopped.map_or(String::new(), |stopped| format!("; {stopped}"))
    );
    row(name, value, bound, ours, run, &note);
    Ok(())
}

/// Files of the OR-Library, 100 to 900 vertices.
fn pmed(folder: &Path) -> Done {
    for (name, path, optimum) in files(folder, "pmed")? {
        let instance = instances::p_median(&path)?;
        // The plain formulation of larger files does not end in minutes.
        let highs = instance.sites() <= 100;
        measured(&name, &instance, 2.0, optimum, highs)?;
    }
    Ok(())
}

/// 88 areas and 200 sites.
fn city(_: &Path) -> Done {
    for (seed, p) in [(1, 5), (2, 10), (3, 20)] {
        let instance = instances::city(seed, 88, 200, p);
        measured(&format!("88 x 200, p {p}"), &instance, 2.0, None, true)?;
    }
    Ok(())
}

/// 1,000 areas and 200 sites, and as many vertices as the largest files.
fn large(_: &Path) -> Done {
    for (at, (seed, p)) in [(1, 10), (2, 20), (3, 50)].into_iter().enumerate() {
        let instance = instances::city(seed, 1000, 200, p);
        measured(&format!("1000 x 200, p {p}"), &instance, 5.0, None, at == 0)?;
    }
    for p in [5, 90, 180] {
        let instance = instances::city(7, 900, 900, p);
        measured(&format!("900 x 900, p {p}"), &instance, 5.0, None, false)?;
    }
    Ok(())
}

/// Maximal covering with 6,000 areas and 500 sites. The last covers nearly everybody, where the relaxation says little.
fn covering(_: &Path) -> Done {
    for (at, (p, radius)) in [
        (10, 5.0),
        (20, 5.0),
        (50, 3.0),
        (10, 8.0),
        (20, 6.0),
        (20, 8.0),
    ]
    .into_iter()
    .enumerate()
    {
        // Of the last but one another seed, so that the others stay as they were.
        let seed = if radius == 6.0 {
            11
        } else {
            at.min(4) as u64 + 1
        };
        let instance = instances::covering(seed, 6000, 500, p, radius);
        let name = format!("cover 6000x500 p{p} r{radius}");
        let all: f64 = instance.weight.iter().sum();
        compared(&name, &instance, 6.0, None, true, &|uncovered| {
            all - uncovered
        })?;
    }
    Ok(())
}

/// Places, modules and a budget: ours and the plain formulation, each stopped after the same time.
fn places(_: &Path) -> Done {
    for (seed, areas, sites, budget) in [
        (1, 88, 60, 1_500_000.0),
        (2, 300, 80, 3_500_000.0),
        (3, 600, 150, 3_500_000.0),
    ] {
        let problem = instances::with_places(seed, areas, sites, budget);
        let limit = Deadline::after(Some(Duration::from_secs_f64(baseline::LIMIT)));
        let (plan, ours) = timed(|| optimise::solve(&problem, &limit));
        let plan = plan?;
        let Some(value) = plan.objective else {
            println!("places {areas} x {sites}: no plan within the time");
            continue;
        };
        let highs = baseline::places(&problem, baseline::LIMIT)?;
        let note = highs.stopped(value).unwrap_or_default();
        row(
            &format!("places {areas} x {sites}"),
            value,
            plan.bound.unwrap_or(f64::NAN),
            ours,
            Some(highs),
            &note,
        );
    }
    Ok(())
}

/// 200 noise draws of an 88 x 200 plan: each draw solved from the plan, against HiGHS on ten of them.
fn draws(_: &Path) -> Done {
    const DRAWS: usize = 200;
    const OF_HIGHS: usize = 3;
    let instance = instances::city(1, 88, 200, 10);
    let plan = solve(&instance, Effort::default(), &Unwatched).ok_or("no plan")?;
    let mut random = Uniform(99);
    let drawn: Vec<Instance> = (0..DRAWS)
        .map(|_| {
            let mut drawn = instance.clone();
            for weight in &mut drawn.weight {
                *weight += 15.0 * random.normal();
            }
            drawn
        })
        .collect();
    let effort = Effort {
        seed: 0,
        rounds: 2,
        nodes: 60,
    };
    let wall = Instant::now();
    let (proven, ours) = timed(|| {
        drawn
            .iter()
            .filter_map(|drawn| solve_from(drawn, Some(&plan.open), effort, &Unwatched))
            .filter(|solved| solved.is_proven)
            .count()
    });
    let wall = wall.elapsed().as_secs_f64();
    let mut highs = 0.0;
    for drawn in drawn.iter().take(OF_HIGHS) {
        highs += baseline::median(drawn, baseline::LIMIT)?.cpu;
    }
    let each = highs / OF_HIGHS as f64;
    println!(
        "{DRAWS} draws of 88 x 200: {ours:.2} CPU s, {wall:.2} s on one thread, {proven} proven; HiGHS {each:.2} CPU s a draw: ratio {:.0}",
        each * DRAWS as f64 / ours
    );
    Ok(())
}
