//! Whether counts stand out of their noise: the rule by which previews warn and defaults were chosen.
//! It reads expected counts from public facts, never a register.

/// Standard deviations of the normal distribution in a 95 percent margin.
const MARGIN_95: f64 = 1.959_964;

/// The 95 percent margin of noise with this standard deviation, as a share of a typical count. Without any count it is
/// infinite.
pub fn relative_margin(typical: f64, standard_deviation: f64) -> f64 {
    if typical > 0.0 {
        MARGIN_95 * standard_deviation / typical
    } else {
        f64::INFINITY
    }
}

/// Whether cells of a typical count are useful: the margin is at most half the count, so that twice as many and half as
/// many can be told apart.
pub fn is_useful(typical: f64, standard_deviation: f64) -> bool {
    relative_margin(typical, standard_deviation) <= 0.5
}

/// The smallest whole count that is useful under noise with this standard deviation.
pub fn useful_from(standard_deviation: f64) -> f64 {
    (2.0 * MARGIN_95 * standard_deviation).ceil().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_useful_from_four_standard_deviations_on() {
        assert!(is_useful(40.0, 10.0));
        assert!(!is_useful(39.0, 10.0));
        assert!(!is_useful(0.0, 0.0));
        assert_eq!(relative_margin(0.0, 1.0), f64::INFINITY);
        for standard_deviation in [0.0, 0.2, 6.32, 143.1] {
            let from = useful_from(standard_deviation);
            assert!(is_useful(from, standard_deviation));
            assert!(!is_useful(from - 1.0, standard_deviation));
        }
    }
}
