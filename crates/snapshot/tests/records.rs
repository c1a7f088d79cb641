//! Registers that are no plain CSV: records of connectors, people without a codice fiscale, protected addresses, objections.

use snapshot::{
    Batch, CodiceFiscale, CsvRecords, Edition, Home, Input, LocalQuality, Mapping, NodeKey,
    Objections, PersonKey, Records, RecordsError, RejectKind, Snapshot, SnapshotError,
};

const HEADER: &str = "CODICE_FISCALE;SESSO;DATA_NASCITA;NIL;MUNICIPIO;SERVIZIO;DATA;QUANTITA";

const MAPPING: &str = r#"
version = 1
delimiter = ";"
encoding = "utf-8"
decimal_mark = ","
date_format = "dd/mm/yyyy"
finest_level = "micro-area"
[columns]
codice_fiscale = "CODICE_FISCALE"
date = "DATA"
service = "SERVIZIO"
sex = "SESSO"
birth_date = "DATA_NASCITA"
nil = "NIL"
municipio = "MUNICIPIO"
quantity = "QUANTITA"
"#;

fn edition() -> Edition {
    Edition {
        number: 3,
        label: "2026-01".to_owned(),
        created_at: 0,
    }
}

fn key() -> NodeKey {
    NodeKey::new(&[1; 32])
}

fn build(
    mapping: &str,
    register: Input<'_>,
    objections: &Objections,
) -> Result<(Snapshot, LocalQuality), SnapshotError> {
    let mapping = Mapping::parse(mapping)?;
    Snapshot::build_from(&mapping, register, &key(), edition(), objections)
}

fn csv(text: &str) -> Input<'_> {
    Input::Csv(Box::new(text.as_bytes()))
}

/// Valid codes, of women born on 1 January 1980.
fn code(number: u32) -> String {
    let letter = |place: u32| (b'A' + (number / 26u32.pow(place) % 26) as u8) as char;
    let first = format!("RSS{}{}{}80A41F205", letter(2), letter(1), letter(0));
    let mut all = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
    all.find(|code| CodiceFiscale::parse(code).is_ok())
        .expect("one check character is right")
}

fn register(people: u32) -> String {
    let mut text = format!("{HEADER}\n");
    for number in 0..people * 3 {
        let (code, day) = (code(number % people), number % 31 + 1);
        let row = match number % 97 {
            13 => format!(";F;;15;3;home-care;{day}/01/2024;1\n"),
            14 => format!("{code};F;;15;3;no such service;{day}/01/2024;1\n"),
            15 => format!("{code};F;;15;3;home-care;{day}/02/2024;1,5\n"),
            16 => format!("{code};\"F;;15;3;home-care;{day}/01/2024;1\n"),
            17 => "\n".to_owned(),
            18 => format!("{code};too;short\n"),
            _ => format!("{code};F;1/1/1980;15;3;food-aid;{day}/03/2024;2\n"),
        };
        text.push_str(&row);
    }
    text
}

/// Records handed out a few at a time.
struct Few {
    columns: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
    at: usize,
}

impl Records for Few {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, batch: &mut Batch) -> Result<bool, RecordsError> {
        batch.clear();
        let rest = self.rows[self.at..].iter().take(7);
        for (number, fields) in rest {
            batch.begin(*number);
            fields.iter().for_each(|field| batch.field(field));
            self.at += 1;
        }
        Ok(!batch.is_empty())
    }
}

#[test]
fn records_make_the_snapshot_and_the_report_that_the_same_lines_make() {
    let text = register(700);
    let nobody = Objections::default();
    let (plain, quality) = build(MAPPING, csv(&text), &nobody).expect("a snapshot");
    let format = Mapping::parse(MAPPING).expect("mapping").csv_format();
    let records = CsvRecords::open(text.as_bytes(), format.expect("text")).expect("a header");
    let (same, again) =
        build(MAPPING, Input::Records(Box::new(records)), &nobody).expect("a snapshot");
    assert!(same.holds_the_same_as(&plain));
    assert_eq!(again, quality);
    assert!(quality.rejected > 40 && quality.unlinked_missing > 10);

    let lines = text.lines().enumerate().skip(1);
    let rows = lines.filter(|(_, line)| !line.is_empty() && !line.contains('"'));
    let few = Few {
        columns: HEADER.split(';').map(str::to_owned).collect(),
        rows: rows
            .map(|(at, line)| (at as u64 + 1, line.split(';').map(str::to_owned).collect()))
            .collect(),
        at: 0,
    };
    let (same, again) = build(MAPPING, Input::Records(Box::new(few)), &nobody).expect("a snapshot");
    assert!(same.holds_the_same_as(&plain));
    assert_eq!(again.persons, quality.persons);
    // A fault for records, too, has the number of its row: the first unknown service is on line 16.
    let unknown = |quality: &LocalQuality| {
        let kind = RejectKind::UnknownValue;
        (quality.rejects.iter())
            .find(|reject| reject.kind == kind && reject.column == "SERVIZIO")
            .map(|reject| reject.row)
    };
    assert_eq!((unknown(&again), unknown(&quality)), (Some(16), Some(16)));
}

