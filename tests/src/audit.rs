//! An empirical lower bound on privacy loss, from answers alone: how well can a judge tell two neighbouring registers apart?
//! It knows nothing of the mechanism; it is sound for any, and blind to what it has not learnt to look for.
//!
//! # The bound
//! A judge is shown answers of two neighbouring registers, as many of each, and names the register right with probability
//! s on average. With p and q the probabilities that it says *with* of the register with and without the person,
//! s = (p + 1 - q) / 2.
//!
//! - If answers are rho-zCDP, KL(p || q) <= rho and KL(q || p) <= rho (Bun and Steinke 2016, arXiv 1605.02065, Definition 1.1 as
//!   alpha falls to 1, and post-processing). The mean of both is jointly convex and keeps its value under (p, q) -> (1 - q, 1 - p), so
//!   among all pairs with the same s the symmetric one has the least: **rho >= (2s - 1) ln(s / (1 - s))**.
//! - If they are (epsilon, delta)-DP, p <= e^epsilon q + delta and 1 - q <= e^epsilon (1 - p) + delta; added and halved:
//!   **epsilon >= ln((s - delta) / (1 - s))**.
//!
//! Both rise with s, so a lower confidence bound on s gives one on each. The number of right answers is a sum of independent
//! indicators whose mean is s; its upper tail is at most the binomial's (Hoeffding 1956, Theorem 4), so the bound of Clopper
//! and Pearson holds. What the judge looks at is learnt on other answers than those it is tried on.

use crate::statistics::{binomial_upper_tail, normal_below};

/// Answers of two neighbouring registers to one question.
#[derive(Clone, Debug, Default)]
pub struct Draws {
    /// From the register without the person.
    pub without: Vec<Vec<i64>>,
    /// From the register with the person.
    pub with: Vec<Vec<i64>>,
}

impl Draws {
    /// The first `count` answers of each register, and the others.
    pub fn split(&self, count: usize) -> (Draws, Draws) {
        let cut = |draws: &[Vec<i64>], first: bool| {
            let (head, tail) = draws.split_at(count.min(draws.len()));
            if first { head } else { tail }.to_vec()
        };
        (
            Draws {
                without: cut(&self.without, true),
                with: cut(&self.with, true),
            },
            Draws {
                without: cut(&self.without, false),
                with: cut(&self.with, false),
            },
        )
    }
}

/// Tells which register an answer is from: beyond a threshold along one direction it says *with*.
#[derive(Clone, Debug)]
pub struct Judge {
    direction: Vec<f64>,
    threshold: f64,
}

impl Judge {
    /// Learns from answers: the cells whose means differ, how much in units of their noise, and the threshold that is right most
    /// often.
    pub fn learn(from: &Draws) -> Judge {
        let (without, with) = (mean(&from.without), mean(&from.with));
        let noise = variance(&from.without, &without);
        let draws = from.without.len() as f64;
        let direction: Vec<f64> = (with.iter().zip(&without).zip(&noise))
            .map(|((with, without), noise)| {
                let difference = with - without;
                // The difference of two means has twice the variance of one.
                if difference.abs() > SEEN * (2.0 * noise / draws).sqrt() {
                    difference / noise.max(ROUNDING)
                } else {
                    0.0
                }
            })
            .collect();
        let mut judge = Judge {
            direction,
            threshold: 0.0,
        };
        let mut places: Vec<(f64, bool)> = (from.without.iter().map(|cells| (cells, false)))
            .chain(from.with.iter().map(|cells| (cells, true)))
            .map(|(cells, with)| (judge.place(cells), with))
            .collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Right answers if everything from here on counts as *with*.
        let mut right = from.with.len();
        let mut best = (right, f64::NEG_INFINITY);
        for pair in 0..places.len() {
            let (place, with) = places[pair];
            right = if with { right - 1 } else { right + 1 };
            let next = places.get(pair + 1).map_or(place, |next| next.0);
            if right > best.0 {
                best = (right, (place + next) / 2.0);
            }
        }
        judge.threshold = best.1;
        judge
    }

    fn place(&self, cells: &[i64]) -> f64 {
        let weighted = cells.iter().zip(&self.direction);
        weighted.map(|(&cell, weight)| cell as f64 * weight).sum()
    }

    /// Whether the answer looks like one of the register with the person.
    pub fn says_with(&self, cells: &[i64]) -> bool {
        self.place(cells) > self.threshold
    }

    /// Tries the judge on answers it has not seen.
    ///
    /// # Panics
    /// When there are not as many answers of each register.
    pub fn trial(&self, fresh: &Draws, false_alarm: f64) -> Bound {
        assert_eq!(fresh.without.len(), fresh.with.len(), "as many of each");
        let right = (fresh.with.iter())
            .filter(|cells| self.says_with(cells))
            .count()
            + (fresh.without.iter())
                .filter(|cells| !self.says_with(cells))
                .count();
        Bound::of(right, fresh.without.len() + fresh.with.len(), false_alarm)
    }
}

/// So many standard errors away from nothing, a difference of means is one; smaller ones would add noise to what is looked at.
const SEEN: f64 = 2.5;

/// Variance of a whole number that stands for all that round to it: less cannot be told of a cell, however often it repeats itself.
const ROUNDING: f64 = 1.0 / 12.0;

fn variance(draws: &[Vec<i64>], mean: &[f64]) -> Vec<f64> {
    (mean.iter().enumerate())
        .map(|(cell, mean)| {
            let squares = draws.iter().map(|draw| (draw[cell] as f64 - mean).powi(2));
            squares.sum::<f64>() / draws.len() as f64
        })
        .collect()
}

