//! Random registers as raw CSV lines, random legal queries, and how far two registers' answers lie apart.
//! Everything follows from a seed, so a failing case can be run again.

#![allow(dead_code, reason = "each test uses a part of it")]

use query::AggregateQuery;
use snapshot::{CodiceFiscale, Edition, LocalQuality, Mapping, NodeKey, Snapshot};
use taxonomy::Taxonomy;
use taxonomy::model::{Benefit, Need};

/// Columns of the municipal register.
pub(crate) const HEADER: &str = "CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;\
                          DISABILITA;BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO";
/// Further columns, which rows written by hand need not have.
const FURTHER: &str = ";RUOLO;CAREGIVER;OCCUPAZIONE;DIMORA;PROTETTO";

/// A small seeded generator (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// The codice fiscale of the `number`-th invented person.
pub(crate) fn code(number: usize) -> String {
    let letter = |place: u32| (b'A' + (number / 26usize.pow(place) % 26) as u8) as char;
    let first = format!("RSS{}{}{}80A01F205", letter(2), letter(1), letter(0));
    let valid = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
    valid
        .into_iter()
        .find(|code| CodiceFiscale::parse(code).is_ok())
        .expect("one check character is right")
}

/// One line of a register, and whose it is: `None` where it can be linked to nobody.
#[derive(Clone, Debug)]
pub(crate) struct RawRow {
    pub(crate) person: Option<usize>,
    pub(crate) line: Vec<u8>,
}

/// What is fixed about an invented person; single rows deviate from it.
pub(crate) struct Invented {
    pub(crate) birth: String,
    pub(crate) household: String,
    pub(crate) isee: &'static str,
    pub(crate) nil: String,
    pub(crate) sex: &'static str,
}

impl Invented {
    pub(crate) fn new(dice: &mut Dice, households: usize) -> Invented {
        // A third each: minors, adults, old people; some turn 18 or 75 within the months used.
        let year = match dice.below(3) {
            0 => 2004 + dice.below(21),
            1 => 1960 + dice.below(46),
            _ => 1935 + dice.below(16),
        };
        Invented {
            birth: format!("{:02}/{:02}/{year}", 1 + dice.below(28), 1 + dice.below(12)),
            household: if dice.one_in(8) {
                String::new()
            } else {
                format!("N{}", dice.below(households))
            },
            isee: dice.pick(&["", "2.999,99", "3.000", "9.360,00", "9.360,01", "26.000"]),
            nil: if dice.one_in(6) {
                String::new()
            } else {
                (1 + dice.below(88)).to_string()
            },
            sex: dice.pick(&["F", "M", ""]),
        }
    }

