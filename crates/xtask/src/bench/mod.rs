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

use crate::workspace::{Workspace, run as run_command};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// A measurement that lives beside the code it measures: Cargo builds it for speed, or as development does, and runs it.
struct Beside {
    package: &'static str,
    /// The name of the example, or none where it is the package's own benchmark.
    example: Option<&'static str>,
    is_dev: bool,
}

impl Beside {
    fn example(package: &'static str, name: &'static str) -> Beside {
        Beside {
            package,
            example: Some(name),
            is_dev: false,
        }
    }

    fn benchmark(package: &'static str) -> Beside {
        Beside {
            package,
            example: None,
            is_dev: false,
        }
    }

    fn built_as_for_development(self, is_dev: bool) -> Beside {
        Beside { is_dev, ..self }
    }

    /// The command, to which the measurement's own arguments are added.
    fn command(&self, workspace: &Workspace) -> Command {
        let mut cargo = workspace.cargo();
        match self.example {
            Some(name) => {
                cargo.args(["run", "--quiet", "-p", self.package, "--example", name]);
                if !self.is_dev {
                    cargo.arg("--release");
                }
            }
            None => {
                cargo.args(["bench", "-p", self.package, "--bench", self.package]);
                if self.is_dev {
                    cargo.args(["--profile", "dev"]);
                }
            }
        }
        cargo.arg("--");
        cargo
    }
}

/// How many demo cities a measurement is made over, and how large they are: the first arguments of all such measurements, before its own.
fn over_cities(
    workspace: &Workspace,
    measurement: &Beside,
    seeds: u64,
    scale: f64,
    own: &[&str],
) -> Result<()> {
    let mut command = measurement.command(workspace);
    run_command((command.args([seeds.to_string(), scale.to_string()])).args(own))
}

/// A path of the caller's folder, for a command that runs in another.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
