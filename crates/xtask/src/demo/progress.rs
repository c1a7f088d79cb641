//! Long steps, shown as bars on a terminal and as one line each elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// One step under way. Dropped before it is done, it leaves its bar as it was, so that one sees where it stopped.
pub(super) struct Step {
    bar: ProgressBar,
    began: Instant,
}

impl Step {
    /// Starts a step of `total` parts.
    pub(super) fn start(title: &str, total: usize) -> Step {
        let bar = ProgressBar::new(total as u64);
        // Unwrap safety: the template is a constant, and a test draws it.
        let style = ProgressStyle::with_template("{prefix:<26} {bar:30} {pos:>4}/{len:<4} {msg}")
            .expect("a valid template");
        bar.set_style(style.progress_chars("━━─"));
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Step {
            bar,
            began: Instant::now(),
        }
    }

    /// Sets how many parts are done, and what is under way.
    pub(super) fn at(&self, done: usize, doing: &str) {
        let total = self.bar.length().unwrap_or(0);
        self.bar.set_position((done as u64).min(total));
        self.bar.set_message(doing.to_owned());
    }

    /// One more part is done; `doing` is next.
    pub(super) fn advance(&self, doing: &str) {
        self.bar.inc(1);
        self.bar.set_message(doing.to_owned());
    }

    /// The next part is under way; all before it are done.
    pub(super) fn begin(&self, doing: &str) {
        if !self.bar.message().is_empty() {
            self.bar.inc(1);
        }
        self.bar.set_message(doing.to_owned());
    }

    /// What is under way.
    pub(super) fn doing(&self, doing: &str) {
        self.bar.set_message(doing.to_owned());
    }

    /// The step is done; says so in one line.
    pub(super) fn done(self, said: &str) {
        self.bar.finish_and_clear();
        eprintln!("{said} ({:.1} s)", self.began.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_can_be_drawn_and_never_passes_its_total() {
        let step = Step::start("a step", 3);
        step.advance("one");
        step.at(9, "many");
        assert_eq!(step.bar.position(), 3);
        step.done("done");
    }
}
