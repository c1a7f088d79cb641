//! What the commands need beside Rust: C and C++ compilers with CMake and libclang, Node with npm, Chromium. It installs through apt when it may,
//! and otherwise says in one line what to type.

use crate::workspace::{output, run};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest Node that builds the website.
const OLDEST_NODE: u32 = 20;

/// Something a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A C compiler and linker: SQLite and ring are partly C.
    Compiler,
    /// A C compiler that makes static programs.
    StaticCompiler,
    /// A C++ compiler, CMake and libclang: HiGHS, the engine of mixed-integer programs, is C++.
    Highs,
    /// Node and npm build the website.
    Node,
    /// Chromium runs the browser test.
    Chromium,
    /// PostgreSQL and MariaDB, which tests of connectors start for themselves, and xmllint, which checks SIUSS flows.
    Registers,
    /// Python with an Ed25519 package runs the second verifier of evidence packs.
    Python,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Need::Compiler => "a C compiler",
            Need::StaticCompiler => "musl's C compiler",
            Need::Highs => "a C++ compiler with CMake and libclang",
            Need::Node => "Node 20 or later with npm",
            Need::Chromium => "Chromium",
            Need::Registers => "PostgreSQL, MariaDB and xmllint",
            Need::Python => "Python 3 with the package `cryptography`",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Need::Compiler => &["gcc", "libc6-dev"],
            Need::StaticCompiler => &["musl-tools"],
            Need::Highs => &["g++", "cmake", "libclang-dev"],
            Need::Node => &["nodejs", "npm"],
            Need::Chromium => &["chromium"],
            Need::Registers => &[
                "postgresql",
                "mariadb-server-core",
                "mariadb-client-core",
                "libxml2-utils",
            ],
            Need::Python => &["python3", "python3-cryptography"],
        }
    }

    /// Whether it is there and new enough.
    pub(crate) fn is_met(self) -> bool {
        match self {
            Need::Compiler => ["cc", "gcc", "clang"]
                .iter()
                .any(|name| find(name).is_some()),
            Need::StaticCompiler => find("musl-gcc").is_some(),
            Need::Highs => {
                ["c++", "g++", "clang++"]
                    .iter()
                    .any(|name| find(name).is_some())
                    && find("cmake").is_some()
                    && has_libclang()
            }
            Need::Node => find("npm").is_some() && node_version() >= Some(OLDEST_NODE),
            Need::Chromium => chromium().is_some(),
            Need::Registers => {
                let programs = ["mariadb-install-db", "my_print_defaults", "xmllint"];
                programs.iter().all(|name| find(name).is_some()) && find_servers().is_some()
            }
            // The first on the path may be another than the system's, which apt's packages are for.
            Need::Python => ["python3", "/usr/bin/python3"]
                .iter()
                .any(|name| output(Command::new(name).args(["-c", "import cryptography"])).is_ok()),
        }
    }
}

/// How packages can be installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Installer {
    AptAsRoot,
    AptThroughSudo,
    None,
}

/// Finds or installs each of `needs`.
///
/// # Errors
/// One line that says what is missing and what to type.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let installer = installer();
    if installer == Installer::None {
        bail!(advice(&missing));
    }
    eprintln!("installing {}", names(&missing));
    for (program, arguments) in commands(&missing, installer) {
        run(Command::new(program)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    let missing = self::missing(&missing);
    if !missing.is_empty() {
        bail!(
            "apt has no usable {}; install it by hand and try again",
            names(&missing)
        );
    }
    Ok(())
}

/// The needs that are not met.
fn missing(needs: &[Need]) -> Vec<Need> {
    (needs.iter().copied())
        .filter(|need| !need.is_met())
        .collect()
}

fn names(needs: &[Need]) -> String {
    needs
        .iter()
        .map(|need| need.name())
        .collect::<Vec<_>>()
        .join(" and ")
}

fn packages(needs: &[Need]) -> Vec<&'static str> {
    needs
        .iter()
        .flat_map(|need| need.packages())
        .copied()
        .collect()
}

/// The one line for those who must install by hand.
fn advice(missing: &[Need]) -> String {
    format!(
        "{} is missing; type: sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
        names(missing),
        packages(missing).join(" ")
    )
}

