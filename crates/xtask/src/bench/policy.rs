//! `cargo xtask bench policy`: runs the measurement that lives beside the ledger, whose commit is its baseline.

use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;

/// Options of `cargo xtask bench policy`.
#[derive(Args)]
pub(crate) struct Options {
    /// Builds as development does, which takes less time to build and more to decide.
    #[arg(long)]
    dev: bool,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "run",
        "--quiet",
        "-p",
        "ledger",
        "--example",
        "bench_policy",
    ]);
    if !options.dev {
        cargo.arg("--release");
    }
    run_command(&mut cargo)
}
