//! The textbook's least squares for tests: the exact cells are sums of unknown atoms, all is dense, and atoms that cannot be
//! told apart are resolved by the pseudo-inverse. It shares no code with what it checks.

use crate::lattice::Tiling;

pub(super) struct Dense {
    pub(super) cells: Vec<f64>,
    pub(super) covariance: Vec<Vec<f64>>,
}

/// x = A (A' W A)^+ A' W y and its covariance A (A' W A)^+ A'.
pub(super) fn dense(tilings: &[Tiling], variance: &[f64], measured: &[f64]) -> Dense {
    let atoms = tilings[0].cell_of().len();
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for tiling in tilings {
        for cell in 0..tiling.cells() {
            rows.push(
                tiling
                    .cell_of()
                    .iter()
                    .map(|of| f64::from(u8::from(*of == cell)))
                    .collect(),
            );
        }
    }
    let mut normal = vec![vec![0.0; atoms]; atoms];
    let mut right = vec![0.0; atoms];
    for ((row, variance), y) in rows.iter().zip(variance).zip(measured) {
        for i in 0..atoms {
            right[i] += row[i] * y / variance;
            for j in 0..atoms {
                normal[i][j] += row[i] * row[j] / variance;
            }
        }
    }
    let inverse = pseudo_inverse(normal);
    let product = |matrix: &[Vec<f64>], vector: &[f64]| -> Vec<f64> {
        matrix
            .iter()
            .map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
            .collect()
    };
    let unknown = product(&inverse, &right);
    let covariance = rows
        .iter()
        .map(|row| product(&rows, &product(&inverse, row)))
        .collect();
    Dense {
        cells: product(&rows, &unknown),
        covariance,
    }
}

/// Of a symmetric matrix, by Jacobi's rotations.
fn pseudo_inverse(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    for _ in 0..60 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (of_p, of_q) = (a[p].clone(), a[q].clone());
                let both = || of_p.iter().zip(&of_q);
                a[p] = both().map(|(x, y)| c * x - s * y).collect();
                a[q] = both().map(|(x, y)| s * x + c * y).collect();
                for row in &mut vectors {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
            }
        }
    }
    let largest = (0..n).map(|i| a[i][i]).fold(0.0, f64::max);
    let mut inverse = vec![vec![0.0; n]; n];
    for k in (0..n).filter(|k| a[*k][*k] > 1e-10 * largest) {
        for i in 0..n {
            for j in 0..n {
                inverse[i][j] += vectors[i][k] * vectors[j][k] / a[k][k];
            }
        }
    }
    inverse
}
