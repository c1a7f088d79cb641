//! The CSV connector: streams rows out of a reader, one line at a time, in constant memory.
//! A bad line is reported by line number, column and kind, never by its content, and the rest goes on.

use crate::codice_fiscale::{CodiceFiscale, InvalidCodiceFiscale};
use crate::error::SnapshotError;
use crate::line::{Fields, Line, read_line};
use crate::mapping::{Encoding, Field, Mapping};
use crate::quality::RejectKind;
use crate::row::{Day, Row, hundredths};
use geography::Partition;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use taxonomy::model::income_band;

/// What one line of the register turned out to be.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A row that can be linked to a person.
    Row(Row<'a>),
    /// A row without a valid codice fiscale; `missing` where the field is blank.
    Unlinked {
        /// Whether the field is blank rather than wrong.
        missing: bool,
    },
    /// A row that cannot be used.
    Rejected {
        /// The column, where one is to blame.
        column: Option<Field>,
        /// What is wrong.
        kind: RejectKind,
    },
}

/// Rows of a register in CSV.
pub struct CsvSource<'m, R> {
    mapping: &'m Mapping,
    reader: BufReader<R>,
    /// For each field, the position of its column.
    positions: Vec<Option<usize>>,
    width: usize,
    line: Vec<u8>,
    line_number: u64,
    fields: Fields,
    ignored: Vec<(Field, RejectKind)>,
}

impl<'m, R: Read> CsvSource<'m, R> {
    /// Reads the header and finds the mapping's columns in it.
    ///
    /// # Errors
    /// No header, a column that is missing or stands twice, or a reader that fails.
    pub fn open(reader: R, mapping: &'m Mapping) -> Result<CsvSource<'m, R>, SnapshotError> {
        let mut source = CsvSource {
            mapping,
            reader: BufReader::with_capacity(1 << 18, reader),
            positions: Vec::new(),
            width: 0,
            line: Vec::new(),
            line_number: 1,
            fields: Fields::default(),
            ignored: Vec::new(),
        };
        if read_line(&mut source.reader, &mut source.line).map_err(SnapshotError::Register)?
            != Line::Read
        {
            return Err(SnapshotError::NoHeader);
        }
        let text = decode(&source.line, mapping.encoding).ok_or(SnapshotError::NoHeader)?;
        // A byte order mark, as spreadsheets write it, read in either encoding.
        let text = text
            .strip_prefix('\u{feff}')
            .or_else(|| text.strip_prefix("ï»¿"))
            .unwrap_or(&text);
        if !source.fields.split(text, mapping.delimiter) || text.trim().is_empty() {
            return Err(SnapshotError::NoHeader);
        }
        source.width = source.fields.len();
        for field in Field::ALL {
            let Some(column) = mapping.column(*field) else {
                source.positions.push(None);
                continue;
            };
            let mut places =
                (0..source.width).filter(|index| source.fields.field(*index) == column.trim());
            let Some(position) = places.next() else {
                let column = column.to_owned();
                return Err(SnapshotError::MissingColumn {
                    column,
                    field: field.name(),
                });
            };
            if places.next().is_some() {
                return Err(SnapshotError::DuplicateColumn {
                    column: column.to_owned(),
                });
            }
            source.positions.push(Some(position));
        }
        Ok(source)
    }

    /// The next line that is not blank, or `None` at the end.
    ///
    /// # Errors
    /// Only a reader that fails; a bad line is an [`Outcome`].
    pub fn next_row(&mut self) -> Result<Option<Outcome<'_>>, SnapshotError> {
        self.ignored.clear();
        loop {
            let found =
                read_line(&mut self.reader, &mut self.line).map_err(SnapshotError::Register)?;
            self.line_number += 1;
            match found {
                Line::End => return Ok(None),
                Line::TooLong => return Ok(Some(rejected(None, RejectKind::TooLong))),
                Line::Read if self.line.iter().all(u8::is_ascii_whitespace) => {}
                Line::Read => break,
            }
        }
        let Some(text) = decode(&self.line, self.mapping.encoding) else {
            return Ok(Some(rejected(None, RejectKind::Encoding)));
        };
        if !self.fields.split(&text, self.mapping.delimiter) || self.fields.len() != self.width {
            return Ok(Some(rejected(None, RejectKind::Shape)));
        }
        let reading = Reading {
            mapping: self.mapping,
            fields: &self.fields,
            positions: &self.positions,
        };
        Ok(Some(reading.outcome(&mut self.ignored)))
    }

    /// The line last read, the header being 1.
    pub fn line_number(&self) -> u64 {
        self.line_number
    }

