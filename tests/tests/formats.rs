//! One register in every format gives one set of answers: real nodes with the same key, noise removed by a test policy whose rho is
//! so large that the discrete Gaussian is zero but for odds below 1e-4000. What a format cannot carry is left out on both sides.

#[path = "../../crates/source/tests/support/mod.rs"]
mod support;

use anyhow::{Context, Result};
use node_agent::config::write_private;
use privacy_loss::NanoRho;
use protocol::Envelope;
use serde_json::json;
use snapshot::{DateFormat, Day, Mapping};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use support::{Register, server};
use system_tests::library_node::{Allowance, LibraryNode};
use system_tests::requester::{self, Requester};
use system_tests::witness::Witness;
use taxonomy::Taxonomy;

/// In nano-rho: rho 10,000. With sensitivity below 10 the variance is below 0.005, and a cell that is not exact has odds of
/// exp(-100) and less; with the bounds asked here, sensitivity is at most 3.
const RHO: u64 = 10_000_000_000_000;
const SECRET: [u8; 32] = [7; 32];

struct Federation {
    home: tempfile::TempDir,
    requester: Requester,
    witness: Witness,
    study: Envelope,
    names: Vec<String>,
}

/// Where a register is and how it is read.
struct Form<'a> {
    at: &'a Path,
    mapping: String,
    sources: Option<String>,
}

impl Federation {
    fn new(names: &[&str]) -> Result<Federation> {
        let requester = Requester::new()?;
        let witness = Witness::start()?;
        let mut study = requester::study("formats", names, 50 * RHO);
        study.max_rho_per_query = NanoRho::new(RHO);
        let study = requester.sign_study(&study)?;
        witness.publish(study.clone());
        Ok(Federation {
            home: tempfile::tempdir()?,
            requester,
            witness,
            study,
            names: names.iter().map(|&name| name.to_owned()).collect(),
        })
    }

    /// The answers to all questions of a node that reads its register in this form.
    async fn answers(
        &self,
        name: &str,
        form: Form<'_>,
        questions: &[String],
    ) -> Result<Vec<Vec<i64>>> {
        assert!(
            self.names.iter().any(|known| known == name),
            "{name} takes part"
        );
        let allowance = Allowance {
            cap: 100 * RHO,
            per_query: RHO,
        };
        let about = (name, form.at, &SECRET, allowance);
        let node = LibraryNode::enrol_prepared(
            self.home.path(),
            about,
            &self.requester,
            &self.witness,
            |dir| {
                write_private(&dir.mapping(), form.mapping.as_bytes())?;
                if let Some(sources) = &form.sources {
                    write_private(&dir.sources(), sources.as_bytes())?;
                }
                Ok(())
            },
        )
        .await
        .with_context(|| name.to_owned())?;
        let mut answers = Vec::new();
        for question in questions {
            answers.push(
                node.cells(&self.requester, &self.study, question)
                    .await
                    .with_context(|| name.to_owned())?,
            );
        }
        Ok(answers)
    }
}

fn question(measure: serde_json::Value, by: serde_json::Value, bounds: [u32; 2]) -> String {
    let mut query = json!({
        "version": 1, "by": by, "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": bounds[0], "per_cell": bounds[1] }, "rho": RHO,
    });
    if let (Some(query), Some(measure)) = (query.as_object_mut(), measure.as_object()) {
        query.extend(measure.clone());
    }
    query.to_string()
}

