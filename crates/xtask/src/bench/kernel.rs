//! `cargo xtask bench kernel`: runs the measurement that lives beside the code it measures, built for speed.

use super::Beside;
use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;

/// Options of `cargo xtask bench kernel`.
#[derive(Args)]
pub(crate) struct Options {
    /// Rows of a register, such as 1e6; may be given more than once. Without any: 1e6, 1e7 and 5e7, which needs 7 GB of
    /// temporary files.
    #[arg(long = "rows")]
    rows: Vec<String>,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut command = Beside::example("mechanism", "bench_kernel").command(workspace);
    run_command(command.args(&options.rows))
}
