//! The specifications of the structural model: which are tried on a series, each fitted and carried forward.
//! It weighs nothing; `combine` does.

use crate::attribute::{Shares, attribute};
use crate::borrow::Prior;
use crate::fit::{Effort, Fit, Noise, Observed, fit};
use crate::flag::{Flag, flags};
use crate::kalman::{Layout, State, filter};
use crate::series::{Kind, Season, Series};

/// How the level moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// It wanders.
    Level,
    /// It wanders, along a slope that wanders and is damped.
    Damped,
    /// It wanders around a constant to which it returns.
    Reverting,
}

/// One form of the structural model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Specification {
    /// How the level moves.
    pub trend: Trend,
    /// Whether there is a season.
    pub seasonal: bool,
    /// Whether it describes the logarithm of the values, so that its season and slope are factors.
    pub logarithmic: bool,
}

impl std::fmt::Display for Specification {
    /// `damped-season-logarithm` and the like, for files and programs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.trend {
            Trend::Level => "level",
            Trend::Damped => "damped",
            Trend::Reverting => "reverting",
        })?;
        if self.seasonal {
            f.write_str("-season")?;
        }
        if self.logarithmic {
            f.write_str("-logarithm")?;
        }
        Ok(())
    }
}

/// How much is spent on each likelihood: a fortieth in its logarithm moves no forecast.
const EFFORT: Effort = Effort {
    evaluations: 80,
    tolerance: 0.05,
};

/// Beyond this difference in AICc the other scale, or the lack of a season, is not tried any further.
const HOPELESS: f64 = 24.0;

/// A fitted specification carried forward, on its own scale.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) specification: Specification,
    /// Comparable between specifications, scales included.
    pub(crate) aicc: f64,
    /// Mean by horizon.
    pub(crate) mean: Vec<f64>,
    /// Standard deviation of the value to come, without privacy noise, by horizon.
    pub(crate) sd: Vec<f64>,
    /// What it misses of a growth by one in every period, by horizon: how far the same filter, fed with 0, 1, 2, .., falls short of
    /// going on so. It is the age of what the level is learnt from, and the horizon, for a specification without a slope.
    pub(crate) missed: Vec<f64>,
    /// Level, slope per period, and effect of each season at the end of the series.
    pub(crate) level: f64,
    pub(crate) slope: f64,
    pub(crate) effects: Vec<f64>,
    model: Model,
}

/// The fitted model of a candidate, kept for the explanation of the best.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "at most ten live at once, and most are the large one"
)]
enum Model {
    M1(Fit<1>),
    M2(Fit<2>),
    M5(Fit<5>),
    M6(Fit<6>),
    M13(Fit<13>),
    M14(Fit<14>),
}

impl Candidate {
    /// A value of its scale on the natural one.
    pub(crate) fn natural(&self, value: f64) -> f64 {
        if self.specification.logarithmic {
            value.exp()
        } else {
            value
        }
    }
}

/// A series as the models see it: on one scale, with its noise.
pub(crate) struct View<'a> {
    values: std::borrow::Cow<'a, [f64]>,
    breaks: &'a [usize],
    noise: Noise<'a>,
    logarithmic: bool,
    /// What turns a deviance on this scale into one on the natural scale.
    jacobian: f64,
    season: Season,
    prior: &'a Prior,
}

/// The known noise of a series, in the form the models take it.
pub(crate) struct Known {
    privacy: Vec<f64>,
    mean: Vec<f64>,
    kind: Kind,
}

impl Known {
    /// `None` where nothing is known.
    pub(crate) fn of(series: &Series, prior: &Prior) -> Option<Self> {
        let counts = series.kind() == Kind::Counts;
        if series.privacy().is_none() && !counts && !prior.is_some() {
            return None;
        }
        Some(Self {
            privacy: series
                .privacy()
                .map_or_else(|| vec![0.0; series.values().len()], <[f64]>::to_vec),
            mean: if counts {
                series.local_mean()
            } else {
                Vec::new()
            },
            kind: series.kind(),
        })
    }

    fn noise(known: &Option<Self>) -> Noise<'_> {
        match known {
            None => Noise::Unknown,
            Some(known) if known.kind == Kind::Counts => Noise::Counts {
                privacy: &known.privacy,
                mean: &known.mean,
            },
            Some(known) => Noise::Known {
                privacy: &known.privacy,
            },
        }
    }
}