#[test]
fn another_register_does_not_pass_for_the_same() {
    let nobody = Objections::default();
    let text = register(40);
    let (one, _) = build(MAPPING, csv(&text), &nobody).expect("a snapshot");
    let other = text.replacen(";2\n", ";3\n", 1);
    let (other, _) = build(MAPPING, csv(&other), &nobody).expect("a snapshot");
    assert!(!one.holds_the_same_as(&other));
}

#[test]
fn utf_16_reads_as_utf_8_does() {
    let text = register(40);
    let mapping = MAPPING.replace("\"utf-8\"", "\"utf-16\"");
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    let nobody = Objections::default();
    let (plain, quality) = build(MAPPING, csv(&text), &nobody).expect("a snapshot");
    let wide = Input::Csv(Box::new(bytes.as_slice()));
    let (same, again) = build(&mapping, wide, &nobody).expect("a snapshot");
    assert!(same.holds_the_same_as(&plain));
    assert_eq!(again, quality);
}

#[test]
fn people_without_a_codice_fiscale_are_linked_by_the_declared_columns() {
    let mapping = MAPPING.replace(
        "[columns]\ncodice_fiscale = \"CODICE_FISCALE\"",
        "person_key = [\"COGNOME\", \"NOME\"]\n[columns]",
    );
    let rows = "COGNOME;NOME;SESSO;DATA_NASCITA;NIL;MUNICIPIO;SERVIZIO;DATA;QUANTITA\n\
                Rossi;Anna;F;;15;3;food-aid;1/1/2024;1\n\
                ROSSI; anna ;F;;15;3;food-aid;2/1/2024;1\n\
                Rossi;;F;;15;3;food-aid;3/1/2024;1\n\
                Rossi;Maria;F;;15;3;food-aid;4/1/2024;1\n";
    let (snapshot, quality) = build(&mapping, csv(rows), &Objections::default()).expect("built");
    assert_eq!((snapshot.person_count(), quality.unlinked_missing), (2, 1));

    let both = MAPPING.replace("[columns]", "person_key = [\"COGNOME\"]\n[columns]");
    let error = Mapping::parse(&both).expect_err("refused").to_string();
    assert!(error.contains("person_key"), "{error}");
    let missing = build(&mapping, csv(HEADER), &Objections::default());
    let error = missing.expect_err("refused").to_string();
    assert!(
        error.contains("`COGNOME`") && error.contains("person_key"),
        "{error}"
    );
}

#[test]
fn a_protected_address_is_known_to_nobody_even_where_an_older_row_tells_it() {
    let mapping = MAPPING.replace("quantity =", "protected = \"RISERVATO\"\nquantity =");
    let header = format!("{HEADER};RISERVATO\n");
    let row =
        |day: u32, mark: &str| format!("{};F;;15;3;food-aid;{day}/1/2024;1;{mark}\n", code(1));
    let home = |rows: String| {
        let (snapshot, _) = build(
            &mapping,
            csv(&format!("{header}{rows}")),
            &Objections::default(),
        )
        .expect("built");
        snapshot.person(0).home
    };
    let unknown = Home::MicroArea(geography::Partition::milan().unknown());
    for mark in ["x", "SI", "sì", "1", "true", "riservato"] {
        assert_eq!(home(row(1, "") + &row(2, mark)), unknown, "{mark}");
        assert_eq!(home(row(1, mark) + &row(2, "no")), unknown, "{mark}");
    }
    for mark in ["", " ", "no", "N", "0", "False"] {
        assert_ne!(home(row(1, mark) + &row(2, "")), unknown, "{mark}");
    }
}

