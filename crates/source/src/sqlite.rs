//! SQLite: the file opened read-only, rows streamed from one statement.
//! Cells keep types of their own there, whatever the column says; each is written by its own.

use crate::database::{Rows, failed, other, select, wait_for};
use crate::error::SourceError;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use crate::sentences::{EMPTY, NO_COLUMNS, NOT_SQL, SEVERAL_TABLES};
use futures::TryStreamExt;
use snapshot::RejectKind;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr, Statement,
    TypeInfo, ValueRef,
};
use std::path::Path;

/// Opens the rows of a table or query; of the only table where neither is named.
pub(crate) fn open(
    path: &Path,
    rows: Option<&Rows>,
    notation: Notation,
) -> Result<Piped, SourceError> {
    // A file that is not there is named before a driver makes an empty one of it.
    std::fs::File::open(path).map_err(|source| SourceError::File {
        path: path.to_owned(),
        source,
    })?;
    let (file, rows) = (path.to_owned(), rows.cloned());
    piped(path, "SQLite", move |sink| {
        let address = file.display().to_string();
        wait_for(&address, stream(&file, rows, notation, sink))
    })
}

async fn stream(
    path: &Path,
    rows: Option<Rows>,
    notation: Notation,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let address = path.display().to_string();
    let fault = |error: sqlx::Error| match &error {
        // 26: not a database, 11: malformed.
        sqlx::Error::Database(inner) if matches!(inner.code().as_deref(), Some("26" | "11")) => {
            SourceError::Damaged {
                path: path.to_owned(),
                format: "SQLite",
            }
        }
        sqlx::Error::Database(inner) if inner.code().as_deref() == Some("1") => {
            other(&address, &NOT_SQL)
        }
        _ => failed(&address, &error),
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        // A slow query is a large register, and its text may name people.
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(fault)?;
    let rows = match rows {
        Some(rows) => rows,
        None => only_table(&mut connection, &address).await?,
    };
    let select = select(&rows, '"').map_err(|problem| SourceError::Config {
        key: "query".to_owned(),
        problem,
    })?;
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
        return Err(other(&address, &NO_COLUMNS));
    }
    let width = columns.len();
    sink.columns(columns)?;
    let (mut number, mut text) = (1, String::new());
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut connection);
    while let Some(row) = rows.try_next().await.map_err(fault)? {
        number += 1;
        sink.begin(number)?;
        for index in 0..width {
            text.clear();
            if !write(&row, index, notation, &mut text) {
                sink.spoil(RejectKind::Encoding);
            }
            sink.field(&text);
        }
    }
    Ok(())
}

/// The one table or view there is.
async fn only_table(connection: &mut SqliteConnection, address: &str) -> Result<Rows, SourceError> {
    let tables = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let rows = sqlx::query(tables)
        .fetch_all(connection)
        .await
        .map_err(|_| SourceError::Damaged {
            path: address.into(),
            format: "SQLite",
        })?;
    let names: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    match names.as_slice() {
        [only] => Ok(Rows::Table(only.clone())),
        [] => Err(other(address, &EMPTY)),
        names => Err(other(address, SEVERAL_TABLES.with([&names.join(", ")]))),
    }
}

/// Writes a cell; false where its text is none.
fn write(row: &SqliteRow, index: usize, notation: Notation, text: &mut String) -> bool {
    let Ok(value) = row.try_get_raw(index) else {
        return false;
    };
    if value.is_null() {
        return true;
    }
    let kind = value.type_info().name().to_owned();
    match kind.as_str() {
        "REAL" => match row.try_get_unchecked::<f64, _>(index) {
            Ok(value) => notation.float(value, text),
            Err(_) => return false,
        },
        "BLOB" => {}
        "INTEGER" | "BOOLEAN" => match row.try_get_unchecked::<i64, _>(index) {
            Ok(value) => text.push_str(&value.to_string()),
            Err(_) => return false,
        },
        _ => match row.try_get_unchecked::<&str, _>(index) {
            Ok(value) => text.push_str(value),
            Err(_) => return false,
        },
    }
    true
}
