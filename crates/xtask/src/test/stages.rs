//! The stages of `cargo xtask test`, in the order they run. The website comes before any Rust, which embeds it.

use super::counts::Counts;
use crate::setup::{self, Need};
use crate::workspace::{Workspace, run, watched};
use crate::{check, demo, web};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::process::Command;

/// Size of the demonstration city that CI runs, relative to Milan.
const DEMO_SCALE: f64 = 0.1;

/// One stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Stage {
    /// Find or install C and C++ compilers with CMake, Node, Chromium and Python.
    Setup,
    /// Formatting.
    Fmt,
    /// Build, type-check and test the website.
    Web,
    /// Lints, warnings being errors.
    Clippy,
    /// API documentation, warnings being errors.
    Docs,
    /// The architecture.
    Check,
    /// Build everything, tests included.
    Build,
    /// Unit, property and end-to-end tests.
    Tests,
    /// Examples in the documentation.
    Examples,
    /// A whole city, once.
    Demo,
    /// The website in a browser.
    Browser,
}

impl Stage {
    /// What it is called in the summary.
    pub(super) fn title(self) -> &'static str {
        match self {
            Stage::Setup => "setup",
            Stage::Fmt => "formatting",
            Stage::Web => "website",
            Stage::Clippy => "clippy",
            Stage::Docs => "API documentation",
            Stage::Check => "architecture",
            Stage::Build => "build",
            Stage::Tests => "unit, property and end-to-end tests",
            Stage::Examples => "documentation examples",
            Stage::Demo => "demo --once",
            Stage::Browser => "browser",
        }
    }

    /// Stages without whose success it has no sense.
    pub(super) fn needs(self) -> &'static [Stage] {
        match self {
            Stage::Tests | Stage::Examples | Stage::Demo => &[Stage::Build],
            Stage::Browser => &[Stage::Web, Stage::Build, Stage::Demo],
            _ => &[],
        }
    }

    /// Runs it and adds the tests it ran to `counts`.
    pub(super) fn run(self, workspace: &Workspace, counts: &mut Counts) -> Result<()> {
        match self {
            Stage::Setup => set_up(workspace),
            Stage::Fmt => run(workspace.cargo().args(["fmt", "--all", "--check"])),
            Stage::Web => {
                web::build(workspace, &mut |_| ())?;
                web::check(workspace, &mut |line| counts.read(line))
            }
            Stage::Clippy => run(workspace.cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])),
            Stage::Docs => run(workspace.cargo().env("RUSTDOCFLAGS", "-D warnings").args([
                "doc",
                "--workspace",
                "--no-deps",
            ])),
            Stage::Check => check::run(workspace),
            Stage::Build => run(workspace
                .cargo()
                .args(["build", "--workspace", "--all-targets"])),
            Stage::Tests => tests(workspace, counts),
            // Only with nextest: `cargo test` has run the examples already.
            Stage::Examples if !has_nextest() => Ok(()),
            Stage::Examples => watched(
                workspace.cargo().args(["test", "--workspace", "--doc"]),
                |line| counts.read(line),
            ),
            Stage::Demo => demo::once(workspace, DEMO_SCALE),
            Stage::Browser => browser(workspace, counts),
        }
    }
}

fn set_up(workspace: &Workspace) -> Result<()> {
    for part in ["fmt", "clippy"] {
        let there = crate::workspace::output(workspace.cargo().args([part, "--version"]));
        if there.is_err() {
            let component = if part == "fmt" { "rustfmt" } else { part };
            run(Command::new("rustup").args(["component", "add", component]))
                .with_context(|| format!("`cargo {part}` is missing and rustup cannot add it"))?;
        }
    }
    setup::ensure(&[
        Need::Compiler,
        Need::Highs,
        Need::Node,
        Need::Chromium,
        Need::Python,
        Need::Registers,
    ])
}

fn has_nextest() -> bool {
    setup::find("cargo-nextest").is_some()
}

fn tests(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let mut command = workspace.cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--no-fail-fast"]);
    }
    watched(&mut command, |line| counts.read(line))
}

/// Starts the city the stage before made, on free ports, and walks through the website as a person would.
fn browser(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let script = workspace.root.join("tests/browser/run.mjs");
    anyhow::ensure!(script.is_file(), "{} is missing", script.display());
    let chromium = setup::chromium().context("no Chromium was found")?;
    let city = demo::in_background(workspace, DEMO_SCALE)?;
    let mut command = Command::new("node");
    command
        .current_dir(&workspace.root)
        .arg(script)
        .arg(city.description())
        .arg("--screenshots")
        .arg(workspace.target.join("browser"))
        .env("CHROMIUM", chromium);
    watched(&mut command, |line| counts.read(line)).with_context(|| city.log_tails())
}
