//! Scripts of `tests/browser` that look at a demonstration: pictures of every page, measurements. One that runs already is used, or a
//! small one is started and stopped.

use crate::demo;
use crate::setup::{self, Need};
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Size of the demonstration that is started, relative to Milan.
const SCALE: f64 = 0.1;

/// Options of `cargo xtask screenshots`.
#[derive(Args)]
pub(crate) struct Screenshots {
    /// Where the pictures go [default: target/screenshots].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use a demonstration that is running, described by its `demo.json`, instead of starting one.
    #[arg(long, value_name = "FILE")]
    running: Option<PathBuf>,
    /// The language of the pages.
    #[arg(long, default_value = "en", value_parser = ["it", "en"])]
    language: String,
}

/// Writes a picture of every page at 1360, 768 and 390 pixels.
///
/// # Errors
/// When no demonstration can be started, or a page does not come or scrolls sideways.
pub(crate) fn screenshots(workspace: &Workspace, options: &Screenshots) -> Result<()> {
    let out = options.out.clone();
    let out = std::path::absolute(out.unwrap_or_else(|| workspace.target.join("screenshots")))?;
    let folder = out.to_str().context("--out is not text")?;
    let arguments = [folder, "--language", &options.language];
    script(
        workspace,
        options.running.as_deref(),
        "screenshots.mjs",
        &arguments,
    )?;
    println!("pictures are in {}", out.display());
    Ok(())
}

/// Runs a script with the description of a demonstration and further arguments.
pub(crate) fn script(
    workspace: &Workspace,
    running: Option<&Path>,
    name: &str,
    arguments: &[&str],
) -> Result<()> {
    setup::ensure(&[Need::Node, Need::Chromium])?;
    let chromium = setup::chromium().context("no Chromium was found")?;
    // Held until the script has ended; then it stops.
    let started = match running {
        None => Some(demo::built_in_background(workspace, SCALE)?),
        Some(_) => None,
    };
    let description = match (&started, running) {
        (Some(city), _) => city.description(),
        (None, running) => running.context("no demonstration is described")?,
    };
    run(Command::new("node")
        .current_dir(&workspace.root)
        .arg(workspace.root.join("tests/browser").join(name))
        .arg(std::path::absolute(description)?)
        .args(arguments)
        .env("CHROMIUM", chromium))
}
