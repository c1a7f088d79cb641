//! Labels of periods: taken apart into year, month, quarter, week, day and the text between, and written again in the
//! same form. A label that fits several forms (2021-10 with and without a leading zero, `mar 2021` in two languages, 2009/10
//! as a month and as a school year) has them all; the rows of a file decide together.

use jiff::Span;
use jiff::civil::{Date, ISOWeekDate, Weekday};

const ITALIAN: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];
const ENGLISH: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The letters of a month that is written short.
const SHORT: usize = 3;

/// Years in which a number without marks is taken for a date: 202101, 20210131.
const YEARS: std::ops::RangeInclusive<i64> = 1800..=2200;

/// What the ordinals of a form count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// Nothing but themselves: 7, 1981.
    Numbers,
    Months,
    Quarters,
    Halves,
    /// Weeks by ISO 8601.
    Weeks,
    Days,
    /// Years that end in the next, as those of schools and budgets do: 2009/10. Their ordinals are those of the months that the
    /// labels could be as well, or the first of the year: twelve to a year.
    PairedYears,
}

/// A part of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Year,
    /// The last two digits of a year; 70 to 99 are of the last century.
    ShortYear,
    /// The year after, and its last two digits.
    NextYear,
    ShortNextYear,
    Month(Width),
    Name(Name),
    Week(Width),
    Day(Width),
    /// Of a quarter or half year.
    Digit,
    Text(String),
}

/// Whether small numbers have a leading zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Two,
    Any,
}

/// How months are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    is_italian: bool,
    is_short: bool,
    case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Lower,
    Title,
    Upper,
}

impl Name {
    fn write(self, month: usize) -> String {
        let names = if self.is_italian { ITALIAN } else { ENGLISH };
        let whole = names[month];
        let name = if self.is_short {
            &whole[..SHORT]
        } else {
            whole
        };
        match self.case {
            Case::Lower => name.to_owned(),
            Case::Title => name[..1].to_uppercase() + &name[1..],
            Case::Upper => name.to_uppercase(),
        }
    }
}

/// The form of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) counts: Counts,
    pieces: Vec<Piece>,
}

/// A label as one form reads it.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) form: Form,
    pub(super) ordinal: i64,
    /// The date, where it is one.
    pub(super) date: Option<Date>,
}

/// Day zero of the ordinals of dates.
fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

pub(super) fn date_of(ordinal: i64) -> Option<Date> {
    epoch()
        .checked_add(Span::new().try_days(ordinal).ok()?)
        .ok()
}

pub(super) fn ordinal_of(date: Date) -> Option<i64> {
    let days = epoch().until((jiff::Unit::Day, date)).ok()?.get_days();
    Some(i64::from(days))
}

/// Days from a Monday to the epoch, which was a Thursday.
const MONDAY: i64 = 3;

impl Form {
    /// The label of an ordinal. `None` where it has none in four digits of a year.
    pub(super) fn write(&self, ordinal: i64) -> Option<String> {
        let (year, number, day) = match self.counts {
            Counts::Numbers => return Some(ordinal.to_string()),
            Counts::Months => (ordinal.div_euclid(12), ordinal.rem_euclid(12) + 1, 1),
            Counts::Quarters => (ordinal.div_euclid(4), ordinal.rem_euclid(4) + 1, 1),
            Counts::Halves => (ordinal.div_euclid(2), ordinal.rem_euclid(2) + 1, 1),
            Counts::PairedYears => (ordinal.div_euclid(12), 1, 1),
            Counts::Weeks => {
                let week = date_of(ordinal * 7 - MONDAY)?.iso_week_date();
                (i64::from(week.year()), i64::from(week.week()), 1)
            }
            Counts::Days => {
                let date = date_of(ordinal)?;
                (
                    i64::from(date.year()),
                    i64::from(date.month()),
                    i64::from(date.day()),
                )
            }
        };
        if !(0..=9999).contains(&year) {
            return None;
        }
        let digits = |number: i64, width: Width| match width {
            Width::Two => format!("{number:02}"),
            Width::Any => number.to_string(),
        };
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Year => format!("{year:04}"),
            Piece::ShortYear => format!("{:02}", year % 100),
            Piece::NextYear => format!("{:04}", year + 1),
            Piece::ShortNextYear => format!("{:02}", (year + 1) % 100),
            Piece::Month(width) | Piece::Week(width) => digits(number, *width),
            Piece::Name(name) => name.write(number as usize - 1),
            Piece::Day(width) => digits(day, *width),
            Piece::Digit => number.to_string(),
            Piece::Text(text) => text.clone(),
        });
        Some(pieces.collect())
    }
}

