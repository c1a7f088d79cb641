//! The mapping: an organisation's declaration of how its register becomes the common model.
//! Typed and closed; a fault is reported with its key in the file and what to write instead.

use crate::completion::{Completion, HOME_MUNICIPIO, HOME_NIL, HomeColumns, JoinInFile};
use crate::csv_records::CsvFormat;
use crate::error::SnapshotError;
use crate::mapping_faults as faults;
use crate::notation::{
    DateFormat, Encoding, Marks, NO_DELIMITER, checked_delimiter, checked_header_line, marks,
};
use crate::words::{Words, YES_NO, ids, table, with_codes, yes_no};
use geography::Level;
use sentence::Said;
use serde::Deserialize;
use std::collections::BTreeMap;
use taxonomy::model::{Benefit, CitizenshipGroup, Dwelling, HouseholdRole, Need, Occupation, Sex};
use taxonomy::{Attribute, Attributes, Taxonomy};

/// The mapping for the columns of a municipal register, as `init` writes it.
const MUNICIPAL_REGISTER: &str = include_str!("municipal_register.toml");

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
    /// Links rows of one person; required where `person_key` names no other columns.
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
    /// Whether the address is protected: then nobody is told where the person lives.
    Protected = protected,
    /// Place in the household.
    Role = role,
    /// Whether the person cares for a relative.
    Carer = carer,
    /// Condition in work and study.
    Occupation = occupation,
    /// Where the person lives.
    Dwelling = dwelling,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Values {
    service: BTreeMap<String, String>,
    sex: BTreeMap<String, String>,
    citizenship: BTreeMap<String, String>,
    need: BTreeMap<String, String>,
    benefit: BTreeMap<String, String>,
    role: BTreeMap<String, String>,
    carer: BTreeMap<String, String>,
    occupation: BTreeMap<String, String>,
    dwelling: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    version: u32,
    #[serde(default)]
    delimiter: Option<char>,
    #[serde(default)]
    encoding: Option<Encoding>,
    #[serde(default)]
    header_line: Option<u32>,
    #[serde(default)]
    decimal_mark: Option<char>,
    #[serde(default)]
    thousands_mark: Option<char>,
    #[serde(default)]
    date_format: Option<DateFormat>,
    finest_level: Level,
    #[serde(default)]
    derive_from_codice_fiscale: bool,
    #[serde(default)]
    person_key: Vec<String>,
    columns: Columns,
    #[serde(default)]
    constants: BTreeMap<String, String>,
    #[serde(default)]
    home: Option<HomeColumns>,
    #[serde(default)]
    join: Vec<JoinInFile>,
    #[serde(default)]
    values: Values,
}

