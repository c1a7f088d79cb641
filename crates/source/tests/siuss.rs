//! SIUSS flows: fifty thousand generated records that INPS's schemas accept load, and so do INPS's own examples.

mod support;

use snapshot::{CodiceFiscale, Mapping};
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

#[test]
fn a_hmis_folder_loads_with_its_files_joined() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    assert!(hmis_folder(folder.path()).is_none());
    write(
        "Client.csv",
        "PersonalID,FirstName,DOB,Sex\n1,Ann,1980-06-01,0\n2,Bob,,1\n",
    );
    write(
        "Project.csv",
        "ProjectID,ProjectName,ProjectType\n10,\"Shelter, North\",1\n11,Day,11\n12,Odd,99\n",
    );
    write(
        "Enrollment.csv",
        "EnrollmentID,PersonalID,ProjectID,EntryDate,HouseholdID\nE1,1,10,2025-01-05,H1\nE2,2,10,2025-01-05,H1\nE3,2,11,2025-02-01,H2\nE4,2,12,2025-02-01,H2\nE5,3,11,2025-02-01,H3\n",
    );
    let (register, local) = hmis_folder(folder.path()).expect("a HMIS folder");
    let (snapshot, quality) = build(&register, &local, &Mapping::parse(HMIS).expect("a mapping"));
    assert_eq!((quality.rows, quality.loaded, quality.rejected), (5, 4, 1));
    assert_eq!(
        (snapshot.person_count(), snapshot.household_count()),
        (3, 3)
    );
    let women = (0..3)
        .filter(|index| snapshot.person(*index).sex == Sex::Female)
        .count();
    assert_eq!(women, 1);
    write("Project.csv", "ProjectID,ProjectName\n10,x\n");
    let error = try_build(&register, &local, &Mapping::parse(HMIS).expect("a mapping"))
        .expect_err("refused");
    assert!(
        error.contains("`ProjectType`") && error.contains("Project.csv"),
        "{error}"
    );
}
