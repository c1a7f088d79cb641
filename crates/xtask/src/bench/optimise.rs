//! `cargo xtask bench optimise`: runs the measurement that lives beside the `optimise` crate, built for speed.

use super::{Beside, absolute};
use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask bench optimise`.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the OR-Library's files: `pmed`, `cap` and `optima.csv`; parts whose files are absent are left out.
    #[arg(long, default_value = "../shared/data/optimise")]
    data: PathBuf,
    /// Only this part.
    #[arg(long, value_parser = ["cap", "pmed", "city", "large", "covering", "places", "draws"])]
    only: Option<String>,
    /// Build as for development, which needs no second build of HiGHS.
    #[arg(long)]
    dev: bool,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let measurement = Beside::benchmark("optimise").built_as_for_development(options.dev);
    let mut command = measurement.command(workspace);
    run_command(command.arg(absolute(&options.data)?).args(&options.only))
}
