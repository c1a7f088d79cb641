//! Why a register cannot be read, with the remedy in the sentence.
//! Messages name files, tables and columns; they never repeat a value of the register, nor a password.

use snapshot::Said;
use std::path::PathBuf;

/// What can go wrong between a register and its records.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file cannot be opened or read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what its name says, or cut short.
    #[error("{} is damaged or no {format} file; export it again", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
    },
    /// A file that would need more memory than a register may.
    #[error("{} is refused: {problem}", path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: Said,
    },
    /// A file has no columns.
    #[error("{} has no header: its first line, apart from titles, must name the columns; is the file empty?", path.display())]
    NoHeader {
        /// Which file.
        path: PathBuf,
    },
    /// A place whose kind nobody knows.
    #[error(
        "{place} is of no kind that is read; give a .csv, .tsv, .txt, .xlsx, .parquet, .sqlite or SIUSS .xml file, a HMIS folder, or a \
         postgres://, mysql:// or sqlite:// address"
    )]
    UnknownKind {
        /// The place as given.
        place: String,
    },
    /// A text file without a declared format.
    #[error(
        "{place} is a text file: its `delimiter` and `encoding` must stand in the mapping; `node-agent init` detects them"
    )]
    NoFormat {
        /// The file.
        place: String,
    },
    /// The node's configuration of sources is not as it should be.
    #[error("sources.toml, {key}: {problem}")]
    Config {
        /// The key in the file.
        key: String,
        /// What is wrong and what to write instead.
        problem: Said,
    },
    /// A database does not answer as asked. The driver's own message may quote data, so only its kind is told.
    #[error("the database {address}: {problem}")]
    Database {
        /// The address, without user and password.
        address: String,
        /// What is wrong and what to do.
        problem: Said,
    },
    /// A column that another source should have.
    #[error("{place} has no column `{column}`, which the mapping names as {key}")]
    MissingColumn {
        /// The source.
        place: String,
        /// The column.
        column: String,
        /// The key in the mapping.
        key: String,
    },
    /// A source that is joined and too large to be held.
    #[error("{place} is too large to be joined: leave out columns and rows that are not needed")]
    TooLarge {
        /// The source.
        place: String,
    },
    /// The reader stopped before the end; never shown.
    #[error("no more records are wanted")]
    Stopped,
}
