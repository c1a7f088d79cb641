//! Files of every kind become the same offer; a fault names file, row, column and remedy.

use offer::{Format, Loaded, OfferError, PLAIN_COLUMNS, QUBI_COLUMNS, read_file};
use std::path::{Path, PathBuf};

fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(name);
    std::fs::write(&path, text).expect("written");
    (dir, path)
}

fn loaded(name: &str, text: &str) -> Loaded {
    let (_dir, path) = written(name, text);
    read_file(&path).expect(name)
}

fn refused(name: &str, text: &str, expected: &[&str]) {
    let (_dir, path) = written(name, text);
    let error = read_file(&path).expect_err(name).to_string();
    assert!(expected.iter().all(|part| error.contains(part)), "{error}");
}

const PLAIN: &str = "site;name;service;targets;capacity;cost;days;opens_at;closes_at;nil;latitude;longitude\n\
    Centro Lambro;Centro diurno Lambro;day-centre;alone-75-plus|disability;25;gratuito;MO TU WE;09:00;17:00;22;45,48;9,24\n\
    Centro Lambro;Pasti;A2.13;;40;;;;;22;;\n";

#[test]
fn plain_rows_become_sites_and_services() {
    let Loaded {
        format,
        offer,
        remarks,
    } = loaded("offer.csv", PLAIN);
    assert_eq!((format, remarks.len()), (Format::Plain, 0));
    assert_eq!((offer.sites.len(), offer.services.len()), (1, 2));
    assert_eq!(offer.sites[0].nil, Some(22));
    let day_centre = &offer.services[0];
    assert_eq!(day_centre.capacity, Some(25));
    assert_eq!(day_centre.targets.len(), 2);
    assert_eq!(day_centre.opening[0].days, ["MO", "TU", "WE"]);
    assert_eq!(offer.services[1].service.as_deref(), Some("meals-at-home"));
    assert_eq!(offer.capacity_by_nil("meals-at-home"), [(22, 40)].into());
    assert!(PLAIN_COLUMNS.contains(&"capacity"));
}

#[test]
fn faults_of_plain_rows_name_their_place() {
    let with = |from: &str, to: &str, expected: &[&str]| {
        assert!(PLAIN.contains(from), "{from}");
        refused("offer.csv", &PLAIN.replacen(from, to, 1), expected);
    };
    with(
        "day-centre;",
        "day-center;",
        &["offer.csv, row 2, service", "day-center", "known are"],
    );
    with(
        "alone-75-plus|",
        "elders|",
        &["row 2, targets", "elders", "served"],
    );
    with(";25;", ";many;", &["row 2, capacity", "whole number"]);
    with(";22;45,48", ";99;45,48", &["row 2, nil", "1 to 88"]);
    with("Centro Lambro;Pasti", ";Pasti", &["row 3, site", "blank"]);
    with(";Pasti;", ";Pasti;;;", &["row 3", "cells"]);
    with("capacity", "places", &["column `places`", "known are"]);
    refused(
        "offer.csv",
        "a,b\n1,2\n",
        &["no known kind", "nome_servizio"],
    );
    refused("offer.csv", "", &["empty", "name the columns"]);
    refused("offer.json", "{", &["line 1", "not JSON"]);
}

#[test]
fn the_columns_of_qubi_are_read() {
    assert_eq!(QUBI_COLUMNS.len(), 18);
    let row = "Doposcuola,aula,Cooperativa X,educazione,Compiti insieme,\"Minori, Disoccupati\",Via A 1,Ortica,lun-ven 15-18,\
               libero,02,x@y.it,gratuito,45.47,9.24,sito,verificato,Municipio 3";
    let text = format!("{}\n{row}\n", QUBI_COLUMNS.join(","));
    let Loaded { format, offer, .. } = loaded("qubi.csv", &text);
    assert_eq!(format, Format::Qubi);
    let service = &offer.services[0];
    let targets: Vec<&String> = service.targets.iter().collect();
    assert_eq!(targets, ["minors", "unemployed"]);
    assert_eq!(offer.sites[0].municipio, Some(3));
    assert!(offer.sites[0].position.is_some());
    refused(
        "qubi.csv",
        &text.replacen("tipo_luogo", "luogo", 1),
        &["qubi.csv", "tipo_luogo"],
    );
    refused(
        "qubi.csv",
        &text.replacen("Municipio 3", "Municipio 12", 1),
        &["row 2, municipio", "1 to 9"],
    );
    let odd = loaded("qubi.csv", &text.replacen("45.47", "145.47", 1));
    assert!(odd.offer.sites[0].position.is_none());
    assert_eq!(
        (odd.remarks[0].row, odd.remarks[0].column.as_str()),
        (2, "latitudine")
    );
}

