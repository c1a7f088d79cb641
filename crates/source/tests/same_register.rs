//! One register in every format makes one snapshot: what is asked of it is answered alike.

mod support;

use snapshot::{Encoding, Field, Mapping};
use source::{Kind, Local, MappingWords, Notation, Place, detect_text, inspect, open, propose};
use support::{Register, build, city, mapping, nothing};

#[test]
fn the_demo_register_makes_the_same_snapshot_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, register) = city(folder.path());
    let municipal = mapping(&[]);
    let at = |name: &str| folder.path().join(name);
    let (plain, quality) = build(&path.display().to_string(), &nothing(), &municipal);
    assert!(quality.persons > 100 && quality.rejected > 0 && quality.unlinked_missing > 0);

    let text = |name: &str, bytes: Vec<u8>, delimiter: u8, encoding: Encoding, label: &str| {
        let path = at(name);
        std::fs::write(&path, bytes).expect("written");
        // What is detected is what was written.
        let found = detect_text(&path).expect("a format");
        assert_eq!(
            (found.delimiter.value, found.encoding.value),
            (delimiter, encoding),
            "{name}"
        );
        let written = format!("delimiter = {:?}", char::from(delimiter).to_string());
        let mapping = mapping(&[("delimiter = \";\"", &written), ("\"iso-8859-1\"", label)]);
        let (same, again) = build(&path.display().to_string(), &nothing(), &mapping);
        assert!(same.holds_the_same_as(&plain), "{name}");
        assert_eq!(again, quality, "{name}");
    };
    text(
        "a.csv",
        register.text(',', "\n").into(),
        b',',
        Encoding::Utf8,
        "\"utf-8\"",
    );
    text(
        "a.tsv",
        register.text('\t', "\r\n").into(),
        b'\t',
        Encoding::Utf8,
        "\"utf-8\"",
    );
    let units =
        std::iter::once('\u{feff}').chain(register.text(';', "\r\n").chars().collect::<Vec<_>>());
    let wide: String = units.collect();
    let wide = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    text("a.txt", wide, b';', Encoding::Utf16, "\"utf-16\"");

    register.write_xlsx(&at("a.xlsx"));
    register.write_xlsx_partly_as_texts(&at("texts.xlsx"));
    let sqlite = write_sqlite(&register, folder.path());
    let local =
        Local::parse("version = 1\n[register]\ntable = \"register\"").expect("a configuration");
    for (name, at, local) in [
        ("XLSX", at("a.xlsx").display().to_string(), &nothing()),
        (
            "XLSX, partly texts",
            at("texts.xlsx").display().to_string(),
            &nothing(),
        ),
        ("SQLite", sqlite, &local),
    ] {
        let (same, again) = build(&at, local, &municipal);
        assert!(same.holds_the_same_as(&plain), "{name}");
        assert_eq!(
            (again.rows, again.loaded, again.persons),
            (quality.rows, quality.loaded, quality.persons),
            "{name}"
        );
    }
    // A typed column of dates has no place for 31 February: those rows lack a date instead of having a wrong one.
    register.write_parquet(&at("a.parquet"));
    let (same, again) = build(
        &at("a.parquet").display().to_string(),
        &nothing(),
        &municipal,
    );
    assert!(same.holds_the_same_as(&plain), "Parquet");
    assert_eq!((again.rows, again.loaded), (quality.rows, quality.loaded));
}

