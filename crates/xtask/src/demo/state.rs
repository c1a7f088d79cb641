//! What a demonstration's folder already holds: the city it was made for and the steps that are done.
//! A step is recorded after it succeeded, so one that was interrupted is taken again.

use super::plan::Plan;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Version of `state.json`; a demonstration made by another version is made anew.
const VERSION: u64 = 1;

/// The state of a demonstration.
pub(super) struct State {
    path: PathBuf,
    plan: Plan,
    steps: Map<String, Value>,
}

impl State {
    /// The state in `dir`, if there is one.
    ///
    /// # Errors
    /// When there is one that this version cannot use.
    pub(super) fn read(dir: &Path) -> Result<Option<State>> {
        let path = State::path(dir);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(None);
        };
        let unusable = || {
            format!(
                "{} is of no use any more; start again with --fresh",
                path.display()
            )
        };
        let value: Value = serde_json::from_str(&text).with_context(unusable)?;
        if value["version"] != VERSION {
            bail!(unusable());
        }
        let plan = Plan::from_json(&value["plan"]).with_context(unusable)?;
        let steps = value["steps"].as_object().cloned().unwrap_or_default();
        Ok(Some(State { path, plan, steps }))
    }

    /// A new state in `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn create(dir: &Path, plan: Plan) -> Result<State> {
        let state = State {
            path: State::path(dir),
            plan,
            steps: Map::new(),
        };
        state.write()?;
        Ok(state)
    }

    fn path(dir: &Path) -> PathBuf {
        dir.join("state.json")
    }

    /// The city this demonstration is of.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What a step left, if it is done.
    pub(super) fn step(&self, name: &str) -> Option<&str> {
        self.steps.get(name)?.as_str()
    }

    /// Whether a step is done.
    pub(super) fn is_done(&self, name: &str) -> bool {
        self.steps.contains_key(name)
    }

    /// Records that a step is done, and what it left.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn record(&mut self, name: &str, left: &str) -> Result<()> {
        self.steps.insert(name.to_owned(), left.into());
        self.write()
    }

    fn write(&self) -> Result<()> {
        let value = json!({ "version": VERSION, "plan": self.plan.to_json(), "steps": self.steps });
        write_private(&self.path, &format!("{value:#}\n"))
    }
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("cannot write {}", beside.display()))?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            organisations: 6,
            scale: 0.2,
            seed: 1,
        }
    }

    #[test]
    fn a_step_that_is_done_is_remembered_with_what_it_left() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(State::read(dir.path()).expect("read").is_none());
        let mut state = State::create(dir.path(), plan()).expect("made");
        state.record("joined:a", "key").expect("recorded");
        let state = State::read(dir.path()).expect("read").expect("there");
        assert_eq!(state.step("joined:a"), Some("key"));
        assert!(!state.is_done("joined:b"));
        assert_eq!(state.plan(), &plan());
    }

    #[test]
    fn a_damaged_state_says_what_to_type() {
        let dir = tempfile::tempdir().expect("folder");
        for text in ["not json", r#"{"version":0}"#, r#"{"version":1,"plan":{}}"#] {
            std::fs::write(State::path(dir.path()), text).expect("written");
            let error = State::read(dir.path()).err().expect("refused");
            assert!(format!("{error:#}").contains("--fresh"), "{text}");
        }
    }

    #[test]
    fn only_the_owner_reads_what_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("logins.json");
        write_private(&path, "{}").expect("written");
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