/// What is run to install.
fn commands(missing: &[Need], installer: Installer) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut install = vec!["apt-get", "install", "-y", "--no-install-recommends"];
    install.extend(packages(missing));
    let both = [vec!["apt-get", "update"], install];
    both.into_iter()
        .map(|words| match installer {
            // sudo hands on no environment of ours, so the variable goes through it.
            Installer::AptThroughSudo => (
                "sudo",
                [vec!["-n", "env", "DEBIAN_FRONTEND=noninteractive"], words].concat(),
            ),
            Installer::AptAsRoot | Installer::None => (words[0], words[1..].to_vec()),
        })
        .collect()
}

fn installer() -> Installer {
    if find("apt-get").is_none() {
        return Installer::None;
    }
    if rustix::process::geteuid().is_root() {
        return Installer::AptAsRoot;
    }
    let allowed =
        find("sudo").is_some() && output(Command::new("sudo").args(["-n", "true"])).is_ok();
    if allowed {
        Installer::AptThroughSudo
    } else {
        Installer::None
    }
}

/// Chromium, under any of its names, or what `CHROMIUM` names.
pub(crate) fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| {
        [
            "chromium",
            "chromium-browser",
            "google-chrome-stable",
            "google-chrome",
        ]
        .iter()
        .find_map(|name| find(name))
    })
}

/// Whether libclang, which reads the engine's C headers, is where it is looked for: where `LIBCLANG_PATH` says, or in
/// the system's or an LLVM's folder of libraries.
fn has_libclang() -> bool {
    let holds = |dir: &Path| {
        dir.read_dir().is_ok_and(|files| {
            files.flatten().any(|file| {
                let name = file.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libclang.so") || name.starts_with("libclang-")
            })
        })
    };
    if let Some(named) = std::env::var_os("LIBCLANG_PATH") {
        return Path::new(&named).exists();
    }
    let system = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let below = system.iter().flat_map(|dir| {
        let inner = dir.read_dir().into_iter().flatten().flatten();
        inner.flat_map(|entry| [entry.path(), entry.path().join("lib")])
    });
    system.iter().cloned().chain(below).any(|dir| holds(&dir))
}

/// The database servers, which Debian keeps off the search path of people.
fn find_servers() -> Option<(PathBuf, PathBuf)> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut versions = versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"));
    let postgres = find("postgres").or_else(|| versions.find(|path| is_program(path)))?;
    let mariadb = PathBuf::from("/usr/sbin/mariadbd");
    Some((
        postgres,
        find("mariadbd").or(Some(mariadb).filter(|path| is_program(path)))?,
    ))
}

/// The program `name` on the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Node's major version.
fn node_version() -> Option<u32> {
    find("node")?;
    major_version(&output(Command::new("node").arg("--version")).ok()?)
}

/// `v20.19.4` is 20.
fn major_version(text: &str) -> Option<u32> {
    text.trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_one_line_that_names_every_package() {
        let line = advice(&[Need::Node, Need::Chromium]);
        assert!(!line.contains('\n'));
        for part in ["nodejs", "npm", "chromium", "sudo apt-get install -y"] {
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn apt_is_updated_once_and_asks_nothing() {
        let commands = commands(&[Need::Compiler, Need::Node], Installer::AptAsRoot);
        assert_eq!(
            commands,
            [
                ("apt-get", vec!["update"]),
                (
                    "apt-get",
                    vec![
                        "install",
                        "-y",
                        "--no-install-recommends",
                        "gcc",
                        "libc6-dev",
                        "nodejs",
                        "npm"
                    ]
                ),
            ]
        );
    }

    #[test]
    fn sudo_never_asks_for_a_password() {
        for (program, arguments) in commands(&[Need::Chromium], Installer::AptThroughSudo) {
            assert_eq!((program, arguments[0]), ("sudo", "-n"));
            assert_eq!(arguments[2], "DEBIAN_FRONTEND=noninteractive");
        }
    }

    #[test]
    fn node_versions_are_compared_by_their_major_number() {
        assert_eq!(major_version("v20.19.4\n"), Some(20));
        assert_eq!(major_version("v9.0.0"), Some(9));
        assert_eq!(major_version("20"), None);
        assert!(Some(OLDEST_NODE) <= major_version("v22.1.0"));
        assert!(major_version("nonsense") < Some(OLDEST_NODE));
    }

    #[test]
    fn what_is_there_is_not_installed_again() {
        // Cargo has just linked this test with it.
        assert!(missing(&[Need::Compiler]).is_empty());
    }

    #[test]
    fn the_engine_of_programs_is_asked_for_by_its_packages() {
        let line = advice(&[Need::Highs]);
        for part in [
            "g++",
            "cmake",
            "libclang-dev",
            "CMake and libclang is missing",
        ] {
            assert!(line.contains(part), "{line}");
        }
    }
}
