//! Periods as people write them (2021-01, gen 2021, 2021Q1, 2021-W05, 2021-01-31, 31/01/2021, 1981, 7): read, counted, and
//! continued in the form in which they came. It knows no time zone and no clock.

mod label;

use jiff::Span;
use label::{Counts, Form, date_of};

/// How periods count, once all labels have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// By the label's own ordinal.
    Own,
    /// Dates by months, on this day of the month.
    MonthsOnDay(i8),
    /// Dates by months, on their last day.
    MonthEnds,
    /// Years, by ordinals of months.
    YearsOfMonths,
}

/// Why a label is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// No form fits.
    #[error(
        "`{0}` is no period; write it like 2021-01, gen 2021, 2021Q1, 2021-W05, 2021-01-31, 31/01/2021, 2021 or 7"
    )]
    Unknown(String),
    /// Another form than the rows before.
    #[error("`{0}` is written in another form than the rows before; write all periods alike")]
    OtherForm(String),
}

/// Reads the labels of a file, one after the other.
#[derive(Debug, Default)]
pub struct Reader {
    /// The forms that all labels so far have.
    forms: Vec<Form>,
    days: Option<DaysSeen>,
    /// A number that is no year came by.
    is_plain: bool,
    /// The ordinal of the first label.
    first: Option<i64>,
    /// Another period than the first came by.
    are_several: bool,
}

#[derive(Debug)]
struct DaysSeen {
    only: Option<i8>,
    all_ends: bool,
}

/// Numbers that are taken for years where no other number stands among them.
const YEARS: std::ops::RangeInclusive<i64> = 1800..=2200;

