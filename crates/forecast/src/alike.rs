//! How alike the errors of different series are: the correlation of their mean errors over the
//! horizon from past origins, shrunk towards none by as
//! much as chance explains (Schaefer and Strimmer 2005). A shock to a whole city must not count as many small ones.

use crate::combine::Forecast;
use ndarray::Array2;

/// With fewer common periods no correlation is estimated, and what is common to all is all that is assumed. Errors that were taken
/// for independent there averaged out in sums of many, so that the whole was drawn to the sum of its parts, whose noise hides
/// season and slope from each of them alike.
const FEWEST: usize = 12;

/// At least so much is taken off every correlation, so that the matrix has an inverse.
const LEAST_SHRINKAGE: f64 = 0.05;

/// So much correlation is common to all, and what the past shows is added: of one city, or one country, all forecasts err together at times.
const SHARED: f64 = 0.2;

/// More nodes than this are taken to err independently: the matrix would not fit its purpose.
const MOST_NODES: usize = 3000;

/// Correlation between the errors of all forecasts.
pub(crate) fn correlation(all: &[Forecast]) -> Array2<f64> {
    let n = all.len();
    let periods = all.iter().map(|f| f.residuals().len()).min().unwrap_or(0);
    // Periods that every series has; forecasts end together, so they are counted from the end.
    let tail = |f: &Forecast| f.residuals().len() - periods;
    let common: Vec<usize> = (0..periods)
        .filter(|&t| all.iter().all(|f| !f.residuals()[tail(f) + t].is_nan()))
        .collect();
    let count = common.len();
    if n > MOST_NODES {
        return Array2::eye(n);
    }
    if count < FEWEST {
        return Array2::from_shape_fn((n, n), |(i, j)| if i == j { 1.0 } else { SHARED });
    }
    let mut z = Array2::<f64>::zeros((n, count));
    for (i, forecast) in all.iter().enumerate() {
        let mut row = z.row_mut(i);
        for (cell, &t) in row.iter_mut().zip(&common) {
            *cell = forecast.residuals()[tail(forecast) + t];
        }
        let size = (row.dot(&row) / count as f64).sqrt();
        if size > 0.0 {
            row /= size;
        }
    }
    let found = z.dot(&z.t()) / count as f64;
    let squares = z.mapv(|x| x * x);
    let fourth = squares.dot(&squares.t()) / count as f64;
    let (mut chance, mut signal) = (0.0, 0.0);
    for i in 0..n {
        for j in 0..i {
            let r = found[[i, j]];
            chance += (fourth[[i, j]] - r * r) / (count as f64 - 1.0);
            signal += r * r;
        }
    }
    let shrinkage = if signal > 0.0 {
        (chance / signal).clamp(LEAST_SHRINKAGE, 1.0)
    } else {
        1.0
    };
    Array2::from_shape_fn((n, n), |(i, j)| {
        if i == j {
            1.0
        } else {
            SHARED + (1.0 - SHARED) * (1.0 - shrinkage) * found[[i, j]]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::borrow::Prior;
    use crate::combine::forecast;
    use crate::series::{Kind, Season, Series};

    fn ahead(length: usize) -> Vec<Forecast> {
        (1..=3_usize)
            .map(|part| {
                let values = (0..length)
                    .map(|t| 100.0 + ((t * part * 7919) % 13) as f64)
                    .collect();
                let series = Series::try_new(
                    values,
                    Some(vec![9.0; length]),
                    Season::Quarters,
                    Kind::Counts,
                )
                .expect("a series");
                forecast(&series, 4, &Prior::default()).expect("a forecast")
            })
            .collect()
    }

    #[test]
    fn a_short_history_says_nothing_and_errors_are_alike_all_the_same() {
        let found = correlation(&ahead(12));
        for ((i, j), value) in found.indexed_iter() {
            assert_eq!(*value, if i == j { 1.0 } else { SHARED });
        }
        let long = correlation(&ahead(60));
        assert!(
            long.indexed_iter()
                .any(|((i, j), r)| i != j && *r != SHARED)
        );
    }
}
