//! SIUSS flows: fifty thousand generated records that INPS's schemas accept load, and so do INPS's own examples. HMIS folders, too.

mod support;

use snapshot::{CodiceFiscale, LocalQuality, Mapping, RejectKind, Snapshot};
use source::profile::{HMIS, SINA, SINBA, hmis_folder};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{build, nothing, skip, try_build};
use taxonomy::model::Sex;

/// A file of INPS beside the project; `None` where there is none.
fn official(name: &str) -> Option<PathBuf> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/registers"
    );
    let path = Path::new(folder).join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("INPS's {name}"));
    None
}

/// Whether a flow follows a schema; `None` where nobody can say.
fn follows(flow: &Path, schema: &str) -> Option<bool> {
    let schema = official(schema)?;
    let Ok(output) = Command::new("xmllint")
        .arg("--noout")
        .arg("--schema")
        .arg(schema)
        .arg(flow)
        .output()
    else {
        skip("xmllint (package libxml2-utils)");
        return None;
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        eprintln!("{}", words.lines().take(5).collect::<Vec<_>>().join("\n"));
    }
    Some(output.status.success())
}

/// The codice fiscale of the `number`-th invented person: half of them women, born on any day of 60 years.
fn code(number: u32) -> String {
    let letter = |place: u32| (b'A' + (number / 26u32.pow(place) % 26) as u8) as char;
    let (year, month, day) = (
        30 + number % 60,
        b"ABCDEHLMPRST"[number as usize % 12] as char,
        number % 28 + 1,
    );
    let day = if number % 2 == 1 { day + 40 } else { day };
    let first = format!(
        "RS{}{}{}{}{year:02}{month}{day:02}F205",
        letter(3),
        letter(2),
        letter(1),
        letter(0)
    );
    let mut all = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
    all.find(|code| CodiceFiscale::parse(code).is_ok())
        .expect("one check character is right")
}

/// A flow of `people`, each with one to three benefits.
fn flow(people: u32) -> (String, u64) {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Flusso xmlns=\"http://inps.it/Casellario\">\n\
         <IdentificazioneFlusso Nome=\"F205.PS.20260101.0000001\"><Ente Codice=\"F205\" Denominazione=\"Città d'esempio\" CFOperatore=\"RSSMRA80A01F205X\" Indirizzo=\"F205\"/></IdentificazioneFlusso>\n",
    );
    let mut records = 0;
    for number in 0..people {
        let code = code(number);
        let (genre, country) = (
            number % 2 + 1,
            ["380", "642", "818", "604"][number as usize % 4],
        );
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<Beneficiario CodiceFiscale=\"{code}\"><Anagrafica Cognome=\"Rossi &amp; D&apos;Amicò\" Nome=\"Anna\" AnnoNascita=\"19{:02}\" LuogoNascita=\"F205\" Genere=\"{genre}\" CodiceCittadinanza=\"{country}\"/>\
             <Indirizzo CodiceRegione=\"03\" CodiceComune=\"015146\" CodiceNazione=\"380\"/>",
            30 + number % 60
        );
        for benefit in 0..=number % 3 {
            records += 1;
            let kind =
                ["A1.04", "A2.07", "A2.13", "A2.01", "A1.06.01"][(number + benefit) as usize % 5];
            let month = number % 12 + 1;
            let when = if (number + benefit) % 2 == 0 {
                format!(
                    "CaratterePrestazione=\"1\" DataInizioPrestazione=\"2025-{month:02}-05\" DataFinePrestazione=\"2025-12-31\" PeriodoErogazione=\"1\" ImportoMensile=\"101.23\" OreServizioMensile=\"2.50\""
                )
            } else {
                format!(
                    "CaratterePrestazione=\"2\" DataErogazionePrestazione=\"2025-{month:02}-07\" ImportoPrestazione=\"150\""
                )
            };
            let sina = if number % 5 == 0 {
                "<SINA Mobilita=\"1\" AttivitaVitaQuotidiana=\"2\" DisturbiComportamentali=\"1\" AreaReddituale=\"1\" AreaSupporto=\"2\" FonteDerivazioneValutazione=\"1\" StrumentoValutazione=\"1\">\
                 <NecessitaInterventiSociali><CodicePrestazione>A2.17</CodicePrestazione></NecessitaInterventiSociali><InvaliditaCivile><InvCiv>2</InvCiv></InvaliditaCivile></SINA>"
            } else {
                ""
            };
            let _ = write!(
                text,
                "<PrestazioniSociali TipoOperazione=\"I\" PresenzaProvaMezzi=\"1\" {when} CodicePrestazione=\"{kind}\" DenominazionePrestazione=\"Prestazione {kind}\" \
                 ProtocolloDomanda=\"P{number}-{benefit}\" DataEvento=\"2025-{month:02}-01\" PresaCarico=\"1\" AreaUtenza=\"2\">{sina}</PrestazioniSociali>",
            );
        }
        text.push_str("</Beneficiario>\n");
    }
    text.push_str("</Flusso>\n");
    (text, records)
}

