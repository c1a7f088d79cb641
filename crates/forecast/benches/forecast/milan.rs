//! A city's whole plan: 88 neighbourhoods by 115 target groups over 60 months, forecast a year ahead, each group's neighbourhoods
//! reconciled with their city, intervals calibrated. Scored against the true counts; the baseline is the seasonal naive forecast. And what
//! the backtest of one such forecast costs, which the website shows beside it: all of that at each earlier end of the past.

use crate::Done;
use crate::noisy::Chance;
use crate::sample::Scores;
use forecast::{
    Backtest, Calibration, Forecast, ForecastError, Hierarchy, Kind, Prior, Season, Series, Trials,
    forecast, reconcile, score, seasonal_naive,
};
use rayon::prelude::*;
use std::time::Instant;

const AREAS: usize = 88;
const TARGETS: usize = 115;
const MONTHS: usize = 60;
const HORIZON: usize = 12;
/// Groups whose forecasts are backtested.
const TRIED: usize = 6;
/// Of the noise in each cell, over all organisations.
const DEVIATION: f64 = 14.0;

struct Target {
    truths: Vec<Vec<f64>>,
    leaves: Vec<Series>,
    sum: Series,
}

pub(crate) fn run() -> Done {
    let columns = ["city".to_owned()];
    let names: Vec<String> = (1..=AREAS).map(|nil| nil.to_string()).collect();
    let city = ["city".to_owned()];
    let named: Vec<(&str, &[String])> = names
        .iter()
        .map(|name| (name.as_str(), &city[..]))
        .collect();
    let hierarchy = Hierarchy::try_new(&columns, &named)?;
    let targets = (0..TARGETS as u64)
        .into_par_iter()
        .map(|target| simulated(target, &hierarchy))
        .collect::<Result<Vec<_>, ForecastError>>()?;

    let (wall, busy) = (Instant::now(), process_seconds());
    let all: Vec<&Series> = targets.iter().flat_map(|target| &target.leaves).collect();
    let calibration = Calibration::learn(&all, HORIZON)?;
    let found = targets
        .par_iter()
        .map(|target| {
            let ahead = |series: &Series| forecast(series, HORIZON, &Prior::default());
            let leaves = target
                .leaves
                .iter()
                .map(ahead)
                .collect::<Result<Vec<_>, _>>()?;
            let sums = vec![ahead(&target.sum)?];
            reconcile(&hierarchy, &sums, &leaves, &target.leaves)
        })
        .collect::<Result<Vec<_>, ForecastError>>()?;
    let (wall, busy) = (wall.elapsed().as_secs_f64(), process_seconds() - busy);

    let mut ours = [
        Scores::named("city, reconciled"),
        Scores::named("neighbourhoods, reconciled"),
    ];
    let mut naive = [
        Scores::named("city, as last year"),
        Scores::named("neighbourhoods, as last year"),
    ];
    for (target, (sums, leaves)) in targets.iter().zip(&found) {
        let whole: Vec<f64> = (0..MONTHS + HORIZON)
            .map(|month| target.truths.iter().map(|truth| truth[month]).sum())
            .collect();
        add(
            &mut ours[0],
            &mut naive[0],
            &whole,
            &target.sum,
            &sums[0],
            &calibration,
        );
        for ((truth, series), ahead) in target.truths.iter().zip(&target.leaves).zip(leaves) {
            add(
                &mut ours[1],
                &mut naive[1],
                truth,
                series,
                ahead,
                &calibration,
            );
        }
    }
    println!(
        "A city: {AREAS} neighbourhoods x {TARGETS} groups x {MONTHS} months, {HORIZON} ahead, noise of {DEVIATION} in each cell"
    );
    println!("{:32} {:>9} {:>9}", "", "MASE", "cover 95");
    for (ours, naive) in ours.iter().zip(&naive) {
        println!(
            "{:32} {:9.4} {:8.1}%  x{:.3} of {}",
            ours.name,
            ours.mase(),
            100.0 * ours.coverage(),
            ours.mase() / naive.mase(),
            naive.name
        );
    }
    let series = TARGETS * (AREAS + 1);
    println!(
        "{series} series forecast, calibrated and reconciled in {wall:.1} s, {busy:.1} CPU s: {:.0} series per CPU second\n",
        series as f64 / busy.max(1e-9)
    );
    trials(&hierarchy, &targets[..TRIED])
}

