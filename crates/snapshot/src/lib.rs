//! The immutable, pseudonymised, columnar copy of a register that answers are computed from.
//! Rows stream in and never leave: no name, no codice fiscale and no free text survives the build.
//!
//! [`Snapshot::build`] is the only way from rows to a snapshot. How one person's rows are treated never
//! depends on another person's rows, with one declared exception: the kind of household, which reads
//! the birth months of at most [`privacy_loss::HOUSEHOLD_MEMBERS`] members. Prices rest on this.

mod builder;
mod codice_fiscale;
mod csv_source;
mod draft;
mod error;
mod file;
mod gather;
mod households;
mod keys;
mod latest;
mod line;
mod mapping;
mod older_file;
mod parallel;
mod quality;
mod row;
mod shard;
mod snapshot;
mod traits;

pub use codice_fiscale::{CodiceFiscale, InvalidCodiceFiscale};
pub use csv_source::{CsvSource, Outcome};
pub use error::SnapshotError;
pub use keys::NodeKey;
pub use mapping::{DateFormat, Encoding, Field, Mapping};
pub use quality::{LISTED_REJECTS, LocalQuality, Reject, RejectKind};
pub use row::{Day, HouseholdId, Row};
pub use snapshot::{
    BENEFITS, Columns, Edition, Event, Home, HouseholdOf, NEEDS, PersonRow, Snapshot,
};
