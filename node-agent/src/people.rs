//! Lists of people as an organisation writes them down: one person a line, or a table with the columns that name people in the
//! mapping. What a line holds becomes a key or a line number; no value is ever shown, kept or logged.

use crate::fault::{Fault, NOBODY_ENTERED, OrFault};
use anyhow::{Context, Result, ensure};
use snapshot::{
    Batch, CodiceFiscale, CsvFormat, CsvRecords, Encoding, Field, Mapping, PersonKey, Records,
};
use source::{Notation, Place, SourceConfig};
use std::path::Path;

/// Delimiters of a list, the one that is documented first.
const DELIMITERS: [u8; 4] = [b';', b'\t', b',', b'|'];
/// So many line numbers are named.
const NAMED: usize = 20;

/// A list that was read.
#[derive(Debug, Default)]
pub struct PeopleList {
    /// The people, in the order of the list.
    pub people: Vec<PersonKey>,
    /// Numbers of the lines that name nobody.
    pub unreadable: Vec<u64>,
}

/// A file without a first line that says which of its columns is which.
#[derive(Debug, thiserror::Error)]
#[error(
    "nobody was entered: the file's first line does not name the columns {0}, so that one could be taken for the other; write these \
     names above the columns"
)]
pub struct ColumnsNotNamed(String);

/// How a register names people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    columns: Vec<String>,
    by_code: bool,
}

impl Naming {
    /// As a mapping says.
    pub fn of(mapping: &Mapping) -> Naming {
        match mapping.person_key() {
            [] => Naming {
                columns: vec![
                    (mapping.column(Field::CodiceFiscale))
                        .unwrap_or("codice fiscale")
                        .to_owned(),
                ],
                by_code: true,
            },
            columns => Naming {
                columns: columns.to_vec(),
                by_code: false,
            },
        }
    }

    /// The columns that name a person; one where the codice fiscale does.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the codice fiscale names people.
    pub fn is_by_code(&self) -> bool {
        self.by_code
    }

    fn person(&self, fields: &[&str]) -> Option<PersonKey> {
        if self.by_code {
            let code = CodiceFiscale::parse(fields.first()?.trim()).ok()?;
            return Some(PersonKey::of_code(code));
        }
        PersonKey::of_columns(fields.iter().copied())
    }

    /// Where the key columns stand in a table with these columns; none where one is missing.
    fn places(&self, columns: &[String]) -> Option<Vec<usize>> {
        let bare = |name: &str| name.trim().to_lowercase();
        let place = |name: &String| (columns.iter()).position(|column| bare(column) == bare(name));
        self.columns.iter().map(place).collect()
    }

    /// How text is written: by which delimiter, and where the key columns stand where its first line names them.
    fn shape(&self, text: &str) -> (u8, Option<Vec<usize>>) {
        let first = text.lines().next().unwrap_or_default();
        let shapes = DELIMITERS.into_iter().filter_map(|delimiter| {
            let columns = header(first, delimiter)?;
            let places = self.places(&columns);
            (places.is_some() || columns.len() == self.columns.len()).then_some((delimiter, places))
        });
        // A header under any delimiter says more than a number of fields that fits.
        let mut all = Vec::from_iter(shapes);
        let named = all.iter().position(|(_, places)| places.is_some());
        match named.or((!all.is_empty()).then_some(0)) {
            Some(index) => all.swap_remove(index),
            None => (DELIMITERS[0], None),
        }
    }

    /// Reads text: its first line names columns, the key columns among them, or is the first person, as are all lines then, with
    /// the key columns in their order. Blank lines count and say nothing.
    pub fn read_text(&self, text: &str) -> PeopleList {
        let (delimiter, places) = self.shape(text);
        match places {
            Some(places) => self.read_lines(text, delimiter, &places, 0),
            None => {
                let separator = char::from(delimiter).to_string();
                let names = (0..self.columns.len()).map(|column| column.to_string());
                let headed = format!("{}\n{text}", Vec::from_iter(names).join(&separator));
                let places = Vec::from_iter(0..self.columns.len());
                self.read_lines(&headed, delimiter, &places, 1)
            }
        }
    }

