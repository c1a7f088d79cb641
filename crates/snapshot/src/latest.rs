//! The latest statement about a person: day and value in one integer, so that the later, or on one day the greater, wins.
//! Which of two wins depends on these two alone, never on the order in which rows come.

use crate::row::Day;

/// A day and a value below 2^15 in 32 bits: the day's 17 above the value's 15. Nothing is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latest(u32);

/// Bits of a value, which is stored plus one.
const VALUE_BITS: u32 = 15;

impl Latest {
    /// Takes in what a row of `day` says; values are below `2^15 - 1`.
    pub(crate) fn note(&mut self, day: Day, value: Option<u16>) {
        if let Some(value) = value {
            debug_assert!(u32::from(value) + 1 < 1 << VALUE_BITS);
            self.0 = self
                .0
                .max(day.number() << VALUE_BITS | (u32::from(value) + 1));
        }
    }

    /// The value that won.
    pub(crate) fn value(self) -> Option<u16> {
        ((self.0 & ((1 << VALUE_BITS) - 1)) as u16).checked_sub(1)
    }
}

/// The same for values of 32 bits less one, such as days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LatestWide(u64);

impl LatestWide {
    /// Takes in what a row of `day` says; values are below `2^32 - 1`.
    pub(crate) fn note(&mut self, day: Day, value: Option<u32>) {
        if let Some(value) = value {
            self.0 = self
                .0
                .max(u64::from(day.number()) << 32 | (u64::from(value) + 1));
        }
    }

    /// The value that won.
    pub(crate) fn value(self) -> Option<u32> {
        (self.0 as u32).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_later_day_wins_and_on_one_day_the_greater_value_in_any_order() {
        let day = |of| Day::of(date(2024, 1, of)).expect("a day");
        let last = Day::of(date(2199, 12, 31)).expect("a day");
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let said = [(day(1), 9), (day(2), 0), (day(2), 4)];
            let (mut latest, mut wide) = (Latest::default(), LatestWide::default());
            assert_eq!((latest.value(), wide.value()), (None, None));
            for (day, value) in order.map(|index| said[index]) {
                latest.note(day, Some(value));
                latest.note(last, None);
                wide.note(day, Some(u32::from(value)));
                wide.note(last, None);
            }
            assert_eq!((latest.value(), wide.value()), (Some(4), Some(4)));
            latest.note(last, Some(0x7ffd));
            wide.note(last, Some(u32::MAX - 1));
            assert_eq!(
                (latest.value(), wide.value()),
                (Some(0x7ffd), Some(u32::MAX - 1))
            );
        }
    }
}
