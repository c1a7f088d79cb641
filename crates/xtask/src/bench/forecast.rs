//! `cargo xtask bench forecast`: runs the measurement that lives beside the `forecast` crate, built for speed.

use crate::workspace::{Workspace, run as run_command};
use anyhow::{Context, Result};
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
    let data = std::path::absolute(&options.data).context("the folder of the series is no path")?;
    let mut command = workspace.cargo();
    command
        .args(["bench", "-p", "forecast", "--bench", "forecast", "--"])
        .arg(data)
        .args(&options.only);
    run_command(&mut command)
}
