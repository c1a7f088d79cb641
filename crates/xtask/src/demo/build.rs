//! Builds the programs of a demonstration, in the one profile everything uses.

use super::progress::Step;
use crate::workspace::{Stream, Workspace, lines, output};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;

/// The whole workspace rather than the three programs: Cargo then chooses the same features of shared libraries as it
/// does for the tests, and hardly anything is compiled twice.
const WHAT: [&str; 2] = ["--workspace", "--bins"];

/// Builds them; seconds when nothing changed, some minutes the first time.
///
/// # Errors
/// When something does not compile; then with what the compiler says.
pub(super) fn build(workspace: &Workspace) -> Result<()> {
    let tree = output(
        workspace
            .cargo()
            .args([
                "tree",
                "--prefix",
                "none",
                "-e",
                "normal,build",
                "-f",
                "{p}",
            ])
            .arg(WHAT[0]),
    )?;
    let step = Step::start("building", packages_in(&tree));
    let mut done = BTreeSet::new();
    lines(
        workspace
            .cargo()
            .args(["build", "--message-format", "json-render-diagnostics"])
            .args(WHAT),
        |line, stream| {
            if stream == Stream::Stdout
                && let Some((id, name)) = built(line)
            {
                done.insert(id);
                step.at(done.len(), &name);
            }
        },
    )
    .context("the programs do not build")?;
    step.done("programs built");
    Ok(())
}

/// How many packages a flat `cargo tree` names.
fn packages_in(tree: &str) -> usize {
    let lines = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)").trim());
    let packages: BTreeSet<&str> = lines.filter(|line| !line.is_empty()).collect();
    packages.len()
}

/// Package id and name of a part that Cargo says is built, build scripts aside.
fn built(message: &str) -> Option<(String, String)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let kind = message["target"]["kind"].get(0)?.as_str()?;
    if message["reason"] != "compiler-artifact" || kind == "custom-build" {
        return None;
    }
    let id = message["package_id"].as_str()?.to_owned();
    Some((id, message["target"]["name"].as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_counted_once() {
        assert_eq!(
            packages_in("a v1.0.0\nb v2.0.0\n\na v1.0.0 (*)\nb v1.0.0\n"),
            3
        );
    }

    #[test]
    fn only_built_parts_count() {
        let message = |reason: &str, kind: &str| {
            format!(
                r#"{{"reason":"{reason}","package_id":"p","target":{{"name":"n","kind":["{kind}"]}}}}"#
            )
        };
        assert!(built(&message("compiler-artifact", "lib")).is_some());
        assert!(built(&message("compiler-artifact", "custom-build")).is_none());
        assert!(built(&message("build-script-executed", "lib")).is_none());
        assert!(built("warning: something").is_none());
    }
}
