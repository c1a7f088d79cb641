//! The immutable, pseudonymised, columnar copy of a register that answers are computed from.
//! Rows stream in and never leave: no name, no codice fiscale and no free text survives the build.
//!
//! [`Snapshot::build`] is the only way from rows to a snapshot. How one person's rows are treated never
//! depends on another person's rows, with one declared exception: who lives with whom, of at most
//! [`privacy_loss::HOUSEHOLD_MEMBERS`] members. What an answer reads of other members goes through it. Prices rest on this.

mod builder;
mod codice_fiscale;
mod completion;
mod csv_records;
mod csv_source;
mod draft;
mod error;
mod facts;
mod file;
mod gather;
mod households;
mod keys;
mod latest;
mod line;
mod mapping;
mod mapping_faults;
mod notation;
mod objections;
mod older_file;
mod parallel;
mod person_key;
mod quality;
mod records;
mod row;
mod shard;
mod snapshot;
mod traits;
mod utf16;
mod words;

pub use codice_fiscale::{CodiceFiscale, InvalidCodiceFiscale};
pub use completion::{Completion, HOME_MUNICIPIO, HOME_NIL, HomeColumns, Join};
pub use csv_records::{CsvFormat, CsvRecords};
pub use csv_source::{CsvSource, Outcome};
pub use error::SnapshotError;
pub use gather::Input;
pub use keys::NodeKey;
pub use mapping::{Field, Mapping};
pub use mapping_faults::MAPPING_SENTENCES;
pub use notation::{DateFormat, Encoding, Marks};
pub use objections::Objections;
pub use person_key::PersonKey;
pub use quality::{LISTED_REJECTS, LocalQuality, Reject, RejectKind};
pub use records::{Batch, Part, Record, Records, RecordsError};
pub use row::{Day, HouseholdId, Row};
pub use sentence::{Said, Sentence, sentences};
pub use snapshot::{Columns, Edition, Event, Home, HouseholdOf, PersonRow, Snapshot};
