//! Why an offer cannot be read, and what is odd about one that can. Offers are public: values may be shown.

use sentence::Said;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The file's name.
    pub file: String,
    /// The row, the names of columns being row 1; in JSON the number of the object of its kind.
    pub row: u64,
    /// The column or key; empty where the row as a whole is meant.
    pub column: String,
    /// What is wrong and what to do.
    pub problem: Said,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remark {
            file,
            row,
            column,
            problem,
        } = self;
        match column.as_str() {
            "" => write!(f, "{file}, row {row}: {problem}"),
            column => write!(f, "{file}, row {row}, {column}: {problem}"),
        }
    }
}

/// Why an offer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// A file or folder cannot be opened.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is of no kind that is known.
    #[error("{file}: {problem}")]
    Format {
        /// The file's name.
        file: String,
        /// What is expected.
        problem: Said,
    },
    /// Rows that cannot be used; all of them are listed.
    #[error("{}", lines(.0))]
    Rows(Vec<Remark>),
}

fn lines(remarks: &[Remark]) -> String {
    let lines: Vec<String> = remarks.iter().map(Remark::to_string).collect();
    lines.join("\n")
}