impl<'a> View<'a> {
    /// The series as it is.
    pub(crate) fn natural(series: &'a Series, known: &'a Option<Known>, prior: &'a Prior) -> Self {
        Self {
            values: series.values().into(),
            breaks: series.breaks(),
            noise: Known::noise(known),
            logarithmic: false,
            jacobian: 0.0,
            season: series.season(),
            prior,
        }
    }

    /// Its logarithm; `None` where a value is not positive, or noise is known, which adds and does not multiply.
    pub(crate) fn logarithm(
        series: &'a Series,
        known: &Option<Known>,
        prior: &'a Prior,
    ) -> Option<Self> {
        let positive = series.values().iter().all(|v| v.is_nan() || *v > 0.0);
        if !positive || known.is_some() {
            return None;
        }
        let values: Vec<f64> = series.values().iter().map(|v| v.ln()).collect();
        let jacobian = 2.0 * values.iter().filter(|v| !v.is_nan()).sum::<f64>();
        Some(Self {
            values: values.into(),
            breaks: series.breaks(),
            noise: Noise::Unknown,
            logarithmic: true,
            jacobian,
            season: series.season(),
            prior,
        })
    }

    fn candidate(&self, trend: Trend, seasonal: bool, horizon: usize) -> Option<Candidate> {
        let slope = trend != Trend::Level;
        let season = if seasonal { self.season } else { Season::None };
        Some(match (slope, season) {
            (false, Season::None) => self.carry(trend, self.fit(trend)?, horizon, Model::M1),
            (true, Season::None) => self.carry(trend, self.fit(trend)?, horizon, Model::M2),
            (false, Season::Quarters) => self.carry(trend, self.fit(trend)?, horizon, Model::M5),
            (true, Season::Quarters) => self.carry(trend, self.fit(trend)?, horizon, Model::M6),
            (false, Season::Months) => self.carry(trend, self.fit(trend)?, horizon, Model::M13),
            (true, Season::Months) => self.carry(trend, self.fit(trend)?, horizon, Model::M14),
        })
    }

    fn fit<const M: usize>(&self, trend: Trend) -> Option<Fit<M>> {
        fit(
            trend,
            (&self.values, self.breaks),
            self.noise,
            &self.prior.start(),
            &EFFORT,
        )
    }

    fn carry<const M: usize>(
        &self,
        trend: Trend,
        fit: Fit<M>,
        horizon: usize,
        model: fn(Fit<M>) -> Model,
    ) -> Candidate {
        let n = self.values.len();
        let mut mean = vec![0.0; horizon];
        let mut square = vec![0.0; horizon];
        let mut within = vec![0.0; horizon];
        let mut missed = vec![0.0; horizon];
        let ramp: Vec<f64> = (self.values.iter().enumerate())
            .map(|(period, value)| {
                if value.is_nan() {
                    f64::NAN
                } else {
                    period as f64
                }
            })
            .collect();
        for plausible in &fit.others {
            let observed = Observed {
                noise: self.noise,
                own: plausible.own,
            };
            let mut state = plausible.end.clone();
            for (step, period) in (n..n + horizon).enumerate() {
                let signal = state.signal(period);
                let variance = state.signal_variance(period) + observed.future(signal);
                mean[step] += plausible.weight * signal;
                square[step] += plausible.weight * signal * signal;
                within[step] += plausible.weight * variance;
                state.advance(&plausible.disturbances);
            }
            let mut state = State {
                mean: [0.0; M],
                ..self.prior.start()
            };
            filter(
                &mut state,
                &plausible.disturbances,
                &ramp,
                |t| observed.variance(t),
                self.breaks,
                |_, _, _| {},
            );
            for (step, period) in (n..n + horizon).enumerate() {
                missed[step] += plausible.weight * (period as f64 - state.signal(period));
                state.advance(&plausible.disturbances);
            }
        }
        let sd = (0..horizon)
            .map(|step| {
                let between = (square[step] - mean[step] * mean[step]).max(0.0);
                (within[step] + between).max(0.0).sqrt()
            })
            .collect();
        Candidate {
            specification: Specification {
                trend,
                seasonal: Layout::<M>::SEASONS > 0,
                logarithmic: self.logarithmic,
            },
            aicc: fit.aicc + self.jacobian,
            mean,
            sd,
            missed,
            level: fit.end.mean[0],
            slope: if Layout::<M>::SLOPE {
                fit.end.mean[1]
            } else {
                0.0
            },
            effects: fit.end.mean[Layout::<M>::FIRST..].to_vec(),
            model: model(fit),
        }
    }

