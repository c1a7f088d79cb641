//! Files that nobody means well with: they are refused or their rows are, without a panic and within bounded memory.

mod support;

use proptest::prelude::*;
use snapshot::{Batch, CsvFormat, Encoding, Mapping, Records};
use source::{Notation, Place, open};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use support::write::{escaped, write_book};
use support::{Register, build, mapping, nothing};
use zip::write::SimpleFileOptions;

/// Most bytes this process ever held in memory.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux's /proc");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("VmHWM");
    line.trim()
        .trim_end_matches(" kB")
        .trim()
        .parse::<u64>()
        .expect("a number")
        * 1024
}

/// Reads a source to its end; the number of records, of those that are bad, or the refusal.
fn read(path: &Path) -> Result<(u64, u64), String> {
    let text = Some(CsvFormat {
        delimiter: b';',
        encoding: Encoding::Utf8,
        header_line: 1,
    });
    let place = Place::of(&path.display().to_string(), &Default::default())
        .map_err(|error| error.to_string())?;
    let mut records = open(&place, text, Notation::PLAIN).map_err(|error| error.to_string())?;
    let (mut batch, mut all, mut bad) = (Batch::default(), 0, 0);
    while records
        .next(&mut batch)
        .map_err(|error| error.to_string())?
    {
        for record in batch.records() {
            all += 1;
            bad += u64::from(record.problem().is_some() || record.len() != records.columns().len());
        }
    }
    Ok((all, bad))
}

const HEADER: &str = "CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;DISABILITA;BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO";

#[test]
fn values_beyond_every_register_are_rejected_or_blank() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    let row = |birth: &str, isee: &str, date: &str, quantity: &str, amount: &str| {
        format!(
            "RSSMRA80A01F205X;R;M;M;{birth};IT;15;3;N;{isee};9;food;adi;home-care;{date};{quantity};{amount}\n"
        )
    };
    let limit = i64::MAX.to_string();
    let text = [
        format!("{HEADER}\n"),
        row("01/01/0001", "1", "01/01/2024", "1", "1"),
        row("01/01/2999", &format!("-{limit}"), "02/01/2024", "1", "1"),
        row("31/12/2199", &limit, "03/01/2024", "-5", "-5"),
        row("", "", "01/01/0001", "1", "1"),
        row("", "", "04/01/2024", &limit, "1"),
        row("", "", "05/01/2024", "99999999999999999999999999", "1"),
        row("", "", "06/01/2024", "1", "-92233720368547758,08"),
        row("", "", "99/99/9999", "1", "1e300"),
        "\0\0\0;\u{202e};\n".to_owned(),
    ]
    .concat();
    std::fs::write(&path, text).expect("written");
    let (snapshot, quality) = build(&path.display().to_string(), &nothing(), &mapping(&[]));
    assert_eq!((snapshot.person_count(), quality.rows), (1, 9));
    assert_eq!(quality.loaded + quality.rejected, 9);
    assert!(quality.rejected >= 4, "{quality:?}");
    let person = snapshot.person(0);
    assert!(person.cents.iter().all(|cents| *cents <= i32::MAX as u32));
}

#[test]
fn a_line_of_a_gigabyte_is_one_bad_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.csv");
    let mut file = File::create(&path).expect("a file");
    file.write_all(b"A;B\n1;2\n").expect("written");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..1_024 {
        file.write_all(&piece).expect("written");
    }
    file.write_all(b"\n3;4\n").expect("written");
    drop(file);
    assert_eq!(read(&path), Ok((3, 1)));
    // The builder's own path for text, too.
    let mapping = Mapping::parse(
        "version = 1\ndelimiter = \";\"\nencoding = \"utf-8\"\nfinest_level = \"city\"\nperson_key = [\"A\"]\n[columns]\ndate = \"A\"\nservice = \"B\"",
    );
    let (_, quality) = build(
        &path.display().to_string(),
        &nothing(),
        &mapping.expect("a mapping"),
    );
    assert_eq!((quality.rows, quality.rejected), (3, 3));
    assert!(peak_bytes() < 600 << 20, "{}", peak_bytes());
}

