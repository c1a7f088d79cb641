//! What `init` asks of a person: which column is what, what words mean, how finely homes are known. An answer that is not understood is
//! asked for again; an empty one, or none, leaves the matter open.

use crate::words::Language;
use anyhow::{Error, Result, anyhow};
use snapshot::Field;
use source::{Finding, Guess, Inspection, Proposal, identifiers};
use std::io::{BufRead, Write};
use taxonomy::Taxonomy;

/// From the finest on.
const LEVELS: [&str; 4] = ["micro-area", "nil", "municipio", COARSEST];
const COARSEST: &str = "city";
/// So many characters of a value are shown.
const SHOWN: usize = 16;

/// Names of the columns.
pub(super) fn names(found: &Inspection) -> Vec<&str> {
    let names = found.columns.iter().map(|column| column.name.as_str());
    names.collect()
}

/// What was found out, as a line.
pub(super) fn in_words(finding: &Finding<'_>, language: Language) -> String {
    let sure = |certain| match certain {
        true => "",
        false => language.say("terminal-unsure"),
    };
    let guessed = |key, guess: Guess<&str>| {
        language.fill(
            key,
            &[("value", guess.value), ("sure", sure(guess.certain))],
        )
    };
    match finding {
        Finding::Delimiter(guess) => {
            let mark = char::from(guess.value).to_string();
            let value = match guess.value {
                b'\t' => language.say("terminal-tab"),
                _ => &mark,
            };
            let certain = guess.certain;
            guessed("terminal-delimiter", Guess { value, certain })
        }
        Finding::HeaderLine(line) => {
            language.fill("terminal-header-line", &[("line", &line.to_string())])
        }
        Finding::Encoding(guess) => guessed("terminal-encoding", *guess),
        Finding::Numbers(None) => language.say("terminal-no-numbers").to_owned(),
        Finding::Numbers(Some(guess)) => language.fill(
            "terminal-numbers",
            &[
                ("decimal", &guess.value.decimal.to_string()),
                ("thousands", &guess.value.thousands.to_string()),
                ("sure", sure(guess.certain)),
            ],
        ),
        Finding::Dates(None) => language.say("terminal-no-dates").to_owned(),
        Finding::Dates(Some(guess)) => guessed("terminal-dates", *guess),
        Finding::NotUnderstood {
            field,
            column,
            words,
        } => {
            let follows = match field {
                Field::Service => language.say("terminal-left-out"),
                _ => language.say("terminal-as-blank"),
            };
            let places = [
                ("count", &*words.to_string()),
                ("column", column),
                ("field", field.name()),
                ("follows", follows),
            ];
            language.fill("terminal-not-understood", &places)
        }
    }
}

/// The columns and their first rows, for the person at the terminal only.
pub(super) fn show(found: &Inspection, proposal: &Proposal, language: Language) {
    let (rows, unusable) = (found.records.to_string(), found.unusable.to_string());
    let places = [("rows", &*rows), ("unusable", &*unusable)];
    println!("{}", language.fill("terminal-looked", &places));
    for (index, column) in found.columns.iter().enumerate() {
        let mut fields = proposal.fields.iter();
        let field = fields.find(|(_, name)| **name == column.name);
        let first =
            (found.first.iter()).map(|row| row[index].chars().take(SHOWN).collect::<String>());
        let filled = column.filled.to_string();
        println!(
            "  {:<24} {:<16} {:>12}   {}",
            column.name,
            field.map_or("-", |(field, _)| field.name()),
            language.fill("terminal-filled", &[("filled", &filled)]),
            first.collect::<Vec<_>>().join(" | ")
        );
    }
}

/// Asks what cannot be known.
pub(super) fn complete(
    proposal: &mut Proposal,
    found: &Inspection,
    language: Language,
    person: &mut dyn BufRead,
) -> Result<()> {
    for field in proposal.missing() {
        ask_column(proposal, field, found, language, person)?;
    }
    // Columns were named just now; their words and dates are to be understood like the others.
    proposal.look_again(found);
    for (field, words) in std::mem::take(&mut proposal.unknown) {
        let column = proposal.fields.get(&field).map_or("", String::as_str);
        println!(
            "{}",
            language.fill("terminal-ask-words", &[("column", column)])
        );
        choices(field, language);
        for word in words {
            let meant = ask(&format!("  {word}"), person, |answer| {
                identifier(field, answer).ok_or_else(|| language.say("terminal-not-one").to_owned())
            })?;
            match meant {
                Some(id) => {
                    proposal.values.entry(field).or_default().insert(word, id);
                }
                None => proposal.unknown.entry(field).or_default().push(word),
            }
        }
    }
    if proposal.fields.contains_key(&Field::CodiceFiscale) {
        let answer = ask(
            language.say("terminal-ask-derive"),
            person,
            |answer| match answer.to_lowercase().as_str() {
                "s" | "sì" | "si" | "y" | "yes" => Ok(true),
                "n" | "no" => Ok(false),
                _ => Err(language.say("terminal-not-one").to_owned()),
            },
        )?;
        proposal.derive = answer.unwrap_or(false);
    }
    ask_home(proposal, found, language, person)
}

