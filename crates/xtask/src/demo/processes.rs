//! The processes of a demonstration: started each in a group of its own with its own log, watched, and stopped when
//! this value goes. What a killed demonstration left running is stopped by the next.

use super::state::write_private;
use crate::group::{self, GRACE};
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many lines of a log are shown when its process failed.
const TAIL: usize = 25;

/// Running processes.
pub(super) struct Processes {
    dir: PathBuf,
    running: Vec<Running>,
}

struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Processes {
    /// Takes charge of `dir`: no other demonstration may run there, and what an earlier one left is stopped.
    ///
    /// # Errors
    /// When another demonstration runs there.
    pub(super) fn in_dir(dir: &Path) -> Result<Processes> {
        std::fs::create_dir_all(dir.join("logs")).with_context(|| {
            format!(
                "{} cannot hold a demonstration; choose another --dir",
                dir.display()
            )
        })?;
        let processes = Processes {
            dir: dir.to_owned(),
            running: Vec::new(),
        };
        if let Ok(text) = std::fs::read_to_string(processes.pid_file()) {
            let left: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(pid) = alive(&left["demo"]) {
                bail!(
                    "a demonstration runs in {} already, as process {pid}; stop it, or choose another --dir",
                    dir.display()
                );
            }
            for child in left["children"].as_array().into_iter().flatten() {
                if let Some(pid) = alive(child) {
                    stop_group(pid);
                }
            }
        }
        processes.write_pid_file()?;
        Ok(processes)
    }

    /// Starts a process. Its output goes to `logs/NAME.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let log = self.dir.join("logs").join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = group::start(command)?;
        self.running.push(Running {
            name: name.to_owned(),
            child,
            log,
        });
        self.write_pid_file()
    }

    /// Fails when a process has ended, with the end of its log.
    ///
    /// # Errors
    /// Then.
    pub(super) fn check(&mut self) -> Result<()> {
        for running in &mut self.running {
            if let Some(status) = running.child.try_wait()? {
                bail!(
                    "{} ended by itself ({status}); its log, {}, ends with:\n{}",
                    running.name,
                    running.log.display(),
                    tail(&running.log)
                );
            }
        }
        Ok(())
    }

    /// The end of every log.
    pub(super) fn log_tails(&self) -> String {
        (self.running.iter())
            .map(|running| format!("-- {}\n{}", running.log.display(), tail(&running.log)))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("pids.json")
    }

    fn write_pid_file(&self) -> Result<()> {
        let children: Vec<Value> = (self.running.iter())
            .map(|running| identity(running.child.id()))
            .collect();
        let value = json!({ "demo": identity(std::process::id()), "children": children });
        write_private(&self.pid_file(), &value.to_string())
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Nodes first, in the order opposite to their start, so that none logs that the coordinator is gone.
        for running in self.running.iter().rev() {
            group::signal(running.child.id(), Signal::TERM);
        }
        for running in self.running.iter_mut().rev() {
            group::end(&mut running.child);
        }
        let _ = std::fs::remove_file(self.pid_file());
    }
}

/// The last lines of a file.
fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// A process as the pid file names it: its number and when it started, since numbers are used again.
fn identity(pid: u32) -> Value {
    json!({ "pid": pid, "started": started(pid) })
}

/// When a process that has not ended started, in clock ticks since the computer did: field 22 of `/proc/PID/stat`.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, field 2, stands in parentheses and may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        // Ended, but not waited for yet.
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The number of the process that `identity` named, if it is still the same and still there.
fn alive(identity: &Value) -> Option<u32> {
    let pid = u32::try_from(identity["pid"].as_u64()?).ok()?;
    let same = started(pid).is_some() && started(pid) == identity["started"].as_u64();
    same.then_some(pid)
}

/// Stops a group that nobody waits for any more.
fn stop_group(pid: u32) {
    let there = identity(pid);
    group::signal(pid, Signal::TERM);
    let until = Instant::now() + GRACE;
    while alive(&there).is_some() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    if alive(&there).is_some() {
        group::signal(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn wait_until(what: impl Fn() -> bool) {
        while !what() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_was_started_is_stopped_with_its_own_children() {
        let dir = tempfile::tempdir().expect("folder");
        let grandchild = dir.path().join("grandchild");
        let script = format!("sleep 600 & echo $! > {}; wait", grandchild.display());
        let mut processes = Processes::in_dir(dir.path()).expect("taken");
        processes.start("a", &mut shell(&script)).expect("started");
        let pid = || {
            std::fs::read_to_string(&grandchild)
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        wait_until(|| pid().is_some_and(|pid| started(pid).is_some()));
        let grandchild = identity(pid().expect("number"));
        processes.check().expect("still there");
        drop(processes);
        wait_until(|| alive(&grandchild).is_none());
        assert!(!dir.path().join("pids.json").exists());
    }

    #[test]
    fn a_process_that_ends_by_itself_is_reported_with_its_log() {
        let dir = tempfile::tempdir().expect("folder");
        let mut processes = Processes::in_dir(dir.path()).expect("taken");
        processes
            .start("culprit", &mut shell("echo the reason; exit 4"))
            .expect("started");
        let error = loop {
            if let Err(error) = processes.check() {
                break error.to_string();
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        for part in ["culprit", "the reason", "4"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_folder_serves_one_demonstration_at_a_time() {
        let dir = tempfile::tempdir().expect("folder");
        let _first = Processes::in_dir(dir.path()).expect("taken");
        let error = Processes::in_dir(dir.path()).err().expect("refused");
        assert!(error.to_string().contains("--dir"));
    }

    #[test]
    fn a_folder_that_cannot_be_one_is_named_with_the_option() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let error = Processes::in_dir(file.path()).err().expect("refused");
        assert!(error.to_string().contains("--dir"), "{error}");
    }

    #[test]
    fn what_a_killed_demonstration_left_is_stopped() {
        let dir = tempfile::tempdir().expect("folder");
        let mut left = shell("exec sleep 600")
            .process_group(0)
            .spawn()
            .expect("started");
        // The number of this process with another start: one that is gone, its number used again.
        let pids = json!({
            "demo": { "pid": std::process::id(), "started": 1 },
            "children": [identity(left.id()), { "pid": std::process::id(), "started": 1 }],
        });
        std::fs::write(dir.path().join("pids.json"), pids.to_string()).expect("written");
        let waiter = std::thread::spawn(move || left.wait().expect("waited for"));
        let _processes = Processes::in_dir(dir.path()).expect("taken");
        assert!(!waiter.join().expect("joined").success());
    }
}
