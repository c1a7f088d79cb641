//! Months and days of the city's five years, on the proleptic Gregorian calendar.
//! It knows no clock and no time zone.

use std::fmt;
use std::str::FromStr;

use crate::CityError;

/// A calendar month, counted as `(year - 1900) * 12 + (month - 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub u16);

impl Month {
    /// The first month of service events, January 2021.
    pub const FIRST: Self = Self::of(2021, 1);
    /// The last month of service events, December 2025.
    pub const LAST: Self = Self::of(2025, 12);

    /// The month of a year (1900 or later) and a month number 1..=12.
    pub const fn of(year: u16, month: u16) -> Self {
        Self((year - 1900) * 12 + month - 1)
    }

    /// The month a day lies in, counted from 1 January 1970; January 1900 for earlier ones.
    pub fn of_day(day: i32) -> Self {
        month_of(day)
    }

    /// The year.
    pub fn year(self) -> u16 {
        1900 + self.0 / 12
    }

    /// The month number, 1..=12.
    pub fn number(self) -> u16 {
        self.0 % 12 + 1
    }

    /// The quarter it lies in, as `2025-Q3`.
    pub fn quarter(self) -> String {
        format!("{:04}-Q{}", self.year(), (self.number() - 1) / 3 + 1)
    }

    /// Completed years of age at this month's last day of somebody born in `birth`; 0 before birth.
    pub fn age_of(self, birth: Self) -> u16 {
        self.0.saturating_sub(birth.0) / 12
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year(), self.number())
    }
}

impl FromStr for Month {
    type Err = CityError;

    /// Reads `YYYY-MM`.
    ///
    /// # Errors
    /// [`CityError::InvalidMonth`] for anything else, years before 1900 included.
    fn from_str(text: &str) -> Result<Self, CityError> {
        let parsed = text.split_once('-').and_then(|(year, month)| {
            let digits = |part: &str, count: usize| {
                (part.len() == count && part.bytes().all(|b| b.is_ascii_digit()))
                    .then(|| part.parse::<u16>().ok())?
            };
            Some((digits(year, 4)?, digits(month, 2)?))
        });
        match parsed {
            Some((year @ 1900..=2999, month @ 1..=12)) => Ok(Self::of(year, month)),
            _ => Err(CityError::InvalidMonth),
        }
    }
}

/// Day 0 of this module: days are counted from 1 January 1970.
pub(crate) const WINDOW_START: i32 = 18_628;

/// Year, month 1..=12 and day 1..=31 of a day (Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn civil(day: i32) -> (i32, u32, u32) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    } as u32;
    (year_of_era + era * 400 + i32::from(month <= 2), month, day)
}

/// [`civil`], so many years later: the same day of the same month, or the last day of February.
pub(crate) fn civil_later(day: i32, years: i32) -> (i32, u32, u32) {
    let (year, month, of_month) = civil(day);
    let year = year + years;
    let there = civil(day_of(year, month, of_month)).1 == month;
    (year, month, if there { of_month } else { of_month - 1 })
}

/// The day of a valid year, month and day of month.
pub(crate) fn day_of(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted_month = (month as i32 + 9) % 12;
    let of_year = (153 * shifted_month + 2) / 5 + day as i32 - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The month a day lies in; days before 1900 give January 1900.
pub(crate) fn month_of(day: i32) -> Month {
    let (year, month, _) = civil(day);
    if year < 1900 {
        Month(0)
    } else {
        Month::of(year as u16, month as u16)
    }
}

/// First day of the `index`-th month of the window (0 = January 2021).
pub(crate) fn window_day(index: usize) -> i32 {
    day_of(2021 + (index / 12) as i32, (index % 12) as u32 + 1, 1)
}

/// Number of months from [`Month::FIRST`] to [`Month::LAST`], both included.
pub(crate) const WINDOW_MONTHS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_invert_each_other() {
        assert_eq!(day_of(1970, 1, 1), 0);
        assert_eq!(day_of(2021, 1, 1), WINDOW_START);
        assert_eq!(civil(day_of(2024, 2, 29)), (2024, 2, 29));
        assert_eq!(civil_later(day_of(2024, 2, 29), 1), (2025, 2, 28));
        assert_eq!(civil_later(day_of(2024, 2, 29), 4), (2028, 2, 29));
        assert_eq!(civil_later(day_of(2023, 12, 31), 2), (2025, 12, 31));
        for day in -30_000..30_000 {
            let (y, m, d) = civil(day);
            assert_eq!(day_of(y, m, d), day);
        }
    }

    #[test]
    fn born_in_june_1948_is_75_in_june_2023() {
        let birth: Month = "1948-06".parse().unwrap();
        assert_eq!(Month::of(2023, 5).age_of(birth), 74);
        assert_eq!(Month::of(2023, 6).age_of(birth), 75);
    }

    #[test]
    fn months_read_what_they_write_and_refuse_the_rest() {
        assert_eq!("2025-12".parse::<Month>().unwrap(), Month::LAST);
        assert_eq!(Month::LAST.to_string(), "2025-12");
        assert_eq!(Month::of(2025, 7).quarter(), "2025-Q3");
        for bad in [
            "", "2025", "2025-13", "2025-00", "25-01", "2025-1", "+025-01", "1899-12",
        ] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
