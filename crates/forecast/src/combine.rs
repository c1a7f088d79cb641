//! One forecast from many: specifications averaged by tempered AICc weights, and the average drawn towards a
//! dynamic theta forecast where the history is long enough. It fits nothing itself.

use crate::attribute::Shares;
use crate::borrow::{Borrowed, Prior};
use crate::flag::Flag;
use crate::quantile::normal_quantile;
use crate::series::{ForecastError, Kind, Season, Series};
use crate::specification::{Candidate, Known, Specification, View, candidates};
use crate::theta::{Theta, theta};

/// AICc differences count this much: likelihoods of models that are all wrong are surer than they should be
/// (the power posterior of Gruenwald 2012). Chosen by rolling origins inside the training parts of M1.
const TEMPER: f64 = 0.25;

/// The weight of the theta forecast where there is one. Chosen like [`TEMPER`].
const THETA: f64 = 0.35;

/// The weight of the centre of an average that takes all noise for the series' own: it may describe logarithms, so its
/// season and slope may be factors, which known additive noise forbids. Widths come from the known noise alone.
const BLIND: f64 = 0.5;

/// By this part of its level a series is taken to grow or shrink in a year beyond what its forecast goes on with (one standard
/// deviation). Services and cities do so in either direction, and sixteen noisy quarters do not tell it from wandering.
const GROWN_IN_A_YEAR: f64 = 0.025;

/// The same over its whole past, where it has no season that tells how long a year is.
const GROWN: f64 = 0.1;

/// Half-widths are carried as those of this two-sided level, over its normal quantile.
const REFERENCE: f64 = 0.95;

/// A forecast of one series: a centre and a scale on either side for each period to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    centre: Vec<f64>,
    below: Vec<f64>,
    above: Vec<f64>,
    /// What growth that it misses adds to its error, as a part of its level, by horizon.
    growth: Vec<f64>,
    /// The standard deviation of growth that is part of `below` and `above`.
    grown: Vec<f64>,
    non_negative: bool,
    noise_known: bool,
    explanation: Explanation,
    borrowed: Borrowed,
    flags: Vec<Flag>,
    residuals: Vec<f64>,
}

/// What a forecast consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The specification of the most weight; `None` where the series was too short for any.
    pub best: Option<(Specification, f64)>,
    /// The weight of the theta forecast.
    pub theta_weight: f64,
    /// Where the best specification ends, on the natural scale: the level.
    pub level: f64,
    /// Its change per period.
    pub slope: f64,
    /// Effect of each season as a part to add, by period of the series modulo the season; empty without a season.
    pub season: Vec<f64>,
    /// Where the variance comes from, by horizon: parts of the square of [`Forecast::deviation`], growth apart in the proportions that
    /// the specification of the most weight gives them.
    pub shares: Vec<Shares>,
}

impl Forecast {
    /// The centre of the distribution by horizon: its mean, or its median where it is skewed.
    pub fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// Standard deviation of the true value to come (privacy noise excluded), by horizon, the mean of both sides.
    pub fn deviation(&self, step: usize) -> f64 {
        0.5 * (self.below[step] + self.above[step])
    }

    /// The deviation on the side of `value`.
    pub(crate) fn side(&self, step: usize, value: f64) -> f64 {
        if value >= self.centre[step] {
            self.above[step]
        } else {
            self.below[step]
        }
    }

    /// The interval `deviations` wide on either side of the centre of period `step`, counted from zero.
    pub fn interval(&self, step: usize, deviations: f64) -> (f64, f64) {
        let low = self.centre[step] - deviations * self.below[step];
        let high = self.centre[step] + deviations * self.above[step];
        if self.non_negative {
            (low.max(0.0), high.max(0.0))
        } else {
            (low, high)
        }
    }

    /// The interval for a value that will carry noise of variance `noise`, as releases do.
    pub fn interval_of_release(&self, step: usize, noise: f64, deviations: f64) -> (f64, f64) {
        let far = |side: f64| deviations * (side * side + noise).sqrt();
        let centre = self.centre[step];
        (
            centre - far(self.below[step]),
            centre + far(self.above[step]),
        )
    }

