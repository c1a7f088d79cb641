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

    fn volume(value: f64, variance: f64) -> Estimate {
        Estimate { value, variance }
    }

    fn between(found: Derived) -> (f64, f64, f64) {
        match found {
            Derived::Between {
                estimate,
                low,
                high,
            } => (low, estimate, high),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_noise_it_is_the_part_itself() {
        let answered = [volume(30.0, 0.0), volume(45.0, 0.0)];
        let missing = [Some(volume(20.0, 0.0)), Some(volume(5.0, 0.0))];
        let found = between(answered_share(&answered, &missing, Confidence::P95));
        assert_eq!(found, (0.75, 0.75, 0.75));
    }

    /// Noise may take a small volume below zero, and no part below nothing or above all.
    #[test]
    fn negative_and_empty_volumes_make_no_part_outside_of_its_bounds() {
        for missing in [-60.0, -5.0, 0.0, 5.0, 60.0, 5_000.0] {
            for answered in [-60.0, -5.0, 0.0, 5.0, 60.0, 5_000.0] {
                for variance in [0.0, 1.0, 400.0] {
                    let there = [volume(answered, variance)];
                    let gone = [Some(volume(missing, variance))];
                    let found = answered_share(&there, &gone, Confidence::P95);
                    if let Derived::Between {
                        estimate,
                        low,
                        high,
                    } = found
                    {
                        let inside =
                            0.0 <= low && low <= estimate && estimate <= high && high <= 1.0;
                        assert!(inside, "{answered} {missing} {variance}: {found:?}");
                    }
                    assert!(!matches!(found, Derived::AtLeast { .. }), "{found:?}");
                }
            }
        }
        // Missing ones that hold nothing, or less than their noise, take nothing away, but may hold as much as their noise hides.
        let (low, estimate, high) = between(answered_share(
            &[volume(1_000.0, 25.0)],
            &[Some(volume(-8.0, 25.0))],
            Confidence::P95,
        ));
        assert_eq!((estimate, high), (1.0, 1.0));
        assert!(0.98 < low && low < 1.0, "{low}");
    }

    /// Where nobody's volume is above its noise, all and nothing are as likely.
    #[test]
    fn volumes_that_are_noise_alone_say_nothing() {
        let noise = volume(3.0, 400.0);
        let found = answered_share(&[noise], &[Some(noise)], Confidence::P95);
        assert_eq!(found, Derived::TooUncertain);
        let nothing = volume(0.0, 0.0);
        let found = answered_share(&[nothing], &[Some(nothing)], Confidence::P95);
        assert_eq!(found, Derived::TooUncertain);
    }

    /// Those who answered may hold nothing: then at most a part is known, and zero is not left out.
    #[test]
    fn answered_volumes_within_their_noise_leave_all_downwards_open() {
        let found = answered_share(
            &[volume(4.0, 100.0)],
            &[Some(volume(2_000.0, 100.0))],
            Confidence::P95,
        );
        let (low, estimate, high) = between(found);
        assert_eq!(low, 0.0);
        assert!(estimate < 0.01 && 0.005 < high && high < 0.03, "{found:?}");
    }

    /// Whoever never released anything is not taken for somebody like the rest, however large the rest is.
    #[test]
    fn one_unknown_volume_is_never_filled_in() {
        let known = Some(volume(1.0, 0.01));
        let answered = [volume(1e9, 0.01)];
        for missing in [vec![None], vec![known, None], vec![None, known, known]] {
            let found = answered_share(&answered, &missing, Confidence::P95);
            assert_eq!(found, Derived::TooUncertain);
        }
    }
}