    /// Reads the text of a file, whose author need not know in which order the mapping names people: where several columns do, its
    /// first line must say which is which, since marks of surnames taken for names would leave nobody out.
    ///
    /// # Errors
    /// [`ColumnsNotNamed`].
    pub fn read_file_text(&self, text: &str) -> Result<PeopleList, ColumnsNotNamed> {
        let list = self.read_text(text);
        let in_order = self.columns.len() > 1 && self.shape(text).1.is_none();
        match in_order && list.ensure_not_empty().is_ok() {
            true => Err(ColumnsNotNamed(quoted(&self.columns))),
            false => Ok(list),
        }
    }

    fn read_lines(&self, text: &str, delimiter: u8, places: &[usize], added: u64) -> PeopleList {
        let format = CsvFormat {
            delimiter,
            encoding: Encoding::Utf8,
            header_line: 1,
        };
        let Ok(records) = CsvRecords::open(text.as_bytes(), format) else {
            return PeopleList::default();
        };
        // Reading from memory cannot fail.
        self.read_records(records, places, added)
            .unwrap_or_default()
    }

    fn read_records(
        &self,
        mut records: impl Records,
        places: &[usize],
        added: u64,
    ) -> Result<PeopleList, snapshot::RecordsError> {
        let mut list = PeopleList::default();
        let mut batch = Batch::default();
        while records.next(&mut batch)? {
            for record in batch.records() {
                let fields = Vec::from_iter(places.iter().map(|place| record.field(*place)));
                let person = match record.problem() {
                    None => self.person(&fields),
                    Some(_) => None,
                };
                match person {
                    Some(person) => list.people.push(person),
                    None => list.unreadable.push(record.number - added),
                }
            }
        }
        Ok(list)
    }

    /// Reads a file: text, or a table of any kind that a register may be, with the key columns.
    ///
    /// # Errors
    /// A file that cannot be read, or a table without the key columns; names the columns and the remedy, never a value.
    pub fn read_file(&self, path: &Path, mapping: &Mapping) -> Result<PeopleList> {
        let place = Place::of(&path.display().to_string(), &SourceConfig::default())?;
        if let Place::Text(path) = &place {
            let bytes = std::fs::read(path).or_unread(path)?;
            return Ok(self.read_file_text(&source::decode_text(&bytes))?);
        }
        let records = source::open(&place, None, Notation::of(mapping))?;
        let places = self.places(records.columns()).with_context(|| {
            format!(
                "{} lacks a column that names people: its first row must name {}, as the mapping does",
                path.display(),
                quoted(&self.columns)
            )
        })?;
        let list = self.read_records(records, &places, 0);
        list.map_err(|error| anyhow::anyhow!("{error}"))
    }
}

impl PeopleList {
    /// The line numbers as people read them.
    pub fn unreadable_lines(&self) -> String {
        let named = self.unreadable.iter().take(NAMED).map(u64::to_string);
        let mut text = Vec::from_iter(named).join(", ");
        if self.unreadable.len() > NAMED {
            text.push_str(", …");
        }
        text
    }

    /// Refuses a list without a line.
    ///
    /// # Errors
    /// When it holds nothing at all.
    pub fn ensure_not_empty(&self) -> Result<()> {
        ensure!(
            !self.people.is_empty() || !self.unreadable.is_empty(),
            Fault::new(&NOBODY_ENTERED)
        );
        Ok(())
    }
}

/// The fields of a first line.
fn header(line: &str, delimiter: u8) -> Option<Vec<String>> {
    let format = CsvFormat {
        delimiter,
        encoding: Encoding::Utf8,
        header_line: 1,
    };
    let records = CsvRecords::open(line.as_bytes(), format).ok()?;
    Some(records.columns().to_vec())
}

