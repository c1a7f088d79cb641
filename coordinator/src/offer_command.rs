//! `coordinator offer check`: whether a file or folder of sites and services can be read, and what is in it.

use anyhow::{Context, Result};
use clap::Subcommand;
use geography::City;
use offer::read_file;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Sites and services.
#[derive(Debug, Subcommand)]
pub enum OfferCommand {
    /// Reads an offer: a folder of HSDS tables, HSDS in JSON, the columns of the QuBi map, or plain columns. Every fault is
    /// told with file, row, column and remedy; exit code 1 if there is one.
    Check {
        /// The file or folder.
        path: PathBuf,
        /// A GeoJSON file of official outlines, by which sites with a position and no NIL are placed.
        #[arg(long)]
        areas: Option<PathBuf>,
        /// As JSON, with all sites and services.
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command.
///
/// # Errors
/// A file that cannot be read, or the faults of its rows.
pub fn run(command: &OfferCommand) -> Result<()> {
    let OfferCommand::Check { path, areas, json } = command;
    let mut loaded = read_file(path).with_context(|| format!("{} is refused", path.display()))?;
    // The outlines built in are schematic and would place sites wrongly: without others, the NIL that files state stand.
    let outside = match areas {
        None => 0,
        Some(file) => {
            let outlines =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let city = City::with_outlines(&outlines)
                .with_context(|| format!("{} is refused", file.display()))?;
            loaded.offer.place(city.outlines())
        }
    };
    if *json {
        println!("{}", serde_json::to_string_pretty(&loaded.offer)?);
        return Ok(());
    }
    let offer = &loaded.offer;
    let located = offer.sites.iter().filter(|site| site.nil.is_some());
    let with_position = offer.sites.iter().filter(|site| site.position.is_some());
    println!("sites           {}", offer.sites.len());
    println!("  with NIL      {}", located.count());
    println!(
        "  with position {}, outside the city {outside}",
        with_position.count()
    );
    println!("services        {}", offer.services.len());
    let mut kinds: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for service in &offer.services {
        let kind = kinds.entry(service.service.as_deref().unwrap_or("of no known kind"));
        let (services, places) = kind.or_default();
        *services += 1;
        *places += u64::from(service.capacity.unwrap_or(0));
    }
    for (kind, (services, places)) in kinds {
        println!("  {kind:<20} {services} services, {places} places");
    }
    for remark in &loaded.remarks {
        println!("remark          {remark}");
    }
    Ok(())
}
