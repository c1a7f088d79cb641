//! The node's one configuration file and the folder it lives in.
//! Paths and addresses only: what is allowed stands in the policy, how the register is read in the mapping.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// `node.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Format version, 1.
    pub version: u32,
    /// The organisation this node answers for.
    pub organisation: String,
    /// Where the coordinator listens for nodes, `host:port`; absent until the node has joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<String>,
    /// A folder with another list of target groups (`targets.toml`) and of services (`services.toml`) than those built in; the
    /// coordinator has to use the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<PathBuf>,
    /// Witnesses of this node's log besides the coordinator: each must cosign before a debit, and before the answer leaves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<witness::WitnessAddress>,
    /// The one dataset served.
    pub dataset: Dataset,
    /// How long what the node keeps is kept.
    #[serde(default, skip_serializing_if = "Retention::is_default")]
    pub retention: Retention,
    /// The node's own page.
    #[serde(default, skip_serializing_if = "PageSettings::is_default")]
    pub page: PageSettings,
}

/// Where the node's own page listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageSettings {
    /// A loopback address; with port 0, the default, any free port, which `node-agent open` knows.
    pub listen: SocketAddr,
}

impl Default for PageSettings {
    fn default() -> PageSettings {
        PageSettings {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
        }
    }
}

impl PageSettings {
    fn is_default(&self) -> bool {
        *self == PageSettings::default()
    }
}

/// How long what the node keeps is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How many editions' snapshots stay on disk, the current one included; by default it alone, since no other is ever
    /// asked.
    pub snapshots: u32,
    /// How many editions' answers keep their bytes, the current one included; by default those of two years. Their hashes,
    /// charges and log entries stay for ever.
    pub answers: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            snapshots: 1,
            answers: 24,
        }
    }
}

impl Retention {
    fn is_default(&self) -> bool {
        *self == Retention::default()
    }
}

/// The register behind a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Public identifier.
    pub id: String,
    /// The register: the path of a file, or the address of a database without a password.
    pub register: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: is this a node's folder? `node-agent init --dir DIR` makes one")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not valid.
    #[error("{path} is not a valid configuration: {reason}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Where and what, from the TOML reader.
        reason: String,
    },
    /// The node has not joined a coordinator yet.
    #[error(
        "this node has not joined: ask the coordinator's operator for a join string, then `node-agent join --dir DIR JOINSTRING`"
    )]
    NotJoined,
}

/// The folder of one node.
#[derive(Clone, Debug)]
pub struct NodeDir(PathBuf);

impl NodeDir {
    /// The node in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> NodeDir {
        NodeDir(dir.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `node.toml`.
    pub fn config(&self) -> PathBuf {
        self.0.join("node.toml")
    }

    /// How the register becomes the common model.
    pub fn mapping(&self) -> PathBuf {
        self.0.join("mapping.toml")
    }

    /// Where the register's databases and further files are; not there where the register is one file.
    pub fn sources(&self) -> PathBuf {
        self.0.join("sources.toml")
    }

    /// Marks of the people who objected.
    pub fn objections(&self) -> PathBuf {
        self.0.join("objections.json")
    }

    /// The organisation's policy.
    pub fn policy(&self) -> PathBuf {
        self.0.join("policy.toml")
    }

    /// The ledger and its log.
    pub fn ledger(&self) -> PathBuf {
        self.0.join("node.db")
    }

    /// The node-only log of exact local facts.
    pub fn local_log(&self) -> PathBuf {
        self.0.join("local.db")
    }

    /// Snapshots, one file for each edition.
    pub fn snapshot(&self, edition: u32) -> PathBuf {
        self.0
            .join("snapshot")
            .join(format!("edition-{edition}.wis"))
    }

    /// Hash of the list of services that the snapshots were built with.
    pub(crate) fn services(&self) -> PathBuf {
        self.0.join("snapshot").join("services.sha256")
    }

    /// The organisation's offer as it was last signed for the coordinator.
    pub fn offer(&self) -> PathBuf {
        self.0.join("offer.json")
    }

    /// Rows the last edition left out, by row, column and kind.
    pub fn rejects(&self) -> PathBuf {
        self.0.join("snapshot").join("rejects.csv")
    }

    /// The quality report of the last edition; for the organisation's own eyes.
    pub fn quality(&self) -> PathBuf {
        self.0.join("snapshot").join("quality.json")
    }

    /// The last head of the coordinator's log that this node saw, with its own cosignature.
    pub fn coordinator_head(&self) -> PathBuf {
        self.0.join("coordinator.note")
    }

    /// Which witnesses do not cosign, since when and why.
    pub(crate) fn witness_faults(&self) -> PathBuf {
        self.0.join("witness-faults.json")
    }

    /// Signed studies and consents.
    pub fn studies(&self) -> PathBuf {
        self.0.join("studies")
    }

    /// Signed acts on the budget: those that wait for a second signature, and copies of those entered.
    pub fn acts(&self) -> PathBuf {
        self.0.join("acts")
    }

    /// Where the page listens, as long as the node serves.
    pub(crate) fn page_address(&self) -> PathBuf {
        self.0.join("page.address")
    }

    /// The one-time word that `node-agent open` leaves for the page.
    pub(crate) fn page_word(&self) -> PathBuf {
        self.0.join("page.word")
    }

    fn pause_file(&self) -> PathBuf {
        self.0.join("paused")
    }

    /// Whether the node is to ask for no work.
    pub fn is_paused(&self) -> bool {
        self.pause_file().exists()
    }

    /// Pauses the node, or lets it go on.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn set_paused(&self, paused: bool) -> std::io::Result<()> {
        if paused {
            return write_private(&self.pause_file(), b"");
        }
        match std::fs::remove_file(self.pause_file()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn backup_note(&self) -> PathBuf {
        self.0.join("last-backup")
    }

    /// When the last backup was made, in unix seconds.
    pub(crate) fn last_backup(&self) -> Option<i64> {
        let text = std::fs::read_to_string(self.backup_note()).ok()?;
        text.trim().parse().ok()
    }

    /// Notes that a backup was made.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn note_backup(&self, now: i64) -> std::io::Result<()> {
        write_private(&self.backup_note(), now.to_string().as_bytes())
    }

    /// A file among the keys.
    pub fn key(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(name)
    }

    /// Reads `node.toml`.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read_config(&self) -> Result<Config, ConfigError> {
        let path = self.config();
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let invalid = |reason: String| ConfigError::Invalid {
            path: path.clone(),
            reason,
        };
        let config: Config = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        if config.version != 1 {
            return Err(invalid("`version` must be 1".to_owned()));
        }
        for (name, id) in [
            ("organisation", &config.organisation),
            ("dataset.id", &config.dataset.id),
        ] {
            if !protocol::is_identifier(id) {
                return Err(invalid(format!(
                    "`{name}` must be 1 to 64 of a-z, 0-9 and -"
                )));
            }
        }
        for (name, editions, least) in [
            ("retention.snapshots", config.retention.snapshots, 1),
            ("retention.answers", config.retention.answers, 2),
        ] {
            if editions < least {
                return Err(invalid(format!(
                    "`{name}` must be at least {least}: what can still be asked stays"
                )));
            }
        }
        if !config.page.listen.ip().is_loopback() {
            return Err(invalid(
                "`page.listen` must be a loopback address such as 127.0.0.1:8430: the page shows exact facts".to_owned(),
            ));
        }
        Ok(config)
    }

