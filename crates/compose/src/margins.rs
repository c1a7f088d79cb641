//! Tables of one population, each split by some of the axes whose keys exclude one another: sex, age band, citizenship, kind of
//! household. Tables that share keys count the same people in sums that are equal, as levels of areas do.

use crate::consistent::area_tiling;
use crate::lattice::Tiling;
use geography::{Level, Partition};

/// A table: the level of its areas, and by which of the common axes it is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The level.
    pub level: Level,
    /// By axis, in the order common to all tables; an axis beyond the last is not split by.
    pub split: Vec<bool>,
}

impl Table {
    /// A table of areas alone.
    pub fn plain(level: Level) -> Table {
        Table {
            level,
            split: Vec::new(),
        }
    }

    fn is_split(&self, axis: usize) -> bool {
        self.split.get(axis).copied().unwrap_or(false)
    }

    /// Its cells: areas slowest, then the keys of the axes it is split by, in their order.
    pub fn cells(&self, axes: &[usize]) -> usize {
        let areas = Partition::milan().keys(self.level).len();
        let keys = (axes.iter().enumerate()).filter(|(axis, _)| self.is_split(*axis));
        areas * keys.map(|(_, keys)| keys).product::<usize>()
    }

    /// How its cells divide the people of a register: of every area by every key of every axis.
    pub fn tiling(&self, axes: &[usize], finest: Option<Level>) -> Tiling {
        let areas = area_tiling(self.level, finest);
        (axes.iter().enumerate()).fold(areas, |tiling, (axis, keys)| {
            tiling.times(&if self.is_split(axis) {
                Tiling::each(*keys)
            } else {
                Tiling::all(*keys)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Dice, DiscreteGaussian};
    use crate::{Consistent, LevelledAnswer};

    const AXES: [usize; 2] = [2, 3];

    fn table(level: Level, split: [bool; 2]) -> Table {
        Table {
            level,
            split: split.to_vec(),
        }
    }

    /// Areas by sex, areas by age, and areas alone at two levels.
    fn tables() -> [Table; 4] {
        [
            table(Level::Nil, [true, false]),
            table(Level::Nil, [false, true]),
            table(Level::Municipio, [false, false]),
            table(Level::City, [true, true]),
        ]
    }

    /// Noisy cells of tables over the same people, with what they are without noise.
    fn measured(
        dice: &mut Dice,
        noise: &DiscreteGaussian,
        turns: usize,
    ) -> (Vec<Vec<f64>>, Vec<Vec<i64>>) {
        let finest = Some(Level::Nil);
        let atoms = tables()[0].tiling(&AXES, finest).cell_of().len();
        let people: Vec<i64> = (0..atoms).map(|_| (dice.roll() % 9) as i64).collect();
        let (mut exact, mut noisy) = (Vec::new(), Vec::new());
        for table in tables() {
            let mut cells = vec![0_i64; table.cells(&AXES)];
            for (cell, people) in table.tiling(&AXES, finest).cell_of().iter().zip(&people) {
                cells[*cell] += people;
            }
            noisy.push(
                (cells.iter())
                    .flat_map(|cell| {
                        (0..turns)
                            .map(|_| cell + noise.draw(dice))
                            .collect::<Vec<_>>()
                    })
                    .collect(),
            );
            exact.push(cells.iter().map(|cell| *cell as f64).collect());
        }
        (exact, noisy)
    }

    fn composed(noisy: &[Vec<i64>], variance: f64, turns: usize) -> Consistent {
        let answer = LevelledAnswer {
            finest: Some(Level::Nil),
            levels: noisy.iter().map(|cells| (&cells[..], variance)).collect(),
        };
        Consistent::compose_tables(&tables(), &AXES, turns, &[answer]).expect("composed")
    }

    #[test]
    fn margins_of_one_population_agree_and_know_more_together() {
        let mut dice = Dice(23);
        let noise = DiscreteGaussian::new(4.0);
        let (_, noisy) = measured(&mut dice, &noise, 1);
        let found = composed(&noisy, 16.0, 1);
        let by_sex = found.values(0);
        let by_age = found.values(1);
        for area in 0..by_sex.len() / 2 {
            let of_sex: f64 = by_sex[2 * area..2 * area + 2].iter().sum();
            let of_age: f64 = by_age[3 * area..3 * area + 3].iter().sum();
            assert!((of_sex - of_age).abs() < 1e-6, "{area}");
        }
        // The city by sex and age holds both margins.
        let city = found.values(3);
        for sex in 0..2 {
            let of_city: f64 = city[3 * sex..3 * sex + 3].iter().sum();
            let of_areas: f64 = by_sex.iter().skip(sex).step_by(2).sum();
            assert!((of_city - of_areas).abs() < 1e-6);
        }
        let total: f64 = found.values(2).iter().sum();
        assert!((total - city.iter().sum::<f64>()).abs() < 1e-6);
        for at in 0..4 {
            assert!(found.variance(at).iter().all(|variance| *variance < 16.0));
        }
    }

    /// Intervals of single cells and of unions hold the truth in 94 to 96 percent; chance moves a share of 12,000 by a whole point
    /// less than once in 1e6.
    #[test]
    fn intervals_of_margins_hold_the_truth_as_often_as_stated() {
        let mut dice = Dice(29);
        let turns = 12_000;
        let noise = DiscreteGaussian::new(5.0);
        let (exact, noisy) = measured(&mut dice, &noise, turns);
        let found = composed(&noisy, 25.0, turns);
        let regions: [crate::Region; 3] = [
            vec![(0, 5, 1.0)],
            vec![(1, 0, 1.0), (1, 3, 1.0), (0, 9, -1.0)],
            vec![(3, 2, 1.0), (0, 1, -1.0)],
        ];
        let covariances = found.covariances(&regions).expect("known variances");
        for (number, region) in regions.iter().enumerate() {
            let truth: f64 = (region.iter())
                .map(|(table, cell, weight)| weight * exact[*table][*cell])
                .sum();
            let allowed = 1.959_964 * covariances[number][number].sqrt();
            let missed = (0..turns)
                .filter(|turn| {
                    let value: f64 = (region.iter())
                        .map(|(table, cell, weight)| {
                            weight * found.values(*table)[cell * turns + turn]
                        })
                        .sum();
                    (value - truth).abs() > allowed
                })
                .count();
            let share = missed as f64 / turns as f64;
            assert!((0.04..=0.06).contains(&share), "{number}: {share}");
        }
    }
}
