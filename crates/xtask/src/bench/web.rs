//! `cargo xtask bench web`: bytes, time to first view, layout shift, map interaction and many readers, as ratios to a static file of the
//! same server. What is measured stands in `tests/browser/measure.mjs`.

use crate::browser;
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask bench web`.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure a demonstration that is running, described by its `demo.json`, instead of starting one.
    #[arg(long, value_name = "FILE")]
    running: Option<PathBuf>,
    /// Only this part; may be given more than once.
    #[arg(long, value_parser = ["views", "map", "readers", "shift"])]
    only: Vec<String>,
    /// Readers at once.
    #[arg(long, default_value_t = 200)]
    readers: u32,
}

/// Measures.
///
/// # Errors
/// When no demonstration can be started, or a page does not come.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let readers = options.readers.to_string();
    let mut arguments = vec!["--readers", readers.as_str()];
    for part in &options.only {
        arguments.extend(["--only", part.as_str()]);
    }
    browser::script(
        workspace,
        options.running.as_deref(),
        "measure.mjs",
        &arguments,
    )
}