    /// Whether no value can be negative.
    pub fn non_negative(&self) -> bool {
        self.non_negative
    }

    /// Whether the noise of the past was known.
    pub fn noise_known(&self) -> bool {
        self.noise_known
    }

    /// The part of the variance of period `step` that was estimated from the series: all of it but known noise and what counts
    /// vary by in any case.
    pub(crate) fn estimated(&self, step: usize) -> f64 {
        let shares = self.explanation.shares.get(step);
        match shares.map(|shares| (shares.process, shares.but_growth())) {
            Some((process, total)) if self.noise_known && total > 0.0 => process / total,
            _ => 1.0,
        }
    }

    /// What it consists of.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// What was taken from the parent.
    pub fn borrowed(&self) -> Borrowed {
        self.borrowed
    }

    /// Outliers and level shifts in the past.
    pub fn flags(&self) -> &[Flag] {
        &self.flags
    }

    /// Mean errors over the horizon of the specification of the most weight, by past origin; NaN where there is none.
    pub(crate) fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// The mean of period `step`: above the centre where the distribution is skewed upwards. Of a lognormal, centre times
    /// half its variance; sums of forecasts are means of sums only with it.
    pub(crate) fn mean(&self, step: usize) -> f64 {
        let z = normal_quantile(REFERENCE);
        self.centre[step] + (self.above[step] - self.below[step]) / (2.0 * z)
    }

    /// What growth that it misses adds to its error in period `step`, as a part of its level: one standard deviation of what all
    /// areas of a city may have in common.
    pub(crate) fn growth(&self, step: usize) -> f64 {
        self.growth[step]
    }

    /// The variance of period `step` without that of growth.
    pub(crate) fn variance_but_growth(&self, step: usize) -> f64 {
        (self.deviation(step).powi(2) - self.grown[step].powi(2)).max(0.0)
    }

    /// The same forecast, its widths with these standard deviations of growth in place of those they had.
    pub(crate) fn with_growth(mut self, grown: Vec<f64>) -> Self {
        for (step, grown) in grown.iter().enumerate() {
            let more = grown * grown - self.grown[step].powi(2);
            for side in [&mut self.below[step], &mut self.above[step]] {
                *side = (*side * *side + more).max(0.0).sqrt();
            }
        }
        self.grown = grown;
        self.with_parts()
    }

    /// The same forecast, the parts of its widths made to add up to what they are.
    fn with_parts(mut self) -> Self {
        for step in 0..self.centre.len() {
            let (variance, growth) = (self.deviation(step).powi(2), self.grown[step].powi(2));
            let shares = &mut self.explanation.shares[step];
            *shares = shares.of(variance, growth.min(variance));
        }
        self
    }

    /// The same forecast around another centre, as reconciliation gives it.
    pub fn around(&self, centre: Vec<f64>) -> Self {
        Self {
            centre,
            ..self.clone()
        }
    }
}