    /// A row of this person as text; one in five says something else than the others, one in nine is bad.
    pub(crate) fn row(&self, number: usize, dice: &mut Dice) -> RawRow {
        let services: Vec<&str> = Taxonomy::built_in()
            .services()
            .iter()
            .map(|service| service.id.as_str())
            .collect();
        let needs: Vec<&str> = Need::ALL
            .iter()
            .map(|need| need.id())
            .chain(["", "", ""])
            .collect();
        let benefits: Vec<&str> = Benefit::ALL
            .iter()
            .map(|benefit| benefit.id())
            .chain(["", "", ""])
            .collect();
        let month = 10 + dice.below(20);
        let date = format!(
            "{:02}/{:02}/{}",
            1 + dice.below(28),
            1 + month % 12,
            2022 + month / 12
        );
        let mut fields: Vec<String> = [
            code(number).as_str(),
            "Rossi",
            "Nicolò",
            self.sex,
            self.birth.as_str(),
            dice.pick(&["IT", "UE", "EXTRA-UE", ""]),
            self.nil.as_str(),
            dice.pick(&["", "1", "3", "9"]),
            self.household.as_str(),
            self.isee,
            dice.pick(&["", "0", "1", "2", "3"]),
            dice.pick(&needs),
            dice.pick(&benefits),
            dice.pick(&services),
            date.as_str(),
            dice.pick(&["1", "1,5", "2", "-3"]),
            dice.pick(&["0,00", "12,00", "1.250,50", "-7,00", ""]),
            dice.pick(&["CAPOFAMIGLIA", "PARTNER", "FIGLIO", "ALTRO", ""]),
            dice.pick(&["SI", "NO", ""]),
            dice.pick(&["employed", "unemployed", "student", ""]),
            dice.pick(&["home", "shelter", "foster-family", "settlement", ""]),
            dice.pick(&["", "", "", "", "NO", "SI"]),
        ]
        .map(str::to_owned)
        .to_vec();
        if dice.one_in(5) {
            match dice.below(7) {
                0 => fields[8] = format!("N{}", dice.below(3)),
                1 => fields[8].clear(),
                2 => fields[6] = (1 + dice.below(88)).to_string(),
                3 => fields[4] = format!("01/06/{}", 1946 + dice.below(4)),
                4 => fields[4].clear(),
                5 => fields[3] = dice.pick(&["F", "M", ""]).to_owned(),
                _ => fields[0] = format!(" {} ", fields[0].to_lowercase()),
            }
        }
        let mut person = Some(number);
        if dice.one_in(9) {
            match dice.below(11) {
                0 => fields[14] = "31/02/2023".to_owned(),
                1 => fields[13] = "no-such-service".to_owned(),
                2 => {
                    fields[0].replace_range(0..1, "?");
                    person = None;
                }
                3 => {
                    fields[0].clear();
                    person = None;
                }
                4 => fields[1] = "\"never closed".to_owned(),
                5 => fields.truncate(9),
                6 => fields[6] = "999".to_owned(),
                7 => fields[9] = "a lot".to_owned(),
                8 => fields[15] = "x".to_owned(),
                9 => fields[4] = "yesterday".to_owned(),
                _ => fields[14] = "05/05/1899".to_owned(),
            }
        }
        RawRow {
            person,
            line: latin1(&fields.join(";")),
        }
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

/// A register of up to `persons` people in up to `households` households, with `rows` rows each at most, in a
/// random order; the person 0 may have thousands of rows over all areas.
pub(crate) fn register(seed: u64, persons: usize, households: usize, rows: usize) -> Vec<RawRow> {
    let mut dice = Dice(seed);
    let mut lines = Vec::new();
    for number in 0..persons {
        let mut invented = Invented::new(&mut dice, households);
        let many = number == 0 && dice.one_in(20);
        for _ in 0..if many { 3_000 } else { 1 + dice.below(rows) } {
            if many {
                invented.nil = (1 + dice.below(88)).to_string();
            }
            let row = invented.row(number, &mut dice);
            // Some rows are written twice.
            if dice.one_in(10) {
                lines.push(row.clone());
            }
            lines.push(row);
        }
    }
    for last in (1..lines.len()).rev() {
        lines.swap(last, dice.below(last + 1));
    }
    lines
}

/// The register as a file.
pub(crate) fn csv<'a>(rows: impl IntoIterator<Item = &'a RawRow>) -> Vec<u8> {
    let mut text = format!("{HEADER}{FURTHER}").into_bytes();
    let marks = |line: &[u8]| line.iter().filter(|byte| **byte == b';').count();
    for row in rows {
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&row.line);
        if marks(&row.line) == marks(HEADER.as_bytes()) {
            text.extend_from_slice(b";;;;;");
        }
    }
    text
}

/// The snapshot of a register under a fixed key.
pub(crate) fn snapshot_with_quality(csv: &[u8], label: &str) -> (Snapshot, LocalQuality) {
    let header = csv.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mapping = Mapping::municipal_register_of(&String::from_utf8_lossy(header));
    let mapping = Mapping::parse(&mapping).expect("the municipal mapping");
    let edition = Edition {
        number: 1,
        label: label.to_owned(),
        created_at: 1_767_225_600,
    };
    Snapshot::build(&mapping, csv, &NodeKey::new(&[7; 32]), edition).expect("a snapshot")
}

/// The snapshot of rows under a fixed key.
pub(crate) fn snapshot<'a>(rows: impl IntoIterator<Item = &'a RawRow>, label: &str) -> Snapshot {
    snapshot_with_quality(&csv(rows), label).0
}

/// A random legal query; most name a household target.
pub(crate) fn query(seed: u64) -> AggregateQuery {
    let mut dice = Dice(seed);
    loop {
        if let Ok(query) = AggregateQuery::parse(query_text(&mut dice).as_bytes()) {
            return query;
        }
    }
}

