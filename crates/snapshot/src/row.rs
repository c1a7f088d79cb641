//! One row of a register in the words of the common model: typed, within public limits.
//! A row lives as long as the block of lines it was read from; of it, only what a snapshot keeps goes on.

use crate::mapping::sha256;
use crate::notation::{DateFormat, Marks};
use crate::person_key::PersonKey;
use jiff::civil::Date;
use std::fmt;
use taxonomy::model::{Benefit, CitizenshipGroup, Dwelling, HouseholdRole, Need, Occupation, Sex};

/// A day between 1900 and 2199, in an order that is that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// The day of a date; `None` outside 1900 to 2199.
    pub fn of(date: Date) -> Option<Day> {
        let year = u32::try_from(date.year())
            .ok()
            .filter(|year| (1900..2200).contains(year))?;
        Some(Day(
            ((year - 1900) * 12 + date.month() as u32 - 1) * 32 + date.day() as u32
        ))
    }

    /// Months since January 1900, as in `query::Month::index`.
    pub fn month(self) -> u16 {
        (self.0 / 32) as u16
    }

    /// The calendar date.
    pub fn date(self) -> Date {
        let month = i16::try_from(self.0 / 32).unwrap_or(0);
        // Unwrap safety: a day is only made from a date, by `of`.
        Date::new(
            1900 + month / 12,
            (month % 12) as i8 + 1,
            (self.0 % 32) as i8,
        )
        .expect("a day made from a date")
    }

    /// Its number, below 2^17.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The day with this number; for numbers that [`Day::number`] gave.
    pub(crate) fn from_number(number: u32) -> Day {
        Day(number)
    }

    /// Reads a date written in `format`, alone or with a time of day after it, which is left out.
    pub fn read(text: &str, format: DateFormat) -> Option<Day> {
        Day::with_time(text, |date| Day::parse(date, format))
    }

    /// Reads a date of birth: as [`Day::read`], but a year of two digits is the last one in which the person was born by `event`.
    pub(crate) fn read_birth(text: &str, format: DateFormat, event: Day) -> Option<Day> {
        Day::with_time(text, |date| {
            let parts = Parts::of(date, format)?;
            let day = parts.day(THIS_CENTURY)?;
            match parts.short && day > event {
                true => parts.day(THIS_CENTURY - 100),
                false => Some(day),
            }
        })
    }

    fn with_time(text: &str, parse: impl Fn(&str) -> Option<Day>) -> Option<Day> {
        parse(text).or_else(|| {
            let (date, time) = text.split_once([' ', 'T'])?;
            let is_time = time.len() >= 4
                && time.starts_with(|c: char| c.is_ascii_digit())
                && time
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || b":.+-Z ".contains(&byte))
                && time.contains(':');
            is_time.then(|| parse(date)).flatten()
        })
    }

    /// Reads a date written in `format`.
    pub(crate) fn parse(text: &str, format: DateFormat) -> Option<Day> {
        Parts::of(text, format)?.day(THIS_CENTURY)
    }
}

/// The century of a year of two digits.
const THIS_CENTURY: u32 = 2000;

/// Day, month and year as they are written.
struct Parts {
    day: u32,
    month: u32,
    year: u32,
    /// Whether the year has two digits.
    short: bool,
}

impl Parts {
    fn of(text: &str, format: DateFormat) -> Option<Parts> {
        // Three numbers of at most four digits between two marks that are alike.
        let (mut parts, mut lengths, mut part, mut mark) = ([0u32; 3], [0u32; 3], 0, None);
        for byte in text.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                lengths[part] += 1;
                if lengths[part] > 4 {
                    return None;
                }
                parts[part] = parts[part] * 10 + u32::from(digit);
            } else {
                part += 1;
                if part == parts.len()
                    || !b"/-.".contains(&byte)
                    || *mark.get_or_insert(byte) != byte
                {
                    return None;
                }
            }
        }
        let year_first = matches!(format, DateFormat::Iso | DateFormat::YearSlash);
        let short = match lengths {
            [4, 1..=2, 1..=2] => {
                parts.reverse();
                false
            }
            [1..=2, 1..=2, 4] if !year_first => false,
            [1..=2, 1..=2, 2] if format == DateFormat::DayShort => true,
            _ => return None,
        };
        let [day, month, year] = parts;
        Some(Parts {
            day,
            month,
            year,
            short,
        })
    }

    /// The day, a year of two digits being one of `century`; `None` where there is no such day.
    fn day(&self, century: u32) -> Option<Day> {
        let year = self.year + if self.short { century } else { 0 };
        let exists = (1900..2200).contains(&year)
            && (1..=12).contains(&self.month)
            && (1..=days_in(year, self.month)).contains(&self.day);
        exists.then(|| Day(((year - 1900) * 12 + self.month - 1) * 32 + self.day))
    }
}

