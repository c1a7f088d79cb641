//! Composition of noisy answers into a release: sums with their variance, margins, brackets and coverage; and what follows
//! from releases for nothing: sums of their cells, means, rates and quantiles with intervals.
//! It is pure: it sees released noise only, opens nothing, and never turns a negative estimate into a better one.

mod area_relations;
mod bracket;
mod comparison;
mod consistent;
mod coverage;
mod derive;
mod estimate;
mod independent;
mod lattice;
mod least_squares;
mod margin;
mod margins;
mod quantile;
mod rate;
mod ratio;
mod release;
mod share;
mod spread;

pub use area_relations::{AreaRelation, area_relations, area_sizes};
pub use bracket::{BRACKET_MISS, Bracket};
pub use comparison::{Compared, Contrast, Contrasted, Ranked, Verdict};
pub use consistent::{Consistent, LevelledAnswer, Region, area_tiling};
pub use coverage::{AnsweredNode, Coverage, RefusedNode, SilentNode};
pub use derive::{CellMap, Underivable};
pub use estimate::{Derived, Estimate};
pub use independent::independent_factor;
pub use lattice::{InvalidLattice, Lattice, Tiling};
pub use least_squares::{Combination, LeastSquares};
pub use margin::{Confidence, margin, margin_of_draws};
pub use margins::Table;
pub use quantile::{Amounts, Quantile, quantile};
pub use rate::rate;
pub use ratio::ratio;
pub use release::{Composed, Composition, Noise, Part, Sums, compose, compose_sums};
pub use share::answered_share;
pub use spread::{deviation_of_bins, mean_of_bins};

/// Why answers cannot be composed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// Nothing to compose.
    #[error("there is no answer to compose")]
    NoAnswers,
    /// Other than the announced number of answers.
    #[error("{found} answers were added where {expected} were announced")]
    OtherCount {
        /// Announced.
        expected: usize,
        /// Added.
        found: usize,
    },
    /// An answer of another shape.
    #[error("an answer has {found} cells where the question has {expected}")]
    OtherShape {
        /// Cells of the question.
        expected: usize,
        /// Cells of the answer.
        found: usize,
    },
    /// A variance that is negative, infinite or not a number.
    #[error("an answer states a variance that is none")]
    InvalidVariance,
    /// A sum beyond 64 bits.
    #[error("a sum of cells does not fit 64 bits")]
    Overflow,
}
