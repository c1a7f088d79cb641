//! The coordinator's configuration: one TOML file, written by `admin init`, checked as a whole when read.
//! It holds addresses, file names and limits, and no secret.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use witness::WitnessAddress;

/// Name of the file that `admin init` writes.
pub const FILE: &str = "coordinator.toml";

/// The configuration. Relative paths count from the folder of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Format version, 1.
    pub version: u32,
    /// Where the website and API listen. Plain HTTP: anything but loopback belongs behind a TLS proxy.
    pub web_listen: SocketAddr,
    /// The address in people's browsers, such as `https://welfare.example`. With `https` cookies are kept for it alone.
    pub public_url: String,
    /// Addresses of proxies in front of the website, whose header `X-Forwarded-For` is believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<IpAddr>,
    /// Where nodes are served, with TLS 1.3 and client certificates.
    pub node_listen: SocketAddr,
    /// The address nodes dial, `host:port`, as join strings carry it.
    pub node_address: String,
    /// The database.
    pub database: PathBuf,
    /// The folder of the certificate authority.
    pub authority: PathBuf,
    /// The key that signs the log.
    pub log_key: PathBuf,
    /// Official outlines of the areas as GeoJSON; the built-in schematic ones where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub areas: Option<PathBuf>,
    /// Publisher, data set and licence of that file, as readers see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub areas_source: Option<String>,
    /// A folder with another list of target groups (`targets.toml`) and of services (`services.toml`) than those built in; every
    /// node has to use the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<PathBuf>,
    /// How long a question stays open when it does not say, in seconds.
    pub validity_seconds: i64,
    /// Witnesses of the log besides the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<WitnessAddress>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a configuration; the message names line and key.
    #[error("{path} is not a configuration")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// A value breaks its rule.
    #[error("{path}: `{key}` {problem}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What would be right.
        problem: &'static str,
    },
}

impl Config {
    /// What `admin init` writes: everything on loopback, files beside the configuration.
    pub fn initial(
        web_listen: SocketAddr,
        node_listen: SocketAddr,
        node_address: String,
    ) -> Config {
        Config {
            version: 1,
            web_listen,
            public_url: format!("http://{web_listen}"),
            trusted_proxies: Vec::new(),
            node_listen,
            node_address,
            database: "coordinator.db".into(),
            authority: "ca".into(),
            log_key: "log.key".into(),
            areas: None,
            areas_source: None,
            taxonomy: None,
            validity_seconds: 86_400,
            witnesses: Vec::new(),
        }
    }

    /// Reads and checks a configuration, and makes its paths independent of the working directory.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Config = toml::from_str(&text).map_err(|source| ConfigError::Format {
            path: path.to_owned(),
            source,
        })?;
        let rules = [
            (config.version == 1, "version", "must be 1"),
            (
                config.public_url.starts_with("http://")
                    || config.public_url.starts_with("https://"),
                "public_url",
                "must start with http:// or https://",
            ),
            (
                (60..=protocol::MAX_VALIDITY_SECONDS).contains(&config.validity_seconds),
                "validity_seconds",
                "must lie between 60 and 2678400",
            ),
        ];
        if let Some((_, key, problem)) = rules.into_iter().find(|(holds, ..)| !holds) {
            return Err(ConfigError::Invalid {
                path: path.to_owned(),
                key,
                problem,
            });
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut config.database,
            &mut config.authority,
            &mut config.log_key,
        ] {
            *file = folder.join(&file);
        }
        if let Some(areas) = &mut config.areas {
            *areas = folder.join(&areas);
        }
        for witness in &mut config.witnesses {
            witness.authority = witness.authority.take().map(|path| folder.join(path));
        }
        if let Some(taxonomy) = &mut config.taxonomy {
            *taxonomy = folder.join(&taxonomy);
        }
        Ok(config)
    }

    /// Whether browsers reach the website over TLS, so that cookies may be marked Secure.
    pub fn is_public_tls(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether passwords would cross a network in the clear.
    pub fn exposes_plain_http(&self) -> bool {
        !self.web_listen.ip().is_loopback() && !self.is_public_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initial() -> Config {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Config::initial(address(8420), address(8421), "127.0.0.1:8421".to_owned())
    }

    #[test]
    fn a_written_configuration_reads_back_with_paths_beside_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, toml::to_string(&initial()).unwrap()).unwrap();
        let read = Config::read(&path).unwrap();
        assert_eq!(read.database, dir.path().join("coordinator.db"));
        assert_eq!(read.node_address, "127.0.0.1:8421");
        assert!(!read.exposes_plain_http());
    }

    #[test]
    fn unknown_keys_and_broken_rules_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let text = toml::to_string(&initial()).unwrap();
        for (broken, named) in [
            (format!("{text}\nsurprise = 1\n"), "surprise"),
            (text.replace("version = 1", "version = 2"), "version"),
            (text.replace("86400", "5"), "validity_seconds"),
        ] {
            std::fs::write(&path, broken).unwrap();
            let error = Config::read(&path).unwrap_err();
            let told = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(told.contains(named), "{told}");
        }
    }

    #[test]
    fn plain_http_beyond_loopback_is_noticed() {
        let mut config = initial();
        config.web_listen = SocketAddr::from(([0, 0, 0, 0], 80));
        assert!(config.exposes_plain_http());
        config.public_url = "https://welfare.example".to_owned();
        assert!(!config.exposes_plain_http());
    }
}
