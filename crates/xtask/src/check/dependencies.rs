//! Rules about dependencies: what a part of the system cannot link, it cannot do.
//! Optional dependencies count when any package of the workspace turns them on, so a rule errs towards complaint.

use super::graph::{Graph, Package};
use std::collections::BTreeSet;

/// Crates that can hold exact data.
const EXACT: [&str; 4] = ["opendp", "mechanism", "kernel", "snapshot"];
/// Crates of ours that only compute.
const PURE: &[&str] = &[
    "access",
    "query",
    "taxonomy",
    "geography",
    "protocol",
    "privacy-loss",
    "audit",
    "compose",
    "evidence",
    "failpoint",
    "forecast",
    "offer",
    "optimise",
    "sentence",
];
const RUNTIME: [&str; 3] = ["tokio", "axum", "sqlx"];
const FOREIGN_CRYPTOGRAPHY: [&str; 2] = ["openssl", "aws-lc"];
/// SQLite 3.51.3, bundled from this version on, ended a WAL-reset bug.
const OLDEST_SQLITE: (u64, u64) = (0, 37);

/// The coordinator's normal dependencies hold none of [`EXACT`].
pub(super) fn coordinator_holds_no_exact_data(graph: &Graph) -> Vec<String> {
    reaches(graph, "coordinator", &EXACT)
}

/// No crate of [`PURE`] reaches one of [`RUNTIME`].
pub(super) fn pure_crates_reach_no_runtime(graph: &Graph) -> Vec<String> {
    (PURE.iter())
        .flat_map(|name| reaches(graph, name, &RUNTIME))
        .collect()
}

/// No package at all is OpenSSL's or AWS-LC's: cryptography is ring.
pub(super) fn no_foreign_cryptography(graph: &Graph) -> Vec<String> {
    graph
        .packages()
        .filter(|package| {
            FOREIGN_CRYPTOGRAPHY
                .iter()
                .any(|name| package.name.starts_with(name))
        })
        .map(named)
        .collect()
}

/// casbin decides with rhai built without floats, functions and modules; a feature that another package turned on
/// would change what a policy's matcher can do.
pub(super) fn rhai_has_only_casbins_features(graph: &Graph) -> Vec<String> {
    let Some(casbin) = graph.named("casbin").next() else {
        return vec!["casbin is not in the workspace".to_owned()];
    };
    let mut rhai = graph.named("rhai");
    let (Some(only), None) = (rhai.next(), rhai.next()) else {
        return vec!["there must be exactly one rhai".to_owned()];
    };
    let mut asked: BTreeSet<&str> = casbin.features.iter().map(String::as_str).collect();
    let through_features: Vec<&str> = (implied(casbin, &mut asked).into_iter())
        .filter_map(|feature| feature.strip_prefix("rhai/"))
        .collect();
    let mut allowed: BTreeSet<&str> = through_features.into_iter().collect();
    for dependency in casbin.asks.iter().filter(|asked| asked.name == "rhai") {
        allowed.extend(dependency.features.iter().map(String::as_str));
        if dependency.default_features {
            allowed.insert("default");
        }
    }
    implied(only, &mut allowed);
    (only.features.iter())
        .filter(|feature| !allowed.contains(feature.as_str()))
        .map(|feature| format!("rhai has the feature `{feature}`, which casbin does not ask for"))
        .collect()
}

/// Adds to `features` the package's own features that they turn on, and returns all they name.
fn implied<'a>(package: &'a Package, features: &mut BTreeSet<&'a str>) -> Vec<&'a str> {
    let mut named = Vec::new();
    let mut front: Vec<&str> = features.iter().copied().collect();
    while let Some(feature) = front.pop() {
        for further in package.declared_features.get(feature).into_iter().flatten() {
            named.push(further.as_str());
            if package.declared_features.contains_key(further) && features.insert(further) {
                front.push(further);
            }
        }
    }
    named
}

/// SQLite is at least [`OLDEST_SQLITE`].
pub(super) fn sqlite_is_recent(graph: &Graph) -> Vec<String> {
    let found: Vec<&Package> = graph.named("libsqlite3-sys").collect();
    if found.is_empty() {
        return vec!["libsqlite3-sys is not in the workspace".to_owned()];
    }
    (found.into_iter())
        .filter(|package| major_and_minor(&package.version) < Some(OLDEST_SQLITE))
        .map(named)
        .collect()
}

