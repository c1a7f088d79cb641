//! Tail probabilities with which a test states its false alarm. Pure functions; nothing here draws anything.

/// P(X <= x) and P(X >= x) of a chi-square variable with `degrees` degrees of freedom.
///
/// Source: the regularised incomplete gamma functions, by series below the mean and by Lentz's continued fraction
/// above it (Press et al., Numerical Recipes, 6.2).
pub fn chi_square_tails(x: f64, degrees: usize) -> (f64, f64) {
    let (a, x) = (degrees as f64 / 2.0, x / 2.0);
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-16 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        (front * sum, 1.0 - front * sum)
    } else {
        let tiny = 1e-300;
        let mut b = x + 1.0 - a;
        let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
        let mut fraction = d;
        for i in 1..10_000 {
            let an = -f64::from(i) * (f64::from(i) - a);
            b += 2.0;
            d = 1.0 / non_zero(an * d + b, tiny);
            c = non_zero(b + an / c, tiny);
            fraction *= c * d;
            if (c * d - 1.0).abs() < 1e-15 {
                break;
            }
        }
        (1.0 - front * fraction, front * fraction)
    }
}

fn non_zero(value: f64, tiny: f64) -> f64 {
    if value.abs() < tiny { tiny } else { value }
}

/// P(X >= `at_least`) of a binomial variable of `trials` trials with probability `p`.
pub fn binomial_upper_tail(trials: usize, p: f64, at_least: usize) -> f64 {
    (at_least..=trials)
        .map(|k| {
            let (n, k) = (trials as f64, k as f64);
            let choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
            (choose + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
        })
        .sum()
}

/// P(X < x) of a standard normal variable.
pub fn normal_below(x: f64) -> f64 {
    let beyond = chi_square_tails(x * x, 1).1 / 2.0;
    if x < 0.0 { beyond } else { 1.0 - beyond }
}

/// Natural logarithm of the gamma function for positive `x`, by Lanczos' approximation (g = 7, nine terms).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let series: f64 = (TERMS.iter().enumerate().skip(1))
        .map(|(i, term)| term / (x + i as f64))
        .sum();
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + (TERMS[0] + series).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{found}, expected {expected}"
        );
    }

    #[test]
    fn chi_square_tails_are_those_of_the_tables() {
        close(chi_square_tails(3.841_458_820_694_124, 1).1, 0.05);
        close(chi_square_tails(18.307_038_053_275_146, 10).1, 0.05);
        close(chi_square_tails(3.940_299_136_119_157, 10).0, 0.05);
        close(chi_square_tails(124.342_113_404_004_1, 100).1, 0.05);
        // Two degrees of freedom: an exponential.
        close(chi_square_tails(60.0, 2).1, (-30.0_f64).exp());
    }

    #[test]
    fn normal_tails_are_those_of_the_tables() {
        close(normal_below(1.959_963_984_540_054), 0.975);
        close(normal_below(-1.959_963_984_540_054), 0.025);
        close(normal_below(0.0), 0.5);
    }

    #[test]
    fn binomial_tails_are_those_counted_by_hand() {
        close(binomial_upper_tail(4, 0.5, 3), 5.0 / 16.0);
        close(
            binomial_upper_tail(300, 1e-4, 1),
            1.0 - 0.9999_f64.powi(300),
        );
    }
}
