//! MariaDB and MySQL: one read-only transaction on a consistent view, rows taken from the connection as they are used.
//! The protocol's text form streams without a cursor: the server waits while nobody reads. Over the network only with TLS
//! and a verified certificate.

use crate::database::{Database, failed};
use crate::error::SourceError;
use crate::server::{Rows, Server, Values};
use futures::TryStreamExt;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::str::FromStr;

/// The connector.
pub(crate) struct MariaDb;

impl Server for MariaDb {
    const NAME: &'static str = "MariaDB or MySQL";
    const QUOTE: char = '`';

    async fn stream(
        database: &Database,
        select: String,
        rows: &mut Rows<'_>,
    ) -> Result<(), SourceError> {
        let connected = MySqlConnection::connect_with(&options(database)?).await;
        let mut connection = connected.map_err(|error| rows.fault(&error))?;
        let set_up = [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ];
        rows.begin(&mut connection, &set_up, &select).await?;
        {
            let mut found = sqlx::raw_sql(AssertSqlSafe(select)).fetch(&mut connection);
            while let Some(row) = found.try_next().await.map_err(|error| rows.fault(&error))? {
                rows.push(&row, values)?;
            }
        }
        rows.end(connection).await
    }
}

fn options(database: &Database) -> Result<MySqlConnectOptions, SourceError> {
    let url = database.url.replacen("mariadb://", "mysql://", 1);
    let options = MySqlConnectOptions::from_str(&url)
        .map_err(|error| failed(&database.address(), &error))?
        // The server's own time zone, in which people entered the days: a TIMESTAMP of midnight is the day before elsewhere.
        .timezone(None)
        // A slow query is a large register, and its text may name people.
        .disable_statement_logging();
    let mut options = match database.needs_tls() {
        false => options.ssl_mode(MySqlSslMode::Disabled),
        true => options.ssl_mode(MySqlSslMode::VerifyIdentity),
    };
    if let Some(file) = &database.ca_file {
        options = options.ssl_ca(file);
    }
    if let Some(password) = &database.password {
        options = options.password(password);
    }
    Ok(options)
}

fn values(kind: &str) -> Values {
    match kind {
        "DATE" | "DATETIME" | "TIMESTAMP" => Values::Days,
        "DECIMAL" | "FLOAT" | "DOUBLE" => Values::Numbers,
        kind if ["BLOB", "BINARY", "BIT"]
            .iter()
            .any(|bytes| kind.contains(bytes)) =>
        {
            Values::Perhaps
        }
        _ => Values::Text,
    }
}
