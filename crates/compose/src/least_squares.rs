//! Generalised least squares over a lattice: of noisy measurements of overlapping cells the estimates that agree with each
//! other, of least variance among all linear unbiased ones, with their exact covariances.
//!
//! With relations C x = 0 of the exact cells and independent noise of variances V, the estimate is
//! x = y - V C' (C V C')^-1 C y =: G y, and its covariance is G V G' = G V. Where cells are trees the same comes from two passes
//! in closed form (Hay, Rastogi, Miklau and Suciu 2010, arXiv 0904.0942, for equal variances; arXiv 2404.13164 for any);
//! elsewhere C V C' is sparse and is factored as such.
//!
//! It never moves an estimate to zero: what is unbiased stays so, and may be negative.

mod factor;
#[cfg(test)]
mod reference;
mod tree;

use crate::ComposeError;
use crate::lattice::Lattice;
use factor::Factor;
use std::collections::BTreeMap;

/// A weighted sum of cells of a lattice, by their numbers: a region is a sum of cells, a difference has signs.
pub type Combination = [(usize, f64)];

/// A lattice with the noise variance of each of its measurements: what is needed to estimate any number of times.
#[derive(Clone, Debug)]
pub struct LeastSquares<'a> {
    lattice: &'a Lattice,
    variance: Vec<f64>,
    solver: Solver,
}

#[derive(Clone, Debug)]
enum Solver {
    /// Cells from the leaves to the roots.
    Tree(Vec<usize>),
    Sparse {
        /// Of each cell its entries in the relations.
        columns: Vec<Vec<(usize, f64)>>,
        factor: Factor,
    },
}

impl<'a> LeastSquares<'a> {
    /// Measurements of all cells of a lattice with independent noise of these variances.
    ///
    /// # Errors
    /// [`ComposeError::OtherShape`] where there is not one variance for each cell, [`ComposeError::InvalidVariance`] where one is
    /// negative, infinite or not a number.
    pub fn new(lattice: &'a Lattice, variance: Vec<f64>) -> Result<Self, ComposeError> {
        shape(lattice, &variance)?;
        if !variance.iter().all(|v| v.is_finite() && *v >= 0.0) {
            return Err(ComposeError::InvalidVariance);
        }
        let solver = match lattice.parents() {
            Some(parents) => Solver::Tree(tree::leaves_first(parents)),
            None => Solver::sparse(lattice, &variance),
        };
        Ok(LeastSquares {
            lattice,
            variance,
            solver,
        })
    }

    /// The same by factoring the relations, though they be trees: what the closed form is compared with.
    ///
    /// # Errors
    /// As [`LeastSquares::new`].
    pub fn factored(lattice: &'a Lattice, variance: Vec<f64>) -> Result<Self, ComposeError> {
        let solver = Solver::sparse(lattice, &variance);
        Ok(LeastSquares {
            solver,
            ..LeastSquares::new(lattice, variance)?
        })
    }

    /// The lattice.
    pub fn lattice(&self) -> &'a Lattice {
        self.lattice
    }

    /// The estimates of all cells from their measurements.
    ///
    /// # Errors
    /// [`ComposeError::OtherShape`] where there is not one measurement for each cell.
    pub fn estimate(&self, measured: &[f64]) -> Result<Vec<f64>, ComposeError> {
        shape(self.lattice, measured)?;
        Ok(self.project(measured))
    }

    /// G y.
    fn project(&self, measured: &[f64]) -> Vec<f64> {
        let mut cells = measured.to_vec();
        match (&self.solver, self.lattice.parents()) {
            (Solver::Tree(order), Some(parents)) => {
                tree::estimate(order, parents, &self.variance, &mut cells);
            }
            (Solver::Tree(_), None) => {}
            (Solver::Sparse { columns, factor }, _) => {
                let mut forces: Vec<f64> = (self.lattice.relations().iter())
                    .map(|row| {
                        row.iter()
                            .map(|(cell, weight)| weight * measured[*cell])
                            .sum()
                    })
                    .collect();
                factor.solve(&mut forces);
                for ((cell, column), variance) in cells.iter_mut().zip(columns).zip(&self.variance)
                {
                    let force: f64 = column
                        .iter()
                        .map(|(row, weight)| weight * forces[*row])
                        .sum();
                    *cell -= variance * force;
                }
            }
        }
        cells
    }

    /// The variance of each estimate.
    pub fn variances(&self) -> Vec<f64> {
        match (&self.solver, self.lattice.parents()) {
            (Solver::Tree(order), Some(parents)) => tree::variances(order, parents, &self.variance),
            (Solver::Tree(_), None) => self.variance.clone(),
            (Solver::Sparse { columns, factor }, _) => {
                // v - v^2 c' (C V C')^-1 c: many cells have the same c.
                let mut known: BTreeMap<Vec<(usize, u64)>, f64> = BTreeMap::new();
                (columns.iter().zip(&self.variance))
                    .map(|(column, variance)| {
                        let key = column.iter().map(|(row, w)| (*row, w.to_bits())).collect();
                        let part = *known.entry(key).or_insert_with(|| {
                            let mut solved = vec![0.0; self.lattice.relations().len()];
                            for (row, weight) in column {
                                solved[*row] = *weight;
                            }
                            factor.solve(&mut solved);
                            column
                                .iter()
                                .map(|(row, weight)| weight * solved[*row])
                                .sum()
                        });
                        (variance - variance * variance * part).max(0.0)
                    })
                    .collect()
            }
        }
    }

    /// What remains to be known of a combination: the covariance of its estimate with each cell's.
    pub fn covariances(&self, of: &Combination) -> Vec<f64> {
        let mut noise = vec![0.0; self.lattice.cells()];
        for (cell, weight) in of {
            noise[*cell] += weight * self.variance[*cell];
        }
        self.project(&noise)
    }

    /// The covariance of the estimates of two combinations; of one with itself, its variance.
    pub fn covariance(&self, of: &Combination, with: &Combination) -> f64 {
        let of = self.covariances(of);
        with.iter().map(|(cell, weight)| weight * of[*cell]).sum()
    }
}

