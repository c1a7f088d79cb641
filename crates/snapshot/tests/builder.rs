//! From rows to people: what is linked, what wins, what is left out, and that nobody's rows touch another's.
//! Registers are written as text, so that the tests start where an organisation does.

use geography::{Level, Partition};
use privacy_loss::HOUSEHOLD_MEMBERS;
use proptest::prelude::*;
use query::Month;
use snapshot::{
    CodiceFiscale, Edition, Home, HouseholdOf, LISTED_REJECTS, LocalQuality, Mapping, NodeKey,
    PersonRow, RejectKind, Snapshot, SnapshotError,
};
use std::collections::BTreeMap;
use taxonomy::Attributes;
use taxonomy::model::{Benefit, CitizenshipGroup, Dwelling, HouseholdRole, Need, Occupation, Sex};

const HEADER: &str = "CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;\
                      DISABILITA;BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO";

fn edition(label: &str) -> Edition {
    Edition {
        number: 3,
        label: label.to_owned(),
        created_at: 0,
    }
}

fn build_with(mapping: &str, csv: &[u8]) -> Result<(Snapshot, LocalQuality), SnapshotError> {
    Snapshot::build(
        &Mapping::parse(mapping)?,
        csv,
        &NodeKey::new(&[1; 32]),
        edition("2026-01"),
    )
}

fn build(rows: &str) -> (Snapshot, LocalQuality) {
    build_with(
        Mapping::municipal_register(),
        format!("{HEADER}\r\n{rows}").as_bytes(),
    )
    .expect("a snapshot")
}

/// The codice fiscale of the `number`-th invented person.
fn code(number: u32) -> String {
    let letter = |place: u32| (b'A' + (number / 26u32.pow(place) % 26) as u8) as char;
    let first = format!("RSS{}{}{}80A41F205", letter(2), letter(1), letter(0));
    let mut all = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
    all.find(|code| CodiceFiscale::parse(code).is_ok())
        .expect("one check character is right")
}

/// A row of person `number` on `date`, with fields from SESSO to BENEFICIO.
fn row(number: u32, date: &str, fields: &str) -> String {
    format!(
        "{};Rossi;Anna;{fields};home-care;{date};1;0,00\r\n",
        code(number)
    )
}

fn only(snapshot: &Snapshot) -> PersonRow<'_> {
    assert_eq!(snapshot.person_count(), 1);
    snapshot.person(0)
}

fn month(text: &str) -> Month {
    Month::parse(text).expect("month")
}

#[test]
fn the_latest_row_that_has_a_field_wins_in_any_order() {
    let rows = [
        row(1, "01/01/2024", "M;17/06/1948;IT;10;1;A;2.000;1;housing;"),
        row(1, "01/03/2024", "F;;EXTRA-UE;15;3;;9.360,01;;;adi"),
        row(1, "01/02/2024", ";;UE;;;;;3;food;"),
        row(1, "01/04/2024", ";;;;;;;;housing;"),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let (snapshot, _) = build(&order.map(|index| rows[index].as_str()).concat());
        let person = only(&snapshot);
        assert_eq!(
            (person.sex, person.birth),
            (Sex::Female, Some(month("1948-06")))
        );
        assert_eq!(person.citizenship, Some(CitizenshipGroup::NonEu));
        assert_eq!(
            person.home,
            Home::MicroArea(Partition::milan().micro_area(Some(15), Some(3)))
        );
        let recorded = person.recorded_by(month("2024-04"));
        assert_eq!(
            (recorded.income_band, recorded.disability),
            (Some(3), Some(3))
        );
        let before = person.recorded_by(month("2024-01"));
        assert_eq!((before.income_band, before.disability), (Some(0), Some(1)));
        assert_eq!(person.household, HouseholdOf::Member(0));
        assert!(
            person.has_need(Need::Housing, month("2024-01"))
                && !person.has_need(Need::Housing, month("2023-12"))
        );
        assert!(
            person.has_need(Need::Food, month("2024-02"))
                && !person.has_need(Need::Food, month("2024-01"))
        );
        assert!(
            person.has_benefit(Benefit::Adi, month("2024-03"))
                && !person.has_benefit(Benefit::Adi, month("2024-02"))
        );
        assert_eq!(person.events().len(), 4);
    }
}

