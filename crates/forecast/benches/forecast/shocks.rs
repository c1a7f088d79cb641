//! Simulated hierarchies whose leaves share shocks: the whole wanders and turns, its groups and leaves follow and wander by themselves. Scored
//! against the true values by level, over many hierarchies, which one public file cannot do.

use crate::Done;
use crate::noisy::Chance;
use crate::sample::Scores;
use forecast::{
    Forecast, ForecastError, Hierarchy, Kind, Prior, Season, Series, calibrate_levels, forecast,
    reconcile, score,
};
use rayon::prelude::*;

const HIERARCHIES: u64 = 60;
const GROUPS: usize = 4;
const PARTS: usize = 6;
const QUARTERS: usize = 60;
const HORIZON: usize = 8;
/// Origins a year apart at which the whole alone is scored, as it would be of one public file.
const ORIGINS: usize = 4;
/// What such a file said: of the whole's 32 values at four origins, 25 lay in intervals of 95 percent.
const FEW: f64 = 25.0 / 32.0;

/// A hierarchy's true leaves, and its past.
struct Simulated {
    truths: Vec<Vec<f64>>,
    leaves: Vec<Series>,
}

pub(crate) fn run() -> Done {
    let columns = ["group", "part"].map(str::to_owned);
    let names: Vec<(String, [String; 2])> = (0..GROUPS * PARTS)
        .map(|leaf| {
            (
                leaf.to_string(),
                [format!("g{}", leaf / PARTS), format!("p{}", leaf % PARTS)],
            )
        })
        .collect();
    let named: Vec<(&str, &[String])> = names
        .iter()
        .map(|(name, groups)| (name.as_str(), &groups[..]))
        .collect();
    let hierarchy = Hierarchy::try_new(&columns, &named)?;
    println!(
        "Simulated hierarchies with common shocks, {HIERARCHIES} of {} leaves, {QUARTERS} quarters, {HORIZON} ahead",
        GROUPS * PARTS
    );
    println!(
        "{:28} {:>9} {:>11} {:>9} {:>9} {:>9} {:>8}",
        "level", "base MASE", "reconciled", "cover 50", "cover 80", "cover 95", "MSIS 95"
    );
    for known in [false, true] {
        let found = (1..=HIERARCHIES)
            .into_par_iter()
            .map(|seed| {
                let simulated = simulated(seed, known)?;
                Ok((
                    scored(&hierarchy, &simulated)?,
                    whole_held(&hierarchy, &simulated)?,
                ))
            })
            .collect::<Result<Vec<_>, ForecastError>>()?;
        let wholes: Vec<f64> = found.iter().map(|(_, whole)| *whole).collect();
        let found: Vec<&Vec<Level>> = found.iter().map(|(levels, _)| levels).collect();
        for level in 0..hierarchy.levels().len() {
            let mut sum = [Scores::default(), Scores::default()];
            let mut inside = [0.0; 2];
            for scores in &found {
                sum[0].merge(&scores[level].before);
                sum[1].merge(&scores[level].after);
                for (sum, one) in inside.iter_mut().zip(scores[level].inside) {
                    *sum += one / found.len() as f64;
                }
            }
            println!(
                "{:28} {:9.4} {:11.4} {:8.1}% {:8.1}% {:8.1}% {:8.3}",
                format!(
                    "{}, noise {}",
                    hierarchy.levels()[level],
                    if known { "known" } else { "none" }
                ),
                sum[0].mase(),
                sum[1].mase(),
                100.0 * inside[0],
                100.0 * inside[1],
                100.0 * sum[1].coverage(),
                sum[1].msis()
            );
        }
        let few = wholes.iter().filter(|share| **share <= FEW).count();
        println!(
            "the whole of one hierarchy, {ORIGINS} origins a year apart: held {:.1}% on average, at most {:.1}% in {:.0}% of hierarchies, under 92% in {:.0}%",
            100.0 * wholes.iter().sum::<f64>() / wholes.len() as f64,
            100.0 * FEW,
            100.0 * few as f64 / wholes.len() as f64,
            100.0 * wholes.iter().filter(|share| **share < 0.92).count() as f64
                / wholes.len() as f64
        );
    }
    println!();
    Ok(())
}

/// The share of the whole's true values that its intervals of 95 percent hold over several origins.
fn whole_held(hierarchy: &Hierarchy, simulated: &Simulated) -> Result<f64, ForecastError> {
    let mut held = 0.0;
    for back in 0..ORIGINS {
        let origin = QUARTERS - 4 * back;
        let leaves: Vec<Series> = (simulated.leaves.iter())
            .filter_map(|leaf| leaf.until(origin))
            .collect();
        let sums = (hierarchy.nodes().iter())
            .map(|node| hierarchy.sum(node, &leaves))
            .collect::<Result<Vec<_>, _>>()?;
        let ahead = |series: &[Series]| -> Result<Vec<Forecast>, ForecastError> {
            (series.iter())
                .map(|s| forecast(s, HORIZON, &Prior::default()))
                .collect()
        };
        let calibration = &calibrate_levels(hierarchy, &sums, &leaves, HORIZON)?[0];
        let (sums, _) = reconcile(hierarchy, &ahead(&sums)?, &ahead(&leaves)?, &leaves)?;
        for step in 0..HORIZON {
            let truth: f64 = (simulated.truths.iter())
                .map(|leaf| leaf[origin + step])
                .sum();
            let (low, high) = sums[0].interval(step, calibration.deviations(0.95, step, &sums[0]));
            held += f64::from(u8::from(low <= truth && truth <= high));
        }
    }
    Ok(held / (ORIGINS * HORIZON) as f64)
}

