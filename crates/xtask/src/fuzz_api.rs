//! `cargo xtask fuzz-api`: calls every operation of the description with generated input, legal and not, as each role, and fails on an
//! answer that is a fault of ours or that the description does not name. The generator is Schemathesis, in an environment of its own.

use crate::demo;
use crate::setup::{self, Need};
use crate::workspace::{Workspace, output, run};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fixed, so that a run can be repeated.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// What every answer is held to: no fault of ours, and status, media type, body and headers as described.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
response_headers_conformance,unsupported_method,allow_header_conformance";
/// Held to without a token only: a request that names a valid token is judged by it alone, whatever else it carries.
const NOBODYS_CHECK: &str = "ignored_auth";
const NOBODY: &str = "nobody";
const CALLERS: [&str; 4] = [NOBODY, "analyst", "organisation", "dpo"];
/// Size of the demonstration that is started, relative to Milan.
const SCALE: f64 = 0.02;

/// Options of `cargo xtask fuzz-api`.
#[derive(Args)]
pub(crate) struct Options {
    /// Where generated input begins.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Cases of each operation and role.
    #[arg(long, default_value_t = 20)]
    cases: u32,
    /// Use a demonstration that is running, described by its `demo.json`, instead of starting one. Its budget is spent.
    #[arg(long, value_name = "FILE")]
    running: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When an answer breaks a rule; the report above it says which, with the call to repeat.
pub(crate) fn fuzz(workspace: &Workspace, options: &Options) -> Result<()> {
    let program = schemathesis(&workspace.target.join("schemathesis"))?;
    let started = match options.running {
        None => Some(demo::built_in_background(workspace, SCALE)?),
        Some(_) => None,
    };
    let description = match (&started, &options.running) {
        (Some(city), _) => city.description().to_owned(),
        (None, running) => running.clone().context("no demonstration is described")?,
    };
    let text = std::fs::read_to_string(&description)
        .with_context(|| format!("cannot read {}", description.display()))?;
    let demo: serde_json::Value = serde_json::from_str(&text)?;
    let web = demo["web"].as_str().context("`web` is missing")?;
    let dir = description
        .parent()
        .context("the description has a folder")?;
    let mut failed = Vec::new();
    for role in CALLERS {
        println!("as {role}");
        let mut command = Command::new(&program);
        // It keeps what it found in the folder where it runs.
        command
            .current_dir(&workspace.target)
            .args(["run", &format!("{web}/api/v1/openapi.json"), "--no-color"])
            .args(["--max-examples", &options.cases.to_string()])
            .args(["--seed", &options.seed.to_string()])
            .args(["--request-timeout", "30", "--suppress-health-check", "all"])
            .args(["--phases", "coverage,fuzzing", "--continue-on-failure"]);
        if role == NOBODY {
            command.args(["--checks", &format!("{CHECKS},{NOBODYS_CHECK}")]);
        } else {
            let name = demo["logins"][role]["name"].as_str().unwrap_or(role);
            let token = token(workspace, dir, name)?;
            command.args(["--checks", CHECKS]);
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        if run(&mut command).is_err() {
            failed.push(role);
        }
    }
    if !failed.is_empty() {
        bail!("answers broke a rule, as {}", failed.join(", "));
    }
    Ok(())
}

fn token(workspace: &Workspace, dir: &Path, name: &str) -> Result<String> {
    let printed = output(
        Command::new(workspace.program("coordinator"))
            .args(["admin", "api-token", "--name", name, "--label", "fuzz-api"])
            .arg("--config")
            .arg(dir.join("coordinator/coordinator.toml")),
    )?;
    Ok(printed.trim().to_owned())
}

/// The generator's program, installed where it is not yet.
fn schemathesis(dir: &Path) -> Result<PathBuf> {
    let program = dir.join("bin/schemathesis");
    let stamp = dir.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == SCHEMATHESIS) {
        return Ok(program);
    }
    setup::ensure(&[Need::Python])?;
    println!("installing {SCHEMATHESIS}");
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(dir))
    .context(
        "python3 cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv",
    )?;
    run(Command::new(dir.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]))?;
    std::fs::write(stamp, SCHEMATHESIS)?;
    Ok(program)
}
