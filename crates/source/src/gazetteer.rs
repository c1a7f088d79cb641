//! Streets and civic numbers: a table that says in which area each is, and how addresses are written alike.
//! It finds an address or nothing; it never guesses a neighbouring number.

use crate::detect::detect_text;
use crate::error::SourceError;
use crate::join::Lookup;
use crate::meanings::plain;
use crate::names::{CIVIC, NAMES, STREET};
use crate::text::open_file;
use snapshot::{CsvRecords, Field, Records};
use std::path::Path;

/// Kinds of streets as people shorten them, once dots are blanks; the first that fits counts.
const SHORT: [(&str, &str); 17] = [
    ("VLE", "VIALE"),
    ("V LE", "VIALE"),
    ("VL", "VIALE"),
    ("PZA", "PIAZZA"),
    ("P ZA", "PIAZZA"),
    ("PZZA", "PIAZZA"),
    ("P ZZA", "PIAZZA"),
    ("PIAZZ", "PIAZZA"),
    ("PLE", "PIAZZALE"),
    ("P LE", "PIAZZALE"),
    ("CSO", "CORSO"),
    ("C SO", "CORSO"),
    ("LGO", "LARGO"),
    ("L GO", "LARGO"),
    ("VIC", "VICOLO"),
    ("STR", "STRADA"),
    ("V", "VIA"),
];

/// Addresses and their areas.
pub(crate) struct Gazetteer(Lookup);

impl Gazetteer {
    /// Reads a CSV with columns `street`, `civic`, `nil`, `municipio`, or what registers call them.
    pub(crate) fn read(path: &Path) -> Result<Gazetteer, SourceError> {
        let format = detect_text(path)?.csv();
        let text = open_file(path)?;
        let records = CsvRecords::open(text, format).map_err(|_| SourceError::NoHeader {
            path: path.to_owned(),
        })?;
        let wanted = ["nil", "municipio"].map(str::to_owned);
        let keyed = Keyed::over(records, path)?;
        Lookup::read(
            keyed,
            &path.display().to_string(),
            "gazetteer",
            KEY,
            &wanted,
        )
        .map(Gazetteer)
    }

    /// NIL and municipio of an address, as the table writes them; blank where it is not in the table.
    pub(crate) fn find(&self, street: &str, civic: &str) -> (&str, &str) {
        let mut fields = self.0.find(&address(street, civic));
        (
            fields.next().unwrap_or_default(),
            fields.next().unwrap_or_default(),
        )
    }
}

const KEY: &str = "address";

/// The table with the address as one column, written alike.
struct Keyed<R> {
    inner: R,
    columns: Vec<String>,
    street: usize,
    civic: usize,
    from: snapshot::Batch,
}

impl<R: Records> Keyed<R> {
    fn over(inner: R, path: &Path) -> Result<Keyed<R>, SourceError> {
        let mut columns: Vec<String> = inner.columns().iter().map(|name| canonical(name)).collect();
        let find = |column: &str| {
            let found = columns.iter().position(|known| known == column);
            found.ok_or_else(|| SourceError::MissingColumn {
                place: path.display().to_string(),
                column: column.to_owned(),
                key: "places.gazetteer".to_owned(),
            })
        };
        let (street, civic) = (find("street")?, find("civic")?);
        columns.push(KEY.to_owned());
        Ok(Keyed {
            inner,
            columns,
            street,
            civic,
            from: snapshot::Batch::default(),
        })
    }
}

/// What a column of the table is called here, whatever its name.
fn canonical(name: &str) -> String {
    let called = plain(name);
    let of = |wanted: Field| {
        let mut fields = NAMES.iter().filter(|(field, _)| *field == wanted);
        fields.any(|(_, names)| names.contains(&called.as_str()))
    };
    if STREET.contains(&called.as_str()) {
        "street"
    } else if CIVIC.contains(&called.as_str()) || called == "CIVIC" {
        "civic"
    } else if of(Field::Nil) {
        "nil"
    } else if of(Field::Municipio) {
        "municipio"
    } else {
        name
    }
    .to_owned()
}

impl<R: Records> Records for Keyed<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, batch: &mut snapshot::Batch) -> Result<bool, snapshot::RecordsError> {
        batch.clear();
        let more = self.inner.next(&mut self.from)?;
        for record in self.from.records() {
            batch.begin(record.number);
            (0..record.len()).for_each(|index| batch.field(record.field(index)));
            batch.field(&address(
                record.field(self.street),
                record.field(self.civic),
            ));
            if let Some(problem) = record.problem() {
                batch.spoil(problem);
            }
        }
        Ok(more)
    }
}

