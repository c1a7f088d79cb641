//! What the columns of a register look like, from its beginning: for the person who writes its mapping, on the node alone.
//! It recognises kinds of content; it decides nothing, and no bound is ever taken from it.

use crate::detect::{Guess, detect_dates, detect_numbers};
use geography::{Facts, Sections};
use snapshot::{Batch, CodiceFiscale, DateFormat, Marks, Records, RecordsError};
use std::collections::BTreeMap;

/// Records looked at.
pub const LOOKED_AT: usize = 20_000;
/// Words kept of a column; one with more is no vocabulary.
const WORDS: usize = 60;
/// Texts of a column kept for dates and numbers.
const TEXTS: usize = 2_000;
/// Records kept to be shown.
const SHOWN: usize = 5;

/// What the texts of a column are, where nearly all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A codice fiscale.
    CodiceFiscale,
    /// Dates.
    Date,
    /// One or two letters or digits that can be a sex.
    Sex,
    /// A code of the SIUSS nomenclature.
    SiussCode,
    /// A full code of a census section.
    Section,
    /// Five digits of a postal code of the city.
    Cap,
    /// Degrees north within the city.
    Latitude,
    /// Degrees east within the city.
    Longitude,
    /// Whole numbers of a NIL.
    Nil,
    /// Whole numbers from 1 to 9.
    Municipio,
    /// Other numbers.
    Number,
    /// A few words that repeat.
    Words,
    /// Anything else.
    Text,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Records that fill it, of those looked at.
    pub filled: usize,
    /// What it holds.
    pub content: Content,
    /// Its words with how often each stands there, where they are few.
    pub words: BTreeMap<String, usize>,
    /// How its dates are written.
    pub dates: Option<Guess<DateFormat>>,
}

/// The beginning of a register.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Records looked at, and those of them with another number of fields or unreadable.
    pub records: usize,
    /// Records that cannot be used whatever the mapping says.
    pub unusable: usize,
    /// The first records, to be shown.
    pub first: Vec<Vec<String>>,
    /// How numbers are written.
    pub marks: Option<Guess<Marks>>,
}

struct Gathered {
    filled: usize,
    texts: Vec<String>,
    words: BTreeMap<String, usize>,
    many: bool,
}

impl Inspection {
    /// How many of its guesses about numbers and dates are certain.
    pub fn certainty(&self) -> usize {
        let dates = self.columns.iter().filter_map(|column| column.dates);
        let marks = self.marks.iter().map(|marks| marks.certain);
        marks
            .chain(dates.map(|dates| dates.certain))
            .filter(|certain| *certain)
            .count()
    }
}

/// Looks at the beginning of a register.
///
/// # Errors
/// A register that cannot be read.
pub fn inspect(mut records: impl Records) -> Result<Inspection, RecordsError> {
    let names: Vec<String> = records
        .columns()
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    let mut columns: Vec<Gathered> = names
        .iter()
        .map(|_| Gathered {
            filled: 0,
            texts: Vec::new(),
            words: BTreeMap::new(),
            many: false,
        })
        .collect();
    let (mut count, mut unusable, mut first) = (0, 0, Vec::new());
    let mut batch = Batch::default();
    while count < LOOKED_AT && records.next(&mut batch)? {
        for record in batch.records().take(LOOKED_AT - count) {
            count += 1;
            if record.problem().is_some() || record.len() != names.len() {
                unusable += 1;
                continue;
            }
            if first.len() < SHOWN {
                first.push(
                    (0..record.len())
                        .map(|index| record.field(index).to_owned())
                        .collect(),
                );
            }
            for (index, column) in columns.iter_mut().enumerate() {
                column.note(record.field(index));
            }
        }
    }
    let columns = names.into_iter().zip(columns);
    let (columns, texts): (Vec<Column>, Vec<Vec<String>>) =
        columns.map(|(name, column)| column.finish(name)).unzip();
    // Dates and degrees have marks of their own.
    let numbers = columns.iter().zip(&texts);
    let numbers = numbers.filter(|(column, _)| column.content == Content::Number);
    let marks = detect_numbers(numbers.flat_map(|(_, texts)| texts).map(String::as_str));
    Ok(Inspection {
        columns,
        records: count,
        unusable,
        first,
        marks,
    })
}

impl Gathered {
    fn note(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.filled += 1;
        if self.texts.len() < TEXTS {
            self.texts.push(text.to_owned());
        }
        if self.many {
            return;
        }
        *self.words.entry(text.to_owned()).or_default() += 1;
        if self.words.len() > WORDS {
            self.many = true;
            self.words.clear();
        }
    }

