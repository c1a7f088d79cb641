//! What the databases have in common: an address without secrets, who may be trusted on the way, and what to say of a failure.
//! A driver's own messages can quote values of the register, so only the kind of a failure goes on.

use crate::error::SourceError;
use crate::sentences as said;
use crate::sentences::ONE_SELECT;
use snapshot::Said;
use std::path::PathBuf;

/// Rows of a database: those of a table or view, or of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A table or view, with its schema before a dot where it has one.
    Table(String),
    /// A SELECT.
    Query(String),
}

/// A database server.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// `postgres://USER@HOST:PORT/DATABASE` or `mysql://...`, without a password.
    pub url: String,
    /// The password, where one is needed.
    pub password: Option<String>,
    /// Certificate of the authority that signed the server's; the public ones where there is none.
    pub ca_file: Option<PathBuf>,
    /// What to read.
    pub rows: Rows,
}

/// Never the password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.address())
    }
}

impl Database {
    /// Host, port and name, without the user.
    pub fn address(&self) -> String {
        let address = self
            .url
            .rsplit_once('@')
            .map_or(self.after_scheme(), |(_, address)| address);
        address.split('?').next().unwrap_or_default().to_owned()
    }

    fn after_scheme(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(&self.url, |(_, rest)| rest)
    }

    /// Whether it is talked to over TLS, with its certificate verified: everywhere but on this machine, and there where an authority
    /// is named.
    pub(crate) fn needs_tls(&self) -> bool {
        !self.is_on_this_machine() || self.ca_file.is_some()
    }

    /// Whether the way to it never leaves this machine, so that TLS adds nothing.
    fn is_on_this_machine(&self) -> bool {
        let address = self.address();
        let host = address.split('/').next().unwrap_or_default();
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        matches!(host, "localhost" | "127.0.0.1" | "::1" | "")
    }

    /// The SELECT, with `quote` around the parts of a table's name.
    pub(crate) fn select(&self, quote: char) -> Result<String, SourceError> {
        select(&self.rows, quote).map_err(|problem| SourceError::Config {
            key: "query".to_owned(),
            problem,
        })
    }
}

/// The SELECT of some rows.
pub(crate) fn select(rows: &Rows, quote: char) -> Result<String, Said> {
    match rows {
        Rows::Table(table) => {
            let doubled = |part: &str| {
                let inside = part.replace(quote, &format!("{quote}{quote}"));
                format!("{quote}{inside}{quote}")
            };
            let parts: Vec<String> = table.split('.').map(doubled).collect();
            Ok(format!("SELECT * FROM {}", parts.join(".")))
        }
        Rows::Query(query) => {
            let query = query.trim().trim_end_matches(';').trim();
            let first = query.split_whitespace().next().unwrap_or_default();
            let reads = ["select", "with", "table", "values"];
            // A second statement could end the read-only transaction.
            if query.contains(';') || !reads.iter().any(|word| first.eq_ignore_ascii_case(word)) {
                return Err(Said::from(&ONE_SELECT));
            }
            Ok(query.to_owned())
        }
    }
}

/// What a driver's failure means, without the driver's words.
pub(crate) fn failed(address: &str, error: &sqlx::Error) -> SourceError {
    let problem = match error {
        // A handshake in which the certificate is refused comes back as data that is not valid.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            &said::UNTRUSTED
        }
        sqlx::Error::Io(_) => &said::NO_REPLY,
        sqlx::Error::Tls(_) => &said::NO_TLS,
        sqlx::Error::Configuration(_) => &said::BAD_ADDRESS,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match &*code {
                "28P01" | "28000" => &said::BAD_USER,
                "3D000" | "42000" => &said::NO_DATABASE,
                "42P01" | "42S02" => &said::NO_TABLE,
                "42703" | "42S22" => &said::NO_COLUMN,
                "42501" => &said::NO_GRANT,
                "25006" => &said::WRITES,
                code => return other(address, said::REFUSES.with([code])),
            }
        }
        _ => &said::BROKE_OFF,
    };
    other(address, problem)
}

pub(crate) fn other(address: &str, problem: impl Into<Said>) -> SourceError {
    SourceError::Database {
        address: address.to_owned(),
        problem: problem.into(),
    }
}

/// Runs a connector's calls on its own thread.
pub(crate) fn wait_for<T>(
    address: &str,
    work: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|_| other(address, &said::NO_RUNTIME))?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Database {
        Database {
            url: url.to_owned(),
            password: Some("secret".to_owned()),
            ca_file: None,
            rows: Rows::Table("t".to_owned()),
        }
    }

    #[test]
    fn only_loopback_goes_without_tls_and_nothing_tells_the_password() {
        for (url, local) in [
            ("postgres://reader@localhost:5432/crm", true),
            ("postgres://reader@127.0.0.1/crm", true),
            ("mysql://reader@[::1]:3306/crm", true),
            ("postgres:///crm?host=/run/postgresql", true),
            ("postgres://reader@db.example:5432/crm", false),
            ("postgres://localhost@db.example/crm", false),
            ("postgres://localhost.example/crm", false),
            ("mysql://127.0.0.1.example/crm", false),
        ] {
            assert_eq!(at(url).is_on_this_machine(), local, "{url}");
            assert!(!format!("{:?}", at(url)).contains("secret"));
        }
    }

    #[test]
    fn a_table_is_quoted_and_a_query_is_one_select() {
        let select = |rows| select(&rows, '"');
        let table = |name: &str| select(Rows::Table(name.to_owned())).expect("quoted");
        assert_eq!(
            table("public.x\"; drop"),
            "SELECT * FROM \"public\".\"x\"\"; drop\""
        );
        let query = |text: &str| select(Rows::Query(text.to_owned()));
        assert_eq!(query(" select 1 ; "), Ok("select 1".to_owned()));
        for text in [
            "select 1; commit",
            "delete from x",
            "",
            "insert into x select 1",
        ] {
            assert!(query(text).is_err(), "{text}");
        }
    }
}
