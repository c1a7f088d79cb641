//! A seeded city of people, households and needs on Milan's real margins, and the messy registers of its organisations.
//! Nobody in it exists; nodes and the coordinator read its registers, and only tests read its truth.

mod calendar;
mod circumstances;
mod clientele;
mod codice_fiscale;
mod config;
mod events;
mod households;
mod intake;
mod margins;
mod names;
mod offer;
mod organisations;
mod parallel;
mod population;
mod register;
mod rng;
pub mod truth;
mod truth_files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use calendar::Month;
pub use codice_fiscale::{check_character, codice_fiscale, is_valid, omocodia};
pub use config::{CITY_VERSION, CityConfig, CityManifest, CityOrganisation};
pub use margins::{HouseholdKind, NilMargins, milan};
pub use offer::offer_path;
pub use organisations::{NAMED_ORGANISATIONS, SERVICES};
pub use population::{Citizenship, Household, Person, Population, populate};
pub use register::{COLUMNS, RegisterCounts, register_path};
pub use truth::Truth;

use clientele::Client;
use register::RegisterJob;

/// Why a city could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// A field of the configuration is outside its limits.
    #[error("the city's configuration has an unusable value for `{field}`")]
    InvalidConfig {
        /// Name of the field.
        field: &'static str,
    },
    /// A text that is not a month `YYYY-MM`.
    #[error("a month is written YYYY-MM")]
    InvalidMonth,
    /// A line of a truth file is not as this crate writes it.
    #[error("line {line} of a truth file cannot be read")]
    InvalidTruth {
        /// Line number, from 1.
        line: usize,
    },
    /// A file could not be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl CityError {
    /// Wraps what the system says about a path.
    pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A step of the generation, for one line of progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The population stands.
    Population {
        /// People, those born within the five years included.
        persons: u64,
        /// Households.
        households: u64,
    },
    /// All organisations have their clients.
    Clienteles {
        /// Distinct persons known to at least one organisation.
        persons: u64,
    },
    /// Part of an organisation's clients have their events.
    Clients {
        /// The organisation.
        organisation: String,
        /// Clients done.
        done: u64,
    },
    /// A register is written.
    Register {
        /// The organisation.
        organisation: String,
        /// Its rows.
        rows: u64,
    },
}

impl std::fmt::Display for Progress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Population {
                persons,
                households,
            } => {
                write!(
                    formatter,
                    "population: {persons} persons in {households} households"
                )
            }
            Self::Clienteles { persons } => {
                write!(formatter, "clients: {persons} distinct persons")
            }
            Self::Clients { organisation, done } => {
                write!(formatter, "{organisation}: events of {done} clients")
            }
            Self::Register { organisation, rows } => {
                write!(formatter, "{organisation}: register of {rows} rows written")
            }
        }
    }
}

