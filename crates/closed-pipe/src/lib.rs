//! Ends a program quietly once whoever reads its output has gone, as `PROGRAM | head` does: with the status that a shell shows of a
//! program ended by SIGPIPE. Rust ignores that signal, and its printing macros panic instead; this recognises that panic alone.

use std::io::{Error, ErrorKind};
use std::panic;

/// What a shell shows of a program that SIGPIPE ended: 128 and the signal's number.
pub const STATUS: i32 = 128 + 13;

/// To be called first in `main`: from now on printing into a closed pipe ends the process with [`STATUS`] and without a word. Every
/// other panic is told as before.
pub fn ends_quietly() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>();
        if message.is_some_and(|message| is_closed_pipe(message)) {
            std::process::exit(STATUS);
        }
        before(info);
    }));
}

/// Whether the standard library says with these words that what was printed found no reader. The number in them is the system's own.
fn is_closed_pipe(message: &str) -> bool {
    let Some(reason) = message.strip_prefix("failed printing to stdout: ") else {
        return false;
    };
    let number = reason
        .rsplit_once("(os error ")
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    (number.and_then(|number| number.parse().ok()))
        .is_some_and(|number| Error::from_raw_os_error(number).kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reader_that_has_gone_is_meant() {
        let broken = (1..200)
            .find(|number| Error::from_raw_os_error(*number).kind() == ErrorKind::BrokenPipe);
        let broken = Error::from_raw_os_error(broken.expect("the system has such an error"));
        assert!(is_closed_pipe(&format!(
            "failed printing to stdout: {broken}"
        )));
        for other in [
            format!("failed printing to stderr: {broken}"),
            format!("failed printing to stdout: {}", Error::from_raw_os_error(2)),
            "failed printing to stdout: formatter error".to_owned(),
            broken.to_string(),
        ] {
            assert!(!is_closed_pipe(&other), "{other}");
        }
    }
}