    /// Writes `node.toml` whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_config(&self, config: &Config) -> std::io::Result<()> {
        // Unwrap safety: strings, integers and paths that came from strings always serialise.
        let text = toml::to_string_pretty(config).expect("a configuration serialises");
        write_private(&self.config(), text.as_bytes())
    }
}

/// Writes a file whole, readable by the folder's owner only: first beside it, then renamed over it.
///
/// # Errors
/// When the folder or file cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;

    if let Some(dir) = path.parent() {
        private_file::create_folder(dir)?;
    }
    let beside = path.with_extension("new");
    // What a crash left there.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private_file::create_new(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_reads_back_as_written() {
        let dir = tempfile::tempdir().expect("folder");
        let node = NodeDir::new(dir.path());
        let config = Config {
            version: 1,
            organisation: "cooperativa-lambro".to_owned(),
            coordinator: Some("127.0.0.1:8421".to_owned()),
            taxonomy: None,
            witnesses: vec![witness::WitnessAddress {
                key: "w+00+AA".to_owned(),
                address: "http://127.0.0.1:8440".to_owned(),
                authority: None,
            }],
            dataset: Dataset {
                id: "clients".to_owned(),
                register: PathBuf::from("register.csv"),
            },
            retention: Retention::default(),
            page: Default::default(),
        };
        node.write_config(&config).expect("written");
        assert_eq!(node.read_config().expect("read"), config);
    }

    #[test]
    fn retention_has_defaults_and_keeps_what_can_still_be_asked() {
        let dir = tempfile::tempdir().expect("folder");
        let node = NodeDir::new(dir.path());
        let text = "version = 1\norganisation = \"a\"\n[dataset]\nid = \"b\"\nregister = \"c\"\n";
        let read = |more: &str| {
            std::fs::write(node.config(), format!("{text}{more}")).expect("written");
            node.read_config()
        };
        assert_eq!(
            read("").expect("read").retention,
            Retention {
                snapshots: 1,
                answers: 24
            }
        );
        let given = read("[retention]\nanswers = 6\n").expect("read").retention;
        assert_eq!(
            given,
            Retention {
                snapshots: 1,
                answers: 6
            }
        );
        for (more, named) in [
            ("[retention]\nsnapshots = 0\n", "retention.snapshots"),
            ("[retention]\nanswers = 1\n", "retention.answers"),
            ("[retention]\ndays = 1\n", "days"),
        ] {
            let error = read(more).expect_err("refused").to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_samples_of_the_package_are_valid_and_have_every_setting() {
        let dir = tempfile::tempdir().expect("folder");
        let node = NodeDir::new(dir.path());
        let sample = include_str!("../packaging/examples/node.toml");
        let write = |text: &str| std::fs::write(node.config(), text).expect("written");
        write(sample);
        let config = node.read_config().expect("a valid sample");
        assert_eq!(
            (config.retention, config.page),
            (Retention::default(), PageSettings::default()),
            "the sample shows what holds by default"
        );
        // A setting that the sample does not show is none that people find.
        let with_all = sample.replace("# taxonomy =", "taxonomy =");
        write(&with_all);
        let config = node.read_config().expect("valid with every setting");
        let keys = |text: &str| -> std::collections::BTreeSet<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            (lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))).collect()
        };
        let shown = keys(&with_all);
        assert!(config.taxonomy.is_some() && config.coordinator.is_some());
        for key in [
            "version",
            "organisation",
            "id",
            "register",
            "snapshots",
            "answers",
            "listen",
        ] {
            assert!(shown.contains(key), "{key}");
        }
        source::Local::parse(include_str!("../packaging/examples/sources.toml"))
            .expect("a valid sample");
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let dir = tempfile::tempdir().expect("folder");
        let node = NodeDir::new(dir.path());
        let text = "version = 1\norganisaton = \"a\"\n[dataset]\nid = \"b\"\nregister = \"c\"\n";
        std::fs::write(node.config(), text).expect("written");
        let error = node.read_config().expect_err("refused").to_string();
        assert!(error.contains("organisaton"), "{error}");
    }
}
