//! Classical decomposition, and the test of whether a series has a season, as the M4 competition defined them.
//! Used by the theta forecast and by Naive2; the structural model estimates its own season.

/// A seasonal pattern, and how it enters the series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    /// No season.
    None,
    /// Factors around one, by period modulo the season.
    Factors(Vec<f64>),
    /// Terms around zero, by period modulo the season.
    Terms(Vec<f64>),
}

impl Pattern {
    /// The value of `period` without its season.
    pub(crate) fn remove(&self, period: usize, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::Factors(factors) => value / factors[period % factors.len()],
            Self::Terms(terms) => value - terms[period % terms.len()],
        }
    }

    /// The value of `period` with its season.
    pub(crate) fn restore(&self, period: usize, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::Factors(factors) => value * factors[period % factors.len()],
            Self::Terms(terms) => value + terms[period % terms.len()],
        }
    }
}

/// The two-sided 90 percent point of the normal distribution, of which the M4 test makes use.
const NINETY: f64 = 1.645;

/// Whether the autocorrelation at the season is beyond what chance explains nine times in ten.
/// A series of less than three cycles has no season by this test.
pub(crate) fn is_seasonal(values: &[f64], season: usize) -> bool {
    let n = values.len();
    if season < 2 || n < 3 * season {
        return false;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let variance: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    if variance <= 0.0 {
        return false;
    }
    let correlation = |lag: usize| {
        values[lag..]
            .iter()
            .zip(values)
            .map(|(a, b)| (a - mean) * (b - mean))
            .sum::<f64>()
            / variance
    };
    let before: f64 = (1..season).map(|lag| correlation(lag).powi(2)).sum();
    let limit = NINETY * ((1.0 + 2.0 * before) / n as f64).sqrt();
    correlation(season).abs() > limit
}

/// The classical pattern: means of the ratios to (or, where a value is not positive, of the differences from)
/// a centred moving average.
pub(crate) fn classical(values: &[f64], season: usize) -> Pattern {
    let n = values.len();
    let half = season / 2;
    let multiplicative = values.iter().all(|&v| v > 0.0);
    let mut sums = vec![0.0; season];
    let mut counts = vec![0_u32; season];
    for t in half..n.saturating_sub(half) {
        let window = &values[t - half..=t + half];
        let total: f64 = window.iter().sum();
        let average = if season.is_multiple_of(2) {
            (total - 0.5 * (window[0] + window[season])) / season as f64
        } else {
            total / season as f64
        };
        sums[t % season] += if multiplicative {
            values[t] / average
        } else {
            values[t] - average
        };
        counts[t % season] += 1;
    }
    if counts.contains(&0) {
        return Pattern::None;
    }
    let mut pattern: Vec<f64> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, &count)| sum / f64::from(count))
        .collect();
    let mean = pattern.iter().sum::<f64>() / season as f64;
    if multiplicative {
        for factor in &mut pattern {
            *factor /= mean;
        }
        if pattern.iter().any(|f| f.is_nan() || *f < 1e-3) {
            return Pattern::None;
        }
        Pattern::Factors(pattern)
    } else {
        for term in &mut pattern {
            *term -= mean;
        }
        Pattern::Terms(pattern)
    }
}

/// The classical pattern where the series passes the test, no pattern elsewhere.
pub(crate) fn tested(values: &[f64], season: usize) -> Pattern {
    if is_seasonal(values, season) {
        classical(values, season)
    } else {
        Pattern::None
    }
}