#[test]
fn what_is_proposed_for_the_demo_register_reads_it_as_its_own_mapping_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, register) = city(folder.path());
    // With every column that the ready mapping offers.
    let ready = Mapping::municipal_register_of(&register.columns.join(";"));
    let municipal = Mapping::parse(&ready).expect("a mapping");
    let (plain, quality) = build(&path.display().to_string(), &nothing(), &municipal);
    let proposed = |path: &std::path::Path| {
        let place = Place::of(&path.display().to_string(), &Default::default()).expect("a place");
        let format = (place.kind() == Kind::Text).then(|| detect_text(path).expect("a format"));
        // As `init` does: in the notation that makes more of a sheet certain.
        let looked_at = |notation| {
            let records = open(&place, format.map(|format| format.csv()), notation);
            inspect(records.expect("opened")).expect("read")
        };
        let (plain, italian) = (looked_at(Notation::PLAIN), looked_at(Notation::ITALIAN));
        let found = match italian.certainty() > plain.certainty() {
            true => italian,
            false => plain,
        };
        assert!(found.records > 1_000);
        propose(&found, format)
    };
    let csv = proposed(&path);
    assert!(csv.missing().is_empty() && !csv.unknown[&Field::Service].is_empty());
    for field in Field::ALL {
        assert_eq!(
            csv.fields.contains_key(field),
            municipal.column(*field).is_some(),
            "{}",
            field.name()
        );
    }
    for field in [
        Field::Role,
        Field::Carer,
        Field::Occupation,
        Field::Dwelling,
    ] {
        assert!(!csv.unknown.contains_key(&field), "{}", field.name());
    }
    let text = csv.to_toml(&MappingWords::ENGLISH);
    let mapping = Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (same, again) = build(&path.display().to_string(), &nothing(), &mapping);
    assert!(same.holds_the_same_as(&plain), "{text}");
    assert_eq!(again, quality);

    // The same under a title and an empty row, as a spreadsheet saves it.
    let titled = folder.path().join("titled.csv");
    let last = register.columns.len() - 1;
    let title = format!("Accessi, 2026{0}\r\n{0}\r\n", ";".repeat(last));
    std::fs::write(&titled, title + &register.text(';', "\r\n")).expect("written");
    let text = proposed(&titled).to_toml(&MappingWords::ITALIAN);
    assert!(text.contains("header_line = 3"), "{text}");
    let mapping = Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (same, again) = build(&titled.display().to_string(), &nothing(), &mapping);
    assert!(same.holds_the_same_as(&plain), "{text}");
    // Rows are told by the line they stand on in the file.
    let lines = |quality: &snapshot::LocalQuality| -> Vec<u64> {
        quality.rejects.iter().map(|reject| reject.row).collect()
    };
    let two_on: Vec<u64> = lines(&quality).iter().map(|line| line + 2).collect();
    assert!(!two_on.is_empty() && lines(&again) == two_on);

    type Write = fn(&Register, &std::path::Path);
    let write: [(&str, Write); 2] = [
        ("a.xlsx", Register::write_xlsx),
        ("texts.xlsx", Register::write_xlsx_partly_as_texts),
    ];
    for (name, write) in write {
        let sheet = folder.path().join(name);
        write(&register, &sheet);
        let text = proposed(&sheet).to_toml(&MappingWords::ITALIAN);
        let mapping = Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let (same, _) = build(&sheet.display().to_string(), &nothing(), &mapping);
        assert!(same.holds_the_same_as(&plain), "{name}: {text}");
    }
}

fn write_sqlite(register: &Register, folder: &std::path::Path) -> String {
    let path = folder.join("a.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        use sqlx::Connection;
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
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
    path.display().to_string()
}

#[test]
fn an_address_file_completes_a_register_without_addresses() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, register) = city(folder.path());
    let (plain, _) = build(&path.display().to_string(), &nothing(), &mapping(&[]));
    // The homes alone, in a spreadsheet, one row for each row of the register.
    let column = |name: &str| {
        register
            .columns
            .iter()
            .position(|known| known == name)
            .expect("a column")
    };
    let (nil, municipio) = (column("NIL"), column("MUNICIPIO"));
    let homes = Register {
        columns: ["RIGA", "ZONA NIL", "MUNICIPIO"]
            .map(str::to_owned)
            .to_vec(),
        rows: (register.rows.iter().enumerate())
            .map(|(row, fields)| {
                vec![
                    format!("r{row}"),
                    fields[nil].clone(),
                    fields[municipio].clone(),
                ]
            })
            .collect(),
    };
    homes.write_xlsx(&folder.path().join("homes.xlsx"));
    let without = Register {
        columns: register
            .columns
            .iter()
            .cloned()
            .chain(["RIGA".to_owned()])
            .collect(),
        rows: (register.rows.iter().enumerate())
            .map(|(row, fields)| {
                let mut fields = fields.clone();
                fields[nil].clear();
                fields[municipio].clear();
                fields.push(format!(" R {row}"));
                fields
            })
            .collect(),
    };
    let main = folder.path().join("main.csv");
    std::fs::write(&main, without.text(';', "\n")).expect("written");
    let mapping = mapping(&[
        ("\"iso-8859-1\"", "\"utf-8\""),
        ("nil = \"NIL\"", "nil = \"homes.ZONA NIL\""),
        (
            "municipio = \"MUNICIPIO\"",
            "municipio = \"homes.MUNICIPIO\"",
        ),
        (
            "[values.sex]",
            "[[join]]\nname = \"homes\"\nkey = \"RIGA\"\ntheir_key = \"RIGA\"\n[values.sex]",
        ),
    ]);
    let at = folder.path().join("homes.xlsx");
    let local = format!(
        "version = 1\n[joined.homes]\nat = {:?}",
        at.display().to_string()
    );
    let local = Local::parse(&local).expect("a configuration");
    let (same, _) = build(&main.display().to_string(), &local, &mapping);
    assert!(same.holds_the_same_as(&plain));
    let error =
        support::try_build(&main.display().to_string(), &nothing(), &mapping).expect_err("refused");
    assert!(error.contains("joined.homes.at"), "{error}");
}