impl Reader {
    /// The ordinal of a label: months, quarters, weeks, days or the number itself.
    pub fn read(&mut self, label: &str) -> Result<i64, PeriodError> {
        let mut readings = label::read(label.trim());
        let Some(first) = readings.first() else {
            return Err(PeriodError::Unknown(label.to_owned()));
        };
        let (ordinal, date) = (first.ordinal, first.date);
        if self.forms.is_empty() {
            self.forms = readings.drain(..).map(|reading| reading.form).collect();
        } else {
            let is_read = |form: &Form| readings.iter().any(|reading| reading.form == *form);
            if !self.forms.iter().any(is_read) {
                return Err(PeriodError::OtherForm(label.to_owned()));
            }
            self.forms.retain(is_read);
        }
        self.is_plain |= !YEARS.contains(&ordinal);
        self.are_several |= *self.first.get_or_insert(ordinal) != ordinal;
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
        // Of 2009/10 alone nobody can tell; that 2010/11 and no other month stands beside it says that both are years.
        let is_paired = |form: &&Form| form.counts == Counts::PairedYears && self.are_several;
        let form = (self.forms.iter().find(is_paired))
            .or(self.forms.first())?
            .clone();
        let unit = match self.days {
            None if form.counts == Counts::PairedYears => Unit::YearsOfMonths,
            None => Unit::Own,
            Some(DaysSeen { all_ends: true, .. }) => Unit::MonthEnds,
            Some(DaysSeen { only, .. }) => only.map_or(Unit::Own, Unit::MonthsOnDay),
        };
        let mut calendar = Calendar {
            are_years: form.counts == Counts::Numbers && !self.is_plain,
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
        // January and June are months with others missing between them, not periods of five months.
        let in_year = calendar.in_year();
        if in_year > 0 && calendar.step % in_year != 0 {
            calendar.step = greatest_common_divisor(calendar.step, in_year);
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
    are_years: bool,
    /// Units between neighbouring periods.
    step: i64,
}

impl Calendar {
    /// Units in a year; 0 where no whole number of them makes one.
    fn in_year(&self) -> i64 {
        match (self.form.counts, self.unit) {
            (Counts::Months, _) | (_, Unit::MonthEnds | Unit::MonthsOnDay(_)) => 12,
            (Counts::Quarters, _) => 4,
            (Counts::Halves, _) => 2,
            (Counts::Numbers | Counts::Weeks | Counts::Days | Counts::PairedYears, _) => 0,
        }
    }

    /// Position of an ordinal among the calendar's units.
    fn count(&self, ordinal: i64) -> i64 {
        match self.unit {
            Unit::Own => ordinal,
            Unit::YearsOfMonths => ordinal.div_euclid(12),
            // Ordinals of dates come from dates; the fallback keeps the function total.
            Unit::MonthsOnDay(_) | Unit::MonthEnds => date_of(ordinal).map_or(ordinal, |date| {
                i64::from(date.year()) * 12 + i64::from(date.month()) - 1
            }),
        }
    }

    /// Periods from one ordinal to another.
    pub fn periods_between(&self, first: i64, last: i64) -> i64 {
        (self.count(last) - self.count(first)) / self.step
    }

    /// The label so many periods after `ordinal`. `None` beyond the years a date can have.
    pub fn label(&self, ordinal: i64, ahead: i64) -> Option<String> {
        let units = self.step.checked_mul(ahead)?;
        let ordinal = match self.unit {
            Unit::Own => ordinal.checked_add(units)?,
            Unit::YearsOfMonths => ordinal.checked_add(units.checked_mul(12)?)?,
            Unit::MonthEnds | Unit::MonthsOnDay(_) => {
                let date = date_of(ordinal)?;
                let months = Span::new().try_months(units).ok()?;
                let date = if self.unit == Unit::MonthEnds {
                    (date.first_of_month().checked_add(months).ok()?).last_of_month()
                } else {
                    date.checked_add(months).ok()?
                };
                label::ordinal_of(date)?
            }
        };
        self.form.write(ordinal)
    }

    /// The year and month of an ordinal, where periods are months.
    pub fn month(&self, ordinal: i64) -> Option<(i16, i8)> {
        if self.in_year() != 12 {
            return None;
        }
        let month = self.count(ordinal);
        let year = i16::try_from(month.div_euclid(12)).ok()?;
        Some((year, month.rem_euclid(12) as i8 + 1))
    }

    /// The season its periods suggest: 12 for months, 4 for quarters, 1 for years, halves, weeks and days; `None` for
    /// plain numbers, which may be anything.
    pub fn season(&self) -> Option<usize> {
        let in_year = self.in_year();
        if in_year == 0 {
            return (self.form.counts != Counts::Numbers || self.are_years).then_some(1);
        }
        Some(match in_year / self.step {
            12 => 12,
            4 => 4,
            _ => 1,
        })
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
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
        check(&["2021-01-04", "2021-01-11"], &["2021-01-18"], Some(1));
        check(
            &["2021-02-27", "2021-02-28", "2021-03-01"],
            &["2021-03-02"],
            Some(1),
        );
        check(&["1980", "1981"], &["1982"], Some(1));
        check(&["1", "2"], &["3"], None);
        check(&["1799", "1800"], &["1801"], None);
        check(&["2020-12-31", "2021-12-31"], &["2022-12-31"], Some(1));
    }

    #[test]
    fn continues_the_forms_of_spreadsheets() {
        check(
            &["2024-W51", "2024-W52"],
            &["2025-W01", "2025-W02"],
            Some(1),
        );
        check(&["2020W52", "2020W53"], &["2021W01"], Some(1));
        check(&["11/2021", "12/2021"], &["01/2022"], Some(12));
        check(
            &["2021-9", "2021-10"],
            &["2021-11", "2021-12", "2022-1"],
            Some(12),
        );
        check(&["2021-10", "2021-9"], &["2021-10"], Some(12));
        check(&["30/11/2021", "31/12/2021"], &["31/01/2022"], Some(12));
        check(&["1.2.2021", "2.2.2021"], &["3.2.2021"], Some(1));
        check(&["20211130", "20211231"], &["20220131"], Some(12));
        check(&["Q3 2021", "Q4 2021"], &["Q1 2022"], Some(4));
        check(&["2021-T3", "2021-T4"], &["2022-T1"], Some(4));
        check(&["1T 2021", "2T 2021"], &["3T 2021"], Some(4));
        check(&["2021-S1", "2021-S2"], &["2022-S1"], Some(1));
        check(
            &["nov 2021", "dic 2021"],
            &["gen 2022", "feb 2022"],
            Some(12),
        );
        check(&["Mar-21", "Apr-21", "May-21"], &["Jun-21"], Some(12));
        check(
            &["LUGLIO 2021", "AGOSTO 2021"],
            &["SETTEMBRE 2021"],
            Some(12),
        );
        check(&["2021 Nov", "2021 Dec"], &["2022 Jan"], Some(12));
    }

    #[test]
    fn a_month_that_is_the_same_in_both_languages_goes_on_in_that_of_the_other_labels() {
        check(
            &["Mar 2021", "Apr 2021", "May 2021"],
            &["Jun 2021"],
            Some(12),
        );
        check(
            &["Gen 2021", "Feb 2021", "Mar 2021", "Apr 2021"],
            &["Mag 2021"],
            Some(12),
        );
        check(&["NOV 2020", "DIC 2020"], &["GEN 2021"], Some(12));
        check(
            &["Feb 2021", "Aug 2020", "Mar 2021", "Apr 2021"],
            &["May 2021"],
            Some(12),
        );
        // Where no other label tells, the capital does.
        check(&["Mar 2021", "Apr 2021"], &["May 2021"], Some(12));
        check(&["Nov-20", "Feb-21"], &["May-21"], Some(4));
        check(&["mar 2021", "apr 2021"], &["mag 2021"], Some(12));
        check(&["NOV 2020"], &["DIC 2020"], Some(12));
    }

    #[test]
    fn a_year_that_ends_in_the_next_is_a_year_where_all_labels_are_such() {
        check(
            &["2009/10", "2010/11", "2011/12"],
            &["2012/13", "2013/14"],
            Some(1),
        );
        check(&["2009-10", "2010-11"], &["2011-12"], Some(1));
        check(&["1998/99", "1999/00"], &["2000/01"], Some(1));
        check(&["2009/2010", "2010/2011"], &["2011/2012"], Some(1));
        check(&["2012/13"], &["2013/14"], Some(1));
        check(&["2009/10", "2011/12"], &["2013/14"], Some(1));
        // Months, as soon as one label is no such year, or where there is one label only.
        check(&["2009/10", "2009/11"], &["2009/12"], Some(12));
        check(&["2009/10", "2010/11", "2011/11"], &["2011/12"], Some(12));
        check(&["2009/10"], &["2009/11"], Some(12));
        check(&["2009-08", "2009-09", "2009-10"], &["2009-11"], Some(12));
    }

    #[test]
    fn months_far_apart_are_months_with_others_missing() {
        check(&["2021-01", "2021-06"], &["2021-07"], Some(12));
        check(&["2021-01", "2021-07"], &["2022-01"], Some(1));
        check(&["2019-01", "2021-01"], &["2023-01"], Some(1));
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
