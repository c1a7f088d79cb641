//! Independent noise that is at least as much as noise that hangs together, for whoever can only draw area by area.
//! It changes no estimate.

/// Rounds of the power iteration.
const ROUNDS: usize = 200;

/// What is added to the iteration's result, which comes from below, and to each try after it.
const STEP: f64 = 1.002;

/// Tries before the bound that needs none is taken.
const TRIES: usize = 60;

/// The factor by which variances must be taken for more than they are, so that noise drawn independently varies at least as much in
/// every weighted sum as noise of this covariance does; hardly more than needed, and 1 where the noise is independent already.
///
/// # Promise
/// With the result f, of every x: `x'Cx <= f · Σ x[i]² C[i][i]`, but for rounding. f times the diagonal less the covariance
/// is seen to be positive semidefinite by its factor; where none is found, f is the greatest row sum of absolute correlations, for
/// which Gershgorin's theorem says it.
pub fn independent_factor(covariance: &[Vec<f64>]) -> f64 {
    let n = covariance.len();
    let deviation = |at: usize| covariance[at][at].max(0.0).sqrt();
    let correlation: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let of = |j: usize| covariance[i.max(j)][i.min(j)] / (deviation(i) * deviation(j));
            // What has no noise hangs together with nothing.
            (0..n)
                .map(|j| Some(of(j)).filter(|r| r.is_finite()).unwrap_or(0.0))
                .collect()
        })
        .collect();
    let most = (correlation
        .iter()
        .map(|row| row.iter().map(|r| r.abs()).sum()))
    .fold(1.0, f64::max);
    if most <= STEP {
        return most;
    }
    let mut factor = STEP * largest_eigenvalue(&correlation).max(1.0);
    for _ in 0..TRIES {
        if factor >= most {
            break;
        }
        if is_at_most(&correlation, factor) {
            return factor;
        }
        factor *= STEP;
    }
    most
}

/// From below, by power iteration.
fn largest_eigenvalue(matrix: &[Vec<f64>]) -> f64 {
    let n = matrix.len();
    // No direction of interest is orthogonal to this start.
    let mut x: Vec<f64> = (0..n).map(|at| ((at * 7919) % 13) as f64 - 6.25).collect();
    let mut largest = 0.0;
    for _ in 0..ROUNDS {
        let size = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        if size == 0.0 {
            return largest;
        }
        x.iter_mut().for_each(|x| *x /= size);
        let next: Vec<f64> = matrix
            .iter()
            .map(|row| row.iter().zip(&x).map(|(r, x)| r * x).sum())
            .collect();
        largest = next.iter().zip(&x).map(|(a, b)| a * b).sum();
        x = next;
    }
    largest
}

/// Whether `factor` times one, less the matrix, has a Cholesky factor.
fn is_at_most(matrix: &[Vec<f64>], factor: f64) -> bool {
    let n = matrix.len();
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let own = if i == j { factor } else { 0.0 };
            let done: f64 = lower[i]
                .iter()
                .zip(&lower[j])
                .take(j)
                .map(|(a, b)| a * b)
                .sum();
            let left = own - matrix[i][j] - done;
            if i != j {
                lower[i][j] = left / lower[j][j];
            } else if left > 0.0 {
                lower[i][i] = left.sqrt();
            } else {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_noise_stays_and_what_hangs_together_is_bounded_closely() {
        assert_eq!(independent_factor(&[vec![4.0], vec![0.0, 9.0]]), 1.0);
        assert_eq!(independent_factor(&[vec![0.0], vec![0.0, 0.0]]), 1.0);
        assert_eq!(independent_factor(&[]), 1.0);
        // Three parts of a whole that is known: each pair has the correlation -1/2, and a difference varies by half more.
        let rows = [vec![2.0], vec![-1.0, 2.0], vec![-1.0, -1.0, 2.0]];
        let found = independent_factor(&rows);
        assert!((1.5..1.51).contains(&found), "{found}");
        // What is the same noise twice is all noise of both at once.
        let found = independent_factor(&[vec![1.0], vec![1.0, 1.0]]);
        assert!((2.0..=2.01).contains(&found), "{found}");
    }
}
