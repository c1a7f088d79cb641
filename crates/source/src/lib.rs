//! Registers where they are kept: text files, spreadsheets, Parquet, SIUSS flows and databases, one file of code for each.
//! A connector only reads: columns once, then records as text. What they mean is said by the mapping and nowhere here.
//!
//! Every connector needs memory that does not grow with the register. A file whose rows others refer to is the exception:
//! its columns that the mapping uses are held, up to a limit.

mod archive;
mod complete;
mod database;
mod detect;
mod error;
mod gazetteer;
mod hmis;
mod inspect;
mod join;
mod local;
mod locate;
mod markup;
mod meanings;
mod mysql;
mod names;
mod nationalities;
mod notation;
mod parquet_file;
mod pipe;
mod place;
mod postgres;
pub mod profile;
mod propose;
mod propose_join;
mod proposed_text;
mod register;
mod schema;
mod sentences;
mod server;
mod siuss;
mod sqlite;
mod text;
mod xlsx;

pub use complete::complete;
pub use detect::{
    Guess, MARKS_EXAMPLES, TextFormat, decode_text, detect_dates, detect_numbers, detect_text,
};
pub use error::SourceError;
pub use inspect::{Column, Content, Inspection, LOOKED_AT, inspect};
pub use local::{Local, Places, SourceConfig};
pub use meanings::identifiers;
pub use notation::Notation;
pub use place::{Kind, Place};
pub use propose::{Finding, Proposal, propose};
pub use propose_join::{NoJoin, propose_join};
pub use proposed_text::MappingWords;
pub use register::{open, open_register};
pub use schema::mapping_schema;
pub use sentences::SOURCE_SENTENCES;
pub use siuss::{SINA_COLUMNS, SINBA_COLUMNS};
pub use xlsx::sheets;
