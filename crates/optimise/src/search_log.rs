//! What HiGHS has found while it searches. The crate through which it is called has no callback for it, but HiGHS writes
//! its bound on every line of its log, and every better solution to a file: both go into pipes, and a thread at each
//! reads what comes. Nothing else is read.

use highs::Model;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter};
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

/// Has a model write every better solution into a pipe. HiGHS opens its end when the search begins, so the writer must be
/// kept until the search is over, and be let go then, which ends the pipe.
pub(crate) fn open_solutions(model: &mut Model) -> Option<(PipeReader, PipeWriter)> {
    let (reader, writer) = std::io::pipe().ok()?;
    let name = format!("/dev/fd/{}", writer.as_raw_fd());
    model
        .try_set_option("mip_improving_solution_report_sparse", true)
        .ok()?;
    model
        .try_set_option("mip_improving_solution_file", name.as_str())
        .ok()?;
    Some((reader, writer))
}

/// Tells every bound of a log, until it ends.
pub(crate) fn follow(log: PipeReader, told: &dyn Fn(f64)) {
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        if let Some(bound) = bound_in(&line) {
            told(bound);
        }
    }
}

/// Tells every solution, by column, until the file ends; one that is cut off is not told.
///
/// ```text
/// Objective 1101
/// # Columns -2 sparse
/// NoName 1 4
/// NoName 0.25 17
/// ```
pub(crate) fn follow_solutions(file: impl BufRead, columns: usize, told: &dyn Fn(&[f64])) {
    let mut values = vec![0.0; columns];
    let mut left = 0_usize;
    for line in file.lines().map_while(Result::ok) {
        let mut words = line.split_whitespace().rev();
        if let Some(count) = line.strip_prefix("# Columns -") {
            values.fill(0.0);
            left = (count.split_whitespace().next())
                .and_then(|count| count.parse().ok())
                .unwrap_or(0);
        } else if left > 0 {
            let column: Option<usize> = words.next().and_then(|word| word.parse().ok());
            let value: Option<f64> = words.next().and_then(|word| word.parse().ok());
            let place = column.and_then(|column| values.get_mut(column));
            let Some((place, value)) = place.zip(value) else {
                // Not the form that is known: this solution is passed over.
                left = 0;
                continue;
            };
            *place = value;
            left -= 1;
            if left == 0 {
                told(&values);
            }
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

    #[test]
    fn whole_solutions_are_told_by_column() {
        let file = "Objective 3.5\n# Columns -2 sparse\nNoName 1 0\nNoName 2.5 3\n\
                    Objective 1\n# Columns -1 sparse\nNoName 1 2\n\
                    Objective 0.5\n# Columns -1 sparse\nNoName 1 99\n\
                    Objective 0.25\n# Columns -2 sparse\nNoName 1 1\n";
        let told = std::sync::Mutex::new(Vec::new());
        // Unwrap safety: a test.
        follow_solutions(file.as_bytes(), 4, &|values| {
            told.lock().unwrap().push(values.to_vec());
        });
        assert_eq!(
            *told.lock().unwrap(),
            [[1.0, 0.0, 0.0, 2.5], [0.0, 0.0, 1.0, 0.0]]
        );
    }
}
