//! A mapping proposed for a register: which column fills which field, by its name first and its content second.
//! What cannot be known is left out and said, so that a person decides it; nothing is proposed that was not seen.

use crate::detect::{Guess, TextFormat};
use crate::inspect::{Column, Content, Inspection};
use crate::names::{
    ANSWERS, CITIZENSHIPS, CIVIC, DWELLINGS, NAMES, OCCUPATIONS, PROTECTED, ROLES, SECTION,
    SERVICES, SEXES, STREET,
};
use snapshot::{DateFormat, Encoding, Field, Marks};
use std::collections::BTreeMap;
use taxonomy::Taxonomy;
use taxonomy::model::{Benefit, CitizenshipGroup, Dwelling, HouseholdRole, Need, Occupation, Sex};

/// A mapping as it is proposed, to be shown, changed and written.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// Format of a text file.
    pub format: Option<TextFormat>,
    /// How numbers are written.
    pub marks: Option<Guess<Marks>>,
    /// How dates are written.
    pub dates: Option<Guess<DateFormat>>,
    /// Columns by field.
    pub fields: BTreeMap<Field, String>,
    /// Columns that together name a person, where no codice fiscale does.
    pub person_key: Vec<String>,
    /// Fields that are the same in every row, by the vocabulary's identifier.
    pub constants: BTreeMap<Field, String>,
    /// Columns of `[home]`, by key, where NIL and municipio are not columns themselves.
    pub home: BTreeMap<&'static str, String>,
    /// The finest level.
    pub finest_level: &'static str,
    /// Whether sex and date of birth come from the codice fiscale where the register does not say.
    pub derive: bool,
    /// The register's words by field, with identifiers.
    pub values: BTreeMap<Field, BTreeMap<String, String>>,
    /// The register's words that nobody understands, by field.
    pub unknown: BTreeMap<Field, Vec<String>>,
}

/// One thing that was found out about a register.
#[derive(Clone, Copy, Debug)]
pub enum Finding<'p> {
    /// What stands between the fields of a text file.
    Delimiter(Guess<u8>),
    /// Its encoding, as mappings call it.
    Encoding(Guess<&'static str>),
    /// The marks of numbers; none where no number has one.
    Numbers(Option<Guess<Marks>>),
    /// How dates are written, as mappings call it; none where none was recognised.
    Dates(Option<Guess<&'static str>>),
    /// Words that nobody understands.
    NotUnderstood {
        /// The field they fill. Without a service a row is left out; another field counts as blank.
        field: Field,
        /// The column they stand in.
        column: &'p str,
        /// How many.
        words: usize,
    },
}

/// Capital letters and digits of a name, without accents.
fn plain(name: &str) -> String {
    let letters = name.chars().flat_map(char::to_uppercase).map(|c| match c {
        'À' | 'Á' => 'A',
        'È' | 'É' => 'E',
        'Ì' | 'Í' => 'I',
        'Ò' | 'Ó' => 'O',
        'Ù' | 'Ú' => 'U',
        c => c,
    });
    letters.filter(|c| c.is_ascii_alphanumeric()).collect()
}

/// Small words that change nothing: *Tipo di servizio*, *N. ore*, *Pasti a domicilio*.
const SMALL_WORDS: [&str; 17] = [
    "A", "AD", "D", "DA", "DEI", "DEL", "DELL", "DELLA", "DELLO", "DI", "E", "IL", "LA", "N", "NR",
    "NUM", "OF",
];

/// A name or word without small words.
fn without_small_words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(plain);
    words
        .filter(|word| !SMALL_WORDS.contains(&word.as_str()))
        .collect()
}

/// Whether a column is called by one of these names, with or without small words.
fn is_called(column: &Column, names: &[&str]) -> bool {
    [plain(&column.name), without_small_words(&column.name)]
        .iter()
        .any(|called| names.contains(&called.as_str()))
}

