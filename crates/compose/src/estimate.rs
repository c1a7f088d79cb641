//! A released number with its noise, and what a statistic derived from such numbers is known to be.
//! Too uncertain is a result: nothing here returns a number that its noise does not support.

use crate::margin::{Confidence, leaves_zero};
use serde::{Deserialize, Serialize};

/// A released whole number: unbiased for the bounded aggregate, with independent noise of a known variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number, which may be negative.
    pub value: f64,
    /// An upper bound on its noise variance.
    pub variance: f64,
}

impl Estimate {
    /// Where the exact number lies with at least this confidence, as far as noise is concerned: at least, at most. Not cut at
    /// zero.
    pub fn interval(self, confidence: Confidence) -> (f64, f64) {
        let reach = self.scale(confidence) * confidence.z();
        (self.value - reach, self.value + reach)
    }

    /// The scale at which the noise is taken for a normal distribution: its standard deviation, and half a step, since
    /// noise is whole and a normal distribution is not. Zero where the noise hardly ever leaves zero.
    pub(crate) fn scale(self, confidence: Confidence) -> f64 {
        scale(self.variance, confidence)
    }
}

/// As [`Estimate::scale`], for noise in steps of one.
///
/// With sigma for standard deviation and z for the quantile, a whole sum S exceeds z sigma + 1/2 with at most the
/// probability with which a normal of the same variance exceeds z sigma: the continuity correction. Below sigma 0.17
/// the chance that noise is anything but zero is under 1e-7.
pub(crate) fn scale(variance: f64, confidence: Confidence) -> f64 {
    if leaves_zero(variance) < NEVER {
        return 0.0;
    }
    variance.sqrt() + 0.5 / confidence.z()
}

/// A chance too small to widen an interval for.
pub(crate) const NEVER: f64 = 1e-7;

/// What a derived statistic is known to be, at the confidence it was derived at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum Derived {
    /// Between two numbers.
    Between {
        /// The most plausible value.
        estimate: f64,
        /// At least.
        low: f64,
        /// At most.
        high: f64,
    },
    /// At least a number; the noise allows any larger one.
    AtLeast {
        /// At least.
        low: f64,
    },
    /// The noise allows nearly everything.
    TooUncertain,
}

impl Derived {
    /// The same times a positive constant.
    pub fn times(self, factor: f64) -> Derived {
        match self {
            Derived::Between {
                estimate,
                low,
                high,
            } => Derived::Between {
                estimate: estimate * factor,
                low: low * factor,
                high: high * factor,
            },
            Derived::AtLeast { low } => Derived::AtLeast { low: low * factor },
            Derived::TooUncertain => Derived::TooUncertain,
        }
    }

    /// Whether it allows a value.
    pub fn allows(self, value: f64) -> bool {
        match self {
            Derived::Between { low, high, .. } => low <= value && value <= high,
            Derived::AtLeast { low } => low <= value,
            Derived::TooUncertain => true,
        }
    }
}

#[cfg(test)]
pub(crate) mod simulation {
    //! Noise as released, drawn from a seeded generator, and the count of misses that chance explains.

    /// SplitMix64.
    pub(crate) struct Dice(pub(crate) u64);

    impl Dice {
        pub(crate) fn roll(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = self.0;
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        }

        fn uniform(&mut self) -> f64 {
            (self.roll() >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// A discrete Gaussian by inversion of its exact probabilities.
    pub(crate) struct DiscreteGaussian {
        cumulative: Vec<f64>,
        reach: i64,
    }

    impl DiscreteGaussian {
        pub(crate) fn new(sigma: f64) -> DiscreteGaussian {
            let reach = (9.0 * sigma) as i64 + 3;
            let mass = |k: i64| (-((k * k) as f64) / (2.0 * sigma * sigma)).exp();
            let total: f64 = (-reach..=reach).map(mass).sum();
            let mut sum = 0.0;
            let cumulative = (-reach..=reach)
                .map(|k| {
                    sum += mass(k) / total;
                    sum
                })
                .collect();
            DiscreteGaussian { cumulative, reach }
        }

        pub(crate) fn draw(&self, dice: &mut Dice) -> i64 {
            let at = dice.uniform();
            let index = self.cumulative.partition_point(|sum| *sum < at) as i64;
            index.min(2 * self.reach) - self.reach
        }
    }

    /// How many of `trials` may be missed, each independently with probability `miss`, before chance explains it no more
    /// often than once in 1e8: Bernstein's bound exp(-t^2 / (2 (n p q + t / 3))) = 1e-8, solved for t. No test makes a hundred
    /// such checks, so the false-alarm rate of each test is below 1e-6; seeds are fixed besides.
    pub(crate) fn allowed(trials: u32, miss: f64) -> f64 {
        let (n, log) = (f64::from(trials), 1e8f64.ln());
        let third = log / 3.0;
        n * miss + third + (third * third + 2.0 * log * n * miss * (1.0 - miss)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::simulation::{Dice, DiscreteGaussian, allowed};
    use super::*;

    #[test]
    fn the_scale_covers_whole_noise_at_every_sigma() {
        let mut dice = Dice(1);
        for step in 1..40 {
            let sigma = 0.1 * f64::from(step);
            let noise = DiscreteGaussian::new(sigma);
            let reach = scale(sigma * sigma, Confidence::P95) * Confidence::P95.z();
            let misses = (0..4_000)
                .filter(|_| (noise.draw(&mut dice) as f64).abs() > reach)
                .count();
            assert!(misses as f64 <= allowed(4_000, 0.05), "{sigma}: {misses}");
        }
    }

    #[test]
    fn exact_numbers_have_no_scale() {
        assert_eq!(scale(0.0, Confidence::P95), 0.0);
        assert_eq!(scale(1e-6, Confidence::P9999), 0.0);
    }
}
