//! One organisation's register as a file: `;`, ISO-8859-1, CRLF, Italian dates, decimal commas.
//! It writes what `events` decided, and beside it the truth of what a node can know from the rows.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use serde::{Deserialize, Serialize};

use crate::calendar::{Month, WINDOW_START, civil_later, window_day};
use crate::circumstances::{
    BENEFITS, Circumstances, DWELLINGS, NEEDS, OCCUPATIONS, ROLES, circumstances,
};
use crate::clientele::{Client, Identity};
use crate::events::{ClientCase, CodeState, Row, Seasons, blank, further_blank};
use crate::organisations::{HomeKnowledge, Profile, SERVICES};
use crate::population::{Citizenship, Household, Person, Population};
use crate::rng::Rng;
use crate::truth_files::{Presence, TruthFiles};
use crate::{CityError, Progress};

/// Column names of the register, in order.
pub const COLUMNS: [&str; 22] = [
    "CODICE_FISCALE",
    "COGNOME",
    "NOME",
    "SESSO",
    "DATA_NASCITA",
    "CITTADINANZA",
    "NIL",
    "MUNICIPIO",
    "ID_NUCLEO",
    "ISEE",
    "DISABILITA",
    "BISOGNO",
    "BENEFICIO",
    "SERVIZIO",
    "DATA",
    "QUANTITA",
    "IMPORTO",
    "RUOLO",
    "CAREGIVER",
    "OCCUPAZIONE",
    "DIMORA",
    "PROTETTO",
];

/// What a register holds, counted while writing it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterCounts {
    /// Lines after the column names.
    pub rows: u64,
    /// Rows a node keeps.
    pub valid_rows: u64,
    /// Rows without a codice fiscale.
    pub missing_codes: u64,
    /// Rows with one that is not valid.
    pub malformed_codes: u64,
    /// Rows whose codice fiscale is valid only once normalised.
    pub untidy_codes: u64,
    /// Rows with a date that does not exist.
    pub impossible_dates: u64,
    /// Rows with a service code that does not exist.
    pub unknown_services: u64,
    /// Rows that are exact copies of another.
    pub copies: u64,
    /// Distinct persons with at least one row.
    pub clients: u64,
    /// Distinct persons with at least one valid row.
    pub linked_persons: u64,
    /// Most rows of one person.
    pub most_rows_of_one_person: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// What writing a register gives back: its counts and who was present where and when.
pub(crate) struct Written {
    pub(crate) counts: RegisterCounts,
    pub(crate) presences: Vec<Presence>,
}

/// What is needed to write one organisation's register.
pub(crate) struct RegisterJob<'a> {
    pub(crate) city: &'a Population,
    pub(crate) profile: &'a Profile,
    /// Position of the organisation in the demo.
    pub(crate) number: usize,
    pub(crate) clients: &'a [Client],
    /// Circumstances of each client.
    pub(crate) circumstances: Vec<Circumstances>,
    /// Identities of all clients of the city and the persons they belong to, ascending.
    pub(crate) persons: &'a [u32],
    pub(crate) identities: &'a [Identity],
    pub(crate) seed: u64,
    pub(crate) until: Month,
    /// Every date is written so many years later.
    pub(crate) years_later: i32,
    pub(crate) dir: &'a Path,
}

/// The circumstances of an organisation's clients.
pub(crate) fn circumstances_of(
    city: &Population,
    clients: &[Client],
    seed: u64,
) -> Vec<Circumstances> {
    let all = clients.iter();
    all.map(|client| circumstances(city, client.person, seed))
        .collect()
}

