//! `cargo xtask check`: the walls of the architecture, each a rule that returns what breaks it.
//! A rule reads Cargo's own account of the dependencies, or the files git tracks; it never edits.

mod dependencies;
mod graph;
mod sources;

use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, bail};
use graph::Graph;
use sources::Source;
use std::process::Command;

/// One rule: what it states, and what breaks it.
struct Verdict {
    rule: &'static str,
    breaches: Vec<String>,
}

/// Checks every rule, prints each with its verdict.
///
/// # Errors
/// When a rule is broken or the dependencies cannot be read.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let metadata = output(
        workspace
            .cargo()
            .args(["metadata", "--format-version", "1"]),
    )?;
    let graph = Graph::from_metadata(&metadata).context("cannot read `cargo metadata`")?;
    let sources = tracked(workspace)?;
    let verdicts = [
        Verdict {
            rule: "the coordinator cannot hold exact data: no opendp, mechanism, kernel, snapshot",
            breaches: dependencies::coordinator_holds_no_exact_data(&graph),
        },
        Verdict {
            rule: "pure crates reach no tokio, axum, sqlx",
            breaches: dependencies::pure_crates_reach_no_runtime(&graph),
        },
        Verdict {
            rule: "no openssl, no aws-lc",
            breaches: dependencies::no_foreign_cryptography(&graph),
        },
        Verdict {
            rule: "casbin's rhai has only the features casbin asks for",
            breaches: dependencies::rhai_has_only_casbins_features(&graph),
        },
        Verdict {
            rule: "libsqlite3-sys is 0.37 or later",
            breaches: dependencies::sqlite_is_recent(&graph),
        },
        Verdict {
            rule: "an exact value leaves only through the mechanism",
            breaches: sources::exact_values_leave_through_the_mechanism(&sources),
        },
        Verdict {
            rule: "no file of ours is longer than 600 lines",
            breaches: sources::files_are_short(&sources),
        },
        Verdict {
            rule: "the top folder holds nothing but what is agreed",
            breaches: sources::top_folder_is_tidy(&sources),
        },
    ];
    for verdict in &verdicts {
        let word = if verdict.breaches.is_empty() {
            "holds "
        } else {
            "BROKEN"
        };
        println!("{word}  {}", verdict.rule);
        for breach in &verdict.breaches {
            println!("          {breach}");
        }
    }
    let broken = verdicts
        .iter()
        .filter(|verdict| !verdict.breaches.is_empty())
        .count();
    if broken > 0 {
        bail!("{broken} of {} rules broken", verdicts.len());
    }
    Ok(())
}

/// The files git tracks, with the text of those that are text.
fn tracked(workspace: &Workspace) -> Result<Vec<Source>> {
    let names = output(
        Command::new("git")
            .args(["ls-files"])
            .current_dir(&workspace.root),
    )
    .context("the rules about files need git")?;
    Ok(names
        .lines()
        .map(|path| Source {
            path: path.to_owned(),
            // A file that was deleted but not yet from the index, or is not text, has no lines to count.
            text: std::fs::read_to_string(workspace.root.join(path)).unwrap_or_default(),
        })
        .collect())
}
