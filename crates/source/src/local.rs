//! `sources.toml`: where a node's sources are. It stays on the node: no mapping, no study and no answer holds any of it.

use crate::database::Rows;
use crate::error::SourceError;
use crate::sentences::{JOINED_AT, NOT_TOML, TABLE_OR_QUERY, VERSION};
use serde::{Deserialize, Serialize};
use snapshot::Sentence;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where sources are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Local {
    /// Format version, 1.
    pub version: u32,
    /// What to read of the register, whose path or address stands in `node.toml`.
    #[serde(default, skip_serializing_if = "SourceConfig::is_default")]
    pub register: SourceConfig,
    /// Sources that are joined, by the name the mapping gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joined: BTreeMap<String, SourceConfig>,
    /// Files that tell where an address is.
    #[serde(default, skip_serializing_if = "Places::is_default")]
    pub places: Places,
}

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// Path or address, without a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Sheet of a spreadsheet; by default the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Table or view of a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// A SELECT, in place of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// A file that holds the database user's password and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Certificate, PEM, of the authority that signed the database server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Files that tell where an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Places {
    /// GeoJSON outlines of the NIL, for coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub areas: Option<PathBuf>,
    /// CSV with `street`, `civic`, `nil` and, if known, `municipio`, for addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gazetteer: Option<PathBuf>,
}

impl Local {
    /// Reads the file; nothing is configured where it is not there.
    ///
    /// # Errors
    /// A file that cannot be read or is not as it should be, with the key.
    pub fn read(path: &Path) -> Result<Local, SourceError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Local {
                    version: 1,
                    ..Local::default()
                });
            }
            Err(source) => {
                return Err(SourceError::File {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Local::parse(&text)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// A fault with its key.
    pub fn parse(text: &str) -> Result<Local, SourceError> {
        let local: Local = toml::from_str(text).map_err(|error| SourceError::Config {
            key: "file".to_owned(),
            problem: NOT_TOML.with([error.message()]),
        })?;
        if local.version != 1 {
            return Err(config("version", &VERSION));
        }
        for (name, source) in &local.joined {
            if source.at.is_none() {
                return Err(config(&format!("joined.{name}.at"), &JOINED_AT));
            }
        }
        Ok(local)
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        // Unwrap safety: strings and paths that came from strings always serialise.
        toml::to_string_pretty(self).expect("a configuration serialises")
    }

    /// Whether the file is needed at all.
    pub fn is_default(&self) -> bool {
        self.register.is_default() && self.joined.is_empty() && self.places.is_default()
    }
}

fn config(key: &str, problem: &'static Sentence) -> SourceError {
    SourceError::Config {
        key: key.to_owned(),
        problem: problem.into(),
    }
}

impl SourceConfig {
    fn is_default(&self) -> bool {
        *self == SourceConfig::default()
    }

    pub(crate) fn rows(&self) -> Result<Option<Rows>, SourceError> {
        match (&self.table, &self.query) {
            (None, None) => Ok(None),
            (Some(table), None) => Ok(Some(Rows::Table(table.clone()))),
            (None, Some(query)) => Ok(Some(Rows::Query(query.clone()))),
            (Some(_), Some(_)) => Err(config("query", &TABLE_OR_QUERY)),
        }
    }

    pub(crate) fn password(&self) -> Result<Option<String>, SourceError> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).map_err(|source| SourceError::File {
            path: path.clone(),
            source,
        })?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl Places {
    fn is_default(&self) -> bool {
        *self == Places::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_their_key() {
        for (text, named) in [
            ("version = 2", "version"),
            ("version = 1\n[register]\npassword = \"x\"", "password"),
            (
                "version = 1\n[joined.addresses]\nsheet = \"x\"",
                "joined.addresses.at",
            ),
        ] {
            let error = Local::parse(text).expect_err(text).to_string();
            assert!(error.contains(named), "{error}");
        }
        let both = SourceConfig {
            table: Some("t".to_owned()),
            query: Some("select 1".to_owned()),
            ..SourceConfig::default()
        };
        assert!(both.rows().is_err());
        let none = Local::read(Path::new("/nowhere/sources.toml")).expect("nothing");
        assert!(none.is_default());
    }
}
