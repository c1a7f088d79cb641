//! The bound of HiGHS while it searches. The crate through which it is called has no callback for it, but HiGHS writes
//! the bound on every line of its log: the log goes into a pipe, and a thread reads it there. Nothing else is read.

use highs::Model;
use std::io::{BufRead as _, BufReader, PipeReader};
use std::os::fd::AsRawFd as _;

/// Seconds between two lines of the log, where no better solution makes one.
const INTERVAL: f64 = 0.1;
/// The log rounds to nine digits or more, so a bound may have been rounded up by less than this part of it.
const ROUNDING: f64 = 1e-8;

/// Has a model write its log into a pipe, which ends when the model is let go. `None`, and a silent model, where the
/// system has no pipe to give.
pub(crate) fn open(model: &mut Model) -> Option<PipeReader> {
    let (reader, writer) = std::io::pipe().ok()?;
    // HiGHS opens files by their name. What it opens is an end of its own, so that ours may close.
    let name = format!("/dev/fd/{}", writer.as_raw_fd());
    model
        .try_set_option("mip_min_logging_interval", INTERVAL)
        .ok()?;
    model.try_set_option("log_file", name.as_str()).ok()?;
    model.try_set_option("output_flag", true).ok()?;
    Some(reader)
}

/// Tells every bound of a log, until it ends.
pub(crate) fn follow(log: PipeReader, told: &dyn Fn(f64)) {
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        if let Some(bound) = bound_in(&line) {
            told(bound);
        }
    }
}

/// The bound of a line of the search's table, no higher than the one that was rounded to be printed:
///
/// ```text
/// Src  Proc. InQueue |  Leaves   Expl. | BestBound       BestSol              Gap |   Cuts   InLp Confl. | LpIters     Time
///  R      14       2         6  81.25%   1043.5          1101               5.22%      120     31      9      1408     0.6s
/// ```
fn bound_in(line: &str) -> Option<f64> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| !word.ends_with('%'));
    let _explored = words.next()?;
    let bound: f64 = words.next()?.parse().ok()?;
    let _best = words.next()?;
    let [_gap, _cuts, _rows, _conflicts, _iterations, time] = words.collect::<Vec<_>>()[..] else {
        return None;
    };
    (time.ends_with('s') && bound.is_finite()).then(|| bound - ROUNDING * bound.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_of_the_table_have_a_bound() {
        let row = " R      14       2         6  81.25%   1043.5          1101               5.22%      120     31      9      1408     0.6s";
        // Unwrap safety: a test.
        let bound = bound_in(row).unwrap();
        assert!(bound < 1043.5 && bound > 1043.49);
        let first = "         0       0         0   0.00%   -inf            inf                  inf        0      0      0         0     0.0s";
        assert_eq!(bound_in(first), None);
        for other in [
            "",
            "  Gap               0% (tolerance: 0%)",
            "Src  Proc. InQueue |  Leaves   Expl. | BestBound       BestSol              Gap |   Cuts   InLp Confl. | LpIters     Time",
            "12.5% inactive integer columns, restarting",
        ] {
            assert_eq!(bound_in(other), None, "{other}");
        }
    }
}
