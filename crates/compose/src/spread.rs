//! Mean and standard deviation of a quantity from noisy counts per bin. A bin says between which amounts somebody lies
//! and no more, so the interval spans all that may be true inside bins as well as the noise.

use crate::estimate::{Derived, Estimate, scale};
use crate::margin::Confidence;
use crate::ratio::fieller;

/// Into how many parts each bin is cut when the centre of the amounts is looked for.
const PARTS: u32 = 16;

/// The amounts of one bin, both ends included; the last bin may have no end.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// The bins between `edges`, with amounts above `most` counted as `most`.
    fn of_bins(edges: &[u32], most: Option<u32>) -> Vec<Range> {
        let most = most.map_or(f64::INFINITY, f64::from);
        let starts = std::iter::once(0.0).chain(edges.iter().map(|edge| f64::from(*edge)));
        let ends = (edges.iter().map(|edge| f64::from(*edge) - 1.0)).chain([f64::INFINITY]);
        (starts.zip(ends))
            .map(|(low, high)| Range {
                low: low.min(most),
                high: high.min(most),
            })
            .collect()
    }

    /// Squared distance of the farthest amount from `centre`.
    fn farthest(self, centre: f64) -> f64 {
        (centre - self.low)
            .abs()
            .max((self.high - centre).abs())
            .powi(2)
    }

    /// Squared distance of the two nearest points of two ranges.
    fn nearest(self, other: Range) -> f64 {
        (self.low - other.high)
            .max(other.low - self.high)
            .max(0.0)
            .powi(2)
    }
}

/// The mean amount of those counted, amounts above `most` counted as `most`.
///
/// # Promise
/// The interval holds the true mean with at least the stated confidence. With everybody at the lower end of their bin the
/// mean is L / N, at the upper end U / N, both linear in the counts; each end of the interval is that of Fieller's set
/// for its ratio, with the covariance the shared noise gives, and is missed with at most half the miss.
/// Without `most` the open last bin leaves no upper end.
pub fn mean_of_bins(
    counts: &[Estimate],
    edges: &[u32],
    most: Option<u32>,
    confidence: Confidence,
) -> Derived {
    let ranges = Range::of_bins(edges, most);
    if counts.len() != ranges.len() {
        return Derived::TooUncertain;
    }
    let against_all = |amount: fn(&Range) -> f64| {
        let (mut x, mut u, mut y, mut v, mut shared) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (count, range) in counts.iter().zip(&ranges) {
            let (amount, variance) = (amount(range), scale(count.variance, confidence).powi(2));
            x += amount * count.value;
            u += amount * amount * variance;
            y += count.value;
            v += variance;
            shared += amount * variance;
        }
        fieller((x, u.sqrt()), (y, v.sqrt()), shared, confidence.z())
    };
    let Derived::Between { low, estimate, .. } = against_all(|range| range.low) else {
        return Derived::TooUncertain;
    };
    if most.is_none() {
        return Derived::AtLeast { low };
    }
    match against_all(|range| range.high) {
        Derived::Between {
            high,
            estimate: upper,
            ..
        } => Derived::Between {
            estimate: f64::midpoint(estimate, upper),
            low: low.min(high),
            high,
        },
        _ => Derived::AtLeast { low },
    }
}

