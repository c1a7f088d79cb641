//! Days and hours as people in Italy live them: when a day begins, and whether somebody is expected at work.
//! The rule of the Union's summer time (Directive 2000/84/EC) needs no table of zones.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const ITALY: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
/// When people are expected to ask: from and until this hour of Monday to Friday.
const HOURS: std::ops::Range<i8> = 7..20;

fn zone() -> TimeZone {
    TimeZone::posix(ITALY).unwrap_or(TimeZone::UTC)
}

/// The first second of a day, `YYYY-MM-DD`, and the first second after it, Unix time.
pub fn day(text: &str) -> Option<(i64, i64)> {
    let date: Date = text.parse().ok()?;
    let midnight = |date: Date| Some(date.to_zoned(zone()).ok()?.timestamp().as_second());
    Some((midnight(date)?, midnight(date.checked_add(1.day()).ok()?)?))
}

/// Whether a second lies outside the hours in which people are expected to ask.
pub fn is_unusual(at: i64) -> bool {
    let Ok(at) = Timestamp::from_second(at) else {
        return false;
    };
    let local = at.to_zoned(zone());
    let weekend = matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
    weekend || !HOURS.contains(&local.hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let at: Timestamp = text.parse().expect("a time");
        at.as_second()
    }

    #[test]
    fn hours_are_those_of_italy_summer_and_winter() {
        // Wednesdays: 06:30 UTC is 08:30 in July and 07:30 in January; 05:30 UTC is 07:30 and 06:30.
        assert!(!is_unusual(at("2026-07-15T06:30:00Z")));
        assert!(!is_unusual(at("2026-01-14T06:30:00Z")));
        assert!(!is_unusual(at("2026-07-15T05:30:00Z")));
        assert!(is_unusual(at("2026-01-14T05:30:00Z")));
        // 18:30 UTC is 20:30 in July and 19:30 in January.
        assert!(is_unusual(at("2026-07-15T18:30:00Z")));
        assert!(!is_unusual(at("2026-01-14T18:30:00Z")));
        // A Sunday at noon.
        assert!(is_unusual(at("2026-07-19T10:00:00Z")));
    }

    #[test]
    fn days_begin_at_midnight_in_italy_and_may_last_23_or_25_hours() {
        let expected = (at("2026-07-14T22:00:00Z"), at("2026-07-15T22:00:00Z"));
        assert_eq!(day("2026-07-15"), Some(expected));
        let hours = |text: &str| day(text).map(|(from, until)| (until - from) / 3_600);
        assert_eq!(hours("2026-03-29"), Some(23));
        assert_eq!(hours("2026-10-25"), Some(25));
        assert_eq!(day("2026-02-30"), None);
        assert_eq!(day("yesterday"), None);
    }
}
