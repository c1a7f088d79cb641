//! From a file or a folder to an offer: finds out which kind it is, and reads it whole.

use crate::error::{OfferError, Remark};
use crate::hsds::{self, Tables};
use crate::model::Offer;
use crate::sentences::{NO_KIND, NO_TABLE};
use crate::table::{Notes, name_of, read_csv};
use crate::{hsds_json, plain, qubi, xlsx};
use serde::Serialize;
use std::path::Path;

/// Kinds of files that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Open Referral HSDS, a folder of CSV files.
    HsdsFolder,
    /// Open Referral HSDS, JSON.
    HsdsJson,
    /// The columns of the QuBi map.
    Qubi,
    /// This project's plain columns.
    Plain,
}

/// An offer as read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Which kind of file it was.
    pub format: Format,
    /// Sites and services.
    pub offer: Offer,
    /// What is odd and was left aside.
    pub remarks: Vec<Remark>,
}

fn finish(format: Format, offer: Offer, notes: Notes) -> Result<Loaded, OfferError> {
    if notes.faults.is_empty() {
        Ok(Loaded {
            format,
            offer,
            remarks: notes.remarks,
        })
    } else {
        Err(OfferError::Rows(notes.faults))
    }
}

/// Reads a folder of HSDS tables in CSV.
///
/// # Errors
/// A folder without such tables, or rows that cannot be used.
pub fn read_folder(path: &Path) -> Result<Loaded, OfferError> {
    let io = |source| OfferError::Io {
        path: path.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    let mut tables = Tables::default();
    let mut found = 0;
    for file in files
        .iter()
        .filter(|file| hsds::table_name(&name_of(file)).is_some())
    {
        let is_table = name_of(file).ends_with(".csv");
        if is_table && tables.insert(&name_of(file), read_csv(file)?) {
            found += 1;
        }
    }
    if found == 0 {
        return Err(OfferError::Format {
            file: name_of(path),
            problem: (&NO_TABLE).into(),
        });
    }
    let mut notes = Notes::default();
    let offer = hsds::read(&tables, &mut notes)?;
    finish(Format::HsdsFolder, offer, notes)
}

/// Reads a JSON, CSV or XLSX file, or, where the path is that of a folder, its tables.
///
/// # Errors
/// A file of no known kind, or rows that cannot be used.
pub fn read_file(path: &Path) -> Result<Loaded, OfferError> {
    if path.is_dir() {
        return read_folder(path);
    }
    let mut notes = Notes::default();
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    {
        let text = std::fs::read_to_string(path).map_err(|source| OfferError::Io {
            path: path.to_owned(),
            source,
        })?;
        let tables = hsds_json::read(&name_of(path), &text)?;
        let offer = hsds::read(&tables, &mut notes)?;
        return finish(Format::HsdsJson, offer, notes);
    }
    let is_spreadsheet = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx"));
    let table = if is_spreadsheet {
        xlsx::read(path)?
    } else {
        read_csv(path)?
    };
    if qubi::fits(&table) {
        let offer = qubi::read(&table, &mut notes)?;
        finish(Format::Qubi, offer, notes)
    } else if plain::fits(&table) {
        let offer = plain::read(&table, &mut notes)?;
        finish(Format::Plain, offer, notes)
    } else {
        Err(OfferError::Format {
            file: table.file,
            problem: (&NO_KIND).into(),
        })
    }
}
