//! Forecasts of a city's needs as the coordinator makes them, from all but the last year, and that year's bounded truth.

use crate::Tally;
use crate::city::{City, LEVELS};
use anyhow::Result;
use forecast::{
    Calibration, Forecast, Hierarchy, Kind, Prior, Season, Series, calibrate_levels, forecast,
    reconcile,
};
use geography::Level;

/// Quarters held out.
const HORIZON: usize = 4;
const PERCENTS: [u8; 3] = [50, 80, 95];

/// Scores the forecasts of every target's areas at a level.
pub(crate) fn score(city: &City, level: Level, tally: &mut Tally) -> Result<()> {
    let place = LEVELS.iter().position(|known| *known == level).unwrap_or(0);
    let areas = city.truth[place].len() / city.inner;
    let past = city.periods - HORIZON;
    for target in 0..city.inner / city.periods {
        let cell = |area: usize, period: usize| area * city.inner + target * city.periods + period;
        let leaves = (0..areas)
            .map(|area| {
                let values = (0..past)
                    .map(|period| city.consistent.values(place)[cell(area, period)])
                    .collect();
                let variances = vec![city.consistent.variance(place)[area]; past];
                Series::try_new(values, Some(variances), Season::Quarters, Kind::Counts)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let ahead = |series: &Series| forecast(series, HORIZON, &Prior::default());
        let found = leaves.iter().map(ahead).collect::<Result<Vec<_>, _>>()?;
        // What is said of the whole city is also said by how far ahead: where a cause lies shows there.
        let city_wide = areas;
        let mut add = |name: &str, areas: &[usize], ahead: &Forecast, known: &Calibration| {
            for step in 0..HORIZON {
                let truth: i64 = (areas.iter())
                    .map(|area| city.truth[place][cell(*area, past + step)])
                    .sum();
                for percent in PERCENTS {
                    let share = f64::from(percent) / 100.0;
                    let wide = known.deviations(share, step, ahead);
                    let (low, high) = ahead.interval(step, wide);
                    let hit = (low..=high).contains(&(truth as f64));
                    tally.add(&format!("{percent} % {name}"), hit);
                    if percent == 95 && areas.len() == city_wide {
                        tally.add(&format!("95 % {name}, {} ahead", step + 1), hit);
                    }
                }
            }
        };
        if areas == 1 {
            let known = Calibration::learn(&[&leaves[0]], HORIZON)?;
            add("the city", &[0], &found[0], &known);
            continue;
        }
        let names: Vec<String> = (0..areas).map(|area| area.to_string()).collect();
        let whole = ["city".to_owned()];
        let named: Vec<(&str, &[String])> =
            (names.iter().map(|name| (name.as_str(), &whole[..]))).collect();
        let hierarchy = Hierarchy::try_new(&whole, &named)?;
        let sums = vec![hierarchy.sum(&hierarchy.nodes()[0], &leaves)?];
        let of_sums = vec![ahead(&sums[0])?];
        let known = calibrate_levels(&hierarchy, &sums, &leaves, HORIZON)?;
        let (of_sums, of_leaves) = reconcile(&hierarchy, &of_sums, &found, &leaves)?;
        let all: Vec<usize> = (0..areas).collect();
        add(
            &format!("all areas together, reconciled over {}", level.id()),
            &all,
            &of_sums[0],
            &known[0],
        );
        for (area, ahead) in of_leaves.iter().enumerate() {
            add(level.id(), &[area], ahead, &known[known.len() - 1]);
        }
    }
    Ok(())
}
