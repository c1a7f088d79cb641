//! Where one source is and of what kind: a path or an address, as a person gives it.

use crate::database::{Database, Rows};
use crate::error::SourceError;
use crate::local::SourceConfig;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Kinds of sources, by what they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Comma-, semicolon- or tab-separated text.
    Text,
    /// A spreadsheet.
    Xlsx,
    /// A Parquet file.
    Parquet,
    /// A SQLite database.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MariaDB or MySQL server.
    MySql,
    /// A SIUSS flow in XML.
    Siuss,
}

/// One source, ready to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Text.
    Text(PathBuf),
    /// A sheet of a spreadsheet; the first where none is named.
    Xlsx(PathBuf, Option<String>),
    /// A Parquet file.
    Parquet(PathBuf),
    /// A table or query of a SQLite file; its only table where neither is named.
    Sqlite(PathBuf, Option<Rows>),
    /// PostgreSQL.
    Postgres(Database),
    /// MariaDB or MySQL.
    MySql(Database),
    /// A SIUSS flow.
    Siuss(PathBuf),
}

impl Place {
    /// The source at a path or address, with what the node's configuration says of it.
    ///
    /// # Errors
    /// A kind that nobody knows, a password in an address, a table that is missing, a password file that cannot be read.
    pub fn of(at: &str, config: &SourceConfig) -> Result<Place, SourceError> {
        if let Some((scheme, rest)) = at.split_once("://") {
            return match scheme {
                "postgres" | "postgresql" => Ok(Place::Postgres(database(at, config)?)),
                "mysql" | "mariadb" => Ok(Place::MySql(database(at, config)?)),
                "sqlite" => Ok(Place::Sqlite(rest.into(), config.rows()?)),
                "file" => Place::of(rest, config),
                _ => Err(unknown(at)),
            };
        }
        let path = PathBuf::from(at);
        Ok(match kind_of_file(&path)? {
            Some(Kind::Xlsx) => Place::Xlsx(path, config.sheet.clone()),
            Some(Kind::Parquet) => Place::Parquet(path),
            Some(Kind::Sqlite) => Place::Sqlite(path, config.rows()?),
            Some(Kind::Siuss) => Place::Siuss(path),
            Some(_) => Place::Text(path),
            None => return Err(unknown(at)),
        })
    }

    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Place::Text(_) => Kind::Text,
            Place::Xlsx(..) => Kind::Xlsx,
            Place::Parquet(_) => Kind::Parquet,
            Place::Sqlite(..) => Kind::Sqlite,
            Place::Postgres(_) => Kind::Postgres,
            Place::MySql(_) => Kind::MySql,
            Place::Siuss(_) => Kind::Siuss,
        }
    }

    /// What it is called in messages: the path, or the address without user and password.
    pub fn name(&self) -> String {
        match self {
            Place::Text(path)
            | Place::Xlsx(path, _)
            | Place::Parquet(path)
            | Place::Sqlite(path, _)
            | Place::Siuss(path) => path.display().to_string(),
            Place::Postgres(database) | Place::MySql(database) => database.address(),
        }
    }
}

fn unknown(at: &str) -> SourceError {
    SourceError::UnknownKind {
        place: at
            .split_once('@')
            .map_or(at, |(_, address)| address)
            .to_owned(),
    }
}

fn database(at: &str, config: &SourceConfig) -> Result<Database, SourceError> {
    let user = at
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    if user.is_some_and(|(user, _)| user.contains(':')) {
        return Err(SourceError::Config {
            key: "at".to_owned(),
            problem: "an address must not hold a password; write it to a file only you can read, and name that as `password_file`"
                .to_owned(),
        });
    }
    let Some(rows) = config.rows()? else {
        return Err(SourceError::Config {
            key: "table".to_owned(),
            problem: "say what to read: `table = \"SCHEMA.TABLE\"` or `query = \"SELECT ...\"`"
                .to_owned(),
        });
    };
    Ok(Database {
        url: at.to_owned(),
        password: config.password()?,
        ca_file: config.ca_file.clone(),
        rows,
    })
}

/// The kind of a file, by its name and first bytes; `None` where neither tells.
fn kind_of_file(path: &Path) -> Result<Option<Kind>, SourceError> {
    let fault = |source| SourceError::File {
        path: path.to_owned(),
        source,
    };
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(fault)?;
    file.take(512).read_to_end(&mut start).map_err(fault)?;
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&start);
    let wide: String = text.chars().filter(|c| *c != '\0').collect();
    let kind = if start.starts_with(b"PK\x03\x04") {
        Some(Kind::Xlsx)
    } else if start.starts_with(b"PAR1") {
        Some(Kind::Parquet)
    } else if start.starts_with(b"SQLite format 3\0") {
        Some(Kind::Sqlite)
    } else if wide
        .trim_start_matches(['\u{feff}', '\u{fffd}'])
        .trim_start()
        .starts_with('<')
    {
        Some(Kind::Siuss)
    } else {
        match extension.to_ascii_lowercase().as_str() {
            // Named so, but it does not begin so: the connector says that it is damaged.
            "xlsx" | "xlsm" => Some(Kind::Xlsx),
            "parquet" => Some(Kind::Parquet),
            "sqlite" | "sqlite3" | "db" => Some(Kind::Sqlite),
            "xml" => Some(Kind::Siuss),
            "xls" | "ods" | "pdf" | "doc" | "docx" | "zip" | "mdb" | "accdb" => None,
            _ => Some(Kind::Text),
        }
    };
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let config = SourceConfig {
            table: Some("t".to_owned()),
            ..SourceConfig::default()
        };
        let error = Place::of("postgres://reader:hunter2@db/x", &config)
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("password_file") && !error.contains("hunter2"),
            "{error}"
        );
        let error = Place::of("oracle://reader:hunter2@db/x", &config)
            .expect_err("refused")
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let place = Place::of("postgres://reader@db:5432/x?y", &config).expect("a place");
        assert_eq!(
            (place.kind(), place.name().as_str()),
            (Kind::Postgres, "db:5432/x")
        );
        let error = Place::of("mysql://db/x", &SourceConfig::default())
            .expect_err("refused")
            .to_string();
        assert!(error.contains("`table ="), "{error}");
    }

    #[test]
    fn files_are_known_by_their_first_bytes_before_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let kind = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            kind_of_file(&path).expect("read")
        };
        assert_eq!(kind("a.csv", b"A;B\n"), Some(Kind::Text));
        assert_eq!(kind("a.csv", b"PK\x03\x04..."), Some(Kind::Xlsx));
        assert_eq!(kind("a.dat", b"SQLite format 3\0"), Some(Kind::Sqlite));
        assert_eq!(kind("a.xml", b"\xef\xbb\xbf <?xml"), Some(Kind::Siuss));
        assert_eq!(kind("a", b"\xff\xfe<\0?\0"), Some(Kind::Siuss));
        assert_eq!(kind("a.parquet", b""), Some(Kind::Parquet));
        assert_eq!(kind("a.xls", b"\xd0\xcf"), None);
    }
}
