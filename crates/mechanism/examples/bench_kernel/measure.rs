//! What is measured, each in a process of its own so that its memory is its own.
//! A measurement is a line of names and numbers on standard output.

use crate::register::YEARS;
use anyhow::{Context, Result, bail};
use privacy_loss::price;
use query::AggregateQuery;
use rustix::time::{ClockId, clock_gettime};
use snapshot::{Columns, CsvSource, Edition, Mapping, NodeKey, Outcome, Snapshot};
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

/// How often a question is asked; the best time counts, since others use the machine too.
const TURNS: usize = 15;

/// A clock on the wall and one that counts what this process computes.
struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Clock {
        Clock {
            wall: Instant::now(),
            cpu: cpu(),
        }
    }

    /// Seconds on the wall and of computing.
    fn stop(self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu() - self.cpu)
    }
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Most bytes this process ever held.
fn peak_bytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("needs Linux's /proc")?;
    let line = (status.lines()).find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmHWM")?.parse::<f64>()? * 1024.0)
}

fn mapping() -> Result<Mapping> {
    Ok(Mapping::parse(Mapping::municipal_register())?)
}

/// The register, split into fields by the crate `csv` and nothing more, on one thread.
pub(crate) fn split(register: &Path) -> Result<()> {
    let clock = Clock::start();
    let file = BufReader::with_capacity(1 << 18, File::open(register)?);
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(file);
    let mut record = csv::ByteRecord::new();
    let (mut rows, mut fields) = (0u64, 0u64);
    while reader.read_byte_record(&mut record)? {
        rows += 1;
        fields += record.len() as u64;
    }
    black_box(fields);
    report(clock, rows)
}

/// The register, parsed into typed rows and nothing more, on one thread.
pub(crate) fn parse(register: &Path) -> Result<()> {
    let mapping = mapping()?;
    let clock = Clock::start();
    let mut source = CsvSource::open(File::open(register)?, &mapping)?;
    let mut rows = 0u64;
    while let Some(outcome) = source.next_row()? {
        if let Outcome::Row(row) = black_box(outcome) {
            black_box(row);
            rows += 1;
        }
    }
    report(clock, rows)
}

/// The register, imported.
pub(crate) fn import(register: &Path, to: &Path) -> Result<()> {
    let mapping = mapping()?;
    let edition = Edition {
        number: 1,
        label: "2026-01".to_owned(),
        created_at: 0,
    };
    let clock = Clock::start();
    let key = NodeKey::new(&[1; 32]);
    let (snapshot, quality) = Snapshot::build(&mapping, File::open(register)?, &key, edition)?;
    report(clock, quality.loaded)?;
    snapshot.write(to)?;
    Ok(())
}

fn report(clock: Clock, rows: u64) -> Result<()> {
    let (wall, cpu) = clock.stop();
    println!("wall {wall} cpu {cpu} rows {rows} peak {}", peak_bytes()?);
    Ok(())
}

/// The questions: persons and a clamped sum, over 880 cells (and `unknown`) and over 100,000; and needs by area and quarter,
/// whose targets read more columns than the streaming sum adds up.
fn questions() -> Result<Vec<(&'static str, AggregateQuery)>> {
    let [from, to] = YEARS;
    let measures = [
        ("persons", r#""persons""#, 1),
        ("sum", r#""sum","quantity":"amount""#, 50_000),
    ];
    let mut questions = Vec::new();
    for (name, measure, per_cell) in measures {
        for period in ["", r#","period":"month""#] {
            let text = format!(
                r#"{{"version":1,"measure":{measure},"by":{{"area":"nil","service":true{period}}},
                "period":{{"from":"{from}-01","to":"{to}-12"}},
                "bounds":{{"cells":3,"per_cell":{per_cell}}},"rho":100000000}}"#
            );
            match AggregateQuery::parse(text.as_bytes()) {
                Ok(query) => questions.push((name, query)),
                Err(refusal) => bail!("{refusal:?}"),
            }
        }
    }
    // Needs as the planned cubes ask them, by neighbourhood and quarter.
    let needs = format!(
        r#"{{"version":1,"measure":"persons","by":{{"area":"nil","period":"quarter",
        "target":["elderly-75-plus","housing-need","income-support","low-income","minors","women-18-64"]}},
        "period":{{"from":"{from}-01","to":"{to}-12"}},
        "bounds":{{"cells":3,"per_cell":1}},"rho":100000000}}"#
    );
    match AggregateQuery::parse(needs.as_bytes()) {
        Ok(query) => questions.push(("needs", query)),
        Err(refusal) => bail!("{refusal:?}"),
    }
    Ok(questions)
}

