//! A proposed mapping as a file for a person to read and correct: TOML with comments in the person's language. The keys are the same in
//! every language.

use crate::meanings::identifiers;
use crate::propose::{Proposal, date_name, encoding_name, quoted};
use snapshot::{DateFormat, Field, Marks};
use std::fmt::Write;

/// The comments of a mapping in one language.
pub struct MappingWords {
    head: &'static str,
    encodings: &'static str,
    dates: &'static str,
    header_line: &'static str,
    finest_level: &'static str,
    derive: &'static str,
    person_key: &'static str,
    columns: &'static str,
    hours: &'static str,
    home: &'static str,
    constants: &'static str,
    values: &'static str,
}

impl MappingWords {
    /// In Italian.
    pub const ITALIAN: MappingWords = MappingWords {
        head: "# Come questo registro diventa il modello comune. Una riga del registro è un evento di servizio.\n\
               # Nulla di questo file lascia il nodo, tranne il livello più fine.\n",
        encodings: "\"utf-8\", \"windows-1252\" o \"utf-16\"",
        dates: "\"dd/mm/yyyy\", \"dd-mm-yyyy\", \"dd.mm.yyyy\", \"dd/mm/yy\", \"yyyy-mm-dd\" o \"yyyy/mm/dd\"",
        header_line: "la riga che nomina le colonne; sopra ci sono titoli",
        finest_level: "# Il livello più fine a cui il registro sa dove vivono le persone:\n\
                       # \"micro-area\" (NIL e municipio), \"nil\", \"municipio\" o \"city\" (non lo sa).\n",
        derive: "# Se data di nascita e sesso sono letti dal codice fiscale dove il registro non li dice.\n",
        person_key: "# Le colonne che insieme indicano una persona.\n",
        columns: "# A sinistra il campo del modello comune, a destra il nome della colonna del registro.\n",
        hours: "          # ore",
        home: "# Colonne che dicono dove vivono le persone.\n",
        constants: "# Lo stesso in ogni riga.\n",
        values: "# A sinistra la parola del registro, a destra una di:",
    };
    /// In English.
    pub const ENGLISH: MappingWords = MappingWords {
        head: "# How this register becomes the common model. One row of the register is one service event.\n\
               # Nothing of this file leaves the node but the finest level.\n",
        encodings: "\"utf-8\", \"windows-1252\" or \"utf-16\"",
        dates: "\"dd/mm/yyyy\", \"dd-mm-yyyy\", \"dd.mm.yyyy\", \"dd/mm/yy\", \"yyyy-mm-dd\" or \"yyyy/mm/dd\"",
        header_line: "the line that names the columns; those above it are titles",
        finest_level: "# The finest level at which the register knows where people live:\n\
                       # \"micro-area\" (NIL and municipio), \"nil\", \"municipio\" or \"city\" (not at all).\n",
        derive: "# Whether date of birth and sex are read out of the codice fiscale where the register does not say.\n",
        person_key: "# The columns that together name a person.\n",
        columns: "# Left the field of the common model, right the name of the register's column.\n",
        hours: "          # hours",
        home: "# Columns that tell where people live.\n",
        constants: "# The same in every row.\n",
        values: "# Left the register's word, right one of:",
    };
}

impl Proposal {
    /// The mapping's text, with its comments in these words.
    pub fn to_toml(&self, words: &MappingWords) -> String {
        // Writing to a string cannot fail.
        let mut text = format!("{}version = 1\n", words.head);
        if let Some(format) = &self.format {
            let delimiter = quoted(&char::from(format.delimiter.value).to_string());
            let _ = writeln!(text, "delimiter = {delimiter}");
            let encoding = encoding_name(format.encoding.value);
            let _ = writeln!(
                text,
                "encoding = \"{encoding}\"        # {}",
                words.encodings
            );
            if format.header_line > 1 {
                let line = format.header_line;
                let _ = writeln!(text, "header_line = {line}        # {}", words.header_line);
            }
        }
        let italian = self.format.is_some();
        let marks = self
            .marks
            .map_or(Marks::of(if italian { ',' } else { '.' }), |marks| {
                marks.value
            });
        let _ = writeln!(text, "decimal_mark = \"{}\"", marks.decimal);
        if marks != Marks::of(marks.decimal) {
            let _ = writeln!(text, "thousands_mark = \"{}\"", marks.thousands);
        }
        let dates = self.dates.map_or(
            if italian {
                DateFormat::DaySlash
            } else {
                DateFormat::Iso
            },
            |dates| dates.value,
        );
        let _ = write!(
            text,
            "date_format = \"{}\"     # {}\n\n{}finest_level = \"{}\"\n\n{}derive_from_codice_fiscale = {}\n",
            date_name(dates),
            words.dates,
            words.finest_level,
            self.finest_level,
            words.derive,
            self.derive
        );
        if !self.person_key.is_empty() {
            let columns: Vec<String> = self
                .person_key
                .iter()
                .map(|column| quoted(column))
                .collect();
            let _ = write!(
                text,
                "\n{}person_key = [{}]\n",
                words.person_key,
                columns.join(", ")
            );
        }
        let _ = write!(text, "\n{}[columns]\n", words.columns);
        for (field, column) in &self.fields {
            let comment = match field {
                Field::Quantity => words.hours,
                Field::Amount | Field::Isee => "          # euro",
                _ => "",
            };
            let _ = writeln!(text, "{} = {}{comment}", field.name(), quoted(column));
        }
        if !self.home.is_empty() {
            let _ = write!(text, "\n{}[home]\n", words.home);
            for (key, column) in &self.home {
                let _ = writeln!(text, "{key} = {}", quoted(column));
            }
        }
        if !self.constants.is_empty() {
            let _ = write!(text, "\n{}[constants]\n", words.constants);
            for (field, word) in &self.constants {
                let _ = writeln!(text, "{} = {}", field.name(), quoted(word));
            }
        }
        for (field, known) in &self.values {
            let unknown = self.unknown.get(field).map_or(&[][..], Vec::as_slice);
            if known.is_empty() && unknown.is_empty() {
                continue;
            }
            let _ = write!(
                text,
                "\n{} {}.\n[values.{}]\n",
                words.values,
                identifiers(*field).join(", "),
                field.name()
            );
            for (word, id) in known {
                let _ = writeln!(text, "{} = \"{id}\"", quoted(word));
            }
            for word in unknown {
                let _ = writeln!(text, "# {} = \"\"", quoted(word).replace('\n', " "));
            }
        }
        text
    }
}
