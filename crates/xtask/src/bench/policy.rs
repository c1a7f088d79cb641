//! `cargo xtask bench policy`: runs the measurement that lives beside the ledger, whose commit is its baseline.

use super::Beside;
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
    let measurement = Beside::example("ledger", "bench_policy");
    run_command(&mut (measurement.built_as_for_development(options.dev)).command(workspace))
}
