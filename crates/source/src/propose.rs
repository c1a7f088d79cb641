//! A mapping proposed for a register: which column fills which field, by its name first and its content second.
//! What cannot be known is left out and said, so that a person decides it; nothing is proposed that was not seen.

use crate::detect::{Guess, TextFormat};
use crate::inspect::{Column, Content, Inspection};
use crate::meanings::{meaning, plain, usual, without_small_words};
use crate::names::{CIVIC, NAMES, PROTECTED, SECTION, STREET};
use snapshot::{DateFormat, Encoding, Field, Marks};
use std::collections::BTreeMap;

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
    /// The line that names the columns, where titles stand above it.
    HeaderLine(u32),
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

/// Whether a column is called by one of these names, with or without small words.
fn is_called(column: &Column, names: &[&str]) -> bool {
    [plain(&column.name), without_small_words(&column.name)]
        .iter()
        .any(|called| names.contains(&called.as_str()))
}

/// Words of columns that tell another place than a home, or a length of time.
const NO_HOME: &[&str] = &[
    "SEDE",
    "SERVIZIO",
    "SPORTELLO",
    "EROGAZIONE",
    "ENTE",
    "STRUTTURA",
    "NASCITA",
    "NATO",
    "NATA",
    "ANNI",
];

/// Whether one of these words is in a column's name.
fn has_word(column: &Column, words: &[&str]) -> bool {
    let parts = column.name.split(|c: char| !c.is_alphanumeric());
    parts.map(plain).any(|part| words.contains(&part.as_str()))
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
    // *Quartiere (NIL)*, *NIL di residenza*, *Municipio del domicilio*: a word of the name, where what stands there fits.
    for (field, words) in [
        (Field::Nil, &["NIL", "QUARTIERE"][..]),
        (Field::Municipio, &["MUNICIPIO"][..]),
    ] {
        let numbers = |content| match field {
            // A register of the first nine NIL looks like one of municipi.
            Field::Nil => matches!(content, Content::Nil | Content::Municipio),
            _ => content == Content::Municipio,
        };
        if !proposal.fields.contains_key(&field)
            && let Some(column) = take(&mut free, &|column| {
                numbers(column.content) && has_word(column, words) && !has_word(column, NO_HOME)
            })
        {
            proposal.fields.insert(field, column);
        }
    }
    if let Some(column) = take(&mut free, &|column| is_called(column, PROTECTED)) {
        proposal.fields.insert(Field::Protected, column);
    }
    let is_birth = |column: &Column| {
        let name = plain(&column.name);
        column.content == Content::Date && (name.contains("NASC") || name.starts_with("NAT"))
    };
    if !proposal.fields.contains_key(&Field::BirthDate)
        && let Some(column) = take(&mut free, &is_birth)
    {
        proposal.fields.insert(Field::BirthDate, column);
    }
    for (field, content) in [
        (Field::CodiceFiscale, Content::CodiceFiscale),
        (Field::Service, Content::SiussCode),
        (Field::Date, Content::Date),
        (Field::Sex, Content::Sex),
    ] {
        // Of two columns of dates nobody can say which one is the event's.
        let alike = (free.iter()).filter(|column| column.content == content);
        if field == Field::Date && alike.count() > 1 {
            continue;
        }
        if !proposal.fields.contains_key(&field)
            && let Some(column) = take(&mut free, &|column| column.content == content)
        {
            proposal.fields.insert(field, column);
        }
    }
    if !proposal.fields.contains_key(&Field::Service)
        && let Some(service) = of_services(&free)
        && let Some(column) = take(&mut free, &|column| column.name == service)
    {
        proposal.fields.insert(Field::Service, column);
    }
    homes(&mut proposal, &mut free, &mut take);
    proposal.look_again(found);
    proposal
}

