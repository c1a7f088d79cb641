//! One row of a register in the words of the common model: typed, within public limits.
//! A row is borrowed from the line it was read from and is gone with the next one.

use crate::codice_fiscale::CodiceFiscale;
use crate::mapping::DateFormat;
use jiff::civil::Date;
use taxonomy::model::{Benefit, CitizenshipGroup, Need, Sex};

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

    /// Reads a date written in `format`.
    pub(crate) fn parse(text: &str, format: DateFormat) -> Option<Day> {
        let mark = match format {
            DateFormat::DaySlash => '/',
            DateFormat::DayDash | DateFormat::Iso => '-',
            DateFormat::DayDot => '.',
        };
        let mut parts = text.split(mark);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (year, month, day) = match format {
            DateFormat::Iso => (first, second, third),
            _ => (third, second, first),
        };
        let digits = |text: &str, most: usize| {
            ((1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse::<i16>().ok())?
        };
        if year.len() != 4 {
            return None;
        }
        let date = Date::new(
            digits(year, 4)?,
            digits(month, 2)? as i8,
            digits(day, 2)? as i8,
        );
        Day::of(date.ok()?)
    }
}

/// A row of one person: an event, and what the row says of the person. `None` where it says nothing.
#[derive(Debug)]
pub struct Row<'a> {
    /// Whose row it is.
    pub code: CodiceFiscale,
    /// When.
    pub day: Day,
    /// Position of the service in the taxonomy.
    pub service: u8,
    /// Quantity in hundredths.
    pub quantity: i64,
    /// Amount in cents.
    pub amount: i64,
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
    pub household: Option<&'a str>,
    /// ISEE band.
    pub income_band: Option<u8>,
    /// Grade of disability, 0 to 3.
    pub disability: Option<u8>,
    /// A need.
    pub need: Option<Need>,
    /// A benefit.
    pub benefit: Option<Benefit>,
}

/// A decimal number in hundredths. Where the mark is a comma, dots between digits group thousands,
/// and the other way round. More than two decimals are cut off: bands and equality need no more.
pub(crate) fn hundredths(text: &str, decimal_mark: char) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, decimals) = digits.split_once(decimal_mark).unwrap_or((digits, ""));
    let group = if decimal_mark == ',' { '.' } else { ',' };
    let mut value: i64 = 0;
    let mut any = false;
    for c in whole.chars() {
        if c == group && any {
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
    fn dates_read_in_their_format_only() {
        let day = |text, format| Day::parse(text, format).map(Day::date);
        assert_eq!(
            day("31/12/2025", DateFormat::DaySlash),
            Some(date(2025, 12, 31))
        );
        assert_eq!(day("1.2.2025", DateFormat::DayDot), Some(date(2025, 2, 1)));
        assert_eq!(day("2025-02-28", DateFormat::Iso), Some(date(2025, 2, 28)));
        for text in [
            "30/02/2025",
            "31/13/2025",
            "1/1/25",
            "2025/01/01",
            "01/01/1899",
            "01/01/2200",
            "",
            "a/b/cccc",
            "1/1/2025/1",
        ] {
            assert_eq!(day(text, DateFormat::DaySlash), None, "{text}");
        }
        assert_eq!(
            Day::parse("01/06/2023", DateFormat::DaySlash).map(Day::month),
            Some(123 * 12 + 5)
        );
    }

    #[test]
    fn numbers_read_with_groups_and_marks() {
        assert_eq!(hundredths("8.412,50", ','), Some(841_250));
        assert_eq!(hundredths("8,412.5", '.'), Some(841_250));
        assert_eq!(hundredths("-1,999", ','), Some(-199));
        assert_eq!(hundredths("7", ','), Some(700));
        for text in ["", "-", ",5", "1,5x", "x", ".5", "99999999999999999999"] {
            assert_eq!(hundredths(text, ','), None, "{text}");
        }
    }
}