/// Names of columns in a sentence.
pub(crate) fn quoted(columns: &[String]) -> String {
    let quoted = columns.iter().map(|column| format!("`{column}`"));
    Vec::from_iter(quoted).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(columns: &[&str], by_code: bool) -> Naming {
        Naming {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            by_code,
        }
    }

    fn key(columns: &[&str]) -> PersonKey {
        PersonKey::of_columns(columns.iter().copied()).expect("a key")
    }

    #[test]
    fn a_list_of_codes_may_have_a_header_or_none_and_bad_lines_are_numbered() {
        let naming = naming(&["COD. FISC."], true);
        let code = PersonKey::of_code(CodiceFiscale::parse("RSSMRA80A01F205X").expect("valid"));
        for (text, people, unreadable) in [
            ("RSSMRA80A01F205X", 1, &[][..]),
            ("rss mra 80a01 f205x\r\n\r\nRSSMRA80A01F205A\n", 1, &[3]),
            ("cod. fisc.\nRSSMRA80A01F205X\n", 1, &[]),
            (
                "Nome;COD. FISC.;Note\nAnna;RSSMRA80A01F205X;x\nBruno;;y\nAnna;RSSMRA80A01F205X\n",
                1,
                &[3, 4],
            ),
            (
                "Nome,COD. FISC.\n\"Rossi, Anna\",RSSMRA80A01F205X\n",
                1,
                &[],
            ),
            ("Elenco opposizioni\nRSSMRA80A01F205X\n", 1, &[1]),
            ("\nRSSMRA80A01F205X\n", 1, &[]),
            ("RSSMRA80A01F205X;Rossi\n", 0, &[1]),
            ("", 0, &[]),
        ] {
            let list = naming.read_text(text);
            assert_eq!(list.people, vec![code; people], "{text:?}");
            assert_eq!(list.unreadable, unreadable, "{text:?}");
        }
        assert!(naming.read_text("").ensure_not_empty().is_err());
    }

    #[test]
    fn key_columns_are_found_by_name_or_stand_in_their_order() {
        let naming = naming(&["Cognome", "Nome"], false);
        let anna = key(&["Rossi", "Anna"]);
        for text in [
            "Rossi;Anna",
            "rossi\tANNA\n",
            "Nome;Cognome;Tel\nAnna;Rossi;02\n",
            "cognome,nome\n\"Rossi\",Anna\n",
        ] {
            let list = naming.read_text(text);
            assert_eq!(
                (list.people, list.unreadable),
                (vec![anna], vec![]),
                "{text:?}"
            );
        }
        // Whoever wrote a file need not know that order, and is asked to say theirs.
        for text in ["Rossi;Anna", "Anna;Rossi\n", "Nome;Nato\nAnna;1980\n"] {
            let refused = naming.read_file_text(text).expect_err("refused");
            assert!(refused.to_string().contains("`Cognome`, `Nome`"));
        }
        let named = naming.read_file_text("Nome;Cognome\nAnna;Rossi\n");
        assert_eq!(named.expect("read").people, [anna]);
        assert!(naming.read_file_text("").is_ok());
        // The first line decides nothing for the others.
        let list = naming.read_text("Rossi\nRossi;Anna\nRossi;Anna;Maria\nRossi; \n");
        assert_eq!(
            (list.people, &*list.unreadable),
            (vec![anna], &[1, 3, 4][..])
        );
    }

    #[test]
    fn files_are_read_in_their_own_encoding_and_line_numbers_are_cut_short() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("elenco.csv");
        let naming = naming(&["Cognome", "Nome"], false);
        let mapping = Mapping::parse(Mapping::municipal_register()).expect("valid");
        let text = "Cognome;Nome\r\nNicolò;Anna\r\n";
        let utf16: Vec<u8> = (text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            text.chars().map(|letter| letter as u32 as u8).collect(),
            [b"\xff\xfe".to_vec(), utf16].concat(),
        ] {
            std::fs::write(&path, &bytes).expect("written");
            let list = naming.read_file(&path, &mapping).expect("read");
            assert_eq!(list.people, [key(&["Nicolò", "Anna"])]);
        }
        let list = naming.read_text(&"x\n".repeat(30));
        assert_eq!(list.unreadable.len(), 30);
        assert!(list.unreadable_lines().ends_with("19, 20, …"));
        let missing = naming.read_file(&place.path().join("none.csv"), &mapping);
        assert!(missing.is_err());
    }
}
