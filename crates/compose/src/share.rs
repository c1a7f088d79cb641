//! How much of a city's volume the organisations in a release hold, judged by what the missing ones released before: coverage as
//! part of the estimate. It never fills in what is missing.

use crate::estimate::{Derived, Estimate};
use crate::margin::Confidence;
use crate::ratio::ratio;

/// The part, between 0 and 1, that those who answered hold of the volume of all, by volumes of one earlier time.
///
/// `missing` holds the volume of each organisation that is not in the release, `None` where it never released any: then nothing is
/// said. Volumes are of bounded aggregates; noise of each is independent.
///
/// # Promise
/// With at least the stated confidence the interval holds the share at the time of those volumes. It says nothing of how volumes
/// have moved since.
pub fn answered_share(
    answered: &[Estimate],
    missing: &[Option<Estimate>],
    confidence: Confidence,
) -> Derived {
    if missing.is_empty() {
        return Derived::Between {
            estimate: 1.0,
            low: 1.0,
            high: 1.0,
        };
    }
    let sum = |volumes: &mut dyn Iterator<Item = Estimate>| {
        volumes.fold(
            Estimate {
                value: 0.0,
                variance: 0.0,
            },
            |sum, one| Estimate {
                value: sum.value + one.value,
                variance: sum.variance + one.variance,
            },
        )
    };
    let Some(missing) = missing.iter().copied().collect::<Option<Vec<_>>>() else {
        return Derived::TooUncertain;
    };
    let (there, gone) = (
        sum(&mut answered.iter().copied()),
        sum(&mut missing.into_iter()),
    );
    // A / (A + M) falls as M / A rises, so the interval of the one is that of the other.
    let share = |missing_part: f64| 1.0 / (1.0 + missing_part.max(0.0));
    match ratio(gone, there, confidence) {
        Derived::Between {
            estimate,
            low,
            high,
        } => Derived::Between {
            estimate: share(estimate),
            low: share(high),
            high: share(low),
        },
        Derived::AtLeast { low } => {
            let estimate =
                there.value.max(0.0) / (there.value.max(0.0) + gone.value.max(0.0)).max(1.0);
            Derived::Between {
                estimate: estimate.min(share(low)),
                low: 0.0,
                high: share(low),
            }
        }
        Derived::TooUncertain => Derived::TooUncertain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian, allowed};

    #[test]
    fn shares_hold_the_truth_as_often_as_stated() {
        let mut dice = Dice(61);
        let truth = [900.0, 300.0, 60.0, 240.0];
        for sigma in [0.4, 4.0, 60.0, 400.0] {
            let noise = DiscreteGaussian::new(sigma);
            let misses = (0..3_000)
                .filter(|_| {
                    let mut volume = |at: usize| Estimate {
                        value: truth[at] + noise.draw(&mut dice) as f64,
                        variance: sigma * sigma,
                    };
                    let answered = [volume(0), volume(1)];
                    let missing = [Some(volume(2)), Some(volume(3))];
                    !answered_share(&answered, &missing, Confidence::P95).allows(0.8)
                })
                .count();
            assert!(misses as f64 <= allowed(3_000, 0.05), "{sigma}: {misses}");
        }
    }

    #[test]
    fn with_all_it_is_everything_and_with_strangers_nothing_is_said() {
        let one = Estimate {
            value: 10.0,
            variance: 0.0,
        };
        assert!(answered_share(&[one], &[], Confidence::P95).allows(1.0));
        assert!(!answered_share(&[one], &[], Confidence::P95).allows(0.99));
        let unknown = answered_share(&[one], &[Some(one), None], Confidence::P95);
        assert_eq!(unknown, Derived::TooUncertain);
    }
}
