//! A register of the demo city in every format, and the snapshot that each makes.

// Each test file uses a part of it.
#![allow(dead_code)]

pub(crate) mod server;
pub(crate) mod write;

use demo_city::{CityConfig, register_path};
use snapshot::{
    Batch, CsvRecords, DateFormat, Day, Edition, LocalQuality, Mapping, NodeKey, Objections,
    Records, Snapshot,
};
use source::{Local, open_register};
use std::path::{Path, PathBuf};

/// Rows of a register, the columns first, as the demo city writes them.
pub(crate) struct Register {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// A folder with a small city in it, and one of its registers.
pub(crate) fn city(folder: &Path) -> (PathBuf, Register) {
    let config = CityConfig {
        scale: 0.002,
        organisations: 2,
        ..CityConfig::default()
    };
    let manifest = demo_city::generate(&config, folder, &mut |_| {}).expect("a city");
    let path = register_path(folder, &manifest.organisations[0].id);
    let register = Register::read(&path);
    assert!(register.rows.len() > 1_000, "{}", register.rows.len());
    (path, register)
}

impl Register {
    /// Reads a register as the demo city writes it.
    pub(crate) fn read(path: &Path) -> Register {
        let mapping = Mapping::parse(Mapping::municipal_register()).expect("mapping");
        let bytes = std::fs::read(path).expect("a register");
        let mut records = CsvRecords::open(bytes.as_slice(), mapping.csv_format().expect("text"))
            .expect("a header");
        let columns = records.columns().to_vec();
        let (mut batch, mut rows) = (Batch::default(), Vec::new());
        while records.next(&mut batch).expect("rows") {
            rows.extend(batch.records().map(|record| {
                (0..record.len())
                    .map(|index| record.field(index).to_owned())
                    .collect::<Vec<_>>()
            }));
        }
        Register { columns, rows }
    }

    /// Blanks days that no calendar has: a typed column of dates has no place for 31 February.
    pub(crate) fn blank_impossible_days(&mut self) {
        let place = |name: &str| self.columns.iter().position(|known| known == name);
        let dates = [place("DATA"), place("DATA_NASCITA")];
        for row in &mut self.rows {
            for date in dates.into_iter().flatten() {
                if Day::read(&row[date], DateFormat::DaySlash).is_none() {
                    row[date].clear();
                }
            }
        }
    }
}

/// The mapping of the city's registers, with some of its text replaced.
pub(crate) fn mapping(changes: &[(&str, &str)]) -> Mapping {
    let mut text = Mapping::municipal_register().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Mapping::parse(&text).expect("a mapping")
}

/// The snapshot of a register at a place.
pub(crate) fn build(at: &str, local: &Local, mapping: &Mapping) -> (Snapshot, LocalQuality) {
    try_build(at, local, mapping).expect("a snapshot")
}

/// The same, or the message of what went wrong.
pub(crate) fn try_build(
    at: &str,
    local: &Local,
    mapping: &Mapping,
) -> Result<(Snapshot, LocalQuality), String> {
    let edition = Edition {
        number: 1,
        label: "2026-01".to_owned(),
        created_at: 0,
    };
    let key = NodeKey::new(&[1; 32]);
    let input = open_register(at, local, mapping).map_err(|error| error.to_string())?;
    Snapshot::build_from(mapping, input, &key, edition, &Objections::default())
        .map_err(|error| chain(&error))
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// That nothing is configured.
pub(crate) fn nothing() -> Local {
    Local::parse("version = 1").expect("a configuration")
}

/// Says why a test does nothing; on CI that is a failure.
pub(crate) fn skip(what: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{what} must be there on CI"
    );
    eprintln!("skipped: {what} is not there");
}