#[test]
fn fifty_thousand_records_that_the_schema_accepts_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flow.xml");
    let people = 25_000;
    let (text, records) = flow(people);
    assert!(records >= 49_999, "{records}");
    std::fs::write(&path, &text).expect("written");
    assert_ne!(follows(&path, "PS_PSA_SINA201812.xsd"), Some(false));
    // A check that the schema is looked at.
    let broken = folder.path().join("broken.xml");
    std::fs::write(&broken, text.replacen("Genere=\"1\"", "Genere=\"3\"", 1)).expect("written");
    assert_ne!(follows(&broken, "PS_PSA_SINA201812.xsd"), Some(true));

    let mapping = Mapping::parse(SINA).expect("a mapping");
    let (snapshot, quality) = build(&path.display().to_string(), &nothing(), &mapping);
    assert_eq!(snapshot.person_count(), people as usize);
    assert_eq!(
        (
            quality.rejected,
            quality.unlinked_invalid,
            quality.fields_ignored
        ),
        (0, 0, 0)
    );
    // Periodic benefits stand in every month to December; each row is one of them.
    assert!(quality.rows > records && quality.rows == quality.loaded);
    assert_eq!((quality.births_differ, quality.sexes_differ), (0, 0));
    let people = (0..snapshot.person_count()).map(|index| snapshot.person(index));
    let women = people
        .clone()
        .filter(|person| person.sex == Sex::Female)
        .count();
    assert_eq!(women, 12_500);
    assert!(
        people
            .clone()
            .all(|person| person.birth.is_some() && person.citizenship.is_some())
    );
    let events: u32 = people
        .flat_map(|person| person.counts.iter().map(|count| u32::from(*count)))
        .sum();
    assert_eq!(u64::from(events) + quality.duplicates, quality.loaded);
}

#[test]
fn the_examples_of_the_schemas_load() {
    for (name, schema, mapping, columns) in [
        (
            "PS_PSA_SINA_0.xml",
            "PS_PSA_SINA201812.xsd",
            SINA,
            &source::SINA_COLUMNS[..],
        ),
        (
            "SINBA_1.xml",
            "SINBA.xsd",
            SINBA,
            &source::SINBA_COLUMNS[..],
        ),
    ] {
        let Some(path) = official(name) else { return };
        assert_ne!(follows(&path, schema), Some(false));
        let place =
            source::Place::of(&path.display().to_string(), &Default::default()).expect("a flow");
        let records = source::open(&place, None, source::Notation::PLAIN).expect("opened");
        assert_eq!(records.columns(), columns);
        let mapping = Mapping::parse(mapping).expect("a mapping");
        let (_, quality) = build(&path.display().to_string(), &nothing(), &mapping);
        let unlinked = quality.unlinked_invalid + quality.unlinked_missing;
        assert!(
            quality.rows > 0 && quality.loaded + quality.rejected + unlinked == quality.rows,
            "{quality:?}"
        );
    }
}