/// Proposes a mapping. `format` is that of a text file.
pub fn propose(found: &Inspection, format: Option<TextFormat>) -> Proposal {
    let mut free: Vec<&Column> = found
        .columns
        .iter()
        .filter(|column| !column.name.is_empty())
        .collect();
    let mut proposal = Proposal {
        format,
        marks: found.marks,
        ..Proposal::default()
    };
    let mut take = |free: &mut Vec<&Column>, is: &dyn Fn(&Column) -> bool| {
        let place = free.iter().position(|column| is(column))?;
        Some(free.remove(place).name.clone())
    };
    for (field, names) in NAMES {
        // Of several names the first one counts, wherever it stands.
        let column = names
            .iter()
            .find_map(|name| take(&mut free, &|column| is_called(column, &[*name])));
        if let Some(column) = column {
            proposal.fields.insert(field, column);
        }
    }
    if let Some(column) = take(&mut free, &|column| is_called(column, PROTECTED)) {
        proposal.fields.insert(Field::Protected, column);
    }
    for (field, content) in [
        (Field::CodiceFiscale, Content::CodiceFiscale),
        (Field::Service, Content::SiussCode),
        (Field::Date, Content::Date),
        (Field::Sex, Content::Sex),
    ] {
        if !proposal.fields.contains_key(&field)
            && let Some(column) = take(&mut free, &|column| column.content == content)
        {
            proposal.fields.insert(field, column);
        }
    }
    homes(&mut proposal, &mut free, &mut take);
    proposal.dates = [Field::Date, Field::BirthDate]
        .into_iter()
        .filter_map(|field| column_of(&proposal.fields, field, found))
        .find_map(|column| column.dates);
    proposal.understand_words(found);
    proposal
}

/// The column that fills a field, as it was looked at.
fn column_of<'f>(
    fields: &BTreeMap<Field, String>,
    field: Field,
    found: &'f Inspection,
) -> Option<&'f Column> {
    let name = fields.get(&field)?;
    found.columns.iter().find(|column| column.name == *name)
}

type Take<'t> = dyn FnMut(&mut Vec<&Column>, &dyn Fn(&Column) -> bool) -> Option<String> + 't;

/// Where people live: NIL and municipio where they are columns, else what leads there.
fn homes(proposal: &mut Proposal, free: &mut Vec<&Column>, take: &mut Take<'_>) {
    let named = |names: &'static [&'static str]| move |column: &Column| is_called(column, names);
    let has = |proposal: &Proposal, field| proposal.fields.contains_key(&field);
    if has(proposal, Field::Nil) {
        proposal.finest_level = if has(proposal, Field::Municipio) {
            "micro-area"
        } else {
            "nil"
        };
        return;
    }
    let section = take(free, &named(SECTION))
        .or_else(|| take(free, &|column| column.content == Content::Section));
    let (latitude, longitude) = (
        take(free, &|column| column.content == Content::Latitude),
        take(free, &|column| column.content == Content::Longitude),
    );
    if let Some(section) = section {
        proposal.home.insert("section", section);
        proposal.finest_level = "micro-area";
    } else if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
        proposal.home.insert("latitude", latitude);
        proposal.home.insert("longitude", longitude);
        proposal.finest_level = "nil";
    } else if let Some(street) = take(free, &named(STREET)) {
        proposal.home.insert("street", street);
        if let Some(civic) = take(free, &named(CIVIC)) {
            proposal.home.insert("civic", civic);
        }
        proposal.finest_level = "nil";
    } else {
        proposal.finest_level = if has(proposal, Field::Municipio) {
            "municipio"
        } else {
            "city"
        };
        return;
    }
    if let Some(municipio) = proposal.fields.remove(&Field::Municipio) {
        proposal.home.insert("municipio", municipio);
    }
}

/// Words that registers use for a field although their beginning need not hold them.
fn usual(field: Field) -> &'static [(&'static str, &'static str)] {
    match field {
        Field::Citizenship => &[("IT", "italian"), ("UE", "eu"), ("EXTRA-UE", "non-eu")],
        Field::Carer => &[("SI", "yes"), ("NO", "no")],
        Field::Role => &ROLES,
        _ => &[],
    }
}