/// Forecasts the next `horizon` periods of `series`, given what it borrows.
pub fn forecast(series: &Series, horizon: usize, prior: &Prior) -> Result<Forecast, ForecastError> {
    if horizon == 0 {
        return Err(ForecastError::NoHorizon);
    }
    let known = Known::of(series, prior);
    let mut views = vec![View::natural(series, &known, prior)];
    views.extend(View::logarithm(series, &known, prior));
    let found = candidates(&views, horizon);
    let Some(average) = Average::of(&found, horizon) else {
        return Ok(plain(series, horizon, known.is_some()));
    };
    let best = &found[average.best];
    let view = &views[usize::from(best.specification.logarithmic)];
    let mut drawn = Drawn::from(&average);
    // Neither of the two that draw the centre knows what is borrowed, so a borrowed season would be halved.
    let borrows = prior.is_some();
    if series.mean_privacy() > 0.0 && !borrows {
        let blind = Series {
            privacy: None,
            kind: Kind::Amounts,
            ..series.clone()
        };
        if let Some(blind) = average_of(&blind, horizon) {
            drawn.toward(&blind.centre, &blind.missed, BLIND);
        }
    }
    let theta = if borrows {
        None
    } else {
        theta_of(series, horizon)
    };
    let theta_weight = if theta.is_some() { THETA } else { 0.0 };
    if let Some(theta) = theta {
        drawn.toward(&theta.ahead, &theta.missed, THETA);
    }
    let z = normal_quantile(REFERENCE);
    let (mut centre, mut below, mut above) = (Vec::new(), Vec::new(), Vec::new());
    let growth = growth_of(&drawn.missed, series);
    let mut grown = Vec::new();
    let non_negative = series.never_negative();
    for (h, growth) in growth.iter().enumerate() {
        let middle = drawn.centre[h];
        centre.push(if non_negative {
            middle.max(0.0)
        } else {
            middle
        });
        // Where nothing is known of the noise, the widths of a series alone come from how it was missed before, growth included. What all
        // have in common is told only by their sums, so reconciliation adds it there too.
        let hidden = if known.is_some() {
            middle * growth
        } else {
            0.0
        };
        let more = drawn.between[h] + hidden * hidden;
        below.push(((average.below[h] / z).powi(2) + more).sqrt());
        above.push(((average.above[h] / z).powi(2) + more).sqrt());
        grown.push(hidden.abs());
    }
    let (flags, residuals) = view.flags(best, horizon);
    let found = Forecast {
        centre,
        below,
        above,
        growth,
        grown,
        non_negative,
        noise_known: known.is_some(),
        explanation: explain(best, average.weight, theta_weight, view, horizon),
        borrowed: prior.borrowed(),
        flags,
        residuals,
    };
    Ok(found.with_parts())
}

/// What growth beyond the forecast's adds to its error, as a part of the level, of what it misses of a growth by one a period.
fn growth_of(missed: &[f64], series: &Series) -> Vec<f64> {
    let a_period = match series.season() {
        Season::None => GROWN / series.values().len() as f64,
        season => GROWN_IN_A_YEAR / season.periods() as f64,
    };
    missed.iter().map(|missed| a_period * missed).collect()
}

/// A named baseline: the one specification AICc prefers, alone, with its own normal distribution and knowing nothing of
/// any noise, as automatic exponential smoothing does it. Centre and standard deviations below and above by horizon.
pub fn selected(series: &Series, horizon: usize) -> Option<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    let blind = Series::try_new(
        series.values().to_vec(),
        None,
        series.season(),
        Kind::Amounts,
    )
    .ok()?;
    let prior = Prior::default();
    let mut views = vec![View::natural(&blind, &None, &prior)];
    views.extend(View::logarithm(&blind, &None, &prior));
    let mut found = candidates(&views, horizon);
    found.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    found.truncate(1);
    let average = Average::of(&found, horizon)?;
    let z = normal_quantile(REFERENCE);
    let scaled = |ends: Vec<f64>| ends.into_iter().map(|end| end / z).collect();
    Some((average.centre, scaled(average.below), scaled(average.above)))
}

/// The average of a series' candidates on both scales, nothing borrowed.
fn average_of(series: &Series, horizon: usize) -> Option<Average> {
    let prior = Prior::default();
    let known = Known::of(series, &prior);
    let mut views = vec![View::natural(series, &known, &prior)];
    views.extend(View::logarithm(series, &known, &prior));
    Average::of(&candidates(&views, horizon), horizon)
}

/// A centre drawn towards others, the variance between them all, and what the centre misses of a growth by one a period.
struct Drawn {
    centre: Vec<f64>,
    between: Vec<f64>,
    missed: Vec<f64>,
}

impl Drawn {
    fn from(average: &Average) -> Self {
        Self {
            centre: average.centre.clone(),
            between: average.between.clone(),
            missed: average.missed.clone(),
        }
    }

    /// Draws the centre towards `other`, which gets this weight and misses so much. What a weighted sum of forecasts misses of a growth
    /// is the weighted sum of what each of them does.
    fn toward(&mut self, other: &[f64], missed: &[f64], weight: f64) {
        for (mine, other) in self.missed.iter_mut().zip(missed) {
            *mine += weight * (other - *mine);
        }
        for ((centre, between), other) in self.centre.iter_mut().zip(&mut self.between).zip(other) {
            let apart = other - *centre;
            *between = (1.0 - weight) * *between + weight * (1.0 - weight) * apart * apart;
            *centre += weight * apart;
        }
    }
}