/// A HMIS folder with these files.
fn hmis(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

/// The snapshot of a HMIS folder.
fn loaded(folder: &Path) -> (Snapshot, LocalQuality) {
    let (register, local) = hmis_folder(folder).expect("a HMIS folder");
    build(&register, &local, &Mapping::parse(HMIS).expect("a mapping"))
}

/// What is wrong with a folder that cannot be loaded.
fn refused(folder: &Path) -> String {
    let (register, local) = hmis_folder(folder).expect("a HMIS folder");
    let mapping = Mapping::parse(HMIS).expect("a mapping");
    try_build(&register, &local, &mapping).expect_err("refused")
}

const CLIENT: (&str, &str) = (
    "Client.csv",
    "PersonalID,FirstName,DOB,Sex\n1,Ann,1980-06-01,0\n2,Bob,,1\n",
);
const PROJECT: (&str, &str) = (
    "Project.csv",
    "ProjectID,ProjectName,ProjectType\n10,\"Shelter, nightly\",1\n11,Shelter,0\n12,Advice,6\n13,Odd,99\n",
);

#[test]
fn a_hmis_folder_loads_with_its_files_joined() {
    assert!(hmis_folder(hmis(&[CLIENT, PROJECT]).path()).is_none());
    let entries = (
        "Enrollment.csv",
        "EnrollmentID,PersonalID,ProjectID,EntryDate,HouseholdID\nE1,1,10,2025-01-05,H1\nE2,2,10,2025-01-05,H1\nE3,2,11,2025-02-01,H2\nE4,2,13,2025-02-01,H2\nE5,3,11,2025-02-01,H3\n",
    );
    let folder = hmis(&[CLIENT, PROJECT, entries]);
    let (snapshot, quality) = loaded(folder.path());
    assert_eq!((quality.rows, quality.loaded, quality.rejected), (5, 4, 1));
    assert_eq!(
        (snapshot.person_count(), snapshot.household_count()),
        (3, 3)
    );
    let women = (0..3)
        .filter(|index| snapshot.person(*index).sex == Sex::Female)
        .count();
    assert_eq!(women, 1);
    // Whoever named the file of entries reads the same, and goes on reading nothing but entries.
    let (_, local) = hmis_folder(folder.path()).expect("a HMIS folder");
    let file = folder.path().join("Enrollment.csv").display().to_string();
    let mapping = Mapping::parse(HMIS).expect("a mapping");
    for exits in [false, true] {
        if exits {
            let text = "EnrollmentID,PersonalID,ExitDate\nE3,2,2025-09-01\n";
            std::fs::write(folder.path().join("Exit.csv"), text).expect("written");
        }
        let (same, quality) = build(&file, &local, &mapping);
        assert!(same.holds_the_same_as(&snapshot), "{exits}");
        assert_eq!(quality.rows, 5, "{exits}");
    }
    let text = "ProjectID,ProjectName\n10,x\n";
    std::fs::write(folder.path().join("Project.csv"), text).expect("written");
    let error = refused(folder.path());
    assert!(
        error.contains("`ProjectType`") && error.contains("Project.csv"),
        "{error}"
    );
}

#[test]
fn stays_and_services_of_a_hmis_folder_are_events_as_entries_are() {
    const ENTRIES: &str = "EnrollmentID,PersonalID,ProjectID,EntryDate,Note,HouseholdID,DateDeleted\n\
        E1,1,10,2025-01-05,\"a, b\",H1,\n\
        E2,2,11,2025-01-20,,H2,\n\
        E3,1,11,2024-12-31,,H1,\n\
        E4,2,12,2025-01-07,,H2,\n\
        E5,1,12,2020-01-01,,H1,2020-02-01\n";
    let exits = (
        "Exit.csv",
        "ExitID,EnrollmentID,PersonalID,ExitDate,DateDeleted\nX1,E2,2,2025-04-01,\nX2,E1,1,2025-09-09,\nX3,E3,1,2025-01-15,2025-01-16\n",
    );
    // Bed nights, of which one is on the day of entry, and a service.
    let services = (
        "Services.csv",
        "ServicesID,EnrollmentID,PersonalID,DateProvided,RecordType,TypeProvided,DateDeleted\nS1,E1,1,2025-01-05,200,200,\nS2,E1,1,2025-01-06,200,200,\n\
         S3,E1,1,2025-02-07,200,200,\nS4,E4,2,2025-03-03,141,1,\nS5,E4,2,2025-08-08,141,1,2025-08-09\n",
    );
    let export = (
        "Export.csv",
        "ExportID,ExportDate,ExportStartDate,ExportEndDate\n1,2025-05-01 10:00:00,2024-01-01,2025-02-10\n",
    );
    // What the same events are as entries alone.
    let entry = |rows: &[&str]| {
        let head = "EnrollmentID,PersonalID,ProjectID,EntryDate,Note,HouseholdID\n";
        let entries = "E,1,10,2025-01-05,,H1\nE,2,11,2025-01-20,,H2\nE,1,11,2024-12-31,,H1\nE,2,12,2025-01-07,,H2\n";
        let text = format!("{head}{entries}{}", rows.concat());
        loaded(hmis(&[CLIENT, PROJECT, ("Enrollment.csv", &text)]).path()).0
    };
    let stayed = ["E,2,11,2025-02-01,,H2\n", "E,2,11,2025-03-01,,H2\n"];
    let nights = [
        "E,1,10,2025-01-05,,H1\n",
        "E,1,10,2025-01-06,,H1\n",
        "E,1,10,2025-02-07,,H1\n",
        "E,2,12,2025-03-03,,H2\n",
    ];
    let until_the_end = ["E,1,11,2025-01-01,,H1\n", "E,1,11,2025-02-01,,H1\n"];
    let all = [&nights[..], &stayed[..1], &until_the_end].concat();
    let given = ("Enrollment.csv", ENTRIES);
    for (files, rows, expected) in [
        (&[][..], 4, entry(&[])),
        (&[services][..], 8, entry(&nights)),
        // Where no file tells exits, nothing is known of stays, whatever the export says.
        (&[services, export], 8, entry(&nights)),
        (&[exits], 6, entry(&stayed)),
        (
            &[exits, services],
            10,
            entry(&[&nights[..], &stayed].concat()),
        ),
        // What was told of later months than the export's is no more than a plan.
        (&[exits, services, export], 11, entry(&all)),
    ] {
        let folder = hmis(&[&[CLIENT, PROJECT, given], files].concat());
        let (snapshot, quality) = loaded(folder.path());
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!((quality.rows, quality.rejected), (rows, 0), "{names:?}");
        assert!(snapshot.holds_the_same_as(&expected), "{names:?}");
    }
    assert!(!entry(&stayed).holds_the_same_as(&entry(&[])));

    // Older editions have one type of shelter, and say in another column that it counts by entry and exit.
    let older = PROJECT
        .1
        .replace("ProjectType", "ProjectType,TrackingMethod");
    let older = older
        .replace(",1\n", ",1,3\n")
        .replace("Shelter,0\n", "Shelter,1,0\n");
    let older = older.replace("6\n", "6,\n").replace("99\n", "99,\n");
    let folder = hmis(&[CLIENT, ("Project.csv", &older), given, exits]);
    assert!(loaded(folder.path()).0.holds_the_same_as(&entry(&stayed)));
}

#[test]
fn bad_rows_of_a_hmis_folder_are_rejected_by_file_row_and_column_and_the_rest_loads() {
    let entries = (
        "Enrollment.csv",
        "EnrollmentID,PersonalID,ProjectID,EntryDate,HouseholdID\nE1,1,11,2025-01-05,H1\nE2,2,11,2025-01-20,H2\nE3,2,11,sometime,H2\nE4,2,11,1900-01-01,H2\nE5,1,13,2025-01-05,H1\n",
    );
    let exits = (
        "Exit.csv",
        "EnrollmentID,PersonalID,ExitDate\nE1,1,2025-01-04\nE2,2,2199-12-31\nE9,2,2025-02-02\nE1,2,2025-02-02\nE1,1,31/01/2025\nE1,1,\nE1,1\nE3,2,2025-02-02\nE5,1,2025-02-02\n",
    );
    let services = (
        "Services.csv",
        "EnrollmentID,PersonalID,DateProvided,RecordType\nE1,1,2025-01-06,200\nSECRETVALUE,1,2025-01-07,200\nE1,2,2025-01-07,200\nE1,1,SECRETVALUE,200\nE1,1,,200\n\
         E1,1\nE1,,2025-01-07,200\nE5,1,2025-01-07,200\n",
    );
    let export = ("Export.csv", "ExportEndDate\nSECRETVALUE\n2199-01-01\n");
    let folder = hmis(&[CLIENT, PROJECT, entries, exits, services, export]);
    let (snapshot, quality) = loaded(folder.path());
    let listed: Vec<_> = (quality.rejects.iter())
        .map(|reject| {
            let file = reject.file.as_deref().unwrap_or_default();
            (file, reject.row, reject.column.as_str(), reject.kind)
        })
        .collect();
    use RejectKind::{Date, Missing, Period, Shape, UnknownValue, Unmatched};
    let expected = [
        ("Enrollment.csv", 4, "EntryDate", Date),
        ("Enrollment.csv", 6, "project.ProjectType", UnknownValue),
        ("Export.csv", 2, "ExportEndDate", Date),
        ("Exit.csv", 2, "ExitDate", Period),
        ("Exit.csv", 3, "ExitDate", Period),
        ("Exit.csv", 4, "EnrollmentID", Unmatched),
        ("Exit.csv", 5, "EnrollmentID", Unmatched),
        ("Exit.csv", 6, "ExitDate", Date),
        ("Exit.csv", 7, "ExitDate", Missing),
        ("Exit.csv", 8, "", Shape),
        // An entry of 1900 without an exit, in an export until 2199.
        ("Enrollment.csv", 5, "EntryDate", Period),
        ("Services.csv", 3, "EnrollmentID", Unmatched),
        ("Services.csv", 4, "EnrollmentID", Unmatched),
        ("Services.csv", 5, "DateProvided", Date),
        ("Services.csv", 6, "DateProvided", Missing),
        ("Services.csv", 7, "", Shape),
        ("Services.csv", 9, "project.ProjectType", UnknownValue),
    ];
    assert_eq!(listed, expected);
    assert_eq!(
        quality.by_column["Services.csv: EnrollmentID"][&Unmatched],
        2
    );
    assert_eq!(quality.by_column["Exit.csv"][&Shape], 1);
    assert_eq!((quality.loaded, quality.unlinked_missing), (4, 1));
    assert_eq!(quality.rows, 4 + 1 + expected.len() as u64);
    assert_eq!(snapshot.person_count(), 2);
    assert!(!format!("{quality:?}").contains("SECRETVALUE"));

    for (name, column) in [
        ("Exit.csv", "ExitDate"),
        ("Exit.csv", "PersonalID"),
        ("Services.csv", "DateProvided"),
        ("Services.csv", "EnrollmentID"),
        ("Export.csv", "ExportEndDate"),
    ] {
        let path = folder.path().join(name);
        let text = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, text.replacen(column, "Other", 1)).expect("written");
        let error = refused(folder.path());
        assert!(
            error.contains(name) && error.contains(&format!("`{column}`")),
            "{error}"
        );
        std::fs::write(&path, text).expect("written");
    }
}
