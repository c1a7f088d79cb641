//! Processes under test: the workspace's own binaries, killed when dropped, their output kept in files.
//! A test that fails prints the end of each log, so that the reason is in the test's own output.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TAIL_LINES: usize = 40;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The path of one of the workspace's binaries: where the variable `WI_BIN_` and its name says (in capitals, `-` as `_`), or
/// beside the running test.
///
/// # Errors
/// When it is not there; the message says how to build it.
pub fn binary(name: &str) -> Result<PathBuf> {
    let variable = format!("WI_BIN_{}", name.to_uppercase().replace('-', "_"));
    if let Some(path) = std::env::var_os(&variable) {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let profile = (test.parent().and_then(Path::parent))
        .context("the test does not run from a target folder")?;
    let path = profile.join(name);
    ensure!(
        path.exists(),
        "{} is not built: run `cargo build --workspace` first, or name it in {variable}",
        path.display()
    );
    Ok(path)
}

/// What a command that ran to its end said.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs one of the binaries to its end, with `input` on its standard input.
///
/// # Errors
/// When it cannot be started.
pub async fn run(name: &str, arguments: &[&str], input: &str) -> Result<Finished> {
    use std::io::Write;

    let mut command = Command::new(binary(name)?);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_owned();
    let output = tokio::task::spawn_blocking(move || -> Result<std::process::Output> {
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            // A command that reads no input may end before it is written.
            let _ = pipe.write_all(input.as_bytes());
        }
        Ok(child.wait_with_output()?)
    })
    .await??;
    Ok(Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs one of the binaries, which must succeed; returns its standard output.
///
/// # Errors
/// When it does not succeed, with what it said.
pub async fn run_ok(name: &str, arguments: &[&str], input: &str) -> Result<String> {
    let finished = run(name, arguments, input).await?;
    ensure!(
        finished.code == Some(0),
        "`{name} {}` failed: {}{}",
        arguments.join(" "),
        finished.stdout,
        finished.stderr
    );
    Ok(finished.stdout)
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts one of the binaries, its output going to the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        log: &Path,
    ) -> Result<Process> {
        let output = File::create(log)?;
        let child = Command::new(binary(name)?)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Process {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// Its number in the system.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses, or the process had ended by itself.
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself: {status}\n{}", self.name, self.tail());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has printed a line that contains `text`.
    ///
    /// # Errors
    /// When it ends before or nothing comes.
    pub async fn printed(&mut self, text: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            let output = self.output();
            if let Some(line) = output.lines().find(|line| line.contains(text)) {
                return Ok(line.to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended ({status}) before it printed `{text}`\n{}",
                    self.name,
                    self.tail()
                );
            }
            if began.elapsed() > crate::PATIENCE {
                bail!("{} never printed `{text}`\n{}", self.name, self.tail());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let start = lines.len().saturating_sub(TAIL_LINES);
        format!(
            "--- {}\n{}\n---",
            self.log.display(),
            lines[start..].join("\n")
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
