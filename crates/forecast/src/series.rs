//! A series as it comes: values, what is known of their noise, and what they are.
//! It checks and never changes a value: negative ones are kept, missing ones stay missing.

/// Why a series cannot be forecast.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// No value at all.
    #[error("the series has no value; give at least one")]
    NoValues,
    /// An infinite value.
    #[error("the value of period {period} is infinite; leave it out where it is not known")]
    InfiniteValue {
        /// Counted from zero.
        period: usize,
    },
    /// As many variances as values are needed.
    #[error("there are {variances} variances for {values} values; give one for each")]
    OtherLength {
        /// Values given.
        values: usize,
        /// Variances given.
        variances: usize,
    },
    /// A variance that is none.
    #[error(
        "the variance of period {period} is negative, infinite or not a number; give the square of the noise's standard deviation"
    )]
    InvalidVariance {
        /// Counted from zero.
        period: usize,
    },
    /// A season the model does not have.
    #[error(
        "a season of {season} periods is not known; use 12 for months, 4 for quarters, 1 for none"
    )]
    UnknownSeason {
        /// As asked.
        season: usize,
    },
    /// Nothing to forecast.
    #[error("the horizon is zero; ask for at least one period")]
    NoHorizon,
    /// A level that is no probability.
    #[error(
        "{percent} is no level of an interval; use percentages above 0 and below 100, such as 80"
    )]
    InvalidLevel {
        /// As asked.
        percent: f64,
    },
    /// Levels that could not be made to agree.
    #[error(
        "the forecasts {step} periods after the next could not be made to agree over all levels; forecast fewer series together, or each alone"
    )]
    NotReconciled {
        /// Counted from zero.
        step: usize,
    },
    /// A hierarchy that is none.
    #[error("{0}")]
    InvalidHierarchy(String),
}

/// The cycle in which a series repeats itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Season {
    /// It does not.
    None,
    /// Four periods.
    Quarters,
    /// Twelve periods.
    Months,
}

impl Season {
    /// The season of so many periods; 0 and 1 are none.
    pub fn try_new(periods: usize) -> Result<Self, ForecastError> {
        match periods {
            0 | 1 => Ok(Self::None),
            4 => Ok(Self::Quarters),
            12 => Ok(Self::Months),
            season => Err(ForecastError::UnknownSeason { season }),
        }
    }

    /// Periods in a cycle; 1 where there is none.
    pub fn periods(self) -> usize {
        match self {
            Self::None => 1,
            Self::Quarters => 4,
            Self::Months => 12,
        }
    }
}

/// What the values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts: apart from privacy noise they vary at least as a Poisson count of their mean does, and are not negative.
    Counts,
    /// Anything else.
    Amounts,
}

/// Values at equal distances in time, with what is known of their noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub(crate) values: Vec<f64>,
    pub(crate) privacy: Option<Vec<f64>>,
    pub(crate) season: Season,
    pub(crate) kind: Kind,
    pub(crate) breaks: Vec<usize>,
}

impl Series {
    /// Values (NaN where missing), the variance of the privacy noise in each where it is known, season and kind.
    pub fn try_new(
        values: Vec<f64>,
        privacy: Option<Vec<f64>>,
        season: Season,
        kind: Kind,
    ) -> Result<Self, ForecastError> {
        if values.iter().all(|v| v.is_nan()) {
            return Err(ForecastError::NoValues);
        }
        if let Some(period) = values.iter().position(|v| v.is_infinite()) {
            return Err(ForecastError::InfiniteValue { period });
        }
        if let Some(variances) = &privacy {
            if variances.len() != values.len() {
                return Err(ForecastError::OtherLength {
                    values: values.len(),
                    variances: variances.len(),
                });
            }
            // The variance of a missing value is never read.
            let invalid = |(v, y): (&f64, &f64)| !(y.is_nan() || v.is_finite() && *v >= 0.0);
            if let Some(period) = variances.iter().zip(&values).position(invalid) {
                return Err(ForecastError::InvalidVariance { period });
            }
        }
        let privacy = privacy.map(|variances| {
            variances
                .into_iter()
                .map(|v| if v.is_finite() { v.max(0.0) } else { 0.0 })
                .collect()
        });
        Ok(Self {
            values,
            privacy,
            season,
            kind,
            breaks: Vec::new(),
        })
    }

