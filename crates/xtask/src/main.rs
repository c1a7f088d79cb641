//! Developer commands: `cargo xtask demo | test | check | bench | simulate | web | dist | screenshots | fuzz-api`. Each finds or installs what it needs, says what it
//! does, and stops what it started.

mod bench;
mod browser;
mod check;
mod demo;
mod dist;
mod fuzz_api;
mod group;
mod http;
mod interruption;
mod setup;
mod simulate;
mod test;
mod web;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// Developer commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a whole city on this computer: a coordinator, six node agents, a study, first releases, the website.
    Demo(demo::Options),
    /// Runs all that CI runs and prints the minutes of each stage.
    Test(test::Options),
    /// Checks that the architecture's walls stand.
    Check,
    /// Measures, as ratios to a baseline of the same run.
    Bench(bench::Options),
    /// Runs seeds of the simulated federation.
    Simulate(simulate::Options),
    /// Builds the website.
    Web(web::Options),
    /// Makes what is installed without compiling: a static node agent, a Debian package, a container recipe.
    Dist(dist::Options),
    /// Writes a picture of every page of the website at three widths.
    Screenshots(browser::Screenshots),
    /// Calls every operation of the API with generated input, as each role; fails on faults and on answers nobody described.
    FuzzApi(fuzz_api::Options),
    /// Prints what the default cubes buy and cost: noise against the counts to expect.
    BudgetTable,
}

fn main() -> ExitCode {
    closed_pipe::ends_quietly();
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interruption::Interrupted>() => {
            eprintln!("\nstopped");
            // What a shell reports of a program ended by Ctrl-C.
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    // Before anything is started, since what is started does not hear the terminal's signals itself.
    interruption::listen()?;
    let workspace = Workspace::find()?;
    match command {
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test(options) => test::run(&workspace, &options),
        Command::Check => check::run(&workspace),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Simulate(options) => simulate::run(&workspace, &options),
        Command::Web(options) => web::run(&workspace, &options),
        Command::Dist(options) => dist::run_dist(&workspace, &options),
        Command::Screenshots(options) => browser::screenshots(&workspace, &options),
        Command::FuzzApi(options) => fuzz_api::fuzz(&workspace, &options),
        Command::BudgetTable => workspace::run(workspace.cargo().args([
            "run",
            "--quiet",
            "--package",
            "demo-city",
            "--example",
            "budget_table",
        ])),
    }
}
