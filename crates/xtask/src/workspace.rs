//! Where this repository and its build output are, and how its commands are run: loudly, or quietly with the end of
//! their output shown when they fail.

use crate::{group, interruption};
use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How many lines of a failed quiet command are shown.
const TAIL: usize = 40;

/// The repository.
pub(crate) struct Workspace {
    /// Its top folder.
    pub(crate) root: PathBuf,
    /// Where Cargo builds.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the repository this program was built from.
    pub(crate) fn find() -> Result<Workspace> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = (manifest.ancestors().nth(2))
            .context("crates/xtask is not two folders below the top")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::env::current_dir()?.join(dir),
            None => root.join("target"),
        };
        Ok(Workspace { root, target })
    }

    /// Cargo, in the top folder, building where this workspace builds, as if it had been typed there.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // What the cargo that started this program says of it. Ring's build script reads such names and runs again when they change, and
        // with it all that is above: everything would be built twice, once from here and once as typed.
        for (name, _) in std::env::vars_os() {
            let known = name.to_str().unwrap_or_default();
            if known.starts_with("CARGO_PKG_") || known.starts_with("CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// A program of this workspace, built in the one profile everything uses.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// The website's folder.
    pub(crate) fn website(&self) -> PathBuf {
        self.root.join("coordinator/web")
    }
}

/// A command as a person would type it.
pub(crate) fn typed(command: &Command) -> String {
    let mut words = vec![
        Path::new(command.get_program())
            .file_name()
            .unwrap_or(command.get_program())
            .to_string_lossy()
            .into_owned(),
    ];
    words.extend((command.get_args()).map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs a command with its output on the terminal.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let mut child = group::start(command.stdin(Stdio::null()))?;
    let status = group::wait(&mut child)?;
    succeeded(command, status)
}

/// Runs a command quietly and returns what it wrote to stdout.
///
/// # Errors
/// When it cannot be started or fails; then with the end of what it wrote.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let mut text = String::new();
    lines(command, |line, stream| {
        if stream == Stream::Stdout {
            text.push_str(line);
            text.push('\n');
        }
    })?;
    Ok(text)
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The results.
    Stdout,
    /// What is said about them.
    Stderr,
}

/// Runs a command quietly, hands over each line as it comes.
///
/// # Errors
/// When it cannot be started or fails; then with the end of what it wrote to stderr and stdout.
pub(crate) fn lines(command: &mut Command, mut each: impl FnMut(&str, Stream)) -> Result<()> {
    let mut child = group::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let mut tail = VecDeque::new();
    read(&mut child, |line, stream| {
        each(&line, stream);
        // Messages for machines, such as Cargo's, tell a person nothing.
        if !line.starts_with('{') {
            tail.push_back(line);
        }
        if tail.len() > TAIL {
            tail.pop_front();
        }
    });
    let status = group::wait(&mut child)?;
    succeeded(command, status).with_context(|| Vec::from(tail).join("\n"))
}

/// Runs a command with its output on the terminal, and hands over each line of stdout and stderr as well.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn watched(command: &mut Command, mut each: impl FnMut(&str)) -> Result<()> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = group::start(command)?;
    read(&mut child, |line, _| {
        println!("{line}");
        each(&line);
    });
    let status = group::wait(&mut child)?;
    succeeded(command, status)
}

/// Hands over the lines of both streams as they come, until both are closed or a signal comes.
fn read(child: &mut Child, mut each: impl FnMut(String, Stream)) {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, Stream::Stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, Stream::Stderr, sender);
    }
    loop {
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok((line, stream)) => each(line, stream),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        if interruption::check().is_err() {
            return;
        }
    }
}

fn forward(
    output: impl Read + Send + 'static,
    stream: Stream,
    sender: mpsc::Sender<(String, Stream)>,
) {
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send((text, stream)).is_err() {
                return;
            }
            line.clear();
        }
    });
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    match status.code() {
        Some(code) => bail!("`{}` failed with exit code {code}", typed(command)),
        None => bail!("`{}` was ended by a signal", typed(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_command_that_fails_shows_the_end_of_its_output() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo to-stdout; echo to-stderr >&2; exit 3"]);
        let error = format!("{:#}", output(&mut command).expect_err("fails"));
        for part in ["to-stdout", "to-stderr", "exit code 3"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn cargo_is_told_nothing_of_the_program_that_starts_it() {
        let told = "CARGO_PKG_NAME";
        assert!(
            std::env::var_os(told).is_some(),
            "this test is run by cargo"
        );
        let workspace = Workspace::find().expect("a workspace");
        let command = workspace.cargo();
        assert!(
            command
                .get_envs()
                .any(|(name, value)| name == told && value.is_none())
        );
    }

    #[test]
    fn output_holds_stdout_only() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2"]);
        assert_eq!(output(&mut command).expect("runs"), "one\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).expect_err("fails");
        assert!(error.to_string().contains("no-such-program-here"));
    }
}