#[test]
fn unlinked_and_bad_rows_are_left_out_and_counted_without_their_values() {
    let good = row(1, "01/01/2024", "F;;;15;3;;;;;");
    let rows = [
        good.clone(),
        good.replacen(&code(1), "", 1),
        good.replacen(&code(1), "RSSMRA80A01F205A", 1),
        good.replacen("01/01/2024", "31/02/2024", 1),
        good.replacen("home-care", "SECRETVALUE", 1),
        good.replacen("Rossi", "\"Rossi", 1),
        good.replacen(";15;", ";99;", 1),
        "\r\n".to_owned(),
        format!("{};too;short\r\n", code(1)),
        good.clone(),
    ]
    .concat();
    let (snapshot, quality) = build(&rows);
    assert_eq!(
        only(&snapshot)
            .events()
            .map(|event| event.count)
            .sum::<u32>(),
        1
    );
    let expected = (9, 3, 1, 1, 4, 1, 2);
    let got = (
        quality.rows,
        quality.loaded,
        quality.unlinked_missing,
        quality.unlinked_invalid,
        quality.rejected,
        quality.fields_ignored,
        quality.duplicates,
    );
    assert_eq!(got, expected);
    let listed: Vec<_> = quality
        .rejects
        .iter()
        .map(|r| (r.row, r.column.as_str(), r.kind))
        .collect();
    let expected = [
        (4, "CODICE_FISCALE", RejectKind::CodiceFiscale),
        (5, "DATA", RejectKind::Date),
        (6, "SERVIZIO", RejectKind::UnknownValue),
        (7, "", RejectKind::Shape),
        (8, "NIL", RejectKind::UnknownValue),
        (10, "", RejectKind::Shape),
    ];
    assert_eq!(listed, expected);
    assert!(!format!("{quality:?}").contains("SECRETVALUE"));
}