/// The standard deviation of the amounts of those counted, amounts above `most` counted as `most`.
///
/// # Promise
/// The interval holds the true standard deviation with at least the stated confidence, for noise of any size: discrete
/// Gaussian noise is sub-Gaussian (Canonne, Kamath and Steinke 2020, section 4), so all K counts lie within
/// sqrt(2 v ln(2 K / miss)) of their estimates at once. Over that box: the variance is at most the mean squared distance
/// from any centre, so the upper end is the least over centres of the largest mean of the farthest squared distances; and
/// it is the mean squared distance from the mean, wherever that is, so the lower end is the least over parts of the line
/// of the smallest mean of the nearest ones. Without `most` the open last bin leaves no upper end.
pub fn deviation_of_bins(
    counts: &[Estimate],
    edges: &[u32],
    most: Option<u32>,
    confidence: Confidence,
) -> Derived {
    let ranges = Range::of_bins(edges, most);
    if counts.len() != ranges.len() {
        return Derived::TooUncertain;
    }
    let log = (2.0 * counts.len() as f64 / confidence.miss()).ln();
    let reach = |count: &Estimate| (2.0 * count.variance * log).sqrt().floor();
    let most_of = |count: &Estimate| (count.value + reach(count)).max(0.0);
    let least_of = |count: &Estimate| (count.value - reach(count)).max(0.0);
    let boxes: Vec<(f64, f64)> = (counts.iter())
        .map(|count| (least_of(count), most_of(count)))
        .collect();
    // Nobody at all may be counted.
    if boxes.iter().map(|(least, _)| least).sum::<f64>() <= 0.0 {
        return Derived::TooUncertain;
    }
    let parts = parts(&ranges);
    let low = (parts.iter())
        .map(|part| {
            let near = ranges.iter().map(|range| -range.nearest(*part));
            -largest_mean(near.collect(), &boxes)
        })
        .fold(f64::INFINITY, f64::min)
        .sqrt();
    if most.is_none() {
        return Derived::AtLeast { low };
    }
    let high = (parts.iter())
        .map(|part| {
            let far = ranges.iter().map(|range| range.farthest(part.low));
            largest_mean(far.collect(), &boxes)
        })
        .fold(f64::INFINITY, f64::min)
        .sqrt();
    let weights = counts.iter().map(|count| count.value.max(0.0));
    let middles = (ranges.iter()).map(|range| f64::midpoint(range.low, range.high));
    Derived::Between {
        estimate: deviation(&weights.zip(middles).collect::<Vec<_>>()).clamp(low, high.max(low)),
        low,
        high: high.max(low),
    }
}

/// The line from 0 on in parts, each bin cut into [`PARTS`] and an open one left whole.
fn parts(ranges: &[Range]) -> Vec<Range> {
    let mut parts = Vec::new();
    for (index, range) in ranges.iter().enumerate() {
        // Amounts between bins do not exist, but the mean may lie there.
        let end = (ranges.get(index + 1)).map_or(range.high, |next| next.low);
        if end.is_infinite() {
            parts.push(Range {
                high: end,
                ..*range
            });
            continue;
        }
        let width = (end - range.low) / f64::from(PARTS);
        parts.extend((0..PARTS).map(|part| Range {
            low: range.low + width * f64::from(part),
            high: range.low + width * f64::from(part + 1),
        }));
    }
    parts
}

/// The largest mean of values whose weights lie anywhere in their boxes: the largest values as heavy as may be, the others
/// as light, at the best place to part them.
fn largest_mean(values: Vec<f64>, boxes: &[(f64, f64)]) -> f64 {
    let mut sorted: Vec<(f64, (f64, f64))> =
        values.into_iter().zip(boxes.iter().copied()).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mean = |heavy: usize| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (index, (value, (least, most))) in sorted.iter().enumerate() {
            let weight = if index < heavy { *most } else { *least };
            if weight > 0.0 {
                sum += weight * value;
                weights += weight;
            }
        }
        if weights > 0.0 {
            sum / weights
        } else {
            f64::NEG_INFINITY
        }
    };
    (0..=sorted.len())
        .map(mean)
        .fold(f64::NEG_INFINITY, f64::max)
}

