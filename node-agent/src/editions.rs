//! Editions: numbered snapshots published on a declared calendar, one a month, whether or not anything changed.
//! The number says only the month; nothing about the register's content leaves with it.
//!
//! A node that was off catches up by publishing the current edition: the numbers of the months it missed are passed over and
//! belong to nobody, since an edition says how the register stood in its month, which nothing can tell afterwards.

use crate::config::{Config, NodeDir, write_private};
use crate::keys;
use crate::sources;
use anyhow::{Context, Result, ensure};
use snapshot::{NodeKey, Snapshot};
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

/// Opens the current edition, building it from the register where it is not there yet, and removes those that the
/// configuration does not keep.
///
/// # Errors
/// When register or mapping cannot be read; the message names file, column and remedy, never a value.
pub fn open_current(dir: &NodeDir, config: &Config, now: i64) -> Result<Edition> {
    let number = number_at(now);
    let path = dir.snapshot(number);
    let snapshot = if path.exists() {
        check_services(dir)?;
        Snapshot::read(&path)?
    } else {
        let snapshot = build(dir, config, number, now)?;
        // Before the snapshot: were only the note there, the edition would be built again, with a note of its own.
        write_private(&dir.services(), services_hash().as_bytes())?;
        snapshot.write(&path)?;
        remove_older(dir, number, config.retention.snapshots);
        snapshot
    };
    Ok(Edition {
        number,
        snapshot: Arc::new(snapshot),
    })
}

fn services_hash() -> String {
    protocol::hex(&taxonomy::Taxonomy::current().services_hash())
}

/// Refuses a snapshot whose services are told apart by their positions in another list. Where nothing was noted, the list
/// built in was used.
fn check_services(dir: &NodeDir) -> Result<()> {
    let noted = match std::fs::read_to_string(dir.services()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            protocol::hex(&taxonomy::Taxonomy::built_in().services_hash())
        }
        noted => {
            noted.context("which list of services the edition was built with cannot be read")?
        }
    };
    ensure!(
        noted == services_hash(),
        "this month's edition was built with another list of services: put that list back until the month ends; the next edition \
         is built with the new one"
    );
    Ok(())
}

fn build(dir: &NodeDir, config: &Config, number: u32, now: i64) -> Result<Snapshot> {
    let key = NodeKey::new(&keys::pseudonym_secret(dir)?);
    let edition = snapshot::Edition {
        number,
        label: label_of(number),
        created_at: now,
    };
    let (snapshot, quality) = sources::build(dir, config, &key, edition)?;
    write_private(&dir.quality(), &serde_json::to_vec_pretty(&quality)?)?;
    write_private(
        &dir.rejects(),
        sources::rejects_csv(config, &quality).as_bytes(),
    )?;
    Ok(snapshot)
}

/// Removes snapshots of earlier editions but the last `keep`, the current one counted. Those of later editions, which a clock
/// set back leaves behind, stay: they come due again.
fn remove_older(dir: &NodeDir, current: u32, keep: u32) {
    let Some(folder) = dir
        .snapshot(current)
        .parent()
        .map(std::path::Path::to_owned)
    else {
        return;
    };
    let mut earlier: Vec<u32> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix("edition-")?.strip_suffix(".wis")?;
            number.parse().ok().filter(|number| *number < current)
        })
        .collect();
    earlier.sort_unstable_by(|a, b| b.cmp(a));
    for number in earlier.into_iter().skip(keep.saturating_sub(1) as usize) {
        // A snapshot that cannot be removed now is removed with the next edition.
        let _ = std::fs::remove_file(dir.snapshot(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::Mapping;

    #[test]
    fn editions_follow_the_calendar() {
        let at = |text: &str| number_at(text.parse::<jiff::Timestamp>().expect("time").as_second());
        assert_eq!(at("2020-01-01T00:00:00Z"), 1);
        assert_eq!(at("2020-12-31T23:59:59Z"), 12);
        assert_eq!(at("2026-11-24T00:00:00Z"), 83);
        assert_eq!([1, 12, 83].map(label_of), ["2020-01", "2020-12", "2026-11"]);
    }

    fn node(keep: u32) -> (tempfile::TempDir, NodeDir, Config) {
        let place = tempfile::tempdir().expect("a folder");
        let dir = NodeDir::new(place.path().join("node"));
        keys::create(&dir, false).expect("keys");
        write_private(&dir.mapping(), Mapping::municipal_register().as_bytes()).expect("written");
        let register = place.path().join("register.csv");
        let header = "CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;\
                      DISABILITA;BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO\r\n";
        std::fs::write(&register, header).expect("written");
        let config = Config {
            version: 1,
            organisation: "cooperativa-lambro".to_owned(),
            coordinator: None,
            taxonomy: None,
            witnesses: Vec::new(),
            dataset: crate::config::Dataset {
                id: "clients".to_owned(),
                register,
            },
            retention: crate::config::Retention {
                snapshots: keep,
                ..Default::default()
            },
            page: Default::default(),
        };
        (place, dir, config)
    }

    fn kept(dir: &NodeDir) -> Vec<u32> {
        (1..200).filter(|n| dir.snapshot(*n).exists()).collect()
    }

    fn month(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("time").as_second()
    }

    #[test]
    fn a_node_that_was_off_for_months_publishes_the_current_edition_alone() {
        let (_place, dir, config) = node(1);
        let open = |text| {
            open_current(&dir, &config, month(text))
                .expect("an edition")
                .number
        };
        assert_eq!(open("2026-03-31T23:59:59Z"), 75);
        assert_eq!(kept(&dir), [75]);
        // The same month again opens what is there, from whatever the register holds by now.
        let before = std::fs::metadata(dir.snapshot(75))
            .and_then(|file| file.modified())
            .expect("there");
        assert_eq!(open("2026-03-01T00:00:00Z"), 75);
        let after = std::fs::metadata(dir.snapshot(75))
            .and_then(|file| file.modified())
            .expect("there");
        assert_eq!(before, after);
        // April to July passed unseen: nobody can say how the register stood then.
        assert_eq!(open("2026-08-15T12:00:00Z"), 80);
        assert_eq!(kept(&dir), [80]);
        assert_eq!(open("2026-09-01T00:00:00Z"), 81);
    }

    #[test]
    fn as_many_snapshots_stay_as_the_configuration_keeps() {
        let (_place, dir, config) = node(3);
        for text in ["2026-01-15", "2026-02-15", "2026-05-15", "2026-06-15"] {
            open_current(&dir, &config, month(&format!("{text}T00:00:00Z"))).expect("an edition");
        }
        assert_eq!(kept(&dir), [74, 77, 78]);
        // A clock set back serves the earlier month again and destroys nothing that comes due later.
        let back = open_current(&dir, &config, month("2026-05-15T00:00:00Z")).expect("an edition");
        assert_eq!((back.number, kept(&dir)), (77, vec![74, 77, 78]));
    }
}
