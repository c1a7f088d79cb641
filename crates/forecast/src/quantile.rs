//! How many deviations wide an interval of a stated level is.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// Degrees of freedom of intervals whose variance was estimated from a few years of one series, whose errors have
/// heavier tails than the model's. Rolling origins correct it where there are enough series.
const FREEDOM: f64 = 5.0;

/// Two-sided quantile of the standard normal distribution.
pub(crate) fn normal_quantile(level: f64) -> f64 {
    // Unwrap safety: mean and deviation of the standard normal distribution are valid.
    Normal::new(0.0, 1.0)
        .unwrap()
        .inverse_cdf(0.5 + 0.5 * level)
}

/// Two-sided quantile for a forecast whose observation noise was estimated, not known.
pub(crate) fn estimated_quantile(level: f64) -> f64 {
    // Unwrap safety: location, scale and freedom are positive constants.
    StudentsT::new(0.0, 1.0, FREEDOM)
        .unwrap()
        .inverse_cdf(0.5 + 0.5 * level)
}
