//! Text files: comma-, semicolon- or tab-separated, in the format that the mapping declares.

use crate::error::SourceError;
use snapshot::{CsvFormat, CsvRecords, SnapshotError};
use std::fs::File;
use std::path::Path;

/// Opens a file as records. Registers that nothing completes are not read this way, but straight by the snapshot builder.
pub(crate) fn open(
    path: &Path,
    format: Option<CsvFormat>,
) -> Result<CsvRecords<'static>, SourceError> {
    let format = format.ok_or_else(|| SourceError::NoFormat {
        place: path.display().to_string(),
    })?;
    CsvRecords::open(open_file(path)?, format).map_err(|error| match error {
        SnapshotError::Register(source) => SourceError::File {
            path: path.to_owned(),
            source,
        },
        _ => SourceError::NoHeader {
            path: path.to_owned(),
        },
    })
}

/// Opens a file.
pub(crate) fn open_file(path: &Path) -> Result<File, SourceError> {
    let fault = |source| SourceError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fault)?;
    if file.metadata().map_err(fault)?.is_dir() {
        return Err(fault(std::io::Error::other(
            "it is a folder; name a file in it",
        )));
    }
    Ok(file)
}