/// The identifier that a word means, where everybody writes it so.
fn meaning(field: Field, word: &str) -> Option<String> {
    let bare = plain(word);
    let of = |table: &[(&str, &str)]| {
        table
            .iter()
            .find(|(known, _)| *known == bare)
            .map(|(_, id)| (*id).to_owned())
    };
    let id = || {
        let mut ids = identifiers(field).into_iter();
        ids.find(|id| plain(id) == bare)
    };
    match field {
        Field::Sex => of(&SEXES),
        Field::Citizenship => of(&CITIZENSHIPS).or_else(id),
        Field::Need | Field::Benefit => id(),
        Field::Role => of(&ROLES).or_else(id),
        Field::Carer => of(&ANSWERS),
        Field::Occupation => of(&OCCUPATIONS).or_else(id),
        Field::Dwelling => of(&DWELLINGS).or_else(id),
        Field::Service => {
            let services = Taxonomy::current().services();
            let named = services.iter().find(|service| {
                [&service.id, &service.it, &service.en]
                    .iter()
                    .any(|name| plain(name) == bare)
            });
            named
                .map(|service| service.id.clone())
                .or_else(|| siuss_service(word))
                .or_else(|| {
                    let bare = without_small_words(word);
                    let (_, id) = SERVICES.iter().find(|(known, _)| *known == bare)?;
                    // Another list of services need not have it.
                    let known = Taxonomy::current().service_index(id);
                    known.map(|_| (*id).to_owned())
                })
        }
        _ => None,
    }
}

/// The service of a SIUSS code, as the ready mapping for flows has it.
fn siuss_service(code: &str) -> Option<String> {
    let line = crate::profile::SINA.lines().find_map(|line| {
        line.strip_prefix('"')?
            .strip_prefix(code)?
            .strip_prefix("\" = \"")
    })?;
    let id = line.strip_suffix('"')?;
    Taxonomy::current().service_index(id).map(|_| id.to_owned())
}

/// What identifiers a field's words can mean.
pub fn identifiers(field: Field) -> Vec<String> {
    let owned = |ids: Vec<&'static str>| ids.into_iter().map(str::to_owned).collect();
    match field {
        Field::Service => Taxonomy::current()
            .services()
            .iter()
            .map(|service| service.id.clone())
            .collect(),
        Field::Sex => owned(Sex::ALL.iter().map(|sex| sex.id()).collect()),
        Field::Citizenship => owned(
            CitizenshipGroup::ALL
                .iter()
                .map(|group| group.id())
                .collect(),
        ),
        Field::Need => owned(Need::ALL.iter().map(|need| need.id()).collect()),
        Field::Benefit => owned(Benefit::ALL.iter().map(|benefit| benefit.id()).collect()),
        Field::Role => owned(HouseholdRole::ALL.iter().map(|role| role.id()).collect()),
        Field::Carer => owned(vec!["yes", "no"]),
        Field::Occupation => owned(Occupation::ALL.iter().map(|work| work.id()).collect()),
        Field::Dwelling => owned(Dwelling::ALL.iter().map(|home| home.id()).collect()),
        _ => Vec::new(),
    }
}

pub(crate) fn date_name(format: DateFormat) -> &'static str {
    match format {
        DateFormat::DaySlash => "dd/mm/yyyy",
        DateFormat::DayDash => "dd-mm-yyyy",
        DateFormat::DayDot => "dd.mm.yyyy",
        DateFormat::Iso => "yyyy-mm-dd",
        DateFormat::YearSlash => "yyyy/mm/dd",
    }
}

pub(crate) fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "utf-8",
        Encoding::Latin1 => "windows-1252",
        Encoding::Utf16 => "utf-16",
    }
}

