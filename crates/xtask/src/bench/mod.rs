//! `cargo xtask bench NAME`: measurements as ratios to a baseline of the same run. They assert nothing.

mod compose;
mod coverage;
mod federation;
mod forecast;
mod kernel;
mod optimise;
mod policy;
mod regret;
mod web;

use crate::workspace::Workspace;
use anyhow::Result;
use clap::{Args, Subcommand};

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Importing a register, asking its snapshot and drawing noise, against parsing and streaming the same bytes.
    Kernel(kernel::Options),
    /// Asking many nodes and composing their answers, against receiving and adding the same vectors.
    Federation(federation::Options),
    /// Making one month of a city consistent, against a dense factor of the same equations.
    Compose(compose::Options),
    /// How often intervals of estimates and forecasts hold the bounded truth of demo cities, by level.
    Coverage(coverage::Options),
    /// Forecasts of public and simulated series, against plain forecasts of the same series.
    Forecast(forecast::Options),
    /// One decision of a policy, against one commit of the ledger.
    Policy(policy::Options),
    /// Plans and their bounds on public and random problems, against the plain formulation of HiGHS.
    Optimise(optimise::Options),
    /// Whether stated regret, value and frequencies of plans are true over demo cities, against what they promise.
    Regret(regret::Options),
    /// The website: bytes, first views, map, many readers, against a static file of the same server.
    Web(web::Options),
}

/// Runs one measurement.
///
/// # Errors
/// When it cannot be built or run.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match &options.bench {
        Bench::Kernel(options) => kernel::run(workspace, options),
        Bench::Federation(options) => federation::run(workspace, options),
        Bench::Compose(options) => compose::run(workspace, options),
        Bench::Coverage(options) => coverage::run(workspace, options),
        Bench::Forecast(options) => forecast::run(workspace, options),
        Bench::Policy(options) => policy::run(workspace, options),
        Bench::Optimise(options) => optimise::run(workspace, options),
        Bench::Regret(options) => regret::run(workspace, options),
        Bench::Web(options) => web::run(workspace, options),
    }
}
