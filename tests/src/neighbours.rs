//! Registers as raw rows, for tests that know every one of them: people, their households, their events.
//! Two that differ in all rows of one person are neighbours.

use anyhow::{Context, Result};
use snapshot::CodiceFiscale;
use std::path::{Path, PathBuf};

/// Columns of the municipal register.
const HEADER: &str = "CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;DISABILITA;\
                      BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO";

/// The services that invented people use.
pub const SERVICES: [&str; 3] = ["home-care", "food-aid", "day-centre"];

/// An invented person, with all their rows.
#[derive(Clone, Debug)]
pub struct Person {
    /// Which one; the codice fiscale follows from it.
    pub number: usize,
    /// `F` or `M`.
    pub sex: &'static str,
    /// Year of birth.
    pub born: u16,
    /// The register's household number; empty where there is none.
    pub household: &'static str,
    /// Events in each month of 2025, with each service.
    pub events_a_month: usize,
    /// Euro of each event.
    pub euro: u32,
}

impl Person {
    /// Somebody with one event a month and service, worth one euro.
    pub fn new(number: usize, sex: &'static str, born: u16, household: &'static str) -> Person {
        Person {
            number,
            sex,
            born,
            household,
            events_a_month: 1,
            euro: 1,
        }
    }

    fn lines(&self) -> Result<Vec<String>> {
        let code = code(self.number)?;
        let Person {
            sex,
            born,
            household,
            euro,
            ..
        } = self;
        let mut lines = Vec::new();
        for month in 1..=12 {
            for service in SERVICES {
                for event in 0..self.events_a_month {
                    let day = 1 + event % 28;
                    lines.push(format!(
                        "{code};Rossi;Anna;{sex};01/01/{born};IT;15;;{household};;;;;{service};{day:02}/{month:02}/2025;1;{euro},00"
                    ));
                }
            }
        }
        Ok(lines)
    }
}

/// A valid codice fiscale for the `number`-th invented person.
fn code(number: usize) -> Result<String> {
    let letter = |place: u32| (b'A' + (number / 26usize.pow(place) % 26) as u8) as char;
    let first = format!("RSS{}{}{}80A01F205", letter(2), letter(1), letter(0));
    let mut valid = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
    valid
        .find(|code| CodiceFiscale::parse(code).is_ok())
        .context("one check character is right")
}

/// Writes a register of these people.
///
/// # Errors
/// When it cannot be written.
pub fn write_register(path: &Path, people: &[Person]) -> Result<PathBuf> {
    let mut text = HEADER.to_owned();
    for person in people {
        for line in person.lines()? {
            text.push_str("\r\n");
            text.push_str(&line);
        }
    }
    std::fs::write(path, text)?;
    Ok(path.to_owned())
}

/// People of a small register: a parent with four minors, and others who live alone or on no record.
pub fn people() -> Vec<Person> {
    let family = (0..5).map(|n| Person::new(n, "F", if n == 0 { 1980 } else { 2015 }, "N1"));
    let alone = (5..9).map(|n| Person::new(n, "M", 1940, ["N5", "N6", "N7", "N8"][n - 5]));
    let unknown = (9..12).map(|n| Person::new(n, "F", 1990, ""));
    family.chain(alone).chain(unknown).collect()
}

/// The person in whom the registers of an audit differ: the second adult of the family, who has far more events, in far more
/// cells, worth far more, than any bound lets through.
pub fn newcomer() -> Person {
    Person {
        events_a_month: 20,
        euro: 900,
        ..Person::new(12, "M", 1981, "N1")
    }
}
