//! Generates the city of a demonstration, or finds it there.

use super::plan::Plan;
use super::progress::Step;
use crate::workspace::{Workspace, lines};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A generated city.
pub(super) struct City {
    dir: PathBuf,
    /// Its organisations in the demonstration's order.
    pub(super) organisations: Vec<Organisation>,
    /// The first year of its registers.
    pub(super) first_year: u16,
    /// The last year that its registers hold to the end.
    pub(super) year: u16,
}

/// One of them.
pub(super) struct Organisation {
    /// ASCII id.
    pub(super) id: String,
    /// Name for people.
    pub(super) name: String,
    /// Distinct clients.
    pub(super) clients: u64,
}

impl City {
    /// The register of an organisation.
    pub(super) fn register(&self, organisation: &str) -> PathBuf {
        self.dir.join(organisation).join("register.csv")
    }

    /// The offer of an organisation.
    pub(super) fn offer(&self, organisation: &str) -> PathBuf {
        self.dir.join(organisation).join("offer.csv")
    }

    /// The ids of all organisations.
    pub(super) fn ids(&self) -> Vec<String> {
        (self.organisations.iter())
            .map(|organisation| organisation.id.clone())
            .collect()
    }
}

/// Generates the city in `dir`, unless the same one is there.
///
/// # Errors
/// When the generator fails.
pub(super) fn generate(workspace: &Workspace, plan: &Plan, dir: &Path) -> Result<City> {
    // Population, clienteles, and one register for each organisation.
    let step = Step::start("generating the city", 2 + plan.organisations);
    let mut command = Command::new(workspace.program("demo-city"));
    command
        .arg("--dir")
        .arg(dir)
        .args(["--seed", &plan.seed.to_string()])
        .args(["--scale", &plan.scale.to_string()])
        .args(["--organisations", &plan.organisations.to_string()]);
    lines(&mut command, |line, _| {
        if is_milestone(line) {
            step.advance(line);
        } else {
            step.doing(line);
        }
    })
    .context("the city cannot be generated")?;
    let city = read(dir)?;
    let clients: u64 = city
        .organisations
        .iter()
        .map(|organisation| organisation.clients)
        .sum();
    step.done(&format!(
        "city of {} organisations with {clients} clients",
        city.organisations.len()
    ));
    Ok(city)
}

/// Whether a line of the generator says that a part is done.
fn is_milestone(line: &str) -> bool {
    line.starts_with("population: ") || line.starts_with("clients: ") || line.ends_with(" written")
}

fn read(dir: &Path) -> Result<City> {
    let path = dir.join("city.json");
    let unreadable = || format!("{} is not a city", path.display());
    let manifest: Value = serde_json::from_slice(&std::fs::read(&path).with_context(unreadable)?)
        .with_context(unreadable)?;
    let organisations: Vec<Organisation> =
        (manifest["organisations"].as_array().into_iter().flatten())
            .map(|organisation| {
                Some(Organisation {
                    id: organisation["id"].as_str()?.to_owned(),
                    name: organisation["name"].as_str()?.to_owned(),
                    clients: organisation["size"].as_u64()?,
                })
            })
            .collect::<Option<_>>()
            .with_context(unreadable)?;
    anyhow::ensure!(!organisations.is_empty(), unreadable());
    let until = manifest["until"]
        .as_str()
        .and_then(|until| until.split_once('-'));
    let (year, month) = until.with_context(unreadable)?;
    let year: u16 = year.parse().ok().with_context(unreadable)?;
    Ok(City {
        dir: dir.to_owned(),
        organisations,
        // Registers hold five years, the last of them as far as it is over.
        first_year: year - 4,
        year: if month == "12" { year } else { year - 1 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_gives_organisations_in_order() {
        let dir = tempfile::tempdir().expect("folder");
        let manifest = r#"{"until":"2026-10","organisations":[{"id":"b","name":"B","size":2},{"id":"a","name":"A","size":1}]}"#;
        std::fs::write(dir.path().join("city.json"), manifest).expect("written");
        let city = read(dir.path()).expect("read");
        assert_eq!(
            (city.year, city.ids()),
            (2025, vec!["b".to_owned(), "a".to_owned()])
        );
        assert_eq!(city.register("a"), dir.path().join("a/register.csv"));
    }

    #[test]
    fn a_folder_without_a_city_is_named() {
        let dir = tempfile::tempdir().expect("folder");
        for text in [None, Some("{}"), Some("not json")] {
            if let Some(text) = text {
                std::fs::write(dir.path().join("city.json"), text).expect("written");
            }
            let error = read(dir.path()).err().expect("refused");
            assert!(error.to_string().contains("is not a city"));
        }
    }

    #[test]
    fn milestones_are_told_from_what_is_under_way() {
        assert!(is_milestone("population: 5 persons in 2 households"));
        assert!(is_milestone("comune-milano: register of 10 rows written"));
        assert!(!is_milestone("comune-milano: events of 100 clients"));
    }
}
