//! Maximum likelihood for one specification of the structural model, with observation noise that is partly known.
//! It decides nothing between specifications; `specification` does.

use crate::kalman::{Disturbances, Evidence, Layout, State, filter};
use crate::simplex::{MOST, Point, Search};
use crate::specification::Trend;

/// What is known of the observation noise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Noise<'a> {
    /// Nothing: its variance is constant and estimated.
    Unknown,
    /// The privacy variance of each period; the rest is constant and estimated.
    Known {
        /// Privacy variance by period.
        privacy: &'a [f64],
    },
    /// As `Known`, and the values are counts: what else varies is at least Poisson.
    Counts {
        /// Privacy variance by period.
        privacy: &'a [f64],
        /// The mean count by period.
        mean: &'a [f64],
    },
}

/// Observation noise with its estimated part filled in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'a> {
    pub(crate) noise: Noise<'a>,
    /// A variance, or a factor on the mean count.
    pub(crate) own: f64,
}

impl Observed<'_> {
    #[inline(always)]
    pub(crate) fn variance(&self, period: usize) -> f64 {
        match self.noise {
            Noise::Unknown => self.own,
            Noise::Known { privacy } => privacy[period] + self.own,
            Noise::Counts { privacy, mean } => privacy[period] + self.own * mean[period],
        }
    }

    /// The privacy part of a past observation's variance.
    pub(crate) fn privacy(&self, period: usize) -> f64 {
        match self.noise {
            Noise::Unknown => 0.0,
            Noise::Known { privacy } | Noise::Counts { privacy, .. } => privacy[period],
        }
    }

    /// The Poisson part of a past observation's variance.
    pub(crate) fn counting(&self, period: usize) -> f64 {
        match self.noise {
            Noise::Counts { mean, .. } => mean[period],
            _ => 0.0,
        }
    }

    /// The variance of a value to come around its signal: no privacy noise, since the true value is forecast.
    pub(crate) fn future(&self, signal: f64) -> f64 {
        match self.noise {
            Noise::Counts { .. } => self.own * signal.max(LEAST_MEAN),
            _ => self.own,
        }
    }

    /// The Poisson part of [`Self::future`].
    pub(crate) fn future_counting(&self, signal: f64) -> f64 {
        match self.noise {
            Noise::Counts { .. } => signal.max(LEAST_MEAN),
            _ => 0.0,
        }
    }
}

/// The least mean a count to come is taken to have.
const LEAST_MEAN: f64 = 0.1;

/// A fitted specification, at the end of its series.
#[derive(Clone, Debug)]
pub(crate) struct Fit<const M: usize> {
    pub(crate) disturbances: Disturbances,
    /// Estimated variance of the observations beyond the privacy noise; for counts, in units of their mean.
    pub(crate) own: f64,
    /// The state before the period after the last.
    pub(crate) end: State<M>,
    /// Akaike's criterion with the correction for short series.
    pub(crate) aicc: f64,
    /// The fit with its level moving less or more, by plausibility: the likeliest alone would be too sure.
    pub(crate) others: Vec<Plausible<M>>,
}

/// The same specification with another share of each error moving its level, at the end of the series.
#[derive(Clone, Debug)]
pub(crate) struct Plausible<const M: usize> {
    pub(crate) disturbances: Disturbances,
    pub(crate) own: f64,
    pub(crate) end: State<M>,
    /// Posterior weight; the weights sum to one.
    pub(crate) weight: f64,
}

/// Where, in units of the logit of its share, a level is taken to move less or more than the likeliest.
const AROUND: [f64; 7] = [-3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0];
/// The logits that are plausible at all, evenly before any value is seen: from a level that keeps 0.7 percent of each error to one that
/// keeps 95.
const PLAUSIBLE: (f64, f64) = (-5.0, 3.0);

/// By this part of itself a count's level usually moves at most in a period.
const USUAL_MOVE: f64 = 0.1;

/// The most and the least a share of an error may move a level.
fn share(x: f64) -> f64 {
    1e-4 + 0.9998 / (1.0 + (-x).exp())
}

/// The variance ratio under which a local level moves by `share` of each error.
fn ratio(share: f64) -> f64 {
    share * share / (1.0 - share)
}

/// The least damping: a slope halves within three periods.
const LEAST_DAMPING: f64 = 0.8;
/// The most damping: a slope lasts years, and still ends.
const MOST_DAMPING: f64 = 0.995;