impl RegisterJob<'_> {
    /// Writes `DIR/<id>/register.csv` and the truth of this organisation.
    pub(crate) fn write(&self, sender: &Sender<Progress>) -> Result<Written, CityError> {
        let mut counts = RegisterCounts::default();
        let mut truth = TruthFiles::create(&self.dir.join("truth"), &self.profile.id)?;
        let mut rows = self.rows(&mut counts, &mut truth, sender)?;
        rows.sort_unstable_by_key(|row| {
            (
                row.day,
                row.order,
                row.client,
                row.service,
                row.quantity,
                row.cents,
            )
        });
        let path = self.dir.join(&self.profile.id).join("register.csv");
        counts.bytes = self
            .write_rows(&path, &rows)
            .map_err(CityError::at(&path))?;
        // The channel's other end lives as long as the work; a lost progress line loses nothing.
        let _ = sender.send(Progress::Register {
            organisation: self.profile.id.clone(),
            rows: counts.rows,
        });
        Ok(Written {
            counts,
            presences: truth.finish()?,
        })
    }

    /// Rows of all clients up to `until`; truth is taken client by client on the way.
    fn rows(
        &self,
        counts: &mut RegisterCounts,
        truth: &mut TruthFiles,
        sender: &Sender<Progress>,
    ) -> Result<Vec<Row>, CityError> {
        let seasons = Seasons::new();
        let end =
            (window_day(usize::from(self.until.0 - Month::FIRST.0) + 1) - WINDOW_START) as u16;
        let mut all = Vec::with_capacity(self.clients.len() * 14);
        for (index, client) in self.clients.iter().enumerate() {
            if index % 25_000 == 24_999 {
                let _ = sender.send(Progress::Clients {
                    organisation: self.profile.id.clone(),
                    done: index as u64 + 1,
                });
            }
            let case = ClientCase {
                profile: self.profile,
                seasons: &seasons,
                person: &self.city.persons[client.person as usize],
                household: self.city.household_of(client.person),
                circumstances: self.circumstances[index],
                client: index as u32,
            };
            let mut rng = Rng::stream(
                self.seed,
                &[8, self.number as u64, u64::from(client.person)],
            );
            let mut rows = case.rows(&mut rng);
            rows.retain(|row| row.day < end);
            if rows.is_empty() {
                continue;
            }
            counts.clients += 1;
            counts.most_rows_of_one_person = counts.most_rows_of_one_person.max(rows.len() as u64);
            rows.iter().for_each(|row| counts.add(row));
            let lives = &self.circumstances[index];
            counts.linked_persons += u64::from(truth.add_client(self, client, lives, &rows)?);
            all.append(&mut rows);
        }
        Ok(all)
    }

    fn write_rows(&self, path: &Path, rows: &[Row]) -> std::io::Result<u64> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut file = std::fs::File::create(path)?;
        let mut buffer: Vec<u8> = Vec::with_capacity(1 << 20);
        let mut bytes = 0;
        buffer.extend_from_slice(COLUMNS.join(";").as_bytes());
        buffer.extend_from_slice(b"\r\n");
        for row in rows {
            self.push_row(&mut buffer, row);
            if buffer.len() > (1 << 20) - 1024 {
                file.write_all(&buffer)?;
                bytes += buffer.len() as u64;
                buffer.clear();
            }
        }
        file.write_all(&buffer)?;
        Ok(bytes + buffer.len() as u64)
    }

    /// Writes one line. The order of fields is that of [`COLUMNS`].
    fn push_row(&self, line: &mut Vec<u8>, row: &Row) {
        let client = &self.clients[row.client as usize];
        let view = self.view(client, &self.circumstances[row.client as usize], row);
        let person = &self.city.persons[client.person as usize];
        // Unwrap safety: identities were made for every client of every organisation.
        let place = self
            .persons
            .binary_search(&client.person)
            .expect("an identity for every client");
        let identity = &self.identities[place];
        push_code(line, identity.code, row);
        line.push(b';');
        push_latin1(line, identity.surname);
        line.push(b';');
        push_latin1(line, &identity.name);
        line.push(b';');
        if let Some(female) = view.female {
            line.push(if female { b'F' } else { b'M' });
        }
        line.push(b';');
        if view.birth.is_some() {
            push_date(line, person.birth_day, self.years_later);
        }
        line.push(b';');
        line.extend_from_slice(match view.citizenship {
            None => b"",
            Some(Citizenship::Italian) => b"IT",
            Some(Citizenship::Eu) => b"UE",
            Some(Citizenship::NonEu) => b"EXTRA-UE",
        });
        line.push(b';');
        if view.written_nil != 0 {
            push_number(line, u64::from(view.written_nil));
        }
        line.push(b';');
        if view.written_municipio != 0 {
            push_number(line, u64::from(view.written_municipio));
        }
        line.push(b';');
        if let Some(number) = view.household {
            // Writing to a vector cannot fail.
            let _ = write!(line, "{}{number:06}", self.profile.prefix);
        }
        line.push(b';');
        if let Some(cents) = view.isee_cents {
            push_decimal(line, cents, 2);
        }
        line.push(b';');
        if let Some(grade) = view.disability {
            line.push(b'0' + grade);
        }
        line.push(b';');
        if row.need > 0 {
            line.extend_from_slice(NEEDS[usize::from(row.need) - 1].as_bytes());
        }
        line.push(b';');
        if row.benefit > 0 {
            line.extend_from_slice(BENEFITS[usize::from(row.benefit) - 1].as_bytes());
        }
        line.push(b';');
        if row.unknown_service {
            line.extend_from_slice(
                [b"SAD99".as_slice(), b"servizio-vario", b"n.d."][usize::from(row.day) % 3],
            );
        } else {
            line.extend_from_slice(SERVICES[usize::from(row.service)].as_bytes());
        }
        line.push(b';');
        if row.impossible_date {
            let day = WINDOW_START + i32::from(row.day);
            let year = civil_later(day, self.years_later).0;
            line.extend_from_slice(
                [b"31/02/".as_slice(), b"31/04/", b"00/00/", b"32/01/"][usize::from(row.day) % 4],
            );
            push_number(line, year as u64);
        } else {
            push_date(line, WINDOW_START + i32::from(row.day), self.years_later);
        }
        line.push(b';');
        push_decimal(line, u64::from(row.quantity), 1);
        line.push(b';');
        push_decimal(line, u64::from(row.cents), 2);
        let word = |words: &[&'static str], place: Option<u8>| {
            place.map_or("", |place| words[usize::from(place)])
        };
        for text in [
            word(&ROLES, view.role),
            word(&["NO", "SI"], view.carer.map(u8::from)),
            word(&OCCUPATIONS, view.occupation),
            word(&DWELLINGS, view.dwelling),
            word(&["NO", "SI"], Some(view.protected.into())),
        ] {
            line.push(b';');
            line.extend_from_slice(text.as_bytes());
        }
        line.extend_from_slice(b"\r\n");
    }

    /// What a row shows of its client.
    pub(crate) fn view(&self, client: &Client, lives: &Circumstances, row: &Row) -> RowView {
        let person: &Person = &self.city.persons[client.person as usize];
        let household: &Household = self.city.household_of(client.person);
        let shows = |bit: u8| row.blank & bit == 0;
        let further_blanks = row.further_blanks();
        let shows_further = |bit: u8| further_blanks & bit == 0;
        let month = row.month();
        let (nil, municipio) = if shows(blank::HOME) {
            household.home_in(month)
        } else {
            (0, 0)
        };
        let (written_nil, written_municipio) = match self.profile.home {
            HomeKnowledge::Full => (nil, municipio),
            HomeKnowledge::NilOnly => (nil, 0),
            HomeKnowledge::OftenMunicipioOnly => {
                // The same three clients in ten on all their rows, or the next row would tell their NIL.
                let hidden = Rng::stream(
                    self.seed,
                    &[9, self.number as u64, u64::from(client.person)],
                )
                .chance(0.3);
                (if hidden { 0 } else { nil }, municipio)
            }
        };
        RowView {
            female: shows(blank::SEX).then_some(person.female),
            birth: shows(blank::BIRTH).then(|| person.birth_month()),
            citizenship: shows(blank::CITIZENSHIP).then(|| household.citizenship()),
            written_nil,
            written_municipio,
            household: (client.household_number > 0 && shows(blank::HOUSEHOLD))
                .then_some(client.household_number),
            isee_cents: shows(blank::ISEE)
                .then(|| self.isee_cents(person.household, household, month)),
            disability: shows(blank::DISABILITY).then_some(
                if month >= usize::from(person.disabled_from) {
                    person.disability
                } else {
                    0
                },
            ),
            role: shows_further(further_blank::ROLE).then_some(lives.role),
            carer: shows_further(further_blank::CARER).then_some(lives.carer),
            occupation: (lives.occupation_in(month))
                .filter(|_| shows_further(further_blank::OCCUPATION)),
            dwelling: shows_further(further_blank::DWELLING).then_some(lives.dwelling),
            protected: lives.protected,
        }
    }

    /// The household's ISEE in the year of a month of the window, in cents: incomes grow and vary from year to year.
    fn isee_cents(&self, index: u32, household: &Household, month: usize) -> u64 {
        let year = month / 12;
        let mut rng = Rng::stream(self.seed, &[7, u64::from(index), year as u64]);
        let factor = (1.0 + 0.025 * (year as f64 - 2.0)) * (0.06 * rng.normal()).exp();
        (f64::from(household.isee) * factor * 100.0).round() as u64
    }
}

