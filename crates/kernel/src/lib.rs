//! Bounded aggregation: from a legal query and a snapshot to exact, bounded cells, in one pass over persons.
//! Exact values leave this crate only inside [`Exact`], which nothing but `mechanism` may open.

mod aggregate;
mod exact;
mod person;
#[cfg(test)]
mod reference;

pub use aggregate::aggregate;
pub use exact::Exact;
