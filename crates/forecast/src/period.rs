//! Periods as people write them (2021-01, 2021Q1, 2021-01-31, 1981, 7): read, counted, and continued in the form
//! in which they came. It knows no time zone and no clock.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// The form of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Year, the text between, month of two digits: `2021-01`, `2021M01`, `202101`.
    Month(String),
    /// Year, the text between, quarter: `2021Q1`, `2021-Q1`.
    Quarter(String),
    /// A date, and the text after it: `2021-01-31`, `2021-01-31 00:00:00`.
    Date(String),
    /// A whole number: `1981`, `7`.
    Number,
}

/// How periods count, once all labels have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// By the label's own ordinal.
    Own,
    /// Dates by months, on this day of the month.
    MonthsOnDay(i8),
    /// Dates by months, on their last day.
    MonthEnds,
    /// Dates by days.
    Days,
}

/// Why a label is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// No form fits.
    #[error("`{0}` is no period; write it like 2021-01, 2021Q1, 2021-01-31, 2021 or 7")]
    Unknown(String),
    /// Another form than the rows before.
    #[error("`{0}` is written in another form than the rows before; write all periods alike")]
    OtherForm(String),
}

/// Reads the labels of a file, one after the other.
#[derive(Debug, Default)]
pub struct Reader {
    form: Option<Form>,
    days: Option<DaysSeen>,
}

#[derive(Debug)]
struct DaysSeen {
    only: Option<i8>,
    all_ends: bool,
}

impl Reader {
    /// The ordinal of a label: months, quarters, days or the number itself.
    pub fn read(&mut self, label: &str) -> Result<i64, PeriodError> {
        let (form, ordinal, date) =
            parse(label.trim()).ok_or_else(|| PeriodError::Unknown(label.to_owned()))?;
        if self.form.get_or_insert_with(|| form.clone()) != &form {
            return Err(PeriodError::OtherForm(label.to_owned()));
        }
        if let Some(date) = date {
            let ends = date.day() == date.days_in_month();
            let seen = self.days.get_or_insert(DaysSeen {
                only: Some(date.day()),
                all_ends: true,
            });
            seen.all_ends &= ends;
            if seen.only != Some(date.day()) {
                seen.only = None;
            }
        }
        Ok(ordinal)
    }

    /// The calendar of all labels read. `series` holds the ordinals of each series, in order.
    pub fn calendar<'a>(self, series: impl Iterator<Item = &'a [i64]> + Clone) -> Option<Calendar> {
        let form = self.form?;
        let unit = match self.days {
            None => Unit::Own,
            Some(DaysSeen { only, all_ends }) => {
                let by_months = if all_ends {
                    Some(Unit::MonthEnds)
                } else {
                    only.map(Unit::MonthsOnDay)
                };
                by_months.unwrap_or(Unit::Days)
            }
        };
        let mut calendar = Calendar {
            form,
            unit,
            step: 0,
        };
        for ordinals in series {
            for pair in ordinals.windows(2) {
                let gap = calendar.count(pair[1]) - calendar.count(pair[0]);
                calendar.step = greatest_common_divisor(calendar.step, gap.abs());
            }
        }
        calendar.step = calendar.step.max(1);
        Some(calendar)
    }
}

/// How a file counts its periods, and writes the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    form: Form,
    unit: Unit,
    /// Units between neighbouring periods.
    step: i64,
}

impl Calendar {
    /// Position of an ordinal among the calendar's units.
    fn count(&self, ordinal: i64) -> i64 {
        match self.unit {
            Unit::Own | Unit::Days => ordinal,
            Unit::MonthsOnDay(_) | Unit::MonthEnds => {
                let date = date_of(ordinal);
                i64::from(date.year()) * 12 + i64::from(date.month()) - 1
            }
        }
    }

    /// Periods from one ordinal to another.
    pub fn periods_between(&self, first: i64, last: i64) -> i64 {
        (self.count(last) - self.count(first)) / self.step
    }

    /// The label so many periods after `ordinal`. `None` beyond the years a date can have.
    pub fn label(&self, ordinal: i64, ahead: i64) -> Option<String> {
        let units = self.step.checked_mul(ahead)?;
        match &self.form {
            Form::Number => Some(ordinal.checked_add(units)?.to_string()),
            Form::Month(between) => {
                let month = ordinal + units;
                Some(format!(
                    "{:04}{between}{:02}",
                    month.div_euclid(12),
                    month.rem_euclid(12) + 1
                ))
            }
            Form::Quarter(between) => {
                let quarter = ordinal + units;
                Some(format!(
                    "{:04}{between}{}",
                    quarter.div_euclid(4),
                    quarter.rem_euclid(4) + 1
                ))
            }
            Form::Date(after) => {
                let date = date_of(ordinal);
                let date = match self.unit {
                    Unit::MonthEnds => date
                        .first_of_month()
                        .checked_add(units.months())
                        .ok()?
                        .last_of_month(),
                    Unit::MonthsOnDay(_) => date.checked_add(units.months()).ok()?,
                    Unit::Own | Unit::Days => date.checked_add(units.days()).ok()?,
                };
                Some(format!("{date}{after}"))
            }
        }
    }