fn query_text(dice: &mut Dice) -> String {
    let mut more = String::new();
    let mut left = 100;
    if dice.one_in(3) {
        let at_most = [1, 2, 5, 100_000][dice.below(4)];
        more += &format!(r#""cut_off":{{"share":15,"at_most":{at_most}}},"#);
        left -= 15;
    }
    let mut by = vec![area(dice, left)];
    let mut targets = Vec::new();
    if !dice.one_in(4) {
        for target in Taxonomy::built_in().targets() {
            // Those of the household are what prices are tested with.
            if dice.one_in(if target.predicate.reads_household() {
                12
            } else {
                24
            }) {
                targets.push(format!(r#""{}""#, target.id));
            }
        }
    }
    if !targets.is_empty() {
        by.push(format!(r#""target":[{}]"#, targets.join(",")));
    }
    let measure = dice.pick(&[
        r#""persons""#,
        r#""events""#,
        r#""households""#,
        r#""households""#,
        r#""first-time""#,
        r#""sum","quantity":"amount""#,
        r#""sum","quantity":"duration""#,
        r#""bins","quantity":"amount","edges":[1200,100000]"#,
        r#""bins","quantity":"duration","edges":[60,90,240]"#,
    ]);
    let mut flag = |name: &str, rarity: usize| {
        let asked = dice.one_in(rarity);
        if asked {
            by.push(format!(r#""{name}":true"#));
        }
        asked
    };
    let of_persons = if measure.starts_with(r#""house"#) {
        50
    } else {
        3
    };
    flag("sex", of_persons);
    flag("age_band", of_persons);
    flag("citizenship", 2 * of_persons);
    flag("household", 4);
    let by_service = flag("service", 4);
    let from = 3 * dice.below(4);
    let months = 3 * (1 + dice.below(4));
    let periods = match dice.below(3) {
        0 => 1,
        1 => {
            by.push(r#""period":"month""#.to_owned());
            months
        }
        _ => {
            by.push(r#""period":"quarter""#.to_owned());
            months / 3
        }
    };
    let month = |index: usize| format!("{}-{:02}", 2022 + (9 + index) / 12, 1 + (9 + index) % 12);
    let mut services = Taxonomy::built_in().services().len();
    if dice.one_in(3) {
        more += r#""services":["home-care","food-aid","day-centre"],"#;
        services = 3;
    }
    let periods = if measure.starts_with(r#""first"#) {
        1
    } else {
        periods
    };
    let reachable = targets.len().max(1) * if by_service { services } else { 1 } * periods;
    let cells = if dice.one_in(2) {
        1
    } else {
        1 + dice.below(reachable)
    };
    let per_cell = match measure {
        r#""events""# => 1 + dice.below(5),
        sum if sum.starts_with(r#""sum"#) => [1, 90, 2_000, 1_000_000][dice.below(4)],
        _ => 1,
    };
    if dice.one_in(2) {
        more += &format!(r#""filter":{},"#, filter(dice, 3));
    }
    format!(
        r#"{{"version":1,"measure":{measure},"by":{{{}}},"period":{{"from":"{}","to":"{}"}},{more}
            "bounds":{{"cells":{cells},"per_cell":{per_cell}}},"rho":1000000}}"#,
        by.join(","),
        month(from),
        month(from + months - 1),
    )
}

/// A level, or several that share `percent` of the loss.
fn area(dice: &mut Dice, percent: usize) -> String {
    let levels = ["city", "municipio", "nil", "micro-area"];
    let asked: Vec<&str> = (levels.into_iter()).filter(|_| dice.one_in(2)).collect();
    if asked.len() < 2 || dice.one_in(2) {
        let plain = ["city", "city", "municipio", "nil", "micro-area"];
        return format!(r#""area":"{}""#, dice.pick(&plain));
    }
    let share = percent / asked.len();
    let first = percent - share * (asked.len() - 1);
    let shares = (asked.iter().enumerate())
        .map(|(place, level)| format!(r#""{level}":{}"#, if place == 0 { first } else { share }));
    format!(r#""area":{{{}}}"#, shares.collect::<Vec<_>>().join(","))
}

fn filter(dice: &mut Dice, depth: usize) -> String {
    let targets: Vec<&str> = Taxonomy::built_in()
        .targets()
        .iter()
        .map(|target| target.id.as_str())
        .collect();
    match dice.below(if depth == 0 { 5 } else { 8 }) {
        0 | 1 => format!(r#"{{"target":"{}"}}"#, dice.pick(&targets)),
        2 => format!(r#"{{"sex":"{}"}}"#, dice.pick(&["F", "M", "X"])),
        3 => {
            let min = dice.below(90);
            format!(
                r#"{{"age":{{"min":{min},"max":{}}}}}"#,
                min + dice.below(60)
            )
        }
        4 => format!(
            r#"{{"citizenship":"{}"}}"#,
            dice.pick(&["italian", "eu", "non-eu"])
        ),
        5 => format!(r#"{{"not":{}}}"#, filter(dice, depth - 1)),
        part => format!(
            r#"{{"{}":[{},{}]}}"#,
            if part == 6 { "all" } else { "any" },
            filter(dice, depth - 1),
            filter(dice, depth - 1)
        ),
    }
}

/// The cells of one answer, opened for comparison.
pub(crate) fn cells(exact: super::kernel_under_test::Exact<Vec<i64>>) -> Vec<i64> {
    exact.release_through(|cells| cells)
}

/// For each slice of a question, the squared distance of two answers and the square of the sensitivity it is priced at.
pub(crate) fn slice_distances(query: &AggregateQuery, a: &[i64], b: &[i64]) -> Vec<(u128, u128)> {
    assert_eq!(a.len(), query.cells());
    (query
        .slices()
        .into_iter()
        .zip(privacy_loss::price(query).slices))
    .map(|(slice, price)| {
        let distance = squared_distance(&a[slice.cells.clone()], &b[slice.cells]);
        (distance, u128::from(price.sensitivity.squared))
    })
    .collect()
}

/// The squared Euclidean distance of two answers, exactly.
pub(crate) fn squared_distance(a: &[i64], b: &[i64]) -> u128 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| u128::from(a.abs_diff(*b)).pow(2))
        .sum()
}
