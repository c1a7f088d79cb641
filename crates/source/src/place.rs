//! Where one source is and of what kind: a path or an address, as a person gives it.

use crate::database::{Database, Rows};
use crate::error::SourceError;
use crate::hmis;
use crate::local::SourceConfig;
use crate::sentences::{
    ACCESS, DOCUMENT, LOCK_FILE, NO_TEXT, OLD_OR_LOCKED, OPEN_DOCUMENT, PACKED,
    PASSWORD_IN_ADDRESS, WEB_PAGE, WHAT_TO_READ,
};
use crate::text::open_file;
use snapshot::Sentence;
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
    /// A folder of HMIS CSV files.
    Hmis,
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
    /// A folder of HMIS CSV files.
    Hmis(PathBuf),
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
        if hmis::is_folder(&path) {
            return Ok(Place::Hmis(path));
        }
        Ok(match kind_of_file(&path)? {
            Kind::Xlsx => Place::Xlsx(path, config.sheet.clone()),
            Kind::Parquet => Place::Parquet(path),
            Kind::Sqlite => Place::Sqlite(path, config.rows()?),
            Kind::Siuss => Place::Siuss(path),
            _ => Place::Text(path),
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
            Place::Hmis(_) => Kind::Hmis,
        }
    }

    /// What it is called in messages: the path, or the address without user and password.
    pub fn name(&self) -> String {
        match self {
            Place::Text(path)
            | Place::Xlsx(path, _)
            | Place::Parquet(path)
            | Place::Sqlite(path, _)
            | Place::Siuss(path)
            | Place::Hmis(path) => path.display().to_string(),
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
            problem: (&PASSWORD_IN_ADDRESS).into(),
        });
    }
    let Some(rows) = config.rows()? else {
        return Err(SourceError::Config {
            key: "table".to_owned(),
            problem: (&WHAT_TO_READ).into(),
        });
    };
    Ok(Database {
        url: at.to_owned(),
        password: config.password()?,
        ca_file: config.ca_file.clone(),
        rows,
    })
}

/// The kind of a file, by its first bytes and its name. What people take for a table and no connector reads is refused by what it is.
fn kind_of_file(path: &Path) -> Result<Kind, SourceError> {
    let fault = |source| SourceError::File {
        path: path.to_owned(),
        source,
    };
    let mut start = Vec::new();
    open_file(path)?
        .take(512)
        .read_to_end(&mut start)
        .map_err(fault)?;
    if let Some(problem) = no_register(path, &start) {
        return Err(SourceError::Refused {
            path: path.to_owned(),
            problem: problem.into(),
        });
    }
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    Ok(if start.starts_with(b"PK\x03\x04") {
        Kind::Xlsx
    } else if start.starts_with(b"PAR1") {
        Kind::Parquet
    } else if start.starts_with(b"SQLite format 3\0") {
        Kind::Sqlite
    } else if markup(&start).is_some() {
        Kind::Siuss
    } else {
        match extension.to_ascii_lowercase().as_str() {
            // Named so, but it does not begin so: the connector says that it is damaged.
            "xlsx" | "xlsm" => Kind::Xlsx,
            "parquet" => Kind::Parquet,
            "sqlite" | "sqlite3" | "db" => Kind::Sqlite,
            "xml" => Kind::Siuss,
            _ => Kind::Text,
        }
    })
}

/// The beginning of a file that is XML or HTML, in whatever encoding, in small letters.
fn markup(start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(start);
    let wide: String = text.chars().filter(|c| *c != '\0').collect();
    let text = wide
        .trim_start_matches(['\u{feff}', '\u{fffd}'])
        .trim_start();
    text.starts_with('<').then(|| text.to_ascii_lowercase())
}

