//! Which sums over areas of different levels are equal for several registers taken together, whatever they hold.
//! It knows no values; `consistent` makes estimates agree register by register, which is more.

use crate::consistent::area_tiling;
use crate::lattice::Lattice;
use geography::{Level, Partition};

/// Areas of levels with weights, whose weighted sum of exact counts is zero. Areas are numbered through all levels.
pub type AreaRelation = Vec<(usize, f64)>;

/// The equalities between the areas of `levels`, none of which follows from others, for the sums over registers of which these
/// are the finest levels. Where an area is the sum of others it stands first.
///
/// # Promise
/// Each holds for every register: it is one of the homes of the register that may know least.
pub fn area_relations(levels: &[Level], finest: &[Option<Level>]) -> Vec<AreaRelation> {
    // Who knows the city only has everybody in `unknown` at every level, which is one of the pieces.
    let by_municipio = |finest: &Option<Level>| matches!(finest, None | Some(Level::Municipio));
    let atoms = match finest.iter().any(by_municipio) {
        true => None,
        false => Some(Level::MicroArea),
    };
    let tilings = levels.iter().map(|level| area_tiling(*level, atoms));
    Lattice::try_new(tilings.collect()).map_or_else(|_| Vec::new(), |all| all.relations().to_vec())
}

/// How many micro-areas each area of a level consists of.
pub fn area_sizes(level: Level) -> Vec<usize> {
    let partition = Partition::milan();
    let mut sizes = vec![0; partition.keys(level).len()];
    for piece in 0..partition.keys(Level::MicroArea).len() {
        let area = partition.area_of(geography::MicroArea(piece as u16), level);
        sizes[usize::from(area)] += 1;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether every relation holds for one home in each atom, counted at all levels.
    fn hold(levels: &[Level], relations: &[AreaRelation], finest: Option<Level>) -> bool {
        let atoms = area_tiling(Level::City, finest).cell_of().len();
        (0..atoms).all(|atom| {
            let mut start = 0;
            let mut counts = Vec::new();
            for level in levels {
                let tiling = area_tiling(*level, finest);
                counts.resize(start + tiling.cells(), 0.0);
                counts[start + tiling.cell_of()[atom]] = 1.0;
                start += tiling.cells();
            }
            relations.iter().all(|relation| {
                let sum: f64 = relation
                    .iter()
                    .map(|(at, weight)| weight * counts[*at])
                    .sum();
                sum.abs() < 1e-12
            })
        })
    }

    #[test]
    fn they_hold_for_every_home_of_every_register() {
        let kinds = [
            Some(Level::City),
            Some(Level::Municipio),
            Some(Level::Nil),
            Some(Level::MicroArea),
            None,
        ];
        for levels in [
            &[Level::City, Level::Municipio, Level::Nil][..],
            &[Level::Municipio, Level::Nil],
            &[Level::City, Level::Nil, Level::MicroArea],
        ] {
            let all = area_relations(levels, &kinds);
            let known = area_relations(levels, &[Some(Level::MicroArea), Some(Level::Nil)]);
            assert!(!all.is_empty());
            assert!(kinds.iter().all(|finest| hold(levels, &all, *finest)));
            assert!(hold(levels, &known, Some(Level::MicroArea)));
        }
        // Where a home may be known by municipio only, a municipio is not the sum of its pieces.
        let levels = [Level::Municipio, Level::MicroArea];
        let known = area_relations(&levels, &[Some(Level::MicroArea)]);
        assert_eq!(known.len(), 10);
        assert!(!hold(&levels, &known, Some(Level::Municipio)));
        assert_eq!(area_relations(&levels, &[None]).len(), 1);
    }

    #[test]
    fn sizes_add_up_to_all_micro_areas() {
        for level in Level::ALL {
            let pieces = Partition::milan().keys(Level::MicroArea).len();
            assert_eq!(area_sizes(level).iter().sum::<usize>(), pieces);
        }
    }
}