    /// The season its periods suggest: 12 for months, 4 for quarters, 1 for years; `None` for plain numbers and days.
    pub fn season(&self) -> Option<usize> {
        let months = match (&self.form, self.unit) {
            (Form::Month(_), _) | (_, Unit::MonthEnds | Unit::MonthsOnDay(_)) => self.step,
            (Form::Quarter(_), _) => 3 * self.step,
            _ => return None,
        };
        Some(match months {
            1 => 12,
            3 => 4,
            _ => 1,
        })
    }
}

/// Day zero of the ordinals of dates.
fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

fn date_of(ordinal: i64) -> Date {
    // Ordinals come from dates, so the sum is one; the fallback keeps the function total.
    epoch()
        .checked_add(ordinal.days())
        .unwrap_or_else(|_| epoch())
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

fn parse(label: &str) -> Option<(Form, i64, Option<Date>)> {
    if let Some((form, ordinal)) = month_or_quarter(label) {
        return Some((form, ordinal, None));
    }
    if let Ok(number) = label.parse::<i64>() {
        return (number.abs() < 1 << 50).then_some((Form::Number, number, None));
    }
    let day = label.get(..10)?;
    let date: Date = day.parse().ok()?;
    let after = label.get(10..)?;
    if !after.is_empty() && !after.starts_with([' ', 'T']) {
        return None;
    }
    let ordinal = epoch().until((jiff::Unit::Day, date)).ok()?.get_days();
    Some((Form::Date(after.to_owned()), i64::from(ordinal), Some(date)))
}

fn month_or_quarter(label: &str) -> Option<(Form, i64)> {
    let year: i64 = label.get(..4)?.parse().ok()?;
    if !label.as_bytes()[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let rest = label.get(4..)?;
    let digits = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (between, number) = rest.split_at(rest.len() - digits);
    let number_value: i64 = number.parse().ok()?;
    match (between, digits) {
        ("Q" | "q" | "-Q" | "-q" | " Q" | " q", 1) if (1..=4).contains(&number_value) => Some((
            Form::Quarter(between.to_owned()),
            year * 4 + number_value - 1,
        )),
        // Six digits are a year and a month where they can be one.
        ("", 2) if (1..=12).contains(&number_value) && (1800..=2200).contains(&year) => {
            Some((Form::Month(String::new()), year * 12 + number_value - 1))
        }
        ("-" | "/" | "." | "M" | "m" | "-M", 2) if (1..=12).contains(&number_value) => Some((
            Form::Month(between.to_owned()),
            year * 12 + number_value - 1,
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[&str], next: &[&str], season: Option<usize>) {
        let mut reader = Reader::default();
        let ordinals: Vec<i64> = labels.iter().map(|l| reader.read(l).unwrap()).collect();
        let calendar = reader
            .calendar(std::iter::once(ordinals.as_slice()))
            .unwrap();
        let last = *ordinals.last().unwrap();
        let found: Vec<String> = (1..=next.len())
            .map(|i| calendar.label(last, i as i64).unwrap())
            .collect();
        assert_eq!(found, next);
        assert_eq!(calendar.season(), season);
    }

    #[test]
    fn continues_labels_in_their_own_form() {
        check(&["2021-11", "2021-12"], &["2022-01", "2022-02"], Some(12));
        check(&["202111", "202112"], &["202201"], Some(12));
        check(&["2021M11", "2021M12"], &["2022M01"], Some(12));
        check(&["2021Q3", "2021Q4"], &["2022Q1", "2022Q2"], Some(4));
        check(&["2021-Q4"], &["2022-Q1"], Some(4));
        check(
            &["2021-12-31", "2022-01-31"],
            &["2022-02-28", "2022-03-31"],
            Some(12),
        );
        check(&["2023-12-31", "2024-01-31"], &["2024-02-29"], Some(12));
        check(
            &["1998-03-31", "1998-06-30"],
            &["1998-09-30", "1998-12-31"],
            Some(4),
        );
        check(&["2021-11-01", "2021-12-01"], &["2022-01-01"], Some(12));
        check(
            &["2021-11-01 00:00:00", "2021-12-01 00:00:00"],
            &["2022-01-01 00:00:00"],
            Some(12),
        );
        check(&["2021-01-04", "2021-01-11"], &["2021-01-18"], None);
        check(
            &["2021-02-27", "2021-02-28", "2021-03-01"],
            &["2021-03-02"],
            None,
        );
        check(&["1980", "1981"], &["1982"], None);
        check(&["1", "2"], &["3"], None);
        check(&["2020-12-31", "2021-12-31"], &["2022-12-31"], Some(1));
    }

    #[test]
    fn counts_missing_periods() {
        let mut reader = Reader::default();
        let ordinals: Vec<i64> = ["2021-01-31", "2021-02-28", "2021-06-30"]
            .iter()
            .map(|l| reader.read(l).unwrap())
            .collect();
        let calendar = reader
            .calendar(std::iter::once(ordinals.as_slice()))
            .unwrap();
        assert_eq!(calendar.periods_between(ordinals[0], ordinals[2]), 5);
    }

    #[test]
    fn refuses_what_is_no_period_and_what_changes_form() {
        let mut reader = Reader::default();
        assert!(matches!(reader.read("soon"), Err(PeriodError::Unknown(_))));
        assert!(matches!(
            reader.read("2021-13-01"),
            Err(PeriodError::Unknown(_))
        ));
        reader.read("2021-01").unwrap();
        assert!(matches!(
            reader.read("2021Q1"),
            Err(PeriodError::OtherForm(_))
        ));
    }
}