#[test]
fn repeated_rows_are_one_event_and_different_amounts_are_two() {
    let first = row(1, "05/01/2024", "F;;;;;;;;;");
    let other = first.replacen("0,00", "3,00", 1);
    let (snapshot, quality) = build(&[first.clone(), other, first].concat());
    assert_eq!(
        only(&snapshot)
            .events()
            .map(|event| event.count)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(quality.duplicates, 1);
}

#[test]
fn a_household_keeps_the_most_members_and_sets_the_others_aside() {
    let rows: String = (0..10)
        .map(|number| {
            row(
                number,
                "01/01/2024",
                &format!(";01/01/{};;;;N1;;;;", 1950 + number),
            )
        })
        .collect();
    let (snapshot, quality) = build(&rows);
    let homes: Vec<_> = (0..10)
        .map(|index| snapshot.person(index).household)
        .collect();
    let most = HOUSEHOLD_MEMBERS as usize;
    assert_eq!(
        homes
            .iter()
            .filter(|home| **home == HouseholdOf::Member(0))
            .count(),
        most
    );
    assert_eq!(
        homes
            .iter()
            .filter(|home| **home == HouseholdOf::Beyond)
            .count(),
        10 - most
    );
    assert_eq!(snapshot.household_births(0).count(), most);
    assert_eq!((quality.households, quality.beyond_household), (1, 4));
}

#[test]
fn omocodia_tells_two_people_apart_and_spelling_does_not() {
    let rows = [
        format!("{};A;B;F;;;;;;;;;;home-care;01/01/2024;1;1\n", code(1)),
        format!(
            " {} ;A;B;F;;;;;;;;;;home-care;02/01/2024;1;1\n",
            code(1).to_lowercase()
        ),
    ];
    let (snapshot, _) = build(&rows.concat());
    assert_eq!(only(&snapshot).counts, [2]);
    let plain = CodiceFiscale::parse("RSSMRA80A01F205X").expect("valid");
    let variant = (b'A'..=b'Z')
        .find_map(|check| CodiceFiscale::parse(&format!("RSSMRA80A01F20R{}", check as char)).ok());
    assert_ne!(Some(plain), variant);
}

#[test]
fn sex_and_birth_come_from_the_codice_fiscale_only_where_the_mapping_says_so() {
    let csv = format!("{HEADER}\n{}", row(1, "01/01/2024", ";;;;;;;;;"));
    let text = Mapping::municipal_register();
    let (plain, _) = build_with(text, csv.as_bytes()).expect("a snapshot");
    assert_eq!((only(&plain).sex, only(&plain).birth), (Sex::Unknown, None));
    let derive = text.replacen(
        "derive_from_codice_fiscale = false",
        "derive_from_codice_fiscale = true",
        1,
    );
    let (derived, _) = build_with(&derive, csv.as_bytes()).expect("a snapshot");
    assert_eq!(
        (only(&derived).sex, only(&derived).birth),
        (Sex::Female, Some(month("1980-01")))
    );
}

#[test]
fn a_register_that_knows_municipi_only_is_counted_by_municipio() {
    let text = Mapping::municipal_register()
        .replacen(
            "finest_level = \"micro-area\"",
            "finest_level = \"municipio\"",
            1,
        )
        .replacen("nil = \"NIL\"\n", "", 1);
    let csv = format!("{HEADER}\n{}", row(1, "01/01/2024", ";;;;7;;;;;"));
    let (snapshot, _) = build_with(&text, csv.as_bytes()).expect("a snapshot");
    let areas = Partition::milan();
    let key =
        |level| areas.keys(level)[usize::from(only(&snapshot).home.area(areas, level))].clone();
    assert_eq!(Level::ALL.map(key), ["milano", "7", "unknown", "unknown"]);
}

#[test]
fn a_register_that_does_not_fit_its_mapping_says_which_column_and_what_to_do() {
    let error = |csv: &[u8]| {
        build_with(Mapping::municipal_register(), csv)
            .expect_err("does not fit")
            .to_string()
    };
    let text = error(HEADER.replacen(";NIL", ";ZONA", 1).as_bytes());
    assert!(
        text.contains("no column `NIL`")
            && text.contains("columns.nil")
            && text.contains("correct"),
        "{text}"
    );
    assert!(error(HEADER.replacen(";COGNOME", ";NIL", 1).as_bytes()).contains("two columns `NIL`"));
    assert!(error(b"").contains("empty"));
}

#[test]
fn a_byte_order_mark_and_utf_8_are_read() {
    let csv = format!(
        "\u{feff}{HEADER}\n{}",
        row(1, "01/01/2024", "F;;;15;3;;;;;").replacen("Anna", "Nicolò", 1)
    );
    let text = Mapping::municipal_register().replacen("\"iso-8859-1\"", "\"utf-8\"", 1);
    assert_eq!(
        build_with(&text, csv.as_bytes())
            .expect("a snapshot")
            .1
            .loaded,
        1
    );
    let mut latin1 = csv.replacen("ò", "?", 1).into_bytes();
    let place = latin1
        .iter()
        .position(|byte| *byte == b'?')
        .expect("the letter");
    latin1[place] = 0xF2;
    assert_eq!(
        build_with(&text, &latin1).expect("a snapshot").1.rejects[0].kind,
        RejectKind::Encoding
    );
}

#[test]
fn the_file_reads_back_as_written_and_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let (snapshot, _) = build(
        &(0..40)
            .map(|n| row(n, "01/01/2024", "F;01/01/1950;IT;15;3;N1;1;2;food;adi"))
            .collect::<String>(),
    );
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("edition-3.snapshot");
    snapshot.write(&path).expect("written");
    assert_eq!(
        std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let read = Snapshot::read(&path).expect("read");
    assert_eq!(
        (read.edition(), read.finest_level()),
        (snapshot.edition(), Level::MicroArea)
    );
    assert_eq!(
        (read.mapping_hash(), read.sampling_seed(&[])),
        (snapshot.mapping_hash(), snapshot.sampling_seed(&[]))
    );
    let again = directory.path().join("again.snapshot");
    read.write(&again).expect("written");
    let bytes = std::fs::read(&path).expect("bytes");
    assert_eq!(bytes, std::fs::read(&again).expect("bytes"));
    assert_eq!(
        std::fs::read_dir(directory.path()).expect("listed").count(),
        2,
        "nothing else is left behind"
    );

    // Any changed byte and any cut is noticed, and said in one way.
    for place in (0..bytes.len())
        .step_by(7)
        .filter(|place| !(8..12).contains(place))
    {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        std::fs::write(&again, &damaged).expect("written");
        assert!(
            matches!(Snapshot::read(&again), Err(SnapshotError::Damaged)),
            "byte {place}"
        );
        std::fs::write(&again, &bytes[..place]).expect("written");
        assert!(
            matches!(Snapshot::read(&again), Err(SnapshotError::Damaged)),
            "cut at {place}"
        );
    }
    let mut newer = bytes;
    newer[8] = 5;
    std::fs::write(&again, &newer).expect("written");
    assert!(matches!(
        Snapshot::read(&again),
        Err(SnapshotError::UnknownVersion { found: 5, known: 4 })
    ));
}

#[test]
fn a_register_of_many_blocks_is_read_as_one() {
    // Some megabytes, so that several threads read it: person n has n % 5 + 1 rows, apart from each other; every tenth
    // row is bad.
    const PERSONS: u32 = 9_000;
    let mut rows = Vec::new();
    for turn in 0..5 {
        for number in (0..PERSONS).filter(|number| number % 5 >= turn) {
            let date = format!("{:02}/{:02}/2024", 1 + turn, 1 + number % 12);
            rows.push(row(number, &date, "F;01/01/1980;IT;15;3;N1;1;2;food;adi"));
        }
    }
    let mut expected = Vec::new();
    for (number, row) in rows.iter_mut().enumerate().skip(3).step_by(10) {
        *row = row.replacen("/2024", "/2024/1", 1);
        expected.push(number as u64 + 2);
    }
    // Another fault near the end, after thousands of the first.
    let last = rows.len() - 2;
    rows[last] = rows[last].replacen("home-care", "haircut", 1);
    let csv = rows.concat();
    assert!(csv.len() > 2 << 20);
    let (snapshot, quality) = build(&csv);
    assert_eq!(quality.rows, rows.len() as u64);
    assert_eq!(quality.rejected, expected.len() as u64 + 1);
    assert_eq!(
        quality.by_column["DATA"][&RejectKind::Date],
        expected.len() as u64
    );
    // The first ones of each kind, in the order of the register, whichever block was read first.
    let listed: Vec<u64> = quality.rejects.iter().map(|reject| reject.row).collect();
    let (other, dates) = listed.split_last().expect("rejects");
    assert_eq!(dates, &expected[..LISTED_REJECTS]);
    assert_eq!(*other, last as u64 + 2);
    let events: u32 = (0..snapshot.person_count())
        .flat_map(|person| snapshot.person(person).counts)
        .map(|count| u32::from(*count))
        .sum();
    assert_eq!(u64::from(events), quality.loaded);
    // Read once more, the other way round: the same snapshot.
    rows.reverse();
    let (turned, _) = build(&rows.concat());
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = [&snapshot, &turned].map(|snapshot| {
        let path = directory.path().join("snapshot");
        snapshot.write(&path).expect("written");
        std::fs::read(&path).expect("bytes")
    });
    assert!(bytes[0] == bytes[1]);
    assert_eq!(
        snapshot.household_members(0).len(),
        HOUSEHOLD_MEMBERS as usize
    );
}

#[test]
fn debug_shows_neither_people_nor_how_many() {
    let (snapshot, _) = build(&row(
        1,
        "01/01/2024",
        "F;01/01/1950;IT;15;3;N1;1;2;food;adi",
    ));
    assert_eq!(format!("{snapshot:?}"), "Snapshot { edition: 3, .. }");
    assert_eq!(format!("{:?}", NodeKey::new(&[1; 32])), "NodeKey(..)");
    assert_eq!(
        format!("{:?}", CodiceFiscale::parse(&code(1))),
        "Ok(CodiceFiscale(..))"
    );
}

#[test]
fn choices_of_cells_follow_the_key_and_the_edition_and_not_the_rows() {
    let mapping = Mapping::parse(Mapping::municipal_register()).expect("mapping");
    let seed = |secret: u8, label: &str, rows: &str| {
        let csv = format!("{HEADER}\n{rows}");
        let key = NodeKey::new(&[secret; 32]);
        Snapshot::build(&mapping, csv.as_bytes(), &key, edition(label))
            .expect("a snapshot")
            .0
            .sampling_seed(&[&["2025-01".to_owned()]])
    };
    let first = seed(1, "2026-01", "");
    assert_eq!(
        first,
        seed(1, "2026-01", &row(1, "01/01/2024", "F;;;;;;;;;"))
    );
    assert_ne!(first, seed(1, "2026-02", ""));
    assert_ne!(first, seed(2, "2026-01", ""));
}

/// A register with every column the common model has.
fn full_register(rows: &[(u32, &str, &str)]) -> (Snapshot, LocalQuality) {
    let header = format!("{HEADER};RUOLO;CAREGIVER;OCCUPAZIONE;DIMORA;PROTETTO");
    let rows = rows.iter().map(|(number, date, more)| {
        let row = row(*number, date, "F;17/06/1980;IT;15;3;A;2.000;0;;");
        format!("{};{more}\r\n", row.trim_end())
    });
    let csv = format!("{header}\r\n{}", rows.collect::<String>());
    build_with(&Mapping::municipal_register_of(&header), csv.as_bytes()).expect("a snapshot")
}

#[test]
fn role_carer_occupation_and_dwelling_are_read_in_the_registers_words() {
    let (snapshot, quality) = full_register(&[
        (1, "01/01/2024", "CAPOFAMIGLIA;NO;employed;home;NO"),
        (1, "01/03/2024", ";SI;unemployed;;"),
        (1, "01/05/2024", "PARTNER;;what;shelter;"),
    ]);
    let person = only(&snapshot);
    assert_eq!(person.role, Some(HouseholdRole::Partner));
    assert_eq!(person.carer, Some(true));
    let at = |text| person.recorded_by(month(text));
    assert_eq!(at("2024-02").occupation, Some(Occupation::Employed));
    assert_eq!(at("2024-03").occupation, Some(Occupation::Unemployed));
    assert_eq!(at("2024-04").dwelling, Some(Dwelling::Home));
    assert_eq!(at("2024-05").dwelling, Some(Dwelling::Shelter));
    assert_eq!(at("2023-12"), taxonomy::model::Recorded::default());
    assert_eq!(quality.fields_ignored, 1);
    let all = Attributes::ALL.without(snapshot.attributes());
    assert!(all.is_empty(), "{all:?}");
}

#[test]
fn homes_at_protected_addresses_are_unknown() {
    let unknown = Home::MicroArea(Partition::milan().unknown());
    let home = |rows: &[(u32, &str, &str)]| only(&full_register(rows).0).home;
    assert_ne!(home(&[(1, "01/01/2024", ";;;;NO")]), unknown);
    assert_ne!(home(&[(1, "01/01/2024", ";;;;")]), unknown);
    // Rows that say nothing of it do not lift it.
    let protected = [(1, "01/01/2024", ";;;;SI"), (1, "01/02/2024", ";;;;")];
    assert_eq!(home(&protected), unknown);
    // The mark holds though its row cannot be used otherwise.
    let rejected = [(1, "31/02/2024", ";;;;SI"), (1, "01/02/2024", ";;;;")];
    assert_eq!(home(&rejected), unknown);
    let both = [(1, "01/01/2024", ";;;;SI"), (1, "01/01/2024", ";;;;NO")];
    assert_eq!(home(&both), unknown);
}

/// What a person is, the household aside.
fn facts(person: PersonRow<'_>) -> String {
    let months = || (1_400..1_550).step_by(1).filter_map(Month::from_index);
    let mut recorded: Vec<_> = months().map(|month| person.recorded_by(month)).collect();
    recorded.dedup();
    format!(
        "{:?} {:?} {:?} {:?} {recorded:?} {:?}",
        person.birth,
        person.sex,
        person.citizenship,
        person.home,
        person.events().collect::<Vec<_>>()
    )
}

fn everybody(snapshot: &Snapshot) -> BTreeMap<u64, String> {
    (0..snapshot.person_count())
        .map(|index| snapshot.person(index))
        .map(|p| (p.word, facts(p)))
        .collect()
}

/// Rows that are good, contradictory, repeated or broken, of eight people.
fn raw_rows() -> impl Strategy<Value = Vec<(u32, String)>> {
    let field = |values: &[&'static str]| proptest::sample::select(values.to_vec());
    let one = (
        0u32..8,
        field(&["F", "M", "", "?"]),
        field(&["01/06/1948", "01/07/1990", "", "x"]),
        field(&["15;3", "10;1", "15;", ";3", ";", "999;3"]),
        field(&["N1", "N2", ""]),
        field(&["food", "", "none"]),
        field(&["01/01/2024", "02/01/2024", "15/03/2024", "31/02/2024"]),
        field(&["Rossi", "\"Rossi", "\"Ro\"\"ssi\"", "Ros\"si", "A;B"]),
    );
    let row = one.prop_map(|(number, sex, birth, home, household, need, date, name)| {
        let text = format!("{sex};{birth};IT;{home};{household};1;2;{need};");
        (number, row(number, date, &text).replacen("Rossi", name, 1))
    });
    proptest::collection::vec(row, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_persons_rows_change_nothing_that_is_kept_of_others(rows in raw_rows(), gone in 0u32..8) {
        let (with, _) = build(&rows.iter().map(|(_, row)| row.as_str()).collect::<String>());
        let rest: String = rows.iter().filter(|(number, _)| *number != gone).map(|(_, row)| row.as_str()).collect();
        let (without, _) = build(&rest);
        let (mut with, without) = (everybody(&with), everybody(&without));
        with.retain(|word, _| without.contains_key(word));
        prop_assert_eq!(with, without);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in raw_rows(), turn in 0usize..60) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut bytes = Vec::new();
        let mut turned = rows.clone();
        turned.reverse();
        let places = turned.len().max(1);
        turned.rotate_left(turn % places);
        for rows in [&rows, &turned] {
            let (snapshot, _) = build(&rows.iter().map(|(_, row)| row.as_str()).collect::<String>());
            let path = directory.path().join("snapshot");
            snapshot.write(&path).expect("written");
            bytes.push(std::fs::read(&path).expect("bytes"));
        }
        prop_assert_eq!(&bytes[0], &bytes[1]);
    }
}
