//! What is inside a program: CycloneDX 1.5, from Cargo's own resolution and the lock file's checksums.

use super::Release;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The inventory of one of our programs.
///
/// # Errors
/// When Cargo cannot resolve it or the lock file cannot be read.
pub(super) fn of(workspace: &Workspace, program: &str, release: &Release) -> Result<String> {
    let tree = output(workspace.cargo().args([
        "tree",
        "--locked",
        "--package",
        program,
        "--target",
        release.target,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ]))?;
    let lock = fs::read_to_string(workspace.root.join("Cargo.lock")).context("Cargo.lock")?;
    let inventory = inventory(program, &release.version, &tree, &checksums(&lock));
    Ok(serde_json::to_string_pretty(&inventory)? + "\n")
}

fn inventory(
    program: &str,
    version: &str,
    tree: &str,
    checksums: &BTreeMap<(String, String), String>,
) -> Value {
    // `name v1.2.3 (path or proc-macro)|licence`, repeated packages marked with a star.
    let packages: BTreeSet<(String, String, String)> = (tree.lines())
        .filter_map(|line| {
            let (package, licence) = line.rsplit_once('|')?;
            let mut words = package.split_whitespace();
            let name = words.next()?.to_owned();
            let version = words.next()?.strip_prefix('v')?.to_owned();
            let licence = licence.trim().trim_end_matches("(*)").trim().to_owned();
            Some((name, version, licence))
        })
        .filter(|(name, ..)| name != program)
        .collect();
    let components: Vec<Value> = (packages.into_iter())
        .map(|(name, version, licence)| {
            let mut component = json!({
                "type": "library",
                "name": name,
                "version": version,
                "purl": format!("pkg:cargo/{name}@{version}"),
            });
            if !licence.is_empty() {
                // The older way of writing "or".
                let expression = licence.replace('/', " OR ");
                component["licenses"] = json!([{ "expression": expression }]);
            }
            if let Some(checksum) = checksums.get(&(name, version)) {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            component
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "name": program, "version": version }
        },
        "components": components,
    })
}

/// The checksums a lock file holds, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            (package.lines())
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))
                .map(|value| value.trim_end_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (field("name"), field("version"), field("checksum"))
        {
            found.insert((name, version), checksum);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_names_each_package_once_with_licence_and_checksum() {
        let tree = "node-agent v0.1.0 (/x)|EUPL-1.2\nserde v1.0.1|MIT OR Apache-2.0\nold v0.2.0|MIT/Apache-2.0\nserde v1.0.1|MIT OR Apache-2.0 (*)\n";
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nsource = \"x\"\nchecksum = \"ab\"\n";
        let inventory = inventory("node-agent", "0.1.0", tree, &checksums(lock));
        let components = inventory["components"].as_array().expect("a list");
        assert_eq!(components.len(), 2);
        assert_eq!(
            components[0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(components[1]["purl"], "pkg:cargo/serde@1.0.1");
        assert_eq!(components[1]["hashes"][0]["content"], "ab");
    }
}
