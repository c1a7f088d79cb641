//! A count against a number that is publicly known, such as residents: the only noise is the count's.

use crate::estimate::{Derived, Estimate};
use crate::margin::Confidence;

/// So many per `per` of `whole`, a public number without noise; [`Derived::TooUncertain`] where it is zero.
///
/// # Promise
/// The interval holds (bounded aggregate / whole) x per with at least the stated confidence. It is not a share of people:
/// presences may count somebody twice, and the whole is as of its own date.
pub fn rate(count: Estimate, whole: u64, per: f64, confidence: Confidence) -> Derived {
    if whole == 0 {
        return Derived::TooUncertain;
    }
    let factor = per / whole as f64;
    let reach = count.scale(confidence) * confidence.z();
    let value = count.value.max(0.0);
    let high = (count.value + reach).max(0.0);
    Derived::Between {
        estimate: value * factor,
        low: (count.value - reach).max(0.0) * factor,
        high: high.max(value) * factor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian, allowed};

    #[test]
    fn rates_hold_the_truth_as_often_as_stated() {
        let mut dice = Dice(21);
        for sigma in [0.3, 0.5, 1.0, 9.0] {
            let noise = DiscreteGaussian::new(sigma);
            for truth in [0i64, 4, 250] {
                let misses = (0..4_000)
                    .filter(|_| {
                        let count = Estimate {
                            value: (truth + noise.draw(&mut dice)) as f64,
                            variance: sigma * sigma,
                        };
                        let found = rate(count, 12_345, 1_000.0, Confidence::P95);
                        !found.allows(truth as f64 * 1_000.0 / 12_345.0)
                    })
                    .count();
                assert!(
                    misses as f64 <= allowed(4_000, 0.05),
                    "{sigma}, {truth}: {misses}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_said_per_nobody() {
        let count = Estimate {
            value: 3.0,
            variance: 1.0,
        };
        let found = rate(count, 0, 1_000.0, Confidence::P95);
        assert_eq!(found, Derived::TooUncertain);
    }
}
