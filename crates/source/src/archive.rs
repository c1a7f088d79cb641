//! Spreadsheets are ZIP archives, and an archive of a few kilobytes can hold gigabytes.
//! Every part is unpacked once, held nowhere, and measured, before a library reads the archive into memory.

use crate::error::SourceError;
use crate::markup::Bounded;
use crate::sentences::{ARCHIVE, OPEN_DOCUMENT, PARTS as TOO_MANY_PARTS, UNPACKED};
use snapshot::Sentence;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use zip::ZipArchive;

/// Most bytes of a sheet, which is read a cell at a time: a million rows of a hundred cells.
const SHEET: u64 = 4 << 30;
/// Most bytes of the texts of all sheets, which are held.
const TEXTS: u64 = 256 << 20;
/// Most bytes of any other part, which may be held.
const OTHER: u64 = 16 << 20;
/// Most parts.
const PARTS: usize = 10_000;

/// Refuses an archive that would not be read within a register's memory.
pub(crate) fn check_archive(path: &Path, format: &'static str) -> Result<(), SourceError> {
    let damaged = || SourceError::Damaged {
        path: path.to_owned(),
        format,
    };
    let refused = |problem: &'static Sentence| SourceError::Refused {
        path: path.to_owned(),
        problem: problem.into(),
    };
    let file = File::open(path).map_err(|source| SourceError::File {
        path: path.to_owned(),
        source,
    })?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|_| damaged())?;
    if archive.len() > PARTS {
        return Err(refused(&TOO_MANY_PARTS));
    }
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| damaged())?;
        let name = part.name().map_err(|_| damaged())?.into_owned();
        let is_markup = name.ends_with(".xml") || name.ends_with(".rels");
        let most = match name.as_str() {
            name if name.starts_with("xl/worksheets/") => SHEET,
            "xl/sharedStrings.xml" => TEXTS,
            _ => OTHER,
        };
        let unpacked = if is_markup {
            io::copy(&mut Bounded::new(part, most), &mut io::sink())
        } else {
            // Pictures and the like: never read.
            continue;
        };
        unpacked.map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => refused(&UNPACKED),
            _ => damaged(),
        })?;
    }
    let has = |name: &str| archive.index_for_name(name).is_some();
    if !has("xl/workbook.xml") && !has("xl/workbook.bin") {
        // What LibreOffice writes says what it is in a part of its own.
        let is_open_document = has("content.xml") && has("mimetype");
        return Err(refused(if is_open_document {
            &OPEN_DOCUMENT
        } else {
            &ARCHIVE
        }));
    }
    Ok(())
}