/// The mapping of the city's registers, with some of its text replaced.
fn municipal(register: &Register, changes: &[(&str, &str)]) -> String {
    let mut text = Mapping::municipal_register_of(&register.columns.join(";"));
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

async fn fill<C: sqlx::Connection>(address: &str, statements: Vec<String>) -> Result<()>
where
    for<'c> &'c mut C: sqlx::Executor<'c, Database = C::Database>,
{
    let mut connection = C::connect(address).await?;
    for statement in statements {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    Ok(connection.close().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_register_is_answered_alike_in_every_format() -> Result<()> {
    let names = [
        "plain", "comma", "tabs", "wide", "sheet", "columns", "sqlite", "postgres", "mariadb",
    ];
    let federation = Federation::new(&names)?;
    let folder = tempfile::tempdir()?;
    let (path, mut register) = support::city(folder.path());
    register.blank_impossible_days();
    let at = |name: &str| folder.path().join(name);
    let questions = [
        question(
            json!({ "measure": "persons" }),
            json!({ "area": "micro-area" }),
            [1, 1],
        ),
        question(
            json!({ "measure": "persons" }),
            json!({ "area": "nil", "target": ["minors", "alone-75-plus", "low-income", "unemployed"], "period": "quarter" }),
            [4, 1],
        ),
        question(
            json!({ "measure": "events" }),
            json!({ "area": "municipio", "service": true, "sex": true }),
            [1, 3],
        ),
        question(
            json!({ "measure": "sum", "quantity": "duration" }),
            json!({ "area": "city", "period": "month" }),
            [2, 2],
        ),
        question(
            json!({ "measure": "households" }),
            json!({ "area": "city", "household": true }),
            [1, 1],
        ),
        question(
            json!({ "measure": "first-time" }),
            json!({ "area": "city", "age_band": true, "period": "month" }),
            [1, 1],
        ),
    ];
    let utf8 = ("\"iso-8859-1\"", "\"utf-8\"");
    let text = |name: &str, bytes: Vec<u8>| -> Result<_> {
        std::fs::write(at(name), bytes)?;
        Ok(at(name))
    };
    let semicolons = text("plain.csv", register.text(';', "\r\n").into())?;
    let plain = Form {
        at: &semicolons,
        mapping: municipal(&register, &[utf8]),
        sources: None,
    };
    let expected = federation.answers("plain", plain, &questions).await?;
    assert!(
        expected
            .iter()
            .all(|cells| cells.iter().any(|cell| *cell > 0)),
        "{expected:?}"
    );
    drop(path);

    let wide: String = std::iter::once('\u{feff}')
        .chain(register.text(';', "\n").chars())
        .collect();
    let wide = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let comma = ("delimiter = \";\"", "delimiter = \",\"");
    let tab = ("delimiter = \";\"", "delimiter = \"\\t\"");
    for (name, file, mapping) in [
        (
            "comma",
            text("comma.csv", register.text(',', "\n").into())?,
            municipal(&register, &[utf8, comma]),
        ),
        (
            "tabs",
            text("tabs.tsv", register.text('\t', "\n").into())?,
            municipal(&register, &[utf8, tab]),
        ),
        (
            "wide",
            text("wide.txt", wide)?,
            municipal(&register, &[("\"iso-8859-1\"", "\"utf-16\"")]),
        ),
    ] {
        let form = Form {
            at: &file,
            mapping,
            sources: None,
        };
        assert_eq!(
            federation.answers(name, form, &questions).await?,
            expected,
            "{name}"
        );
    }
    register.write_xlsx(&at("sheet.xlsx"));
    register.write_parquet(&at("columns.parquet"));
    for (name, file) in [
        ("sheet", at("sheet.xlsx")),
        ("columns", at("columns.parquet")),
    ] {
        let form = Form {
            at: &file,
            mapping: municipal(&register, &[]),
            sources: None,
        };
        assert_eq!(
            federation.answers(name, form, &questions).await?,
            expected,
            "{name}"
        );
    }

    let table = |name: &str| format!("version = 1\n[register]\ntable = \"{name}\"\n");
    let sqlite = at("register.sqlite");
    let address = format!("sqlite://{}?mode=rwc", sqlite.display());
    fill::<sqlx::SqliteConnection>(&address, register.sql('"', "REAL")).await?;
    let mut databases = vec![("sqlite", sqlite, table("register"))];
    let postgres = server::postgres(&[]);
    match &postgres {
        Some(server) => {
            let address = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
            fill::<sqlx::PgConnection>(
                &format!("{address}?sslmode=disable"),
                register.sql('"', "NUMERIC(12,2)"),
            )
            .await?;
            databases.push(("postgres", address.into(), table("public.register")));
        }
        None => support::skip("PostgreSQL"),
    }
    let mariadb = server::mariadb();
    match &mariadb {
        Some(server) => {
            let of = |user: &str| format!("mysql://{user}@127.0.0.1:{}/crm", server.port);
            fill::<sqlx::MySqlConnection>(
                &format!("{}?ssl-mode=disabled", of("writer")),
                register.sql('`', "DECIMAL(12,2)"),
            )
            .await?;
            databases.push(("mariadb", of("reader").into(), table("register")));
        }
        None => support::skip("MariaDB"),
    }
    for (name, at, sources) in databases {
        let form = Form {
            at: &at,
            mapping: municipal(&register, &[]),
            sources: Some(sources),
        };
        assert_eq!(
            federation.answers(name, form, &questions).await?,
            expected,
            "{name}"
        );
    }
    Ok(())
}

/// A person's row of the register, reduced to what the formats below carry.
#[derive(Clone)]
struct Visit {
    code: String,
    sex: &'static str,
    citizenship: String,
    birth: String,
    household: String,
    service: String,
    day: String,
}

/// Visits of people with a codice fiscale, on existing days, for services that `wanted` holds; what a register says of a person
/// first is said in all rows.
fn visits(register: &Register, wanted: &BTreeSet<&str>) -> Vec<Visit> {
    let place = |name: &str| {
        register
            .columns
            .iter()
            .position(|known| known == name)
            .expect("a column")
    };
    let [code, sex, citizenship, birth, household, service, date] = [
        "CODICE_FISCALE",
        "SESSO",
        "CITTADINANZA",
        "DATA_NASCITA",
        "ID_NUCLEO",
        "SERVIZIO",
        "DATA",
    ]
    .map(place);
    let iso = |text: &str| Day::read(text, DateFormat::DaySlash).map(|day| day.date().to_string());
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut visits = Vec::new();
    for (index, row) in register.rows.iter().enumerate() {
        let valid = snapshot::CodiceFiscale::parse(&row[code]).is_ok();
        let (Some(day), true, true) = (
            iso(&row[date]),
            valid,
            wanted.contains(row[service].as_str()),
        ) else {
            continue;
        };
        let of_person = &register.rows[*first.entry(plain(&row[code])).or_insert(index)];
        visits.push(Visit {
            code: row[code].clone(),
            sex: match of_person[sex].as_str() {
                "F" => "F",
                "M" => "M",
                _ => "",
            },
            citizenship: of_person[citizenship].clone(),
            birth: iso(&of_person[birth]).unwrap_or_default(),
            household: of_person[household].clone(),
            service: row[service].clone(),
            day,
        });
    }
    assert!(visits.len() > 100, "{}", visits.len());
    visits
}

const HEADER: &str = "version = 1\ndelimiter = \";\"\nencoding = \"utf-8\"\ndate_format = \"yyyy-mm-dd\"\nfinest_level = \"city\"\n";

/// The reduced register as CSV.
/// A code as all its spellings are compared.
fn plain(code: &str) -> String {
    let letters = code.chars().filter(|letter| !letter.is_whitespace());
    letters.flat_map(char::to_uppercase).collect()
}

fn reduced(visits: &[Visit]) -> String {
    let mut text = String::from("CODE;SEX;CITIZENSHIP;BIRTH;HOUSEHOLD;SERVICE;DAY\n");
    for visit in visits {
        let Visit {
            code,
            sex,
            citizenship,
            birth,
            household,
            service,
            day,
        } = visit;
        let _ = writeln!(
            text,
            "{code};{sex};{citizenship};{birth};{household};{service};{day}"
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_and_folders_of_other_systems_are_answered_as_the_same_rows_in_csv() -> Result<()> {
    let federation = Federation::new(&["flow-as-csv", "flow", "folder-as-csv", "folder"])?;
    let folder = tempfile::tempdir()?;
    let (_, register) = support::city(folder.path());
    let at = |name: &str| folder.path().join(name);
    let questions = [
        question(
            json!({ "measure": "persons" }),
            json!({ "area": "city", "sex": true, "period": "month" }),
            [4, 1],
        ),
        question(
            json!({ "measure": "events" }),
            json!({ "area": "city", "service": true, "age_band": true }),
            [1, 3],
        ),
        question(
            json!({ "measure": "persons" }),
            json!({ "area": "city", "target": ["minors", "elderly-75-plus"] }),
            [2, 1],
        ),
    ];

    // SIUSS: one benefit of each visit.
    let coded: BTreeMap<&str, &str> = (Taxonomy::built_in().services().iter())
        .filter_map(|service| Some((service.id.as_str(), service.siuss.first()?.as_str())))
        .collect();
    let flowing = visits(&register, &coded.keys().copied().collect());
    std::fs::write(at("flow.csv"), reduced(&flowing))?;
    let mut flow = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Flusso xmlns=\"http://inps.it/Casellario\">\n\
         <IdentificazioneFlusso Nome=\"F205.PS.20260101.0000001\"><Ente Codice=\"F205\" Denominazione=\"Demo\" CFOperatore=\"RSSMRA80A01F205X\" Indirizzo=\"F205\"/></IdentificazioneFlusso>\n",
    );
    for (number, visit) in flowing.iter().enumerate() {
        let genre = match visit.sex {
            "M" => " Genere=\"1\"",
            "F" => " Genere=\"2\"",
            _ => "",
        };
        let country = match visit.citizenship.as_str() {
            "IT" => " CodiceCittadinanza=\"380\"",
            "UE" => " CodiceCittadinanza=\"642\"",
            "EXTRA-UE" => " CodiceCittadinanza=\"818\"",
            _ => "",
        };
        let kind = coded[visit.service.as_str()];
        let day = &visit.day;
        let _ = writeln!(
            flow,
            "<Beneficiario CodiceFiscale=\"{}\"><Anagrafica Cognome=\"R\" Nome=\"A\" AnnoNascita=\"1950\" LuogoNascita=\"F205\"{genre}{country}/>\
             <Indirizzo CodiceRegione=\"03\" CodiceComune=\"015146\" CodiceNazione=\"380\"/>\
             <PrestazioniSociali TipoOperazione=\"I\" PresenzaProvaMezzi=\"1\" CaratterePrestazione=\"2\" DataErogazionePrestazione=\"{day}\" \
             CodicePrestazione=\"{kind}\" DenominazionePrestazione=\"P\" ProtocolloDomanda=\"P{number}\" DataEvento=\"{day}\" PresaCarico=\"1\" AreaUtenza=\"2\"/></Beneficiario>",
            support::write::escaped(&visit.code)
        );
    }
    flow.push_str("</Flusso>\n");
    std::fs::write(at("flow.xml"), flow)?;
    let by_code = format!(
        "{HEADER}derive_from_codice_fiscale = true\n[columns]\ncodice_fiscale = \"CODE\"\ndate = \"DAY\"\nservice = \"SERVICE\"\nsex = \"SEX\"\n\
         citizenship = \"CITIZENSHIP\"\n[values.citizenship]\nIT = \"italian\"\nUE = \"eu\"\nEXTRA-UE = \"non-eu\"\n"
    );
    let forms = [
        ("flow-as-csv", at("flow.csv"), by_code),
        ("flow", at("flow.xml"), source::profile::SINA.to_owned()),
    ];
    alike(&federation, forms, &questions).await?;

    // HMIS: people by their number in the system, in three kinds of projects. What comes after an entry is a service of it or another
    // entry, and who is housed stays for two months or on.
    let kinds = [
        ("housing-support", 3),
        ("social-secretariat", 6),
        ("day-centre", 11),
    ];
    let mut enrolled = visits(&register, &kinds.iter().map(|(id, _)| *id).collect());
    let end = (enrolled.iter().map(|visit| visit.day.clone()).max()).context("visits")?;
    let month = |day: &str| -> Result<u32> {
        Ok(day[..4].parse::<u32>()? * 12 + day[5..7].parse::<u32>()? - 1)
    };
    std::fs::create_dir(at("hmis"))?;
    let mut clients: BTreeMap<String, String> = BTreeMap::new();
    let mut entries = String::from("EnrollmentID,PersonalID,ProjectID,EntryDate,HouseholdID\n");
    let mut exits = String::from("ExitID,EnrollmentID,PersonalID,ExitDate\n");
    let mut services = String::from("ServicesID,EnrollmentID,PersonalID,DateProvided,RecordType\n");
    let mut first: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut stayed = Vec::new();
    for (number, visit) in enrolled.iter().enumerate() {
        let sex = match visit.sex {
            "F" => "0",
            "M" => "1",
            _ => "",
        };
        let person = plain(&visit.code);
        let row = format!("{person},{},{sex}\n", visit.birth);
        clients.insert(person, row);
        let before = *(first.entry((&visit.code, &visit.service))).or_insert(number);
        if before < number && number % 3 > 0 {
            let _ = writeln!(
                services,
                "S{number},E{before},{},{},141",
                visit.code, visit.day
            );
            continue;
        }
        let _ = writeln!(
            entries,
            "E{number},{},{},{},{}",
            visit.code, visit.service, visit.day, visit.household
        );
        if visit.service != "housing-support" {
            continue;
        }
        let (entry, mut last) = (month(&visit.day)?, month(&end)?);
        if number % 2 == 0 {
            let exit = entry + 2;
            let day = format!("{}-{:02}-15", exit / 12, exit % 12 + 1);
            let _ = writeln!(exits, "X{number},E{number},{},{day}", visit.code);
            last = last.min(exit);
        }
        stayed.extend((entry + 1..=last).map(|month| Visit {
            day: format!("{}-{:02}-01", month / 12, month % 12 + 1),
            ..visit.clone()
        }));
    }
    assert!(services.lines().count() > 20, "{services}");
    assert!(exits.lines().count() > 5 && stayed.len() > 20, "{exits}");
    let projects = kinds
        .map(|(id, kind)| format!("{id},{id},{kind}\n"))
        .concat();
    for (name, text) in [
        (
            "Client.csv",
            format!(
                "PersonalID,DOB,Sex\n{}",
                String::from_iter(clients.into_values())
            ),
        ),
        (
            "Project.csv",
            format!("ProjectID,ProjectName,ProjectType\n{projects}"),
        ),
        ("Enrollment.csv", entries),
        ("Exit.csv", exits),
        ("Services.csv", services),
        ("Export.csv", format!("ExportID,ExportEndDate\n1,{end}\n")),
    ] {
        std::fs::write(at("hmis").join(name), text)?;
    }
    enrolled.extend(stayed);
    std::fs::write(at("folder.csv"), reduced(&enrolled))?;
    let by_number = format!(
        "{HEADER}person_key = [\"CODE\"]\n[columns]\ndate = \"DAY\"\nservice = \"SERVICE\"\nsex = \"SEX\"\nbirth_date = \"BIRTH\"\nhousehold = \"HOUSEHOLD\"\n"
    );
    let (hmis, sources) = source::profile::hmis_folder(&at("hmis")).context("a HMIS folder")?;
    let households = question(
        json!({ "measure": "households" }),
        json!({ "area": "city", "household": true }),
        [1, 1],
    );
    let of_folders = [&questions[..], &[households]].concat();
    let as_csv = Form {
        at: &at("folder.csv"),
        mapping: by_number,
        sources: None,
    };
    let as_folder = Form {
        at: Path::new(&hmis),
        mapping: source::profile::HMIS.to_owned(),
        sources: Some(sources.to_toml()),
    };
    let expected = federation
        .answers("folder-as-csv", as_csv, &of_folders)
        .await?;
    assert!(
        expected
            .iter()
            .all(|cells| cells.iter().any(|cell| *cell > 0)),
        "{expected:?}"
    );
    assert_eq!(
        federation.answers("folder", as_folder, &of_folders).await?,
        expected,
        "HMIS"
    );
    Ok(())
}

async fn alike(
    federation: &Federation,
    forms: [(&str, std::path::PathBuf, String); 2],
    questions: &[String],
) -> Result<()> {
    let mut all = Vec::new();
    for (name, at, mapping) in forms {
        let form = Form {
            at: &at,
            mapping,
            sources: None,
        };
        all.push(federation.answers(name, form, questions).await?);
    }
    assert!(
        all[0]
            .iter()
            .all(|cells| cells.iter().any(|cell| *cell > 0)),
        "{all:?}"
    );
    assert_eq!(all[0], all[1]);
    Ok(())
}
