//! Measures forecasts against named baselines in one run: `cargo xtask bench forecast`. Where a file of public series is
//! absent its part is left out, visibly. Takes the folder of those files, and one part's name to run it alone:
//! m1, noisy, levels, shocks or milan.

mod accuracy;
mod levels;
mod milan;
mod noisy;
mod sample;
mod shocks;
mod timing;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo itself says `--bench` to whatever it benches.
    let mut arguments = std::env::args_os().skip(1).filter(|a| a != "--bench");
    let folder = arguments
        .next()
        .map_or_else(|| PathBuf::from("../shared/data/forecast"), PathBuf::from);
    let only = arguments.next().and_then(|part| part.into_string().ok());
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut done = Ok(());
    if wanted("m1") {
        done = done.and(with(&folder.join("m1_monthly.csv"), accuracy::run));
    }
    if wanted("noisy") {
        done = done.and(noisy::run());
    }
    if wanted("levels") {
        done = done.and(with(
            &folder.join("tourism_au_quarterly_bottom.csv"),
            levels::run,
        ));
    }
    if wanted("shocks") {
        done = done.and(shocks::run());
    }
    if wanted("milan") {
        done = done.and(milan::run());
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

type Done = Result<(), Box<dyn std::error::Error>>;

fn with(file: &std::path::Path, run: fn(&[sample::Sample]) -> Done) -> Done {
    if !file.exists() {
        println!("skipped: {} is not here", file.display());
        return Ok(());
    }
    run(&sample::read(file)?)
}
