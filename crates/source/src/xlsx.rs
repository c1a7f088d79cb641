//! XLSX, a cell at a time. The first row with cells names the columns; rows of a single cell above it are titles, which people merge
//! over a table. A cell that is a date is written as one.
//! Formulas count with the value that was saved; nothing is computed.

use crate::archive::check_archive;
use crate::error::SourceError;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use crate::sentences::NO_SHEET;
use calamine::{DataRef, Reader, Xlsx};
use snapshot::RejectKind;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

const FORMAT: &str = "XLSX";
/// Most columns of a sheet, by the format itself.
const COLUMNS: u32 = 16_384;
/// Rows of a single cell that may stand above the table; with more of them the sheet is one of a single column.
const TITLES: usize = 20;

/// Opens a sheet, the first one where none is named.
pub(crate) fn open(
    path: &Path,
    sheet: Option<&str>,
    notation: Notation,
) -> Result<Piped, SourceError> {
    check_archive(path, FORMAT)?;
    let (file, sheet) = (path.to_owned(), sheet.map(str::to_owned));
    piped(path, FORMAT, move |sink| {
        stream(&file, sheet, notation, sink)
    })
}

/// The names of a spreadsheet's sheets, in their order.
///
/// # Errors
/// A file that is none, or unpacks to far more than a register.
pub fn sheets(path: &Path) -> Result<Vec<String>, SourceError> {
    check_archive(path, FORMAT)?;
    Ok(book(path)?.sheet_names())
}

fn book(path: &Path) -> Result<Xlsx<BufReader<File>>, SourceError> {
    let file = File::open(path).map_err(|source| SourceError::File {
        path: path.to_owned(),
        source,
    })?;
    Xlsx::new(BufReader::new(file)).map_err(|_| SourceError::Damaged {
        path: path.to_owned(),
        format: FORMAT,
    })
}

fn stream(
    path: &Path,
    sheet: Option<String>,
    notation: Notation,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let damaged = || SourceError::Damaged {
        path: path.to_owned(),
        format: FORMAT,
    };
    let mut book = book(path)?;
    let names = book.sheet_names();
    let sheet = match sheet {
        None => names.first().cloned().ok_or_else(damaged)?,
        Some(sheet) if names.contains(&sheet) => sheet,
        Some(_) => {
            return Err(SourceError::Config {
                key: "sheet".to_owned(),
                problem: NO_SHEET.with([&path.display().to_string(), &names.join(", ")]),
            });
        }
    };
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(|_| damaged())?;
    let mut rows = Rows {
        row: None,
        next: 0,
        header: Some(Vec::new()),
        titles: Vec::new(),
        width: 0,
    };
    let mut text = String::new();
    while let Some(cell) = cells.next_cell().map_err(|_| damaged())? {
        text.clear();
        let fault = write(cell.get_value(), notation, &mut text);
        if text.is_empty() && !fault {
            continue;
        }
        rows.cell(cell.get_position(), text.trim(), fault, sink)?;
    }
    rows.end(sink)?;
    if rows.header.is_none() {
        return Ok(());
    }
    match rows.titles.is_empty() {
        true => Err(SourceError::NoHeader {
            path: path.to_owned(),
        }),
        false => rows.titles_are_rows(sink),
    }
}

/// Writes a cell; true where it holds an error such as `#N/A`.
fn write(value: &DataRef<'_>, notation: Notation, text: &mut String) -> bool {
    match value {
        DataRef::Empty => {}
        DataRef::Int(value) => text.push_str(&value.to_string()),
        DataRef::Float(value) => notation.float(*value, text),
        DataRef::String(value) => text.push_str(value),
        DataRef::SharedString(value) => text.push_str(value),
        DataRef::Bool(value) => text.push_str(if *value { "1" } else { "0" }),
        DataRef::DateTime(time) if time.is_duration() => {
            // A duration is kept in days and wanted in hours.
            notation.float(time.as_f64() * 24.0, text);
        }
        DataRef::DateTime(time) => {
            // A number beyond every calendar that is shown as a date.
            if !(0.0..3_000_000.0).contains(&time.as_f64()) {
                return true;
            }
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            notation.date(i64::from(year), month, day, text);
        }
        DataRef::DateTimeIso(written) => notation.iso_date(written, text),
        DataRef::DurationIso(written) => text.push_str(written),
        DataRef::Error(_) => return true,
    }
    false
}

/// Cells on their way to being rows.
struct Rows {
    /// The row that is being filled.
    row: Option<u32>,
    /// Its next column.
    next: u32,
    /// The header while it is read.
    header: Option<Vec<String>>,
    /// Rows of a single cell above the header, or the first ones of a sheet of one column.
    titles: Vec<(u32, Vec<String>)>,
    width: u32,
}

impl Rows {
    fn cell(
        &mut self,
        (row, column): (u32, u32),
        text: &str,
        fault: bool,
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        if self.row != Some(row) {
            self.end(sink)?;
            (self.row, self.next) = (Some(row), 0);
            if self.header.is_none() {
                sink.begin(u64::from(row) + 1)?;
            }
        }
        if let Some(header) = &mut self.header {
            if column < COLUMNS {
                let places = header.len().max(column as usize + 1);
                header.resize(places, String::new());
                header[column as usize] = text.to_owned();
            }
            return Ok(());
        }
        if fault {
            sink.spoil(RejectKind::UnknownValue);
        }
        // Beyond the named columns, or out of order, as no spreadsheet program writes it.
        if column >= self.width || column < self.next {
            sink.spoil(RejectKind::Shape);
            return Ok(());
        }
        self.fill_to(column, sink);
        sink.field(text);
        self.next += 1;
        Ok(())
    }

    fn fill_to(&mut self, column: u32, sink: &mut Sink) {
        while self.next < column {
            sink.field("");
            self.next += 1;
        }
    }

    /// Ends the row that is being filled.
    fn end(&mut self, sink: &mut Sink) -> Result<(), SourceError> {
        let Some(row) = self.row else {
            return Ok(());
        };
        match self.header.take() {
            Some(cells) if cells.iter().filter(|cell| !cell.is_empty()).count() > 1 => {
                self.titles = Vec::new();
                self.name_columns(cells, sink)
            }
            Some(cells) => {
                self.titles.push((row, cells));
                if self.titles.len() > TITLES {
                    return self.titles_are_rows(sink);
                }
                self.header = Some(Vec::new());
                Ok(())
            }
            None => {
                self.fill_to(self.width, sink);
                Ok(())
            }
        }
    }

    fn name_columns(&mut self, names: Vec<String>, sink: &mut Sink) -> Result<(), SourceError> {
        self.width = names.len() as u32;
        sink.columns(names)
    }

    /// No table followed: the first title names the one column, and the others are its rows.
    fn titles_are_rows(&mut self, sink: &mut Sink) -> Result<(), SourceError> {
        let mut titles = std::mem::take(&mut self.titles).into_iter();
        self.header = None;
        if let Some((_, names)) = titles.next() {
            self.name_columns(names, sink)?;
        }
        for (row, cells) in titles {
            sink.begin(u64::from(row) + 1)?;
            if cells.len() > self.width as usize {
                sink.spoil(RejectKind::Shape);
                continue;
            }
            self.next = 0;
            for cell in &cells {
                sink.field(cell);
                self.next += 1;
            }
            self.fill_to(self.width, sink);
        }
        // What comes next begins a row of its own.
        self.row = None;
        Ok(())
    }
}
