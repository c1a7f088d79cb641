//! Generates the demo city's registers into a directory, or finds them there already.
//! It serves demonstrations and tests; a real installation never runs it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::ensure;
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
    /// Last month of the registers, from 2021-01; after 2025-12 the same city is told so many years later. Without it: as the
    /// city in the directory has it, else the month before this one; 2025-12 with the truth, which is told of those years only
    #[arg(long)]
    until: Option<Month>,
    /// Keep the truth as well, for tests: no program of a demonstration can read what is not there
    #[arg(long)]
    truth: bool,
    /// Generate again even if the directory holds this city
    #[arg(long)]
    fresh: bool,
}

fn main() -> anyhow::Result<()> {
    closed_pipe::ends_quietly();
    let arguments = Arguments::parse();
    let config = CityConfig {
        seed: arguments.seed,
        scale: arguments.scale,
        organisations: arguments.organisations,
        until: (arguments.until)
            .or_else(|| arguments.truth.then_some(Month::LAST))
            .or_else(|| CityManifest::until_in(&arguments.dir))
            .unwrap_or_else(month_before_this),
    };
    config.validate()?;
    ensure!(
        config.years_later() == 0 || !arguments.truth,
        "--truth is told of the years 2021 to 2025 only; leave it out, or give an --until up to 2025-12"
    );
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

/// The last month that is over, by this computer's clock.
fn month_before_this() -> Month {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / 86_400);
    Month(Month::of_day(days as i32).0 - 1)
}
