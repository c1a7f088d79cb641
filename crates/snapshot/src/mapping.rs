//! The mapping: an organisation's declaration of how its register becomes the common model.
//! Typed and closed; a fault is reported with its key in the file and what to write instead.

use crate::error::SnapshotError;
use geography::Level;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use taxonomy::Taxonomy;
use taxonomy::model::{Benefit, CitizenshipGroup, Need, Sex};

/// The mapping for the columns of a municipal register, as `init` writes it.
const MUNICIPAL_REGISTER: &str = include_str!("municipal_register.toml");

/// How the register's bytes are letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Latin-1, read as its superset windows-1252 as browsers do.
    #[serde(rename = "iso-8859-1", alias = "windows-1252")]
    Latin1,
}

/// How the register writes dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DateFormat {
    /// 31/12/2025
    #[serde(rename = "dd/mm/yyyy")]
    DaySlash,
    /// 31-12-2025
    #[serde(rename = "dd-mm-yyyy")]
    DayDash,
    /// 31.12.2025
    #[serde(rename = "dd.mm.yyyy")]
    DayDot,
    /// 2025-12-31
    #[serde(rename = "yyyy-mm-dd")]
    Iso,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:ident,)+) => {
        /// Fields of the common model that a column can fill.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $variant,)+ }

        impl Field {
            /// Every field, in the order of the discriminants.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)+];

            /// Its key under `columns` in the mapping.
            pub fn name(self) -> &'static str {
                match self { $(Field::$variant => stringify!($name),)+ }
            }
        }

        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields, default)]
        struct Columns { $($name: Option<String>,)+ }

        impl Columns {
            fn of(self) -> Vec<Option<String>> {
                vec![$(self.$name,)+]
            }
        }
    };
}

fields! {
    /// Links rows of one person; required.
    CodiceFiscale = codice_fiscale,
    /// Day of the event; required.
    Date = date,
    /// Service used; required.
    Service = service,
    /// Recorded sex.
    Sex = sex,
    /// Date of birth.
    BirthDate = birth_date,
    /// Citizenship.
    Citizenship = citizenship,
    /// Number of the NIL of residence.
    Nil = nil,
    /// Number of the municipio of residence.
    Municipio = municipio,
    /// The register's own household number.
    Household = household,
    /// ISEE in euro.
    Isee = isee,
    /// Grade of disability, 0 to 3.
    Disability = disability,
    /// A recorded need.
    Need = need,
    /// A benefit received.
    Benefit = benefit,
    /// Hours of the service.
    Quantity = quantity,
    /// Amount in euro.
    Amount = amount,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Values {
    service: BTreeMap<String, String>,
    sex: BTreeMap<String, String>,
    citizenship: BTreeMap<String, String>,
    need: BTreeMap<String, String>,
    benefit: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    version: u32,
    delimiter: char,
    encoding: Encoding,
    decimal_mark: char,
    date_format: DateFormat,
    finest_level: Level,
    #[serde(default)]
    derive_from_codice_fiscale: bool,
    columns: Columns,
    #[serde(default)]
    values: Values,
}

/// The register's words for the values of a vocabulary.
pub(crate) type Words<T> = HashMap<String, T, foldhash::fast::RandomState>;

/// A checked mapping. It holds no data of the register, only how to read it.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// ASCII.
    pub(crate) delimiter: u8,
    pub(crate) encoding: Encoding,
    pub(crate) decimal_mark: char,
    pub(crate) date_format: DateFormat,
    pub(crate) derive_from_codice_fiscale: bool,
    pub(crate) services: Words<u8>,
    pub(crate) sexes: Words<Sex>,
    pub(crate) citizenships: Words<CitizenshipGroup>,
    pub(crate) needs: Words<Need>,
    pub(crate) benefits: Words<Benefit>,
    columns: Vec<Option<String>>,
    finest_level: Level,
    hash: [u8; 32],
}