/// The questions, asked of a snapshot in memory.
pub(crate) fn ask(snapshot: &Path) -> Result<()> {
    let clock = Clock::start();
    let snapshot = Snapshot::read(snapshot)?;
    let (load, _) = clock.stop();
    let columns = snapshot.columns();
    println!(
        "load {load} bytes {} persons {} events {}",
        snapshot.bytes(),
        snapshot.person_count(),
        columns.months.len()
    );
    for (name, query) in questions()? {
        let with_cents = query.measure().quantity().is_some();
        let mut best = [[f64::INFINITY; 2]; 3];
        let mut noise = f64::INFINITY;
        for turn in 0..TURNS {
            let clock = Clock::start();
            black_box(streaming_sum(black_box(columns), with_cents));
            keep_best(&mut best[0], clock.stop());
            for threads in [1, 2] {
                let clock = Clock::start();
                let exact = kernel::aggregate_with_threads(&query, &snapshot, threads);
                keep_best(&mut best[threads], clock.stop());
                if turn < 3 && threads == 2 {
                    let clock = Clock::start();
                    black_box(mechanism::release(exact, &price(&query))?);
                    noise = noise.min(clock.stop().0);
                }
            }
        }
        println!(
            "{name} cells {} bytes {} sum {} sum_cpu {} one {} one_cpu {} two {} two_cpu {} noise {noise}",
            query.cells(),
            column_bytes(columns, with_cents),
            best[0][0],
            best[0][1],
            best[1][0],
            best[1][1],
            best[2][0],
            best[2][1],
        );
    }
    println!("peak {}", peak_bytes()?);
    Ok(())
}

fn keep_best(best: &mut [f64; 2], (wall, cpu): (f64, f64)) {
    *best = [best[0].min(wall), best[1].min(cpu)];
}

/// The columns that these questions read, each added up from end to end.
#[inline(never)]
fn streaming_sum(columns: Columns<'_>, with_cents: bool) -> u64 {
    let words = columns
        .words
        .iter()
        .fold(0u64, |sum, word| sum.wrapping_add(*word));
    let homes: u64 = columns.homes.iter().map(|home| u64::from(*home)).sum();
    let starts: u64 = columns
        .event_starts
        .iter()
        .map(|start| u64::from(*start))
        .sum();
    let months: u64 = columns.months.iter().map(|month| u64::from(*month)).sum();
    let services: u64 = columns
        .services
        .iter()
        .map(|service| u64::from(*service))
        .sum();
    let cents: u64 = match with_cents {
        true => columns.cents.iter().map(|cents| u64::from(*cents)).sum(),
        false => 0,
    };
    words
        .wrapping_add(homes)
        .wrapping_add(starts)
        .wrapping_add(months)
        .wrapping_add(services)
        .wrapping_add(cents)
}

fn column_bytes(columns: Columns<'_>, with_cents: bool) -> usize {
    size_of_val(columns.words)
        + size_of_val(columns.homes)
        + size_of_val(columns.event_starts)
        + size_of_val(columns.months)
        + size_of_val(columns.services)
        + if with_cents {
            size_of_val(columns.cents)
        } else {
            0
        }
}
