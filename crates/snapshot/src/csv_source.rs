//! Rows out of lines of CSV and out of records of other connectors, each by itself.
//! A bad line is reported by line number, column and kind, never by its content, and the rest goes on.

use crate::codice_fiscale::{CodiceFiscale, InvalidCodiceFiscale};
use crate::error::SnapshotError;
use crate::line::{BadLine, Block, Blocks, Fields, Line, Splitter, is_blank};
use crate::mapping::{Field, Mapping};
use crate::notation::NO_DELIMITER;
use crate::person_key::PersonKey;
use crate::quality::RejectKind;
use crate::records::Record;
use crate::row::{Day, HouseholdId, Row, amount};
use crate::words::{EVERY_OTHER, Words};
use geography::{Level, Partition};
use std::io::Read;
use taxonomy::model::income_band;

/// What one line of the register turned out to be.
#[derive(Debug)]
pub enum Outcome {
    /// A row that can be linked to a person.
    Row(Row),
    /// A row without a valid codice fiscale or key; `missing` where the field is blank.
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
        /// The person, where the row names one and says that the address is protected: that holds whatever else is wrong.
        protects: Option<PersonKey>,
    },
}

/// Where the mapping's columns stand in the lines of one register.
pub(crate) struct Layout<'m> {
    mapping: &'m Mapping,
    /// For each field, the position of its column.
    positions: Vec<Option<usize>>,
    /// Positions of the columns that name a person, where no codice fiscale does.
    key: Vec<usize>,
    width: usize,
    /// Whether a number is that of a NIL.
    nils: Vec<bool>,
}

impl<'m> Layout<'m> {
    /// Finds the mapping's columns in the header line.
    fn of(header: &[u8], mapping: &'m Mapping) -> Result<Layout<'m>, SnapshotError> {
        let mut splitter = Splitter::default();
        let fields = splitter
            .split(header, mapping.encoding, mapping.delimiter, None)
            .map_err(|_| SnapshotError::NoHeader)?;
        let columns: Vec<&str> = (0..fields.len()).map(|index| fields.field(index)).collect();
        Layout::of_columns(&columns, mapping)
    }

    /// Finds the mapping's columns among those of a register.
    pub(crate) fn of_columns(
        columns: &[&str],
        mapping: &'m Mapping,
    ) -> Result<Layout<'m>, SnapshotError> {
        if columns.iter().all(|column| column.trim().is_empty()) {
            return Err(SnapshotError::NoHeader);
        }
        let find = |column: &str, field: &'static str| {
            let mut places = (0..columns.len()).filter(|at| columns[*at].trim() == column.trim());
            let column = || column.to_owned();
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => Err(SnapshotError::DuplicateColumn { column: column() }),
                (None, _) => Err(SnapshotError::MissingColumn {
                    column: column(),
                    field,
                }),
            }
        };
        let position = |field: &Field| {
            (mapping.column(*field))
                .map(|column| find(column, field.name()))
                .transpose()
        };
        let key = mapping.person_key().iter();
        let nils = (Partition::milan().keys(Level::Nil).iter())
            .filter_map(|key| key.parse::<usize>().ok());
        let mut known = Vec::new();
        for nil in nils {
            known.resize(known.len().max(nil + 1), false);
            known[nil] = true;
        }
        Ok(Layout {
            mapping,
            positions: Field::ALL.iter().map(position).collect::<Result<_, _>>()?,
            key: (key.map(|column| find(column, "person_key"))).collect::<Result<_, _>>()?,
            width: columns.len(),
            nils: known,
        })
    }

    /// What a line turns out to be; `None` where it is blank. What could not be read of it and counts as blank is noted
    /// in `ignored`.
    pub(crate) fn read(
        &self,
        line: Line<'_>,
        splitter: &mut Splitter,
        ignored: &mut Vec<(Field, RejectKind)>,
    ) -> Option<Outcome> {
        ignored.clear();
        let line = match line {
            Line::TooLong => return Some(rejected(None, RejectKind::TooLong)),
            Line::Bytes(line) if is_blank(line, self.mapping.delimiter) => return None,
            Line::Bytes(line) => line,
        };
        let mapping = self.mapping;
        let fields = splitter.split(line, mapping.encoding, mapping.delimiter, Some(self.width));
        Some(match fields {
            Ok(fields) => Reading {
                layout: self,
                fields,
            }
            .outcome(ignored),
            Err(BadLine::Encoding) => rejected(None, RejectKind::Encoding),
            Err(BadLine::Shape) => rejected(None, RejectKind::Shape),
        })
    }
}