/// The days of a month, 1 to 12, of the Gregorian calendar.
fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The register's own household number, for as long as a snapshot is built. The order of two of them follows from
/// them alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HouseholdId([u8; 16]);

impl HouseholdId {
    /// Numbers of up to 15 bytes as they are, with their length; longer ones by the beginning of their SHA-256.
    pub(crate) fn of(text: &str) -> HouseholdId {
        let mut id = [0; 16];
        match id.get_mut(..text.len()).filter(|_| text.len() < 16) {
            Some(place) => {
                place.copy_from_slice(text.as_bytes());
                id[15] = text.len() as u8;
            }
            None => {
                id = sha256(text.as_bytes()).first_chunk().copied().unwrap_or(id);
                id[15] = u8::MAX;
            }
        }
        HouseholdId(id)
    }

    /// The same as a number, for sorting.
    pub(crate) fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

/// Never the register's own number.
impl fmt::Debug for HouseholdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HouseholdId(..)")
    }
}

/// A row of one person: an event, and what the row says of the person. `None` where it says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Whose row it is.
    pub person: PersonKey,
    /// When.
    pub day: Day,
    /// Position of the service in the taxonomy.
    pub service: u8,
    /// Quantity in hundredths, up to where 32 bits end.
    pub quantity: i32,
    /// Amount in cents, up to where 32 bits end.
    pub amount: i32,
    /// Recorded sex.
    pub sex: Option<Sex>,
    /// Date of birth.
    pub birth: Option<Day>,
    /// Group of citizenships.
    pub citizenship: Option<CitizenshipGroup>,
    /// A NIL of the city.
    pub nil: Option<u16>,
    /// A municipio, 1 to 9.
    pub municipio: Option<u8>,
    /// The register's household number.
    pub household: Option<HouseholdId>,
    /// ISEE band.
    pub income_band: Option<u8>,
    /// Grade of disability, 0 to 3.
    pub disability: Option<u8>,
    /// A need.
    pub need: Option<Need>,
    /// A benefit.
    pub benefit: Option<Benefit>,
    /// Whether the person's address is protected.
    pub protected: bool,
    /// Place in the household.
    pub role: Option<HouseholdRole>,
    /// Whether the person cares for a relative.
    pub carer: Option<bool>,
    /// Condition in work and study.
    pub occupation: Option<Occupation>,
    /// Where the person lives.
    pub dwelling: Option<Dwelling>,
}

/// An amount in hundredths, alone or with the sign of the euro.
pub(crate) fn amount(text: &str, marks: Marks) -> Option<i64> {
    hundredths(text, marks).or_else(|| {
        let bare = text.trim_matches(['€', ' ', '\u{a0}']);
        let bare = bare
            .strip_prefix("EUR")
            .or(bare.strip_suffix("EUR"))
            .unwrap_or(bare);
        hundredths(bare.trim(), marks)
    })
}

