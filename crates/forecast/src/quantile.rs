//! How many deviations wide an interval of a stated level is.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// Degrees of freedom of intervals whose variance was estimated from a few years of one series, whose errors have
/// heavier tails than the model's. Rolling origins correct it where there are enough series.
const FREEDOM: f64 = 5.0;

/// With more degrees of freedom the distribution is taken for the normal one, of which it is within a part in a hundred.
const AS_NORMAL: f64 = 200.0;

/// Two-sided quantile of the standard normal distribution.
pub(crate) fn normal_quantile(level: f64) -> f64 {
    // Unwrap safety: mean and deviation of the standard normal distribution are valid.
    Normal::new(0.0, 1.0)
        .unwrap()
        .inverse_cdf(0.5 + 0.5 * level)
}

/// Two-sided quantile for a forecast of whose variance this part, from 0 to 1, was estimated and the rest is known. A sum of an
/// estimated and of a known variance has more degrees of freedom than the estimated one, by the square of that part (Satterthwaite
/// 1946).
pub(crate) fn estimated_quantile(level: f64, estimated: f64) -> f64 {
    let freedom = FREEDOM / (estimated * estimated).max(f64::MIN_POSITIVE);
    if freedom > AS_NORMAL {
        return normal_quantile(level);
    }
    // Unwrap safety: location, scale and freedom are positive constants, or no less than one.
    StudentsT::new(0.0, 1.0, freedom)
        .unwrap()
        .inverse_cdf(0.5 + 0.5 * level)
}
