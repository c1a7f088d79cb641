//! `node-agent init` and `objection` as a person meets them: registers of several kinds, made into a node and an edition.

use node_agent::config::NodeDir;
use node_agent::editions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const NODE_AGENT: &str = env!("CARGO_BIN_EXE_node-agent");
/// A day in November 2026.
const NOW: i64 = 1_795_000_000;
const MONTH: i64 = 31 * 86_400;

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(NODE_AGENT)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("an input");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    child.wait_with_output().expect("ended")
}

/// What `init --yes` says, and whether it made a node.
fn init(register: &Path, dir: &Path, more: &[&str]) -> (bool, String) {
    let (register, dir) = (register.display().to_string(), dir.display().to_string());
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let mut arguments = vec![
        "init",
        &register,
        "--dir",
        &dir,
        "--organisation",
        "mensa-centrale",
    ];
    arguments.extend(["--dpo-key", key, "--asks", "--yes"]);
    arguments.extend(more);
    let output = run(&arguments, "");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn persons(dir: &Path, now: i64) -> usize {
    let dir = NodeDir::new(dir);
    let config = dir.read_config().expect("a configuration");
    let edition = editions::open_current(&dir, &config, now).expect("an edition");
    edition.snapshot.person_count()
}

#[test]
fn a_register_of_an_unknown_program_becomes_an_edition_and_its_bad_rows_are_listed() {
    let place = tempfile::tempdir().expect("a folder");
    let register = place.path().join("pasti.txt");
    let rows = "Cod. Fiscale\tIndirizzo protetto\tQuando\tServizio\tSezione\n\
                RSSMRA80A01F205X\tno\t05/01/2026\tAiuto alimentare\t236\n\
                rss mra 80a01 f205x\tno\t06/01/2026\tfood-aid\t236\n\
                RSSMRA80A01F20RS\tsì\t06/01/2026\tA2.01\t237\n\
                RSSMRA80A01F205X\tno\t31/02/2026\tfood-aid\t236\n\
                RSSMRA80A01F205X\tno\t07/01/2026\tSEGRETISSIMO\t236\n";
    std::fs::write(&register, rows).expect("written");
    let dir = place.path().join("node");
    let (made, said) = init(&register, &dir, &[]);
    assert!(made, "{said}");
    for part in [
        "delimiter      tab",
        "dates          dd/mm/yyyy",
        "Quando: 1 x no existing date. Write an existing day",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let mapping = std::fs::read_to_string(dir.join("mapping.toml")).expect("a mapping");
    for part in [
        "\"Quando\"",
        "section = \"Sezione\"",
        "finest_level = \"micro-area\"",
        "protected = \"Indirizzo protetto\"",
        "# \"SEGRETISSIMO\" = \"\"",
    ] {
        assert!(mapping.contains(part), "{part} in {mapping}");
    }
    // The same in Italian: words and comments, nothing that a program reads.
    let italian = place.path().join("nodo");
    let (made, said) = init(&register, &italian, &["--lang", "it"]);
    assert!(made, "{said}");
    for part in [
        "separatore     tabulazione",
        "date           dd/mm/yyyy",
        "Quando: 1 x nessuna data esistente. Scrivete un giorno",
        "\nrequester key ",
        "nodo di mensa-centrale in ",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let commented = std::fs::read_to_string(italian.join("mapping.toml")).expect("a mapping");
    assert!(commented.contains("# A sinistra la parola"), "{commented}");
    let values = |text: &str| text.parse::<toml::Table>().expect("TOML");
    assert_eq!(values(&commented), values(&mapping));
    assert!(persons(&dir, NOW) >= 1);
    let rejects = std::fs::read_to_string(dir.join("snapshot/rejects.csv")).expect("rejects");
    assert!(
        rejects.contains("pasti.txt;5;Quando;date;Write an existing day in the mapping's date_format.;Scrivete un giorno"),
        "{rejects}"
    );
    assert!(
        rejects.contains("pasti.txt;6;Servizio;unknown-value;"),
        "{rejects}"
    );
    assert!(
        !rejects.contains("SEGRETISSIMO") && !rejects.contains("RSSMRA"),
        "{rejects}"
    );
}

#[test]
fn who_objects_is_left_out_of_the_next_edition_and_comes_back_when_taken_off() {
    let place = tempfile::tempdir().expect("a folder");
    let register = place.path().join("r.csv");
    let rows = "CF;DATA;SERVIZIO\nRSSMRA80A01F205X;05/01/2026;food-aid\nRSSMRA80A01F206Z;05/01/2026;food-aid\n";
    std::fs::write(&register, rows).expect("written");
    let dir = place.path().join("node");
    let (made, said) = init(&register, &dir, &[]);
    assert!(made, "{said}");
    assert_eq!(persons(&dir, NOW), 2);
    let at = dir.display().to_string();
    let wrong = run(&["objection", "add", "--dir", &at], "RSSMRA80A01F205A\n");
    assert!(!wrong.status.success());
    assert!(!String::from_utf8_lossy(&wrong.stderr).contains("RSSMRA"));
    let added = run(
        &["objection", "add", "--dir", &at],
        "rssmra80a01f205x\nRSSMRA80A01F205X\n",
    );
    let said = String::from_utf8_lossy(&added.stdout).into_owned();
    assert!(said.contains("entered 1, on the list already 1"), "{said}");
    // A file in the register's own columns: whoever can be read is entered, lines that name nobody are told by number.
    let list = place.path().join("elenco.csv");
    std::fs::write(
        &list,
        "Nota;CF\nx;RSSMRA80A01F205X\ny;RSSMRA80A01F20\n\nz\n",
    )
    .expect("written");
    let file = list.display().to_string();
    let partly = run(&["objection", "add", "--dir", &at, "--file", &file], "");
    let said = [partly.stdout, partly.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    for words in [
        "entered 0, on the list already 1",
        "2 lines name nobody and were left out: 3, 5",
        "a valid codice fiscale",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(
        !partly.status.success() && !said.contains("RSSMRA"),
        "{said}"
    );
    let nobody = run(&["objection", "add", "--dir", &at], "\n");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("the list is empty"));
    // The edition that is there stays as it was published.
    assert_eq!(persons(&dir, NOW), 2);
    assert_eq!(persons(&dir, NOW + MONTH), 1);
    let listed = run(&["objection", "list", "--dir", &at], "");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let id = listed.split_whitespace().next().expect("an entry");
    assert!(
        listed.contains("objection") && !listed.contains("RSSMRA"),
        "{listed}"
    );
    assert!(
        run(&["objection", "remove", "--dir", &at, id], "")
            .status
            .success()
    );
    assert_eq!(persons(&dir, NOW + 2 * MONTH), 2);
    assert!(
        !run(&["objection", "remove", "--dir", &at, id], "")
            .status
            .success()
    );
}

#[test]
fn what_cannot_be_recognised_is_refused_with_a_remedy_and_leaves_no_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let dir = place.path().join("node");
    let write = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    for (register, named) in [
        (
            write("a.csv", b"X;Y\n1;2\n"),
            "--column \"codice_fiscale=NAME OF THE COLUMN\"",
        ),
        (write("b.xlsx", b"no archive"), "damaged"),
        (write("c.xls", b"\xd0\xcf\x11\xe0"), "save it as .xlsx"),
        (write("c.csv.gz", b"\x1f\x8b\x08\0"), "unpack it"),
        (write("d.csv", b""), "header"),
        (place.path().join("e.csv"), "cannot open the register"),
        (place.path().to_owned(), "without Enrollment.csv"),
        (
            "postgres://reader:hunter2@db.example/crm".into(),
            "password_file",
        ),
        ("postgres://reader@db.example/crm".into(), "`table ="),
    ] {
        let (made, said) = init(&register, &dir, &[]);
        assert!(!made && said.contains(named), "{named} in {said}");
        assert!(!said.contains("hunter2") && !dir.exists(), "{said}");
    }
}

#[test]
fn a_sheet_with_titles_mixed_dates_and_a_total_becomes_an_edition() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name);
    // As a volunteer's spreadsheet saves it: windows-1252, a merged title, empty rows, a total.
    let text = "REGISTRO ACCESSI - ANNO 2026;;;;;\r\n;;;;;\r\n\
         N°;C. F.;Nato/a il;Indirizzo;Giorno;Che cosa abbiamo dato\r\n\
         1;rssmra80a01f205x;1/1/80;Via Padova 120;5.1.2026;Pacco viveri\r\n\
         2;RSS MRA 80A01 F205X;01/01/80;Via Padova 120;06/01/26;Pacco viveri \r\n\
         ;;;;;\r\n\
         3;RSSMRA80A01F205X;01/01/1980;Via Padova, 120;2026-01-07;Caffè\r\n\
         TOTALE;;;;;3\r\n";
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
    let bytes = bytes.collect::<Result<Vec<u8>, _>>();
    std::fs::write(at("r.csv"), bytes.expect("Latin letters")).expect("written");
    let (made, said) = init(&at("r.csv"), &at("node"), &["--lang", "it"]);
    assert!(made, "{said}");
    for line in [
        "codifica       windows-1252",
        "intestazione   nella riga 3",
        "date           dd/mm/yy",
        "domicili       `Indirizzo`: per sapere il quartiere",
        "4 righe: 2 utilizzate, 1 senza una persona, 1 rifiutate",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(persons(&at("node"), NOW), 1);
    let rejects = std::fs::read_to_string(at("node").join("snapshot/rejects.csv")).expect("there");
    assert!(rejects.contains(";7;Che cosa abbiamo dato;"), "{rejects}");
    // What is not recognised is said with the flag that tells it, in the language of the person.
    std::fs::write(at("s.csv"), "Chi;Quando;Che\nAnna;5/1/2026;x\n").expect("written");
    let (made, said) = init(&at("s.csv"), &at("other"), &["--lang", "it"]);
    assert!(!made && said.contains("person_key=COGNOME,NOME"), "{said}");
    let columns = [
        "--column",
        "person_key=Chi",
        "--column",
        "service==food-aid",
    ];
    let (made, said) = init(&at("s.csv"), &at("other"), &columns);
    assert!(made, "{said}");
    assert_eq!(persons(&at("other"), NOW), 1);
    let (made, said) = init(&at("s.csv"), &at("third"), &["--column", "chi=Chi"]);
    assert!(
        !made && said.contains("the fields are: person_key"),
        "{said}"
    );
}

#[test]
fn a_given_mapping_and_joined_sources_are_kept_and_the_schema_is_printed() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name);
    std::fs::write(at("r.csv"), "CF;QUANDO\nRSSMRA80A01F205X;2026-01-05\n").expect("written");
    std::fs::write(at("homes.csv"), "CF,NIL\nRSSMRA80A01F205X,15\n").expect("written");
    let mapping = "version = 1\ndelimiter = \";\"\nencoding = \"utf-8\"\nfinest_level = \"nil\"\n[columns]\ncodice_fiscale = \"CF\"\ndate = \"QUANDO\"\nnil = \"homes.NIL\"\n\
                   [constants]\nservice = \"food-aid\"\n[[join]]\nname = \"homes\"\nkey = \"CF\"\ntheir_key = \"CF\"\ndelimiter = \",\"\nencoding = \"utf-8\"\n";
    std::fs::write(at("m.toml"), mapping).expect("written");
    let text = at("m.toml").display().to_string();
    let homes = format!("homes={}", at("homes.csv").display());
    let (made, said) = init(
        &at("r.csv"),
        &at("node"),
        &["--mapping", &text, "--join", &homes],
    );
    assert!(made, "{said}");
    assert_eq!(persons(&at("node"), NOW), 1);
    let sources = std::fs::read_to_string(at("node").join("sources.toml")).expect("sources");
    assert!(sources.contains("[joined.homes]"), "{sources}");
    assert!(
        run(&["mapping", "check", "--file", &text], "")
            .status
            .success()
    );
    std::fs::write(at("m.toml"), mapping.replace("version = 1", "version = 3")).expect("written");
    let wrong = run(&["mapping", "check", "--file", &text], "");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("`version = 1`"));
    let schema = run(&["mapping", "schema"], "");
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn a_hmis_folder_is_one_register_and_its_bad_rows_are_listed_by_file() {
    let place = tempfile::tempdir().expect("a folder");
    let (folder, dir) = (place.path().join("hmis"), place.path().join("node"));
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in [
        (
            "Client.csv",
            "PersonalID,DOB,Sex\n1,1980-06-01,0\n2,1971-02-03,1\n",
        ),
        ("Project.csv", "ProjectID,ProjectType\n10,1\n11,0\n"),
        (
            "Enrollment.csv",
            "EnrollmentID,PersonalID,ProjectID,EntryDate,HouseholdID\nE1,1,10,2025-01-05,H1\nE2,2,11,2025-01-20,H2\n",
        ),
        (
            "Exit.csv",
            "EnrollmentID,PersonalID,ExitDate\nE2,2,2025-04-01\nE1,1,2025-01-01\n",
        ),
        (
            "Services.csv",
            "EnrollmentID,PersonalID,DateProvided,RecordType\nE1,1,2025-01-06,200\nSEGRETISSIMO,1,2025-01-07,200\n",
        ),
    ] {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let (made, said) = init(&folder, &dir, &["--lang", "it"]);
    assert!(made, "{said}");
    for line in [
        "7 righe: 5 utilizzate, 0 senza una persona, 2 rifiutate",
        "Services.csv: EnrollmentID: 1 x manca la riga dell'altro file",
        "Exit.csv: ExitDate: 1 x finisce prima di cominciare",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(persons(&dir, NOW), 2);
    let rejects = std::fs::read_to_string(dir.join("snapshot/rejects.csv")).expect("there");
    for line in [
        "\nServices.csv;3;EnrollmentID;unmatched;",
        "\nExit.csv;3;ExitDate;period;",
    ] {
        assert!(rejects.contains(line), "{line}: {rejects}");
    }
    assert!(!rejects.contains("SEGRETISSIMO"), "{rejects}");
}
