//! The Debian package of the node agent: program, systemd unit, a user of its own. It starts nothing by itself.

use super::Release;
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package's name.
const NAME: &str = "welfare-node";

/// Makes the package in `out`; `None` where `dpkg-deb` is missing.
///
/// # Errors
/// When a file cannot be written or `dpkg-deb` refuses.
pub(super) fn package(
    workspace: &Workspace,
    release: &Release,
    program: &Path,
    out: &Path,
) -> Result<Option<PathBuf>> {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return Ok(None);
    }
    let tree = out.join("deb");
    let _ = fs::remove_dir_all(&tree);
    lay_out(&workspace.root, release, program, &tree)?;
    let package = out.join(format!("{NAME}_{}_amd64.deb", release.version));
    run(Command::new("dpkg-deb")
        .env("SOURCE_DATE_EPOCH", release.commit_time.to_string())
        .args(["--root-owner-group", "-Zxz", "--build"])
        .args([&tree, &package]))?;
    fs::remove_dir_all(&tree)?;
    Ok(Some(package))
}

/// The package's files, as they will lie on the system.
fn lay_out(root: &Path, release: &Release, program: &Path, tree: &Path) -> Result<()> {
    let packaging = root.join("node-agent/packaging");
    let doc = format!("usr/share/doc/{NAME}");
    let files: [(PathBuf, String, u32); 9] = [
        (program.to_owned(), "usr/bin/node-agent".to_owned(), 0o755),
        (
            packaging.join("welfare-node.service"),
            "usr/lib/systemd/system/welfare-node.service".to_owned(),
            0o644,
        ),
        (
            packaging.join("README.md"),
            format!("{doc}/README.md"),
            0o644,
        ),
        (
            packaging.join("examples/node.toml"),
            format!("{doc}/examples/node.toml"),
            0o644,
        ),
        (
            packaging.join("examples/sources.toml"),
            format!("{doc}/examples/sources.toml"),
            0o644,
        ),
        (root.join("docs/CLI.md"), format!("{doc}/CLI.md"), 0o644),
        (root.join("LICENSE"), format!("{doc}/copyright"), 0o644),
        (
            packaging.join("postinst"),
            "DEBIAN/postinst".to_owned(),
            0o755,
        ),
        (packaging.join("prerm"), "DEBIAN/prerm".to_owned(), 0o755),
    ];
    for (from, to, mode) in files {
        let content = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        write(&tree.join(to), &content, mode)?;
    }
    write(
        &tree.join("DEBIAN/control"),
        control(release).as_bytes(),
        0o644,
    )
}

fn control(release: &Release) -> String {
    // A static program asks for no library; the other one for the C library it was linked with.
    let libc = if release.target.ends_with("musl") {
        ""
    } else {
        ", libc6"
    };
    format!(
        "Package: {NAME}\n\
         Version: {}\n\
         Architecture: amd64\n\
         Maintainer: Welfare Intelligence developers <noreply@invalid>\n\
         Section: net\n\
         Priority: optional\n\
         Depends: adduser{libc}\n\
         Description: private answers about an organisation's client register\n \
         A node agent beside the register of a welfare organisation. It answers\n \
         differentially private aggregates only, under the organisation's own\n \
         policy, from a privacy budget, with a verifiable log.\n",
        release.version
    )
}

/// Writes a file whose folders anybody may enter, as packages' folders are.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_holds_what_a_node_needs_and_runs_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\n").expect("written");
        let release = Release {
            version: "1.2.3".to_owned(),
            target: super::super::STATIC,
            commit_time: 1_700_000_000,
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let tree = folder.path().join("tree");
        lay_out(&root, &release, &program, &tree).expect("laid out");
        for path in [
            "usr/bin/node-agent",
            "usr/lib/systemd/system/welfare-node.service",
            "usr/share/doc/welfare-node/examples/node.toml",
            "usr/share/doc/welfare-node/examples/sources.toml",
        ] {
            assert!(tree.join(path).is_file(), "{path}");
        }
        let control = fs::read_to_string(tree.join("DEBIAN/control")).expect("there");
        assert!(control.contains("\nVersion: 1.2.3\n"));
        assert!(!control.contains("libc6"));
        // Only the organisation says when its node starts.
        let unit = fs::read_to_string(tree.join("usr/lib/systemd/system/welfare-node.service"));
        assert!(unit.expect("there").contains("ConditionPathExists="));
        let script = fs::read_to_string(tree.join("DEBIAN/postinst")).expect("there");
        assert!(!script.contains("enable --now") || script.contains("echo"));
    }
}
