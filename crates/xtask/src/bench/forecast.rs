//! `cargo xtask bench forecast`: runs the measurement that lives beside the `forecast` crate, built for speed.

use super::{Beside, absolute};
use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask bench forecast`.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the public series; parts whose file is absent are left out.
    #[arg(long, default_value = "../shared/data/forecast")]
    data: PathBuf,
    /// Only this part.
    #[arg(long, value_parser = ["m1", "noisy", "levels", "shocks", "milan"])]
    only: Option<String>,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut command = Beside::benchmark("forecast").command(workspace);
    run_command(command.arg(absolute(&options.data)?).args(&options.only))
}
