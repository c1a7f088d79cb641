//! PostgreSQL: one read-only transaction, a cursor on the server, rows fetched some thousand at a time.
//! Over the network only with TLS and a verified certificate.

use crate::database::{Database, failed};
use crate::error::SourceError;
use crate::server::{Rows, Server, Values};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::str::FromStr;

/// Rows the cursor gives at a time.
const FETCHED: u64 = 2_000;

/// The connector.
pub(crate) struct Postgres;

impl Server for Postgres {
    const NAME: &'static str = "PostgreSQL";
    const QUOTE: char = '"';

    async fn stream(
        database: &Database,
        select: String,
        rows: &mut Rows<'_>,
    ) -> Result<(), SourceError> {
        let connected = PgConnection::connect_with(&options(database)?).await;
        let mut connection = connected.map_err(|error| rows.fault(&error))?;
        let set_up = [
            "SET default_transaction_read_only = on",
            "SET DateStyle = 'ISO, YMD'",
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        ];
        rows.begin(&mut connection, &set_up, &select).await?;
        let declare = format!("DECLARE register NO SCROLL CURSOR FOR {select}");
        rows.run(&mut connection, declare).await?;
        let fetch = format!("FETCH FORWARD {FETCHED} FROM register");
        loop {
            // The simple protocol writes every type as text.
            let fetched = sqlx::raw_sql(AssertSqlSafe(fetch.as_str()))
                .fetch_all(&mut connection)
                .await
                .map_err(|error| rows.fault(&error))?;
            if fetched.is_empty() {
                break;
            }
            for row in &fetched {
                rows.push(row, values)?;
            }
        }
        rows.end(connection).await
    }
}

fn options(database: &Database) -> Result<PgConnectOptions, SourceError> {
    let options = PgConnectOptions::from_str(&database.url)
        .map_err(|error| failed(&database.address(), &error))?
        .application_name("node-agent")
        // A slow query is a large register, and its text may name people.
        .disable_statement_logging();
    let mut options = match database.needs_tls() {
        false => options.ssl_mode(PgSslMode::Disable),
        true => options.ssl_mode(PgSslMode::VerifyFull),
    };
    if let Some(file) = &database.ca_file {
        options = options.ssl_root_cert(file);
    }
    if let Some(password) = &database.password {
        options = options.password(password);
    }
    Ok(options)
}

fn values(kind: &str) -> Values {
    match kind {
        "DATE" | "TIMESTAMP" | "TIMESTAMPTZ" => Values::Days,
        "NUMERIC" | "FLOAT4" | "FLOAT8" => Values::Numbers,
        "BYTEA" => Values::Bytes,
        _ => Values::Text,
    }
}
