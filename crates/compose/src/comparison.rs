//! Whether estimates differ, and which is larger: contrasts with their exact variance, 'probably different' with a bounded share
//! of false claims, ranks with intervals. What noise does not decide is called too uncertain to compare, which is a result.

use crate::ComposeError;
use crate::estimate::scale;
use crate::margin::Confidence;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

/// Estimates to compare, which may err together.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    values: Vec<f64>,
    covariance: Vec<Vec<f64>>,
    /// What one person more adds to each: 1 for counts, 1,000 over residents for rates.
    steps: Vec<f64>,
}

/// A weighted sum of estimates whose sign is the question: a difference, a change, a distance from the whole.
pub type Contrast = Vec<(usize, f64)>;

/// What is known of a contrast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrasted {
    /// Its estimate.
    pub estimate: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
    /// How often noise alone would put an estimate that is truly zero at least as far away.
    pub p_value: f64,
    /// What may be claimed.
    pub verdict: Verdict,
}

/// What may be claimed of a contrast among all that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Probably above zero.
    Higher,
    /// Probably below zero.
    Lower,
    /// Too uncertain to compare.
    TooUncertain,
}

/// Where an estimate stands among all, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// By the estimates alone.
    pub rank: usize,
    /// No better than this.
    pub best: usize,
    /// No worse than this.
    pub worst: usize,
}

impl Compared {
    /// Estimates with their covariances; `factors` turn each into what is compared, 1,000 over residents say.
    ///
    /// # Errors
    /// [`ComposeError::OtherShape`], [`ComposeError::InvalidVariance`].
    pub fn try_new(
        values: &[f64],
        covariance: &[Vec<f64>],
        factors: &[f64],
    ) -> Result<Compared, ComposeError> {
        let expected = values.len();
        let lengths = [covariance.len(), factors.len()];
        let rows = covariance.iter().map(Vec::len);
        if let Some(found) = lengths.into_iter().chain(rows).find(|len| *len != expected) {
            return Err(ComposeError::OtherShape { expected, found });
        }
        let diagonal = (0..expected).map(|at| covariance[at][at]);
        if !diagonal
            .chain(factors.iter().copied())
            .all(|v| v.is_finite() && v >= 0.0)
        {
            return Err(ComposeError::InvalidVariance);
        }
        let scaled = |row: usize| {
            (0..expected)
                .map(move |column| covariance[row][column] * factors[row] * factors[column])
        };
        Ok(Compared {
            values: values
                .iter()
                .zip(factors)
                .map(|(value, factor)| value * factor)
                .collect(),
            covariance: (0..expected).map(|row| scaled(row).collect()).collect(),
            steps: factors.to_vec(),
        })
    }