impl Mapping {
    /// The text of a mapping for the columns of a municipal register (`;`, Latin-1, decimal commas,
    /// Italian dates), with comments; `init` writes it for people to edit.
    pub fn municipal_register() -> &'static str {
        MUNICIPAL_REGISTER
    }

    /// Reads a mapping.
    ///
    /// # Errors
    /// [`SnapshotError::Mapping`] with the key in the file and what to write instead.
    pub fn parse(text: &str) -> Result<Mapping, SnapshotError> {
        let file: MappingFile = toml::from_str(text).map_err(|error| toml_fault(text, &error))?;
        if file.version != 1 {
            return Err(fault(
                "version",
                "this program reads version 1; write `version = 1`",
            ));
        }
        if !file.delimiter.is_ascii()
            || file.delimiter.is_ascii_alphanumeric()
            || "\"\r\n .-/".contains(file.delimiter)
        {
            return Err(fault(
                "delimiter",
                "write one of \";\", \",\", \"|\" or \"\\t\"",
            ));
        }
        if !matches!(file.decimal_mark, ',' | '.') {
            return Err(fault("decimal_mark", "write \",\" or \".\""));
        }
        let columns = file.columns.of();
        check_columns(&columns, file.finest_level)?;
        let taxonomy = Taxonomy::built_in();
        let service_ids: Vec<&str> = taxonomy
            .services()
            .iter()
            .map(|service| service.id.as_str())
            .collect();
        let values = file.values;
        Ok(Mapping {
            delimiter: file.delimiter as u8,
            encoding: file.encoding,
            decimal_mark: file.decimal_mark,
            date_format: file.date_format,
            derive_from_codice_fiscale: file.derive_from_codice_fiscale,
            services: table("service", values.service, &service_ids, |id| {
                taxonomy
                    .service_index(id)
                    .and_then(|index| u8::try_from(index).ok())
            })?,
            sexes: table("sex", values.sex, &ids(Sex::ALL, Sex::id), Sex::from_id)?,
            citizenships: table(
                "citizenship",
                values.citizenship,
                &ids(CitizenshipGroup::ALL, CitizenshipGroup::id),
                CitizenshipGroup::from_id,
            )?,
            needs: table(
                "need",
                values.need,
                &ids(Need::ALL, Need::id),
                Need::from_id,
            )?,
            benefits: table(
                "benefit",
                values.benefit,
                &ids(Benefit::ALL, Benefit::id),
                Benefit::from_id,
            )?,
            columns,
            finest_level: file.finest_level,
            hash: sha256(text.as_bytes()),
        })
    }

    /// The column that fills a field.
    pub fn column(&self, field: Field) -> Option<&str> {
        self.columns[field as usize].as_deref()
    }

    /// The finest level at which the register knows where people live. Public: it follows from the
    /// mapping alone.
    pub fn finest_level(&self) -> Level {
        self.finest_level
    }

    /// SHA-256 of the mapping's text.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

fn fault(key: &str, problem: impl Into<String>) -> SnapshotError {
    SnapshotError::Mapping {
        key: key.to_owned(),
        problem: problem.into(),
    }
}

/// A fault of the TOML reader, with line and the key that stands there.
fn toml_fault(text: &str, error: &toml::de::Error) -> SnapshotError {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count();
    let section = before
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix('[')?.split(']').next());
    let key = text
        .lines()
        .nth(line)
        .and_then(|line| line.split_once('='))
        .map(|(key, _)| key.trim());
    let key = match (section, key) {
        (Some(section), Some(key)) => format!("{section}.{key}"),
        (None, Some(key)) => key.to_owned(),
        (Some(section), None) => section.to_owned(),
        (None, None) => "file".to_owned(),
    };
    fault(
        &format!("{key} (line {})", line + 1),
        error.message().trim().replace('\n', "; "),
    )
}

