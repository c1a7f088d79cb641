//! When a budget will be used up at the pace of the past, from dates and amounts of charges alone.
//! It is integer arithmetic on what was charged; it decides nothing and reads no clock.

use crate::NanoRho;

/// How far back the recent pace looks.
pub const RECENT_SECONDS: i64 = 90 * DAY;
/// The shortest past over which a pace is taken.
const LEAST_SECONDS: i64 = 30 * DAY;
const DAY: i64 = 86_400;

/// Over which past a pace is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The last 90 days.
    Recent,
    /// Since the first charge.
    SinceFirst,
}

/// When a budget will be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhaustion {
    /// Nothing is left.
    UsedUp,
    /// At this time, unix seconds.
    At(i64),
    /// Not before its period ends.
    NotInPeriod,
    /// Nothing was charged in the past that is looked at, so no time follows from it.
    NoPace,
}

/// When `left` is used up after `now`, if it goes on as in `charges` (time and amount, in any order) over the past that
/// `pace` names; `until` is where the budget's period ends, if it has one.
///
/// With `spent` charged over `window` seconds the time is `now + floor(left * window / spent)`. The window begins 90 days ago
/// or at the first charge, whichever is later, and is taken for 30 days at least, so that the first charges of a young account,
/// a cube of the whole past among them, are not taken for a habit.
pub fn exhaustion(
    charges: &[(i64, NanoRho)],
    left: NanoRho,
    pace: Pace,
    now: i64,
    until: Option<i64>,
) -> Exhaustion {
    if left == NanoRho::ZERO {
        return Exhaustion::UsedUp;
    }
    let past = charges.iter().filter(|(at, _)| *at <= now);
    let Some(first) = past.clone().map(|(at, _)| *at).min() else {
        return Exhaustion::NoPace;
    };
    let since = match pace {
        Pace::Recent => first.max(now.saturating_sub(RECENT_SECONDS)),
        Pace::SinceFirst => first,
    };
    let spent: u128 = past
        .filter(|(at, _)| *at >= since)
        .map(|(_, rho)| u128::from(rho.nano()))
        .sum();
    if spent == 0 {
        return Exhaustion::NoPace;
    }
    let window = now.saturating_sub(since).max(LEAST_SECONDS).unsigned_abs();
    let seconds = u128::from(left.nano()) * u128::from(window) / spent;
    let at = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| now.checked_add(seconds));
    match (at, until) {
        (None, Some(_)) => Exhaustion::NotInPeriod,
        (Some(at), Some(until)) if at >= until => Exhaustion::NotInPeriod,
        // Beyond every calendar is as good as never.
        (None, None) => Exhaustion::NoPace,
        (Some(at), _) => Exhaustion::At(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_750_000_000;

    fn at(days_ago: i64, nano: u64) -> (i64, NanoRho) {
        (NOW - days_ago * DAY, NanoRho::new(nano))
    }

    fn days(charges: &[(i64, NanoRho)], left: u64, pace: Pace) -> Exhaustion {
        exhaustion(charges, NanoRho::new(left), pace, NOW, None)
    }

    #[test]
    fn what_was_spent_in_90_days_lasts_90_days_more() {
        let charges = [at(400, 1_000), at(90, 40), at(1, 60)];
        assert_eq!(
            days(&charges, 100, Pace::Recent),
            Exhaustion::At(NOW + RECENT_SECONDS)
        );
        // 1,100 in 400 days.
        assert_eq!(
            days(&charges, 1_100, Pace::SinceFirst),
            Exhaustion::At(NOW + 400 * DAY)
        );
    }

    #[test]
    fn a_young_account_is_looked_at_since_its_first_charge_and_over_30_days_at_least() {
        assert_eq!(
            days(&[at(40, 10)], 20, Pace::Recent),
            Exhaustion::At(NOW + 80 * DAY)
        );
        assert_eq!(
            days(&[(NOW - 5, NanoRho::new(10))], 10, Pace::Recent),
            Exhaustion::At(NOW + 30 * DAY)
        );
    }

    #[test]
    fn without_a_pace_no_time_is_named() {
        assert_eq!(days(&[], 1, Pace::SinceFirst), Exhaustion::NoPace);
        assert_eq!(days(&[at(91, 5)], 1, Pace::Recent), Exhaustion::NoPace);
        assert_eq!(days(&[at(-1, 5)], 1, Pace::Recent), Exhaustion::NoPace);
        assert_eq!(days(&[at(1, 0)], 1, Pace::Recent), Exhaustion::NoPace);
        assert_eq!(days(&[at(1, 5)], 0, Pace::Recent), Exhaustion::UsedUp);
        let slow = [at(1_000, 1)];
        assert_eq!(days(&slow, u64::MAX, Pace::SinceFirst), Exhaustion::NoPace);
    }

    #[test]
    fn a_period_that_ends_first_is_not_used_up() {
        let until = |days: i64| {
            exhaustion(
                &[at(40, 10)],
                NanoRho::new(20),
                Pace::Recent,
                NOW,
                Some(NOW + days * DAY),
            )
        };
        assert_eq!(until(80), Exhaustion::NotInPeriod);
        assert_eq!(until(81), Exhaustion::At(NOW + 80 * DAY));
    }

    #[test]
    fn the_order_of_charges_does_not_matter() {
        let mut charges = vec![at(80, 3), at(2, 7), at(30, 11), at(200, 5)];
        let forward = days(&charges, 1_000, Pace::Recent);
        charges.reverse();
        assert_eq!(days(&charges, 1_000, Pace::Recent), forward);
    }
}