/// What a record turns out to be, as [`Layout::read`] says it of a line.
impl Layout<'_> {
    pub(crate) fn read_record(
        &self,
        record: &Record<'_>,
        ignored: &mut Vec<(Field, RejectKind)>,
    ) -> Outcome {
        ignored.clear();
        match record.problem() {
            Some(problem) => rejected(None, problem),
            None if record.len() != self.width => rejected(None, RejectKind::Shape),
            None => Reading {
                layout: self,
                fields: record.fields(),
            }
            .outcome(ignored),
        }
    }
}

/// A register whose header was read: the first block, and the place in it after the header.
type Opened<'m, R> = (Layout<'m>, Blocks<R>, Block, usize);

/// Opens a register: reads its header, and returns the first block with the place after the header.
pub(crate) fn open<'m, R: Read>(
    register: R,
    mapping: &'m Mapping,
) -> Result<Opened<'m, R>, SnapshotError> {
    if mapping.delimiter == NO_DELIMITER {
        return Err(SnapshotError::NoFormat { key: "delimiter" });
    }
    let mut blocks = Blocks::new(register);
    let mut block = Block::default();
    let (header, start) = blocks.header(&mut block, mapping.header_line)?;
    let layout = Layout::of(&header, mapping)?;
    Ok((layout, blocks, block, start))
}

/// Rows of a register in CSV, one after the other. [`crate::Snapshot::build`] reads the same rows on several threads.
pub struct CsvSource<'m, R> {
    layout: Layout<'m>,
    blocks: Blocks<R>,
    block: Block,
    /// Where in the block the next line starts.
    at: usize,
    line_number: u64,
    splitter: Splitter,
    ignored: Vec<(Field, RejectKind)>,
}

impl<'m, R: Read> CsvSource<'m, R> {
    /// Reads the header and finds the mapping's columns in it.
    ///
    /// # Errors
    /// No header, a column that is missing or stands twice, or a reader that fails.
    pub fn open(register: R, mapping: &'m Mapping) -> Result<CsvSource<'m, R>, SnapshotError> {
        let (layout, blocks, block, at) = open(register, mapping)?;
        Ok(CsvSource {
            layout,
            blocks,
            block,
            at,
            line_number: mapping.header_line.into(),
            splitter: Splitter::default(),
            ignored: Vec::new(),
        })
    }

    /// The next line that is not blank, or `None` at the end.
    ///
    /// # Errors
    /// Only a reader that fails; a bad line is an [`Outcome`].
    pub fn next_row(&mut self) -> Result<Option<Outcome>, SnapshotError> {
        loop {
            let mut lines = self.block.lines(self.at);
            for line in lines.by_ref() {
                self.line_number += 1;
                let read = self
                    .layout
                    .read(line, &mut self.splitter, &mut self.ignored);
                if read.is_some() {
                    self.at = self.block.len() - lines.left();
                    return Ok(read);
                }
            }
            self.at = 0;
            let more = self.blocks.next(&mut self.block);
            if !more.map_err(SnapshotError::Register)? {
                return Ok(None);
            }
        }
    }

    /// The line last read, the first of the file being 1.
    pub fn line_number(&self) -> u64 {
        self.line_number
    }

    /// Fields of the row last read that could not be read and count as blank.
    pub fn ignored_fields(&self) -> &[(Field, RejectKind)] {
        &self.ignored
    }
}

fn rejected(column: Option<Field>, kind: RejectKind) -> Outcome {
    Outcome::Rejected {
        column,
        kind,
        protects: None,
    }
}

/// One line, split, on its way to being a row.
struct Reading<'a> {
    layout: &'a Layout<'a>,
    fields: Fields<'a>,
}

