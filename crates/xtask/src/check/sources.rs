//! Rules about the files git tracks.

/// A tracked file.
pub(super) struct Source {
    /// Path from the top folder.
    pub(super) path: String,
    /// Its text; empty where it is not text.
    pub(super) text: String,
}

/// Longest file of ours.
const MOST_LINES: usize = 600;
/// Endings of files people write; lock files, tables of facts and licences are not written.
const WRITTEN: [&str; 12] = [
    ".rs", ".ts", ".js", ".mjs", ".svelte", ".scss", ".css", ".html", ".sql", ".toml", ".md", ".sh",
];
/// What the top folder may hold beside files whose name starts with a dot.
const TOP: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "coordinator",
    "node-agent",
    "policy",
    "crates",
    "docs",
    "tests",
    "README.md",
    "LICENSE",
    "publiccode.yml",
];

/// `Exact::release_through` is called by the mechanism alone: the kernel defines and tests it.
pub(super) fn exact_values_leave_through_the_mechanism(sources: &[Source]) -> Vec<String> {
    // In two parts, so that this file does not call what it looks for.
    let call = concat!("release_", "through");
    let may_call = |path: &str| {
        path.starts_with("crates/mechanism/")
            || path.starts_with("crates/kernel/tests/")
            || path == "crates/kernel/src/exact.rs"
    };
    let mut breaches = Vec::new();
    for source in sources {
        if !source.path.ends_with(".rs") || may_call(&source.path) {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.contains(call) && !line.trim_start().starts_with("//") {
                breaches.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    breaches
}

/// No file people write is longer than [`MOST_LINES`]; the lists under `data` are tables, read by programs.
pub(super) fn files_are_short(sources: &[Source]) -> Vec<String> {
    (sources.iter())
        .filter(|source| WRITTEN.iter().any(|ending| source.path.ends_with(ending)))
        .filter(|source| !source.path.contains("/data/"))
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect()
}

/// The top folder holds what [`TOP`] names.
pub(super) fn top_folder_is_tidy(sources: &[Source]) -> Vec<String> {
    let mut others: Vec<&str> = (sources.iter())
        .filter_map(|source| source.path.split('/').next())
        .filter(|top| !top.starts_with('.') && !TOP.contains(top))
        .collect();
    others.dedup();
    others.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_call_outside_the_mechanism_is_reported_with_its_line() {
        let call = concat!("let x = exact.release_", "through(|cells| cells);\n");
        let at = |path: &str| exact_values_leave_through_the_mechanism(&[source(path, call)]);
        assert!(at("crates/mechanism/src/lib.rs").is_empty());
        assert!(at("crates/kernel/tests/support/mod.rs").is_empty());
        assert_eq!(
            at("node-agent/src/answer.rs"),
            ["node-agent/src/answer.rs:1"]
        );
        assert_eq!(
            at("crates/kernel/src/aggregate.rs"),
            ["crates/kernel/src/aggregate.rs:1"]
        );
        assert_eq!(at("tests/tests/e2e.rs"), ["tests/tests/e2e.rs:1"]);
    }

    #[test]
    fn a_comment_may_name_the_call() {
        let comment = concat!("    /// See `release_", "through`.\n");
        assert!(exact_values_leave_through_the_mechanism(&[source("a.rs", comment)]).is_empty());
    }

    #[test]
    fn a_file_of_601_lines_is_reported_and_a_lock_file_is_not() {
        let lines = |count| "x\n".repeat(count);
        assert!(files_are_short(&[source("a.rs", &lines(600))]).is_empty());
        assert_eq!(
            files_are_short(&[source("a.rs", &lines(601))]),
            ["a.rs: 601 lines"]
        );
        assert_eq!(files_are_short(&[source("a.svelte", &lines(700))]).len(), 1);
        assert!(files_are_short(&[source("Cargo.lock", &lines(9000))]).is_empty());
        assert!(files_are_short(&[source("data/nil.csv", &lines(9000))]).is_empty());
    }

    #[test]
    fn a_stranger_in_the_top_folder_is_reported_once() {
        let good = [
            "Cargo.toml",
            ".ci/run",
            ".gitignore",
            "docs/CLI.md",
            "publiccode.yml",
        ];
        let mut sources: Vec<Source> = good.iter().map(|path| source(path, "")).collect();
        assert!(top_folder_is_tidy(&sources).is_empty());
        sources.push(source("scripts/a.sh", ""));
        sources.push(source("scripts/b.sh", ""));
        sources.push(source("notes.txt", ""));
        assert_eq!(top_folder_is_tidy(&sources), ["scripts", "notes.txt"]);
    }
}
