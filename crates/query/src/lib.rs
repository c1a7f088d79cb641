//! The closed query algebra: what may be asked of a node, its canonical form and its hash.
//! What parses is legal; what does not is refused with the place and the reason. No SQL, no free text.

mod aggregate_query;
mod cube;
mod default_cubes;
mod filter;
mod measure;
mod parse;
mod period;
mod refusal;
mod split;
mod strict_json;
mod uses;

pub use aggregate_query::{AggregateQuery, Dimension, QueryHash};
pub use cube::{Cube, Span, completed_by};
pub use default_cubes::{default_cubes, default_definitions};
pub use filter::Filter;
pub use measure::{Bounds, Measure};
pub use period::{Month, Period, PeriodKind};
pub use refusal::{Refusal, RefusalCode};
pub use split::{CutOff, LevelShare, Slice, SliceOf};
pub use strict_json::{Json, MAX_BYTES, MAX_DEPTH};
pub use uses::Use;

/// Most cells one answer may have.
pub const MAX_CELLS: usize = 1 << 20;
/// Largest per-cell bound on events of one unit.
pub const MAX_PER_CELL: u32 = 100_000;
/// Largest per-cell bound on a quantity of one unit, and largest edge of a bin: a million euro in cents.
pub const MAX_QUANTITY: u32 = 100_000_000;
/// Largest product of L0 and the square of Linf, so that no sensitivity overflows.
pub const MAX_REACH: u64 = 1 << 55;
/// Most edges between bins.
pub const MAX_EDGES: usize = 63;
/// Largest privacy loss one query may state, in nano-rho. Real limits are the policy's; this one
/// keeps arithmetic far from overflow.
pub const MAX_RHO_NANO: u64 = 1_000_000_000_000_000;
/// Longest span of a query, in months.
pub const MAX_MONTHS: u16 = 240;

/// The JSON Schema of version 1 of the query format, as served to clients.
pub const JSON_SCHEMA: &str = include_str!("../schema/query-v1.json");
