//! A register without homes, and a file that has them: a mapping that joins the two by the column that names people.
//! It changes the text of a mapping that says nothing of homes, so that its comments stay.

use crate::detect::TextFormat;
use crate::inspect::{Content, Inspection};
use crate::propose::{encoding_name, propose, quoted};
use snapshot::{Field, Mapping};
use std::fmt::Write;

/// Why no join is proposed. Names columns and the remedy, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoJoin {
    /// The mapping knows where people live.
    #[error(
        "the register says where people live, so nothing was joined; write a [[join]] into the mapping and give it with `--mapping FILE`"
    )]
    HomesAreKnown,
    /// The two have no column in common that names people.
    #[error(
        "`{name}` has no column with the codice fiscale, and none called {key}; its columns are: {columns}. Name the key in a [[join]] of \
         the mapping, and give that with `--mapping FILE`"
    )]
    NoKey {
        /// What the joined source is called.
        name: String,
        /// The register's column.
        key: String,
        /// Columns of the joined source.
        columns: String,
    },
    /// Nothing in it leads to a home.
    #[error(
        "`{name}` has no column that tells where people live (NIL, municipio, census section, coordinates or street); its columns are: \
         {columns}"
    )]
    NoHomes {
        /// What the joined source is called.
        name: String,
        /// Columns of the joined source.
        columns: String,
    },
    /// The mapping is not one that can be completed.
    #[error(
        "the mapping cannot be completed; write the [[join]] by hand and give it with `--mapping FILE`"
    )]
    Unreadable,
}

