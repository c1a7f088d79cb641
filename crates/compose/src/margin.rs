//! How far a sum of discrete Gaussian noises may lie from zero, at a stated confidence.
//! Margins are whole numbers, rounded so that they cover at least what they state.

/// A two-sided confidence at which margins are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// 90 percent: 'nine times in ten'.
    P90,
    /// 95 percent.
    P95,
    /// 99.99 percent.
    P9999,
}

impl Confidence {
    /// Those at which releases give margins, the narrower first.
    pub const ALL: [Confidence; 2] = [Confidence::P95, Confidence::P9999];

    /// Probability that the error exceeds the margin.
    pub fn miss(self) -> f64 {
        match self {
            Confidence::P90 => 0.10,
            Confidence::P95 => 0.05,
            Confidence::P9999 => 0.0001,
        }
    }

    /// The two-sided quantile of the standard normal distribution.
    pub fn z(self) -> f64 {
        match self {
            Confidence::P90 => 1.644854,
            Confidence::P95 => 1.959964,
            Confidence::P9999 => 3.890592,
        }
    }
}

/// The margin of a sum of independent discrete Gaussian noises, given the parameter sigma squared of each.
///
/// Zero where noise of that size hardly ever leaves zero (the chance, bounded in `leaves_zero` and summed over
/// the parts, is at most the stated miss); else the normal approximation z sqrt(sum of variances), rounded up to
/// the next whole number, since noise is whole. Rounding up more than makes up for the approximation: exact
/// convolutions in the tests cover at least the stated probability at every sigma tried.
pub fn margin(variances: &[f64], confidence: Confidence) -> f64 {
    margin_of_draws(variances, 1, confidence)
}

/// The same where the noise of each part was drawn so many times, independently.
pub fn margin_of_draws(variances: &[f64], draws: u32, confidence: Confidence) -> f64 {
    let draws = f64::from(draws);
    let stirred: f64 = variances
        .iter()
        .map(|&variance| leaves_zero(variance))
        .sum();
    if stirred * draws <= confidence.miss() {
        return 0.0;
    }
    let total: f64 = variances.iter().sum();
    (confidence.z() * (total * draws).sqrt()).ceil()
}

/// An upper bound on the probability that a discrete Gaussian of parameter sigma squared is not zero: with
/// q = exp(-1 / (2 sigma^2)) the mass at k, against the mass at 0, is q^(k^2) <= q^|k|, so the sum over k != 0
/// is at most 2 q / (1 - q).
pub(crate) fn leaves_zero(variance: f64) -> f64 {
    if variance <= 0.0 {
        return 0.0;
    }
    let q = (-0.5 / variance).exp();
    (2.0 * q / (1.0 - q)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact distribution of one discrete Gaussian on -reach..=reach.
    fn exact(sigma: f64, reach: i64) -> Vec<f64> {
        let mass: Vec<f64> = (-reach..=reach)
            .map(|k| (-(k as f64).powi(2) / (2.0 * sigma * sigma)).exp())
            .collect();
        let total: f64 = mass.iter().sum();
        mass.into_iter().map(|m| m / total).collect()
    }

    fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; a.len() + b.len() - 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                sum[i + j] += x * y;
            }
        }
        sum
    }

    fn missed(sigmas: &[f64], margin: f64) -> f64 {
        let sum = sigmas
            .iter()
            .map(|&sigma| exact(sigma, (9.0 * sigma) as i64 + 3))
            .reduce(|a, b| convolve(&a, &b))
            .expect("at least one part");
        let middle = (sum.len() / 2) as i64;
        (0..)
            .zip(&sum)
            .filter(|&(at, _)| ((at - middle) as f64).abs() > margin)
            .map(|(_, mass)| mass)
            .sum()
    }

    #[test]
    fn margins_cover_what_they_state_by_exact_convolution() {
        let sigmas: Vec<f64> = (1..=60)
            .map(|step| 0.05 * f64::from(step))
            .chain([4.5, 7.0, 11.3])
            .collect();
        for &sigma in &sigmas {
            for parts in [1usize, 2, 3, 6] {
                let parts = vec![sigma; parts];
                let variances: Vec<f64> = parts.iter().map(|s| s * s).collect();
                for confidence in Confidence::ALL {
                    let margin = margin(&variances, confidence);
                    let missed = missed(&parts, margin);
                    assert!(
                        missed <= confidence.miss(),
                        "sigma {sigma} x {}: margin {margin} is missed with {missed}",
                        parts.len()
                    );
                }
            }
        }
    }

    #[test]
    fn margins_cover_sums_of_unequal_noise() {
        for sigmas in [[0.1, 0.1, 3.0], [0.25, 0.4, 0.5], [0.2, 6.0, 1.0]] {
            let variances = sigmas.map(|s| s * s);
            for confidence in Confidence::ALL {
                let margin = margin(&variances, confidence);
                assert!(missed(&sigmas, margin) <= confidence.miss(), "{sigmas:?}");
            }
        }
    }

    #[test]
    fn noise_that_never_leaves_zero_has_no_margin() {
        for confidence in Confidence::ALL {
            assert_eq!(margin(&[1e-6; 50], confidence), 0.0);
            assert_eq!(margin(&[0.0], confidence), 0.0);
        }
    }

    #[test]
    fn many_draws_are_as_many_parts() {
        for variance in [0.02, 0.3, 4.0, 900.0] {
            for confidence in Confidence::ALL {
                let parts = [[variance; 7], [2.0 * variance; 7]].concat();
                let drawn = margin_of_draws(&[variance, 2.0 * variance], 7, confidence);
                assert_eq!(drawn, margin(&parts, confidence));
            }
        }
    }

    #[test]
    fn large_noise_has_the_normal_margin() {
        assert_eq!(margin(&[100.0 * 100.0], Confidence::P95), 196.0);
        assert_eq!(margin(&[100.0 * 100.0], Confidence::P9999), 390.0);
    }
}