struct Decoder {
    trend: Trend,
    slope: bool,
    season: bool,
    /// Whether the common scale of all variances is found without search.
    concentrated: bool,
    /// Mean observation variance that is known.
    known: f64,
    /// Mean of what the own variance multiplies, in the case of counts.
    unit: f64,
    /// A typical own variance, in the case of amounts.
    typical: f64,
    counts: bool,
}

impl Decoder {
    /// Disturbances and own variance at a point: smoothing shares, then slope, then season, then own variance.
    fn decode(&self, x: &Point) -> (Disturbances, f64) {
        let mut next = 1;
        let mut take = || {
            next += 1;
            x[next - 1]
        };
        let level = ratio(share(x[0]));
        let (slope, damping) = if self.slope && self.trend == Trend::Reverting {
            let damping = 0.5 + 0.48 / (1.0 + (-take()).exp());
            ((1.0 - damping) * (1.0 - damping) * level, damping)
        } else if self.slope {
            let sd = take().clamp(-12.0, 3.0).exp();
            let damping = LEAST_DAMPING + (MOST_DAMPING - LEAST_DAMPING) / (1.0 + (-take()).exp());
            (sd * sd, damping)
        } else {
            (0.0, 1.0)
        };
        let season = if self.season {
            ratio(share(take()))
        } else {
            0.0
        };
        let own = if self.concentrated {
            1.0
        } else {
            let excess = take().clamp(-12.0, 12.0).exp();
            if self.counts {
                1.0 + excess
            } else {
                excess * self.typical
            }
        };
        let scale = self.known + own * self.unit;
        (
            Disturbances {
                level: level * scale,
                slope: slope * scale,
                shared: if self.trend == Trend::Reverting {
                    -(1.0 - damping) * level * scale
                } else {
                    0.0
                },
                season: season * scale,
                damping,
            },
            own,
        )
    }

    fn search(&self, effort: &Effort) -> Search {
        let mut start = [0.0; MOST];
        let mut spread = [0.0; MOST];
        start[0] = -0.8;
        spread[0] = 2.0;
        let mut n = 1;
        if self.slope && self.trend == Trend::Reverting {
            start[n] = 1.0;
            spread[n] = -1.5;
            n += 1;
        } else if self.slope {
            start[n] = -3.5;
            spread[n] = 1.5;
            start[n + 1] = 0.5;
            spread[n + 1] = 1.5;
            n += 2;
        }
        if self.season {
            start[n] = -3.0;
            spread[n] = 1.5;
            n += 1;
        }
        if !self.concentrated {
            start[n] = -1.0;
            spread[n] = 1.5;
            n += 1;
        }
        Search {
            dimensions: n,
            start,
            spread,
            evaluations: effort.evaluations,
            tolerance: effort.tolerance,
        }
    }
}

/// How hard to look for the maximum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) evaluations: usize,
    /// In units of twice the log likelihood.
    pub(crate) tolerance: f64,
}

/// Half the mean square of the steps between neighbours: the variance, if they were independent.
fn typical_variance(values: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for pair in values.windows(2) {
        let step = pair[1] - pair[0];
        if !step.is_nan() {
            sum += 0.5 * step * step;
            count += 1;
        }
    }
    let mean = sum / f64::from(count.max(1));
    if mean > 0.0 { mean } else { 1.0 }
}

