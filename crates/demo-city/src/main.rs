//! Generates the demo city's registers into a directory, or finds them there already.
//! It serves demonstrations and tests; a real installation never runs it.

use std::path::PathBuf;

use clap::Parser;
use demo_city::{CityConfig, CityManifest, Month, generate};

/// Generates the registers of a seeded, invented city on Milan's real margins.
#[derive(Debug, Parser)]
#[command(name = "demo-city", version)]
struct Arguments {
    /// Directory of the city: <organisation>/register.csv, city.json
    #[arg(long)]
    dir: PathBuf,
    /// Same seed, same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Size relative to Milan
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Number of organisations, 1 to 1000
    #[arg(long, default_value_t = 6)]
    organisations: usize,
    /// Last month of the registers, 2021-01 to 2025-12
    #[arg(long, default_value = "2025-12")]
    until: Month,
    /// Keep the truth as well, for tests: no program of a demonstration can read what is not there
    #[arg(long)]
    truth: bool,
    /// Generate again even if the directory holds this city
    #[arg(long)]
    fresh: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = CityConfig {
        seed: arguments.seed,
        scale: arguments.scale,
        organisations: arguments.organisations,
        until: arguments.until,
    };
    config.validate()?;
    let truth = arguments.dir.join("truth");
    let is_complete = truth.is_dir() || !arguments.truth;
    if !arguments.fresh
        && is_complete
        && let Some(manifest) = CityManifest::reusable(&config, &arguments.dir)
    {
        eprintln!(
            "{} organisations found in {}",
            manifest.organisations.len(),
            arguments.dir.display()
        );
        return Ok(());
    }
    let manifest = generate(&config, &arguments.dir, &mut |step| eprintln!("{step}"))?;
    if !arguments.truth {
        std::fs::remove_dir_all(&truth)?;
    }
    for organisation in &manifest.organisations {
        eprintln!(
            "{}: {} clients, {} rows, {:.1} MB",
            organisation.id,
            organisation.size,
            organisation.rows,
            organisation.bytes as f64 / 1e6
        );
    }
    Ok(())
}