fn check_columns(columns: &[Option<String>], finest: Level) -> Result<(), SnapshotError> {
    let has = |field: Field| columns[field as usize].is_some();
    for field in [Field::CodiceFiscale, Field::Date, Field::Service] {
        if !has(field) {
            let problem = format!(
                "every register needs it; write `{} = \"NAME OF THE COLUMN\"`",
                field.name()
            );
            return Err(fault(&format!("columns.{}", field.name()), problem));
        }
    }
    let needed: &[Field] = match finest {
        Level::City => &[],
        Level::Municipio => &[Field::Municipio],
        Level::Nil => &[Field::Nil],
        Level::MicroArea => &[Field::Nil, Field::Municipio],
    };
    // A municipio can also be known through the NIL.
    let known = |field: &Field| has(*field) || finest == Level::Municipio && has(Field::Nil);
    if let Some(field) = needed.iter().find(|field| !known(field)) {
        let problem = format!(
            "`{finest}` needs a column for `{name}`; write `{name} = \"NAME OF THE COLUMN\"` under [columns], or a coarser level",
            name = field.name()
        );
        return Err(fault("finest_level", problem));
    }
    for (index, column) in columns.iter().enumerate() {
        let key = format!("columns.{}", Field::ALL[index].name());
        match column {
            Some(column) if column.trim().is_empty() => {
                return Err(fault(
                    &key,
                    "is blank; write the column's name or leave the line out",
                ));
            }
            Some(column)
                if columns[..index]
                    .iter()
                    .flatten()
                    .any(|other| other == column) =>
            {
                return Err(fault(
                    &key,
                    format!("the column `{column}` already fills another field"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn ids<T: Copy>(all: &[T], id: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| id(*value)).collect()
}

/// A table from the register's words to the vocabulary. Every identifier also stands for itself.
fn table<T>(
    name: &str,
    words: BTreeMap<String, String>,
    known: &[&str],
    find: impl Fn(&str) -> Option<T>,
) -> Result<Words<T>, SnapshotError> {
    let mut table: Words<T> = known
        .iter()
        .filter_map(|id| find(id).map(|value| ((*id).to_owned(), value)))
        .collect();
    for (word, id) in words {
        let Some(value) = find(&id) else {
            let problem = format!(
                "`{id}` is not a known identifier; known are {}",
                known.join(", ")
            );
            return Err(fault(&format!("values.{name}.{word}"), problem));
        };
        table.insert(word.trim().to_owned(), value);
    }
    Ok(table)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: (&str, &str), expected: [&str; 2]) {
        let text = Mapping::municipal_register();
        assert!(text.contains(change.0), "{}", change.0);
        let error = Mapping::parse(&text.replacen(change.0, change.1, 1))
            .expect_err(change.1)
            .to_string();
        assert!(expected.iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn the_municipal_mapping_is_a_mapping() {
        let mapping = Mapping::parse(Mapping::municipal_register()).expect("mapping");
        assert_eq!(mapping.finest_level(), Level::MicroArea);
        assert!(
            Field::ALL
                .iter()
                .all(|field| mapping.column(*field).is_some())
        );
        assert_eq!(mapping.citizenships["EXTRA-UE"], CitizenshipGroup::NonEu);
    }

    #[test]
    fn faults_name_their_key_and_the_remedy() {
        check(
            ("version = 1", "version = 2"),
            ["mapping, version:", "`version = 1`"],
        );
        check(
            ("delimiter = \";\"", "delimiter = \";;\""),
            ["delimiter (line", "character"],
        );
        check(
            ("delimiter = \";\"", "delimiter = \"a\""),
            ["mapping, delimiter:", "write one of"],
        );
        check(
            ("decimal_mark = \",\"", "decimal_mark = \"'\""),
            ["decimal_mark", "write"],
        );
        check(
            ("\"iso-8859-1\"", "\"latin1\""),
            ["encoding (line", "utf-8"],
        );
        check(
            ("\"dd/mm/yyyy\"", "\"mm/dd/yyyy\""),
            ["date_format (line", "yyyy-mm-dd"],
        );
        check(("nil = \"NIL\"\n", ""), ["finest_level", "`nil ="]);
        check(
            ("date = \"DATA\"", "# no date"),
            ["columns.date", "every register needs it"],
        );
        check(
            ("nil = \"NIL\"", "nihil = \"NIL\""),
            ["columns.nihil (line", "unknown field"],
        );
        check(
            ("nil = \"NIL\"", "nil = \"DATA\""),
            ["columns.nil", "already fills"],
        );
        check(
            ("IT = \"italian\"", "IT = \"Italian\""),
            ["values.citizenship.IT", "known are italian, eu, non-eu"],
        );
    }
}