/// A run of digits, of letters, or of anything else.
#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Digits(&'a str),
    Letters(&'a str),
    Other(&'a str),
}

fn tokens(label: &str) -> Vec<Token<'_>> {
    let kind = |c: char| match c {
        _ if c.is_ascii_digit() => 0,
        _ if c.is_alphabetic() => 1,
        _ => 2,
    };
    let mut found = Vec::new();
    let mut rest = label;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        found.push(match kind(first) {
            0 => Token::Digits(run),
            1 => Token::Letters(run),
            _ => Token::Other(run),
        });
        rest = after;
    }
    found
}

/// All forms a label fits. All of them read the same period.
pub(super) fn read(label: &str) -> Vec<Reading> {
    use Token::{Digits, Letters, Other};
    let tokens = tokens(label);
    let found = match tokens.as_slice() {
        [Digits(digits)] => compact(digits),
        [Digits(y), Other(sep), Digits(m)] if y.len() == 4 && is_mark(sep) => {
            let mut found = months(y, m, |month| vec![Piece::Year, text(sep), month]);
            found.extend(paired_years(y, sep, m));
            found
        }
        [Digits(m), Other(sep), Digits(y)] if y.len() == 4 && is_mark(sep) => {
            months(y, m, |month| vec![month, text(sep), Piece::Year])
        }
        [
            Digits(a),
            Other(sep),
            Digits(b),
            Other(again),
            Digits(c),
            ..,
        ] if sep == again && is_mark(sep) => {
            let after = &label[a.len() + sep.len() + b.len() + again.len() + c.len()..];
            if !after.is_empty() && !after.starts_with([' ', 'T']) {
                Vec::new()
            } else if a.len() == 4 {
                days([a, b, c], |month, day| {
                    vec![Piece::Year, text(sep), month, text(sep), day, text(after)]
                })
            } else {
                days([c, b, a], |month, day| {
                    vec![day, text(sep), month, text(sep), Piece::Year, text(after)]
                })
            }
        }
        [Digits(y), Letters(unit), Digits(n)] if y.len() == 4 => {
            parts(y, unit, n, |part| vec![Piece::Year, text(unit), part])
        }
        [Digits(y), Other(sep), Letters(unit), Digits(n)] if y.len() == 4 => {
            parts(y, unit, n, |part| {
                vec![Piece::Year, text(sep), text(unit), part]
            })
        }
        [Letters(unit), Digits(n), Other(sep), Digits(y)] if y.len() == 4 => {
            parts(y, unit, n, |part| {
                vec![text(unit), part, text(sep), Piece::Year]
            })
        }
        [Digits(n), Letters(unit), Other(sep), Digits(y)] if y.len() == 4 => {
            parts(y, unit, n, |part| {
                vec![part, text(unit), text(sep), Piece::Year]
            })
        }
        [Digits(n), Letters(unit), Digits(y)] if y.len() == 4 => {
            parts(y, unit, n, |part| vec![part, text(unit), Piece::Year])
        }
        [Letters(name), Other(sep), Digits(y)] => {
            named(name, y, |name, year| vec![name, text(sep), year])
        }
        [Letters(name), Digits(y)] => named(name, y, |name, year| vec![name, year]),
        [Digits(y), Other(sep), Letters(name)] if y.len() == 4 => {
            named(name, y, |name, year| vec![year, text(sep), name])
        }
        _ => Vec::new(),
    };
    match (found.is_empty(), label.parse::<i64>()) {
        (true, Ok(ordinal)) if ordinal.abs() < 1 << 50 => vec![Reading {
            form: Form {
                counts: Counts::Numbers,
                pieces: Vec::new(),
            },
            ordinal,
            date: None,
        }],
        _ => found,
    }
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

/// What stands between the numbers of a date.
fn is_mark(text: &str) -> bool {
    ["-", "/", "."].contains(&text)
}

fn number(digits: &str) -> Option<i64> {
    digits.parse().ok()
}

/// The widths with which a number of one or two digits may have been written.
fn widths(digits: &str) -> &'static [Width] {
    match digits.len() {
        1 => &[Width::Any],
        2 if digits.starts_with('0') => &[Width::Two],
        2 => &[Width::Two, Width::Any],
        _ => &[],
    }
}

/// 202101 and 20210131, where they can be a month and a date.
fn compact(digits: &str) -> Vec<Reading> {
    let year = digits.get(..4).unwrap_or_default();
    if !number(year).is_some_and(|year| YEARS.contains(&year)) {
        return Vec::new();
    }
    match digits.len() {
        6 => months(year, &digits[4..], |month| vec![Piece::Year, month]),
        8 => days([year, &digits[4..6], &digits[6..]], |month, day| {
            vec![Piece::Year, month, day]
        }),
        _ => Vec::new(),
    }
    .into_iter()
    .take(1)
    .collect()
}

