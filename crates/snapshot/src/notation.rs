//! How a register writes: letters, fields, numbers and dates. Declared in the mapping, never guessed while rows are read.

use crate::error::SnapshotError;
use crate::mapping::fault;
use crate::mapping_faults as faults;
use serde::Deserialize;

/// How the register's bytes are letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Latin-1, read as its superset windows-1252 as browsers do.
    #[serde(rename = "iso-8859-1", alias = "windows-1252")]
    Latin1,
    /// UTF-16 with a byte order mark, as spreadsheets save 'Unicode text'.
    #[serde(rename = "utf-16")]
    Utf16,
}

/// How the register writes dates. It says the order of day, month and year; whether `/`, `-` or `.` stands between them does not
/// matter, and a day whose year of four digits comes first is read whatever is declared, since it can mean one thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DateFormat {
    /// 31/12/2025
    #[serde(rename = "dd/mm/yyyy")]
    DaySlash,
    /// 31-12-2025
    #[serde(rename = "dd-mm-yyyy")]
    DayDash,
    /// 31.12.2025
    #[serde(rename = "dd.mm.yyyy")]
    DayDot,
    /// 31/12/25, and 31/12/2025 as well. An event is then of this century, a birth of the hundred years before its event.
    #[serde(rename = "dd/mm/yy")]
    DayShort,
    /// 2025-12-31
    #[serde(rename = "yyyy-mm-dd")]
    Iso,
    /// 2025/12/31
    #[serde(rename = "yyyy/mm/dd")]
    YearSlash,
}

/// How the register writes numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Before the decimals.
    pub decimal: char,
    /// Between groups of digits, where they are grouped.
    pub thousands: char,
}

impl Marks {
    /// A decimal comma with dots between thousands, or a decimal point with commas.
    pub fn of(decimal: char) -> Marks {
        let thousands = if decimal == ',' { '.' } else { ',' };
        Marks { decimal, thousands }
    }
}

/// In place of a delimiter in mappings of registers that are no text file.
pub(crate) const NO_DELIMITER: u8 = 0;

pub(crate) fn checked_delimiter(key: &str, delimiter: char) -> Result<u8, SnapshotError> {
    match u8::try_from(delimiter) {
        Ok(byte)
            if byte.is_ascii()
                && byte != NO_DELIMITER
                && !byte.is_ascii_alphanumeric()
                && !b"\"\r\n .-/".contains(&byte) =>
        {
            Ok(byte)
        }
        _ => Err(fault(key, &faults::DELIMITER)),
    }
}

/// The line that names the columns; the first where none is named.
pub(crate) fn checked_header_line(key: &str, line: Option<u32>) -> Result<u32, SnapshotError> {
    match line {
        None => Ok(1),
        Some(line) if (1..=100).contains(&line) => Ok(line),
        Some(_) => Err(fault(key, &faults::HEADER_LINE)),
    }
}

pub(crate) fn marks(
    decimal: Option<char>,
    thousands: Option<char>,
) -> Result<Marks, SnapshotError> {
    let decimal = decimal.unwrap_or('.');
    if !matches!(decimal, ',' | '.') {
        return Err(fault("decimal_mark", &faults::DECIMAL));
    }
    let marks = match thousands {
        None => Marks::of(decimal),
        Some(thousands) => Marks { decimal, thousands },
    };
    if marks.thousands == decimal || !".,' \u{2019}\u{a0}\u{202f}".contains(marks.thousands) {
        return Err(fault("thousands_mark", &faults::THOUSANDS));
    }
    Ok(marks)
}
