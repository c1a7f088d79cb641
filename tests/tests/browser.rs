//! The website in a real browser, over the real coordinator and six real nodes; what is walked through stands in
//! `tests/browser/run.mjs`.

use anyhow::{Result, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::stack::Stack;

const MAX_RHO: u64 = 2_500_000_000;

/// What the walk needs and this machine lacks.
fn missing(root: &Path) -> Option<&'static str> {
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let driver = root.join("coordinator/web/node_modules/playwright-core");
    if !runs("node") {
        Some("Node is not installed")
    } else if !runs(&browser) {
        Some("Chromium is not installed")
    } else if !driver.exists() {
        Some("coordinator/web/node_modules is not installed: run `npm ci` there")
    } else if !root.join("coordinator/web/dist/index.html").exists() {
        Some("the website is not built: run `cargo xtask web`")
    } else {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_website_works_in_a_browser_in_both_languages() -> Result<()> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some(reason) = missing(&root) {
        ensure!(
            std::env::var("CI").as_deref() != Ok("true"),
            "in CI this must run: {reason}"
        );
        println!("SKIPPED: {reason}");
        return Ok(());
    }
    let stack = Stack::start(0.02, MAX_RHO).await?;
    stack.publish_offers().await?;
    // What the overview sets beside the offers: people by group.
    let by_group = json!({
        "version": 1, "measure": "persons",
        "by": { "area": "nil", "target": ["elderly-65-plus", "low-income", "minors"], "period": "quarter" },
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": 4, "per_cell": 1 }, "rho": 250_000_000
    });
    let by_group = stack.ask(&by_group, 3_600).await?;
    stack.release_of(&by_group).await?;
    let mut command = Command::new("node");
    command
        .arg(root.join("tests/browser/run.mjs"))
        .arg(stack.describe().await?);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(
        output.status.success(),
        "the browser found faults\n{}",
        stack.tails()
    );
    Ok(())
}
