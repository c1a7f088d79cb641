//! `cargo xtask bench coverage`: runs the measurement that lives beside the mechanism, whose noise it needs.

use super::{Beside, over_cities};
use crate::workspace::Workspace;
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
    let measurement = Beside::example("mechanism", "bench_coverage");
    let bounds = if options.uncut { "uncut" } else { "cut" };
    over_cities(
        workspace,
        &measurement,
        options.seeds,
        options.scale,
        &[bounds],
    )
}
