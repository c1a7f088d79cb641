//! The dependency graph as `cargo metadata` tells it. It keeps what the rules ask for and nothing else.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Packages by their id.
pub(crate) struct Graph {
    packages: BTreeMap<String, Package>,
}

/// One package.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Whether it is one of ours.
    pub(crate) is_member: bool,
    /// What each of its features turns on.
    pub(crate) declared_features: BTreeMap<String, Vec<String>>,
    /// What its manifest asks of others.
    pub(crate) asks: Vec<Asked>,
    /// The features the whole workspace turns on.
    pub(crate) features: BTreeSet<String>,
    /// Ids of its normal dependencies.
    normal: Vec<String>,
}

/// A dependency as a manifest states it.
pub(crate) struct Asked {
    /// Name of the package asked for.
    pub(crate) name: String,
    /// Features asked for.
    pub(crate) features: Vec<String>,
    /// Whether its default features are asked for.
    pub(crate) default_features: bool,
}

impl Graph {
    /// Reads the output of `cargo metadata --format-version 1`.
    pub(crate) fn from_metadata(text: &str) -> Result<Graph> {
        let metadata: Value = serde_json::from_str(text)?;
        let members = strings(&metadata["workspace_members"]);
        let mut packages = BTreeMap::new();
        for package in list(&metadata["packages"])? {
            let id = string(&package["id"])?;
            packages.insert(
                id.clone(),
                Package {
                    name: string(&package["name"])?,
                    version: string(&package["version"])?,
                    is_member: members.contains(&id),
                    declared_features: features(&package["features"]),
                    asks: list(&package["dependencies"])?
                        .iter()
                        .map(asked)
                        .collect::<Result<_>>()?,
                    features: BTreeSet::new(),
                    normal: Vec::new(),
                },
            );
        }
        for node in list(&metadata["resolve"]["nodes"])? {
            let package = packages
                .get_mut(&string(&node["id"])?)
                .context("a resolved package is not among the packages")?;
            package.features = strings(&node["features"]).into_iter().collect();
            for dependency in list(&node["deps"])? {
                let normal = list(&dependency["dep_kinds"])?
                    .iter()
                    .any(|kind| kind["kind"].is_null());
                if normal {
                    package.normal.push(string(&dependency["pkg"])?);
                }
            }
        }
        Ok(Graph { packages })
    }

    /// All packages.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// The packages of this name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Package> {
        self.packages().filter(move |package| package.name == name)
    }

    /// Our package of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Package> {
        self.named(name).find(|package| package.is_member)
    }

    /// The shortest way over normal dependencies from `from` to each package it reaches, as names.
    pub(crate) fn reached_from(&self, from: &Package) -> BTreeMap<String, Vec<String>> {
        let mut ways = BTreeMap::from([(from.name.clone(), vec![from.name.clone()])]);
        let mut front = vec![from];
        while !front.is_empty() {
            let mut next = Vec::new();
            for package in front {
                for reached in package.normal.iter().filter_map(|id| self.packages.get(id)) {
                    if ways.contains_key(&reached.name) {
                        continue;
                    }
                    let mut way = ways[&package.name].clone();
                    way.push(reached.name.clone());
                    ways.insert(reached.name.clone(), way);
                    next.push(reached);
                }
            }
            front = next;
        }
        ways
    }
}

fn asked(dependency: &Value) -> Result<Asked> {
    Ok(Asked {
        name: string(&dependency["name"])?,
        features: strings(&dependency["features"]),
        default_features: dependency["uses_default_features"]
            .as_bool()
            .unwrap_or(true),
    })
}

fn features(value: &Value) -> BTreeMap<String, Vec<String>> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, implied)| (name.clone(), strings(implied)))
        .collect()
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("a list is missing")
}

fn string(value: &Value) -> Result<String> {
    Ok(value.as_str().context("a text is missing")?.to_owned())
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Small metadata for the tests of the rules.
#[cfg(test)]
pub(crate) mod fixture {
    use super::Graph;
    use serde_json::{Value, json};

    /// A package with normal dependencies, given by name.
    pub(crate) fn package(name: &str, dependencies: &[&str]) -> Value {
        json!({ "name": name, "version": "1.0.0", "normal": dependencies })
    }

    /// Metadata as Cargo writes it; every package is a member of the workspace.
    pub(crate) fn graph(packages: &[Value]) -> Graph {
        let or_empty = |value: &Value, empty: Value| {
            if value.is_null() {
                empty
            } else {
                value.clone()
            }
        };
        let listed: Vec<Value> = packages
            .iter()
            .map(|package| {
                json!({
                    "id": package["name"], "name": package["name"], "version": package["version"],
                    "features": or_empty(&package["declared"], json!({})),
                    "dependencies": or_empty(&package["asks"], json!([])),
                })
            })
            .collect();
        let edges = |package: &Value, key: &str, kind: Value| -> Vec<Value> {
            (package[key].as_array().into_iter().flatten())
                .map(|name| json!({ "pkg": name, "dep_kinds": [{ "kind": kind, "target": null }] }))
                .collect()
        };
        let nodes: Vec<Value> = packages
            .iter()
            .map(|package| {
                let mut deps = edges(package, "normal", Value::Null);
                deps.extend(edges(package, "dev", json!("dev")));
                json!({ "id": package["name"], "deps": deps, "features": or_empty(&package["features"], json!([])) })
            })
            .collect();
        let members: Vec<&Value> = packages.iter().map(|package| &package["name"]).collect();
        let metadata = json!({
            "packages": listed, "workspace_members": members, "resolve": { "nodes": nodes },
        });
        Graph::from_metadata(&metadata.to_string()).expect("metadata")
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{graph, package};
    use super::*;
    use serde_json::json;

    #[test]
    fn the_way_to_a_dependency_is_the_shortest() {
        let graph = graph(&[
            package("a", &["b", "c"]),
            package("b", &["c"]),
            package("c", &["d"]),
            package("d", &["a"]),
        ]);
        let ways = graph.reached_from(graph.member("a").expect("there"));
        assert_eq!(ways["d"], ["a", "c", "d"]);
    }

    #[test]
    fn development_dependencies_are_not_followed() {
        let mut tested = package("a", &[]);
        tested["dev"] = json!(["b"]);
        let graph = graph(&[tested, package("b", &[])]);
        assert!(
            !graph
                .reached_from(graph.member("a").expect("there"))
                .contains_key("b")
        );
    }

    #[test]
    fn metadata_without_a_resolved_graph_is_refused() {
        assert!(
            Graph::from_metadata(r#"{"packages":[],"workspace_members":[],"resolve":null}"#)
                .is_err()
        );
    }
}
