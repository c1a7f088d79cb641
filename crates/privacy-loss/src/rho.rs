//! Amounts of privacy loss: rho of zCDP as an integer number of nano-rho.
//! Sums are exact and checked; nothing here is a float, so no budget drifts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount of zCDP privacy loss in units of 1e-9 rho. Losses are rounded up to it, never down.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NanoRho(u64);

impl NanoRho {
    /// No loss.
    pub const ZERO: NanoRho = NanoRho(0);

    /// So many nano-rho.
    pub const fn new(nano: u64) -> NanoRho {
        NanoRho(nano)
    }

    /// The number of nano-rho.
    pub const fn nano(self) -> u64 {
        self.0
    }

    /// The sum, or `None` where it would overflow: zCDP composes by addition (Bun & Steinke 2016, Lemma 1.7).
    pub fn checked_add(self, other: NanoRho) -> Option<NanoRho> {
        self.0.checked_add(other.0).map(NanoRho)
    }

    /// What is left of `self` after `spent`; zero where nothing is.
    pub fn saturating_sub(self, spent: NanoRho) -> NanoRho {
        NanoRho(self.0.saturating_sub(spent.0))
    }

    /// As a number of rho, for display and for drawing noise.
    pub fn rho(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for NanoRho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}
