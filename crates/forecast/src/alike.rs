//! How alike the errors of different series are: the correlation of their mean errors over the
//! horizon from past origins, shrunk towards none by as
//! much as chance explains (Schaefer and Strimmer 2005). A shock to a whole city must not count as many small ones.

use crate::combine::Forecast;
use ndarray::Array2;

/// With fewer common periods no correlation is estimated.
const FEWEST: usize = 12;

/// At least so much is taken off every correlation, so that the matrix has an inverse.
const LEAST_SHRINKAGE: f64 = 0.05;

/// At least so much correlation is common to all: of one city, or one country, all forecasts err together at times.
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
    if count < FEWEST || n > MOST_NODES {
        return Array2::eye(n);
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
