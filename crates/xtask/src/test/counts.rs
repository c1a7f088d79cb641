//! Counts of tests, read from what test runners print: nextest, libtest, Vitest, and the browser test.

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Passed.
    pub(super) passed: usize,
    /// Failed, timed out or crashed.
    pub(super) failed: usize,
}

impl Counts {
    /// Adds what `line` says, if it is a runner's summary.
    pub(super) fn read(&mut self, line: &str) {
        // Indented, it is the output of one test that nextest shows and counts itself.
        let is_libtest = line.starts_with("test result: ");
        let line = line.trim();
        let summary = line.contains(" tests run: ")
            || line.contains(" test run: ")
            || is_libtest
            || line.starts_with("Tests  ")
            || is_plain_summary(line);
        if !summary {
            return;
        }
        let words: Vec<&str> = line
            .split(|separator: char| !separator.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<usize>() else {
                continue;
            };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" | "timed" | "exec" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// `N passed, M failed`.
fn is_plain_summary(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    matches!(words[..], [passed, "passed,", failed, "failed"]
        if passed.parse::<usize>().is_ok() && failed.parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], passed: usize, failed: usize) {
        let mut counts = Counts::default();
        for line in lines {
            counts.read(line);
        }
        assert_eq!(counts, Counts { passed, failed }, "{lines:?}");
    }

    #[test]
    fn nextest_is_read() {
        check(
            &["     Summary [   0.412s] 12 tests run: 12 passed, 3 skipped"],
            12,
            0,
        );
        check(
            &["     Summary [   0.412s] 1 test run: 1 passed, 0 skipped"],
            1,
            0,
        );
        check(
            &[
                "     Summary [ 9.1s] 9 tests run: 5 passed (2 slow), 3 failed, 1 timed out, 0 skipped",
            ],
            5,
            4,
        );
    }

    #[test]
    fn libtest_is_read_and_summed() {
        check(
            &[
                "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
                "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            ],
            7,
            1,
        );
    }

    #[test]
    fn vitest_is_read_and_its_files_are_not_counted() {
        check(
            &[" Test Files  2 passed (2)", "      Tests  14 passed (14)"],
            14,
            0,
        );
        check(&["      Tests  1 failed | 13 passed (14)"], 13, 1);
    }

    #[test]
    fn the_browser_test_is_read() {
        check(&["9 passed, 1 failed"], 9, 1);
    }

    #[test]
    fn other_lines_count_nothing() {
        check(
            &[
                "PASS [0.1s] crate tests::12 passed",
                "running 3 tests",
                "5 passed away, 3 failed",
                "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 64 filtered out",
            ],
            0,
            0,
        );
    }
}