/// Generates a city into `dir` (`<organisation>/register.csv` and `offer.csv`, `truth/`, `city.json`), replacing one that is
/// there.
///
/// The same configuration gives the same bytes on the same platform, whatever the number of threads.
///
/// # Errors
/// [`CityError::InvalidConfig`] or [`CityError::Io`]; after an error there is no `city.json`.
pub fn generate(
    config: &CityConfig,
    dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<CityManifest, CityError> {
    config.validate()?;
    prepare(dir)?;
    let margins = milan();
    let city = populate(&margins, config.seed, config.scale, progress);
    progress(Progress::Population {
        persons: city.persons.len() as u64,
        households: city.households.len() as u64,
    });
    let years_later = i32::from(config.years_later());
    let profiles = organisations::profiles(config.organisations);
    let clienteles = parallel::map(&profiles, progress, |number, profile, _| {
        clientele::choose(&city, profile, number, config.seed, config.scale)
    });
    let mut persons: Vec<u32> = clienteles
        .iter()
        .flatten()
        .map(|client| client.person)
        .collect();
    persons.sort_unstable();
    persons.dedup();
    let identities = clientele::identify(&city, &persons, config.seed, years_later);
    progress(Progress::Clienteles {
        persons: persons.len() as u64,
    });
    let written = parallel::map(&profiles, progress, |number, profile, sender| {
        RegisterJob {
            city: &city,
            profile,
            number,
            clients: &clienteles[number],
            circumstances: register::circumstances_of(&city, &clienteles[number], config.seed),
            persons: &persons,
            identities: &identities,
            seed: config.seed,
            until: config.invented_until(),
            years_later,
            dir,
        }
        .write(sender)
    });
    let written = written.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (number, profile) in profiles.iter().enumerate() {
        offer::write(&margins, profile, number, config.seed, dir)?;
    }
    let counts: Vec<RegisterCounts> = written
        .iter()
        .map(|register| register.counts.clone())
        .collect();
    truth_files::write_distinct(
        &dir.join("truth"),
        written
            .into_iter()
            .map(|register| register.presences)
            .collect(),
    )?;
    write_summary(dir, &city, &profiles, &counts, &clienteles, persons.len())?;
    let manifest = CityManifest {
        version: CITY_VERSION,
        seed: config.seed,
        scale: config.scale,
        until: config.until.to_string(),
        organisations: profiles
            .iter()
            .zip(&counts)
            .map(|(profile, counts)| CityOrganisation {
                id: profile.id.clone(),
                name: profile.name.clone(),
                size: counts.clients,
                rows: counts.rows,
                bytes: counts.bytes,
            })
            .collect(),
    };
    manifest.store(dir)?;
    Ok(manifest)
}

/// Clears away an earlier city, makes the directories, and closes the truth to others.
fn prepare(dir: &Path) -> Result<(), CityError> {
    let manifest = CityManifest::path(dir);
    if let Ok(bytes) = std::fs::read(&manifest) {
        // The manifest goes first: from here on there is no city in the directory.
        std::fs::remove_file(&manifest).map_err(CityError::at(&manifest))?;
        let earlier = serde_json::from_slice::<CityManifest>(&bytes);
        for organisation in earlier.iter().flat_map(|city| &city.organisations) {
            let plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            for path in [
                register_path(dir, &organisation.id),
                offer_path(dir, &organisation.id),
                dir.join("truth")
                    .join(format!("persons_{}.csv", organisation.id)),
                dir.join("truth")
                    .join(format!("presences_{}.csv", organisation.id)),
            ] {
                if plain(&organisation.id) && path.exists() {
                    std::fs::remove_file(&path).map_err(CityError::at(&path))?;
                }
            }
        }
    }
    let truth = dir.join("truth");
    std::fs::create_dir_all(&truth).map_err(CityError::at(&truth))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&truth, std::fs::Permissions::from_mode(0o700))
            .map_err(CityError::at(&truth))?;
    }
    Ok(())
}

/// Writes `truth/summary.json`: totals of the city, the counts of each register, and clients shared by each pair.
fn write_summary(
    dir: &Path,
    city: &Population,
    profiles: &[organisations::Profile],
    counts: &[RegisterCounts],
    clienteles: &[Vec<Client>],
    distinct: usize,
) -> Result<(), CityError> {
    let registers: BTreeMap<&str, &RegisterCounts> = profiles
        .iter()
        .map(|profile| profile.id.as_str())
        .zip(counts)
        .collect();
    let mut shared = BTreeMap::new();
    // With many organisations the pairs would outgrow their use.
    for first in 0..profiles.len().min(NAMED_ORGANISATIONS) {
        for second in first + 1..profiles.len().min(NAMED_ORGANISATIONS) {
            let known = &clienteles[first];
            let both = clienteles[second]
                .iter()
                .filter(|client| {
                    known
                        .binary_search_by_key(&client.person, |other| other.person)
                        .is_ok()
                })
                .count();
            shared.insert(
                format!("{} & {}", profiles[first].id, profiles[second].id),
                both,
            );
        }
    }
    let summary = serde_json::json!({
        "persons": city.persons.len(),
        "households": city.households.len(),
        "distinct_clients": distinct,
        "registers": registers,
        "shared_clients": shared,
    });
    let path = dir.join("truth").join("summary.json");
    std::fs::write(&path, format!("{summary:#}\n")).map_err(CityError::at(&path))
}
