//! Counts whose truth is known, released with privacy noise of known size, and forecast: scored against the truth.

use crate::Done;
use crate::sample::Scores;
use forecast::{
    Calibration, Kind, Prior, Season, Series, forecast, naive2, score, seasonal_naive, selected,
};
use statrs::distribution::{ContinuousCDF as _, DiscreteCDF as _, Normal, Poisson};

const SERIES: u64 = 300;
const MONTHS: usize = 60;
const HORIZON: usize = 12;
const NORMAL: f64 = 1.959_964;

/// A uniform generator (SplitMix64), so that a run repeats itself.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        ((x >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        // Unwrap safety: mean and deviation of the standard normal distribution are valid.
        Normal::new(0.0, 1.0).unwrap().inverse_cdf(self.uniform())
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        let uniform = self.uniform();
        Poisson::new(mean).map_or(0.0, |p| p.inverse_cdf(uniform) as f64)
    }
}

/// True counts: a level of 30 to 400 that wanders, a trend, a season of up to two fifths, Poisson variation.
pub(crate) fn truth(chance: &mut Chance) -> Vec<f64> {
    let mut level = (30.0_f64.ln() + chance.uniform() * (400.0_f64 / 30.0).ln()).exp();
    let mut slope = 0.004 * chance.normal();
    let wander = 0.005 + 0.02 * chance.uniform();
    let strength = 0.4 * chance.uniform();
    let season: Vec<f64> = (0..12).map(|_| strength * 0.7 * chance.normal()).collect();
    (0..MONTHS + HORIZON)
        .map(|t| {
            level *= (slope + wander * chance.normal()).exp();
            slope *= 0.99;
            chance.poisson(level * season[t % 12].exp())
        })
        .collect()
}

pub(crate) fn run() -> Done {
    println!(
        "Simulated counts, {SERIES} series of {MONTHS} months, {HORIZON} ahead, scored against the true counts"
    );
    println!(
        "{:6} {:28} {:>7} {:>9} {:>14}",
        "noise", "", "MASE", "cover 95", "interval score"
    );
    for deviation in [0.0, 5.0, 10.0, 20.0, 30.0] {
        let mut chance = Chance(7);
        let mut truths = Vec::new();
        let mut series = Vec::new();
        for _ in 0..SERIES {
            let truth = truth(&mut chance);
            let noisy = truth[..MONTHS]
                .iter()
                .map(|v| (v + deviation * chance.normal()).round())
                .collect();
            let variances = vec![deviation * deviation; MONTHS];
            series.push(Series::try_new(
                noisy,
                Some(variances),
                Season::Months,
                Kind::Counts,
            )?);
            truths.push(truth);
        }
        let blind = series
            .iter()
            .map(|s| Series::try_new(s.values().to_vec(), None, s.season(), Kind::Amounts))
            .collect::<Result<Vec<_>, _>>()?;
        let calibration = Calibration::learn(&series.iter().collect::<Vec<_>>(), HORIZON)?;
        let blind_calibration = Calibration::learn(&blind.iter().collect::<Vec<_>>(), HORIZON)?;
        let mut scores: Vec<Scores> = [
            "forecast with known noise",
            "the same, noise ignored",
            "one specification by AICc",
            "Naive2",
            "seasonal naive",
        ]
        .map(Scores::named)
        .into();
        for (i, truth) in truths.iter().enumerate() {
            let (past, actual) = truth.split_at(MONTHS);
            // In units of the truth's own seasonal steps, so that noise does not change the unit.
            let Some(scale) = score::seasonal_scale(past, 12) else {
                continue;
            };
            for (which, (one, calibration)) in
                [(&series[i], &calibration), (&blind[i], &blind_calibration)]
                    .into_iter()
                    .enumerate()
            {
                let ahead = forecast(one, HORIZON, &Prior::default())?;
                scores[which].add(
                    actual,
                    ahead.centre(),
                    scale,
                    Some(&|step| ahead.interval(step, calibration.deviations(0.95, step, &ahead))),
                );
            }
            let values = series[i].values();
            if let Some((centre, below, above)) = selected(&series[i], HORIZON) {
                scores[2].add(
                    actual,
                    &centre,
                    scale,
                    Some(&|step| {
                        (
                            centre[step] - NORMAL * below[step],
                            centre[step] + NORMAL * above[step],
                        )
                    }),
                );
            }
            for (which, ahead) in [
                (3, naive2(values, 12, HORIZON)),
                (4, seasonal_naive(values, 12, HORIZON)),
            ] {
                if let Some(ahead) = ahead {
                    scores[which].add(actual, &ahead, scale, None);
                }
            }
        }
        for s in &scores {
            let intervals = if s.has_intervals() {
                format!(
                    "{:8.1}% {:10.3} (x{:.3})",
                    100.0 * s.coverage(),
                    s.msis(),
                    s.msis() / scores[2].msis()
                )
            } else {
                format!("{:>9} {:>14}", "-", "-")
            };
            println!("{deviation:<6} {:28} {:7.4} {intervals}", s.name, s.mase());
        }
    }
    println!();
    Ok(())
}
