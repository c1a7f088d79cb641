//! A small demo city in a temporary folder: six registers, and the truth that only tests read.

use anyhow::Result;
use demo_city::{CityConfig, Truth, generate, offer_path, register_path};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Six organisations, in the demo's order.
pub const ORGANISATIONS: [&str; 6] = [
    "comune-milano",
    "fondazione-navigli",
    "cooperativa-girasole",
    "associazione-porta-aperta",
    "cooperativa-lambro",
    "associazione-ortica",
];

/// A generated city.
#[derive(Debug)]
pub struct City {
    dir: TempDir,
}

impl City {
    /// Generates a city of `scale` times Milan.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn generate(scale: f64) -> Result<City> {
        let dir = tempfile::tempdir()?;
        let config = CityConfig {
            scale,
            ..CityConfig::default()
        };
        generate(&config, dir.path(), &mut |_| {})?;
        Ok(City { dir })
    }

    /// The folder, where tests may put more.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// An organisation's register.
    pub fn register(&self, organisation: &str) -> PathBuf {
        register_path(self.path(), organisation)
    }

    /// An organisation's offer.
    pub fn offer(&self, organisation: &str) -> PathBuf {
        offer_path(self.path(), organisation)
    }

    /// What a perfect node would know.
    ///
    /// # Errors
    /// When the truth cannot be read.
    pub fn truth(&self, organisation: &str) -> Result<Truth> {
        Ok(Truth::load(self.path(), organisation)?)
    }
}
