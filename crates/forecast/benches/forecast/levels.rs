//! Australian tourism by state, region and purpose: forecasts of all levels, reconciled.

use crate::Done;
use crate::sample::{Sample, Scores};
use forecast::{
    Calibration, Forecast, Hierarchy, Kind, Prior, Season, Series, calibrate_levels, forecast,
    reconcile, score,
};
use rayon::prelude::*;

const HORIZON: usize = 8;

/// From the first quarter of 2014 on, the 65th of the file, the survey asks on mobile telephones too. Its publisher calls that a
/// break in the series (Tourism Research Australia, "Introduction of mobile phone interviewing to the National Visitor Survey",
/// October 2014), and estimates of trips before it too low.
const BREAK: usize = 64;

/// A way to score: how many origins, how many quarters apart, and whether only quarters are scored that were asked about in the
/// way of the last one known. The last origin is the file's own; those before show what is luck.
const RUNS: [(usize, usize, bool); 4] =
    [(1, 4, false), (4, 4, false), (16, 2, false), (16, 2, true)];

pub(crate) fn run(samples: &[Sample]) -> Done {
    let columns = ["State", "Region", "Purpose"].map(str::to_owned);
    let named: Vec<(&str, &[String])> = samples
        .iter()
        .map(|s| (s.id.as_str(), s.groups.as_slice()))
        .collect();
    let hierarchy = Hierarchy::try_new(&columns, &named)?;
    let levels = hierarchy.levels().len();
    for (origins, apart, within) in RUNS {
        let mut base: Vec<Scores> = hierarchy.levels().iter().map(Scores::named).collect();
        let mut reconciled: Vec<Scores> = hierarchy.levels().iter().map(Scores::named).collect();
        let mut of_whole = Vec::new();
        for back in 0..origins {
            let whole = |s: &Sample| s.values[..s.train + HORIZON].to_vec();
            let origin = samples[0].train - back * apart;
            let scored = match BREAK.checked_sub(origin) {
                Some(quarters) if within => quarters.min(HORIZON),
                _ => HORIZON,
            };
            if scored == 0 {
                continue;
            }
            let leaves = samples
                .iter()
                .map(|s| Series::try_new(whole(s), None, Season::Quarters, Kind::Amounts))
                .collect::<Result<Vec<_>, _>>()?;
            let sums = hierarchy
                .nodes()
                .iter()
                .map(|n| hierarchy.sum(n, &leaves))
                .collect::<Result<Vec<_>, _>>()?;
            let cut = |series: &[Series]| -> Vec<Series> {
                series.iter().filter_map(|s| s.until(origin)).collect()
            };
            let (past_sums, past_leaves) = (cut(&sums), cut(&leaves));
            let calibrations = calibrate_levels(&hierarchy, &past_sums, &past_leaves, HORIZON)?;
            let ahead = |series: &[Series]| -> Result<Vec<Forecast>, forecast::ForecastError> {
                series
                    .par_iter()
                    .map(|s| forecast(s, HORIZON, &Prior::default()))
                    .collect()
            };
            let (base_sums, base_leaves) = (ahead(&past_sums)?, ahead(&past_leaves)?);
            let (new_sums, new_leaves) =
                reconcile(&hierarchy, &base_sums, &base_leaves, &past_leaves)?;
            let level_of = |i: usize| hierarchy.nodes().get(i).map_or(levels - 1, |n| n.level);
            let all = sums.iter().chain(&leaves);
            let forecasts = base_sums
                .iter()
                .chain(&base_leaves)
                .zip(new_sums.iter().chain(&new_leaves));
            for (i, (series, (before, after))) in all.zip(forecasts).enumerate() {
                let Some(scale) = score::seasonal_scale(&series.values()[..origin], 4) else {
                    continue;
                };
                let actual = &series.values()[origin..origin + scored];
                let calibration: &Calibration = &calibrations[level_of(i)];
                let interval = |f: &Forecast, step: usize| {
                    f.interval(step, calibration.deviations(0.95, step, f))
                };
                if i == 0 {
                    let held = (actual.iter().enumerate()).filter(|(step, value)| {
                        let (low, high) = interval(after, *step);
                        low <= **value && **value <= high
                    });
                    of_whole.push(format!("{origin}: {}/{scored}", held.count()));
                }
                base[level_of(i)].add(
                    actual,
                    &before.centre()[..scored],
                    scale,
                    Some(&|step| interval(before, step)),
                );
                reconciled[level_of(i)].add(
                    actual,
                    &after.centre()[..scored],
                    scale,
                    Some(&|step| interval(after, step)),
                );
            }
        }
        println!(
            "Australian tourism, {} series and {} sums, {HORIZON} quarters ahead, {origins} origins {apart} quarters apart{}",
            samples.len(),
            hierarchy.nodes().len(),
            if within {
                ", quarters of one way of asking"
            } else {
                ""
            }
        );
        println!(
            "{:28} {:>9} {:>11} {:>8} {:>9} {:>8}",
            "level", "base MASE", "reconciled", "", "cover 95", "MSIS 95"
        );
        let mut ratios = 0.0;
        for (before, after) in base.iter().zip(&reconciled) {
            ratios += after.mase() / before.mase();
            println!(
                "{:28} {:9.4} {:11.4} (x{:.3}) {:8.1}% {:8.3}",
                after.name,
                before.mase(),
                after.mase(),
                after.mase() / before.mase(),
                100.0 * after.coverage(),
                after.msis()
            );
        }
        println!("mean over levels: x{:.4}", ratios / levels as f64);
        println!(
            "the whole, held of those scored, by quarters known: {}\n",
            of_whole.join(", ")
        );
    }
    Ok(())
}
