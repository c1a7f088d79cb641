//! The first sheet of a spreadsheet as a table of texts, its first row with a cell naming the columns.

use crate::error::OfferError;
use crate::sentences::{EMPTY, NO_SPREADSHEET, TWO_COLUMNS, UNPACKED};
use crate::table::{Row, Table, name_of};
use calamine::{Data, Reader, Xlsx};
use sentence::Said;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Most bytes of an unpacked spreadsheet: an archive of a few kilobytes can hold gigabytes.
const MOST_UNPACKED: u64 = 256 << 20;

pub(crate) fn read(path: &Path) -> Result<Table, OfferError> {
    let file = name_of(path);
    let format = |problem: Said| OfferError::Format {
        file: file.clone(),
        problem,
    };
    let open = || {
        File::open(path).map_err(|source| OfferError::Io {
            path: path.to_owned(),
            source,
        })
    };
    let damaged = || format((&NO_SPREADSHEET).into());
    let mut archive = zip::ZipArchive::new(BufReader::new(open()?)).map_err(|_| damaged())?;
    let mut left = MOST_UNPACKED;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| damaged())?;
        let unpacked =
            std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|_| damaged())?;
        left = left
            .checked_sub(unpacked)
            .ok_or_else(|| format((&UNPACKED).into()))?;
    }
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(open()?)).map_err(|_| damaged())?;
    let sheet = book.sheet_names().first().cloned().ok_or_else(damaged)?;
    let range = book.worksheet_range(&sheet).map_err(|_| damaged())?;
    let first = u64::from(range.start().map_or(0, |(row, _)| row)) + 1;
    let mut rows = (first..).zip(range.rows());
    let Some((_, header)) = rows.next() else {
        return Err(format((&EMPTY).into()));
    };
    let columns: Vec<String> = header
        .iter()
        .map(|cell| text(cell).to_lowercase())
        .collect();
    for (place, column) in columns.iter().enumerate() {
        if !column.is_empty() && columns[..place].contains(column) {
            return Err(format(TWO_COLUMNS.with([column])));
        }
    }
    let rows = rows.map(|(number, cells)| Row {
        number,
        cells: (columns.iter().zip(cells))
            .map(|(column, cell)| (column.clone(), text(cell)))
            .filter(|(column, text)| !column.is_empty() && !text.is_empty())
            .collect(),
    });
    let rows = rows.filter(|row| !row.cells.is_empty()).collect();
    Ok(Table {
        file,
        columns,
        rows,
    })
}

/// A cell as somebody reads it: whole numbers without a point, times of day as hours and minutes.
fn text(cell: &Data) -> String {
    match cell {
        Data::DateTime(time) if time.as_f64() < 1.0 => {
            let minutes = (time.as_f64() * 1_440.0).round() as u32;
            format!("{:02}:{:02}", minutes / 60, minutes % 60)
        }
        Data::DateTime(time) => {
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Data::Error(_) => String::new(),
        other => other.to_string().trim().to_owned(),
    }
}