/// A decimal number in hundredths. More than two decimals are cut off: bands and equality need no more.
fn hundredths(text: &str, marks: Marks) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, decimals) = digits.split_once(marks.decimal).unwrap_or((digits, ""));
    let mut value: i64 = 0;
    let mut any = false;
    for c in whole.chars() {
        if c == marks.thousands && any {
            continue;
        }
        value = value
            .checked_mul(10)?
            .checked_add(i64::from(c.to_digit(10)?))?;
        any = true;
    }
    if !any || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    for position in 0..2 {
        let digit = decimals
            .as_bytes()
            .get(position)
            .map_or(0, |byte| byte - b'0');
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_read_in_their_order_only() {
        let day = |text, format| Day::parse(text, format).map(Day::date);
        assert_eq!(
            day("31/12/2025", DateFormat::DaySlash),
            Some(date(2025, 12, 31))
        );
        assert_eq!(day("1.2.2025", DateFormat::DayDot), Some(date(2025, 2, 1)));
        assert_eq!(day("2025-02-28", DateFormat::Iso), Some(date(2025, 2, 28)));
        // Every day there is, and none that is not, as the calendar has them.
        for (year, month, of) in (1899..=2200)
            .flat_map(|year| (0..=13).map(move |month| (year, month)))
            .flat_map(|(year, month)| (0..=32).map(move |of| (year, month, of)))
        {
            let expected = Date::new(year, month, of).ok().and_then(Day::of);
            let text = format!("{of}/{month}/{year}");
            assert_eq!(Day::parse(&text, DateFormat::DaySlash), expected, "{text}");
        }
        for text in [
            "30/02/2025",
            "31/13/2025",
            "1/1/25",
            "1/1-2025",
            "01/01/1899",
            "01/01/2200",
            "",
            "a/b/cccc",
            "1/1/2025/1",
            "001/1/2025",
            "1/1/02025",
            "1/1",
            "//2025",
            "1//2025",
            "+1/1/2025",
        ] {
            assert_eq!(day(text, DateFormat::DaySlash), None, "{text}");
        }
        for (text, format) in [
            ("31/12/2025 23:59", DateFormat::DaySlash),
            ("2025-12-31T00:00:00Z", DateFormat::Iso),
            ("2025-12-31 00:00:00.000 +01:00", DateFormat::Iso),
            ("2025/12/31", DateFormat::YearSlash),
        ] {
            let read = Day::read(text, format).map(Day::date);
            assert_eq!(read, Some(date(2025, 12, 31)), "{text}");
        }
        // The order counts, not the mark; four digits before all others are a year.
        for text in ["5-3-2026", "05.03.2026", "2026-03-05", "2026/3/5"] {
            let read = day(text, DateFormat::DaySlash);
            assert_eq!(read, Some(date(2026, 3, 5)), "{text}");
        }
        for text in ["05/03/2026", "05-03-2026", "05/03/26"] {
            assert_eq!(day(text, DateFormat::Iso), None, "{text}");
        }
        for text in [
            "31/12/2025 x",
            "31/12/2025 12",
            "31/12/2025 ",
            "31/12/2025 1;00",
        ] {
            assert_eq!(Day::read(text, DateFormat::DaySlash), None, "{text}");
        }
        assert_eq!(
            Day::parse("01/06/2023", DateFormat::DaySlash).map(Day::month),
            Some(123 * 12 + 5)
        );
    }

    #[test]
    fn years_of_two_digits_are_read_where_they_are_declared() {
        let read = |text| Day::read(text, DateFormat::DayShort).map(Day::date);
        assert_eq!(read("08.01.25"), Some(date(2025, 1, 8)));
        assert_eq!(read("08/01/2025 10:30"), Some(date(2025, 1, 8)));
        assert_eq!(read("08/01/125"), None);
        let event = Day::of(date(2025, 6, 30)).expect("a day");
        let born = |text| Day::read_birth(text, DateFormat::DayShort, event).map(Day::date);
        assert_eq!(born("1/7/25"), Some(date(1925, 7, 1)));
        assert_eq!(born("30/6/25"), Some(date(2025, 6, 30)));
        assert_eq!(born("18/11/39"), Some(date(1939, 11, 18)));
        // Four digits mean what they say.
        assert_eq!(born("1/7/2025"), Some(date(2025, 7, 1)));
        // The leap day of 2000 had none a century before.
        assert_eq!(born("29/02/00"), Some(date(2000, 2, 29)));
        assert_eq!(born("30/02/39"), None);
    }

    #[test]
    fn household_numbers_are_told_apart_whatever_their_length() {
        let texts = [
            "",
            "1",
            "01",
            "1\0",
            "123456789012345",
            "1234567890123456",
            "1234567890123457",
        ];
        for (one, a) in texts.iter().enumerate() {
            for (other, b) in texts.iter().enumerate() {
                assert_eq!(
                    HouseholdId::of(a) == HouseholdId::of(b),
                    one == other,
                    "{a} {b}"
                );
            }
        }
        assert_eq!(format!("{:?}", HouseholdId::of("12")), "HouseholdId(..)");
    }

    #[test]
    fn numbers_read_with_groups_and_marks() {
        let hundredths = |text, mark| amount(text, Marks::of(mark));
        assert_eq!(hundredths("€ 1.234,50", ','), Some(123_450));
        assert_eq!(hundredths("12,50 €", ','), Some(1_250));
        assert_eq!(hundredths("EUR 7", ','), Some(700));
        assert_eq!(hundredths("8.412,50", ','), Some(841_250));
        assert_eq!(hundredths("8,412.5", '.'), Some(841_250));
        assert_eq!(hundredths("-1,999", ','), Some(-199));
        assert_eq!(hundredths("7", ','), Some(700));
        let spaced = Marks {
            decimal: ',',
            thousands: ' ',
        };
        assert_eq!(amount("1 234,50", spaced), Some(123_450));
        assert_eq!(amount("1.234,50", spaced), None);
        for text in ["", "-", ",5", "1,5x", "x", ".5", "99999999999999999999"] {
            assert_eq!(hundredths(text, ','), None, "{text}");
        }
    }
}