fn months(year: &str, month: &str, pieces: impl Fn(Piece) -> Vec<Piece>) -> Vec<Reading> {
    let (Some(year), Some(number)) = (number(year), number(month)) else {
        return Vec::new();
    };
    if !(1..=12).contains(&number) {
        return Vec::new();
    }
    (widths(month).iter())
        .map(|&width| Reading {
            form: Form {
                counts: Counts::Months,
                pieces: pieces(Piece::Month(width)),
            },
            ordinal: year * 12 + number - 1,
            date: None,
        })
        .collect()
}

/// A year that ends in the next: 2009/10, 1999/00, 2009/2010.
fn paired_years(year: &str, sep: &str, next: &str) -> Option<Reading> {
    let (first, second) = (number(year)?, number(next)?);
    let piece = match next.len() {
        4 if second == first + 1 => Piece::NextYear,
        2 if second == (first + 1) % 100 => Piece::ShortNextYear,
        _ => return None,
    };
    let month = if next.len() == 2 && (1..=12).contains(&second) {
        second - 1
    } else {
        0
    };
    Some(Reading {
        form: Form {
            counts: Counts::PairedYears,
            pieces: vec![Piece::Year, text(sep), piece],
        },
        ordinal: first * 12 + month,
        date: None,
    })
}

fn days(
    [year, month, day]: [&str; 3],
    pieces: impl Fn(Piece, Piece) -> Vec<Piece>,
) -> Vec<Reading> {
    let date = || {
        let year = (year.len() == 4).then(|| year.parse().ok())??;
        Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
    };
    let Some((date, ordinal)) = date().and_then(|date| Some((date, ordinal_of(date)?))) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for &of_month in widths(month) {
        for &of_day in widths(day) {
            found.push(Reading {
                form: Form {
                    counts: Counts::Days,
                    pieces: pieces(Piece::Month(of_month), Piece::Day(of_day)),
                },
                ordinal,
                date: Some(date),
            });
        }
    }
    found
}

/// Quarters (Q, T), halves (H, S), weeks (W) and months (M) of a year.
fn parts(year: &str, unit: &str, part: &str, pieces: impl Fn(Piece) -> Vec<Piece>) -> Vec<Reading> {
    let (Some(of_year), Some(number)) = (number(year), number(part)) else {
        return Vec::new();
    };
    let whole = |counts, number_of: i64| {
        if part.len() != 1 || !(1..=number_of).contains(&number) {
            return Vec::new();
        }
        vec![Reading {
            form: Form {
                counts,
                pieces: pieces(Piece::Digit),
            },
            ordinal: of_year * number_of + number - 1,
            date: None,
        }]
    };
    match unit {
        "Q" | "q" | "T" | "t" => whole(Counts::Quarters, 4),
        "H" | "h" | "S" | "s" => whole(Counts::Halves, 2),
        "M" | "m" => months(year, part, pieces),
        "W" | "w" => weeks(of_year, part, number, pieces),
        _ => Vec::new(),
    }
}

fn weeks(year: i64, part: &str, week: i64, pieces: impl Fn(Piece) -> Vec<Piece>) -> Vec<Reading> {
    let monday = || {
        let (year, week) = (i16::try_from(year).ok()?, i8::try_from(week).ok()?);
        let week = ISOWeekDate::new(year, week, Weekday::Monday).ok()?;
        ordinal_of(week.date())
    };
    let Some(monday) = monday() else {
        return Vec::new();
    };
    (widths(part).iter())
        .map(|&width| Reading {
            form: Form {
                counts: Counts::Weeks,
                pieces: pieces(Piece::Week(width)),
            },
            ordinal: (monday + MONDAY).div_euclid(7),
            date: None,
        })
        .collect()
}

/// Months by their Italian or English name, whole or its first three letters. Where a name is both, the more likely comes first:
/// English writes months with a capital, Italian without.
fn named(name: &str, year: &str, pieces: impl Fn(Piece, Piece) -> Vec<Piece>) -> Vec<Reading> {
    let Some(number) = number(year) else {
        return Vec::new();
    };
    let (year, piece) = match year.len() {
        4 => (number, Piece::Year),
        2 => (
            number + if number < 70 { 2000 } else { 1900 },
            Piece::ShortYear,
        ),
        _ => return Vec::new(),
    };
    let is_title = name.starts_with(char::is_uppercase) && name.ends_with(char::is_lowercase);
    let mut found = Vec::new();
    for is_italian in [!is_title, is_title] {
        for is_short in [true, false] {
            for case in [Case::Lower, Case::Title, Case::Upper] {
                let form = Name {
                    is_italian,
                    is_short,
                    case,
                };
                if let Some(month) = (0..12).find(|&month| form.write(month) == name) {
                    found.push(Reading {
                        form: Form {
                            counts: Counts::Months,
                            pieces: pieces(Piece::Name(form), piece.clone()),
                        },
                        ordinal: year * 12 + month as i64,
                        date: None,
                    });
                }
            }
        }
    }
    found
}