impl<'a> Reading<'a> {
    fn text(&self, field: Field) -> Option<&'a str> {
        let text = self.fields.field(self.layout.positions[field as usize]?);
        (!text.is_empty()).then_some(text)
    }

    /// Whether a mark is set. What is neither a yes nor a no counts as yes: it is a mark that protects.
    fn says_yes(&self, field: Field) -> bool {
        let no = ["no", "n", "0", "false", "f", "falso"];
        (self.text(field))
            .is_some_and(|text| !no.iter().any(|word| text.eq_ignore_ascii_case(word)))
    }

    fn outcome(&self, ignored: &mut Vec<(Field, RejectKind)>) -> Outcome {
        let mapping = self.layout.mapping;
        let person = if self.layout.key.is_empty() {
            match CodiceFiscale::parse(self.text(Field::CodiceFiscale).unwrap_or_default()) {
                Ok(code) => PersonKey::of_code(code),
                Err(fault) => {
                    return Outcome::Unlinked {
                        missing: fault == InvalidCodiceFiscale::Blank,
                    };
                }
            }
        } else {
            let key = self
                .layout
                .key
                .iter()
                .map(|place| self.fields.field(*place));
            match PersonKey::of_columns(key) {
                Some(person) => person,
                None => return Outcome::Unlinked { missing: true },
            }
        };
        let rejected = |column, kind| Outcome::Rejected {
            column,
            kind,
            protects: self.says_yes(Field::Protected).then_some(person),
        };
        let day = match self.text(Field::Date) {
            None => return rejected(Some(Field::Date), RejectKind::Missing),
            Some(text) => match Day::read(text, mapping.date_format) {
                None => return rejected(Some(Field::Date), RejectKind::Date),
                Some(day) => day,
            },
        };
        let service = match self.text(Field::Service) {
            None => return rejected(Some(Field::Service), RejectKind::Missing),
            Some(text) => match find(&mapping.services, text) {
                None => return rejected(Some(Field::Service), RejectKind::UnknownValue),
                Some(service) => *service,
            },
        };
        let marks = mapping.marks;
        // What an event is worth is part of what makes it distinct, so an unreadable number spoils the row.
        let mut worth = [0; 2];
        for (value, field) in worth.iter_mut().zip([Field::Quantity, Field::Amount]) {
            if let Some(text) = self.text(field) {
                match amount(text, marks) {
                    None => return rejected(Some(field), RejectKind::Number),
                    Some(number) => {
                        *value = number.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
                    }
                }
            }
        }
        let mut optional = Optional {
            reading: self,
            ignored,
        };
        let known_nil = |nil: &u16| {
            let known = self.layout.nils.get(usize::from(*nil));
            known.copied().unwrap_or(false)
        };
        Outcome::Row(Row {
            person,
            day,
            service,
            quantity: worth[0],
            amount: worth[1],
            sex: optional.word(Field::Sex, &mapping.sexes),
            birth: optional.read(Field::BirthDate, RejectKind::Date, |text| {
                Day::read_birth(text, mapping.date_format, day)
            }),
            citizenship: optional.word(Field::Citizenship, &mapping.citizenships),
            nil: optional.read(Field::Nil, RejectKind::UnknownValue, |text| {
                text.parse().ok().filter(known_nil)
            }),
            municipio: optional.read(Field::Municipio, RejectKind::UnknownValue, |text| {
                text.parse()
                    .ok()
                    .filter(|municipio| (1..=9).contains(municipio))
            }),
            household: self.text(Field::Household).map(HouseholdId::of),
            income_band: optional.read(Field::Isee, RejectKind::Number, |text| {
                amount(text, marks)
                    .filter(|cents| *cents >= 0)
                    .map(income_band)
            }),
            disability: optional.read(Field::Disability, RejectKind::UnknownValue, |text| {
                text.parse().ok().filter(|grade| *grade <= 3)
            }),
            need: optional.word(Field::Need, &mapping.needs),
            benefit: optional.word(Field::Benefit, &mapping.benefits),
            protected: self.says_yes(Field::Protected),
            role: optional.word(Field::Role, &mapping.roles),
            carer: optional.word(Field::Carer, &mapping.carers),
            occupation: optional.word(Field::Occupation, &mapping.occupations),
            dwelling: optional.word(Field::Dwelling, &mapping.dwellings),
        })
    }
}

/// What a word means, or what every other word means where the mapping says so.
fn find<'w, T>(words: &'w Words<T>, word: &str) -> Option<&'w T> {
    words.get(word).or_else(|| words.get(EVERY_OTHER))
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

    fn word<T: Copy>(&mut self, field: Field, words: &Words<T>) -> Option<T> {
        self.read(field, RejectKind::UnknownValue, |text| {
            find(words, text).copied()
        })
    }
}