#[test]
fn who_objected_leaves_no_trace_in_the_snapshot() {
    let text = register(40);
    let objector = CodiceFiscale::parse(&code(7)).expect("valid");
    let mark = Objections::mark(&key(), &PersonKey::of_code(objector));
    let objections: Objections = [mark].into_iter().collect();
    let (left, quality) = build(MAPPING, csv(&text), &objections).expect("a snapshot");
    assert_eq!((left.person_count(), quality.objections), (39, 1));
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with(&code(7)))
        .map(|line| format!("{line}\n"))
        .collect();
    let (plain, _) = build(MAPPING, csv(&without), &Objections::default()).expect("a snapshot");
    assert!(left.holds_the_same_as(&plain));
    // Under another node's key the same mark means nobody.
    let other = Objections::mark(&NodeKey::new(&[2; 32]), &PersonKey::of_code(objector));
    let (all, quality) = build(MAPPING, csv(&text), &[other].into_iter().collect()).expect("built");
    assert_eq!((all.person_count(), quality.objections), (40, 0));
}

#[test]
fn what_the_codice_fiscale_says_is_compared_with_what_is_recorded() {
    let rows = format!(
        "{HEADER}\n{};M;1/1/1980;15;3;food-aid;1/1/2024;1\n{};F;2/1/1980;15;3;food-aid;1/1/2024;1\n{};;;;;food-aid;1/1/2024;1\n",
        code(1),
        code(2),
        code(3)
    );
    let (_, quality) = build(MAPPING, csv(&rows), &Objections::default()).expect("a snapshot");
    assert_eq!((quality.births_differ, quality.sexes_differ), (1, 1));
}

#[test]
fn a_connector_that_fails_ends_the_build_with_its_reason() {
    struct Broken(Vec<String>);
    impl Records for Broken {
        fn columns(&self) -> &[String] {
            &self.0
        }
        fn next(&mut self, _: &mut Batch) -> Result<bool, RecordsError> {
            Err("the sheet is cut short".into())
        }
    }
    let broken = Broken(HEADER.split(';').map(str::to_owned).collect());
    let result = build(
        MAPPING,
        Input::Records(Box::new(broken)),
        &Objections::default(),
    );
    let Err(SnapshotError::Records(reason)) = result else {
        panic!("expected the connector's reason");
    };
    assert_eq!(reason.to_string(), "the sheet is cut short");
    let error = build(
        &MAPPING.replace("delimiter = \";\"", ""),
        csv(HEADER),
        &Objections::default(),
    );
    let error = error.map(|_| ()).expect_err("no format").to_string();
    assert!(error.contains("delimiter"), "{error}");
}

#[test]
fn what_completes_a_register_is_checked_and_its_faults_are_named() {
    let fault = |from: &str, to: &str| {
        let text = MAPPING.replace(from, to);
        assert_ne!(text, MAPPING);
        Mapping::parse(&text).expect_err(to).to_string()
    };
    let home = "nil = \"NIL\"\nmunicipio = \"MUNICIPIO\"\nquantity = \"QUANTITA\"\n";
    for (from, to, named) in [
        ("[columns]", "[home]\nsection = \"SEZ\"\n[columns]", "home"),
        (
            home,
            "quantity = \"QUANTITA\"\n[home]\nlatitude = \"LAT\"\n",
            "longitude",
        ),
        (
            home,
            "quantity = \"QUANTITA\"\n[home]\ncivic = \"CIV\"\n",
            "home.civic",
        ),
        (home, "quantity = \"QUANTITA\"\n[home]\n", "home"),
        (
            "[columns]",
            "[constants]\ndate = \"1/1/2024\"\n[columns]",
            "constants.date",
        ),
        (
            "[columns]",
            "[constants]\nname = \"x\"\n[columns]",
            "constants.name",
        ),
        (
            "[columns]",
            "[[join]]\nname = \"A B\"\nkey = \"a\"\ntheir_key = \"b\"\n[columns]",
            "join.name",
        ),
        (
            "[columns]",
            "[[join]]\nname = \"home\"\nkey = \"a\"\ntheir_key = \"b\"\n[columns]",
            "join.home",
        ),
        (
            "[columns]",
            "[[join]]\nname = \"a\"\nkey = \"a\"\ntheir_key = \"b\"\ndelimiter = \";\"\n[columns]",
            "join.a",
        ),
        (
            "decimal_mark = \",\"",
            "decimal_mark = \",\"\nthousands_mark = \",\"",
            "thousands_mark",
        ),
    ] {
        let error = fault(from, to);
        assert!(error.contains(named), "{error} should name {named}");
    }
}