    /// The column, and its texts.
    fn finish(self, name: String) -> (Column, Vec<String>) {
        let texts = || self.texts.iter().map(String::as_str);
        let dates = detect_dates(texts());
        let most = |is: &dyn Fn(&str) -> bool| {
            let some = texts().filter(|text| is(text)).count();
            !self.texts.is_empty() && some * 10 >= self.texts.len() * 8
        };
        let between = |text: &str, from: f64, to: f64| {
            let degrees: Option<f64> = text.replace(',', ".").parse().ok();
            text.contains(['.', ','])
                && degrees.is_some_and(|degrees| (from..=to).contains(&degrees))
        };
        let is_nil = |text: &str| {
            text.parse()
                .is_ok_and(|nil| Facts::milan().area(nil).is_some())
        };
        let content = if most(&|text| CodiceFiscale::parse(text).is_ok()) {
            Content::CodiceFiscale
        } else if dates.is_some() {
            Content::Date
        } else if most(&is_siuss_code) {
            Content::SiussCode
        } else if most(&|text| text.len() > 7 && Sections::milan().find(text).is_some()) {
            Content::Section
        } else if most(&|text| text.len() == 5 && text.starts_with("201") && is_digits(text)) {
            Content::Cap
        } else if most(&|text| between(text, 45.3, 45.6)) {
            Content::Latitude
        } else if most(&|text| between(text, 9.0, 9.4)) {
            Content::Longitude
        } else if !self.many && self.words.len() <= 5 && most(&is_sex) {
            Content::Sex
        } else if most(&|text| text.len() == 1 && ("1"..="9").contains(&text)) {
            Content::Municipio
        } else if most(&is_nil) {
            Content::Nil
        } else if most(&is_number) {
            Content::Number
        } else if !self.many && !self.words.is_empty() {
            Content::Words
        } else {
            Content::Text
        };
        let column = Column {
            name,
            filled: self.filled,
            content,
            words: self.words,
            dates,
        };
        (column, self.texts)
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `A1.04`, `A9.01.02`.
fn is_siuss_code(text: &str) -> bool {
    let mut parts = text.split('.');
    let group = parts.next().and_then(|part| part.strip_prefix('A'));
    let numbers: Vec<&str> = parts.collect();
    group.is_some_and(|group| group.len() == 1 && is_digits(group))
        && (1..=2).contains(&numbers.len())
        && numbers
            .iter()
            .all(|part| part.len() == 2 && is_digits(part))
}

fn is_sex(text: &str) -> bool {
    let words = [
        "m",
        "f",
        "maschio",
        "femmina",
        "male",
        "female",
        "uomo",
        "donna",
        "maschile",
        "femminile",
    ];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_number(text: &str) -> bool {
    let bare = text.trim_matches(['€', ' ', '\u{a0}', '-']);
    bare.starts_with(|c: char| c.is_ascii_digit())
        && bare
            .chars()
            .all(|c| c.is_ascii_digit() || ".,' \u{a0}".contains(c))
        && bare.len() < 20
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{CsvFormat, CsvRecords, Encoding};

    #[test]
    fn contents_are_recognised() {
        let columns = [
            (
                Content::CodiceFiscale,
                "RSSMRA80A01F205X",
                "rssmra80a01f205x",
            ),
            (Content::Date, "01/02/2024", "28/02/2024"),
            (Content::Sex, "F", "M"),
            (Content::SiussCode, "A1.04", "A9.01.02"),
            (Content::Section, "151460000236", "151460000237"),
            (Content::Cap, "20121", "20158"),
            (Content::Latitude, "45.4642", "45,47"),
            (Content::Longitude, "9.19", "9.1"),
            (Content::Municipio, "1", "9"),
            (Content::Nil, "15", "88"),
            (Content::Number, "1.234,50", "€ 12"),
            (Content::Words, "pasti", "docce"),
        ];
        let mut text = String::from("H0");
        (1..columns.len()).for_each(|n| text.push_str(&format!(";H{n}")));
        for _ in 0..20 {
            let row = |pick: fn(&(Content, &'static str, &'static str)) -> &'static str| {
                columns.iter().map(pick).collect::<Vec<_>>().join(";")
            };
            text.push_str(&format!(
                "\n{}\n{}",
                row(|column| column.1),
                row(|column| column.2)
            ));
        }
        let format = CsvFormat {
            delimiter: b';',
            encoding: Encoding::Utf8,
            header_line: 1,
        };
        let records = CsvRecords::open(text.as_bytes(), format).expect("a header");
        let found = inspect(records).expect("read");
        assert_eq!(
            (found.records, found.unusable, found.first.len()),
            (40, 0, 5)
        );
        for (column, (expected, ..)) in found.columns.iter().zip(columns) {
            assert_eq!(column.content, expected, "{}", column.name);
        }
        assert_eq!(found.marks.map(|marks| marks.value.decimal), Some(','));
    }
}