#[derive(Default)]
struct Level {
    before: Scores,
    after: Scores,
    /// Shares inside intervals of 50 and 80 percent.
    inside: [f64; 2],
}

fn scored(hierarchy: &Hierarchy, simulated: &Simulated) -> Result<Vec<Level>, ForecastError> {
    let leaves = &simulated.leaves;
    let sums = hierarchy
        .nodes()
        .iter()
        .map(|node| hierarchy.sum(node, leaves))
        .collect::<Result<Vec<_>, _>>()?;
    let ahead = |series: &[Series]| -> Result<Vec<Forecast>, ForecastError> {
        series
            .iter()
            .map(|s| forecast(s, HORIZON, &Prior::default()))
            .collect()
    };
    let (base_sums, base_leaves) = (ahead(&sums)?, ahead(leaves)?);
    let calibrations = calibrate_levels(hierarchy, &sums, leaves, HORIZON)?;
    let (new_sums, new_leaves) = reconcile(hierarchy, &base_sums, &base_leaves, leaves)?;
    let mut levels: Vec<Level> = hierarchy
        .levels()
        .iter()
        .map(|_| Level::default())
        .collect();
    let of_sums = hierarchy.nodes().iter().map(|node| {
        let truth: Vec<f64> = (0..QUARTERS + HORIZON)
            .map(|t| {
                node.leaves
                    .iter()
                    .map(|&leaf| simulated.truths[leaf][t])
                    .sum()
            })
            .collect();
        (node.level, truth)
    });
    let last = levels.len() - 1;
    let of_leaves = simulated.truths.iter().map(|truth| (last, truth.clone()));
    let forecasts = base_sums
        .iter()
        .chain(&base_leaves)
        .zip(new_sums.iter().chain(&new_leaves));
    let mut counts = vec![0.0; levels.len()];
    for ((level, truth), (before, after)) in of_sums.chain(of_leaves).zip(forecasts) {
        let Some(scale) = score::seasonal_scale(&truth[..QUARTERS], 4) else {
            continue;
        };
        let actual = &truth[QUARTERS..];
        let interval = |percent: f64, step: usize| {
            after.interval(step, calibrations[level].deviations(percent, step, after))
        };
        counts[level] += 1.0;
        levels[level]
            .before
            .add(actual, before.centre(), scale, None);
        levels[level].after.add(
            actual,
            after.centre(),
            scale,
            Some(&|step| interval(0.95, step)),
        );
        for (inside, percent) in levels[level].inside.iter_mut().zip([0.5, 0.8]) {
            let (low, high): (Vec<f64>, Vec<f64>) =
                (0..HORIZON).map(|step| interval(percent, step)).unzip();
            *inside += score::coverage(actual, &low, &high);
        }
    }
    for (level, count) in levels.iter_mut().zip(counts) {
        for inside in &mut level.inside {
            *inside /= count;
        }
    }
    Ok(levels)
}

/// Logarithms that wander: of the whole, with a slope that turns now and then, of each group and each part, and of each leaf.
fn simulated(seed: u64, known: bool) -> Result<Simulated, ForecastError> {
    let mut chance = Chance(31_337 * seed);
    let mut walk = |wander: f64, turn: f64| -> Vec<f64> {
        let (mut level, mut slope) = (0.0, 0.0);
        (0..QUARTERS + HORIZON)
            .map(|_| {
                slope = 0.9 * slope + turn * chance.normal();
                level += slope + wander * chance.normal();
                level
            })
            .collect()
    };
    let whole = walk(0.015, if seed.is_multiple_of(2) { 0.006 } else { 0.0 });
    let groups: Vec<Vec<f64>> = (0..GROUPS).map(|_| walk(0.015, 0.0)).collect();
    let parts: Vec<Vec<f64>> = (0..PARTS).map(|_| walk(0.015, 0.0)).collect();
    let own: Vec<Vec<f64>> = (0..GROUPS * PARTS).map(|_| walk(0.03, 0.0)).collect();
    let truths: Vec<Vec<f64>> = (0..GROUPS * PARTS)
        .map(|leaf| {
            let size = 4.0 + 0.6 * chance.normal();
            let season: Vec<f64> = (0..4).map(|_| 0.1 * chance.normal()).collect();
            (0..QUARTERS + HORIZON)
                .map(|t| {
                    let mean = size
                        + whole[t]
                        + groups[leaf / PARTS][t]
                        + parts[leaf % PARTS][t]
                        + own[leaf][t]
                        + season[t % 4];
                    chance.poisson(mean.exp())
                })
                .collect()
        })
        .collect();
    let deviation = if known { 8.0 } else { 0.0 };
    let leaves = truths
        .iter()
        .map(|truth| {
            let values = truth[..QUARTERS]
                .iter()
                .map(|count| (count + deviation * chance.normal()).round())
                .collect();
            if known {
                let variances = Some(vec![deviation * deviation; QUARTERS]);
                Series::try_new(values, variances, Season::Quarters, Kind::Counts)
            } else {
                Series::try_new(values, None, Season::Quarters, Kind::Amounts)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Simulated { truths, leaves })
}
