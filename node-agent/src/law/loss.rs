//! What an amount of loss means to somebody who is no statistician, with the theorem behind each number.

use super::document::Language;
use privacy_loss::NanoRho;

/// The delta of every epsilon shown.
const DELTA: f64 = 1e-6;

/// Most that a judge who knows everything but one person's rows can be right in telling whether they are in the register,
/// after a toss of a coin decided it: a probability from one half on.
///
/// rho-zCDP bounds the Kullback-Leibler divergence of the two distributions of all answers by rho (Bun and Steinke 2016,
/// Definition 1.1, alpha to 1), hence their total variation by sqrt(rho / 2) (Pinsker) and by sqrt(1 - exp(-rho))
/// (Bretagnolle and Huber 1979); the best judge is right with probability (1 + total variation) / 2.
pub(crate) fn best_guess(rho: NanoRho) -> f64 {
    let rho = rho.rho();
    let variation = (rho / 2.0).sqrt().min((1.0 - (-rho).exp()).sqrt());
    (1.0 + variation) / 2.0
}

/// [`best_guess`] in percent, rounded up to a tenth.
pub(super) fn guess_words(rho: NanoRho, language: Language) -> String {
    // A tenth that floating point has just passed is not rounded up again.
    let tenths = (best_guess(rho) * 1_000.0 - 1e-9).ceil().min(1_000.0);
    let number = format!("{:.1}", tenths / 10.0);
    language.pick(
        format!("{} %", number.replace('.', ",")),
        format!("{number}%"),
    )
}

/// rho, and epsilon at delta 1e-6.
pub(super) fn rho_words(rho: NanoRho, language: Language) -> String {
    let epsilon = format!("{:.2}", privacy_loss::epsilon(rho, DELTA));
    let epsilon = language.pick(epsilon.replace('.', ","), epsilon);
    // Nine decimals hide the amount among zeros.
    let amount = rho.to_string();
    let amount = match amount.contains('.') {
        true => (amount.trim_end_matches('0').trim_end_matches('.')).to_owned(),
        false => amount,
    };
    let amount = language.pick(amount.replace('.', ","), amount);
    format!("rho {amount} (epsilon {epsilon}, delta 1e-6)")
}

/// So many times an amount.
pub(super) fn times(rho: NanoRho, factor: u64) -> NanoRho {
    NanoRho::new(rho.nano().saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_guess_begins_at_one_half_grows_and_lies_above_what_a_gaussian_allows() {
        assert!((best_guess(NanoRho::ZERO) - 0.5).abs() < 1e-12);
        // Phi(sqrt(rho / 2)) of one Gaussian answer, from tables of the normal distribution.
        for (nano, gaussian) in [
            (100_000_000, 0.58846),
            (1_000_000_000, 0.76025),
            (10_000_000_000, 0.98733),
        ] {
            let guess = best_guess(NanoRho::new(nano));
            assert!(guess > gaussian && guess < 1.0, "{nano}: {guess}");
        }
        assert!(rho_words(NanoRho::new(800_000_000), Language::It).starts_with("rho 0,8 (epsilon"));
        assert!(
            rho_words(NanoRho::new(10_000_000_000), Language::En).starts_with("rho 10 (epsilon")
        );
        assert_eq!(guess_words(NanoRho::ZERO, Language::En), "50.0%");
        assert_eq!(guess_words(NanoRho::new(u64::MAX), Language::It), "100,0 %");
    }
}