/// A folder of HSDS tables under the given names.
fn hsds(names: [&str; 4], columns: [&str; 2]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let [day, address] = columns;
    for (name, text) in names.into_iter().zip([
        "id,organization_id,name,minimum_age,maximum_age\ns1,o1,Mensa,18,99\n".to_owned(),
        "id,name,latitude,longitude\nl1,Sede,45.46,9.19\n".to_owned(),
        "id,service_id,location_id\na1,s1,l1\n".to_owned(),
        format!("id,service_id,services_at_location_id,{day},opens_at,closes_at\nx,,a1,\"MO,FR\",12:00,14:00\n"),
    ]) {
        std::fs::write(dir.path().join(name), text).expect("written");
    }
    let address = format!("id,location_id,{address},city\n1,l1,Via B 2,Milano\n");
    std::fs::write(dir.path().join("addresses.csv"), address).expect("written");
    let path = dir.path().to_owned();
    (dir, path)
}

#[test]
fn names_of_hsds_1_and_3_are_the_same_offer() {
    let new = hsds(
        [
            "services.csv",
            "locations.csv",
            "service_at_location.csv",
            "schedules.csv",
        ],
        ["byday", "address_1"],
    );
    let old = hsds(
        [
            "service.csv",
            "location.csv",
            "services_at_location.csv",
            "regular_schedules.csv",
        ],
        ["weekday", "address_1"],
    );
    let (new, old) = (
        read_file(&new.1).expect("3.0"),
        read_file(&old.1).expect("1.x"),
    );
    assert_eq!(new.offer, old.offer);
    let service = &new.offer.services[0];
    assert_eq!((service.ages.min, service.ages.max), (Some(18), Some(99)));
    assert_eq!(service.opening[0].days, ["MO", "FR"]);
    assert_eq!(
        new.offer.sites[0].address.as_deref(),
        Some("Via B 2, Milano")
    );
}

#[test]
fn what_hangs_on_nothing_is_named() {
    let (_dir, path) = hsds(
        [
            "services.csv",
            "locations.csv",
            "service_at_location.csv",
            "schedules.csv",
        ],
        ["byday", "address_1"],
    );
    let file = path.join("service_at_location.csv");
    std::fs::write(&file, "id,service_id,location_id\na1,s2,l1\na2,s1,l9\n").expect("written");
    let OfferError::Rows(faults) = read_file(&path).expect_err("two faults") else {
        panic!("rows");
    };
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(
        said[0].starts_with("service_at_location.csv, row 2, service_id"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("service_at_location.csv, row 3, location_id"),
        "{said:?}"
    );
}

#[test]
fn rows_are_counted_as_an_editor_counts_lines_whatever_ends_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("offer.csv");
    for end in ["\n", "\r\n"] {
        let lines = [
            "site,name,capacity",
            "a,One,x",
            "",
            "",
            "b,Two,y",
            "c,Three",
        ];
        std::fs::write(&path, lines.join(end)).expect("written");
        let said = read_file(&path).expect_err("a short row").to_string();
        assert!(said.starts_with("offer.csv, row 6: has 2 cells"), "{said}");
        std::fs::write(&path, lines[..5].join(end)).expect("written");
        let OfferError::Rows(faults) = read_file(&path).expect_err("two faults") else {
            panic!("rows");
        };
        let rows: Vec<u64> = faults.iter().map(|fault| fault.row).collect();
        assert_eq!(rows, [2, 5], "{end:?}");
    }
}

