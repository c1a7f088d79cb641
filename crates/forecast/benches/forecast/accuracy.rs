//! Monthly series of the M1 competition, 18 months held out, scored as the M4 competition did.

use crate::Done;
use crate::sample::{Sample, Scores};
use crate::timing::Stopwatch;
use forecast::{
    Calibration, Forecast, Kind, Prior, Season, Series, forecast, naive2, score, seasonal_naive,
    selected,
};

const HORIZON: usize = 18;
const SEASON: usize = 12;
/// Two-sided 95 percent point of the normal distribution, for baselines with normal errors.
const NORMAL: f64 = 1.959_964;

pub(crate) fn run(samples: &[Sample]) -> Done {
    let past = |sample: &Sample, until: usize| {
        Series::try_new(
            sample.values[..until].to_vec(),
            None,
            Season::Months,
            Kind::Amounts,
        )
    };
    let series = samples
        .iter()
        .map(|s| past(s, s.train))
        .collect::<Result<Vec<_>, _>>()?;

    let watch = Stopwatch::start();
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()?;
    let calibration =
        one.install(|| Calibration::learn(&series.iter().collect::<Vec<_>>(), HORIZON))?;
    let forecasts = forecast_all(&series)?;
    let seconds = watch.seconds();
    let watch = Stopwatch::start();
    let alone: Vec<_> = series.iter().map(|s| selected(s, HORIZON)).collect();
    let seconds_alone = watch.seconds();

    let mut scores: Vec<Scores> = [
        "forecast",
        "one specification by AICc",
        "Naive2",
        "seasonal naive",
    ]
    .map(Scores::named)
    .into();
    for (i, sample) in samples.iter().enumerate() {
        let history = series[i].values();
        let (Some(scale), Some(naive2), Some(naive)) = (
            score::seasonal_scale(history, SEASON),
            naive2(history, SEASON, HORIZON),
            seasonal_naive(history, SEASON, HORIZON),
        ) else {
            continue;
        };
        let actual = &sample.values[sample.train..];
        let forecast = &forecasts[i];
        scores[0].add(
            actual,
            forecast.centre(),
            scale,
            Some(&|step| forecast.interval(step, calibration.deviations(0.95, step, forecast))),
        );
        match &alone[i] {
            Some((centre, below, above)) => scores[1].add(
                actual,
                centre,
                scale,
                Some(&|step| {
                    (
                        centre[step] - NORMAL * below[step],
                        centre[step] + NORMAL * above[step],
                    )
                }),
            ),
            None => scores[1].add(actual, &naive2, scale, None),
        }
        scores[2].add(actual, &naive2, scale, None);
        let squares: Vec<f64> = history[SEASON..]
            .iter()
            .zip(history)
            .map(|(a, b)| (a - b).powi(2))
            .collect();
        let spread = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
        scores[3].add(
            actual,
            &naive,
            scale,
            Some(&|step| {
                let wide = NORMAL * spread * ((step / SEASON + 1) as f64).sqrt();
                (naive[step] - wide, naive[step] + wide)
            }),
        );
    }

    println!(
        "M1 monthly, {} series, {HORIZON} months ahead (M4 definitions)",
        samples.len()
    );
    println!(
        "{:28} {:>8} {:>7} {:>7} {:>9} {:>8}",
        "", "sMAPE", "MASE", "OWA", "cover 95", "MSIS 95"
    );
    for s in &scores {
        let owa = score::owa(s.smape(), s.mase(), scores[2].smape(), scores[2].mase());
        let intervals = if s.has_intervals() {
            format!("{:8.1}% {:8.3}", 100.0 * s.coverage(), s.msis())
        } else {
            format!("{:>9} {:>8}", "-", "-")
        };
        println!(
            "{:28} {:8.3} {:7.4} {:7.4} {intervals}",
            s.name,
            s.smape(),
            s.mase(),
            owa
        );
    }
    println!(
        "against one specification: MASE x{:.3}, MSIS x{:.3}",
        scores[0].mase() / scores[1].mase(),
        scores[0].msis() / scores[1].msis()
    );
    println!(
        "{:.0} series per CPU second with calibration on {} held-out series; one specification alone: {:.0}",
        series.len() as f64 / seconds,
        calibration.windows(),
        series.len() as f64 / seconds_alone
    );

    let hundred = samples
        .iter()
        .filter(|s| s.values.len() >= 100)
        .map(|s| past(s, 100))
        .collect::<Result<Vec<_>, _>>()?;
    let watch = Stopwatch::start();
    let calibration =
        one.install(|| Calibration::learn(&hundred.iter().collect::<Vec<_>>(), HORIZON))?;
    forecast_all(&hundred)?;
    let with = watch.seconds();
    let watch = Stopwatch::start();
    forecast_all(&hundred)?;
    let without = watch.seconds();
    println!(
        "at 100 observations ({} series): {:.0} series per CPU second, {:.0} with calibration on {} series\n",
        hundred.len(),
        hundred.len() as f64 / without,
        hundred.len() as f64 / with,
        calibration.windows()
    );
    Ok(())
}

fn forecast_all(series: &[Series]) -> Result<Vec<Forecast>, forecast::ForecastError> {
    series
        .iter()
        .map(|s| forecast(s, HORIZON, &Prior::default()))
        .collect()
}
