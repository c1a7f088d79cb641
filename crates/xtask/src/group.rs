//! Processes in groups of their own: a signal from the terminal reaches this program alone, which then ends the
//! whole group, grandchildren included, in the order it wants.

use crate::interruption;
use anyhow::{Result, anyhow};
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a group may take to end by itself.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);

/// Starts a command at the head of a group of its own.
///
/// # Errors
/// When it cannot be started; then with its name.
pub(crate) fn start(command: &mut Command) -> Result<Child> {
    command.process_group(0).spawn().map_err(|error| {
        anyhow!(
            "cannot start `{}`: {error}",
            command.get_program().to_string_lossy()
        )
    })
}

/// Waits until the head of a group has ended. When a signal comes, ends the group first.
///
/// # Errors
/// [`interruption::Interrupted`], when a signal came.
pub(crate) fn wait(head: &mut Child) -> Result<ExitStatus> {
    loop {
        if let Some(status) = head.try_wait()? {
            interruption::check()?;
            return Ok(status);
        }
        if let Err(interrupted) = interruption::pause(STEP) {
            end(head);
            return Err(interrupted);
        }
    }
}

/// Asks a group to end, waits for its head, and kills what is left when patience ends.
pub(crate) fn end(head: &mut Child) {
    signal(head.id(), Signal::TERM);
    let until = Instant::now() + GRACE;
    while matches!(head.try_wait(), Ok(None)) && Instant::now() < until {
        std::thread::sleep(STEP);
    }
    signal(head.id(), Signal::KILL);
    // Nothing is left to do about a process that cannot be waited for.
    let _ = head.wait();
}

/// Signals the group that `head` leads.
pub(crate) fn signal(head: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(head).ok().and_then(Pid::from_raw) {
        // A group that has ended needs no signal.
        let _ = kill_process_group(pid, signal);
    }
}
