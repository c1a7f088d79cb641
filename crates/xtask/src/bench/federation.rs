//! `cargo xtask bench federation`: runs the measurement that lives beside the end-to-end tests, built for speed.

use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;

/// Options of `cargo xtask bench federation`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many nodes; one table for each.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 50, 200])]
    nodes: Vec<usize>,
    /// How many cells an answer has.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000])]
    cells: Vec<usize>,
    /// Measures the programs as development and tests build them.
    #[arg(long)]
    dev: bool,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let listed = |numbers: &[usize]| {
        let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
        texts.join(",")
    };
    // One selection of packages, so that nothing is built twice.
    let packages = ["-p", "coordinator", "-p", "system-tests"];
    let (build, bench): (&[&str], &[&str]) = if options.dev {
        (&["build"], &["bench", "--profile", "dev"])
    } else {
        (&["build", "--release"], &["bench"])
    };
    let mut building = workspace.cargo();
    run_command((building.args(build).args(packages)).args(["--bin", "coordinator"]))?;
    run_command(
        (workspace.cargo().args(bench).args(packages))
            .args(["--bench", "federation", "--"])
            .args(["--nodes", &listed(&options.nodes)])
            .args(["--cells", &listed(&options.cells)]),
    )
}
