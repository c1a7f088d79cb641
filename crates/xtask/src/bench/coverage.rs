//! `cargo xtask bench coverage`: runs the measurement that lives beside the mechanism, whose noise it needs.

use crate::workspace::{Workspace, run as run_command};
use anyhow::Result;
use clap::Args;

/// Options of `cargo xtask bench coverage`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many demo cities.
    #[arg(long, default_value_t = 50)]
    seeds: u64,
    /// How large each is, 1 being Milan.
    #[arg(long, default_value_t = 0.05)]
    scale: f64,
    /// With bounds that cut nothing off, at the same noise: what falls short then is not theirs.
    #[arg(long)]
    uncut: bool,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let example = [
        "run",
        "--quiet",
        "--release",
        "-p",
        "mechanism",
        "--example",
        "bench_coverage",
        "--",
    ];
    run_command(
        (workspace.cargo().args(example))
            .args([options.seeds.to_string(), options.scale.to_string()])
            .arg(if options.uncut { "uncut" } else { "cut" }),
    )
}
