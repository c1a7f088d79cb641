//! Who reaches which offer: travel from a table or as the crow flies, access by the methods of the field, the gap of
//! demand and offer, and what changes when sites or demand do. Every result says where its travel comes from, and
//! what depends on a noisy demand has an interval.
//!
//! The crate is pure: it opens nothing and draws nothing that a seed does not repeat.

mod agents;
mod catchment;
mod measure;
mod scenario;
mod travel;

pub use measure::{Access, AccessRow, Gap, Method, Settings, measure};
pub use scenario::{
    Change, Comparison, Edit, InvalidScenario, compare, compare_between, edited_sites,
};
pub use travel::{Point, Travel, TravelSource};

/// Two-sided 95 percent point of the normal distribution.
pub(crate) const TWO_SIDED_95: f64 = 1.959_963_984_540_054;
