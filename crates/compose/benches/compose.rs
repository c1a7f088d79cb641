//! Measures the composition of one month of a city against a dense Cholesky factor of the same normal equations, in one run:
//! `cargo xtask bench compose`. Takes the file of census sections; where it is absent, that part is left out, visibly.

use compose::{Lattice, LeastSquares, Tiling, area_tiling};
use geography::Level;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Target groups of the taxonomy the city plans for.
const TARGETS: usize = 115;

fn main() -> ExitCode {
    // Cargo itself says `--bench` to whatever it benches.
    let file = (std::env::args_os()
        .skip(1)
        .find(|argument| argument != "--bench"))
    .map_or_else(
        || PathBuf::from("../shared/data/areas/milano_sections_2011.csv"),
        PathBuf::from,
    );
    println!(
        "{:38} {:>7} {:>9} {:>10} {:>10} {:>8} {:>10}",
        "one month of Milan, 115 targets",
        "cells",
        "relations",
        "CPU s",
        "dense s",
        "ratio",
        "differ by"
    );
    let pieces: Vec<Tiling> = Level::ALL
        .map(|level| area_tiling(level, Some(Level::MicroArea)))
        .into();
    measure("city, municipio, NIL, 106 pieces", pieces);
    let unsure: Vec<Tiling> = Level::ALL.map(|level| area_tiling(level, None)).into();
    measure("the same, municipi not sums of pieces", unsure);
    match sections(&file) {
        Ok(tilings) => measure("city, municipio, NIL, 6,079 sections", tilings),
        Err(why) => println!("skipped: sections, {why}"),
    }
    ExitCode::SUCCESS
}

/// City, municipi, NIL and sections, from the columns MUNICIPIO and ID_NIL of the file.
fn sections(file: &Path) -> Result<Vec<Tiling>, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| {
        (header.iter().position(|column| *column == name))
            .ok_or_else(|| format!("{}: no column {name}", file.display()))
    };
    let (municipio, nil) = (place("MUNICIPIO")?, place("ID_NIL")?);
    let (mut municipi, mut nils) = (Vec::new(), Vec::new());
    for (number, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let key = |column: usize| {
            (fields
                .get(column)
                .and_then(|field| field.trim_end_matches(".0").parse::<usize>().ok()))
            .ok_or_else(|| format!("{}: line {} names no area", file.display(), number + 2))
        };
        municipi.push(key(municipio)?);
        nils.push(key(nil)?);
    }
    let count = nils.len();
    let tiling = |of: Vec<usize>| {
        let cells = of.iter().max().map_or(0, |most| most + 1);
        Tiling::try_new(of, cells).map_err(|error| error.to_string())
    };
    Ok(vec![
        Tiling::all(count),
        tiling(municipi)?,
        tiling(nils)?,
        Tiling::each(count),
    ])
}

fn measure(name: &str, tilings: Vec<Tiling>) {
    // Unwrap safety: the tilings divide the same atoms, as they were made above.
    let lattice = Lattice::try_new(tilings).expect("a lattice");
    // Shares 10, 15, 25 and 50 percent of rho 0.1 over the levels, six nodes.
    let mut variance = Vec::with_capacity(lattice.cells());
    for (tiling, share) in lattice.tilings().iter().zip([0.10, 0.15, 0.25, 0.50]) {
        variance.extend(vec![6.0 / (2.0 * 0.1 * share); tiling.cells()]);
    }
    let mut word = 1u64;
    let measured: Vec<Vec<f64>> = (0..TARGETS)
        .map(|_| {
            (0..lattice.cells())
                .map(|_| {
                    word = word
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (word >> 55) as f64
                })
                .collect()
        })
        .collect();
    let (ours, (estimates, variances)) = timed(|| {
        let least = LeastSquares::new(&lattice, variance.clone()).expect("variances");
        let estimates: Vec<Vec<f64>> = (measured.iter())
            .map(|measured| least.estimate(measured).expect("as many cells"))
            .collect();
        (estimates, least.variances())
    });
    let (theirs, (dense, dense_variance)) = timed(|| dense(&lattice, &variance, &measured));
    let far = |a: &[f64], b: &[f64]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max)
    };
    let differ = (estimates.iter().zip(&dense))
        .map(|(a, b)| far(a, b))
        .fold(0.0, f64::max);
    // The variance of the first cell, which the dense way gets of one more solution.
    let differ = differ.max((variances[0] - dense_variance).abs());
    println!(
        "{name:38} {:7} {:9} {ours:10.5} {theirs:10.5} {:7.1}x {differ:10.1e}",
        lattice.cells(),
        lattice.relation_count(),
        theirs / ours
    );
}

