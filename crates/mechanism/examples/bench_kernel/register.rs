//! A register of a chosen size, written as an organisation would export it: people's rows scattered over the file.
//! Seeded and even: services and months are drawn alike, so that choosing L0 cells is as much work as it can be.

use anyhow::Result;
use geography::Partition;
use snapshot::CodiceFiscale;
use std::io::Write;
use taxonomy::Taxonomy;

/// Events of one person, on average, until there are [`MOST_PERSONS`].
const ROWS_PER_PERSON: u64 = 4;
/// Most people of a register.
const MOST_PERSONS: u64 = 2_500_000;
/// First and last year of events.
pub(crate) const YEARS: [u64; 2] = [2016, 2025];

const HEADER: &[u8] =
    b"CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;\
                        DISABILITA;BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO\r\n";

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as u64) as usize]
    }
}

/// What all rows of a person say, up to the need.
fn person(number: u64) -> String {
    let mut dice = Dice(number);
    let woman = dice.below(2) == 0;
    let (year, month, day) = (1930 + dice.below(95), dice.below(12), 1 + dice.below(28));
    let letter = |place: u32| (b'A' + (number / 26u64.pow(place) % 26) as u8) as char;
    let name: String = (0..6).map(letter).collect();
    let month_letter = b"ABCDEHLMPRST"[month as usize] as char;
    let first = format!(
        "{name}{:02}{month_letter}{:02}F205",
        year % 100,
        day + if woman { 40 } else { 0 }
    );
    let valid = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
    let code = valid
        .into_iter()
        .find(|code| CodiceFiscale::parse(code).is_ok())
        .unwrap_or_default();
    let nil = 1 + dice.below(88);
    let municipi = Partition::milan().municipi_of_nil(nil as u16);
    let municipio = municipi[dice.below(municipi.len() as u64) as usize];
    let household = if dice.below(10) < 6 {
        format!("N{}", number / 2)
    } else {
        String::new()
    };
    format!(
        "{code};Rossi;{};{};{day:02}/{:02}/{year};{};{nil};{municipio};{household};{}.{:03},{:02};{};",
        if woman { "Giulia" } else { "Mario" },
        if woman { "F" } else { "M" },
        month + 1,
        dice.pick(&["IT", "IT", "IT", "UE", "EXTRA-UE"]),
        dice.below(30),
        dice.below(1000),
        dice.below(100),
        dice.pick(&["", "0", "0", "0", "1", "2", "3"]),
    )
}

/// Writes a register of `rows` rows; returns how many people it has.
pub(crate) fn write(rows: u64, mut out: impl Write) -> Result<u64> {
    let persons = (rows / ROWS_PER_PERSON).clamp(1, MOST_PERSONS);
    let people: Vec<String> = (0..persons).map(person).collect();
    let services: Vec<&str> = (Taxonomy::built_in().services().iter())
        .map(|service| service.id.as_str())
        .collect();
    // Odd and without a factor in common with the number of people, so that the first rows name everybody once.
    let step = (0x9e37_79b1..)
        .step_by(2)
        .find(|step| gcd(*step, persons) == 1)
        .unwrap_or(1);
    let mut dice = Dice(rows);
    out.write_all(HEADER)?;
    for row in 0..rows {
        let person = if row < persons {
            row.wrapping_mul(step) % persons
        } else {
            dice.below(persons)
        };
        let need = if dice.below(20) == 0 { "food" } else { "" };
        let benefit = if dice.below(40) == 0 { "adi" } else { "" };
        let months = (YEARS[1] - YEARS[0] + 1) * 12;
        let month = dice.below(months);
        let (year, month, day) = (YEARS[0] + month / 12, 1 + month % 12, 1 + dice.below(28));
        let service = dice.pick(&services);
        let (hours, euro, cents) = (1 + dice.below(8), dice.below(900), dice.below(100));
        write!(
            out,
            "{}{need};{benefit};{service};{day:02}/{month:02}/{year};{hours},5;{euro},{cents:02}\r\n",
            people[person as usize]
        )?;
    }
    out.flush()?;
    Ok(persons)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
