//! How dates and numbers that a source keeps as such are written for the mapping: as the mapping says the register does.
//! So a spreadsheet with dates in some cells and texts in others reads as one.

use snapshot::{DateFormat, Mapping, Marks};
use std::fmt::Write;

/// How to write dates and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notation {
    /// Dates.
    pub dates: DateFormat,
    /// Numbers.
    pub marks: Marks,
}

impl Notation {
    /// ISO dates and decimal points.
    pub const PLAIN: Notation = Notation {
        dates: DateFormat::Iso,
        marks: Marks {
            decimal: '.',
            thousands: ',',
        },
    };

    /// As people in Italy write both.
    pub const ITALIAN: Notation = Notation {
        dates: DateFormat::DaySlash,
        marks: Marks {
            decimal: ',',
            thousands: '.',
        },
    };

    /// That of a mapping.
    pub fn of(mapping: &Mapping) -> Notation {
        Notation {
            dates: mapping.date_format(),
            marks: mapping.marks(),
        }
    }

    /// Writes a day.
    pub(crate) fn date(self, year: i64, month: u8, day: u8, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self.dates {
            DateFormat::Iso => write!(text, "{year:04}-{month:02}-{day:02}"),
            DateFormat::YearSlash => write!(text, "{year:04}/{month:02}/{day:02}"),
            DateFormat::DaySlash | DateFormat::DayShort => {
                write!(text, "{day:02}/{month:02}/{year:04}")
            }
            DateFormat::DayDash => write!(text, "{day:02}-{month:02}-{year:04}"),
            DateFormat::DayDot => write!(text, "{day:02}.{month:02}.{year:04}"),
        };
    }

    /// Writes a day given as days since 1 January 1970.
    pub(crate) fn days(self, days: i64, text: &mut String) {
        let (year, month, day) = civil(days);
        self.date(year, month, day, text);
    }

    /// Writes the day of an ISO date or time, and anything else as it is.
    pub(crate) fn iso_date(self, written: &str, text: &mut String) {
        let part = |range| written.get(range).and_then(|part: &str| part.parse().ok());
        let shaped =
            written.as_bytes().get(4) == Some(&b'-') && written.as_bytes().get(7) == Some(&b'-');
        match (part(0..4), part(5..7), part(8..10)) {
            (Some(year), Some(month), Some(day)) if shaped => {
                self.date(year, month as u8, day as u8, text);
            }
            _ => text.push_str(written),
        }
    }

    /// Writes a number that has a decimal point where it has decimals, and no grouping.
    pub(crate) fn number(self, written: &str, text: &mut String) {
        let point = |c: char| if c == '.' { self.marks.decimal } else { c };
        text.extend(written.chars().map(point));
    }

    /// Writes a number kept in binary: whole ones without decimals.
    pub(crate) fn float(self, value: f64, text: &mut String) {
        let start = text.len();
        // Writing to a string cannot fail.
        let _ = write!(text, "{value}");
        if self.marks.decimal != '.' {
            let written = text.split_off(start);
            self.number(&written, text);
        }
    }
}

/// Year, month and day of a number of days since 1 January 1970, of the Gregorian calendar.
///
/// Source: H. Hinnant, 'chrono-compatible low-level date algorithms'.
fn civil(days: i64) -> (i64, u8, u8) {
    // A day beyond all calendars is no date whatever is written; it must only not overflow.
    let days = days.clamp(-1_000_000_000, 1_000_000_000) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(-25_567), (1900, 1, 1));
        civil(i64::MIN);
        civil(i64::MAX);
        // One after the other, as a calendar counts.
        let mut last = civil(-30_000);
        for days in -29_999..60_000 {
            let now = civil(days);
            let next = (last.0, last.1, last.2 + 1) == now
                || (last.0, last.1 + 1, 1) == now
                || (last.0 + 1, 1, 1) == now && last.1 == 12;
            assert!(next && last.2 <= 31, "{last:?} {now:?}");
            last = now;
        }
    }

    #[test]
    fn dates_and_numbers_are_written_as_the_mapping_says() {
        let italian = Notation {
            dates: DateFormat::DaySlash,
            marks: Marks::of(','),
        };
        let written = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            write(&mut text);
            text
        };
        assert_eq!(written(&|text| italian.days(0, text)), "01/01/1970");
        assert_eq!(
            written(&|text| italian.iso_date("2024-02-29 10:00:00", text)),
            "29/02/2024"
        );
        assert_eq!(
            written(&|text| italian.iso_date("sometime", text)),
            "sometime"
        );
        assert_eq!(
            written(&|text| italian.iso_date("2024-0è-29", text)),
            "2024-0è-29"
        );
        assert_eq!(written(&|text| italian.number("1234.50", text)), "1234,50");
        assert_eq!(written(&|text| italian.float(12.0, text)), "12");
        assert_eq!(written(&|text| italian.float(0.5, text)), "0,5");
        assert_eq!(
            written(&|text| Notation::PLAIN.float(-151_460_000_236.0, text)),
            "-151460000236"
        );
    }
}
