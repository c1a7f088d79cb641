//! Target groups and services: ids, names and predicates over the common model.
//! Pure and public: it describes groups, and never holds a person.

mod attribute;
mod example;
mod file;
mod group_harm;
pub mod model;
mod predicate;
mod predicate_set;
mod service;
mod target;
mod taxonomy;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use attribute::{Attribute, Attributes};
pub use example::{ExamplePerson, Member};
pub use file::{Fault, TaxonomyError};
pub use group_harm::GroupHarm;
pub use predicate::{Members, PersonAsOf, Predicate, Range, ServiceUse, Use};
pub use predicate_set::{Membership, PredicateSet};
pub use service::Service;
pub use target::{Classification, Target, Unit, UserArea};
pub use taxonomy::Taxonomy;
