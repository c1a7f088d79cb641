//! Another source, held by key, so that a row finds what the source says of it.
//! Only the columns that the mapping names are held. Where a key stands twice the later row counts.

use crate::error::SourceError;
use foldhash::fast::RandomState;
use snapshot::{Batch, Records};
use std::collections::HashMap;

/// Most bytes of text held of one source.
const MOST: usize = 1 << 30;

/// A source by key.
pub(crate) struct Lookup {
    /// Names of the columns held, as the source calls them.
    columns: Vec<String>,
    text: String,
    /// Where fields end in `text`: for each row one more than columns, the first being where the row starts.
    ends: Vec<usize>,
    rows: HashMap<Box<str>, u32, RandomState>,
}

/// A key as it is compared: without blanks, in capital letters.
fn normal(key: &str) -> String {
    let letters = key.chars().filter(|c| !c.is_whitespace());
    letters.flat_map(char::to_uppercase).collect()
}

impl Lookup {
    /// Reads a source to its end. `place` and `name` are what it is called in messages.
    pub(crate) fn read(
        mut records: impl Records,
        place: &str,
        name: &str,
        their_key: &str,
        wanted: &[String],
    ) -> Result<Lookup, SourceError> {
        let find = |column: &str, key: String| {
            let columns = records.columns();
            columns
                .iter()
                .position(|known| known.trim() == column.trim())
                .ok_or_else(|| SourceError::MissingColumn {
                    place: place.to_owned(),
                    column: column.to_owned(),
                    key,
                })
        };
        let key = find(their_key, format!("join.{name}.their_key"))?;
        let places = wanted
            .iter()
            .map(|column| find(column, format!("{name}.{column}")));
        let places = places.collect::<Result<Vec<usize>, _>>()?;
        let width = records.columns().len();
        let mut lookup = Lookup::of(wanted.to_vec());
        let mut batch = Batch::default();
        let fault = |error: snapshot::RecordsError| match error.downcast::<SourceError>() {
            Ok(error) => *error,
            Err(other) => SourceError::File {
                path: place.into(),
                source: std::io::Error::other(other.to_string()),
            },
        };
        while records.next(&mut batch).map_err(fault)? {
            for record in batch.records() {
                // A row that is damaged or has no key completes nobody.
                if record.problem().is_some() || record.len() != width {
                    continue;
                }
                let fields = places.iter().map(|place| record.field(*place));
                if !lookup.insert(record.field(key), fields) {
                    return Err(SourceError::TooLarge {
                        place: place.to_owned(),
                    });
                }
            }
        }
        Ok(lookup)
    }

    /// A source without rows.
    pub(crate) fn of(columns: Vec<String>) -> Lookup {
        Lookup {
            columns,
            text: String::new(),
            ends: Vec::new(),
            rows: HashMap::default(),
        }
    }

    /// Adds a row, one field for each column, unless the key is blank; false where there is no more space.
    pub(crate) fn insert<'f>(&mut self, key: &str, fields: impl Iterator<Item = &'f str>) -> bool {
        let key = normal(key);
        if key.is_empty() {
            return true;
        }
        let Ok(row) = u32::try_from(self.ends.len()) else {
            return false;
        };
        self.ends.push(self.text.len());
        for field in fields {
            self.text.push_str(field);
            self.ends.push(self.text.len());
        }
        self.rows.insert(key.into(), row);
        self.text.len() <= MOST
    }

    /// Where a key's row is; no other row is there.
    pub(crate) fn place(&self, key: &str) -> Option<u32> {
        self.rows.get(normal(key).as_str()).copied()
    }

    /// The columns held.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The fields of a key's row, blank ones where there is none.
    pub(crate) fn find<'s>(&'s self, key: &str) -> impl Iterator<Item = &'s str> + use<'s> {
        let key = normal(key);
        let row = (!key.is_empty())
            .then(|| self.rows.get(key.as_str()))
            .flatten();
        (0..self.columns.len()).map(move |column| match row {
            None => "",
            Some(row) => {
                let at = *row as usize + column;
                &self.text[self.ends[at]..self.ends[at + 1]]
            }
        })
    }
}