    /// Fields of the row last read that could not be read and count as blank.
    pub fn ignored_fields(&self) -> &[(Field, RejectKind)] {
        &self.ignored
    }
}

fn rejected(column: Option<Field>, kind: RejectKind) -> Outcome<'static> {
    Outcome::Rejected { column, kind }
}

fn decode(line: &[u8], encoding: Encoding) -> Option<Cow<'_, str>> {
    match encoding {
        Encoding::Utf8 => std::str::from_utf8(line).ok().map(Cow::Borrowed),
        Encoding::Latin1 => {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling_and_without_replacement(line)
        }
    }
}

/// One line, split, on its way to being a row.
struct Reading<'a> {
    mapping: &'a Mapping,
    fields: &'a Fields,
    positions: &'a [Option<usize>],
}

impl<'a> Reading<'a> {
    fn text(&self, field: Field) -> Option<&'a str> {
        let text = self.fields.field(self.positions[field as usize]?);
        (!text.is_empty()).then_some(text)
    }

    fn outcome(&self, ignored: &mut Vec<(Field, RejectKind)>) -> Outcome<'a> {
        let code = match CodiceFiscale::parse(self.text(Field::CodiceFiscale).unwrap_or_default()) {
            Ok(code) => code,
            Err(fault) => {
                return Outcome::Unlinked {
                    missing: fault == InvalidCodiceFiscale::Blank,
                };
            }
        };
        let day = match self.text(Field::Date) {
            None => return rejected(Some(Field::Date), RejectKind::Missing),
            Some(text) => match Day::parse(text, self.mapping.date_format) {
                None => return rejected(Some(Field::Date), RejectKind::Date),
                Some(day) => day,
            },
        };
        let service = match self.text(Field::Service) {
            None => return rejected(Some(Field::Service), RejectKind::Missing),
            Some(text) => match self.mapping.services.get(text) {
                None => return rejected(Some(Field::Service), RejectKind::UnknownValue),
                Some(service) => *service,
            },
        };
        let mark = self.mapping.decimal_mark;
        // What an event is worth is part of what makes it distinct, so an unreadable number spoils the row.
        let mut worth = [0; 2];
        for (value, field) in worth.iter_mut().zip([Field::Quantity, Field::Amount]) {
            if let Some(text) = self.text(field) {
                match hundredths(text, mark) {
                    None => return rejected(Some(field), RejectKind::Number),
                    Some(number) => *value = number,
                }
            }
        }
        let areas = Partition::milan();
        let mut optional = Optional {
            reading: self,
            ignored,
        };
        Outcome::Row(Row {
            code,
            day,
            service,
            quantity: worth[0],
            amount: worth[1],
            sex: optional.word(Field::Sex, &self.mapping.sexes),
            birth: optional.read(Field::BirthDate, RejectKind::Date, |text| {
                Day::parse(text, self.mapping.date_format)
            }),
            citizenship: optional.word(Field::Citizenship, &self.mapping.citizenships),
            nil: optional.read(Field::Nil, RejectKind::UnknownValue, |text| {
                text.parse()
                    .ok()
                    .filter(|nil| areas.micro_area(Some(*nil), None) != areas.unknown())
            }),
            municipio: optional.read(Field::Municipio, RejectKind::UnknownValue, |text| {
                text.parse()
                    .ok()
                    .filter(|municipio| (1..=9).contains(municipio))
            }),
            household: self.text(Field::Household),
            income_band: optional.read(Field::Isee, RejectKind::Number, |text| {
                hundredths(text, mark)
                    .filter(|cents| *cents >= 0)
                    .map(income_band)
            }),
            disability: optional.read(Field::Disability, RejectKind::UnknownValue, |text| {
                text.parse().ok().filter(|grade| *grade <= 3)
            }),
            need: optional.word(Field::Need, &self.mapping.needs),
            benefit: optional.word(Field::Benefit, &self.mapping.benefits),
        })
    }
}

/// Reads optional fields: what cannot be read counts as blank and is noted.
struct Optional<'r, 'a> {
    reading: &'r Reading<'a>,
    ignored: &'r mut Vec<(Field, RejectKind)>,
}

impl<'a> Optional<'_, 'a> {
    fn read<T>(
        &mut self,
        field: Field,
        kind: RejectKind,
        parse: impl Fn(&'a str) -> Option<T>,
    ) -> Option<T> {
        let text = self.reading.text(field)?;
        let value = parse(text);
        if value.is_none() {
            self.ignored.push((field, kind));
        }
        value
    }

    fn word<T: Copy>(&mut self, field: Field, table: &BTreeMap<String, T>) -> Option<T> {
        self.read(field, RejectKind::UnknownValue, |text| {
            table.get(text).copied()
        })
    }
}
