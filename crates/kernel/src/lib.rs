//! Bounded aggregation: from a legal query and a snapshot to exact, bounded cells, in one pass over persons or households.
//! Exact values leave this crate only inside [`Exact`], which nothing but `mechanism` may open.

mod add_up;
mod aggregate;
mod exact;
mod own_cells;
mod person;
mod plain;
mod plan;
#[cfg(test)]
mod reference;
mod sampling;
mod slices;

pub use aggregate::{aggregate, aggregate_with_threads};
pub use exact::Exact;
