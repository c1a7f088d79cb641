//! The plain forecasts that others are measured against: seasonal naive and Naive2. They know no noise.

use crate::decompose::tested;

/// The value one season before, again and again. `None` for an empty series.
pub fn seasonal_naive(history: &[f64], season: usize, horizon: usize) -> Option<Vec<f64>> {
    let n = history.len();
    let season = if n >= season.max(1) { season.max(1) } else { 1 };
    if n == 0 {
        return None;
    }
    Some(
        (0..horizon)
            .map(|h| history[n - season + h % season])
            .collect(),
    )
}

/// Naive2 of the M competitions: the last value, seasonally adjusted by classical multiplicative decomposition
/// where a 90 percent test of autocorrelation finds a season. `None` for an empty series.
pub fn naive2(history: &[f64], season: usize, horizon: usize) -> Option<Vec<f64>> {
    let n = history.len();
    let pattern = tested(history, season);
    let last = pattern.remove(n.checked_sub(1)?, *history.last()?);
    Some((0..horizon).map(|h| pattern.restore(n + h, last)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naive2_repeats_the_last_level_in_the_season_found() {
        // Four cycles of the factors 0.5, 1, 1.5, 1 around 100: the test finds them, and the level stays.
        let history: Vec<f64> = (0..16)
            .map(|t| 100.0 * [0.5, 1.0, 1.5, 1.0][t % 4])
            .collect();
        let ahead = naive2(&history, 4, 5).unwrap();
        for (found, expected) in ahead.iter().zip([50.0, 100.0, 150.0, 100.0, 50.0]) {
            assert!(
                (found - expected).abs() < 1e-9,
                "{found} against {expected}"
            );
        }
    }

    #[test]
    fn naive2_of_a_series_without_season_is_its_last_value() {
        assert_eq!(naive2(&[3.0, 5.0, 4.0], 12, 2), Some(vec![4.0, 4.0]));
        assert_eq!(naive2(&[], 12, 2), None);
    }

    #[test]
    fn seasonal_naive_repeats_the_last_cycle() {
        let history = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(
            seasonal_naive(&history, 4, 5),
            Some(vec![3.0, 4.0, 5.0, 6.0, 3.0])
        );
        assert_eq!(seasonal_naive(&history[..2], 4, 2), Some(vec![2.0, 2.0]));
    }
}
