//! Quantiles of a quantity from noisy counts per bin: the bins in which a quantile may lie, never a point inside one.
//! Counts are neither smoothed nor cut at zero before the interval is made, so that no certainty is made up.

use crate::estimate::{Estimate, NEVER};
use crate::margin::{Confidence, leaves_zero};
use serde::{Deserialize, Serialize};

/// A run of amounts: from an edge up to, but not including, the next; without an end where the last bin is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// The least amount.
    pub from: u32,
    /// Where the next bin begins.
    pub to: Option<u32>,
}

/// Where a quantile lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum Quantile {
    /// In some of the bins.
    Between {
        /// The bin it most plausibly lies in.
        likely: Amounts,
        /// The bins it lies in, at the confidence stated.
        within: Amounts,
    },
    /// The noise allows every bin, or that nobody is counted at all.
    TooUncertain,
}

/// The `percent` quantile of the amounts counted by bin: the least amount that so many in a hundred of those counted do
/// not exceed. `edges` are those of the question; there is one more bin than edges.
///
/// # Promise
/// Where anybody is counted, the bins named hold the true quantile with at least the stated confidence, as far as sums of
/// noise are normal.
///
/// # Proof
/// Let p be the quantile's share, F_k the true count up to bin k, N that of all bins and D_k = F_k - p N, which rises
/// with k; the quantile lies in the first bin k with D_k >= 0. Its estimate is unbiased, with variance
/// sum of (1 - p)^2 v_j over j <= k and of p^2 v_j over j > k. A bin is ruled out where D_(k-1) is significantly positive
/// or D_k significantly negative, each at half the miss. The bin k the quantile lies in is fixed, so it is ruled out by
/// chance with at most the miss; the bins between the outermost not ruled out are named, and therefore hold it. No
/// statement over all k at once is needed. D_0 <= 0 and D_K >= 0 hold without looking, so the first and the last bin
/// can always be named: the ends stay honest. Half a step is added, since noise is whole.
pub fn quantile(
    counts: &[Estimate],
    edges: &[u32],
    percent: u8,
    confidence: Confidence,
) -> Quantile {
    let bins = counts.len();
    if bins != edges.len() + 1 {
        return Quantile::TooUncertain;
    }
    let share = f64::from(percent) / 100.0;
    let total = Total::of(counts);
    if total.value <= total.reach(confidence) {
        return Quantile::TooUncertain;
    }
    // Signs of D_0 to D_K; the outer two are known.
    let mut differences = vec![Total::default()];
    for k in 1..bins {
        let weighted = (counts.iter().enumerate()).map(|(j, count)| {
            let weight = if j < k { 1.0 - share } else { -share };
            (weight, count)
        });
        differences.push(Total::weighted(weighted));
    }
    differences.push(Total::default());
    let inner = |k: usize| 0 < k && k < bins;
    let above = |k: usize| inner(k) && differences[k].value > differences[k].reach(confidence);
    let below = |k: usize| inner(k) && differences[k].value < -differences[k].reach(confidence);
    let allowed: Vec<usize> = (1..=bins).filter(|&k| !above(k - 1) && !below(k)).collect();
    let (Some(&first), Some(&last)) = (allowed.first(), allowed.last()) else {
        return Quantile::TooUncertain;
    };
    if first == 1 && last == bins && bins > 1 {
        return Quantile::TooUncertain;
    }
    let inner: Vec<f64> = (differences[1..bins].iter())
        .map(|difference| difference.value)
        .collect();
    let rising = rising(&inner);
    let likely = 1 + rising.partition_point(|difference| *difference < 0.0);
    let likely = likely.clamp(first, last);
    Quantile::Between {
        likely: amounts(edges, likely, likely),
        within: amounts(edges, first, last),
    }
}

/// The amounts of bins `first` to `last`, counted from 1.
fn amounts(edges: &[u32], first: usize, last: usize) -> Amounts {
    Amounts {
        from: if first == 1 { 0 } else { edges[first - 2] },
        to: edges.get(last - 1).copied(),
    }
}

/// A linear function of counts.
#[derive(Clone, Copy, Default)]
struct Total {
    value: f64,
    variance: f64,
    /// A bound on the chance that there is any noise in it.
    stirred: f64,
}

impl Total {
    fn of(counts: &[Estimate]) -> Total {
        Total::weighted(counts.iter().map(|count| (1.0, count)))
    }

    fn weighted<'a>(counts: impl Iterator<Item = (f64, &'a Estimate)>) -> Total {
        counts.fold(Total::default(), |sum, (weight, count)| Total {
            value: sum.value + weight * count.value,
            variance: sum.variance + weight * weight * count.variance,
            stirred: sum.stirred + leaves_zero(count.variance),
        })
    }

    /// How far chance alone may take it, on either side at half the miss. Steps are at most one.
    fn reach(&self, confidence: Confidence) -> f64 {
        if self.stirred < NEVER {
            return 0.0;
        }
        confidence.z() * self.variance.sqrt() + 0.5
    }
}