/// Fits the specification that `M` names to values whose level is another at each of the breaks. `None` where the series is too short
/// for it.
pub(crate) fn fit<const M: usize>(
    trend: Trend,
    (values, breaks): (&[f64], &[usize]),
    noise: Noise<'_>,
    start: &State<M>,
    effort: &Effort,
) -> Option<Fit<M>> {
    let n = values.iter().filter(|v| !v.is_nan()).count();
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let concentrated = matches!(noise, Noise::Unknown);
    let decoder = Decoder {
        trend,
        slope: Layout::<M>::SLOPE,
        season: Layout::<M>::SEASONS > 0,
        known: match noise {
            Noise::Unknown => 0.0,
            Noise::Known { privacy } | Noise::Counts { privacy, .. } => mean(privacy),
        },
        unit: match noise {
            Noise::Counts { mean: of, .. } => mean(of),
            _ => 1.0,
        },
        typical: typical_variance(values),
        counts: matches!(noise, Noise::Counts { .. }),
        concentrated,
    };
    let search = decoder.search(effort);
    let parameters = search.dimensions + usize::from(concentrated) + start.rank + breaks.len();
    if n < parameters + 2 {
        return None;
    }
    let pass = |disturbances: &Disturbances, own: f64, state: &mut State<M>| -> Evidence {
        match noise {
            Noise::Unknown => filter(state, disturbances, values, |_| own, breaks, |_, _, _| {}),
            _ => {
                let observed = Observed { noise, own };
                filter(
                    state,
                    disturbances,
                    values,
                    |t| observed.variance(t),
                    breaks,
                    |_, _, _| {},
                )
            }
        }
    };
    let (best, _) = search.minimum(|x| {
        let (disturbances, own) = decoder.decode(x);
        let evidence = pass(&disturbances, own, &mut start.clone());
        if concentrated {
            evidence.concentrated().1
        } else {
            evidence.deviance()
        }
    });
    let (mut disturbances, mut own) = decoder.decode(&best);
    let mut end = start.clone();
    let evidence = pass(&disturbances, own, &mut end);

    // Specifications differ in their diffuse elements, so diffuse likelihoods do not compare; the likelihood
    // with the initial elements as parameters does: the same squares, and the determinant of a known start. What breaks move is
    // a parameter too.
    let mut known = State::known();
    known.cov = start.cov;
    let determinant = filter(
        &mut known,
        &disturbances,
        values,
        |t| Observed { noise, own }.variance(t),
        &[],
        |_, _, _| {},
    )
    .log_variances;
    let count = n as f64;
    let deviance = if concentrated {
        count * (std::f64::consts::TAU * evidence.squares / count).ln() + determinant + count
    } else {
        count * std::f64::consts::TAU.ln() + determinant + evidence.squares
    };
    let k = parameters as f64;
    // The correction for short series is for the scale of all errors being estimated too; known noise has a known scale.
    let correction = if concentrated {
        2.0 * k * (k + 1.0) / (count - k - 1.0)
    } else {
        0.0
    };
    let aicc = deviance + 2.0 * k + correction;
    if concentrated {
        let (scale, _) = evidence.concentrated();
        if !(scale > 0.0 && scale.is_finite()) {
            return None;
        }
        own *= scale;
        disturbances.level *= scale;
        disturbances.slope *= scale;
        disturbances.shared *= scale;
        disturbances.season *= scale;
        for row in &mut end.cov {
            for cell in row {
                *cell *= scale;
            }
        }
    }
    let others = if concentrated {
        // Where nothing is known of the noise there is nothing it could hide.
        vec![Plausible {
            disturbances,
            own,
            end: end.clone(),
            weight: 1.0,
        }]
    } else {
        plausible(&decoder, &best, start, pass)
    };
    if others.is_empty() {
        return None;
    }
    Some(Fit {
        disturbances,
        own,
        end,
        aicc,
        others,
    })
}

/// Known noise may hide how much a level moves, and the likeliest is then often that it never does: intervals around that alone
/// were too narrow wherever a short history could not tell. What is forecast is averaged over what is plausible, by the likelihood of
/// each with the other parameters held.
fn plausible<const M: usize>(
    decoder: &Decoder,
    best: &Point,
    start: &State<M>,
    pass: impl Fn(&Disturbances, f64, &mut State<M>) -> Evidence,
) -> Vec<Plausible<M>> {
    let middle = best[0].clamp(PLAUSIBLE.0, PLAUSIBLE.1);
    let mut found: Vec<Plausible<M>> = Vec::with_capacity(AROUND.len());
    for move_by in AROUND {
        let mut x = *best;
        x[0] = middle + move_by;
        if x[0] < PLAUSIBLE.0 || x[0] > PLAUSIBLE.1 {
            continue;
        }
        let (disturbances, own) = decoder.decode(&x);
        let mut end = start.clone();
        let mut deviance = pass(&disturbances, own, &mut end).deviance();
        // A count's level is not expected to move by much more than it varies, or by tenths of itself, from one period to the
        // next, however much noise could hide.
        if decoder.counts {
            let usual = decoder.unit + (USUAL_MOVE * decoder.unit).powi(2);
            deviance += disturbances.level / usual;
        }
        if deviance.is_finite() {
            // Weights are made of the deviances below.
            found.push(Plausible {
                disturbances,
                own,
                end,
                weight: deviance,
            });
        }
    }
    let least = (found.iter().map(|one| one.weight)).fold(f64::INFINITY, f64::min);
    for one in &mut found {
        one.weight = (-0.5 * (one.weight - least)).exp();
    }
    let sum: f64 = found.iter().map(|one| one.weight).sum();
    for one in &mut found {
        one.weight /= sum;
    }
    found
}