/// Candidates averaged on the natural scale: centres, and distances of the ends of the reference interval.
struct Average {
    centre: Vec<f64>,
    below: Vec<f64>,
    above: Vec<f64>,
    /// Variance between the candidates' centres.
    between: Vec<f64>,
    /// What they miss of a growth by one a period.
    missed: Vec<f64>,
    best: usize,
    /// Weight of the best.
    weight: f64,
}

impl Average {
    fn of(found: &[Candidate], horizon: usize) -> Option<Self> {
        let (best, least) = found
            .iter()
            .map(|c| c.aicc)
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))?;
        let mut weights: Vec<f64> = found
            .iter()
            .map(|c| (-0.5 * TEMPER * (c.aicc - least)).exp())
            .collect();
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        let z = normal_quantile(REFERENCE);
        let mut average = Self {
            centre: vec![0.0; horizon],
            below: vec![0.0; horizon],
            above: vec![0.0; horizon],
            between: vec![0.0; horizon],
            missed: vec![0.0; horizon],
            best,
            weight: weights[best],
        };
        for (candidate, weight) in found.iter().zip(&weights) {
            for h in 0..horizon {
                let [low, middle, high] = [-z, 0.0, z].map(|deviations| {
                    candidate.natural(candidate.mean[h] + deviations * candidate.sd[h])
                });
                average.missed[h] += weight * candidate.missed[h];
                average.centre[h] += weight * middle;
                average.below[h] += weight * (middle - low);
                average.above[h] += weight * (high - middle);
            }
        }
        for (candidate, weight) in found.iter().zip(&weights) {
            for h in 0..horizon {
                let apart = candidate.natural(candidate.mean[h]) - average.centre[h];
                average.between[h] += weight * apart * apart;
            }
        }
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        (finite(&average.centre) && finite(&average.above) && finite(&average.between))
            .then_some(average)
    }
}

/// The theta forecast of what was measured in one way; nothing where that is under two years, or where more than a tenth of it is missing.
/// Known noise is no reason against it: on counts with noise of any size its linear trend, whose noise averages out over
/// the whole history, made the centre better.
fn theta_of(series: &Series, horizon: usize) -> Option<Theta> {
    let values = filled(series.recent())?;
    let periods = series.season().periods();
    if values.len() < 2 * periods {
        return None;
    }
    let theta = theta(&values, periods, horizon)?;
    let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
    (finite(&theta.ahead) && finite(&theta.missed)).then_some(theta)
}

/// The values with gaps filled by straight lines; `None` where more than a tenth is missing.
fn filled(values: &[f64]) -> Option<Vec<f64>> {
    let missing = values.iter().filter(|v| v.is_nan()).count();
    if missing * 10 > values.len() {
        return None;
    }
    let mut whole = values.to_vec();
    let known: Vec<usize> = (0..values.len()).filter(|&t| !values[t].is_nan()).collect();
    let (first, last) = (*known.first()?, *known.last()?);
    whole[..first].fill(values[first]);
    whole[last..].fill(values[last]);
    for pair in known.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let step = (values[to] - values[from]) / (to - from) as f64;
        for (i, gap) in whole[from + 1..to].iter_mut().enumerate() {
            *gap = values[from] + step * (i + 1) as f64;
        }
    }
    Some(whole)
}

fn explain(
    best: &Candidate,
    weight: f64,
    theta_weight: f64,
    view: &View<'_>,
    horizon: usize,
) -> Explanation {
    let level = best.natural(best.level);
    let natural = |change: f64| best.natural(best.level + change) - level;
    let scale = if best.specification.logarithmic {
        level * level
    } else {
        1.0
    };
    Explanation {
        best: Some((best.specification, weight)),
        theta_weight,
        level,
        slope: natural(best.slope),
        season: best.effects.iter().map(|&effect| natural(effect)).collect(),
        shares: view
            .shares(best, horizon)
            .into_iter()
            .map(|s| Shares {
                privacy: s.privacy * scale,
                process: s.process * scale,
                counting: s.counting * scale,
                growth: 0.0,
            })
            .collect(),
    }
}

