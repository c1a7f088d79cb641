//! What a city offers: sites and services, for whom, how many people, at what cost, when and where.
//! Pure and public: it describes places and services, and never holds a person.
//!
//! Every reader ends in the same [`Offer`]: Open Referral HSDS ([`read_folder`], [`read_file`] of JSON), the columns of the
//! QuBi map and this project's plain columns, both as CSV or XLSX. A fault names file, row, column and remedy; what is merely odd is a remark.

mod error;
mod file;
mod hsds;
mod hsds_json;
mod model;
mod place;
mod plain;
mod publish;
mod qubi;
mod sentences;
mod table;
mod xlsx;

pub use error::{OfferError, Remark};
pub use file::{Format, Loaded, read_file, read_folder};
pub use model::{Ages, Offer, OfferedService, Opening, Site};
pub use plain::COLUMNS as PLAIN_COLUMNS;
pub use publish::{LONGEST_TEXT, MOST_SERVICES, MOST_SITES, NotPublishable};
pub use qubi::COLUMNS as QUBI_COLUMNS;
pub use sentences::OFFER_SENTENCES;
