//! A federation whose organisations keep their registers in six formats, each joined as a volunteer would, by `init` alone: what it
//! releases is the truth of the city. The noise is removed by policies and a study whose rho is so large that the discrete Gaussian
//! is zero but for odds below 1e-40.

#[path = "../../crates/source/tests/support/mod.rs"]
mod support;

use anyhow::{Context, Result};
use demo_city::Month;
use demo_city::truth::{AreaLevel, PeriodKind};
use serde_json::json;
use sqlx::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::Register;
use system_tests::city::{City, ORGANISATIONS};
use system_tests::stack::Stack;

/// In nano-rho: rho 10,000. A cell's variance is then 5e-5, and one that is not exact has odds of exp(-10000).
const RHO: u64 = 10_000_000_000_000;

/// The organisation's register in another format, beside the city's own.
fn in_another_format(city: &City, organisation: &str) -> Result<PathBuf> {
    let path = city.register(organisation);
    let mut register = Register::read(&path);
    register.blank_impossible_days();
    let beside = |extension: &str| path.with_extension(extension);
    let place = ORGANISATIONS.iter().position(|id| *id == organisation);
    match place.context("an organisation of the city")? {
        0 => Ok(path),
        1 => {
            let path = beside("tsv");
            std::fs::write(&path, register.text('\t', "\n"))?;
            Ok(path)
        }
        2 => {
            let path = beside("xlsx");
            register.write_xlsx(&path);
            Ok(path)
        }
        3 => {
            let path = beside("parquet");
            register.write_parquet(&path);
            Ok(path)
        }
        4 => {
            let path = beside("sqlite");
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(write_sqlite(&register, &path))
            })?;
            Ok(path)
        }
        _ => {
            let path = beside("txt");
            let text = format!("\u{feff}{}", register.text(';', "\r\n"));
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            std::fs::write(&path, bytes)?;
            Ok(path)
        }
    }
}

async fn write_sqlite(register: &Register, path: &Path) -> Result<()> {
    let address = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&address).await?;
    for statement in register.sql('"', "REAL") {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    Ok(connection.close().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registers_in_six_formats_add_up_to_the_truth_of_the_city() -> Result<()> {
    let cap = i64::try_from(4 * RHO)?;
    let policy = [
        "lifetime",
        "per_year",
        "per_dataset",
        "per_purpose",
        "per_study",
        "max_rho_per_query",
    ];
    let policy = policy.map(|key| (key, cap));
    let city = City::generate(0.002)?;
    let stack = Stack::start_prepared(city, 3 * RHO, &policy, in_another_format).await?;
    let query = json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio", "period": "quarter" },
        "period": { "from": "2025-01", "to": "2025-12" }, "bounds": { "cells": 4, "per_cell": 1 }, "rho": RHO,
    });
    let id = stack.ask(&query, 600).await?;
    let release = stack.release_of(&id).await?;
    assert_eq!(release["nodes_answered"], 6, "{release:#}");
    let (from, to) = (Month::of(2025, 1), Month::of(2025, 12));
    let mut truth: BTreeMap<_, i64> = BTreeMap::new();
    for organisation in ORGANISATIONS {
        let cells = stack.city.truth(organisation)?.persons_by(
            AreaLevel::Municipio,
            PeriodKind::Quarter,
            from,
            to,
            |_, _| true,
        );
        for (cell, persons) in cells {
            *truth.entry(cell).or_default() += i64::try_from(persons)?;
        }
    }
    let dimensions = release["dimensions"].as_array().context("dimensions")?;
    let keys = |name: &str| -> Result<Vec<String>> {
        let found = dimensions.iter().find(|axis| axis["name"] == name);
        let keys = found.and_then(|axis| axis["keys"].as_array());
        let keys = keys.with_context(|| format!("no axis {name}: {dimensions:?}"))?;
        Ok((keys.iter().filter_map(|key| Some(key.as_str()?.to_owned()))).collect())
    };
    let mut values = release["values"].as_array().context("values")?.iter();
    let mut compared = 0;
    for area in keys("area")? {
        for quarter in keys("period")? {
            let value = values.next().and_then(|value| value.as_i64());
            let key = (area.clone(), quarter);
            let expected = truth.remove(&key).unwrap_or(0);
            assert_eq!(value, Some(expected), "{key:?}");
            compared += expected;
        }
    }
    assert_eq!((values.next(), truth), (None, BTreeMap::new()));
    assert!(compared > 300, "a city with people in it: {compared}");
    Ok(())
}
