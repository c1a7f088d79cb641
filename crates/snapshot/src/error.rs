//! Why a snapshot could not be built, written or read, with the remedy in the sentence.
//! Messages name keys, columns and files; they never repeat a value of the register.

use std::io;

/// What can go wrong between a register and its snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The mapping is not as it should be.
    #[error("mapping, {key}: {problem}")]
    Mapping {
        /// The key in the mapping file, such as `columns.nil`.
        key: String,
        /// What is wrong and what to write instead.
        problem: crate::Said,
    },
    /// A column named by the mapping is not in the register's header line.
    #[error(
        "the register has no column `{column}`, which the mapping names as columns.{field}; correct that line of the \
         mapping or export the register with this column"
    )]
    MissingColumn {
        /// The column's name in the mapping.
        column: String,
        /// The field of the common model.
        field: &'static str,
    },
    /// The register has a column twice, so that nobody can say which one is meant.
    #[error("the register has two columns `{column}`; rename one of them in the export")]
    DuplicateColumn {
        /// The column's name.
        column: String,
    },
    /// The register has no header line.
    #[error("the register is empty; its first line must name the columns")]
    NoHeader,
    /// More events than a snapshot can hold.
    #[error("the register has more than four billion events; export fewer years of it")]
    TooLarge,
    /// The register could not be read.
    #[error("the register could not be read")]
    Register(#[source] io::Error),
    /// A connector could not read the register on.
    #[error("the register could not be read")]
    Records(#[source] crate::records::RecordsError),
    /// A mapping for a register that is no text file, given one.
    #[error("mapping, {key}: a text file needs it; `node-agent init` detects it and writes it")]
    NoFormat {
        /// The key in the mapping file.
        key: &'static str,
    },
    /// The snapshot file could not be written or read.
    #[error("the snapshot file could not be {action}")]
    File {
        /// `written` or `read`.
        action: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is no snapshot, or cut short, or changed since it was written.
    #[error("the snapshot file is damaged; build the edition again from the register")]
    Damaged,
    /// A format of another program version.
    #[error(
        "the snapshot file has format {found}, this program reads format {known}; build the edition again"
    )]
    UnknownVersion {
        /// The version in the file.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
}
