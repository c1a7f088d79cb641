//! `cargo xtask bench regret`: runs the measurement that lives beside the plans.

use super::{Beside, over_cities};
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;

/// Options of `cargo xtask bench regret`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many demo cities.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// How large each is, 1 being Milan.
    #[arg(long, default_value_t = 0.2)]
    scale: f64,
}

/// Builds and runs the measurement.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let measurement = Beside::example("optimise", "bench_regret");
    over_cities(workspace, &measurement, options.seeds, options.scale, &[])
}