/// A checked mapping. It holds no data of the register, only how to read it.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// ASCII; [`NO_DELIMITER`] where the register is no text file.
    pub(crate) delimiter: u8,
    pub(crate) encoding: Encoding,
    /// Which line of a text file names the columns, from 1.
    pub(crate) header_line: u32,
    pub(crate) marks: Marks,
    pub(crate) date_format: DateFormat,
    pub(crate) derive_from_codice_fiscale: bool,
    pub(crate) services: Words<u8>,
    pub(crate) sexes: Words<Sex>,
    pub(crate) citizenships: Words<CitizenshipGroup>,
    pub(crate) needs: Words<Need>,
    pub(crate) benefits: Words<Benefit>,
    pub(crate) roles: Words<HouseholdRole>,
    pub(crate) carers: Words<bool>,
    pub(crate) occupations: Words<Occupation>,
    pub(crate) dwellings: Words<Dwelling>,
    columns: Vec<Option<String>>,
    person_key: Vec<String>,
    completion: Completion,
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
            return Err(fault("version", &faults::VERSION));
        }
        let delimiter = match file.delimiter {
            Some(delimiter) => checked_delimiter("delimiter", delimiter)?,
            None => NO_DELIMITER,
        };
        let marks = marks(file.decimal_mark, file.thousands_mark)?;
        let mut columns = file.columns.of();
        let completion = Completion::of(file.join, file.home, file.constants)?;
        fill_from_completion(&mut columns, &completion)?;
        check_columns(&columns, file.finest_level, &file.person_key)?;
        let taxonomy = Taxonomy::current();
        let service_ids: Vec<&str> = taxonomy
            .services()
            .iter()
            .map(|service| service.id.as_str())
            .collect();
        let values = file.values;
        Ok(Mapping {
            delimiter,
            encoding: file.encoding.unwrap_or(Encoding::Utf8),
            header_line: checked_header_line("header_line", file.header_line)?,
            marks,
            date_format: file.date_format.unwrap_or(DateFormat::Iso),
            derive_from_codice_fiscale: file.derive_from_codice_fiscale,
            services: with_codes(
                table("service", values.service, &service_ids, |id| {
                    taxonomy
                        .service_index(id)
                        .and_then(|index| u8::try_from(index).ok())
                })?,
                (0..).zip(taxonomy.services()).flat_map(|(index, service)| {
                    service.siuss.iter().map(move |code| (code.as_str(), index))
                }),
            ),
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
            benefits: with_codes(
                table(
                    "benefit",
                    values.benefit,
                    &ids(Benefit::ALL, Benefit::id),
                    Benefit::from_id,
                )?,
                (Benefit::ALL.iter()).filter_map(|benefit| Some((benefit.siuss()?, *benefit))),
            ),
            roles: table(
                "role",
                values.role,
                &ids(HouseholdRole::ALL, HouseholdRole::id),
                HouseholdRole::from_id,
            )?,
            carers: table("carer", values.carer, &YES_NO, yes_no)?,
            occupations: table(
                "occupation",
                values.occupation,
                &ids(Occupation::ALL, Occupation::id),
                Occupation::from_id,
            )?,
            dwellings: table(
                "dwelling",
                values.dwelling,
                &ids(Dwelling::ALL, Dwelling::id),
                Dwelling::from_id,
            )?,
            columns,
            person_key: file.person_key,
            completion,
            finest_level: file.finest_level,
            hash: sha256(text.as_bytes()),
        })
    }

    /// The column that fills a field.
    pub fn column(&self, field: Field) -> Option<&str> {
        self.columns[field as usize].as_deref()
    }

    /// The columns that together name a person, where no codice fiscale does.
    pub fn person_key(&self) -> &[String] {
        &self.person_key
    }

    /// What completes the register's rows before they are read.
    pub fn completion(&self) -> &Completion {
        &self.completion
    }

    /// How the register's text is written, where it is a text file.
    pub fn csv_format(&self) -> Option<CsvFormat> {
        (self.delimiter != NO_DELIMITER).then_some(CsvFormat {
            delimiter: self.delimiter,
            encoding: self.encoding,
            header_line: self.header_line,
        })
    }

    /// How the register writes dates.
    pub fn date_format(&self) -> DateFormat {
        self.date_format
    }

    /// How the register writes numbers.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The attributes of people that the register records. Public: it follows from the mapping alone.
    pub fn attributes(&self) -> Attributes {
        let known = |attribute: &Attribute| {
            let derived = matches!(attribute, Attribute::BirthDate | Attribute::Sex);
            self.column(field_of(*attribute)).is_some()
                || derived && self.derive_from_codice_fiscale
        };
        Attribute::ALL.iter().copied().filter(known).collect()
    }

    /// The text of [`Mapping::municipal_register`] with those further columns that the register has, by its header line.
    pub fn municipal_register_of(header: &str) -> String {
        let header: Vec<&str> = header.split(';').map(str::trim).collect();
        let lines = MUNICIPAL_REGISTER.lines().map(|line| {
            let offered = line.strip_prefix("# ").and_then(|rest| {
                let column = rest.split('"').nth(1)?;
                (rest.contains(" = \"") && header.contains(&column)).then_some(rest)
            });
            offered.unwrap_or(line)
        });
        lines.flat_map(|line| [line, "\n"]).collect()
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

pub(crate) fn fault(key: &str, problem: impl Into<Said>) -> SnapshotError {
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
        faults::TOML.with([&error.message().trim().replace('\n', "; ")]),
    )
}