    /// The same series, of which it is known that values from each of these periods on are measured in another way than those before:
    /// how far that moves their level is learnt from what follows, and taken neither for an event nor for a trend. Periods without a
    /// value in or after them say nothing and are left out.
    pub fn with_breaks(mut self, periods: &[usize]) -> Self {
        let followed = |at: usize| {
            let values = self.values.get(at..).unwrap_or_default();
            values.iter().any(|value| !value.is_nan())
        };
        let mut breaks: Vec<usize> = (periods.iter().copied())
            .filter(|&at| at > 0 && followed(at))
            .collect();
        breaks.sort_unstable();
        breaks.dedup();
        self.breaks = breaks;
        self
    }

    /// Periods from which on values are measured in another way, in order.
    pub fn breaks(&self) -> &[usize] {
        &self.breaks
    }

    /// Whether values of two periods are measured in one way.
    pub(crate) fn comparable(&self, one: usize, other: usize) -> bool {
        let between = one.min(other) + 1..=one.max(other);
        !self.breaks.iter().any(|at| between.contains(at))
    }

    /// The values since the last break.
    pub(crate) fn recent(&self) -> &[f64] {
        &self.values[self.breaks.last().copied().unwrap_or(0)..]
    }

    /// The values, NaN where missing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The variance of the privacy noise by period, where known.
    pub fn privacy(&self) -> Option<&[f64]> {
        self.privacy.as_deref()
    }

    /// The season.
    pub fn season(&self) -> Season {
        self.season
    }

    /// What the values are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first `periods` of the series; `None` where they hold no value.
    pub fn until(&self, periods: usize) -> Option<Self> {
        let values = self.values.get(..periods)?;
        if values.iter().all(|v| v.is_nan()) {
            return None;
        }
        let cut = Self {
            values: values.to_vec(),
            privacy: self.privacy.as_ref().map(|p| p[..periods].to_vec()),
            season: self.season,
            kind: self.kind,
            breaks: Vec::new(),
        };
        Some(cut.with_breaks(&self.breaks))
    }

    /// The mean privacy variance over the values that are there; 0 where none is known.
    pub fn mean_privacy(&self) -> f64 {
        let Some(privacy) = &self.privacy else {
            return 0.0;
        };
        let (mut sum, mut count) = (0.0, 0_u32);
        for (variance, value) in privacy.iter().zip(&self.values) {
            if !value.is_nan() {
                sum += variance;
                count += 1;
            }
        }
        sum / f64::from(count.max(1))
    }

    /// Whether no value is negative and none can become so by noise: then no forecast is negative.
    pub(crate) fn never_negative(&self) -> bool {
        self.kind == Kind::Counts || self.values.iter().all(|v| v.is_nan() || *v >= 0.0)
    }

    /// The mean of each period over the season around it, at least a small part of the overall mean: what a
    /// Poisson count varies by. Noise is averaged out, and no mean is zero.
    pub(crate) fn local_mean(&self) -> Vec<f64> {
        let n = self.values.len();
        let half = (self.season.periods() / 2).max(3);
        let mean = |values: &[f64]| {
            let (sum, count) = values
                .iter()
                .filter(|v| !v.is_nan())
                .fold((0.0, 0_u32), |(s, c), v| (s + v, c + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        let overall = mean(&self.values).unwrap_or(0.0).max(0.1);
        (0..n)
            .map(|t| {
                let around = &self.values[t.saturating_sub(half)..(t + half + 1).min(n)];
                mean(around).unwrap_or(overall).max(0.05 * overall)
            })
            .collect()
    }
}