impl Solver {
    fn sparse(lattice: &Lattice, variance: &[f64]) -> Solver {
        let mut columns: Vec<Vec<(usize, f64)>> = vec![Vec::new(); lattice.cells()];
        for (number, row) in lattice.relations().iter().enumerate() {
            for (cell, weight) in row {
                columns[*cell].push((number, *weight));
            }
        }
        let mut rows: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); lattice.relations().len()];
        for (column, variance) in columns.iter().zip(variance) {
            for (row, weight) in column {
                for (other, with) in column {
                    *rows[*row].entry(*other).or_insert(0.0) += variance * weight * with;
                }
            }
        }
        Solver::Sparse {
            columns,
            factor: Factor::new(rows),
        }
    }
}

fn shape(lattice: &Lattice, values: &[f64]) -> Result<(), ComposeError> {
    if values.len() == lattice.cells() {
        Ok(())
    } else {
        Err(ComposeError::OtherShape {
            expected: lattice.cells(),
            found: values.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::reference::dense;
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian};
    use crate::lattice::Tiling;
    use proptest::prelude::*;

    /// A tiling coarser than another: cells of the finer thrown together at random.
    fn coarser(finer: &Tiling, cells: usize, dice: &mut Dice) -> Tiling {
        let into: Vec<usize> = (0..finer.cells())
            .map(|_| (dice.roll() % cells as u64) as usize)
            .collect();
        let cell_of = finer.cell_of().iter().map(|cell| into[*cell]).collect();
        Tiling::try_new(cell_of, cells).expect("a tiling")
    }

    /// A lattice as cities have them: a chain of levels, one that does not nest in it, the whole, twice measured at times; with or
    /// without the finest level that refines both; some cells without atoms.
    fn city(dice: &mut Dice) -> Lattice {
        let atoms = 2 + (dice.roll() % 9) as usize;
        let each = Tiling::each(atoms);
        let fine = coarser(&each, 2 + (dice.roll() % 5) as usize, dice);
        let coarse = coarser(&fine, 1 + (dice.roll() % 3) as usize, dice);
        let across = coarser(&each, 1 + (dice.roll() % 4) as usize, dice);
        let all = Tiling::all(atoms);
        let tilings = match dice.roll() % 6 {
            0 => vec![all, coarse, fine],
            1 => vec![all, across, fine],
            2 => vec![all, across, coarse, fine, each],
            3 => vec![across, fine, coarse],
            4 => vec![all.clone(), fine.clone(), fine, all, each],
            _ => vec![each, across],
        };
        Lattice::try_new(tilings).expect("a lattice")
    }

    /// Margins of a table of areas by sexes by ages, the areas of two levels.
    fn table(dice: &mut Dice) -> Lattice {
        let (areas, ages) = (
            2 + (dice.roll() % 3) as usize,
            2 + (dice.roll() % 2) as usize,
        );
        let (each, all) = (Tiling::each, Tiling::all);
        let every = [
            all(areas).times(&all(2)).times(&all(ages)),
            each(areas).times(&all(2)).times(&all(ages)),
            all(areas).times(&each(2)).times(&all(ages)),
            each(areas).times(&each(2)).times(&all(ages)),
            each(areas).times(&all(2)).times(&each(ages)),
            all(areas).times(&each(2)).times(&each(ages)),
            each(areas).times(&each(2)).times(&each(ages)),
        ];
        let mut tilings: Vec<Tiling> = (every.into_iter())
            .filter(|_| !dice.roll().is_multiple_of(3))
            .collect();
        if tilings.is_empty() {
            tilings.push(each(areas).times(&each(2)).times(&each(ages)));
        }
        Lattice::try_new(tilings).expect("a lattice")
    }

    fn near(found: f64, expected: f64, scale: f64) -> bool {
        (found - expected).abs() <= 1e-9 * scale
    }

    fn equals_the_reference(lattice: &Lattice, dice: &mut Dice) {
        let cells = lattice.cells();
        let variance: Vec<f64> = (0..cells)
            .map(|_| 0.1 + (dice.roll() % 900) as f64 / 10.0)
            .collect();
        let measured: Vec<f64> = (0..cells)
            .map(|_| (dice.roll() % 2_000) as f64 - 200.0)
            .collect();
        let expected = dense(lattice.tilings(), &variance, &measured);
        for least in [
            LeastSquares::new(lattice, variance.clone()).expect("variances"),
            LeastSquares::factored(lattice, variance.clone()).expect("variances"),
        ] {
            let found = least.estimate(&measured).expect("as many cells");
            let variances = least.variances();
            for cell in 0..cells {
                assert!(
                    near(found[cell], expected.cells[cell], 2_000.0),
                    "{cell}: {lattice:?}"
                );
                let of_cell = least.covariances(&[(cell, 1.0)]);
                assert!(near(variances[cell], expected.covariance[cell][cell], 90.0));
                for (other, covariance) in of_cell.iter().enumerate() {
                    assert!(near(*covariance, expected.covariance[cell][other], 90.0));
                }
            }
            // A difference of regions.
            let difference: Vec<(usize, f64)> = (0..cells.min(5))
                .map(|cell| (cell, [1.0, -1.0][cell % 2]))
                .collect();
            let sum: f64 = (difference.iter())
                .flat_map(|(a, x)| difference.iter().map(move |(b, y)| (a, b, x * y)))
                .map(|(a, b, weight)| weight * expected.covariance[*a][*b])
                .sum();
            assert!(near(least.covariance(&difference, &difference), sum, 900.0));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_city_is_estimated_as_by_the_dense_reference(seed: u64) {
            let mut dice = Dice(seed);
            let lattice = city(&mut dice);
            equals_the_reference(&lattice, &mut dice);
        }

        #[test]
        fn margins_of_a_table_are_estimated_as_by_the_dense_reference(seed: u64) {
            let mut dice = Dice(seed);
            let lattice = table(&mut dice);
            equals_the_reference(&lattice, &mut dice);
        }

        #[test]
        fn estimates_agree_and_what_agreed_is_left_alone(seed: u64) {
            let mut dice = Dice(seed);
            let lattice = city(&mut dice);
            let variance = vec![2.0; lattice.cells()];
            let least = LeastSquares::new(&lattice, variance).expect("variances");
            let measured: Vec<f64> = (0..lattice.cells()).map(|_| (dice.roll() % 500) as f64).collect();
            let found = least.estimate(&measured).expect("as many cells");
            for row in lattice.relations() {
                let sum: f64 = row.iter().map(|(cell, weight)| weight * found[*cell]).sum();
                prop_assert!(near(sum, 0.0, 500.0));
            }
            let again = least.estimate(&found).expect("as many cells");
            for (again, found) in again.iter().zip(&found) {
                prop_assert!(near(*again, *found, 500.0));
            }
            for (after, before) in least.variances().iter().zip(&least.variance) {
                prop_assert!(*after <= *before * (1.0 + 1e-12));
            }
        }
    }

    #[test]
    fn exact_measurements_fix_the_rest() {
        let lattice = Lattice::try_new(vec![Tiling::all(2), Tiling::each(2)]).expect("a lattice");
        for least in [
            LeastSquares::new(&lattice, vec![0.0, 4.0, 4.0]).expect("variances"),
            LeastSquares::factored(&lattice, vec![0.0, 4.0, 4.0]).expect("variances"),
        ] {
            assert_eq!(
                least.estimate(&[10.0, 3.0, 5.0]).expect("three"),
                [10.0, 4.0, 6.0]
            );
            assert_eq!(least.variances(), [0.0, 2.0, 2.0]);
        }
        let exact = LeastSquares::factored(&lattice, vec![0.0; 3]).expect("variances");
        assert_eq!(
            exact.estimate(&[8.0, 3.0, 5.0]).expect("three"),
            [8.0, 3.0, 5.0]
        );
    }

    #[test]
    fn levels_share_what_they_know_as_the_literature_says() {
        // One root, ten municipi, a hundred leaves: the root's variance is the harmonic sum of what each level says of it.
        let leaves = 100;
        let municipi =
            Tiling::try_new((0..leaves).map(|leaf| leaf / 10).collect(), 10).expect("a tiling");
        let lattice = Lattice::try_new(vec![Tiling::all(leaves), municipi, Tiling::each(leaves)])
            .expect("a lattice");
        let mut variance = vec![40.0];
        variance.extend(vec![25.0; 10]);
        variance.extend(vec![9.0; leaves]);
        let least = LeastSquares::new(&lattice, variance).expect("variances");
        let municipio = 1.0 / (1.0 / 25.0 + 1.0 / 90.0);
        let root = 1.0 / (1.0 / 40.0 + 1.0 / (10.0 * municipio));
        assert!(near(least.variances()[0], root, 1.0));
    }

    /// Intervals of a tree and of a lattice that is none hold the truth as often as stated, with whole noise as released; so do
    /// those of a difference. Two-sided: neither too few nor too many.
    #[test]
    fn intervals_hold_the_truth_as_often_as_stated() {
        let mut dice = Dice(7);
        let truth: [f64; 6] = [40.0, 3.0, 0.0, 11.0, 250.0, 7.0];
        let nested = Tiling::try_new(vec![0, 0, 0, 1, 1, 1], 2).expect("a tiling");
        let across = Tiling::try_new(vec![0, 1, 1, 0, 2, 2], 3).expect("a tiling");
        for tilings in [
            vec![Tiling::all(6), nested.clone(), Tiling::each(6)],
            vec![Tiling::all(6), nested, across, Tiling::each(6)],
        ] {
            let lattice = Lattice::try_new(tilings).expect("a lattice");
            let mut exact = vec![0.0; lattice.cells()];
            for (number, tiling) in lattice.tilings().iter().enumerate() {
                for (atom, cell) in tiling.cell_of().iter().enumerate() {
                    exact[lattice.range(number).start + cell] += truth[atom];
                }
            }
            let sigma = |cell: usize| if cell == 0 { 7.0 } else { 4.0 };
            let noise = [DiscreteGaussian::new(4.0), DiscreteGaussian::new(7.0)];
            let variance = (0..lattice.cells())
                .map(|cell| sigma(cell) * sigma(cell))
                .collect();
            let least = LeastSquares::new(&lattice, variance).expect("variances");
            let variances = least.variances();
            let last = lattice.cells() - 1;
            let difference = [(last, 1.0), (last - 1, -1.0)];
            let spread = least.covariance(&difference, &difference);
            let trials = 40_000;
            let mut misses = vec![0u32; lattice.cells() + 1];
            for _ in 0..trials {
                let measured: Vec<f64> = (0..lattice.cells())
                    .map(|cell| exact[cell] + noise[usize::from(cell == 0)].draw(&mut dice) as f64)
                    .collect();
                let found = least.estimate(&measured).expect("as many cells");
                for cell in 0..lattice.cells() {
                    let reach = 1.959964 * variances[cell].sqrt();
                    misses[cell] += u32::from((found[cell] - exact[cell]).abs() > reach);
                }
                let error = (found[last] - found[last - 1]) - (exact[last] - exact[last - 1]);
                misses[last + 1] += u32::from(error.abs() > 1.959964 * spread.sqrt());
            }
            // Between 94 and 96 percent: chance moves a share of 40,000 trials by a whole point less than once in 1e16.
            for missed in misses {
                let share = f64::from(missed) / f64::from(trials);
                assert!((0.04..=0.06).contains(&share), "{share}");
            }
        }
    }

    #[test]
    fn other_shapes_and_no_variances_are_refused() {
        let lattice = Lattice::try_new(vec![Tiling::each(2)]).expect("a lattice");
        let none = |variance: Vec<f64>| LeastSquares::new(&lattice, variance).err();
        assert_eq!(
            none(vec![1.0]),
            Some(ComposeError::OtherShape {
                expected: 2,
                found: 1
            })
        );
        for variance in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                none(vec![1.0, variance]),
                Some(ComposeError::InvalidVariance)
            );
        }
        let least = LeastSquares::new(&lattice, vec![1.0; 2]).expect("variances");
        assert!(least.estimate(&[1.0]).is_err());
    }
}
