//! `cargo xtask bench compose`: runs the measurement that lives beside the `compose` crate, built for speed.

use super::{Beside, absolute};
use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask bench compose`.
#[derive(Args)]
pub(crate) struct Options {
    /// The file of Milan's census sections; their part is left out where it is absent.
    #[arg(long, default_value = "../shared/data/areas/milano_sections_2011.csv")]
    sections: PathBuf,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut command = Beside::benchmark("compose").command(workspace);
    run_command(command.arg(absolute(&options.sections)?))
}
