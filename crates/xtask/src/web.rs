//! Builds the website into `coordinator/web/dist`, from where it is embedded. It does nothing when nothing changed,
//! so that the coordinator is not linked again for it.

use crate::setup::{self, Need};
use crate::workspace::{Workspace, output, watched};
use anyhow::{Context, Result};
use clap::Args;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of `cargo xtask web`.
#[derive(Args)]
pub(crate) struct Options {
    /// Check types and run the website's own tests, too.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::ensure(&[Need::Node])?;
    if build(workspace, &mut |doing| eprintln!("website: {doing}"))? {
        println!(
            "website built in {}",
            workspace.website().join("dist").display()
        );
    } else {
        println!("website: nothing changed");
    }
    if options.check {
        check(workspace, &mut |_| ())?;
    }
    Ok(())
}

/// How many things [`build`] does at most.
pub(crate) const PARTS: usize = 2;

/// Builds the website if its sources changed; tells whether it did. Hands over what it begins with.
pub(crate) fn build(workspace: &Workspace, each: &mut dyn FnMut(&str)) -> Result<bool> {
    let website = workspace.website();
    each("installing its packages");
    install(&website)?;
    let stamp = website.join("node_modules/.website-built");
    let sources = hash_of_sources(&website)?;
    let built = std::fs::read_to_string(&stamp).is_ok_and(|text| text == sources);
    if built && website.join("dist/index.html").is_file() {
        return Ok(false);
    }
    each("building");
    output(npm(&website).args(["run", "build"])).context("the website does not build")?;
    std::fs::write(stamp, sources)?;
    Ok(true)
}

/// Checks types and runs the website's own tests, handing over each line they print.
pub(crate) fn check(workspace: &Workspace, each: &mut dyn FnMut(&str)) -> Result<()> {
    let website = workspace.website();
    install(&website)?;
    watched(npm(&website).args(["run", "check"]), &mut *each)?;
    watched(
        npm(&website).args(["run", "test"]).env("NO_COLOR", "1"),
        each,
    )
}

/// Installs what the lock file names, if it changed since the last time.
fn install(website: &Path) -> Result<()> {
    let lock = std::fs::read(website.join("package-lock.json"))
        .context("the website has no package-lock.json")?;
    let stamp = website.join("node_modules/.installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    output(npm(website).args(["ci", "--no-audit", "--no-fund"]))
        .context("the website's packages cannot be installed")?;
    std::fs::write(stamp, lock)?;
    Ok(())
}

fn npm(website: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(website);
    npm
}

/// A hash of all the website is built from, names included.
fn hash_of_sources(website: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(website, &mut files)?;
    files.sort();
    // Its keys are fixed, so equal sources have equal hashes in every run.
    let mut hasher = DefaultHasher::new();
    for file in &files {
        let name = file.strip_prefix(website).unwrap_or(file);
        hasher.write(name.as_os_str().as_encoded_bytes());
        hasher.write(&[0]);
        let bytes = std::fs::read(file)?;
        hasher.write(&bytes.len().to_le_bytes());
        hasher.write(&bytes);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if ["node_modules", "dist"]
            .iter()
            .any(|name| entry.file_name() == *name)
        {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_sees_sources_and_nothing_that_is_built() {
        let dir = tempfile::tempdir().expect("folder");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, text).expect("written");
        };
        let hash = || hash_of_sources(dir.path()).expect("hashed");
        write("src/a.ts", "one");
        let first = hash();
        write("dist/index.html", "built");
        write("node_modules/x/index.js", "installed");
        assert_eq!(hash(), first);
        write("src/a.ts", "two");
        assert_ne!(hash(), first);
        write("src/a.ts", "one");
        assert_eq!(hash(), first);
        write("src/b.ts", "");
        assert_ne!(hash(), first);
    }
}