/// Lets the fields that a completion fills be read from the columns it adds.
fn fill_from_completion(
    columns: &mut [Option<String>],
    completion: &Completion,
) -> Result<(), SnapshotError> {
    let mut fill = |field: Field, column: &str, key: &str| {
        let place = &mut columns[field as usize];
        if place.is_some() {
            return Err(fault(key, faults::SAID_ALREADY.with([field.name()])));
        }
        *place = Some(column.to_owned());
        Ok(())
    };
    if completion.home.is_some() {
        fill(Field::Nil, HOME_NIL, "home")?;
        fill(Field::Municipio, HOME_MUNICIPIO, "home")?;
    }
    for (field, _) in &completion.constants {
        let key = format!("constants.{}", field.name());
        fill(*field, &Completion::constant_column(*field), &key)?;
    }
    Ok(())
}

fn check_columns(
    columns: &[Option<String>],
    finest: Level,
    person_key: &[String],
) -> Result<(), SnapshotError> {
    let has = |field: Field| columns[field as usize].is_some();
    if !person_key.is_empty() && has(Field::CodiceFiscale) {
        return Err(fault("person_key", &faults::LINKED_ALREADY));
    }
    if person_key.iter().any(|column| column.trim().is_empty()) {
        return Err(fault("person_key", &faults::BLANK_NAME));
    }
    let linked = |field: &Field| *field != Field::CodiceFiscale || person_key.is_empty();
    let required = [Field::CodiceFiscale, Field::Date, Field::Service];
    for field in required.into_iter().filter(linked) {
        if !has(field) {
            let problem = faults::NEEDED.with([field.name()]);
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
        let problem = faults::TOO_FINE.with([finest.id(), field.name()]);
        return Err(fault("finest_level", problem));
    }
    for (index, column) in columns.iter().enumerate() {
        let key = format!("columns.{}", Field::ALL[index].name());
        match column {
            Some(column) if column.trim().is_empty() => {
                return Err(fault(&key, &faults::BLANK_COLUMN));
            }
            Some(column)
                if columns[..index]
                    .iter()
                    .flatten()
                    .any(|other| other == column) =>
            {
                return Err(fault(&key, faults::TAKEN_COLUMN.with([column])));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The field that fills an attribute.
fn field_of(attribute: Attribute) -> Field {
    match attribute {
        Attribute::BirthDate => Field::BirthDate,
        Attribute::Sex => Field::Sex,
        Attribute::Citizenship => Field::Citizenship,
        Attribute::Household => Field::Household,
        Attribute::Role => Field::Role,
        Attribute::Carer => Field::Carer,
        Attribute::Isee => Field::Isee,
        Attribute::Disability => Field::Disability,
        Attribute::Need => Field::Need,
        Attribute::Benefit => Field::Benefit,
        Attribute::Occupation => Field::Occupation,
        Attribute::Dwelling => Field::Dwelling,
    }
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
            (Field::ALL[..=Field::Amount as usize].iter())
                .all(|field| mapping.column(*field).is_some())
        );
        let first = [
            Attribute::BirthDate,
            Attribute::Household,
            Attribute::Benefit,
        ];
        assert!(
            first
                .iter()
                .all(|attribute| mapping.attributes().holds(*attribute))
        );
        assert!(!mapping.attributes().holds(Attribute::Role));
        let text = Mapping::municipal_register_of("CODICE_FISCALE;RUOLO; OCCUPAZIONE ");
        let more = Mapping::parse(&text)
            .expect("with further columns")
            .attributes();
        let further: Vec<_> = more.without(mapping.attributes()).iter().collect();
        assert_eq!(further, [Attribute::Role, Attribute::Occupation]);
        assert_eq!(mapping.services["A2.07"], 1);
        assert_eq!(mapping.benefits["A4.05"], Benefit::AttendanceAllowance);
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
