//! `coordinator access`: who reaches which offer, as JSON: access by area and target, gaps, and with a scenario what it
//! changes. It reads tables and hands over to the `access` crate.

use crate::out_file::overwritten;
use access::{
    Comparison, Edit, InvalidScenario, Method, Point, Settings, Travel, TravelSource, compare,
    measure,
};
use clap::Args;
use optimise::table::{self, TableError};
use optimise::{Demand, Site, SiteStatus};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Measures access.
#[derive(Args, Debug)]
pub struct Options {
    /// Demand: CSV with the columns id, demand and, where known, variance and target.
    #[arg(long)]
    pub demand: PathBuf,
    /// Supply: CSV with the columns id, capacity and, where needed, status and targets; closed sites, and candidates beside required ones, offer nothing until a scenario opens them.
    #[arg(long)]
    pub supply: PathBuf,
    /// Travel: CSV with the columns from_id, to_id, minutes and, where there are several, mode.
    #[arg(long, required_unless_present = "places", conflicts_with = "places")]
    pub costs: Option<PathBuf>,
    /// Instead of travel, where areas and sites are: CSV with the columns id, latitude, longitude; travel is as the crow flies.
    #[arg(long)]
    pub places: Option<PathBuf>,
    /// How much longer than the straight line the way is.
    #[arg(long, default_value_t = 1.3)]
    pub detour: f64,
    /// Kilometres in an hour along the way.
    #[arg(long, default_value_t = 4.5)]
    pub speed: f64,
    /// Another speed for a target, as TARGET=KMH; can be repeated.
    #[arg(long, value_parser = target_speed)]
    pub target_speed: Vec<(String, f64)>,
    /// The mode of travel: picks the table's rows, or names the crow's.
    #[arg(long)]
    pub mode: Option<String>,
    /// nearest, cumulative, 2sfca, e2sfca or raam.
    #[arg(long, value_parser = method)]
    pub method: Method,
    /// Minutes of a catchment.
    #[arg(long, default_value_t = 30.0)]
    pub radius: f64,
    /// For raam: minutes of travel that weigh as much as a site as crowded as the city's mean.
    #[arg(long, default_value_t = 30.0)]
    pub tau: f64,
    /// A scenario: a JSON list of edits, compared with the tables as they are.
    #[arg(long)]
    pub scenario: Option<PathBuf>,
    /// Seed of the draws behind intervals of raam.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where the result goes.
    #[arg(long)]
    pub out: PathBuf,
}

fn method(text: &str) -> Result<Method, String> {
    Method::from_id(text)
        .ok_or_else(|| "one of nearest, cumulative, 2sfca, e2sfca, raam".to_owned())
}

fn target_speed(text: &str) -> Result<(String, f64), String> {
    let (target, speed) = text.split_once('=').ok_or("write TARGET=KMH")?;
    match speed.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed.is_finite() => Ok((target.to_owned(), speed)),
        _ => Err(format!(
            "`{speed}` is no speed; write kilometres in an hour"
        )),
    }
}

