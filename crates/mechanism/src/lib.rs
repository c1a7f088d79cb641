//! The one mechanism: discrete Gaussian noise on exact integer vectors, from OpenDP.
//! An exact aggregate goes in and is consumed; only noisy cells come out. Noise is never a function of the query.

use kernel::Exact;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::error::Fallible;
use opendp::measurements::make_gaussian;
use opendp::measures::ZeroConcentratedDivergence;
use opendp::metrics::L2Distance;
use privacy_loss::{NanoRho, Price, SlicePrice};
use std::num::NonZero;
use std::ops::Range;
use std::thread;

/// Name of the mechanism in receipts.
pub const MECHANISM: &str = "discrete-gaussian";

/// Where the noise comes from, as receipts state it.
pub const NOISE_SOURCE: &str =
    "opendp 0.16 discrete Gaussian, ChaCha20 reseeded from the operating system";

/// Cells with noise on them: the only form in which an aggregate leaves the node's process.
#[derive(Clone, Debug, PartialEq)]
pub struct Noisy<T> {
    cells: T,
    price: Price,
}

impl<T> Noisy<T> {
    /// The noisy cells.
    pub fn cells(&self) -> &T {
        &self.cells
    }

    /// The price at which the noise was drawn.
    pub fn price(&self) -> &Price {
        &self.price
    }
}

/// Why no noise could be drawn. Never a function of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MechanismError {
    /// The loss at this scale, as OpenDP computes it, would exceed what was charged.
    #[error("the noise would cost more than was charged")]
    Undercharged,
    /// OpenDP refused the parameters or could not draw.
    #[error("the mechanism could not be run")]
    Failed,
}

/// Releases `exact` with independent discrete Gaussian noise on every cell, of the scale of the cell's slice.
///
/// # Proof
/// Each slice's sensitivity bounds the Euclidean distance between its vectors of neighbouring registers
/// (`privacy_loss::price`), so its release is D2^2 / (2 sigma^2)-zCDP (Canonne, Kamath and Steinke 2020,
/// arXiv 2004.00010, Theorem 4), and the slices' losses add up (Bun and Steinke 2016, Lemma 1.7). Each loss is computed a
/// second time by OpenDP, and their sum compared with the charge, before anything is drawn.
///
/// A long answer is cut into parts, each drawn by measurements of its own. That is not a composition in which each part
/// would lose as much as the whole: let d_i be the distance between two neighbours' i-th parts of one slice. The draws of
/// different parts are independent, so the loss of all of them is the sum of d_i^2 / (2 sigma^2), and the d_i^2 add up to
/// the squared distance of the whole slices, at most D2^2. Where the cuts lie depends on the numbers of cells and of
/// processors, both public. OpenDP checks each part against the whole D2, the most that could lie in it.
///
/// Every part is drawn on a thread of its own: a measurement cannot be shared, and a fresh thread's
/// generator is seeded by the operating system, so that parts are independent and a copied machine does not repeat its
/// noise.
///
/// # Errors
/// See [`MechanismError`]; nothing was released then.
pub fn release(exact: Exact<Vec<i64>>, price: &Price) -> Result<Noisy<Vec<i64>>, MechanismError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let cells =
        exact.release_through(|cells| with_noise(&cells, price, threads.min(MAX_THREADS)))?;
    Ok(Noisy {
        cells,
        price: price.clone(),
    })
}

/// Fewest cells worth a thread of their own: some tens of milliseconds of drawing.
const CELLS_PER_THREAD: usize = 4_096;
/// Most threads of one answer; an answer must not take a whole office computer.
const MAX_THREADS: usize = 8;

/// Draws on new threads, at most so many.
fn with_noise(cells: &[i64], price: &Price, threads: usize) -> Result<Vec<i64>, MechanismError> {
    let length: usize = price.slices.iter().map(|slice| slice.cells).sum();
    if length != cells.len() {
        return Err(MechanismError::Failed);
    }
    let mut losses = price.slices.iter().map(|slice| slice.rho);
    let total = losses.try_fold(NanoRho::ZERO, NanoRho::checked_add);
    if total.is_none_or(|total| total > price.rho) {
        return Err(MechanismError::Undercharged);
    }
    let share = cells.len().div_ceil(threads.max(1)).max(CELLS_PER_THREAD);
    thread::scope(|scope| {
        let parts: Vec<_> = (0..cells.len())
            .step_by(share)
            .map(|first| first..cells.len().min(first + share))
            .map(|part| scope.spawn(|| part_with_noise(cells, part, price)))
            .collect();
        let mut noisy = Vec::with_capacity(cells.len());
        let mut failed = None;
        // All are waited for, so that no thread outlives the answer.
        for part in parts {
            match part.join() {
                Ok(Ok(part)) => noisy.extend(part),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(MechanismError::Failed),
            }
        }
        failed.map_or(Ok(noisy), Err)
    })
}