    /// Some of them, by their places.
    #[must_use]
    pub fn part(&self, places: &[usize]) -> Compared {
        let row = |row: usize| {
            places
                .iter()
                .map(|column| self.covariance[row][*column])
                .collect()
        };
        Compared {
            values: places.iter().map(|at| self.values[*at]).collect(),
            covariance: places.iter().map(|at| row(*at)).collect(),
            steps: places.iter().map(|at| self.steps[*at]).collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Each estimate with its interval: estimate, at least, at most. Not cut at zero.
    pub fn interval(&self, at: usize, confidence: Confidence) -> (f64, f64, f64) {
        let alone = self.measure(&vec![(at, 1.0)]);
        let reach = alone.reach(confidence);
        (
            alone.estimate,
            alone.estimate - reach,
            alone.estimate + reach,
        )
    }

    /// Contrasts with intervals each at `confidence`, and what may be claimed of them together.
    ///
    /// # Promise
    /// Each interval holds its contrast with at least the stated confidence, as far as noise is concerned. Of the contrasts called
    /// higher or lower, the expected share whose sign is neither that nor any (whose truth is zero) is at most `false_claims`:
    /// Benjamini and Hochberg 1995, for p-values that are independent or positively dependent (Benjamini and Yekutieli 2001).
    pub fn contrasts(
        &self,
        contrasts: &[Contrast],
        confidence: Confidence,
        false_claims: f64,
    ) -> Vec<Contrasted> {
        let measured: Vec<Measured> = contrasts
            .iter()
            .map(|contrast| self.measure(contrast))
            .collect();
        let p_values: Vec<f64> = measured.iter().map(|measured| measured.p_value()).collect();
        let claimed = benjamini_hochberg(&p_values, false_claims);
        (measured.iter().zip(p_values).zip(claimed))
            .map(|((measured, p_value), claimed)| {
                let reach = measured.reach(confidence);
                Contrasted {
                    estimate: measured.estimate,
                    low: measured.estimate - reach,
                    high: measured.estimate + reach,
                    p_value,
                    verdict: match claimed {
                        true if measured.estimate > 0.0 => Verdict::Higher,
                        true if measured.estimate < 0.0 => Verdict::Lower,
                        _ => Verdict::TooUncertain,
                    },
                }
            })
            .collect()
    }

    /// The rank of each among all.
    ///
    /// # Promise
    /// Each interval holds the true rank (any of them, where several share a place) with at least the stated confidence: the others
    /// that are surely larger, or surely smaller, are told by Holm's test of all differences to the one (Holm 1979; Mogstad, Romano,
    /// Shaikh and Wilhelm 2024, Review of Economic Studies 91), which is right however estimates err together.
    pub fn ranks(&self, confidence: Confidence) -> Vec<Ranked> {
        let count = self.len();
        (0..count)
            .map(|one| {
                let mut others: Vec<(f64, bool)> = (0..count)
                    .filter(|other| *other != one)
                    .map(|other| {
                        let measured = self.measure(&vec![(other, 1.0), (one, -1.0)]);
                        (measured.p_value(), measured.estimate > 0.0)
                    })
                    .collect();
                let rank = 1 + others.iter().filter(|(_, larger)| *larger).count();
                others.sort_by(|a, b| a.0.total_cmp(&b.0));
                let sure = (others.iter().enumerate())
                    .take_while(|(place, (p_value, _))| {
                        *p_value <= confidence.miss() / (others.len() - place) as f64
                    })
                    .map(|(_, (_, larger))| *larger);
                let (mut larger, mut smaller) = (0, 0);
                for is_larger in sure {
                    larger += usize::from(is_larger);
                    smaller += usize::from(!is_larger);
                }
                Ranked {
                    rank,
                    best: 1 + larger,
                    worst: count - smaller,
                }
            })
            .collect()
    }

    fn measure(&self, contrast: &Contrast) -> Measured {
        let mut measured = Measured::default();
        for (row, left) in contrast {
            measured.estimate += left * self.values[*row];
            measured.step = measured.step.max(left.abs() * self.steps[*row]);
            for (column, right) in contrast {
                measured.variance += left * right * self.covariance[*row][*column];
            }
        }
        // Rounding may leave a little less than nothing.
        measured.variance = measured.variance.max(0.0);
        measured
    }
}

/// A contrast with its noise. Noise comes in whole steps, so half a step is allowed for, as everywhere in this crate.
#[derive(Clone, Copy, Default)]
struct Measured {
    estimate: f64,
    variance: f64,
    step: f64,
}

impl Measured {
    fn in_steps(&self) -> f64 {
        if self.step > 0.0 {
            self.variance / (self.step * self.step)
        } else {
            0.0
        }
    }

    fn reach(&self, confidence: Confidence) -> f64 {
        scale(self.in_steps(), confidence) * confidence.z() * self.step
    }

    fn p_value(&self) -> f64 {
        // Noise that never leaves zero.
        if scale(self.in_steps(), Confidence::P95) == 0.0 {
            return f64::from(u8::from(
                self.estimate.abs() < 1e-9 * self.step.max(f64::MIN_POSITIVE),
            ));
        }
        let beyond = (self.estimate.abs() - 0.5 * self.step).max(0.0);
        erfc(beyond / (2.0 * self.variance).sqrt())
    }
}

/// Which of these p-values may be claimed so that the expected share of false claims is at most `share`.
fn benjamini_hochberg(p_values: &[f64], share: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let count = p_values.len() as f64;
    let last = (order.iter().enumerate().rev())
        .find(|(place, at)| p_values[**at] <= share * (*place as f64 + 1.0) / count)
        .map(|(place, _)| place);
    let mut claimed = vec![false; p_values.len()];
    for at in order.iter().take(last.map_or(0, |last| last + 1)) {
        claimed[*at] = true;
    }
    claimed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian, allowed};

    fn apart(values: &[f64], variance: f64) -> Compared {
        let count = values.len();
        let covariance: Vec<Vec<f64>> = (0..count)
            .map(|row| {
                (0..count)
                    .map(|column| if row == column { variance } else { 0.0 })
                    .collect()
            })
            .collect();
        Compared::try_new(values, &covariance, &vec![1.0; count]).expect("a comparison")
    }

    fn noisy(truth: &[f64], noise: &DiscreteGaussian, dice: &mut Dice) -> Vec<f64> {
        truth
            .iter()
            .map(|value| value + noise.draw(dice) as f64)
            .collect()
    }

    #[test]
    fn differences_use_what_estimates_share() {
        // Two parts of one whole err against each other.
        let covariance = [vec![4.0, -3.0], vec![-3.0, 4.0]];
        let compared =
            Compared::try_new(&[60.0, 40.0], &covariance, &[1.0, 1.0]).expect("a comparison");
        let found = compared.contrasts(
            &[vec![(0, 1.0), (1, -1.0)], vec![(0, 1.0), (1, 1.0)]],
            Confidence::P95,
            0.1,
        );
        let reach = |at: usize| found[at].high - found[at].estimate;
        assert!((reach(0) - (1.959964 * 14f64.sqrt() + 0.5)).abs() < 1e-9);
        assert!((reach(1) - (1.959964 * 2f64.sqrt() + 0.5)).abs() < 1e-9);
        assert_eq!(found[0].verdict, Verdict::Higher);
    }

    #[test]
    fn factors_make_rates_and_steps_of_their_own() {
        let covariance = [vec![9.0, 0.0], vec![0.0, 9.0]];
        let factors = [1_000.0 / 20_000.0, 1_000.0 / 500.0];
        let compared =
            Compared::try_new(&[100.0, 30.0], &covariance, &factors).expect("a comparison");
        let (estimate, low, high) = compared.interval(0, Confidence::P90);
        assert!((estimate - 5.0).abs() < 1e-12);
        let reach = (1.644854 * 3.0 + 0.5) * factors[0];
        assert!((high - estimate - reach).abs() < 1e-9 && (estimate - low - reach).abs() < 1e-9);
        // 5 against 60 per thousand: the small one is surely higher.
        assert_eq!(
            compared.ranks(Confidence::P90)[1],
            Ranked {
                rank: 1,
                best: 1,
                worst: 1
            }
        );
    }

    #[test]
    fn without_noise_all_is_certain() {
        let compared = apart(&[3.0, 7.0, 7.0, 1.0], 0.0);
        let found = compared.contrasts(
            &[vec![(0, 1.0), (1, -1.0)], vec![(1, 1.0), (2, -1.0)]],
            Confidence::P90,
            0.1,
        );
        assert_eq!(
            (found[0].verdict, found[1].verdict),
            (Verdict::Lower, Verdict::TooUncertain)
        );
        assert_eq!((found[0].low, found[0].high), (-4.0, -4.0));
        let ranks = compared.ranks(Confidence::P90);
        assert_eq!((ranks[0].best, ranks[0].worst), (3, 3));
        // Two share the first place.
        assert_eq!((ranks[1].best, ranks[1].worst), (1, 2));
    }

    #[test]
    fn hopeless_noise_says_nothing() {
        let compared = apart(&[3.0, 7.0, 5.0], 1e6);
        let found = compared.contrasts(&[vec![(0, 1.0), (1, -1.0)]], Confidence::P90, 0.1);
        assert_eq!(found[0].verdict, Verdict::TooUncertain);
        let all: Vec<(usize, usize)> = compared
            .ranks(Confidence::P90)
            .iter()
            .map(|r| (r.best, r.worst))
            .collect();
        assert_eq!(all, [(1, 3); 3]);
        assert!(
            apart(&[], 1.0).is_empty() && apart(&[1.0], 1.0).ranks(Confidence::P90)[0].worst == 1
        );
    }

    #[test]
    fn intervals_of_differences_hold_as_often_as_stated() {
        let mut dice = Dice(31);
        for sigma in [0.3, 0.5, 1.0, 2.5, 12.0] {
            let noise = DiscreteGaussian::new(sigma);
            let misses = (0..6_000)
                .filter(|_| {
                    let compared = apart(&noisy(&[20.0, 16.0], &noise, &mut dice), sigma * sigma);
                    let found =
                        compared.contrasts(&[vec![(0, 1.0), (1, -1.0)]], Confidence::P90, 0.1)[0];
                    !(found.low <= 4.0 && 4.0 <= found.high)
                })
                .count();
            assert!(misses as f64 <= allowed(6_000, 0.10), "{sigma}: {misses}");
        }
    }

    #[test]
    fn of_what_is_claimed_at_most_the_stated_share_is_false() {
        let mut dice = Dice(41);
        // Forty areas against one: three quarters of them like it, which makes their errors depend on its.
        let truth: Vec<f64> = (0..41)
            .map(|at| if at % 4 == 1 { 130.0 } else { 100.0 })
            .collect();
        for sigma in [1.0, 8.0, 20.0] {
            let noise = DiscreteGaussian::new(sigma);
            let runs = 1_500;
            let (mut share, mut found_true) = (0.0, 0u32);
            for _ in 0..runs {
                let compared = apart(&noisy(&truth, &noise, &mut dice), sigma * sigma);
                let contrasts: Vec<Contrast> =
                    (1..41).map(|at| vec![(at, 1.0), (0, -1.0)]).collect();
                let found = compared.contrasts(&contrasts, Confidence::P90, 0.1);
                let claimed = found
                    .iter()
                    .enumerate()
                    .filter(|(_, f)| f.verdict != Verdict::TooUncertain);
                let (mut all, mut wrong) = (0u32, 0u32);
                for (at, claim) in claimed {
                    all += 1;
                    let is_true = (at + 1) % 4 == 1 && claim.verdict == Verdict::Higher;
                    wrong += u32::from(!is_true);
                    found_true += u32::from(is_true);
                }
                share += if all > 0 {
                    f64::from(wrong) / f64::from(all)
                } else {
                    0.0
                };
            }
            // Shares lie between 0 and 1: Hoeffding's bound sqrt(ln(1e8) / (2 runs)) is 0.078 at a false alarm of 1e-8.
            let bound = 0.1 + (1e8f64.ln() / (2.0 * f64::from(runs))).sqrt();
            assert!(share / f64::from(runs) <= bound, "{sigma}: {share}");
            assert!(found_true > 0, "{sigma}");
        }
    }

    #[test]
    fn rank_intervals_hold_the_rank_as_often_as_stated() {
        let mut dice = Dice(51);
        let truth = [90.0, 70.0, 70.0, 64.0, 40.0, 12.0, 12.0, 3.0];
        for sigma in [0.5, 2.0, 9.0] {
            let noise = DiscreteGaussian::new(sigma);
            let mut misses = [0u32; 8];
            let mut told = 0usize;
            for _ in 0..3_000 {
                let compared = apart(&noisy(&truth, &noise, &mut dice), sigma * sigma);
                for (at, ranked) in compared.ranks(Confidence::P90).iter().enumerate() {
                    let larger = truth.iter().filter(|value| **value > truth[at]).count();
                    let as_large = truth.iter().filter(|value| **value >= truth[at]).count();
                    misses[at] += u32::from(ranked.best > 1 + larger || ranked.worst < as_large);
                    told += usize::from(ranked.worst - ranked.best < 7);
                }
            }
            for missed in misses {
                assert!(
                    f64::from(missed) <= allowed(3_000, 0.10),
                    "{sigma}: {misses:?}"
                );
            }
            assert!(told > 0, "{sigma}: nothing was said");
        }
    }

    #[test]
    fn misfits_are_refused() {
        let shape = |found| Some(ComposeError::OtherShape { expected: 1, found });
        assert_eq!(Compared::try_new(&[1.0], &[], &[1.0]).err(), shape(0));
        assert_eq!(
            Compared::try_new(&[1.0], &[vec![1.0, 2.0]], &[1.0]).err(),
            shape(2)
        );
        let none = Some(ComposeError::InvalidVariance);
        assert_eq!(Compared::try_new(&[1.0], &[vec![-1.0]], &[1.0]).err(), none);
        assert_eq!(
            Compared::try_new(&[1.0], &[vec![1.0]], &[f64::NAN]).err(),
            none
        );
    }
}