/// Where people live: a column where none was recognised, and whether a coarser level is told than the columns allow.
fn ask_home(
    proposal: &mut Proposal,
    found: &Inspection,
    language: Language,
    person: &mut dyn BufRead,
) -> Result<()> {
    let names = names(found);
    if proposal.finest_level == COARSEST {
        let column = ask(language.say("terminal-ask-nil"), person, |answer| {
            known_column(answer, &names, language)
        })?;
        if let Some(column) = column {
            proposal.fields.insert(Field::Nil, column);
            proposal.finest_level = "nil";
        }
    }
    let coarser: Vec<&'static str> = (LEVELS.into_iter())
        .skip_while(|level| *level != proposal.finest_level)
        .skip(1)
        // Without a column, a NIL does not tell the municipio.
        .filter(|level| *level != "municipio" || proposal.finest_level == "micro-area")
        .collect();
    if coarser.is_empty() {
        return Ok(());
    }
    let places = [
        ("level", proposal.finest_level),
        ("coarser", &*coarser.join(", ")),
    ];
    let question = language.fill("terminal-ask-level", &places);
    let level = ask(&question, person, |answer| {
        let known = coarser.iter().find(|id| id.eq_ignore_ascii_case(answer));
        let known = known.copied();
        known.ok_or_else(|| language.say("terminal-not-one").to_owned())
    })?;
    proposal.finest_level = level.unwrap_or(proposal.finest_level);
    Ok(())
}

/// Takes in what was said of columns, each as `FIELD=COLUMN`; `=` and a word in place of a column is the service of every row.
pub(super) fn take_in(
    proposal: &mut Proposal,
    said: &[String],
    found: &Inspection,
    language: Language,
) -> Result<()> {
    let names = names(found);
    for said in said {
        let fields = || {
            let fields = Field::ALL.iter().map(|field| field.name());
            let fields = fields.collect::<Vec<_>>().join(", ");
            anyhow!(language.fill("terminal-column-form", &[("fields", &fields)]))
        };
        let (field, column) = said.split_once('=').ok_or_else(fields)?;
        let known = |name: &str| known_column(name.trim(), &names, language).map_err(Error::msg);
        if field == "person_key" {
            proposal.person_key = column.split(',').map(known).collect::<Result<_>>()?;
            proposal.fields.remove(&Field::CodiceFiscale);
            continue;
        }
        let known_field = Field::ALL.iter().find(|known| known.name() == field);
        let field = *known_field.ok_or_else(fields)?;
        match column.strip_prefix('=') {
            Some(word) if field == Field::Service => {
                let id = service(word, language).map_err(Error::msg)?;
                proposal.fields.remove(&field);
                proposal.constants.insert(field, id);
            }
            _ => {
                let column = known(column)?;
                // A column fills one field: what was said counts.
                proposal.fields.retain(|_, other| *other != column);
                proposal.home.retain(|_, other| *other != column);
                proposal.fields.insert(field, column);
            }
        }
    }
    if !said.is_empty() {
        proposal.look_again(found);
    }
    Ok(())
}

/// The service that a person means for every row, or what to say where there is none.
fn service(word: &str, language: Language) -> Result<String, String> {
    let word = word.trim();
    let ids = || identifiers(Field::Service).join(", ");
    identifier(Field::Service, word)
        .ok_or_else(|| language.fill("terminal-no-service", &[("word", word), ("ids", &ids())]))
}

/// The column of that name, or what to say where there is none.
fn known_column(answer: &str, names: &[&str], language: Language) -> Result<String, String> {
    if names.contains(&answer) {
        return Ok(answer.to_owned());
    }
    let places = [("column", answer), ("columns", &*names.join(", "))];
    Err(language.fill("terminal-no-column", &places))
}

/// What answers a question on a missing field.
enum Named {
    /// Columns.
    Columns(Vec<String>),
    /// One word for every row.
    Constant(String),
}