#[test]
fn bombs_are_refused_before_they_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let zeros = |name: &str, part: &str, start: &str, filler: &str, megabytes: usize| {
        let mut archive = zip::ZipWriter::new(File::create(at(name)).expect("a file"));
        archive
            .start_file(part, SimpleFileOptions::default())
            .expect("a part");
        archive.write_all(start.as_bytes()).expect("written");
        let piece = filler.repeat((1 << 20) / filler.len());
        for _ in 0..megabytes {
            archive.write_all(piece.as_bytes()).expect("written");
        }
        archive.finish().expect("finished");
        at(name)
    };
    // One cell without an end; texts without number; a part that should be small.
    for path in [
        zeros(
            "cell.xlsx",
            "xl/worksheets/sheet1.xml",
            "<worksheet><sheetData><row><c><v>",
            "1",
            64,
        ),
        zeros(
            "texts.xlsx",
            "xl/sharedStrings.xml",
            "<sst>",
            "<si><t>a</t></si>",
            300,
        ),
        zeros("styles.xlsx", "xl/styles.xml", "<styleSheet>", "<xf/>", 64),
    ] {
        let error = read(&path).expect_err("refused");
        assert!(error.contains("far larger than a register"), "{error}");
    }
    // Entities that multiply, and one that names a file.
    for entities in [
        "<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">",
        "<!ENTITY c SYSTEM \"file:///etc/passwd\">",
    ] {
        let flow = at("bomb.xml");
        let text = format!(
            "<?xml version=\"1.0\"?><!DOCTYPE Flusso [{entities}]><Flusso><Beneficiario CodiceFiscale=\"&c;\"/></Flusso>"
        );
        std::fs::write(&flow, text).expect("written");
        let error = read(&flow).expect_err("refused");
        assert!(error.contains("no document type"), "{error}");
    }
    let text =
        "<Flusso><Beneficiario CodiceFiscale=\"&c;\"><PrestazioniSociali/></Beneficiario></Flusso>";
    std::fs::write(at("entity.xml"), text).expect("written");
    assert!(read(&at("entity.xml")).is_err());
    // An attribute without an end, and elements that never close.
    let mut long = File::create(at("long.xml")).expect("a file");
    long.write_all(b"<Flusso><Beneficiario CodiceFiscale=\"")
        .expect("written");
    for _ in 0..64 {
        long.write_all(&vec![b'A'; 1 << 20]).expect("written");
    }
    drop(long);
    assert!(read(&at("long.xml")).is_err());
    assert!(peak_bytes() < 400 << 20, "{}", peak_bytes());
}

#[test]
fn a_person_with_endless_benefits_is_one_bad_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flow.xml");
    let benefit =
        "<PrestazioniSociali CodicePrestazione=\"A1.04\" DataInizioPrestazione=\"2025-01-01\"/>";
    let person = |code: &str, benefits: usize| {
        format!(
            "<Beneficiario CodiceFiscale=\"{code}\">{}</Beneficiario>",
            benefit.repeat(benefits)
        )
    };
    let text = format!("<Flusso>{}{}</Flusso>", person("A", 30_000), person("B", 2));
    std::fs::write(&path, text).expect("written");
    assert_eq!(read(&path), Ok((3, 1)));
}

