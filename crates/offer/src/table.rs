//! Tables of texts, whatever file they come from: rows with their numbers, and cells by column.
//! Reading a cell as something else notes a fault with file, row, column and remedy.

use crate::error::{OfferError, Remark};
use crate::sentences::{BLANK, EMPTY, NO_COLUMN, NO_NUMBER, NOT_UTF8, QUOTES, TWO_COLUMNS, WIDTH};
use sentence::Said;
use std::collections::BTreeMap;
use std::path::Path;

/// Most faults listed; a file with more is not of the kind it claims.
const MOST_REMARKS: usize = 200;

/// Rows of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) file: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One row; blank cells are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) cells: BTreeMap<String, String>,
}

impl Row {
    pub(crate) fn cell(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(String::as_str)
    }

    pub(crate) fn text(&self, column: &str) -> Option<String> {
        self.cell(column).map(str::to_owned)
    }
}

/// Faults, which end a reading, and remarks, which do not.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) faults: Vec<Remark>,
    pub(crate) remarks: Vec<Remark>,
}

impl Notes {
    pub(crate) fn fault(
        &mut self,
        table: &Table,
        row: &Row,
        column: &str,
        problem: impl Into<Said>,
    ) {
        note(&mut self.faults, table, row, column, problem);
    }

    pub(crate) fn remark(
        &mut self,
        table: &Table,
        row: &Row,
        column: &str,
        problem: impl Into<Said>,
    ) {
        note(&mut self.remarks, table, row, column, problem);
    }

    /// A cell that every row needs.
    pub(crate) fn required(&mut self, table: &Table, row: &Row, column: &str) -> Option<String> {
        let text = row.text(column);
        if text.is_none() {
            self.fault(table, row, column, &BLANK);
        }
        text
    }

    /// A whole number up to `most`.
    pub(crate) fn number(
        &mut self,
        table: &Table,
        row: &Row,
        column: &str,
        most: u32,
    ) -> Option<u32> {
        let text = row.cell(column)?;
        let number = text.parse().ok().filter(|number| *number <= most);
        if number.is_none() {
            let problem = NO_NUMBER.with([text, &most.to_string()]);
            self.fault(table, row, column, problem);
        }
        number
    }
}

fn note(all: &mut Vec<Remark>, table: &Table, row: &Row, column: &str, problem: impl Into<Said>) {
    if all.len() < MOST_REMARKS {
        all.push(Remark {
            file: table.file.clone(),
            row: row.number,
            column: column.to_owned(),
            problem: problem.into(),
        });
    }
}

/// Reads a CSV file in UTF-8 with commas, semicolons or tabs, whichever the first line has most of.
pub(crate) fn read_csv(path: &Path) -> Result<Table, OfferError> {
    let file = name_of(path);
    let bytes = std::fs::read(path).map_err(|source| OfferError::Io {
        path: path.to_owned(),
        source,
    })?;
    let format = |problem: Said| OfferError::Format {
        file: file.clone(),
        problem,
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let row = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format(NOT_UTF8.with([&row.to_string()]))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let first = text.lines().next().unwrap_or_default();
    let count = |mark: char| first.chars().filter(|c| *c == mark).count();
    let delimiter = [',', ';', '\t']
        .into_iter()
        .rev()
        .max_by_key(|mark| count(*mark));
    // A record's position is before the blank lines above it, and between the two marks of a line that ends in both.
    let line_of = |position: &csv::Position| {
        let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let after = text.as_bytes().get(from..).unwrap_or_default();
        let above = after
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        position.line() + above.filter(|byte| **byte == b'\n').count() as u64
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(',') as u8)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let row_fault = |error: &csv::Error| {
        let row = error.position().map_or(1, line_of);
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => WIDTH.with([&len.to_string(), &expected_len.to_string()]),
            _ => (&QUOTES).into(),
        };
        OfferError::Rows(vec![Remark {
            file: file.clone(),
            row,
            column: String::new(),
            problem,
        }])
    };
    let columns: Vec<String> = (reader.headers().map_err(|error| row_fault(&error))?.iter())
        .map(str::to_lowercase)
        .collect();
    if columns.iter().all(String::is_empty) {
        return Err(format((&EMPTY).into()));
    }
    for (place, column) in columns.iter().enumerate() {
        if !column.is_empty() && columns[..place].contains(column) {
            return Err(format(TWO_COLUMNS.with([column])));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| row_fault(&error))?;
        // Spreadsheets write rows that somebody emptied.
        if record.iter().all(str::is_empty) {
            continue;
        }
        let cells = (columns.iter().zip(record.iter()))
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(column, cell)| (column.clone(), cell.to_owned()))
            .collect();
        rows.push(Row {
            number: record.position().map_or(0, line_of),
            cells,
        });
    }
    Ok(Table {
        file,
        columns,
        rows,
    })
}

pub(crate) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Fails where a table lacks columns that every file of its kind has.
pub(crate) fn need_columns(table: &Table, needed: &[&str]) -> Result<(), OfferError> {
    let missing: Vec<&str> = (needed.iter().copied())
        .filter(|column| !table.columns.iter().any(|known| known == column))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(OfferError::Format {
        file: table.file.clone(),
        problem: NO_COLUMN.with([&missing.join(", "), &needed.join(", ")]),
    })
}
