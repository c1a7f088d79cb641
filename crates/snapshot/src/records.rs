//! Records of a register, whatever keeps it: the names of its columns once, then batches of records as text.
//! A connector hands out fields as the register writes them; what they mean is decided by the mapping, in one place.

use crate::line::{Fields, MAX_LINE};
use crate::quality::RejectKind;
use std::sync::Arc;

/// Bytes after which a batch is full.
const BATCH_BYTES: usize = 1 << 20;
/// Records after which a batch is full.
const BATCH_RECORDS: usize = 16_384;

/// Why records stopped coming. Sentences name files, columns and remedies, never a value of the register.
pub type RecordsError = Box<dyn std::error::Error + Send + Sync>;

/// A stream of records. One record is about one person's one event, as one line of a CSV file is.
pub trait Records: Send {
    /// The names of the columns, in the order of the fields.
    fn columns(&self) -> &[String];

    /// Replaces the batch by the next records; false, and an empty batch, at the end.
    ///
    /// # Errors
    /// When the register cannot be read on. A bad record is marked in the batch instead.
    fn next(&mut self, batch: &mut Batch) -> Result<bool, RecordsError>;
}

impl<R: Records + ?Sized> Records for Box<R> {
    fn columns(&self) -> &[String] {
        (**self).columns()
    }

    fn next(&mut self, batch: &mut Batch) -> Result<bool, RecordsError> {
        (**self).next(batch)
    }
}

/// One file of a register that is kept in several: what a bad row of it is called by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The file's name.
    pub file: String,
    /// Columns of the register that this file fills from a column of another name: the register's, then its own.
    pub columns: Vec<(String, String)>,
    /// What the connector itself finds wrong with a row, and in which of the file's columns.
    pub faults: Vec<(RejectKind, String)>,
}

impl Part {
    /// The file's own column behind a fault; `column` is the register's, empty where the connector found the fault.
    pub(crate) fn column<'p>(&'p self, column: &'p str, kind: RejectKind) -> &'p str {
        let own = match column {
            "" => self
                .faults
                .iter()
                .find(|(known, _)| *known == kind)
                .map(|(_, own)| own),
            _ => self
                .columns
                .iter()
                .find(|(known, _)| known == column)
                .map(|(_, own)| own),
        };
        own.map_or(column, String::as_str)
    }
}

/// Some records: their text in one piece, so that a batch costs few allocations however many records it has.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    text: String,
    ends: Vec<u32>,
    records: Vec<Place>,
    part: Option<Arc<Part>>,
    /// Which batch it is, in the order of the register.
    pub(crate) number: usize,
}

/// Where a record stands in a batch.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    text: usize,
    ends: usize,
    problem: Option<RejectKind>,
}

/// One record of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its number in the register, the header being 1 where there is one.
    pub number: u64,
    fields: Fields<'a>,
    problem: Option<RejectKind>,
}

impl Batch {
    /// Says of which file of the register its records are.
    pub fn set_part(&mut self, part: Option<Arc<Part>>) {
        self.part = part;
    }

    /// Of which file its records are, where the register has several.
    pub fn part(&self) -> Option<&Arc<Part>> {
        self.part.as_ref()
    }

    /// Forgets all records.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.records.clear();
    }

    /// Begins a record; its fields follow by [`Batch::field`].
    pub fn begin(&mut self, number: u64) {
        self.records.push(Place {
            number,
            text: self.text.len(),
            ends: self.ends.len(),
            problem: None,
        });
    }

    /// Adds the next field of the record begun last. A record longer than a line may be is marked as such.
    pub fn field(&mut self, text: &str) {
        let Some(place) = self.records.last_mut() else {
            return;
        };
        if self.text.len() - place.text + text.len() > MAX_LINE {
            place.problem = Some(RejectKind::TooLong);
        } else {
            self.text.push_str(text);
        }
        self.ends.push((self.text.len() - place.text) as u32);
    }

    /// Marks the record begun last as one that cannot be used.
    pub fn spoil(&mut self, problem: RejectKind) {
        if let Some(place) = self.records.last_mut() {
            place.problem = Some(problem);
        }
    }

    /// Whether it is time to hand it on.
    pub fn is_full(&self) -> bool {
        self.text.len() >= BATCH_BYTES || self.records.len() >= BATCH_RECORDS
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Its records in order.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().enumerate().map(|(index, place)| {
            let next = self.records.get(index + 1);
            let text = next.map_or(self.text.len(), |next| next.text);
            let ends = next.map_or(self.ends.len(), |next| next.ends);
            Record {
                number: place.number,
                fields: Fields::new(&self.text[place.text..text], &self.ends[place.ends..ends]),
                problem: place.problem,
            }
        })
    }
}

impl<'a> Record<'a> {
    /// Field `index` without blanks around it; empty where there is none.
    pub fn field(&self, index: usize) -> &'a str {
        self.fields.field(index)
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.len() == 0
    }

    /// Why it cannot be used, if so.
    pub fn problem(&self) -> Option<RejectKind> {
        self.problem
    }

    pub(crate) fn fields(&self) -> Fields<'a> {
        self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_what_was_put_in() {
        let mut batch = Batch::default();
        batch.begin(2);
        ["a", "", " ò "].iter().for_each(|text| batch.field(text));
        batch.begin(3);
        batch.begin(7);
        batch.field("b");
        batch.spoil(RejectKind::Encoding);
        let got: Vec<_> = (batch.records())
            .map(|record| {
                let fields: Vec<_> = (0..record.len()).map(|i| record.field(i)).collect();
                (record.number, fields, record.problem())
            })
            .collect();
        let spoilt = (7, vec!["b"], Some(RejectKind::Encoding));
        assert_eq!(
            got,
            [(2, vec!["a", "", "ò"], None), (3, vec![], None), spoilt]
        );
        batch.clear();
        assert!(batch.is_empty() && batch.records().next().is_none());
    }

    #[test]
    fn an_endless_record_keeps_its_place_and_no_more_memory_than_a_line_may_have() {
        let mut batch = Batch::default();
        batch.begin(2);
        let long = "x".repeat(MAX_LINE);
        batch.field(&long);
        for _ in 0..1_000 {
            batch.field(&long);
        }
        batch.begin(3);
        batch.field("good");
        let problems: Vec<_> = batch.records().map(|record| record.problem()).collect();
        assert_eq!(problems, [Some(RejectKind::TooLong), None]);
        assert!(batch.text.len() <= MAX_LINE + 4);
    }
}