#[test]
fn a_hmis_folder_is_read_within_bounded_memory_and_whatever_is_in_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &[u8]| std::fs::write(at(name), text).expect("written");
    write("Project.csv", b"ProjectID;ProjectType\n1;0\n");
    // Stays of 99 years, and half a million services.
    let stays = 1_000;
    let (mut entries, mut exits) = (
        "PersonalID;EnrollmentID;ProjectID;EntryDate\n".to_owned(),
        "PersonalID;EnrollmentID;ExitDate\n".to_owned(),
    );
    for person in 0..stays {
        entries += &format!("{person};E{person};1;1900-01-31\n");
        exits += &format!("{person};E{person};1999-01-31\n");
    }
    write("Enrollment.csv", entries.as_bytes());
    write("Exit.csv", exits.as_bytes());
    let mut file = std::io::BufWriter::new(File::create(at("Services.csv")).expect("a file"));
    writeln!(file, "PersonalID;EnrollmentID;DateProvided;Note").expect("written");
    let (services, note) = (500_000, "x".repeat(200));
    for service in 0..services {
        let person = service % stays;
        writeln!(file, "{person};E{person};1950-01-01;{note}").expect("written");
    }
    file.into_inner().expect("written");
    let before = peak_bytes();
    let months = stays * (12 * 99);
    assert_eq!(read(folder.path()), Ok((stays + months + services, 0)));
    // The files and the months are over 150 MB. nextest gives each test a process; elsewhere others' bytes are counted, too.
    let most = match std::env::var_os("NEXTEST") {
        Some(_) => before + (48 << 20),
        None => 1 << 30,
    };
    assert!(peak_bytes() < most, "{before} {}", peak_bytes());

    // Cut short anywhere, or with a byte changed anywhere.
    write(
        "Services.csv",
        b"PersonalID;EnrollmentID;DateProvided\n1;E1;1950-01-01\n",
    );
    write("Export.csv", b"ExportEndDate\n1950-01-01\n");
    write(
        "Enrollment.csv",
        b"PersonalID;EnrollmentID;ProjectID;EntryDate\n1;E1;1;1949-12-31\n2;E2;1;1949-12-31\n",
    );
    write(
        "Exit.csv",
        b"PersonalID;EnrollmentID;ExitDate\n1;E1;1950-02-01\n",
    );
    assert_eq!(read(folder.path()), Ok((5, 0)));
    for name in [
        "Enrollment.csv",
        "Exit.csv",
        "Services.csv",
        "Export.csv",
        "Project.csv",
    ] {
        let whole = std::fs::read(at(name)).expect("there");
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            for noise in *b"9;\n\xff" {
                changed[place] = noise;
                write(name, &changed);
                let fault = read(folder.path()).err().unwrap_or_default();
                assert!(
                    !fault.contains("damaged"),
                    "a panic in {name} at {place}: {fault}"
                );
            }
            write(name, &whole[..place]);
            let fault = read(folder.path()).err().unwrap_or_default();
            assert!(
                !fault.contains("damaged"),
                "a panic in {name} at {place}: {fault}"
            );
        }
        write(name, &whole);
    }
}

/// A small file of each format.
fn samples(folder: &Path) -> Vec<std::path::PathBuf> {
    let register = Register {
        columns: ["CODICE_FISCALE", "DATA", "IMPORTO"]
            .map(str::to_owned)
            .to_vec(),
        rows: (1..60)
            .map(|n| {
                vec![
                    format!("CODE{n}"),
                    format!("{:02}/01/2024", n % 28 + 1),
                    format!("{n},50"),
                ]
            })
            .collect(),
    };
    let at = |name: &str| folder.join(name);
    std::fs::write(at("s.csv"), register.text(';', "\n")).expect("written");
    register.write_xlsx(&at("s.xlsx"));
    register.write_parquet(&at("s.parquet"));
    let rows: String = (0..40)
        .map(|n| format!("<Beneficiario CodiceFiscale=\"C{n}\"><PrestazioniSociali CodicePrestazione=\"A1.04\" DataEvento=\"2025-01-{:02}\" DenominazionePrestazione=\"{}\"/></Beneficiario>", n % 28 + 1, escaped("<à>")))
        .collect();
    std::fs::write(at("s.xml"), format!("<Flusso>{rows}</Flusso>")).expect("written");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        use sqlx::Connection;
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(at("s.sqlite"))
            .create_if_missing(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options)
            .await
            .expect("made");
        for statement in register.sql('"', "REAL") {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("filled");
        }
        connection.close().await.expect("closed");
    });
    ["s.csv", "s.xlsx", "s.parquet", "s.xml", "s.sqlite"]
        .map(at)
        .to_vec()
}

#[test]
fn a_file_cut_short_or_changed_anywhere_is_refused_or_read_and_never_ends_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = samples(folder.path());
    for path in &samples {
        let (all, bad) = read(path).expect("read whole");
        assert!(all >= 40 && bad == 0, "{}", path.display());
    }
    let bytes: Vec<Vec<u8>> = samples
        .iter()
        .map(|path| std::fs::read(path).expect("bytes"))
        .collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    let strategy = (
        0..samples.len(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<[u8; 4]>(),
        0..3u8,
    );
    let result = runner.run(&strategy, |(sample, cut, place, noise, kind)| {
        let mut bytes = bytes[sample].clone();
        if kind != 1 {
            bytes.truncate(cut.index(bytes.len()));
        }
        if kind != 0 && !bytes.is_empty() {
            let place = place.index(bytes.len());
            for (byte, noise) in bytes[place..].iter_mut().zip(noise) {
                *byte = noise;
            }
        }
        let path = samples[sample].with_file_name(format!(
            "changed.{}",
            samples[sample].extension().expect("one").display()
        ));
        std::fs::write(&path, bytes).expect("written");
        // Whatever it says, it says it.
        let _ = read(&path);
        Ok(())
    });
    result.expect("no panic");
    assert!(peak_bytes() < 1 << 30, "{}", peak_bytes());
}

