//! The commands with which a policy is tried before anybody signs it, as programs: what they say, and by which exit code a script knows.

use anyhow::{Context, Result, ensure};
use policy::Starter;
use protocol::PublicKey;
use std::path::{Path, PathBuf};
use system_tests::process::run;
use system_tests::requester::REQUESTER;

const DAY: &str = "2026-03-02";
/// Holds, and does not.
const CODES: [i32; 2] = [0, 3];

/// The starter of a cooperative with its cases, in a folder.
fn starter(folder: &Path) -> Result<PathBuf> {
    let [requester, officer] = [1, 2].map(|seed| PublicKey([seed; 32]));
    let policy = Starter::Cooperative.text("cooperativa-lambro", REQUESTER, &requester, &officer);
    let path = folder.join("cooperative.toml");
    std::fs::write(&path, policy)?;
    let cases = Starter::Cooperative.cases(REQUESTER);
    std::fs::write(folder.join("cooperative.cases.toml"), cases)?;
    Ok(path)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path")
}

/// Writes a file with one thing said differently beside it, and returns where it lies.
fn altered(file: &Path, name: &str, from: &str, to: &str) -> Result<PathBuf> {
    let before = std::fs::read_to_string(file)?;
    ensure!(before.contains(from), "{} says no `{from}`", file.display());
    let path = file.with_file_name(name);
    std::fs::write(&path, before.replacen(from, to, 1))?;
    Ok(path)
}

/// What both programs say, which must be the same, with this exit code.
async fn said(words: &[&str], code: i32) -> Result<String> {
    let words = [&["policy"], words, &["--day", DAY]].concat();
    let [by_node, by_coordinator] = [
        run("node-agent", &words, "").await?,
        run("coordinator", &words, "").await?,
    ];
    for finished in [&by_node, &by_coordinator] {
        let output = format!("{}{}", finished.stdout, finished.stderr);
        ensure!(
            finished.code == Some(code),
            "{words:?} {:?}: {output}",
            finished.code
        );
    }
    ensure!(by_node.stdout == by_coordinator.stdout, "{words:?}");
    Ok(by_node.stdout)
}

#[tokio::test]
async fn expected_decisions_that_do_not_hold_are_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = starter(folder.path())?;
    let cases = folder.path().join("cooperative.cases.toml");
    let [holds, fails] = CODES;
    let policy = text(&policy)?;
    said(&["test", policy], holds).await?;
    let wrong = altered(
        &cases,
        "wrong.toml",
        "expect = \"allow\"",
        "expect = \"deny\"",
    )?;
    let told = said(&["test", policy, "--cases", text(&wrong)?], fails).await?;
    let right = said(&["test", policy, "--cases", text(&cases)?], holds).await?;
    assert_ne!(told, right);
    // Explained, in either language.
    let [italian, english] = [
        said(&["test", policy, "--lang", "it"], holds).await?,
        said(&["test", policy, "--lang", "en"], holds).await?,
    ];
    assert!(
        italian != english && english.len() > right.len(),
        "{english}"
    );
    Ok(())
}

#[tokio::test]
async fn a_matrix_that_is_not_the_one_expected_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = starter(folder.path())?;
    let policy = text(&policy)?;
    let [holds, fails] = CODES;
    let matrix = said(&["matrix", policy], holds).await?;
    let kept = folder.path().join("matrix.txt");
    std::fs::write(&kept, &matrix)?;
    let same = said(&["matrix", policy, "--expected", text(&kept)?], holds).await?;
    assert_eq!(same, "");
    let other = altered(&kept, "other.txt", "auto 0.25", "auto 0.2")?;
    let told = said(&["matrix", policy, "--expected", text(&other)?], fails).await?;
    assert!(told.contains("differs"), "{told}");
    Ok(())
}

#[tokio::test]
async fn what_two_policies_decide_differently_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = starter(folder.path())?;
    let [holds, fails] = CODES;
    let alike = said(&["diff", text(&policy)?, text(&policy)?], holds).await?;
    assert_eq!(alike, "both policies decide alike\n");
    let from = "approval = \"auto\"";
    let manual = altered(&policy, "manual.toml", from, "approval = \"manual\"")?;
    let told = said(&["diff", text(&policy)?, text(&manual)?], fails).await?;
    assert!(told.contains("manual"), "{told}");
    let minimum = altered(
        &policy,
        "minimum.toml",
        "display_minimum = 5",
        "display_minimum = 6",
    )?;
    let told = said(&["diff", text(&policy)?, text(&minimum)?], fails).await?;
    assert!(told.contains("term "), "{told}");
    Ok(())
}