    /// Where the variance of the best candidate comes from, by horizon.
    pub(crate) fn shares(&self, candidate: &Candidate, horizon: usize) -> Vec<Shares> {
        let mut shares = self.shares_of_likeliest(candidate, horizon);
        // Not knowing how much the level moves is the process's part.
        for (share, sd) in shares.iter_mut().zip(&candidate.sd) {
            share.process += (sd * sd - share.total()).max(0.0);
        }
        shares
    }

    fn shares_of_likeliest(&self, candidate: &Candidate, horizon: usize) -> Vec<Shares> {
        match &candidate.model {
            Model::M1(fit) => self.shares_of(fit, horizon),
            Model::M2(fit) => self.shares_of(fit, horizon),
            Model::M5(fit) => self.shares_of(fit, horizon),
            Model::M6(fit) => self.shares_of(fit, horizon),
            Model::M13(fit) => self.shares_of(fit, horizon),
            Model::M14(fit) => self.shares_of(fit, horizon),
        }
    }

    fn shares_of<const M: usize>(&self, fit: &Fit<M>, horizon: usize) -> Vec<Shares> {
        let values = (&self.values[..], self.breaks);
        attribute(fit, values, self.noise, self.prior.start(), horizon)
    }

    /// Outliers and level shifts in the eyes of a candidate, and the mean errors of its forecasts of
    /// `reach` periods from every past origin.
    pub(crate) fn flags(&self, candidate: &Candidate, reach: usize) -> (Vec<Flag>, Vec<f64>) {
        match &candidate.model {
            Model::M1(fit) => self.flags_of(fit, reach),
            Model::M2(fit) => self.flags_of(fit, reach),
            Model::M5(fit) => self.flags_of(fit, reach),
            Model::M6(fit) => self.flags_of(fit, reach),
            Model::M13(fit) => self.flags_of(fit, reach),
            Model::M14(fit) => self.flags_of(fit, reach),
        }
    }

    fn flags_of<const M: usize>(&self, fit: &Fit<M>, reach: usize) -> (Vec<Flag>, Vec<f64>) {
        let observed = Observed {
            noise: self.noise,
            own: fit.own,
        };
        let start: State<M> = self.prior.start();
        flags(fit, (&self.values, self.breaks), &observed, start, reach)
    }
}

/// Fits what can be fitted, the hopeless aside. `views` are the scales to try.
pub(crate) fn candidates(views: &[View<'_>], horizon: usize) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::with_capacity(10);
    // The plain ones first: they tell which scale and which season are worth the rest.
    for view in views {
        let borrowed = view.prior.is_some();
        if view.season != Season::None {
            found.extend(view.candidate(Trend::Level, true, horizon));
        }
        if !(borrowed && view.season != Season::None) {
            found.extend(view.candidate(Trend::Level, false, horizon));
        }
    }
    let best = found.iter().map(|c| c.aicc).fold(f64::INFINITY, f64::min);
    for view in views {
        let best_of = |seasonal: bool| {
            found
                .iter()
                .filter(|c| {
                    c.specification.logarithmic == view.logarithmic
                        && c.specification.seasonal == seasonal
                })
                .map(|c| c.aicc)
                .fold(f64::INFINITY, f64::min)
        };
        let worth = [best_of(true), best_of(false)].map(|aicc| aicc < best + HOPELESS);
        for (seasonal, worth) in [true, false].into_iter().zip(worth) {
            if worth {
                found.extend(view.candidate(Trend::Damped, seasonal, horizon));
                found.extend(view.candidate(Trend::Reverting, seasonal, horizon));
            }
        }
    }
    found.retain(|c| c.aicc.is_finite() && c.mean.iter().chain(&c.sd).all(|x| x.is_finite()));
    found
}