#[test]
fn a_sheet_with_cells_anywhere_keeps_its_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("odd.xlsx");
    let text =
        |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let sheet = format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData><row r=\"3\">{}{}</row><row r=\"4\">{}</row>\
         <row r=\"6\">{}{}</row><row r=\"7\">{}<c r=\"B7\" t=\"e\"><v>#N/A</v></c></row><row r=\"8\"><c r=\"A8\" s=\"1\"><v>-1e308</v></c><c r=\"B8\"><v>12</v></c></row></sheetData></worksheet>",
        text("A3", "CODE"),
        text("B3", "DATE"),
        text("B4", "x"),
        text("A6", "y"),
        text("XFD6", "far"),
        text("A7", "z"),
    );
    write_book(&path, &sheet);
    let place = Place::of(&path.display().to_string(), &Default::default()).expect("a sheet");
    let mut records = open(&place, None, Notation::PLAIN).expect("opened");
    assert_eq!(records.columns(), ["CODE", "DATE"]);
    let mut batch = Batch::default();
    assert!(records.next(&mut batch).expect("read"));
    let got: Vec<_> = (batch.records())
        .map(|record| {
            (
                record.number,
                record.field(0).to_owned(),
                record.field(1).to_owned(),
                record.problem().is_some(),
            )
        })
        .collect();
    let row = |number, code: &str, date: &str, bad| (number, code.to_owned(), date.to_owned(), bad);
    assert_eq!(
        got,
        [
            row(4, "", "x", false),
            row(6, "y", "", true),
            row(7, "z", "", true),
            row(8, "", "12", true)
        ]
    );
}

/// What a sheet of these cells, a list for each row, is read as: columns, then number and fields of each row.
fn read_sheet(rows: &[(u32, &[&str])]) -> (Vec<String>, Vec<(u64, Vec<String>)>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sheet.xlsx");
    let mut sheet = String::from(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>",
    );
    for (row, cells) in rows {
        sheet.push_str(&format!("<row r=\"{row}\">"));
        for (column, text) in ('A'..).zip(*cells) {
            if !text.is_empty() {
                sheet.push_str(&format!(
                    "<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"
                ));
            }
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    write_book(&path, &sheet);
    let place = Place::of(&path.display().to_string(), &Default::default()).expect("a sheet");
    let mut records = open(&place, None, Notation::PLAIN).expect("opened");
    let columns = records.columns().to_vec();
    let (mut batch, mut read) = (Batch::default(), Vec::new());
    while records.next(&mut batch).expect("read") {
        for record in batch.records() {
            assert_eq!(record.problem(), None);
            let fields = (0..record.len()).map(|field| record.field(field).to_owned());
            read.push((record.number, fields.collect()));
        }
    }
    (columns, read)
}

#[test]
fn titles_above_a_table_are_no_header_and_a_sheet_of_one_column_has_none() {
    let (columns, read) = read_sheet(&[
        (1, &["Registro degli accessi"]),
        (2, &["", "Anno 2025"]),
        (4, &["CF", "DATA", "ORE"]),
        (5, &["a", "b", "1,5"]),
        (6, &["c"]),
    ]);
    assert_eq!(columns, ["CF", "DATA", "ORE"]);
    assert_eq!(read.len(), 2);
    assert_eq!(read[1], (6, ["c", "", ""].map(str::to_owned).to_vec()));
    for people in [1, 19, 20, 21, 60] {
        let rows: Vec<(u32, &[&str])> = (1..=people + 1)
            .map(|row| (row, if row == 1 { &["CF"][..] } else { &["x"][..] }))
            .collect();
        let (columns, read) = read_sheet(&rows);
        assert_eq!(columns, ["CF"]);
        let numbers: Vec<u64> = read.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, Vec::from_iter(2..=u64::from(people) + 1));
        assert!(read.iter().all(|(_, fields)| fields == &["x"]));
    }
}