/// The estimates of all cells by a dense Cholesky factor of A' W A over the atoms that differ, and the variance of the first.
fn dense(lattice: &Lattice, variance: &[f64], measured: &[Vec<f64>]) -> (Vec<Vec<f64>>, f64) {
    // Atoms in the same cells of all tilings cannot be told apart and need not be.
    let mut atoms: Vec<Vec<usize>> = (0..lattice.tilings()[0].cell_of().len())
        .map(|atom| {
            (lattice.tilings().iter().enumerate())
                .map(|(number, tiling)| lattice.range(number).start + tiling.cell_of()[atom])
                .collect()
        })
        .collect();
    atoms.sort();
    atoms.dedup();
    let count = atoms.len();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); lattice.cells()];
    for (atom, cells) in atoms.iter().enumerate() {
        for cell in cells {
            members[*cell].push(atom);
        }
    }
    let mut factor: Vec<Vec<f64>> = (0..count).map(|row| vec![0.0; row + 1]).collect();
    for (members, variance) in members.iter().zip(variance) {
        for (place, row) in members.iter().enumerate() {
            for column in &members[..=place] {
                factor[*row][*column] += 1.0 / variance;
            }
        }
    }
    for row in 0..count {
        let (above, rest) = factor.split_at_mut(row);
        let this = &mut rest[0];
        for column in 0..row {
            let value = (this[column] - dot(&this[..column], &above[column][..column]))
                / above[column][column];
            this[column] = value;
        }
        this[row] = (this[row] - dot(&this[..row], &this[..row])).sqrt();
    }
    let solve = |mut right: Vec<f64>| {
        for row in 0..count {
            right[row] = (right[row] - dot(&factor[row][..row], &right[..row])) / factor[row][row];
        }
        for row in (0..count).rev() {
            right[row] /= factor[row][row];
            let value = right[row];
            for (entry, weight) in right[..row].iter_mut().zip(&factor[row]) {
                *entry -= value * weight;
            }
        }
        right
    };
    let cells = |solved: &[f64]| -> Vec<f64> {
        members
            .iter()
            .map(|members| members.iter().map(|atom| solved[*atom]).sum())
            .collect()
    };
    let estimates = (measured.iter())
        .map(|measured| {
            let mut right = vec![0.0; count];
            for (atom, of) in atoms.iter().enumerate() {
                right[atom] = of
                    .iter()
                    .map(|cell| measured[*cell] / variance[*cell])
                    .sum();
            }
            cells(&solve(right))
        })
        .collect();
    let mut first = vec![0.0; count];
    for atom in &members[0] {
        first[*atom] = 1.0;
    }
    (estimates, cells(&solve(first))[0])
}

/// Four sums side by side, so that the baseline uses what the processor has.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (left, right) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = left
        .remainder()
        .iter()
        .zip(right.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in left.zip(right) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Processor seconds of one run, by as many as fill a quarter of a second, and what the last came to.
fn timed<T>(run: impl Fn() -> T) -> (f64, T) {
    let watch = Stopwatch::start();
    let mut runs = 0u32;
    loop {
        let found = run();
        runs += 1;
        let seconds = watch.seconds();
        if seconds > 0.25 {
            return (seconds / f64::from(runs), found);
        }
    }
}

/// Seconds the processor spent on this thread, so that a busy machine does not change a speed.
struct Stopwatch {
    cpu: Option<f64>,
    wall: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            cpu: thread_seconds(),
            wall: Instant::now(),
        }
    }

    fn seconds(&self) -> f64 {
        match (self.cpu, thread_seconds()) {
            (Some(before), Some(now)) => now - before,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Linux tells nanoseconds on the processor as the first number of this file.
fn thread_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds * 1e-9)
}
