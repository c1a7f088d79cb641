//! Editions: numbered snapshots published on a declared calendar, one a month, whether or not anything changed.
//! The number says only the month; nothing about the register's content leaves with it.

use crate::config::{Config, NodeDir, write_private};
use crate::keys;
use anyhow::{Context, Result};
use snapshot::{LocalQuality, Mapping, NodeKey, Snapshot};
use std::sync::Arc;

/// One edition, ready to be asked.
#[derive(Clone)]
pub struct Edition {
    /// Its number.
    pub number: u32,
    /// Its snapshot.
    pub snapshot: Arc<Snapshot>,
}

/// The edition of the month that holds `now`: months since January 2020, counted from 1.
pub fn number_at(now: i64) -> u32 {
    let date = jiff::Timestamp::from_second(now)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let months = (i32::from(date.year()) - 2020) * 12 + i32::from(date.month());
    u32::try_from(months).unwrap_or(0)
}

/// The month of an edition, `YYYY-MM`.
pub fn label_of(number: u32) -> String {
    let months = number.saturating_sub(1);
    format!("{:04}-{:02}", 2020 + months / 12, months % 12 + 1)
}

/// Opens the current edition, building it from the register where it is not there yet, and removes older ones.
///
/// # Errors
/// When register or mapping cannot be read; the message names file, column and remedy, never a value.
pub fn open_current(dir: &NodeDir, config: &Config, now: i64) -> Result<Edition> {
    let number = number_at(now);
    let path = dir.snapshot(number);
    let snapshot = if path.exists() {
        Snapshot::read(&path)?
    } else {
        let snapshot = build(dir, config, number, now)?;
        snapshot.write(&path)?;
        remove_older(dir, number);
        snapshot
    };
    Ok(Edition {
        number,
        snapshot: Arc::new(snapshot),
    })
}

fn build(dir: &NodeDir, config: &Config, number: u32, now: i64) -> Result<Snapshot> {
    let mapping_path = dir.mapping();
    let text = std::fs::read_to_string(&mapping_path)
        .with_context(|| format!("cannot read {}", mapping_path.display()))?;
    let mapping = Mapping::parse(&text)
        .with_context(|| format!("{} is not a valid mapping", mapping_path.display()))?;
    let register = &config.dataset.register;
    let file = std::fs::File::open(register).with_context(|| {
        format!(
            "cannot open the register {}; see `dataset.register` in node.toml",
            register.display()
        )
    })?;
    let key = NodeKey::new(&keys::pseudonym_secret(dir)?);
    let edition = snapshot::Edition {
        number,
        label: label_of(number),
        created_at: now,
    };
    let (snapshot, quality) = Snapshot::build(&mapping, file, &key, edition)?;
    write_private(&dir.quality(), &serde_json::to_vec_pretty(&quality)?)?;
    write_private(&dir.rejects(), rejects_csv(&quality).as_bytes())?;
    Ok(snapshot)
}

/// The rejects as a list for the register's keeper: line, column and kind, never a value.
fn rejects_csv(quality: &LocalQuality) -> String {
    let mut text = "line;column;problem\n".to_owned();
    for reject in &quality.rejects {
        let kind = serde_json::to_string(&reject.kind).unwrap_or_default();
        text.push_str(&format!(
            "{};{};{}\n",
            reject.row,
            reject.column,
            kind.trim_matches('"')
        ));
    }
    text
}

fn remove_older(dir: &NodeDir, current: u32) {
    let Some(folder) = dir
        .snapshot(current)
        .parent()
        .map(std::path::Path::to_owned)
    else {
        return;
    };
    let keep = dir.snapshot(current);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "wis") && path != keep {
            // A snapshot that cannot be removed now is removed with the next edition.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_follow_the_calendar() {
        let at = |text: &str| number_at(text.parse::<jiff::Timestamp>().expect("time").as_second());
        assert_eq!(at("2020-01-01T00:00:00Z"), 1);
        assert_eq!(at("2020-12-31T23:59:59Z"), 12);
        assert_eq!(at("2026-11-24T00:00:00Z"), 83);
        assert_eq!([1, 12, 83].map(label_of), ["2020-01", "2020-12", "2026-11"]);
    }
}
