//! Between which numbers distinct persons lie when only presences are known: at least the largest node, at most
//! the sum. Both ends are moved outwards by the noise, so that the statement holds with a stated probability.

use crate::release::{Part, Run, noise_of};
use serde::{Deserialize, Serialize};

/// Probability with which a cell's bracket may miss, half of it at each end.
pub const BRACKET_MISS: f64 = 0.05;

/// Lower and upper ends, one pair per cell.
///
/// What is bracketed is the number of distinct persons behind each cell of the bounded aggregates.
///
/// A person counted by any node is counted at least once and by each node at most once, so
/// max of nodes <= distinct <= sum of nodes. Of the noisy values y_i the largest alone would be too large (it is
/// the one whose noise helped it most). A discrete Gaussian is sub-Gaussian with its sigma (Canonne, Kamath and
/// Steinke 2020, section 4), so each y_i - sigma_i sqrt(2 ln(n / a)) exceeds its exact value with probability at
/// most a / n, and sum + sqrt(2 V ln(1 / a)) falls short with at most a; here a is half of [`BRACKET_MISS`].
/// Together each cell's bracket holds with probability at least 1 - BRACKET_MISS. Without noise it is exact.
/// Where cell i is a sum of `draws[i]` released cells, its noise is sub-Gaussian with `sqrt(draws[i])` times the sigma.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bracket {
    /// At least so many distinct persons.
    pub lower: Vec<i64>,
    /// At most so many.
    pub upper: Vec<i64>,
}

/// Raises lower ends by what one of `nodes` parts says. They begin at 0: nobody is fewer than none.
pub(crate) fn raise_lower(lower: &mut [i64], part: Part<'_>, runs: &[Run], nodes: usize) {
    let below = (2.0 * (nodes as f64 / (BRACKET_MISS / 2.0)).ln()).sqrt();
    // Noise is whole, so only whole distances can be exceeded.
    let reach = |draws: u32| whole_reach(f64::from(draws).sqrt() * below * part.variance.sqrt());
    for (cells, reach) in noise_of(runs, reach) {
        for (lower, cell) in lower[cells.clone()].iter_mut().zip(&part.cells[cells]) {
            *lower = cell.saturating_sub(reach).max(*lower);
        }
    }
}

/// How far above the sum of all parts the upper end lies, unless the lower end is higher still.
pub(crate) fn reach_above(variances: &[f64], draws: u32) -> i64 {
    let total: f64 = variances.iter().sum();
    let above = (2.0 * total * (1.0 / (BRACKET_MISS / 2.0)).ln()).sqrt();
    whole_reach(f64::from(draws).sqrt() * above)
}

/// The largest whole error that does not exceed `reach`; errors beyond it are the ones counted as misses.
fn whole_reach(reach: f64) -> i64 {
    reach.floor().min(i64::MAX as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use query::Measure;

    fn bracket(parts: &[Part<'_>]) -> Option<Bracket> {
        (compose(Measure::Persons, parts[0].cells.len(), parts).unwrap()).bracket
    }

    #[test]
    fn without_noise_the_bracket_is_largest_to_sum() {
        let parts = [
            Part {
                cells: &[5, 0],
                variance: 0.0,
            },
            Part {
                cells: &[7, 2],
                variance: 0.0,
            },
        ];
        let found = bracket(&parts);
        assert_eq!(
            found,
            Some(Bracket {
                lower: vec![7, 2],
                upper: vec![12, 2]
            })
        );
    }

    #[test]
    fn noise_widens_both_ends_and_nobody_is_fewer_than_none() {
        let parts = [
            Part {
                cells: &[100, -40],
                variance: 25.0,
            },
            Part {
                cells: &[90, 3],
                variance: 25.0,
            },
        ];
        let found = bracket(&parts);
        // 5 sqrt(2 ln 80) = 14.8 below; sqrt(2 50 ln 40) = 19.2 above.
        assert_eq!(
            found,
            Some(Bracket {
                lower: vec![86, 0],
                upper: vec![209, 0]
            })
        );
    }
}