/// The closest rising sequence in least squares, by pooling neighbours that fall (Ayer et al. 1955).
fn rising(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for &value in values {
        pools.push((value, 1));
        while let [.., (a, m), (b, n)] = pools[..]
            && a > b
        {
            pools.truncate(pools.len() - 2);
            let mean = (a * m as f64 + b * n as f64) / (m + n) as f64;
            pools.push((mean, m + n));
        }
    }
    let spread = |(value, length): (f64, usize)| std::iter::repeat_n(value, length);
    pools.into_iter().flat_map(spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian, allowed};
    use proptest::prelude::*;

    const EDGES: [u32; 4] = [100, 250, 500, 1_000];

    fn counts(values: &[i64], variance: f64) -> Vec<Estimate> {
        (values.iter())
            .map(|value| Estimate {
                value: *value as f64,
                variance,
            })
            .collect()
    }

    #[test]
    fn without_noise_the_bin_is_the_one_it_lies_in() {
        let exact = counts(&[10, 20, 40, 20, 10], 0.0);
        let at = |percent| quantile(&exact, &EDGES, percent, Confidence::P95);
        let bin = |from, to| {
            let bin = Amounts { from, to };
            Quantile::Between {
                likely: bin,
                within: bin,
            }
        };
        assert_eq!(at(5), bin(0, Some(100)));
        assert_eq!(at(50), bin(250, Some(500)));
        assert_eq!(at(95), bin(1_000, None));
    }

    #[test]
    fn noise_widens_to_the_neighbours_and_then_to_nothing_said() {
        let at = |variance: f64| {
            quantile(
                &counts(&[100, 200, 400, 200, 100], variance),
                &EDGES,
                50,
                Confidence::P95,
            )
        };
        let Quantile::Between { within, .. } = at(30.0 * 30.0) else {
            panic!("known");
        };
        assert_eq!(
            within,
            Amounts {
                from: 250,
                to: Some(500)
            }
        );
        let Quantile::Between { likely, within } = at(160.0 * 160.0) else {
            panic!("known");
        };
        assert_eq!(
            likely,
            Amounts {
                from: 250,
                to: Some(500)
            }
        );
        assert_eq!(
            within,
            Amounts {
                from: 100,
                to: Some(1_000)
            }
        );
        assert_eq!(at(600.0 * 600.0), Quantile::TooUncertain);
    }

    #[test]
    fn an_open_last_bin_stays_open() {
        let top = counts(&[5, 5, 5, 5, 900], 25.0);
        let found = quantile(&top, &EDGES, 50, Confidence::P95);
        let bin = Amounts {
            from: 1_000,
            to: None,
        };
        assert_eq!(
            found,
            Quantile::Between {
                likely: bin,
                within: bin
            }
        );
    }

    #[test]
    fn the_bins_named_hold_the_quantile_as_often_as_stated() {
        let trials = 3_000;
        let mut dice = Dice(11);
        for truth in [
            [400, 300, 200, 80, 20],
            [12, 9, 30, 3, 40],
            // The quartiles lie exactly on edges: the hardest place.
            [50, 50, 50, 25, 25],
            [0, 0, 100, 0, 0],
            [3, 1, 0, 2, 2],
        ] {
            let all: i64 = truth.iter().sum();
            for sigma in [0.5, 1.0, 4.0, 20.0] {
                let noise = DiscreteGaussian::new(sigma);
                for percent in [25u8, 50, 90] {
                    let mut sum = 0;
                    let bin = truth.iter().position(|count| {
                        sum += count;
                        100 * sum >= i64::from(percent) * all
                    });
                    let bin = bin.expect("somebody");
                    let lowest = if bin == 0 { 0 } else { EDGES[bin - 1] };
                    let mut misses = 0;
                    for _ in 0..trials {
                        let noisy = truth.map(|count| count + noise.draw(&mut dice));
                        let noisy = counts(&noisy, sigma * sigma);
                        let found = quantile(&noisy, &EDGES, percent, Confidence::P95);
                        let holds = match found {
                            Quantile::TooUncertain => true,
                            Quantile::Between { within, .. } => {
                                within.from <= lowest && within.to.is_none_or(|to| lowest < to)
                            }
                        };
                        misses += u32::from(!holds);
                    }
                    assert!(
                        f64::from(misses) <= allowed(trials, 0.05),
                        "{truth:?} at {sigma}, {percent} percent: {misses} of {trials} missed"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_likely_bin_is_among_those_named(values in proptest::array::uniform5(-50i64..500), variance in 0.0f64..900.0, percent in 1u8..100) {
            if let Quantile::Between { likely, within } = quantile(&counts(&values, variance), &EDGES, percent, Confidence::P95) {
                prop_assert!(within.from <= likely.from);
                prop_assert!(within.to.is_none_or(|end| likely.to.is_some_and(|to| to <= end)));
            }
        }

        #[test]
        fn what_is_made_rising_rises_and_keeps_its_sum(values in proptest::collection::vec(-100.0f64..100.0, 1..12)) {
            let made = rising(&values);
            prop_assert!(made.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!((made.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-9);
        }
    }
}