/// What a file is that is no register, by the marks its format begins with.
fn no_register(path: &Path, start: &[u8]) -> Option<&'static Sentence> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let begins = |marks: &[&[u8]]| marks.iter().any(|mark| start.starts_with(mark));
    if name.starts_with(".~lock.") || name.starts_with("~$") {
        return Some(&LOCK_FILE);
    }
    // Compound files: Excel and Word before 2007, and what a password protects.
    if begins(&[b"\xd0\xcf\x11\xe0"]) {
        return Some(&OLD_OR_LOCKED);
    }
    if begins(&[
        b"\x1f\x8b",
        b"BZh",
        b"\xfd7zXZ",
        b"7z\xbc\xaf",
        b"Rar!",
        b"\x28\xb5\x2f\xfd",
    ]) {
        return Some(&PACKED);
    }
    if begins(&[b"%PDF", b"{\\rtf"]) {
        return Some(&DOCUMENT);
    }
    if begins(&[b"\0\x01\0\0Standard Jet DB", b"\0\x01\0\0Standard ACE DB"]) {
        return Some(&ACCESS);
    }
    if let Some(text) = markup(start) {
        if text.contains("opendocument") {
            return Some(&OPEN_DOCUMENT);
        }
        let pages = [
            "<html",
            "<!doctype html",
            "<table",
            "<meta",
            "<workbook",
            "excel.sheet",
        ];
        return (pages.iter().any(|mark| text.contains(mark))).then_some(&WEB_PAGE);
    }
    // Known by their names alone: they do not begin as they should.
    let named = |names: &[&str]| names.iter().any(|end| name.ends_with(end));
    if named(&[".xls", ".doc"]) {
        return Some(&OLD_OR_LOCKED);
    }
    if named(&[".ods"]) && !begins(&[b"PK"]) {
        return Some(&OPEN_DOCUMENT);
    }
    if named(&[".pdf", ".docx"]) {
        return Some(&DOCUMENT);
    }
    let is_known = begins(&[b"PK\x03\x04", b"PAR1", b"SQLite format 3\0"]);
    (!is_known && !may_be_text(start)).then_some(&NO_TEXT)
}

/// Whether bytes may be letters: those of UTF-16 are zero half of the time, and no others hold signs that steer a terminal.
fn may_be_text(start: &[u8]) -> bool {
    let zeros = start.iter().filter(|byte| **byte == 0).count();
    let wide = start.starts_with(b"\xff\xfe")
        || start.starts_with(b"\xfe\xff")
        || zeros * 5 > start.len() * 2;
    wide || !(start.iter()).any(|byte| *byte < b'\t' || (0x0e..0x1a).contains(byte))
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
        for (name, bytes, expected) in [
            ("a.csv", &b"A;B\n"[..], Kind::Text),
            ("a.csv", b"", Kind::Text),
            ("a.csv", b"\xff\xfeA\0;\0", Kind::Text),
            ("a.csv", b"PK\x03\x04...", Kind::Xlsx),
            ("a.dat", b"SQLite format 3\0", Kind::Sqlite),
            ("a.xml", b"\xef\xbb\xbf <?xml", Kind::Siuss),
            ("a", b"\xff\xfe<\0?\0", Kind::Siuss),
            ("a.parquet", b"", Kind::Parquet),
        ] {
            assert_eq!(kind(name, bytes), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused_by_what_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes, expected) in [
            ("a.xls", &b"\xd0\xcf\x11\xe0.."[..], &OLD_OR_LOCKED),
            ("a.xlsx", b"\xd0\xcf\x11\xe0..", &OLD_OR_LOCKED),
            ("a.csv.gz", b"\x1f\x8b\x08", &PACKED),
            ("a.csv", b"\x1f\x8b\x08", &PACKED),
            ("a.pdf", b"%PDF-1.7", &DOCUMENT),
            ("a.rtf", b"{\\rtf1 x}", &DOCUMENT),
            ("a.mdb", b"\0\x01\0\0Standard Jet DB\0", &ACCESS),
            ("a.xls", b"\n<html><table><tr>", &WEB_PAGE),
            (
                "a.xls",
                b"<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?>",
                &WEB_PAGE,
            ),
            (".~lock.a.ods#", b",anna,pc,26.11.2026", &LOCK_FILE),
            ("~$a.xlsx", b"\x04anna", &LOCK_FILE),
            ("a.csv", b"\x89PNG\r\n\x1a\n\0\0", &NO_TEXT),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            match kind_of_file(&path) {
                Err(SourceError::Refused { problem, .. }) => {
                    assert_eq!(problem.sentence, expected, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        let error = kind_of_file(folder.path()).expect_err("a folder");
        assert!(matches!(error, SourceError::File { .. }), "{error}");
    }
}