fn trials(hierarchy: &Hierarchy, targets: &[Target]) -> Done {
    let (wall, busy) = (Instant::now(), process_seconds());
    let (mut of_city, mut of_areas): (Vec<Backtest>, Vec<Backtest>) = (Vec::new(), Vec::new());
    let mut origins = 0;
    for target in targets {
        let lattice = hierarchy.lattice(&target.leaves)?;
        let all: Vec<Series> = std::iter::once(&target.sum)
            .chain(&target.leaves)
            .cloned()
            .collect();
        let mut trials = Trials::try_new(&lattice, &all, HORIZON, true)?;
        origins = trials.origins().len();
        for origin in trials.origins().to_vec() {
            let found = (trials.past(origin).par_iter())
                .map(|past| forecast(past, HORIZON, &Prior::default()))
                .collect::<Result<Vec<_>, _>>()?;
            trials.add(origin, &found)?;
        }
        let mut tried = trials.backtests().into_iter();
        of_city.extend(tried.next().unwrap_or_default());
        of_areas.extend(tried.flatten());
    }
    let groups = targets.len() as f64;
    println!(
        "backtested at {origins} origins, {groups} groups: {:.1} s and {:.1} CPU s a group",
        wall.elapsed().as_secs_f64() / groups,
        (process_seconds() - busy) / groups
    );
    for (name, all) in [("city", of_city), ("neighbourhoods", of_areas)] {
        for horizon in forecast::HORIZONS {
            let at = all.iter().filter(|one| one.horizon == horizon);
            let inside: Vec<f64> = at.map(|one| one.coverage).collect();
            println!(
                "{name:16} {horizon:2} ahead: {:5.1}% of releases inside 95 percent widened by their noise",
                100.0 * inside.iter().sum::<f64>() / inside.len().max(1) as f64
            );
        }
    }
    println!();
    Ok(())
}

fn add(
    ours: &mut Scores,
    naive: &mut Scores,
    truth: &[f64],
    series: &Series,
    ahead: &Forecast,
    calibration: &Calibration,
) {
    let Some(scale) = score::seasonal_scale(&truth[..MONTHS], 12) else {
        return;
    };
    let actual = &truth[MONTHS..];
    let interval = |step: usize| ahead.interval(step, calibration.deviations(0.95, step, ahead));
    ours.add(actual, ahead.centre(), scale, Some(&interval));
    if let Some(centre) = seasonal_naive(series.values(), 12, HORIZON) {
        naive.add(actual, &centre, scale, None);
    }
}

fn simulated(target: u64, hierarchy: &Hierarchy) -> Result<Target, ForecastError> {
    let mut chance = Chance(7_919 * (target + 1));
    let truths: Vec<Vec<f64>> = (0..AREAS)
        .map(|_| crate::noisy::truth(&mut chance))
        .collect();
    let leaves = truths
        .iter()
        .map(|truth| {
            let values = truth[..MONTHS]
                .iter()
                .map(|count| (count + DEVIATION * chance.normal()).round())
                .collect();
            let variances = Some(vec![DEVIATION * DEVIATION; MONTHS]);
            Series::try_new(values, variances, Season::Months, Kind::Counts)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let sum = hierarchy.sum(&hierarchy.nodes()[0], &leaves)?;
    Ok(Target {
        truths,
        leaves,
        sum,
    })
}

/// Seconds all threads of this process spent on processors; Linux tells them in hundredths.
fn process_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in brackets, may hold spaces.
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
