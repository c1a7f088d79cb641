//! What a city is asked for and what was made, as `city.json` keeps it.
//! A manifest that matches its configuration means the city in the directory can be used as it is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::CityError;
use crate::calendar::Month;

/// Version of `city.json` and of everything generated; a change of the generator's output changes it.
pub const CITY_VERSION: u32 = 4;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct CityConfig {
    /// Same seed, same bytes.
    pub seed: u64,
    /// 1 for Milan's 1.39 million residents and 256,000 clients of six organisations; others in proportion.
    pub scale: f64,
    /// Number of organisations, 1..=1000; the first six have a character of their own.
    pub organisations: usize,
    /// Last month of the registers, from 2021-01. An earlier month gives a part of the same registers. After 2025-12 the
    /// same city is told as many years later as it takes, births included; only its registers, never its truth.
    pub until: Month,
}

impl Default for CityConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            scale: 1.0,
            organisations: 6,
            until: Month::LAST,
        }
    }
}

impl CityConfig {
    /// Checks the limits stated at the fields.
    ///
    /// # Errors
    /// [`CityError::InvalidConfig`] naming the field.
    pub fn validate(&self) -> Result<(), CityError> {
        let field = if !(self.scale.is_finite() && (0.0001..=20.0).contains(&self.scale)) {
            "scale"
        } else if !(1..=1000).contains(&self.organisations) {
            "organisations"
        } else if !(Month::FIRST..=Month::of(2100, 12)).contains(&self.until) {
            "until"
        } else {
            return Ok(());
        };
        Err(CityError::InvalidConfig { field })
    }

    /// By how many years the registers tell of everything later than it is invented.
    pub fn years_later(&self) -> u16 {
        (self.until.year()).saturating_sub(Month::LAST.year())
    }

    /// The last month as it is invented.
    pub(crate) fn invented_until(&self) -> Month {
        Month(self.until.0 - 12 * self.years_later())
    }
}

/// One organisation of a generated city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CityOrganisation {
    /// ASCII id, the name of its directory.
    pub id: String,
    /// Italian name to show.
    pub name: String,
    /// Distinct clients in its register.
    pub size: u64,
    /// Lines of its register after the column names.
    pub rows: u64,
    /// Bytes of its register.
    pub bytes: u64,
}

/// `city.json`: what was generated, written last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CityManifest {
    /// [`CITY_VERSION`] of the generator that made it.
    pub version: u32,
    /// Seed.
    pub seed: u64,
    /// Scale.
    pub scale: f64,
    /// Last month, `YYYY-MM`.
    pub until: String,
    /// Organisations in the demo's order.
    pub organisations: Vec<CityOrganisation>,
}

impl CityManifest {
    /// Path of the manifest in a city's directory.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("city.json")
    }

    /// The last month of the registers of the city in `dir`, where there is one.
    pub fn until_in(dir: &Path) -> Option<Month> {
        let manifest: Self = serde_json::from_slice(&std::fs::read(Self::path(dir)).ok()?).ok()?;
        manifest.until.parse().ok()
    }

    /// The manifest in `dir` when it was made from `config` by this version and every register has its stated size.
    pub fn reusable(config: &CityConfig, dir: &Path) -> Option<Self> {
        let manifest: Self = serde_json::from_slice(&std::fs::read(Self::path(dir)).ok()?).ok()?;
        let complete = |organisation: &CityOrganisation| {
            let path = crate::register_path(dir, &organisation.id);
            std::fs::metadata(path).is_ok_and(|file| file.len() == organisation.bytes)
        };
        let same = manifest.version == CITY_VERSION
            && manifest.seed == config.seed
            && manifest.scale == config.scale
            && manifest.until == config.until.to_string()
            && manifest.organisations.len() == config.organisations;
        (same && manifest.organisations.iter().all(complete)).then_some(manifest)
    }

    /// Writes the manifest beside its final place and renames it there.
    pub(crate) fn store(&self, dir: &Path) -> Result<(), CityError> {
        let path = Self::path(dir);
        let write = || {
            let temporary = dir.join("city.json.new");
            std::fs::write(&temporary, serde_json::to_vec_pretty(self)?)?;
            std::fs::rename(&temporary, &path)
        };
        write().map_err(CityError::at(&path))
    }
}
