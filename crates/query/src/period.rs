//! Months, quarters and the spans of them that a query asks about.
//! Public facts only: a period never depends on when a register has data.

use std::fmt;
use std::ops::RangeInclusive;

/// A calendar month, counted from January 1900.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u16);

impl Month {
    /// The month `month` (1 to 12) of `year` (1900 to 2199).
    pub fn try_new(year: u16, month: u8) -> Option<Month> {
        ((1900..2200).contains(&year) && (1..=12).contains(&month))
            .then(|| Month((year - 1900) * 12 + u16::from(month) - 1))
    }

    /// Parses `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        let digits = |s: &str, n| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
        (digits(year, 4) && digits(month, 2))
            .then(|| Month::try_new(year.parse().ok()?, month.parse().ok()?))?
    }

    /// Months since January 1900.
    pub fn index(self) -> u16 {
        self.0
    }

    /// The month with this index.
    pub fn from_index(index: u16) -> Option<Month> {
        (index < 3600).then_some(Month(index))
    }

    /// Calendar year.
    pub fn year(self) -> u16 {
        1900 + self.0 / 12
    }

    /// Month of the year, 1 to 12.
    pub fn month(self) -> u8 {
        (self.0 % 12) as u8 + 1
    }

    /// Age in completed years, on the last day of this month, of someone born in `birth`.
    /// Whoever has a birthday in the month has had it by its last day, so months decide.
    pub fn age_of(self, birth: Month) -> Option<u16> {
        self.0.checked_sub(birth.0).map(|months| months / 12)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

/// How a span is cut into periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodKind {
    /// Month by month.
    Month,
    /// Quarter by quarter.
    Quarter,
    /// Year by year.
    Year,
}

impl PeriodKind {
    /// Every kind, the shortest first.
    pub const ALL: [PeriodKind; 3] = [PeriodKind::Month, PeriodKind::Quarter, PeriodKind::Year];

    /// The public identifier.
    pub fn id(self) -> &'static str {
        match self {
            PeriodKind::Month => "month",
            PeriodKind::Quarter => "quarter",
            PeriodKind::Year => "year",
        }
    }

    /// Months in one period.
    pub fn months(self) -> u16 {
        match self {
            PeriodKind::Month => 1,
            PeriodKind::Quarter => 3,
            PeriodKind::Year => 12,
        }
    }
}

/// One period of a query: its public key and its months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// `2025-03`, `2025-Q1`, `2025`, or `2025-01/2025-12` for a whole span.
    pub key: String,
    /// First month.
    pub first: Month,
    /// Last month; people are judged as of its last day.
    pub last: Month,
}

impl Period {
    /// The months of the period, as indices.
    pub fn months(&self) -> RangeInclusive<u16> {
        self.first.index()..=self.last.index()
    }
}

/// Cuts `from..=to` into periods; one period where `kind` is absent. The span must be checked.
pub(crate) fn periods(from: Month, to: Month, kind: Option<PeriodKind>) -> Vec<Period> {
    let Some(kind) = kind else {
        return vec![Period {
            key: format!("{from}/{to}"),
            first: from,
            last: to,
        }];
    };
    (from.0..=to.0)
        .step_by(usize::from(kind.months()))
        .map(|first| {
            let (first, last) = (Month(first), Month(first + kind.months() - 1));
            let key = match kind {
                PeriodKind::Month => first.to_string(),
                PeriodKind::Year => format!("{:04}", first.year()),
                PeriodKind::Quarter => {
                    format!("{:04}-Q{}", first.year(), (first.month() - 1) / 3 + 1)
                }
            };
            Period { key, first, last }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birthday_in_the_month_counts_from_that_month() {
        let month = |text| Month::parse(text).expect("month");
        let born = month("1948-06");
        assert_eq!(month("2023-05").age_of(born), Some(74));
        assert_eq!(month("2023-06").age_of(born), Some(75));
        assert_eq!(month("1948-05").age_of(born), None);
    }

    #[test]
    fn months_read_back_as_written() {
        for text in ["1900-01", "2025-12", "2199-12"] {
            assert_eq!(Month::parse(text).expect("month").to_string(), text);
        }
        for text in [
            "2025-13",
            "2025-00",
            "2025-1",
            "25-01",
            "+025-01",
            "2025-01-01",
            "",
        ] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }

    #[test]
    fn quarters_are_named_by_the_calendar() {
        let cut = periods(
            Month::parse("2024-10").unwrap(),
            Month::parse("2025-03").unwrap(),
            Some(PeriodKind::Quarter),
        );
        assert_eq!(
            cut.iter().map(|p| p.key.as_str()).collect::<Vec<_>>(),
            ["2024-Q4", "2025-Q1"]
        );
    }
}
