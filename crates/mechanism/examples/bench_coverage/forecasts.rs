//! Forecasts of a city's needs as the coordinator makes them, from all but the last year, and that year's bounded truth: each level
//! alone, with the whole where it has several areas, and all levels of the cube together.

use crate::Tally;
use crate::city::{City, LEVELS};
use anyhow::Result;
use compose::{area_relations, area_sizes};
use forecast::{
    Calibration, Forecast, ForecastError, Kind, Lattice, Prior, Season, Series, forecast,
};
use geography::Level;

/// Quarters held out.
const HORIZON: usize = 4;
const PERCENTS: [u8; 3] = [50, 80, 95];

/// Scores the forecasts of every target's areas at all levels.
pub(crate) fn score(city: &City, tally: &mut Tally) -> Result<()> {
    let past = city.periods - HORIZON;
    let lattice = lattice(city)?;
    let starts = starts();
    for target in 0..city.inner / city.periods {
        let cell = |area: usize, period: usize| area * city.inner + target * city.periods + period;
        let series = (0..LEVELS.len())
            .flat_map(|level| {
                (0..city.consistent.variance(level).len()).map(move |area| (level, area))
            })
            .map(|(level, area)| {
                let values = (0..past)
                    .map(|period| city.consistent.values(level)[cell(area, period)])
                    .collect();
                let variances = vec![city.consistent.variance(level)[area]; past];
                Series::try_new(values, Some(variances), Season::Quarters, Kind::Counts)
            })
            .collect::<Result<Vec<_>, ForecastError>>()?;
        let found = series
            .iter()
            .map(|series| forecast(series, HORIZON, &Prior::default()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut add = |name: &str, at: usize, ahead: &Forecast, known: &Calibration| {
            let level = starts.iter().rposition(|start| *start <= at).unwrap_or(0);
            for step in 0..HORIZON {
                let truth = city.truth[level][cell(at - starts[level], past + step)];
                for percent in PERCENTS {
                    let share = f64::from(percent) / 100.0;
                    let (low, high) = ahead.interval(step, known.deviations(share, step, ahead));
                    let hit = (low..=high).contains(&(truth as f64));
                    tally.add(&format!("{percent} % {name}"), hit);
                    // What is said of the whole city is also said by how far ahead: where a cause lies shows there.
                    if percent == 95 && level == 0 {
                        tally.add(&format!("95 % {name}, {} ahead", step + 1), hit);
                    }
                }
            }
        };
        let alone = Calibration::learn(&[&series[0]], HORIZON)?;
        add("the city, forecast alone", 0, &found[0], &alone);
        let known = lattice.calibrate(&series, HORIZON)?;
        for (at, ahead) in lattice.reconcile(&found)?.iter().enumerate() {
            let level = lattice.levels()[at];
            let name = format!("{}, all levels together", LEVELS[level].id());
            add(&name, at, ahead, &known[level]);
        }
    }
    Ok(())
}

/// Where the areas of each level begin.
fn starts() -> Vec<usize> {
    let sizes = LEVELS.map(|level| area_sizes(level).len());
    (0..LEVELS.len())
        .map(|level| sizes[..level].iter().sum())
        .collect()
}

/// All areas of all levels, as the coordinator takes them: what they add up to, and how their noise hangs together.
fn lattice(city: &City) -> Result<Lattice> {
    let levels = (LEVELS.iter().enumerate())
        .flat_map(|(at, level)| vec![at; area_sizes(*level).len()])
        .collect();
    let areas = |level: Level| area_sizes(level);
    let finest = areas(LEVELS[LEVELS.len() - 1]).len() as f64;
    let pieces: f64 = areas(LEVELS[0]).iter().sum::<usize>() as f64;
    let sizes = (LEVELS.iter())
        .flat_map(|level| areas(*level))
        .map(|of| (of as f64 * finest / pieces).max(1.0))
        .collect();
    let regions: Vec<compose::Region> = (LEVELS.iter().enumerate())
        .flat_map(|(at, level)| (0..areas(*level).len()).map(move |area| vec![(at, area, 1.0)]))
        .collect();
    let mut covariance = city.consistent.covariances(&regions)?;
    for (at, row) in covariance.iter_mut().enumerate() {
        row.truncate(at + 1);
    }
    let relations = area_relations(&LEVELS, &[city.finest]);
    Ok(Lattice::try_new(levels, sizes, relations, &covariance)?)
}