/// Draws some of the cells on this thread: of each slice what lies among them.
fn part_with_noise(
    cells: &[i64],
    part: Range<usize>,
    price: &Price,
) -> Result<Vec<i64>, MechanismError> {
    let mut noisy = Vec::with_capacity(part.len());
    let mut start = 0;
    for slice in &price.slices {
        let end = start + slice.cells;
        let of_slice = part.start.max(start)..part.end.min(end);
        if !of_slice.is_empty() {
            noisy.extend(slice_with_noise(&cells[of_slice], slice)?);
        }
        start = end;
    }
    Ok(noisy)
}

fn slice_with_noise(cells: &[i64], price: &SlicePrice) -> Result<Vec<i64>, MechanismError> {
    let draw = || -> Fallible<Result<Vec<i64>, MechanismError>> {
        let measurement = make_gaussian::<_, _, ZeroConcentratedDivergence>(
            VectorDomain::new(AtomDomain::<i64>::default()),
            L2Distance::<f64>::default(),
            price.sigma,
            None,
        )?;
        let loss: f64 = measurement.map(&price.sensitivity.d2())?;
        if loss > price.rho.rho().next_up() {
            return Ok(Err(MechanismError::Undercharged));
        }
        Ok(Ok(measurement.invoke(&cells.to_vec())?))
    };
    draw().unwrap_or(Err(MechanismError::Failed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use privacy_loss::Sensitivity;

    fn slice(sigma: f64, cells: usize) -> SlicePrice {
        let nano = (1e9 / (2.0 * sigma * sigma)).ceil() as u64 + 1;
        SlicePrice {
            of: "nil".to_owned(),
            cells,
            sensitivity: Sensitivity { squared: 1 },
            rho: NanoRho::new(nano),
            sigma,
        }
    }

    fn noise(cells: Vec<i64>, sigma: f64) -> Result<Vec<i64>, MechanismError> {
        let slice = slice(sigma, cells.len());
        let price = Price {
            rho: slice.rho,
            slices: vec![slice],
        };
        with_noise(&cells, &price, 2)
    }

    /// The quantile of chi-square at `1 - 1e-6`, by Wilson and Hilferty; within a percent for these degrees.
    fn chi_square_limit(degrees: f64) -> f64 {
        let z = 4.753_424;
        let a = 2.0 / (9.0 * degrees);
        1.01 * degrees * (1.0 - a + z * a.sqrt()).powi(3)
    }

    /// False alarm rate: 1e-6 for each of three scales.
    #[test]
    fn noise_follows_the_stated_discrete_gaussian() {
        const DRAWS: usize = 200_000;
        for sigma in [0.8, 3.0, 12.5] {
            let drawn = noise(vec![1_000; DRAWS], sigma).expect("noise");
            let weight = |x: i64| (-((x * x) as f64) / (2.0 * sigma * sigma)).exp();
            let reach = (12.0 * sigma) as i64 + 2;
            let total: f64 = (-reach..=reach).map(weight).sum();

            // Every cell expects 100 draws or more, the two pooled tails as well: with fewer the statistic would
            // have longer tails than chi-square, and false alarms would be commoner than stated.
            let share =
                |from: i64, to: i64| (from..=to).map(weight).sum::<f64>() / total * DRAWS as f64;
            let edge = (0..=reach)
                .take_while(|&x| share(x, x) >= 100.0 && share(x + 1, reach) >= 100.0)
                .last()
                .expect("a centre");
            let tail = share(edge + 1, reach);
            let mut expected: Vec<f64> = vec![tail];
            expected.extend((-edge..=edge).map(|x| share(x, x)));
            expected.push(tail);
            let mut seen = vec![0f64; expected.len()];
            for value in drawn {
                let at = (value - 1_000).clamp(-edge - 1, edge + 1) + edge + 1;
                seen[at as usize] += 1.0;
            }
            let statistic: f64 = (seen.iter().zip(&expected))
                .map(|(s, e)| (s - e).powi(2) / e)
                .sum();
            let limit = chi_square_limit(expected.len() as f64 - 1.0);
            assert!(statistic < limit, "sigma {sigma}: {statistic} over {limit}");
        }
    }

    /// False alarm rate: 1e-6. The variance stated in receipts bounds the one drawn.
    #[test]
    fn the_stated_variance_holds() {
        let sigma = 7.0;
        let drawn = noise(vec![0; 200_000], sigma).expect("noise");
        let variance = drawn.iter().map(|&x| (x * x) as f64).sum::<f64>() / drawn.len() as f64;
        let slack = 5.0 * (2.0 / drawn.len() as f64).sqrt();
        assert!(
            (variance / slice(sigma, 1).variance() - 1.0).abs() < slack,
            "{variance}"
        );
    }

    #[test]
    fn refuses_to_draw_less_noise_than_was_paid_for() {
        let mut cheap = slice(5.0, 1);
        cheap.sigma = 4.9;
        let price = Price {
            rho: cheap.rho,
            slices: vec![cheap],
        };
        assert_eq!(
            with_noise(&[0], &price, 2),
            Err(MechanismError::Undercharged)
        );
        // Two slices, each paid for, with a charge for one.
        let price = Price {
            rho: slice(5.0, 1).rho,
            slices: vec![slice(5.0, 1), slice(5.0, 1)],
        };
        assert_eq!(
            with_noise(&[0, 0], &price, 2),
            Err(MechanismError::Undercharged)
        );
    }

    /// False alarm rate: below 1e-6 (a draw at ten standard deviations, 2,000 times).
    #[test]
    fn each_slice_has_the_noise_of_its_own_scale() {
        let (fine, coarse) = (slice(0.5, 1_000), slice(400.0, 1_000));
        let price = Price {
            rho: fine.rho.checked_add(coarse.rho).expect("a sum"),
            slices: vec![fine, coarse],
        };
        let drawn = with_noise(&[0; 2_000], &price, 2).expect("noise");
        let largest = |cells: &[i64]| cells.iter().map(|cell| cell.abs()).max();
        assert!(largest(&drawn[..1_000]) <= Some(5));
        assert!((Some(100)..=Some(4_000)).contains(&largest(&drawn[1_000..])));
    }

    #[test]
    fn cells_and_prices_of_other_lengths_are_not_mixed() {
        let price = Price {
            rho: slice(5.0, 2).rho,
            slices: vec![slice(5.0, 2)],
        };
        assert_eq!(with_noise(&[0], &price, 2), Err(MechanismError::Failed));
    }

    /// Parts keep their places, and their noise is no other part's. False alarm rates: below 1e-9 that a cell of `sigma`
    /// 1 lies 8 away from its value, and that two parts of 4,096 cells agree in so many.
    #[test]
    fn a_long_answer_is_drawn_in_parts_that_keep_their_places_and_share_no_noise() {
        // Two slices; the middle part holds the end of one and the beginning of the other.
        let lengths = [5_000, 3 * CELLS_PER_THREAD + 5 - 5_000];
        let slices = lengths.map(|cells| slice(1.0, cells)).to_vec();
        let price = Price {
            rho: slices[0].rho.checked_add(slices[1].rho).expect("a sum"),
            slices,
        };
        let cells: Vec<i64> = (0..3 * CELLS_PER_THREAD as i64 + 5)
            .map(|cell| 1_000 * cell)
            .collect();
        let noisy = with_noise(&cells, &price, 3).expect("noise");
        assert_eq!(noisy.len(), cells.len());
        let noise = noisy.iter().zip(&cells).map(|(noisy, cell)| noisy - cell);
        let noise: Vec<i64> = noise.collect();
        assert!(noise.iter().all(|noise| noise.abs() < 8));
        // Two draws of the same distribution agree with probability 0.28: in 1,150 of 4,096 cells, give or take 29.
        let parts: Vec<&[i64]> = noise.chunks(cells.len().div_ceil(3)).collect();
        assert_eq!(parts.len(), 3);
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let same = parts[one].iter().zip(parts[other]);
            assert!(same.filter(|(a, b)| a == b).count() < 1_150 + 10 * 29);
        }
    }

    #[test]
    fn a_part_that_is_undercharged_refuses_the_whole() {
        let mut cheap = slice(5.0, CELLS_PER_THREAD);
        cheap.sigma = 4.9;
        let paid = slice(5.0, CELLS_PER_THREAD);
        let price = Price {
            rho: cheap.rho.checked_add(paid.rho).expect("a sum"),
            slices: vec![paid, cheap],
        };
        let cells = vec![0; 2 * CELLS_PER_THREAD];
        assert_eq!(
            with_noise(&cells, &price, 2),
            Err(MechanismError::Undercharged)
        );
    }

    #[test]
    fn each_release_draws_anew() {
        let draw = || noise(vec![0; 64], 50.0).expect("noise");
        // 64 equal draws at sigma 50: a chance of about 1e-137.
        assert_ne!(draw(), draw());
    }
}