/// The examples of Open Referral; they are not part of this project.
#[test]
fn the_examples_of_open_referral_load() {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/offer/hsds_examples");
    if !data.is_dir() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "no {}",
            data.display()
        );
        eprintln!("skipped: {} is absent", data.display());
        return;
    }
    let folder = read_file(&data.join("csv")).expect("the datapackage");
    let check = |loaded: &Loaded, name: &str| {
        let service = loaded
            .offer
            .services
            .iter()
            .find(|service| service.name == "Community Counselling");
        let service = service.unwrap_or_else(|| panic!("{name}: no service"));
        assert_eq!(
            (service.ages.min, service.ages.max),
            (Some(12), Some(100)),
            "{name}"
        );
        service.clone()
    };
    let service = check(&folder, "csv");
    assert_eq!(service.opening[0].days, ["TH", "FR"]);
    assert!(
        service
            .cost
            .as_deref()
            .is_some_and(|cost| cost.contains("gbp"))
    );
    assert_eq!(folder.offer.sites.len(), 1);
    // Its latitude is 100 degrees: said, and not taken.
    assert!(
        folder
            .remarks
            .iter()
            .any(|remark| remark.column == "latitude")
    );
    for name in [
        "tabular.json",
        "service_full.json",
        "service_at_location_full.json",
    ] {
        let loaded = read_file(&data.join(name)).expect(name);
        let service = check(&loaded, name);
        assert_eq!(loaded.offer.sites.len(), 1, "{name}");
        assert_eq!(service.sites.len(), 1, "{name}");
        assert_eq!(
            service.organisation.as_deref(),
            Some("Example Organization Inc."),
            "{name}"
        );
    }
    let mut files = 0;
    for entry in std::fs::read_dir(&data).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            read_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files += 1;
        }
    }
    assert_eq!(files, 13);
}

/// A spreadsheet of one sheet with texts and numbers, as spreadsheet programs write it.
fn spreadsheet(path: &Path, rows: &[&[&str]]) {
    use std::io::Write as _;
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let mut sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>");
    for (row, cells) in (1..).zip(rows) {
        sheet += &format!("<row r=\"{row}\">");
        for (column, cell) in (b'A'..).zip(*cells) {
            let at = format!("{}{row}", char::from(column));
            sheet += &match cell.parse::<f64>() {
                Ok(_) => format!("<c r=\"{at}\"><v>{cell}</v></c>"),
                Err(_) => format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"),
            };
        }
        sheet += "</row>";
    }
    sheet += "</sheetData></worksheet>";
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{package}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Offerta\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    for (name, text) in parts {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .expect("a part");
        archive.write_all(text.as_bytes()).expect("written");
    }
    archive.finish().expect("written");
}

#[test]
fn a_spreadsheet_is_read_as_the_same_rows_in_csv() {
    let rows: [&[&str]; 3] = [
        &[
            "site", "name", "service", "targets", "capacity", "opens_at", "nil",
        ],
        &[
            "Sede",
            "Centro diurno",
            "day-centre",
            "elderly-75-plus",
            "20",
            "09:00",
            "9",
        ],
        &["Sede", "Pasti", "meals-at-home", "", "35", "", "9"],
    ];
    let lines: Vec<String> = rows.iter().map(|row| row.join(";")).collect();
    let (_folder, csv) = written("offer.csv", &lines.join("\n"));
    let xlsx = csv.with_extension("xlsx");
    spreadsheet(&xlsx, &rows);
    let (as_csv, as_xlsx) = (
        read_file(&csv).expect("CSV"),
        read_file(&xlsx).expect("XLSX"),
    );
    assert_eq!(as_xlsx.offer, as_csv.offer);
    assert_eq!(
        (
            as_xlsx.offer.sites.len(),
            as_xlsx.offer.services[0].capacity
        ),
        (1, Some(20))
    );
    // A fault names the row of the sheet; what is no archive is refused.
    spreadsheet(&xlsx, &[rows[0], &["Sede", "Pasti", "x", "", "", "", "9"]]);
    let fault = read_file(&xlsx).expect_err("refused").to_string();
    assert!(
        fault.contains("offer.xlsx, row 2, service: `x` is no service"),
        "{fault}"
    );
    std::fs::write(&xlsx, "no archive").expect("written");
    let fault = read_file(&xlsx).expect_err("refused").to_string();
    assert!(fault.contains("is no spreadsheet"), "{fault}");
}
