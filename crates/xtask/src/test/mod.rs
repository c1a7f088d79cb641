//! `cargo xtask test`: all that CI runs, in one build profile. A stage that fails does not hide the later ones,
//! unless they need what it should have made.

mod counts;
mod stages;

use crate::interruption;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use counts::Counts;
use stages::Stage;
use std::time::{Duration, Instant};

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Run this stage alone; may be given more than once.
    #[arg(long, value_enum)]
    stage: Vec<Stage>,
}

/// How a stage ended.
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    /// It needs a stage that failed.
    Skipped(Stage),
}

/// Runs the stages, prints minutes per stage and, last, how many tests passed and failed.
///
/// # Errors
/// When any stage fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let all = Stage::value_variants();
    let chosen: Vec<Stage> = (all.iter().copied())
        .filter(|stage| options.stage.is_empty() || options.stage.contains(stage))
        .collect();
    let mut counts = Counts::default();
    let mut done: Vec<(Stage, Outcome)> = Vec::new();
    for stage in chosen {
        let missing = (stage.needs().iter()).find(|needed| did_not_pass(&done, **needed));
        if let Some(needed) = missing {
            done.push((stage, Outcome::Skipped(*needed)));
            continue;
        }
        println!("\n== {}", stage.title());
        let began = Instant::now();
        let failed_before = counts.failed;
        let result = stage.run(workspace, &mut counts);
        interruption::check()?;
        let outcome = match result {
            Ok(()) => Outcome::Passed(began.elapsed()),
            Err(error) => {
                eprintln!("{} failed: {error:#}", stage.title());
                // A stage without tests of its own counts as one.
                counts.failed += usize::from(counts.failed == failed_before);
                Outcome::Failed(began.elapsed())
            }
        };
        done.push((stage, outcome));
    }
    println!("\n{}", table(&done));
    println!("{} passed, {} failed", counts.passed, counts.failed);
    if done
        .iter()
        .all(|(_, outcome)| matches!(outcome, Outcome::Passed(_)))
    {
        return Ok(());
    }
    bail!("not every stage passed")
}

fn did_not_pass(done: &[(Stage, Outcome)], stage: Stage) -> bool {
    (done.iter()).any(|(ran, outcome)| *ran == stage && !matches!(outcome, Outcome::Passed(_)))
}

fn table(done: &[(Stage, Outcome)]) -> String {
    let mut lines = vec![format!("{:<36}{:>8}", "stage", "minutes")];
    let mut sum = 0.0;
    for (stage, outcome) in done {
        let (time, word) = match outcome {
            Outcome::Passed(time) => (*time, String::new()),
            Outcome::Failed(time) => (*time, "  FAILED".to_owned()),
            Outcome::Skipped(needed) => (
                Duration::ZERO,
                format!("  skipped: needs `{}`", needed.title()),
            ),
        };
        let minutes = time.as_secs_f64() / 60.0;
        sum += minutes;
        lines.push(format!("{:<36}{minutes:>8.1}{word}", stage.title()));
    }
    lines.push(format!("{:<36}{sum:>8.1}", "all"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_failed_and_what_was_skipped_for_it() {
        let done = [
            (Stage::Fmt, Outcome::Passed(Duration::from_secs(90))),
            (Stage::Build, Outcome::Failed(Duration::from_secs(30))),
            (Stage::Demo, Outcome::Skipped(Stage::Build)),
        ];
        let table = table(&done);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].ends_with("1.5"), "{table}");
        assert!(lines[2].ends_with("0.5  FAILED"), "{table}");
        assert!(lines[3].contains("skipped"), "{table}");
        assert!(lines[4].ends_with("2.0"), "{table}");
    }

    #[test]
    fn a_stage_that_was_not_chosen_holds_nothing_back() {
        assert!(!did_not_pass(&[], Stage::Build));
        assert!(did_not_pass(
            &[(Stage::Build, Outcome::Failed(Duration::ZERO))],
            Stage::Build
        ));
    }

    #[test]
    fn every_stage_comes_after_those_it_needs() {
        let all = Stage::value_variants();
        for (place, stage) in all.iter().enumerate() {
            for needed in stage.needs() {
                assert!(all[..place].contains(needed), "{}", stage.title());
            }
        }
    }
}
