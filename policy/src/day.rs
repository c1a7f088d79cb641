//! Days of the calendar, UTC, as policies state their validity.
//! A day is compared as a whole number, never as text.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Seconds of a day.
const SECONDS: i64 = 86_400;

/// A day from 1970 to 9999, as the number of days since 1 January 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// The day of a moment in Unix seconds; the first day for earlier ones.
    pub fn of(now: i64) -> Day {
        Day(u32::try_from(now.div_euclid(SECONDS).max(0)).unwrap_or(u32::MAX))
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Day> {
        // The date reader takes further spellings; a policy has one.
        if text.len() != 10 || !text.is_ascii() {
            return None;
        }
        let date: jiff::civil::Date = text.parse().ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        let days = midnight.as_second().div_euclid(SECONDS);
        u32::try_from(days).ok().map(Day)
    }

    /// Days since 1 January 1970.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(i64::from(self.0) * SECONDS) {
            Ok(at) => write!(f, "{}", at.to_zoned(jiff::tz::TimeZone::UTC).date()),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"})
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = String::deserialize(deserializer)?;
        Day::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("write a day as \"2026-12-31\", in quotes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_compared_and_written() {
        let day = Day::parse("2026-03-01").expect("a day");
        assert_eq!(day.number(), 20_513);
        assert_eq!(Day::of(20_513 * SECONDS + SECONDS - 1), day);
        assert_eq!(Day::of(-1), Day(0));
        assert_eq!(day.to_string(), "2026-03-01");
        for text in [
            "2026-02-29",
            "2026-3-01",
            "20260301",
            "1969-12-31",
            "2026-03-01 ",
            "２026-03-0",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