fn named(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn major_and_minor(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// How the member `from` reaches each of `forbidden`.
fn reaches(graph: &Graph, from: &str, forbidden: &[&str]) -> Vec<String> {
    let Some(package) = graph.member(from) else {
        // A rule about a crate that was renamed would hold for ever.
        return vec![format!("there is no crate `{from}`")];
    };
    let ways = graph.reached_from(package);
    (forbidden.iter())
        .filter_map(|name| ways.get(*name))
        .map(|way| way.join(" -> "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::graph::fixture::{graph, package};
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_coordinator_that_reaches_the_kernel_is_reported_with_the_way() {
        let good = graph(&[
            package("coordinator", &["compose"]),
            package("compose", &[]),
        ]);
        assert!(coordinator_holds_no_exact_data(&good).is_empty());
        for exact in EXACT {
            let bad = graph(&[
                package("coordinator", &["compose"]),
                package("compose", &[exact]),
                package(exact, &[]),
            ]);
            assert_eq!(
                coordinator_holds_no_exact_data(&bad),
                [format!("coordinator -> compose -> {exact}")]
            );
        }
    }

    #[test]
    fn a_coordinator_that_uses_the_kernel_in_tests_only_is_accepted() {
        let mut coordinator = package("coordinator", &[]);
        coordinator["dev"] = json!(["kernel"]);
        let graph = graph(&[
            coordinator,
            package("kernel", &["opendp"]),
            package("opendp", &[]),
        ]);
        assert!(coordinator_holds_no_exact_data(&graph).is_empty());
    }

    #[test]
    fn a_rule_about_a_crate_that_is_gone_is_broken() {
        assert_eq!(
            coordinator_holds_no_exact_data(&graph(&[])),
            ["there is no crate `coordinator`"]
        );
    }

    fn pure_crates(with: Option<(&str, &str)>) -> Graph {
        let mut packages: Vec<Value> = (PURE.iter())
            .map(|name| match with {
                Some((pure, runtime)) if pure == *name => package(name, &[runtime]),
                _ => package(name, &[]),
            })
            .collect();
        packages.extend(RUNTIME.map(|name| package(name, &[])));
        graph(&packages)
    }

    #[test]
    fn a_pure_crate_that_reaches_a_runtime_is_reported() {
        assert!(pure_crates_reach_no_runtime(&pure_crates(None)).is_empty());
        for pure in PURE {
            for runtime in RUNTIME {
                assert_eq!(
                    pure_crates_reach_no_runtime(&pure_crates(Some((pure, runtime)))),
                    [format!("{pure} -> {runtime}")]
                );
            }
        }
    }

    #[test]
    fn openssl_and_aws_lc_are_reported_under_every_name() {
        for name in [
            "openssl",
            "openssl-sys",
            "aws-lc-rs",
            "aws-lc-sys",
            "aws-lc-fips-sys",
        ] {
            let graph = graph(&[package("ring", &[]), package(name, &[])]);
            assert_eq!(no_foreign_cryptography(&graph), [format!("{name} 1.0.0")]);
        }
        assert!(no_foreign_cryptography(&graph(&[package("ring", &[])])).is_empty());
    }

    fn with_rhai(features: &[&str]) -> Graph {
        let mut casbin = package("casbin", &["rhai"]);
        casbin["features"] = json!(["incremental"]);
        casbin["declared"] = json!({ "incremental": ["rhai/sync"], "unused": ["rhai/no_ast"] });
        casbin["asks"] = json!([{ "name": "rhai", "features": ["no_float", "no_function"], "uses_default_features": true }]);
        let mut rhai = package("rhai", &[]);
        rhai["features"] = json!(features);
        rhai["declared"] = json!({
            "default": ["std", "ahash/runtime-rng"], "std": [], "no_float": [], "no_function": ["no_closure"],
            "no_closure": [], "sync": [], "internals": [], "no_ast": [],
        });
        graph(&[casbin, rhai])
    }

    #[test]
    fn a_feature_of_rhai_that_casbin_does_not_ask_for_is_reported() {
        let asked = [
            "default",
            "std",
            "no_float",
            "no_function",
            "no_closure",
            "sync",
        ];
        assert!(rhai_has_only_casbins_features(&with_rhai(&asked)).is_empty());
        for other in ["internals", "no_ast"] {
            let features = [&asked[..], &[other]].concat();
            let breaches = rhai_has_only_casbins_features(&with_rhai(&features));
            assert_eq!(breaches.len(), 1);
            assert!(breaches[0].contains(other));
        }
    }

    #[test]
    fn a_workspace_without_rhai_is_reported() {
        let mut packages = vec![package("casbin", &[]), package("rhai", &[])];
        assert!(rhai_has_only_casbins_features(&graph(&packages)).is_empty());
        packages.remove(1);
        assert_eq!(rhai_has_only_casbins_features(&graph(&packages)).len(), 1);
    }

    #[test]
    fn an_old_sqlite_is_reported() {
        let at = |version: &str| {
            let mut sqlite = package("libsqlite3-sys", &[]);
            sqlite["version"] = json!(version);
            sqlite_is_recent(&graph(&[sqlite]))
        };
        assert!(at("0.37.0").is_empty());
        assert!(at("0.38.1").is_empty());
        assert!(at("1.0.0").is_empty());
        assert_eq!(at("0.36.9"), ["libsqlite3-sys 0.36.9"]);
        assert_eq!(sqlite_is_recent(&graph(&[])).len(), 1);
    }
}
