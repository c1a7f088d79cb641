//! A small seeded generator of pseudo-random numbers, so that one seed always makes the same city.
//! It never protects anything: the noise of answers comes from the node's own mechanism, not from here.

/// xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64 from a seed and a list of labels.
///
/// Streams with different labels are independent for our purposes, so the order in which threads do their work does
/// not change what is generated. Values depend on the platform only through `f64::ln`, `exp` and `cos`.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: [u64; 4],
}

/// One step of splitmix64.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Rng {
    /// The stream of `seed` named by `labels`.
    pub(crate) fn stream(seed: u64, labels: &[u64]) -> Self {
        let mut mix = seed;
        for &label in labels {
            mix = splitmix(&mut mix) ^ label.wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
        let state = [
            splitmix(&mut mix),
            splitmix(&mut mix),
            splitmix(&mut mix),
            splitmix(&mut mix),
        ];
        Self { state }
    }

    /// Sixty-four uniform bits.
    pub(crate) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = b << 17;
        let c = c ^ a;
        let d = d ^ b;
        self.state = [a ^ d, b ^ c, c ^ shifted, d.rotate_left(45)];
        result
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound` (bias below 2^-32 for the small bounds used here); 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A standard normal value (Box-Muller, one of the pair).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A log-normal value with mean 1 and the given sigma of its logarithm.
    pub(crate) fn lognormal(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal() - sigma * sigma / 2.0).exp()
    }

    /// An exponential value of mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// A Poisson count; above a mean of 40 its rounded normal approximation.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        if mean > 40.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as usize;
        }
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// An index drawn in proportion to `weights`; the last positive one when rounding runs over, 0 when all are 0.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        let mut remaining = self.unit() * total;
        let mut last = 0;
        for (index, &weight) in weights.iter().enumerate() {
            if weight > 0.0 {
                last = index;
                if remaining < weight {
                    return index;
                }
                remaining -= weight;
            }
        }
        last
    }

    /// Shuffles in place (Fisher-Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_label() {
        let take = |labels: &[u64]| {
            let mut rng = Rng::stream(7, labels);
            [rng.bits(), rng.bits(), rng.bits()]
        };
        assert_eq!(take(&[1, 2]), take(&[1, 2]));
        assert_ne!(take(&[1, 2]), take(&[2, 1]));
        assert_ne!(take(&[1]), take(&[1, 0]));
    }

    #[test]
    fn means_are_as_stated() {
        // Fixed seed: no false alarm.
        let mut rng = Rng::stream(1, &[]);
        let count = 200_000;
        let mean = |draw: &mut dyn FnMut(&mut Rng) -> f64, rng: &mut Rng| {
            (0..count).map(|_| draw(rng)).sum::<f64>() / f64::from(count)
        };
        assert!((mean(&mut |r| r.unit(), &mut rng) - 0.5).abs() < 0.01);
        assert!((mean(&mut |r| r.poisson(3.0) as f64, &mut rng) - 3.0).abs() < 0.05);
        assert!((mean(&mut |r| r.poisson(90.0) as f64, &mut rng) - 90.0).abs() < 0.3);
        assert!((mean(&mut |r| r.lognormal(0.8), &mut rng) - 1.0).abs() < 0.02);
        assert!((mean(&mut |r| r.weighted(&[1.0, 0.0, 3.0]) as f64, &mut rng) - 1.5).abs() < 0.02);
    }
}