/// What is said of a series too short or too still for any model: its mean, and how far single values lay from it,
/// at least by what is known of their noise.
fn plain(series: &Series, horizon: usize, known: bool) -> Forecast {
    let values: Vec<f64> = series
        .recent()
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let privacy = series.mean_privacy();
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let spread = if n > 1.0 {
        squares / (n - 1.0)
    } else {
        mean * mean
    };
    let counting = if series.kind() == Kind::Counts {
        mean.max(0.1)
    } else {
        0.0
    };
    let process = (spread - privacy).max(counting);
    let non_negative = series.never_negative();
    let deviation = (process * (1.0 + 1.0 / n) + privacy / n).sqrt();
    // A mean is as old as the middle of its values.
    let missed: Vec<f64> = (0..horizon)
        .map(|step| 0.5 * (n + 1.0) + step as f64)
        .collect();
    let found = Forecast {
        centre: vec![if non_negative { mean.max(0.0) } else { mean }; horizon],
        below: vec![deviation; horizon],
        above: vec![deviation; horizon],
        growth: growth_of(&missed, series),
        grown: vec![0.0; horizon],
        non_negative,
        noise_known: series.privacy().is_some(),
        explanation: Explanation {
            best: None,
            theta_weight: 0.0,
            level: mean,
            slope: 0.0,
            season: Vec::new(),
            shares: vec![
                Shares {
                    privacy: privacy / n,
                    process: (process - counting).max(0.0) * (1.0 + 1.0 / n),
                    counting: counting * (1.0 + 1.0 / n),
                    growth: 0.0,
                };
                horizon
            ],
        },
        borrowed: Borrowed::default(),
        flags: Vec::new(),
        residuals: vec![f64::NAN; series.values().len()],
    };
    if !known {
        return found;
    }
    // As of a series that models take: a few values, or still ones, say no more of growth than many do.
    let grown = (found.growth.iter())
        .map(|growth| (mean * growth).abs())
        .collect();
    found.with_growth(grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However noisy the past: nothing follows a growth at once, each period ahead misses more of it, and what is missed is a part of the
    /// width, to the last of it.
    #[test]
    fn growth_that_a_forecast_misses_is_part_of_its_width_at_any_noise() {
        for noise in [1.0, 5.0, 20.0, 40.0, 60.0, 80.0, 120.0] {
            let values = (0..16_usize)
                .map(|t| 60.0 + noise * (((t * 7919) % 13) as f64 - 6.0) / 6.0)
                .collect();
            let variances = Some(vec![noise * noise; 16]);
            let series = Series::try_new(values, variances, Season::None, Kind::Counts).unwrap();
            let found = forecast(&series, 4, &Prior::default()).unwrap();
            let missed: Vec<f64> = (0..4).map(|step| found.growth(step)).collect();
            assert!(missed[0] > 0.0, "{noise}: {missed:?}");
            // A level, one that returns and a slope that fades all stay behind by more with each period.
            assert!(
                missed.is_sorted_by(|near, far| near < far),
                "{noise}: {missed:?}"
            );
            for (step, missed) in missed.iter().enumerate() {
                let variance = found.deviation(step).powi(2);
                let growth = (found.centre()[step] * missed).powi(2);
                let shares = found.explanation().shares[step];
                let same = |one: f64, other: f64| (one - other).abs() < 1e-9 * variance;
                assert!(
                    growth > 0.0 && same(shares.growth, growth),
                    "{noise}: {shares:?}"
                );
                assert!(same(found.variance_but_growth(step) + growth, variance));
                assert!(same(shares.total(), variance), "{noise}: {shares:?}");
                let before = found.clone().with_growth(vec![0.0; 4]).deviation(step);
                assert!(before < found.deviation(step), "{noise}");
            }
        }
    }
}