fn mean(draws: &[Vec<i64>]) -> Vec<f64> {
    let cells = draws.first().map_or(0, Vec::len);
    (0..cells)
        .map(|cell| draws.iter().map(|draw| draw[cell] as f64).sum::<f64>() / draws.len() as f64)
        .collect()
}

/// What a judge's success proves; wrong with at most the stated probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// How often it was right.
    pub right: usize,
    /// Of so many.
    pub trials: usize,
    /// Lower confidence bound on the probability of being right.
    pub success: f64,
    /// rho is at least this.
    pub rho: f64,
}

impl Bound {
    /// The bound from `right` of `trials`.
    pub fn of(right: usize, trials: usize, false_alarm: f64) -> Bound {
        let success = success_at_least(right, trials, false_alarm);
        Bound {
            right,
            trials,
            success,
            rho: rho_at_least(success),
        }
    }

    /// epsilon at this delta is at least this.
    pub fn epsilon(&self, delta: f64) -> f64 {
        let odds = (self.success - delta) / (1.0 - self.success);
        if odds > 1.0 { odds.ln() } else { 0.0 }
    }
}

/// The least rho with which one can be right with probability `success`.
pub fn rho_at_least(success: f64) -> f64 {
    if success <= 0.5 {
        return 0.0;
    }
    (2.0 * success - 1.0) * (success / (1.0 - success)).ln()
}

/// Clopper and Pearson's lower bound on a probability.
pub fn success_at_least(right: usize, trials: usize, false_alarm: f64) -> f64 {
    if right == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, right as f64 / trials as f64);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if binomial_upper_tail(trials, middle, right) < false_alarm {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The probability that an audit of `trials` answers misses a fault: that its bound stays at or below `claim`, although
/// answers are Gaussian with means `distance` standard deviations apart along the direction the judge has learnt.
pub fn miss(trials: usize, distance: f64, claim: f64, false_alarm: f64) -> f64 {
    // The bound rises with the number of right answers: find the least that passes the claim.
    let (mut low, mut high) = (0, trials);
    while low < high {
        let middle = (low + high) / 2;
        if Bound::of(middle, trials, false_alarm).rho > claim {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if Bound::of(low, trials, false_alarm).rho <= claim {
        return 1.0;
    }
    let success = normal_below(distance / 2.0);
    // P(right < low) = P(wrong >= trials - low + 1).
    binomial_upper_tail(trials, 1.0 - success, trials - low + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALSE_ALARM: f64 = 1e-6;

    fn close(found: f64, expected: f64) {
        assert!(
            (found / expected - 1.0).abs() < 1e-3,
            "{found}, expected {expected}"
        );
    }

    #[test]
    fn bounds_on_a_probability_are_those_of_the_tables() {
        // Clopper-Pearson, one-sided 97.5 percent.
        close(success_at_least(8, 10, 0.025), 0.44390);
        close(success_at_least(10, 10, 0.025), 0.69150);
        assert_eq!(success_at_least(0, 10, 0.025), 0.0);
    }

    #[test]
    fn the_bound_on_rho_is_least_among_all_judges_of_equal_success() {
        let kl = |p: f64, q: f64| p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
        for success in [0.55, 0.7, 0.9] {
            let least = rho_at_least(success);
            for step in 1..100 {
                let q = f64::from(step) / 100.0 * (2.0 - 2.0 * success);
                let p = 2.0 * success - 1.0 + q;
                if p < 1.0 && q > 0.0 {
                    assert!(kl(p, q).max(kl(q, p)) >= least - 1e-12, "p {p} q {q}");
                }
            }
        }
    }

    #[test]
    fn the_best_judge_of_gaussians_never_proves_more_than_their_loss() {
        // Means mu standard deviations apart are mu^2 / 2-zCDP, and the best judge is right with probability Phi(mu / 2).
        for mu in [0.01, 0.5, 1.0, 2.0, 4.0, 8.0] {
            let loss = mu * mu / 2.0;
            let proven = rho_at_least(normal_below(mu / 2.0));
            assert!(proven < loss, "{proven} of {loss}");
            assert!(mu > 1.0 || proven > 0.6 * loss, "{proven} of {loss}");
        }
    }

    #[test]
    fn a_judge_learns_where_registers_differ_and_not_from_what_it_is_tried_on() {
        let draws = |offset: i64| (0..40).map(|n| vec![7, offset + n % 5, -3]).collect();
        let apart = Draws {
            without: draws(0),
            with: draws(9),
        };
        let (training, fresh) = apart.split(10);
        let bound = Judge::learn(&training).trial(&fresh, FALSE_ALARM);
        assert_eq!((bound.right, bound.trials), (60, 60));
        assert!(bound.rho > 0.5 && bound.epsilon(1e-6) > 1.0, "{bound:?}");

        // Without any noise at all too.
        let still = |cell: i64| (0..40).map(|_| vec![cell, 4]).collect();
        let (training, fresh) = Draws {
            without: still(12),
            with: still(13),
        }
        .split(10);
        assert_eq!(Judge::learn(&training).trial(&fresh, FALSE_ALARM).right, 60);

        let alike = Draws {
            without: draws(0),
            with: draws(0),
        };
        let (training, fresh) = alike.split(10);
        let bound = Judge::learn(&training).trial(&fresh, FALSE_ALARM);
        assert_eq!(
            (bound.right, bound.rho, bound.epsilon(1e-6)),
            (30, 0.0, 0.0)
        );
    }

    #[test]
    fn power_falls_with_fewer_answers_and_smaller_faults() {
        assert!(miss(4_000, 4.0, 2.0, FALSE_ALARM) < 1e-6);
        assert!(miss(100, 4.0, 2.0, FALSE_ALARM) > 0.5);
        // Within the claim nothing is found, however many are tried.
        assert!(miss(4_000, 2.0, 2.0, FALSE_ALARM) > 0.999);
    }
}