/// A text in quotes, as TOML and JSON write it.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Proposal {
    /// Finds what the words of columns mean, anew where columns were named since; what nobody understands stays open.
    pub fn understand_words(&mut self, found: &Inspection) {
        self.values.clear();
        self.unknown.clear();
        for field in [
            Field::Service,
            Field::Sex,
            Field::Citizenship,
            Field::Need,
            Field::Benefit,
            Field::Role,
            Field::Carer,
            Field::Occupation,
            Field::Dwelling,
        ] {
            let Some(column) = column_of(&self.fields, field, found) else {
                continue;
            };
            let mut known = BTreeMap::new();
            for word in column.words.keys() {
                match meaning(field, word) {
                    Some(id) if id == *word => {}
                    Some(id) => {
                        known.insert(word.clone(), id);
                    }
                    None => self.unknown.entry(field).or_default().push(word.clone()),
                }
            }
            // The beginning of a register need not hold every word.
            for (word, id) in usual(field) {
                known
                    .entry((*word).to_owned())
                    .or_insert_with(|| (*id).to_owned());
            }
            self.values.insert(field, known);
        }
    }

    /// What is detected and what stays open, in the order in which people are told.
    pub fn findings(&self) -> Vec<Finding<'_>> {
        let mut findings = Vec::new();
        if let Some(format) = &self.format {
            findings.push(Finding::Delimiter(format.delimiter));
            findings.push(Finding::Encoding(Guess {
                value: encoding_name(format.encoding.value),
                certain: format.encoding.certain,
            }));
        }
        findings.push(Finding::Numbers(self.marks));
        findings.push(Finding::Dates(self.dates.map(|dates| Guess {
            value: date_name(dates.value),
            certain: dates.certain,
        })));
        for (field, words) in &self.unknown {
            findings.push(Finding::NotUnderstood {
                field: *field,
                column: self.fields.get(field).map_or("", String::as_str),
                words: words.len(),
            });
        }
        findings
    }

    /// Fields that every register needs and that no column was found for.
    pub fn missing(&self) -> Vec<Field> {
        let linked = !self.person_key.is_empty();
        let required = [Field::CodiceFiscale, Field::Date, Field::Service].into_iter();
        required
            .filter(|field| !self.fields.contains_key(field) && !self.constants.contains_key(field))
            .filter(|field| *field != Field::CodiceFiscale || !linked)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;
    use snapshot::{CsvFormat, CsvRecords};

    #[test]
    fn columns_and_words_of_an_office_are_understood_with_their_small_words() {
        let text = "Cod. Fisc.;Cognome e nome;Sesso;Data accesso;Tipo di servizio;N. ore;Contributo (€);N.I.L.\n\
                    RSSMRA80A01F205X;Rossi Mario;M;05/01/2026;Pacco alimentare;1,5;25,00 €;15\n\
                    RSSMRA80A01F205X;Rossi Mario;M;06/01/2026;Centro d'ascolto;2;;15\n\
                    RSSMRA80A01F205X;Rossi Mario;M;07/01/2026;Altro;2;;15\n";
        let format = CsvFormat {
            delimiter: b';',
            encoding: Encoding::Utf8,
        };
        let records = CsvRecords::open(text.as_bytes(), format).expect("a header");
        let found = inspect(records).expect("read");
        let proposal = propose(&found, None);
        for (field, column) in [
            (Field::CodiceFiscale, "Cod. Fisc."),
            (Field::Date, "Data accesso"),
            (Field::Service, "Tipo di servizio"),
            (Field::Quantity, "N. ore"),
            (Field::Amount, "Contributo (€)"),
            (Field::Nil, "N.I.L."),
        ] {
            assert_eq!(
                proposal.fields.get(&field).map(String::as_str),
                Some(column)
            );
        }
        let words = &proposal.values[&Field::Service];
        assert_eq!(words["Pacco alimentare"], "food-aid");
        assert_eq!(words["Centro d'ascolto"], "social-secretariat");
        assert_eq!(proposal.unknown[&Field::Service], ["Altro"]);
        // A column that a person named has words too.
        let mut unnamed = Proposal {
            fields: [(Field::Service, "Tipo di servizio".to_owned())].into(),
            ..Proposal::default()
        };
        unnamed.understand_words(&found);
        assert_eq!(unnamed.values[&Field::Service], *words);
        assert_eq!(unnamed.unknown, proposal.unknown);
        for (_, id) in SERVICES {
            assert!(Taxonomy::built_in().service_index(id).is_some(), "{id}");
        }
    }
}
