//! Measures of forecasts as the M4 competition defined them (Makridakis, Spiliotis and Assimakopoulos 2020).
//! Nothing here fits anything.

/// Of the size of the values: what is less may be left of rounding where nothing changes, and nothing is measured in it.
pub(crate) const ROUNDING: f64 = 1e-11;

/// Mean absolute difference between values one season apart: what MASE and MSIS are measured in.
/// Missing values (NaN) are left out; `None` where no pair is complete or nothing ever changes by more than rounding.
pub fn seasonal_scale(history: &[f64], season: usize) -> Option<f64> {
    let season = season.max(1);
    let (mut sum, mut size) = (0.0, 0.0);
    let mut count = 0_u32;
    for (later, earlier) in history.iter().skip(season).zip(history) {
        let step = (later - earlier).abs();
        if !step.is_nan() {
            sum += step;
            size += later.abs().max(earlier.abs());
            count += 1;
        }
    }
    (count > 0 && sum > ROUNDING * size).then(|| sum / f64::from(count))
}

/// Mean absolute error over `scale`.
pub fn mase(actual: &[f64], forecast: &[f64], scale: f64) -> f64 {
    mean_of(actual, |i, a| (a - forecast[i]).abs()) / scale
}

/// Symmetric mean absolute percentage error, from 0 to 200; zero against zero is no error.
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    mean_of(actual, |i, a| {
        let size = a.abs() + forecast[i].abs();
        if size > 0.0 {
            200.0 * (a - forecast[i]).abs() / size
        } else {
            0.0
        }
    })
}

/// The interval score of one interval that should miss with probability `miss`: its width, and `2 / miss`
/// times the distance by which it misses (Gneiting and Raftery 2007).
pub fn interval_score(actual: f64, low: f64, high: f64, miss: f64) -> f64 {
    (high - low) + 2.0 / miss * ((low - actual).max(0.0) + (actual - high).max(0.0))
}

/// Mean interval score over `scale`.
pub fn msis(actual: &[f64], low: &[f64], high: &[f64], miss: f64, scale: f64) -> f64 {
    mean_of(actual, |i, a| interval_score(a, low[i], high[i], miss)) / scale
}

/// Share of values inside their intervals.
pub fn coverage(actual: &[f64], low: &[f64], high: &[f64]) -> f64 {
    mean_of(actual, |i, a| {
        f64::from(u8::from(low[i] <= a && a <= high[i]))
    })
}

/// Overall weighted average of sMAPE and MASE relative to those of Naive2.
pub fn owa(smape: f64, mase: f64, naive2_smape: f64, naive2_mase: f64) -> f64 {
    0.5 * (smape / naive2_smape + mase / naive2_mase)
}

fn mean_of(actual: &[f64], f: impl Fn(usize, f64) -> f64) -> f64 {
    let sum: f64 = actual.iter().enumerate().map(|(i, &a)| f(i, a)).sum();
    sum / actual.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} against {expected}"
        );
    }

    #[test]
    fn agree_with_values_computed_by_hand() {
        // Steps of two periods: |3-1|, |4-2|, |6-3| = 2, 2, 3.
        let history = [1.0, 2.0, 3.0, 4.0, 6.0];
        let scale = seasonal_scale(&history, 2).unwrap();
        close(scale, 7.0 / 3.0);
        // Errors 1 and 2.
        close(mase(&[5.0, 6.0], &[4.0, 8.0], scale), 1.5 / (7.0 / 3.0));
        // 200 * 1 / 9 and 200 * 2 / 14.
        close(
            smape(&[5.0, 6.0], &[4.0, 8.0]),
            0.5 * (200.0 / 9.0 + 400.0 / 14.0),
        );
        close(smape(&[0.0], &[0.0]), 0.0);
        // Widths 2 and 2; the second value misses by 3: 2 + (2 + 40 * 3).
        close(
            msis(&[5.0, 10.0], &[4.0, 5.0], &[6.0, 7.0], 0.05, 2.0),
            0.5 * (2.0 + 122.0) / 2.0,
        );
        close(coverage(&[5.0, 10.0], &[4.0, 5.0], &[6.0, 7.0]), 0.5);
        close(owa(10.0, 1.0, 20.0, 1.0), 0.75);
    }

    #[test]
    fn leave_missing_values_out_of_the_scale() {
        assert_eq!(seasonal_scale(&[1.0, f64::NAN, 3.0, 5.0], 1), Some(2.0));
        assert_eq!(seasonal_scale(&[4.0, 4.0, 4.0], 1), None);
        // What rounding leaves of sums that are equal is no change.
        assert_eq!(seasonal_scale(&[0.1 + 0.2, 0.3, 0.3], 1), None);
        assert_eq!(seasonal_scale(&[4.0], 12), None);
    }
}
