//! PostgreSQL: one read-only transaction, a cursor on the server, rows fetched some thousand at a time.
//! Over the network only with TLS and a verified certificate.

use crate::database::{Database, failed, other, wait_for};
use crate::error::SourceError;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use snapshot::RejectKind;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, Column, Connection, Executor, Row, SqlSafeStr, Statement, TypeInfo};
use std::path::Path;
use std::str::FromStr;

/// Rows the cursor gives at a time.
const FETCHED: u64 = 2_000;

/// Opens the rows.
pub(crate) fn open(database: &Database, notation: Notation) -> Result<Piped, SourceError> {
    let database = database.clone();
    let address = database.address();
    piped(Path::new(&address.clone()), "PostgreSQL", move |sink| {
        wait_for(&address, stream(&database, notation, sink))
    })
}

fn options(database: &Database) -> Result<PgConnectOptions, SourceError> {
    let options = PgConnectOptions::from_str(&database.url)
        .map_err(|error| failed(&database.address(), &error))?
        .application_name("node-agent");
    let mut options = match (database.is_on_this_machine(), &database.ca_file) {
        (true, None) => options.ssl_mode(PgSslMode::Disable),
        _ => options.ssl_mode(PgSslMode::VerifyFull),
    };
    if let Some(file) = &database.ca_file {
        options = options.ssl_root_cert(file);
    }
    if let Some(password) = &database.password {
        options = options.password(password);
    }
    Ok(options)
}

async fn stream(
    database: &Database,
    notation: Notation,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let address = database.address();
    let fault = |error: sqlx::Error| failed(&address, &error);
    let select = database.select('"')?;
    let mut connection = PgConnection::connect_with(&options(database)?)
        .await
        .map_err(fault)?;
    for set_up in [
        "SET default_transaction_read_only = on",
        "SET DateStyle = 'ISO, YMD'",
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    ] {
        sqlx::raw_sql(set_up)
            .execute(&mut connection)
            .await
            .map_err(fault)?;
    }
    let statement = connection
        .prepare(AssertSqlSafe(select.clone()).into_sql_str())
        .await
        .map_err(fault)?;
    let columns: Vec<String> = statement
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    if columns.is_empty() {
        return Err(other(&address, "the query gives no columns"));
    }
    sink.columns(columns)?;
    let declare = format!("DECLARE register NO SCROLL CURSOR FOR {select}");
    sqlx::raw_sql(AssertSqlSafe(declare))
        .execute(&mut connection)
        .await
        .map_err(fault)?;
    let fetch = format!("FETCH FORWARD {FETCHED} FROM register");
    let (mut number, mut text) = (1, String::new());
    loop {
        // The simple protocol writes every type as text.
        let rows = sqlx::raw_sql(AssertSqlSafe(fetch.as_str()))
            .fetch_all(&mut connection)
            .await
            .map_err(fault)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            number += 1;
            push(row, number, notation, &mut text, sink)?;
        }
    }
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut connection)
        .await
        .map_err(fault)?;
    // Everything was read: how the connection ends changes nothing.
    let _ = connection.close().await;
    Ok(())
}

fn push(
    row: &PgRow,
    number: u64,
    notation: Notation,
    text: &mut String,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    sink.begin(number)?;
    for (index, column) in row.columns().iter().enumerate() {
        text.clear();
        match row.try_get_unchecked::<Option<&str>, _>(index) {
            Ok(None) => {}
            Ok(Some(value)) => match column.type_info().name() {
                "DATE" | "TIMESTAMP" | "TIMESTAMPTZ" => notation.iso_date(value, text),
                "NUMERIC" | "FLOAT4" | "FLOAT8" => notation.number(value, text),
                "BYTEA" => {}
                _ => text.push_str(value),
            },
            Err(_) => sink.spoil(RejectKind::Encoding),
        }
        sink.field(text);
    }
    Ok(())
}