/// The fields of one row about its client, as written.
pub(crate) struct RowView {
    pub(crate) female: Option<bool>,
    pub(crate) birth: Option<Month>,
    pub(crate) citizenship: Option<Citizenship>,
    /// 0 for blank.
    pub(crate) written_nil: u8,
    pub(crate) written_municipio: u8,
    pub(crate) household: Option<u32>,
    pub(crate) isee_cents: Option<u64>,
    pub(crate) disability: Option<u8>,
    pub(crate) role: Option<u8>,
    pub(crate) carer: Option<bool>,
    pub(crate) occupation: Option<u8>,
    pub(crate) dwelling: Option<u8>,
    /// Whether the address is protected; never blank.
    pub(crate) protected: bool,
}

impl RegisterCounts {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.valid_rows += u64::from(row.is_valid());
        self.missing_codes += u64::from(row.code == CodeState::Missing);
        self.untidy_codes += u64::from(row.code == CodeState::Untidy);
        let malformed = matches!(
            row.code,
            CodeState::WrongCheck | CodeState::Truncated | CodeState::Placeholder
        );
        self.malformed_codes += u64::from(malformed);
        self.impossible_dates += u64::from(row.impossible_date);
        self.unknown_services += u64::from(row.unknown_service);
        self.copies += u64::from(row.copy);
    }
}

