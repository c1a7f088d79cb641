//! `cargo xtask bench optimise`: runs the measurement that lives beside the `optimise` crate, built for speed.

use crate::workspace::{Workspace, run as run_command};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask bench optimise`.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the OR-Library's files: `pmed`, `cap` and `optima.csv`; parts whose files are absent are left out.
    #[arg(long, default_value = "../shared/data/optimise")]
    data: PathBuf,
    /// Only this part.
    #[arg(long, value_parser = ["cap", "pmed", "city", "large", "covering", "draws"])]
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
    let data = std::path::absolute(&options.data).context("the folder of the files is no path")?;
    let mut command = workspace.cargo();
    command.args(["bench", "-p", "optimise", "--bench", "optimise"]);
    if options.dev {
        command.args(["--profile", "dev"]);
    }
    command.arg("--").arg(data).args(&options.only);
    run_command(&mut command)
}
