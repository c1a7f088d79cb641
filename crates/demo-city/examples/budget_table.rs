//! What the default cubes buy: standard deviations beside the counts to expect, for organisations of three sizes and one to
//! fifty of them, and what they cost over a lifetime. Counts are measured on the demo city and scaled to an organisation's size.

use anyhow::{Context, Result};
use demo_city::truth::{AreaLevel, Cells, PeriodKind, PersonRecord};
use demo_city::{CityConfig, Month, SERVICES, Truth, generate};
use privacy_loss::{NanoRho, Price, epsilon, is_useful, relative_margin};
use query::{Cube, default_cubes};
use std::collections::{BTreeMap, BTreeSet};

const SCALE: f64 = 0.1;
const CLIENTS: [f64; 3] = [3_000.0, 30_000.0, 150_000.0];
const ORGANISATIONS: [f64; 3] = [1.0, 6.0, 50.0];
const YEARS: [u64; 4] = [0, 1, 5, 10];
const FROM: Month = Month::of(2025, 1);
const TO: Month = Month::of(2025, 12);
const LEVELS: [(&str, AreaLevel, usize); 3] = [
    ("city", AreaLevel::City, 1),
    ("municipio", AreaLevel::Municipio, 9),
    ("nil", AreaLevel::Nil, 88),
];

fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = CityConfig {
        scale: SCALE,
        ..CityConfig::default()
    };
    let city = generate(&config, dir.path(), &mut |_| {})?;
    let truths: Vec<Truth> = (city.organisations.iter())
        .map(|organisation| Truth::load(dir.path(), &organisation.id))
        .collect::<Result<_, _>>()?;
    let clients: u64 = city.organisations.iter().map(|of| of.size).sum();
    println!(
        "Counts to expect: medians over areas, groups and periods of 2025 in the demo city (seed {}, {clients} clients of {} organisations),",
        config.seed,
        city.organisations.len()
    );
    println!(
        "in proportion to an organisation's clients. `count` and `sd`, the standard deviation of the noise, are of a cell of one organisation with\n\
         so many clients; then the 95 percent margin of the sum of 1, 6 and 50 such organisations. `useful`: it is at most half that sum.\n"
    );

    let first = query::Month::parse("2021-01").context("a month")?;
    let cubes = default_cubes("table", first)?;
    for cube in &cubes {
        table(cube, &truths, clients as f64)?;
    }
    lifetime(&cubes)
}

/// One cube: a row for each level and size.
fn table(cube: &Cube, truths: &[Truth], clients: f64) -> Result<()> {
    let completed = query::Month::parse("2025-12").context("a month")?;
    let past = cube.due(None, completed).context("a past")?;
    let period = query::Month::parse("2035-12").context("a month")?;
    let each = cube.due(Some(past.to), period).context("a period")?;
    let prices = [
        ("each period", privacy_loss::price(&cube.each(each)?)),
        ("the past at once", privacy_loss::price(&cube.past(past)?)),
    ];
    for (name, price) in prices {
        println!("{} · {name} · rho {}", cube.id(), price.rho);
        println!(
            "{:<11}{:>9}{:>12}{:>12}{:>24}{:>24}{:>24}",
            "level", "clients", "count", "sd", "1 organisation", "6", "50"
        );
        let of_cube = |level: &str| price.slices.iter().any(|slice| slice.of == level);
        for (level, of, areas) in LEVELS.into_iter().filter(|(level, ..)| of_cube(level)) {
            let typical = median(cells(cube.id(), truths, of)?, areas) / clients;
            for size in CLIENTS {
                row(&price, level, size, typical * size)?;
            }
        }
        println!();
    }
    Ok(())
}

fn row(price: &Price, level: &str, clients: f64, count: f64) -> Result<()> {
    let slice = (price.slices.iter())
        .find(|slice| slice.of == level)
        .context("a level of the cube")?;
    print!("{level:<11}{clients:>9}{count:>12.1}{:>12.1}", slice.sigma);
    for organisations in ORGANISATIONS {
        let (count, sd) = (count * organisations, slice.sigma * organisations.sqrt());
        let useful = if is_useful(count, sd) {
            "useful"
        } else {
            "noise"
        };
        let margin = format!("± {:.0} % {useful}", 100.0 * relative_margin(count, sd));
        print!("{margin:>24}");
    }
    println!();
    Ok(())
}

