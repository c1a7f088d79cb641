//! MariaDB and MySQL: one read-only transaction on a consistent view, rows taken from the connection as they are used.
//! The protocol's text form streams without a cursor: the server waits while nobody reads. Over the network only with TLS
//! and a verified certificate.

use crate::database::{Database, failed, other, wait_for};
use crate::error::SourceError;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use futures::TryStreamExt;
use snapshot::RejectKind;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, Column, Connection, Executor, Row, SqlSafeStr, Statement, TypeInfo};
use std::path::Path;
use std::str::FromStr;

/// Opens the rows.
pub(crate) fn open(database: &Database, notation: Notation) -> Result<Piped, SourceError> {
    let database = database.clone();
    let address = database.address();
    piped(
        Path::new(&address.clone()),
        "MariaDB or MySQL",
        move |sink| wait_for(&address, stream(&database, notation, sink)),
    )
}

fn options(database: &Database) -> Result<MySqlConnectOptions, SourceError> {
    let url = database.url.replacen("mariadb://", "mysql://", 1);
    let options =
        MySqlConnectOptions::from_str(&url).map_err(|error| failed(&database.address(), &error))?;
    let mut options = match (database.is_on_this_machine(), &database.ca_file) {
        (true, None) => options.ssl_mode(MySqlSslMode::Disabled),
        _ => options.ssl_mode(MySqlSslMode::VerifyIdentity),
    };
    if let Some(file) = &database.ca_file {
        options = options.ssl_ca(file);
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
    let select = database.select('`')?;
    let mut connection = MySqlConnection::connect_with(&options(database)?)
        .await
        .map_err(fault)?;
    for set_up in [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
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
    let (mut number, mut text) = (1, String::new());
    {
        let mut rows = sqlx::raw_sql(AssertSqlSafe(select)).fetch(&mut connection);
        while let Some(row) = rows.try_next().await.map_err(fault)? {
            number += 1;
            push(&row, number, notation, &mut text, sink)?;
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
    row: &MySqlRow,
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
                "DATE" | "DATETIME" | "TIMESTAMP" => notation.iso_date(value, text),
                "DECIMAL" | "FLOAT" | "DOUBLE" => notation.number(value, text),
                _ => text.push_str(value),
            },
            // Pictures and the like say nothing; a text that is none spoils its row.
            Err(_)
                if ["BLOB", "BINARY", "BIT"]
                    .iter()
                    .any(|kind| column.type_info().name().contains(kind)) => {}
            Err(_) => sink.spoil(RejectKind::Encoding),
        }
        sink.field(text);
    }
    Ok(())
}