/// The text of `mapping`, completed by a join of the source `name`, whose beginning is `found`.
///
/// # Errors
/// See [`NoJoin`].
pub fn propose_join(
    mapping: &str,
    name: &str,
    found: &Inspection,
    format: Option<TextFormat>,
) -> Result<String, NoJoin> {
    let parsed = Mapping::parse(mapping).map_err(|_| NoJoin::Unreadable)?;
    let has = |field| parsed.column(field).is_some();
    if has(Field::Nil) || has(Field::Municipio) || parsed.completion().home.is_some() {
        return Err(NoJoin::HomesAreKnown);
    }
    let columns = || {
        let names = found.columns.iter().map(|column| column.name.as_str());
        Vec::from_iter(names).join(", ")
    };
    let key = match (parsed.column(Field::CodiceFiscale), parsed.person_key()) {
        (Some(code), _) => code.to_owned(),
        (None, [key, ..]) => key.clone(),
        (None, []) => return Err(NoJoin::Unreadable),
    };
    let by_code = has(Field::CodiceFiscale);
    let their_key = (found.columns.iter())
        .find(|column| by_code && column.content == Content::CodiceFiscale)
        .or_else(|| {
            let same = |column: &&crate::Column| column.name.eq_ignore_ascii_case(&key);
            found.columns.iter().find(same)
        })
        .ok_or_else(|| NoJoin::NoKey {
            name: name.to_owned(),
            key: key.clone(),
            columns: columns(),
        })?;
    let homes = propose(found, format);
    let at = |column: &str| quoted(&format!("{name}.{column}"));
    // Writing to a string cannot fail.
    let (mut fields, mut home) = (String::new(), String::new());
    for (field, key) in [(Field::Nil, "nil"), (Field::Municipio, "municipio")] {
        if let Some(column) = homes.fields.get(&field) {
            let _ = writeln!(fields, "{key} = {}", at(column));
        }
    }
    for (key, column) in &homes.home {
        let _ = writeln!(home, "{key} = {}", at(column));
    }
    if fields.is_empty() && home.is_empty() {
        return Err(NoJoin::NoHomes {
            name: name.to_owned(),
            columns: columns(),
        });
    }
    let mut text = String::new();
    for line in mapping.lines() {
        if line.starts_with("finest_level") {
            let _ = writeln!(text, "finest_level = \"{}\"", homes.finest_level);
        } else {
            let _ = writeln!(text, "{line}");
        }
        if line.trim() == "[columns]" {
            text.push_str(&fields);
        }
    }
    if !home.is_empty() {
        let _ = write!(text, "\n[home]\n{home}");
    }
    let _ = write!(
        text,
        "\n[[join]]\nname = {}\nkey = {}\ntheir_key = {}\n",
        quoted(name),
        quoted(&key),
        quoted(&their_key.name)
    );
    if let Some(format) = format {
        let delimiter = char::from(format.delimiter.value).to_string();
        let encoding = encoding_name(format.encoding.value);
        let _ = write!(
            text,
            "delimiter = {}\nencoding = \"{encoding}\"\n",
            quoted(&delimiter)
        );
        if format.header_line > 1 {
            let _ = writeln!(text, "header_line = {}", format.header_line);
        }
    }
    // What was put together has to be a mapping that joins.
    match Mapping::parse(&text) {
        Ok(joined) if !joined.completion().joins.is_empty() => Ok(text),
        _ => Err(NoJoin::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Guess;
    use crate::inspect::inspect;
    use crate::profile::{HMIS, SINA};
    use snapshot::{CsvFormat, CsvRecords, Encoding};

    const FORMAT: TextFormat = TextFormat {
        delimiter: Guess {
            value: b';',
            certain: true,
        },
        encoding: Guess {
            value: Encoding::Utf8,
            certain: true,
        },
        header_line: 1,
    };

    fn proposed(mapping: &str, file: &str) -> Result<String, NoJoin> {
        let format: CsvFormat = FORMAT.csv();
        let records = CsvRecords::open(file.as_bytes(), format).expect("a header");
        let found = inspect(records).expect("read");
        propose_join(mapping, "indirizzi", &found, Some(FORMAT))
    }

    #[test]
    fn a_flow_without_homes_is_completed_by_a_file_of_addresses() {
        let file =
            "Cognome;Cod. fiscale;NIL\nRossi;RSSMRA80A01F205X;15\nVerdi;RSSMRA80A01F206Z;9\n";
        let text = proposed(SINA, file).expect("a join");
        let mapping = Mapping::parse(&text).expect("valid");
        assert_eq!(mapping.column(Field::Nil), Some("indirizzi.NIL"));
        assert_eq!(mapping.finest_level().id(), "nil");
        let [join] = mapping.completion().joins.as_slice() else {
            panic!("one join")
        };
        assert_eq!(
            (&*join.name, &*join.key, &*join.their_key),
            ("indirizzi", "CodiceFiscale", "Cod. fiscale")
        );
        // The comments of the ready mapping are still there.
        assert!(text.contains("# every other country"));
        let streets = "CF;Via;Civico\nRSSMRA80A01F205X;Via Roma;3\n";
        let text = proposed(SINA, streets).expect("a join");
        assert!(text.contains("[home]\n") && text.contains("street = \"indirizzi.Via\""));
        // By the column that names people, where no codice fiscale does: HMIS joins files of its own already.
        let text = proposed(HMIS, "PersonalID;Municipio\nP1;3\nP2;4\n").expect("a join");
        let mapping = Mapping::parse(&text).expect("valid");
        assert_eq!(mapping.completion().joins.len(), 3);
        assert_eq!(mapping.finest_level().id(), "municipio");
    }

    #[test]
    fn what_cannot_be_joined_is_said_with_the_remedy() {
        for (mapping, file, named) in [
            (SINA, "Nome;NIL\nAnna;15\n", "none called CodiceFiscale"),
            (
                SINA,
                "CF;Telefono\nRSSMRA80A01F205X;02\n",
                "no column that tells where",
            ),
            (
                Mapping::municipal_register(),
                "CF;NIL\nRSSMRA80A01F205X;15\n",
                "says where people live",
            ),
            ("version = 1", "CF;NIL\nRSSMRA80A01F205X;15\n", "by hand"),
        ] {
            let said = proposed(mapping, file).expect_err("refused").to_string();
            assert!(said.contains(named), "{named} in {said}");
            assert!(!said.contains("RSSMRA") && !said.contains("Anna"), "{said}");
        }
    }
}