/// Counts of every organisation together, one map for each group.
fn cells(cube: &str, truths: &[Truth], level: AreaLevel) -> Result<Vec<Cells>> {
    let groups: Vec<Count> = match cube {
        "needs-by-quarter" => needs()
            .into_iter()
            .map(|holds| persons(level, holds))
            .collect(),
        "services-by-month" => (SERVICES.iter())
            .map(|service| events(level, service))
            .collect(),
        "households-by-year" => vec![Box::new(move |truth: &Truth| households(truth, level))],
        other => anyhow::bail!("no counts are known for the cube {other}"),
    };
    Ok(groups
        .into_iter()
        .map(|group| {
            let mut sum = Cells::new();
            for (key, count) in truths.iter().flat_map(group) {
                *sum.entry(key).or_default() += count;
            }
            sum
        })
        .collect())
}

type Holds = fn(&PersonRecord, Month) -> bool;
type Count = Box<dyn Fn(&Truth) -> Cells>;

/// The groups of the cube of needs.
fn needs() -> Vec<Holds> {
    vec![
        |person, month| person.age_at(month).is_some_and(|age| age < 18),
        |person, month| person.age_at(month).is_some_and(|age| age >= 75),
        |person, month| {
            person.sex == Some('F')
                && person
                    .age_at(month)
                    .is_some_and(|age| (18..65).contains(&age))
        },
        |person, month| person.has_need("housing", month),
        |person, month| person.has_benefit("adi", month),
        |person, _| person.income_band.is_some_and(|band| band <= 2),
    ]
}

fn persons(level: AreaLevel, holds: Holds) -> Count {
    Box::new(move |truth| truth.persons_by(level, PeriodKind::Quarter, FROM, TO, holds))
}

fn events(level: AreaLevel, service: &'static str) -> Count {
    Box::new(move |truth| {
        (truth.restricted_to(&[service])).events_by(
            level,
            PeriodKind::Month,
            FROM,
            TO,
            |_, _| true,
            Some(4),
        )
    })
}

/// Households with an event in the year, by size of those known here: alone, two, more.
fn households(truth: &Truth, level: AreaLevel) -> Cells {
    let active: BTreeSet<usize> = (truth.presences.iter())
        .filter(|presence| (FROM..=TO).contains(&presence.month))
        .map(|presence| presence.person)
        .collect();
    let mut seen = BTreeMap::new();
    for place in active {
        let person = &truth.persons[place];
        if let Some(household) = person.household {
            let members = truth.household_of(person).len().min(3);
            seen.entry(household)
                .or_insert((truth.area_key(level, person), members.to_string()));
        }
    }
    let mut cells = Cells::new();
    for key in seen.into_values() {
        *cells.entry(key).or_default() += 1;
    }
    cells
}

/// The median cell over known areas, groups and periods; areas without anybody count as zero.
fn median(groups: Vec<Cells>, areas: usize) -> f64 {
    let mut counts = Vec::new();
    for group in groups {
        let mut by_period: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for ((area, period), count) in group {
            if area != "unknown" {
                by_period.entry(period).or_default().push(count);
            }
        }
        for mut of_period in by_period.into_values() {
            of_period.resize(areas.max(of_period.len()), 0);
            counts.extend(of_period);
        }
    }
    counts.sort_unstable();
    counts
        .get(counts.len() / 2)
        .map_or(0.0, |count| *count as f64)
}

/// What the cubes cost together, in rho and as epsilon.
fn lifetime(cubes: &[Cube]) -> Result<()> {
    println!("One organisation's loss from the default cubes, at delta 1e-6:");
    println!("{:<22}{:>14}{:>12}", "after", "rho", "epsilon");
    let completed = query::Month::parse("2025-12").context("a month")?;
    for years in YEARS {
        let mut total = 0u64;
        for cube in cubes {
            let past = cube.due(None, completed).context("a past")?;
            let period = query::Month::parse("2035-12").context("a month")?;
            let each = cube.due(Some(past.to), period).context("a period")?;
            let periods = years * 12 / u64::from(cube.kind().months());
            total += cube.past(past)?.rho_nano() + periods * cube.each(each)?.rho_nano();
        }
        let total = NanoRho::new(total);
        let after = match years {
            0 => "the past".to_owned(),
            1 => "the past and 1 year".to_owned(),
            years => format!("the past and {years} years"),
        };
        println!("{after:<22}{total:>14}{:>12.1}", epsilon(total, 1e-6));
    }
    Ok(())
}
