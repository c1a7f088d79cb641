//! What an amount of rho means as (epsilon, delta), for people who think in epsilon.
//! The conversion is for display; budgets are kept and compared in rho.

use crate::rho::NanoRho;

/// The smallest epsilon this conversion proves for `rho` at `delta`, from the bound of Canonne, Kamath and
/// Steinke 2020 (arXiv 2004.00010, Corollary 13): rho-zCDP implies (epsilon, delta)-DP with
/// delta = inf over alpha > 1 of exp((alpha - 1)(alpha rho - epsilon)) / (alpha - 1) * (1 - 1/alpha)^alpha.
///
/// `delta` lies strictly between 0 and 1; zero loss is epsilon 0.
pub fn epsilon(rho: NanoRho, delta: f64) -> f64 {
    if rho == NanoRho::ZERO {
        return 0.0;
    }
    let rho = rho.rho();
    // For fixed alpha the bound solves for epsilon in closed form; it is convex in log(alpha - 1) where
    // it matters, so a golden-section search over a wide bracket finds the least.
    let at = |log_gap: f64| {
        let gap = log_gap.exp();
        let alpha = 1.0 + gap;
        alpha * rho + (alpha * (1.0 - 1.0 / alpha).ln() - gap.ln() - delta.ln()) / gap
    };
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-12.0, 14.0);
    for _ in 0..200 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if at(a) < at(b) {
            high = b;
        } else {
            low = a;
        }
    }
    at((low + high) / 2.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_reference_implementation() {
        // IBM's cdp2adp and OpenDP 0.16 at delta 1e-6.
        for (rho, expected) in [
            (0.05, 1.47),
            (0.1, 2.1419),
            (0.25, 3.54),
            (0.5, 5.2215),
            (1.0, 7.7662),
        ] {
            let got = epsilon(NanoRho::new((rho * 1e9) as u64), 1e-6);
            assert!(
                (got - expected).abs() < 0.006,
                "rho {rho}: {got} against {expected}"
            );
        }
        let got = epsilon(NanoRho::new(2_560_000_000), 1e-10);
        assert!((got - 17.1583).abs() < 0.001, "{got}");
    }

    #[test]
    fn grows_with_rho() {
        let mut last = 0.0;
        for nano in [1, 1_000, 1_000_000, 1_000_000_000, 100_000_000_000] {
            let next = epsilon(NanoRho::new(nano), 1e-6);
            assert!(next >= last, "{nano}: {next} < {last}");
            last = next;
        }
    }
}
