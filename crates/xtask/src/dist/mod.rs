//! `cargo xtask dist`: what an organisation installs without compiling. A static node agent as a tarball and a Debian package, the
//! container recipe of the coordinator, what is inside (SBOM) and SHA-256 of each file.
//!
//! The same commit gives the same bytes with the same toolchain: paths are mapped, archives are sorted, times are the commit's.

mod archive;
mod debian;
mod sbom;

use crate::setup::{self, Need};
use crate::workspace::{Workspace, output, run};
use anyhow::{Context, Result};
use archive::Entry;
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target whose programs run on any Linux of this machine's kind.
const STATIC: &str = "x86_64-unknown-linux-musl";
/// This machine's own target, where the static one cannot be had.
const NATIVE: &str = "x86_64-unknown-linux-gnu";

/// What to make.
#[derive(Args)]
pub(crate) struct Options {
    /// Where to write; `target/dist` where absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Links against this machine's C library instead of making a static program.
    #[arg(long)]
    native: bool,
}

/// What all parts are made from.
struct Release {
    version: String,
    target: &'static str,
    /// Seconds since 1970 of the commit, the time of everything in the archives.
    commit_time: u64,
}

/// Makes everything, prints each file with its SHA-256.
///
/// # Errors
/// When a tool is missing and cannot be installed, or a build fails.
pub(crate) fn run_dist(workspace: &Workspace, options: &Options) -> Result<()> {
    let target = if options.native { NATIVE } else { target() };
    setup::ensure(&[Need::Compiler])?;
    if target == STATIC {
        setup::ensure(&[Need::StaticCompiler])?;
    }
    let release = Release {
        version: version(workspace)?,
        target,
        commit_time: commit_time(workspace)?,
    };
    let out = match &options.out {
        Some(out) => std::env::current_dir()?.join(out),
        None => workspace.target.join("dist"),
    };
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let program = build(workspace, target)?;

    let stem = format!("node-agent-{}-{}", release.version, release.target);
    let mut made = Vec::new();
    let tarball = out.join(format!("{stem}.tar.gz"));
    let entries = tarball_entries(workspace, &program, &stem)?;
    fs::write(&tarball, archive::tar_gz(&entries, release.commit_time)?)?;
    made.push(tarball);
    match debian::package(workspace, &release, &program, &out)? {
        Some(package) => made.push(package),
        None => eprintln!("no Debian package: dpkg-deb is missing; the tarball has all it needs"),
    }
    let inventory = out.join(format!("{stem}.cdx.json"));
    let text = sbom::of(workspace, "node-agent", &release)?;
    fs::write(&inventory, text)?;
    made.push(inventory);
    let recipe = out.join("coordinator.Containerfile");
    fs::copy(
        workspace.root.join("coordinator/packaging/Containerfile"),
        &recipe,
    )?;
    made.push(recipe);

    let mut sums = String::new();
    for path in &made {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        sums.push_str(&format!("{}  {name}\n", archive::sha256(&fs::read(path)?)));
    }
    fs::write(out.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    println!("in {}", out.display());
    Ok(())
}

/// The static target where this toolchain has it or can get it; otherwise this machine's, and why.
fn target() -> &'static str {
    let installed = |wanted: &str| {
        output(Command::new("rustup").args(["target", "list", "--installed"]))
            .is_ok_and(|list| list.lines().any(|line| line.trim() == wanted))
    };
    if installed(STATIC) {
        return STATIC;
    }
    let _ = output(Command::new("rustup").args(["target", "add", STATIC]));
    if installed(STATIC) {
        return STATIC;
    }
    eprintln!(
        "the target {STATIC} cannot be had here (`rustup target add {STATIC}` failed): building for {NATIVE}, which needs \
         the C library of a system at least as new as this one"
    );
    NATIVE
}

/// Builds the node agent and strips it; its file.
fn build(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let places = places(workspace);
    let mut rust = mapped("--remap-path-prefix=", &places);
    rust.push("-Cstrip=symbols".to_owned());
    let c_flags = format!("CFLAGS_{}", target.replace('-', "_"));
    let mut c = mapped("-ffile-prefix-map=", &places);
    c.extend(std::env::var(&c_flags));
    run(workspace
        .cargo()
        .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
        .env(c_flags, c.join(" "))
        .env("CARGO_INCREMENTAL", "0")
        .args(["build", "--release", "--locked", "--package", "node-agent"])
        .args(["--target", target]))?;
    Ok(workspace
        .target
        .join(target)
        .join("release")
        .join("node-agent"))
}

/// Folders of this machine whose names would get into the program, each with what stands there instead. Where things lie here is
/// nobody's business, and would make the bytes differ elsewhere. Of several that fit the last one counts, so the build's own folder,
/// which may lie in the repository, comes last.
fn places(workspace: &Workspace) -> [(PathBuf, &'static str); 3] {
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    );
    [
        (workspace.root.clone(), "."),
        (cargo_home, "cargo"),
        (workspace.target.clone(), "target"),
    ]
}

/// Flags of a compiler that put other names in place of these folders'.
fn mapped(flag: &str, places: &[(PathBuf, &str)]) -> Vec<String> {
    (places.iter())
        .map(|(from, to)| format!("{flag}{}={to}", from.display()))
        .collect()
}

fn tarball_entries(workspace: &Workspace, program: &Path, stem: &str) -> Result<Vec<Entry>> {
    let packaging = workspace.root.join("node-agent/packaging");
    let files: [(&str, PathBuf, u32); 7] = [
        ("node-agent", program.to_owned(), 0o755),
        ("README.md", packaging.join("README.md"), 0o644),
        (
            "welfare-node.service",
            packaging.join("welfare-node.service"),
            0o644,
        ),
        (
            "examples/node.toml",
            packaging.join("examples/node.toml"),
            0o644,
        ),
        (
            "examples/sources.toml",
            packaging.join("examples/sources.toml"),
            0o644,
        ),
        ("LICENSE", workspace.root.join("LICENSE"), 0o644),
        ("CLI.md", workspace.root.join("docs/CLI.md"), 0o644),
    ];
    (files.into_iter())
        .map(|(name, path, mode)| Entry::read(&format!("{stem}/{name}"), &path, mode))
        .collect()
}

fn version(workspace: &Workspace) -> Result<String> {
    let id = output(workspace.cargo().args(["pkgid", "--package", "node-agent"]))?;
    let version = id.trim().rsplit(['#', '@']).next().unwrap_or_default();
    Ok(version.to_owned())
}

fn commit_time(workspace: &Workspace) -> Result<u64> {
    if let Some(epoch) = std::env::var_os("SOURCE_DATE_EPOCH") {
        return (epoch.to_string_lossy().parse())
            .context("SOURCE_DATE_EPOCH must be whole seconds since 1970");
    }
    let time = output(Command::new("git").current_dir(&workspace.root).args([
        "log",
        "-1",
        "--format=%ct",
    ]))?;
    time.trim().parse().context("git gives no commit time")
}