/// Why access cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum AccessCommandError {
    /// A file cannot be read or written.
    #[error("cannot open {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The result would go where its input is.
    #[error("--out would overwrite {}, which access is measured from; name another file", file.display())]
    Overwrites {
        /// The file.
        file: PathBuf,
    },
    /// A speed for nobody.
    #[error(
        "option --target-speed: no row of {file} has the target `{target}`; write one of its column target"
    )]
    NoTarget {
        /// The demand.
        file: String,
        /// The target.
        target: String,
    },
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A site without capacity where places are counted.
    #[error(
        "{file}, column capacity: site `{site}` has none; {method} counts places, so write how many it has"
    )]
    NoCapacity {
        /// The file.
        file: String,
        /// The site.
        site: String,
        /// The method.
        method: &'static str,
    },
    /// An area or site without a place.
    #[error("{file}: `{id}` is not there; add a row with its latitude and longitude")]
    NoPlace {
        /// The file.
        file: String,
        /// What has no place.
        id: String,
    },
    /// A number that is out of range.
    #[error("option --{option} must be {least}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What it may be.
        least: &'static str,
    },
    /// The scenario is no list of edits.
    #[error("{} is no list of edits", file.display())]
    Scenario {
        /// The file.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// An edit cannot be made.
    #[error(transparent)]
    Edit(#[from] InvalidScenario),
    /// Writing failed.
    #[error("cannot write the result")]
    Write(#[from] serde_json::Error),
}

/// What is written.
#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    access: access::Access,
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<Comparison>,
}

/// Reads, measures, writes.
pub fn run(options: &Options) -> Result<(), AccessCommandError> {
    for (option, value) in [
        ("detour", options.detour),
        ("speed", options.speed),
        ("radius", options.radius),
        ("tau", options.tau),
    ] {
        if !(value > 0.0 && value.is_finite()) {
            let least = "above 0";
            return Err(AccessCommandError::Option { option, least });
        }
    }
    if options.detour < 1.0 {
        return Err(AccessCommandError::Option {
            option: "detour",
            least: "at least 1: no way is shorter than the straight line",
        });
    }
    let read = [
        Some(&options.demand),
        Some(&options.supply),
        options.costs.as_ref(),
        options.places.as_ref(),
        options.scenario.as_ref(),
    ];
    if let Some(file) = overwritten(
        &options.out,
        read.into_iter().flatten().map(PathBuf::as_path),
    ) {
        let file = file.to_owned();
        return Err(AccessCommandError::Overwrites { file });
    }
    let demand = table::demand(open(&options.demand)?, &name(&options.demand))?;
    let of_nobody = |target: &str| {
        demand
            .iter()
            .all(|row| row.target.as_deref() != Some(target))
    };
    if let Some((target, _)) = (options.target_speed.iter()).find(|(target, _)| of_nobody(target)) {
        return Err(AccessCommandError::NoTarget {
            file: name(&options.demand),
            target: target.clone(),
        });
    }
    let sites = supply(options)?;
    let travel = travel(options, &demand, &sites)?;
    let settings = Settings {
        radius: options.radius,
        tau: options.tau,
        seed: options.seed,
    };
    let access = measure(&demand, &sites, &travel, options.method, settings);
    let scenario = match &options.scenario {
        Some(file) => {
            let edits: Vec<Edit> = serde_json::from_reader(open(file)?).map_err(|source| {
                AccessCommandError::Scenario {
                    file: file.clone(),
                    source,
                }
            })?;
            Some(compare(
                &demand,
                &sites,
                &travel,
                &edits,
                options.method,
                settings,
            )?)
        }
        None => None,
    };
    let file = File::create(&options.out).map_err(|source| AccessCommandError::File {
        file: options.out.clone(),
        source,
    })?;
    let measured = access
        .rows
        .iter()
        .filter(|row| row.access.is_some())
        .count();
    eprintln!("{measured} of {} rows have access", access.rows.len());
    let mut file = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut file, &Output { access, scenario })?;
    file.flush().map_err(serde_json::Error::io)?;
    Ok(())
}

/// Sites of a supply table are there unless it says that they are closed. Where it says of some that they are open, as a table
/// of plans does, its candidates are not there either.
fn supply(options: &Options) -> Result<Vec<Site>, AccessCommandError> {
    let mut sites = table::sites(open(&options.supply)?, &name(&options.supply))?;
    let names_open = sites.iter().any(|site| site.status.is_open());
    for site in &mut sites {
        if site.status == SiteStatus::Candidate && !names_open {
            site.status = SiteStatus::Required;
        }
        if site.capacity.is_none() && options.method != Method::Nearest {
            return Err(AccessCommandError::NoCapacity {
                file: name(&options.supply),
                site: site.id.clone(),
                method: options.method.id(),
            });
        }
    }
    Ok(sites)
}

fn travel(
    options: &Options,
    demand: &[Demand],
    sites: &[Site],
) -> Result<Travel, AccessCommandError> {
    let Some(file) = &options.places else {
        // Unwrap safety: the parser of command lines requires one of the two.
        let file = options.costs.as_ref().unwrap();
        // Read once, so that it may come from another program.
        let mut text = Vec::new();
        (open(file)?.read_to_end(&mut text)).map_err(|source| AccessCommandError::File {
            file: file.clone(),
            source,
        })?;
        let mode = options.mode.as_deref();
        let costs = table::costs(&text[..], &name(file), mode, None)?;
        table::one_mode(&text[..], &name(file), mode)?;
        let source = TravelSource::Table {
            name: file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            mode: options.mode.clone(),
        };
        return Ok(Travel::of_table(demand, sites, &costs, source));
    };
    let places: HashMap<String, Point> = (table::places(open(file)?, &name(file))?.into_iter())
        .map(|(id, latitude, longitude)| {
            let point = Point {
                latitude,
                longitude,
            };
            (id, point)
        })
        .collect();
    let place = |id: &str| {
        places
            .get(id)
            .copied()
            .ok_or_else(|| AccessCommandError::NoPlace {
                file: name(file),
                id: id.to_owned(),
            })
    };
    let homes: Vec<Point> = demand
        .iter()
        .map(|row| place(&row.id))
        .collect::<Result<_, _>>()?;
    let offers: Vec<Point> = sites
        .iter()
        .map(|site| place(&site.id))
        .collect::<Result<_, _>>()?;
    let pace = |target: Option<&str>| {
        let own = (options.target_speed.iter()).find(|(name, _)| Some(name.as_str()) == target);
        (
            options.detour,
            own.map_or(options.speed, |(_, speed)| *speed),
        )
    };
    let mode = options.mode.as_deref().unwrap_or("foot");
    Ok(Travel::as_the_crow_flies(
        demand, &homes, sites, &offers, mode, pace,
    ))
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

fn open(file: &Path) -> Result<BufReader<File>, AccessCommandError> {
    File::open(file)
        .map(BufReader::new)
        .map_err(|source| AccessCommandError::File {
            file: file.to_owned(),
            source,
        })
}
