//! `cargo xtask simulate`: more seeds of the simulated federation than the tests run. A failing seed prints what led to it.

use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;

/// Options of `cargo xtask simulate`.
#[derive(Args)]
pub(crate) struct Options {
    /// Which seeds, the last excluded.
    #[arg(long, default_value = "0..1000")]
    seeds: String,
}

/// Runs the seeds.
///
/// # Errors
/// When it cannot be built, or a seed fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let test = [
        "test",
        "-p",
        "system-tests",
        "--test",
        "simulation",
        "--",
        "no_seed",
        "--nocapture",
    ];
    run_command((workspace.cargo().args(test)).env("WI_SIMULATION_SEEDS", &options.seeds))
}
