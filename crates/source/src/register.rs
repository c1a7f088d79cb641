//! From a place to records, whatever the kind: the one switch over connectors.
//! A plain text register goes to the snapshot builder as bytes, which is the fastest way there is.

use crate::complete::{complete, named};
use crate::error::SourceError;
use crate::local::Local;
use crate::mysql::MariaDb;
use crate::notation::Notation;
use crate::place::Place;
use crate::postgres::Postgres;
use crate::{hmis, parquet_file, server, siuss, sqlite, text, xlsx};
use snapshot::{CsvFormat, Field, Input, Mapping, Records};

/// The column of a HMIS folder's entries that says when.
const HMIS_DATE: &str = "EntryDate";

/// Opens a source. Text files need their format; what other kinds keep as dates and numbers is written in `notation`.
///
/// # Errors
/// A source that cannot be read, with what to do.
pub fn open(
    place: &Place,
    format: Option<CsvFormat>,
    notation: Notation,
) -> Result<Box<dyn Records>, SourceError> {
    Ok(match place {
        Place::Text(path) => Box::new(text::open(path, format)?),
        Place::Xlsx(path, sheet) => Box::new(xlsx::open(path, sheet.as_deref(), notation)?),
        Place::Parquet(path) => Box::new(parquet_file::open(path, notation)?),
        Place::Sqlite(path, rows) => Box::new(sqlite::open(path, rows.as_ref(), notation)?),
        Place::Postgres(database) => Box::new(server::open::<Postgres>(database, notation)?),
        Place::MySql(database) => Box::new(server::open::<MariaDb>(database, notation)?),
        Place::Siuss(path) => Box::new(siuss::open(path, notation)?),
        Place::Hmis(path) => {
            let reading = hmis::Reading {
                format,
                notation,
                date: HMIS_DATE.to_owned(),
                used: None,
            };
            Box::new(hmis::open(path, reading)?)
        }
    })
}

/// Opens a register for the snapshot builder, completed as the mapping says.
///
/// # Errors
/// A source that cannot be read, with what to do.
pub fn open_register(
    at: &str,
    local: &Local,
    mapping: &Mapping,
) -> Result<Input<'static>, SourceError> {
    let place = Place::of(at, &local.register)?;
    if let (Place::Text(path), true) = (&place, mapping.completion().is_empty()) {
        return Ok(Input::Csv(Box::new(text::open_file(path)?)));
    }
    let (format, notation) = (mapping.csv_format(), Notation::of(mapping));
    let records = match &place {
        Place::Hmis(path) => {
            let reading = hmis::Reading {
                format,
                notation,
                date: mapping.column(Field::Date).unwrap_or(HMIS_DATE).to_owned(),
                used: Some(named(mapping).map(str::to_owned).collect()),
            };
            Box::new(hmis::open(path, reading)?)
        }
        place => open(place, format, notation)?,
    };
    Ok(Input::Records(complete(
        records,
        &place.name(),
        mapping,
        local,
    )?))
}