/// Where an organisation's register lies in a city's directory.
pub fn register_path(dir: &Path, organisation: &str) -> PathBuf {
    dir.join(organisation).join("register.csv")
}

fn push_code(line: &mut Vec<u8>, code: [u8; 16], row: &Row) {
    match row.code {
        CodeState::Clean => line.extend_from_slice(&code),
        CodeState::Missing => {}
        CodeState::Placeholder => line.extend_from_slice(b"NON DISPONIBILE"),
        CodeState::Truncated => line.extend_from_slice(&code[..15]),
        CodeState::WrongCheck => {
            line.extend_from_slice(&code[..15]);
            line.push(b'A' + (code[15] - b'A' + 1 + (row.day % 25) as u8) % 26);
        }
        CodeState::Untidy => {
            for (index, letter) in code.to_ascii_lowercase().into_iter().enumerate() {
                if matches!(index, 3 | 6 | 11) {
                    line.push(b' ');
                }
                line.push(letter);
            }
            line.push(b' ');
        }
    }
}

/// ISO-8859-1: the first 256 characters of Unicode are its bytes.
fn push_latin1(line: &mut Vec<u8>, text: &str) {
    line.extend(
        text.chars()
            .map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')),
    );
}

fn push_number(line: &mut Vec<u8>, number: u64) {
    // Writing to a vector cannot fail.
    let _ = write!(line, "{number}");
}

fn push_date(line: &mut Vec<u8>, day: i32, years_later: i32) {
    let (year, month, day) = civil_later(day, years_later);
    let _ = write!(line, "{day:02}/{month:02}/{year:04}");
}

/// A fixed-point number with a decimal comma and a dot before each group of three digits.
fn push_decimal(line: &mut Vec<u8>, value: u64, places: u32) {
    let unit = 10_u64.pow(places);
    let whole = (value / unit).to_string();
    for (index, digit) in whole.bytes().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            line.push(b'.');
        }
        line.push(digit);
    }
    let width = places as usize;
    let _ = write!(line, ",{:0width$}", value % unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_written_as_in_italian_offices() {
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut line = Vec::new();
            write(&mut line);
            line
        };
        assert_eq!(text(&|l| push_decimal(l, 841_250, 2)), b"8.412,50");
        assert_eq!(text(&|l| push_decimal(l, 123_456_705, 2)), b"1.234.567,05");
        assert_eq!(text(&|l| push_decimal(l, 15, 1)), b"1,5");
        assert_eq!(text(&|l| push_decimal(l, 1_200, 2)), b"12,00");
        assert_eq!(text(&|l| push_latin1(l, "Nicolò")), b"Nicol\xf2");
        assert_eq!(text(&|l| push_date(l, WINDOW_START, 0)), b"01/01/2021");
        assert_eq!(text(&|l| push_date(l, WINDOW_START, 2)), b"01/01/2023");
    }
}
