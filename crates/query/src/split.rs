//! How an answer divides the loss it offers: over area levels, and a count of what the bounds cut off.
//! The parts are declared in the question, so price, noise and receipt follow from it alone.

use geography::Level;
use std::ops::Range;

/// An area level and how many hundredths of the loss its cells get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelShare {
    /// The level.
    pub level: Level,
    /// Percent of rho.
    pub percent: u8,
}

/// A count of what the bounds cut off, released with the cells: over all units, the sum of what each would have added
/// beyond its L0 cells and Linf per cell, up to `at_most` a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Percent of rho.
    pub percent: u8,
    /// The most one unit may add, in the measure's own unit.
    pub at_most: u32,
}

/// What a part of an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SliceOf {
    /// The cells of a level.
    Level(Level),
    /// The one count of what the bounds cut off.
    CutOff,
}

impl SliceOf {
    /// The public identifier: the level's, or `cut-off`.
    pub fn id(self) -> &'static str {
        match self {
            SliceOf::Level(level) => level.id(),
            SliceOf::CutOff => "cut-off",
        }
    }
}

/// A part of an answer with a loss and so a noise of its own. The parts of an answer lie side by side in its cells:
/// levels from the coarsest to the finest, then what was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// What it holds.
    pub of: SliceOf,
    /// Where its cells lie in the answer.
    pub cells: Range<usize>,
    /// Its part of the loss in nano-rho, rounded down: together the slices never exceed what is offered.
    pub rho_nano: u64,
}
