//! What PostgreSQL and MariaDB have in common: one transaction that only reads, the names of the columns before any row, every value
//! as text. How rows are fetched is each connector's own.

use crate::database::{Database, failed, other, wait_for};
use crate::error::SourceError;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use crate::sentences::NO_COLUMNS;
use snapshot::RejectKind;
use sqlx::{
    AssertSqlSafe, Column, ColumnIndex, Connection, Decode, Executor, Row, SqlSafeStr, Statement,
    Type, TypeInfo,
};
use std::path::Path;

/// How the rows of a server come out.
pub(crate) trait Server {
    /// What it is called.
    const NAME: &'static str;
    /// Stands around the parts of a table's name.
    const QUOTE: char;

    /// Hands on the columns and rows of `select`.
    async fn stream(
        database: &Database,
        select: String,
        rows: &mut Rows<'_>,
    ) -> Result<(), SourceError>;
}

/// Opens the rows.
pub(crate) fn open<S: Server>(
    database: &Database,
    notation: Notation,
) -> Result<Piped, SourceError> {
    let database = database.clone();
    let address = database.address();
    piped(Path::new(&address.clone()), S::NAME, move |sink| {
        let select = database.select(S::QUOTE)?;
        let mut rows = Rows {
            address: &address,
            number: 1,
            text: String::new(),
            notation,
            sink,
        };
        wait_for(&address, S::stream(&database, select, &mut rows))
    })
}

/// What a column's values are, by the server's name for their type.
pub(crate) enum Values {
    /// Days, perhaps with a time, as ISO 8601 writes them.
    Days,
    /// Numbers with a point.
    Numbers,
    /// Pictures and the like, which say nothing.
    Bytes,
    /// Bytes that may be words, and say nothing where they are none.
    Perhaps,
    /// Words.
    Text,
}

/// Where columns and rows go.
pub(crate) struct Rows<'s> {
    address: &'s str,
    number: u64,
    text: String,
    notation: Notation,
    sink: &'s mut Sink,
}

impl Rows<'_> {
    /// What a driver's failure means here.
    pub(crate) fn fault(&self, error: &sqlx::Error) -> SourceError {
        failed(self.address, error)
    }

    /// Begins the transaction and names the columns of `select`.
    pub(crate) async fn begin<C>(
        &mut self,
        connection: &mut C,
        set_up: &[&'static str],
        select: &str,
    ) -> Result<(), SourceError>
    where
        C: Connection,
        for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    {
        for command in set_up {
            self.run(connection, (*command).to_owned()).await?;
        }
        let select = AssertSqlSafe(select.to_owned()).into_sql_str();
        let prepared = connection.prepare(select).await;
        let statement = prepared.map_err(|error| self.fault(&error))?;
        let columns: Vec<String> = (statement.columns().iter())
            .map(|column| column.name().to_owned())
            .collect();
        if columns.is_empty() {
            return Err(other(self.address, &NO_COLUMNS));
        }
        self.sink.columns(columns)
    }

    /// Runs a command without rows.
    pub(crate) async fn run<C>(
        &self,
        connection: &mut C,
        command: String,
    ) -> Result<(), SourceError>
    where
        C: Connection,
        for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    {
        let done = sqlx::raw_sql(AssertSqlSafe(command)).execute(connection);
        done.await.map_err(|error| self.fault(&error))?;
        Ok(())
    }

    /// Hands on one row.
    pub(crate) fn push<R>(&mut self, row: &R, values: fn(&str) -> Values) -> Result<(), SourceError>
    where
        R: Row,
        usize: ColumnIndex<R>,
        for<'r> Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
    {
        self.number += 1;
        self.sink.begin(self.number)?;
        for (index, column) in row.columns().iter().enumerate() {
            let text = &mut self.text;
            text.clear();
            let values = values(column.type_info().name());
            match (row.try_get_unchecked::<Option<&str>, _>(index), values) {
                (_, Values::Bytes) | (Ok(None), _) | (Err(_), Values::Perhaps) => {}
                (Ok(Some(value)), Values::Days) => self.notation.iso_date(value, text),
                (Ok(Some(value)), Values::Numbers) => self.notation.number(value, text),
                (Ok(Some(value)), Values::Text | Values::Perhaps) => text.push_str(value),
                // A text that is none spoils its row.
                (Err(_), _) => self.sink.spoil(RejectKind::Encoding),
            }
            self.sink.field(text);
        }
        Ok(())
    }

    /// Ends what only read.
    pub(crate) async fn end<C>(&self, mut connection: C) -> Result<(), SourceError>
    where
        C: Connection,
        for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    {
        self.run(&mut connection, "ROLLBACK".to_owned()).await?;
        // Everything was read: how the connection ends changes nothing.
        let _ = connection.close().await;
        Ok(())
    }
}