/// An address as it is compared. Without a civic number of its own, the street's last number is it.
fn address(street: &str, civic: &str) -> String {
    let plain = |text: &str| {
        let mut plain = String::with_capacity(text.len());
        for c in text.chars().flat_map(char::to_uppercase) {
            plain.push(match c {
                'À' | 'Á' => 'A',
                'È' | 'É' => 'E',
                'Ì' | 'Í' => 'I',
                'Ò' | 'Ó' => 'O',
                'Ù' | 'Ú' => 'U',
                c if c.is_alphanumeric() || c == '/' => c,
                _ => ' ',
            });
        }
        plain
    };
    let street = plain(street);
    let mut words: Vec<&str> = street.split_whitespace().collect();
    let civic = plain(civic);
    let mut number: String = civic.split_whitespace().collect();
    if number.is_empty() {
        // 'VIA ROMA 12', 'VIA ROMA 12 A', 'VIA ROMA N 12'.
        let digits = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        let place = words
            .iter()
            .rposition(|word| digits(word))
            .filter(|place| *place > 0);
        if let Some(place) = place.filter(|place| words.len() - place <= 2) {
            number = words[place..].concat();
            words.truncate(place);
            if matches!(words.last(), Some(&"N" | &"NR" | &"NUM" | &"CIVICO")) {
                words.pop();
            }
        }
    }
    let number = number
        .trim_start_matches('N')
        .trim_start_matches('0')
        .replace('/', "");
    let street = words.join(" ");
    let street = (SHORT.iter())
        .find_map(|(short, long)| {
            let rest = street.strip_prefix(short)?.strip_prefix(' ')?;
            Some(format!("{long} {rest}"))
        })
        .unwrap_or(street);
    if street.is_empty() || number.is_empty() {
        return String::new();
    }
    format!("{street}#{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_found_however_it_is_written() {
        let expected = address("VIALE MONZA", "12");
        for (street, civic) in [
            ("viale monza", " 12 "),
            ("V.le Monza", "12"),
            ("VLE MONZA 12", ""),
            ("Viale Monza, 12", ""),
            ("viale monza n. 12", ""),
            ("VIALE  MONZA", "0012"),
        ] {
            assert_eq!(address(street, civic), expected, "{street} {civic}");
        }
        assert_eq!(
            address("Via XX Settembre 7/a", ""),
            address("V. XX SETTEMBRE", "7A")
        );
        assert_eq!(address("via cefalù", "3"), address("VIA CEFALU", "3"));
        assert_ne!(address("Via Roma", "1"), address("Via Roma", "11"));
        assert_ne!(address("Via 25 Aprile", "1"), address("Via Aprile", "251"));
        for (street, civic) in [("", "3"), ("Via Roma", ""), ("12", ""), ("", "")] {
            assert_eq!(address(street, civic), "", "{street} {civic}");
        }
    }

    #[test]
    fn a_table_of_addresses_is_read_and_what_it_lacks_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("g.csv");
        std::fs::write(
            &path,
            "street,civic,nil,municipio\nVia Roma,1,15,3\nVia Roma,2,15,\n",
        )
        .expect("written");
        let gazetteer = Gazetteer::read(&path).expect("a table");
        assert_eq!(gazetteer.find("v. roma 1", ""), ("15", "3"));
        assert_eq!(gazetteer.find("VIA ROMA", "2"), ("15", ""));
        assert_eq!(gazetteer.find("VIA ROMA", "3"), ("", ""));
        assert_eq!(gazetteer.find("", ""), ("", ""));
        // As an Italian office exports it.
        let office = b"ID_NIL;Municipio;Via;Civico\n15;3;Via Cefal\xf9;1\n";
        std::fs::write(&path, office).expect("written");
        let gazetteer = Gazetteer::read(&path).expect("a table");
        assert_eq!(gazetteer.find("via cefal\u{f9}", "1"), ("15", "3"));
        std::fs::write(&path, "street;number\n").expect("written");
        let error = Gazetteer::read(&path)
            .map(|_| ())
            .expect_err("refused")
            .to_string();
        assert!(error.contains("`civic`"), "{error}");
    }
}