fn ask_column(
    proposal: &mut Proposal,
    field: Field,
    found: &Inspection,
    language: Language,
    person: &mut dyn BufRead,
) -> Result<()> {
    let question = match field {
        Field::CodiceFiscale => language.say("terminal-ask-person"),
        Field::Service => language.say("terminal-ask-service"),
        _ => language.say("terminal-ask-date"),
    };
    let names = names(found);
    let named = ask(question, person, |answer| {
        if let Some(word) = answer.strip_prefix('=')
            && field == Field::Service
        {
            return service(word, language).map(Named::Constant);
        }
        let columns = (answer.split(',')).map(|name| known_column(name.trim(), &names, language));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        match (field, columns.len()) {
            (Field::CodiceFiscale, _) | (_, 1) => Ok(Named::Columns(columns)),
            _ => Err(language.say("terminal-one-column").to_owned()),
        }
    })?;
    match named {
        Some(Named::Constant(id)) => {
            proposal.constants.insert(field, id);
        }
        Some(Named::Columns(columns)) if field == Field::CodiceFiscale => {
            proposal.person_key = columns;
        }
        Some(Named::Columns(columns)) => {
            let columns = columns.into_iter().map(|column| (field, column));
            proposal.fields.extend(columns);
        }
        None => {}
    }
    Ok(())
}

/// Prints what a field's words can mean.
fn choices(field: Field, language: Language) {
    if field != Field::Service {
        println!("  {}", identifiers(field).join(", "));
        return;
    }
    for service in Taxonomy::current().services() {
        println!(
            "  {:<32} {}",
            service.id,
            language.pick(&service.it, &service.en)
        );
    }
}

/// The identifier that a person means, by itself or by its name in either language.
fn identifier(field: Field, answer: &str) -> Option<String> {
    let same = |name: &str| name.to_lowercase() == answer.to_lowercase();
    if field == Field::Service {
        let services = Taxonomy::current().services();
        let named = services
            .iter()
            .find(|service| same(&service.id) || same(&service.it) || same(&service.en));
        return named.map(|service| service.id.clone());
    }
    identifiers(field).into_iter().find(|id| same(id))
}

/// Asks until the answer is understood; `None` where it is empty or there is nobody to answer.
fn ask<T>(
    question: &str,
    person: &mut dyn BufRead,
    understand: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    loop {
        print!("{question} > ");
        std::io::stdout().flush()?;
        let mut answer = String::new();
        person.read_line(&mut answer)?;
        let answer = answer.trim();
        if answer.is_empty() {
            return Ok(None);
        }
        match understand(answer) {
            Ok(understood) => return Ok(Some(understood)),
            Err(problem) => println!("{problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{CsvFormat, CsvRecords, Encoding};
    use source::{inspect, propose};

    #[test]
    fn what_is_not_understood_is_asked_again_and_nothing_leaves_it_open() {
        let text = "Cognome;Nome;Quando;Che cosa;Dove\nRossi;Anna;2026-01-05;Boh;15\nRossi;Anna;2026-01-06;Mah;15\n";
        let format = CsvFormat {
            delimiter: b';',
            encoding: Encoding::Utf8,
            header_line: 1,
        };
        let found = inspect(CsvRecords::open(text.as_bytes(), format).expect("a header"));
        let found = found.expect("read");
        let mut proposal = propose(&found, None);
        let typed = "Cognom,Nome\nCognome, Nome\nCognome,Nome\nChe cosa\npacco\nfood-aid\n\nquartiere\nDove\nmicro-area\nCITY\n";
        for language in [Language::It, Language::En] {
            let mut proposal = propose(&found, None);
            complete(&mut proposal, &found, language, &mut typed.as_bytes()).expect("asked");
            assert_eq!(proposal.person_key, ["Cognome", "Nome"]);
            assert_eq!(proposal.fields[&Field::Service], "Che cosa");
            assert_eq!(proposal.values[&Field::Service]["Boh"], "food-aid");
            assert_eq!(proposal.unknown[&Field::Service], ["Mah"]);
            assert_eq!(proposal.fields[&Field::Nil], "Dove");
            // Known by NIL, told for the city only.
            assert_eq!(proposal.finest_level, "city");
        }
        // Nobody answers: everything stays as it was proposed.
        let before = proposal.finest_level;
        complete(&mut proposal, &found, Language::It, &mut &b""[..]).expect("asked");
        assert!(proposal.missing().contains(&Field::CodiceFiscale));
        assert_eq!(proposal.finest_level, before);
        let constant = "Cognome,Nome\n=boh\n=Food-Aid\n\n\n";
        complete(
            &mut proposal,
            &found,
            Language::En,
            &mut constant.as_bytes(),
        )
        .expect("asked");
        assert_eq!(proposal.constants[&Field::Service], "food-aid");
    }
}