fn deviation(weighted: &[(f64, f64)]) -> f64 {
    let all: f64 = weighted.iter().map(|(weight, _)| weight).sum();
    let mean = weighted.iter().map(|(weight, x)| weight * x).sum::<f64>() / all;
    let squares = weighted
        .iter()
        .map(|(weight, x)| weight * (x - mean).powi(2));
    (squares.sum::<f64>() / all).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian, allowed};

    const EDGES: [u32; 5] = [50, 100, 200, 400, 800];
    const MOST: u32 = 1_500;

    /// Amounts of so many people, their bins, mean and standard deviation with amounts above the most counted as that.
    fn people(dice: &mut Dice, number: usize) -> ([i64; 6], f64, f64) {
        let mut bins = [0; 6];
        let clamped: Vec<f64> = (0..number)
            .map(|_| {
                let amount = (dice.roll() % 40) * (dice.roll() % 50);
                bins[EDGES.partition_point(|edge| u64::from(*edge) <= amount)] += 1;
                amount.min(u64::from(MOST)) as f64
            })
            .collect();
        let mean = clamped.iter().sum::<f64>() / number as f64;
        let weighted: Vec<(f64, f64)> = clamped.iter().map(|amount| (1.0, *amount)).collect();
        (bins, mean, deviation(&weighted))
    }

    fn counts(values: [i64; 6], variance: f64) -> Vec<Estimate> {
        let one = |value| Estimate {
            value: value as f64,
            variance,
        };
        values.map(one).to_vec()
    }

    #[test]
    fn means_and_deviations_hold_the_truth_as_often_as_stated() {
        let trials = 1_500;
        let mut dice = Dice(31);
        for (number, sigma) in [(2_000, 20.0), (300, 5.0), (60, 1.0), (40, 12.0)] {
            let noise = DiscreteGaussian::new(sigma);
            let (bins, mean, deviation) = people(&mut dice, number);
            let (mut of_mean, mut of_deviation, mut said) = (0, 0, 0);
            for _ in 0..trials {
                let noisy = counts(bins.map(|n| n + noise.draw(&mut dice)), sigma * sigma);
                let found = mean_of_bins(&noisy, &EDGES, Some(MOST), Confidence::P95);
                of_mean += u32::from(!found.allows(mean));
                said += u32::from(matches!(found, Derived::Between { .. }));
                let found = deviation_of_bins(&noisy, &EDGES, Some(MOST), Confidence::P95);
                of_deviation += u32::from(!found.allows(deviation));
            }
            let most = allowed(trials, 0.05);
            assert!(
                f64::from(of_mean) <= most,
                "{number}, {sigma}: {of_mean} means"
            );
            assert!(
                f64::from(of_deviation) <= most,
                "{number}, {sigma}: {of_deviation}"
            );
            assert!(
                number < 100 || said == trials,
                "{number}, {sigma}: {said} said"
            );
        }
    }

    #[test]
    fn without_noise_the_interval_is_what_bins_leave_open() {
        let exact = counts([0, 0, 100, 0, 0, 0], 0.0);
        let found = mean_of_bins(&exact, &EDGES, Some(MOST), Confidence::P95);
        let Derived::Between { low, high, .. } = found else {
            panic!("bounded");
        };
        assert_eq!((low, high), (100.0, 199.0));
        let found = deviation_of_bins(&exact, &EDGES, Some(MOST), Confidence::P95);
        let Derived::Between { low, high, .. } = found else {
            panic!("bounded");
        };
        // Everybody alike, or half at each end.
        assert_eq!(low, 0.0);
        assert!((49.5..=51.0).contains(&high), "{high}");
    }

    #[test]
    fn an_open_last_bin_leaves_no_upper_end() {
        let exact = counts([50, 0, 0, 0, 0, 50], 0.0);
        let mean = mean_of_bins(&exact, &EDGES, None, Confidence::P95);
        assert_eq!(mean, Derived::AtLeast { low: 400.0 });
        let found = deviation_of_bins(&exact, &EDGES, None, Confidence::P95);
        let Derived::AtLeast { low } = found else {
            panic!("no upper end");
        };
        // At 49 and at 800 each: the closest the two halves may lie.
        assert!((350.0..=375.5).contains(&low), "{low}");
    }

    #[test]
    fn hopeless_noise_says_nothing() {
        let noisy = counts([3, -2, 1, 0, 4, -1], 900.0);
        for derive in [mean_of_bins, deviation_of_bins] {
            let found = derive(&noisy, &EDGES, Some(MOST), Confidence::P95);
            assert_eq!(found, Derived::TooUncertain);
        }
    }
}