/// The one notation that reads two columns' dates: years of two digits include those of four, and the order of day and month has to be
/// declared where a year that comes first does not.
fn both_read(one: Guess<DateFormat>, other: Guess<DateFormat>) -> Guess<DateFormat> {
    let rank = |format| match format {
        DateFormat::Iso | DateFormat::YearSlash => 0,
        DateFormat::DaySlash | DateFormat::DayDash | DateFormat::DayDot => 1,
        DateFormat::DayShort => 2,
    };
    let value = match rank(other.value) > rank(one.value) {
        true => other.value,
        false => one.value,
    };
    let certain = one.certain && other.certain;
    Guess { value, certain }
}

/// The column whose words are services more often than those of any other, and at least in three rows of ten.
fn of_services(free: &[&Column]) -> Option<String> {
    let known = |column: &Column| -> usize {
        let words = column.words.iter();
        let known = words.filter(|(word, _)| meaning(Field::Service, word).is_some());
        known.map(|(_, rows)| rows).sum()
    };
    let columns = free.iter().map(|column| (known(column), column));
    let (rows, column) = columns.max_by_key(|(rows, _)| *rows)?;
    (rows * 10 >= column.filled * 3 && rows > 0).then(|| column.name.clone())
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

pub(crate) fn date_name(format: DateFormat) -> &'static str {
    match format {
        DateFormat::DaySlash => "dd/mm/yyyy",
        DateFormat::DayDash => "dd-mm-yyyy",
        DateFormat::DayDot => "dd.mm.yyyy",
        DateFormat::DayShort => "dd/mm/yy",
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
    /// Leaves out columns that lead to a home only with a file that is not at hand: outlines for coordinates, a list of civic numbers for
    /// streets. Returns those left out.
    pub fn without_files(
        &mut self,
        outlines: bool,
        gazetteer: bool,
        found: &Inspection,
    ) -> Vec<String> {
        let mut keys = Vec::new();
        if !outlines {
            keys.extend(["latitude", "longitude"]);
        }
        if !gazetteer {
            keys.extend(["street", "civic"]);
        }
        let left_out: Vec<String> = (keys.iter())
            .filter_map(|key| self.home.remove(key))
            .collect();
        // A municipio alone is a field like others.
        if self.home.len() == 1
            && let Some(municipio) = self.home.remove("municipio")
        {
            self.fields.insert(Field::Municipio, municipio);
        }
        self.look_again(found);
        left_out
    }

    /// Finds how the columns' dates are written and what their words mean, anew where columns were named since. Where people live is
    /// known no finer than the columns tell.
    pub fn look_again(&mut self, found: &Inspection) {
        let dated = [Field::Date, Field::BirthDate].into_iter();
        self.dates = dated
            .filter_map(|field| column_of(&self.fields, field, found)?.dates)
            .reduce(both_read);
        let has = |field| self.fields.contains_key(&field);
        if self.home.is_empty() {
            self.finest_level = match (has(Field::Nil), has(Field::Municipio)) {
                (true, true) => "micro-area",
                (true, false) => "nil",
                (false, true) => "municipio",
                (false, false) => "city",
            };
        }
        self.understand_words(found);
    }

    /// Finds what the words of columns mean; what nobody understands stays open.
    fn understand_words(&mut self, found: &Inspection) {
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
            if format.header_line > 1 {
                findings.push(Finding::HeaderLine(format.header_line));
            }
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
    use crate::names::SERVICES;
    use snapshot::{CsvFormat, CsvRecords};
    use taxonomy::Taxonomy;

    #[test]
    fn a_listening_centre_s_own_sheet_is_understood() {
        let text = "N°;Cod. Fiscale;Nato/a il;Nazionalità;Indirizzo;N. civ.;Quando;Cosa\n\
                    1;rssmra80a01f205x;1/1/80;Perù;Via Padova;120;5.1.2026;Pacco viveri\n\
                    2;RSS MRA 80A01 F205X;01/01/1980;rumena;Via Padova;120;06/01/2026;Doccia\n";
        let format = CsvFormat {
            delimiter: b';',
            encoding: Encoding::Utf8,
            header_line: 1,
        };
        let found = inspect(CsvRecords::open(text.as_bytes(), format).expect("a header"));
        let found = found.expect("read");
        let proposal = propose(&found, None);
        for (field, column) in [
            (Field::CodiceFiscale, "Cod. Fiscale"),
            (Field::BirthDate, "Nato/a il"),
            (Field::Date, "Quando"),
            (Field::Service, "Cosa"),
            (Field::Citizenship, "Nazionalità"),
        ] {
            assert_eq!(
                proposal.fields.get(&field).map(String::as_str),
                Some(column)
            );
        }
        assert_eq!(proposal.home["civic"], "N. civ.");
        assert_eq!(proposal.finest_level, "nil");
        // Without a list of civic numbers an address leads nowhere.
        let mut without = proposal.clone();
        let left_out = without.without_files(false, false, &found);
        assert_eq!(left_out, ["Indirizzo", "N. civ."]);
        assert_eq!((without.home.len(), without.finest_level), (0, "city"));
        assert_eq!(
            proposal.dates.map(|dates| dates.value),
            Some(DateFormat::DayShort)
        );
        assert_eq!(proposal.values[&Field::Citizenship]["Perù"], "non-eu");
        assert_eq!(proposal.values[&Field::Citizenship]["rumena"], "eu");
        assert_eq!(proposal.unknown[&Field::Service], ["Doccia"]);
    }

    #[test]
    fn a_word_of_a_column_s_name_and_its_numbers_tell_where_people_live() {
        let looked_at = |names: &str, rows: &str| {
            let text = format!("CF;Data;Servizio;{names}\n{rows}");
            let format = CsvFormat {
                delimiter: b';',
                encoding: Encoding::Utf8,
                header_line: 1,
            };
            let records = CsvRecords::open(text.as_bytes(), format).expect("a header");
            propose(&inspect(records).expect("read"), None)
        };
        let row = "RSSMRA80A01F205X;05/01/2026;food-aid";
        let found = looked_at(
            "Quartiere (NIL);Municipio di residenza",
            &format!("{row};82;9\n{row};13;4\n"),
        );
        assert_eq!(found.fields[&Field::Nil], "Quartiere (NIL)");
        assert_eq!(found.fields[&Field::Municipio], "Municipio di residenza");
        assert_eq!(found.finest_level, "micro-area");
        let found = looked_at("NIL di residenza", &format!("{row};1\n{row};9\n"));
        assert_eq!(found.fields[&Field::Nil], "NIL di residenza");
        // Where the service is, and where somebody was born, is no home.
        let found = looked_at(
            "NIL sede;Municipio di nascita;NIL",
            &format!("{row};82;9;13\n{row};13;4;82\n"),
        );
        assert_eq!(found.fields[&Field::Nil], "NIL");
        assert!(!found.fields.contains_key(&Field::Municipio));
        // A name alone, or numbers alone, say nothing.
        let found = looked_at("Quartiere;Numero", &format!("{row};Ortica;82\n"));
        assert_eq!(found.finest_level, "city");
    }

    #[test]
    fn columns_and_words_of_an_office_are_understood_with_their_small_words() {
        let text = "Cod. Fisc.;Cognome e nome;Sesso;Data accesso;Tipo di servizio;N. ore;Contributo (€);N.I.L.\n\
                    RSSMRA80A01F205X;Rossi Mario;M;05/01/2026;Pacco alimentare;1,5;25,00 €;15\n\
                    RSSMRA80A01F205X;Rossi Mario;M;06/01/2026;Centro d'ascolto;2;;15\n\
                    RSSMRA80A01F205X;Rossi Mario;M;07/01/2026;Altro;2;;15\n";
        let format = CsvFormat {
            delimiter: b';',
            encoding: Encoding::Utf8,
            header_line: 1,
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
        unnamed.look_again(&found);
        assert_eq!(unnamed.values[&Field::Service], *words);
        assert_eq!(unnamed.unknown, proposal.unknown);
        for (_, id) in SERVICES {
            assert!(Taxonomy::built_in().service_index(id).is_some(), "{id}");
        }
    }
}
