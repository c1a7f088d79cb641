//! Which cells of which measurements count the same people: every measurement tiles common atoms, and the equalities that
//! must hold between exact cells follow from how the tiles overlap. It knows no values and no noise.
//!
//! Levels of areas are tilings that need not nest (neighbourhoods and municipi do not); keys that exclude one another are
//! tilings of a factor of a product ([`Tiling::times`]).

mod relations;

use relations::{independent, joint, nested};
use std::ops::Range;

/// One way to divide the atoms: each atom lies in exactly one cell. A cell without atoms is known to be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiling {
    cell_of: Vec<usize>,
    cells: usize,
}

/// Why tilings make no lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLattice {
    /// An atom lies in a cell that is not there.
    #[error("atom {atom} lies in cell {cell} of {cells}; number cells from 0")]
    NoSuchCell {
        /// The atom.
        atom: usize,
        /// The cell it names.
        cell: usize,
        /// How many there are.
        cells: usize,
    },
    /// Tilings of different sets of atoms.
    #[error("tiling {tiling} divides {found} atoms where the first divides {expected}")]
    OtherAtoms {
        /// Counted from 0.
        tiling: usize,
        /// Of the first.
        expected: usize,
        /// Of this one.
        found: usize,
    },
    /// Nothing is measured.
    #[error("there is no tiling; give at least one")]
    NoTilings,
}

impl Tiling {
    /// From the cell of each atom, of so many cells.
    ///
    /// # Errors
    /// [`InvalidLattice::NoSuchCell`].
    pub fn try_new(cell_of: Vec<usize>, cells: usize) -> Result<Tiling, InvalidLattice> {
        match cell_of.iter().position(|cell| *cell >= cells) {
            Some(atom) => Err(InvalidLattice::NoSuchCell {
                atom,
                cell: cell_of[atom],
                cells,
            }),
            None => Ok(Tiling { cell_of, cells }),
        }
    }

    /// Each atom by itself.
    pub fn each(atoms: usize) -> Tiling {
        Tiling {
            cell_of: (0..atoms).collect(),
            cells: atoms,
        }
    }

    /// All atoms together.
    pub fn all(atoms: usize) -> Tiling {
        Tiling {
            cell_of: vec![0; atoms],
            cells: 1,
        }
    }

    /// The tiling of pairs of atoms by pairs of cells, the right one running faster: areas by sexes, say.
    #[must_use]
    pub fn times(&self, other: &Tiling) -> Tiling {
        let pair = |left: &usize| {
            let left = *left * other.cells;
            other.cell_of.iter().map(move |right| left + right)
        };
        Tiling {
            cell_of: self.cell_of.iter().flat_map(pair).collect(),
            cells: self.cells * other.cells,
        }
    }

    /// How many cells it has.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The cell of each atom.
    pub fn cell_of(&self) -> &[usize] {
        &self.cell_of
    }
}

/// An equality between exact cells: the weighted sum of these cells is zero.
pub(crate) type Relation = Vec<(usize, f64)>;

/// Measurements of one population with all equalities between their cells. Cells are numbered through all tilings.
#[derive(Clone, Debug)]
pub struct Lattice {
    tilings: Vec<Tiling>,
    starts: Vec<usize>,
    relations: Vec<Relation>,
    parents: Option<Vec<Option<usize>>>,
}

impl Lattice {
    /// The lattice of these tilings of the same atoms. Two may be alike: a cell that was measured twice.
    ///
    /// # Promise
    /// Every relation holds for every population, and no relation follows from others. They are all there are where one
    /// tiling refines all others, where no more than two have no refinement among the rest, and where tilings are the margins
    /// of a product; elsewhere there may be more, whose use would narrow estimates further.
    ///
    /// # Errors
    /// [`InvalidLattice`].
    pub fn try_new(tilings: Vec<Tiling>) -> Result<Lattice, InvalidLattice> {
        let atoms = tilings
            .first()
            .ok_or(InvalidLattice::NoTilings)?
            .cell_of
            .len();
        if let Some(tiling) = tilings.iter().position(|t| t.cell_of.len() != atoms) {
            return Err(InvalidLattice::OtherAtoms {
                tiling,
                expected: atoms,
                found: tilings[tiling].cell_of.len(),
            });
        }
        let mut starts = vec![0];
        for tiling in &tilings {
            starts.push(starts[starts.len() - 1] + tiling.cells);
        }
        let filled: Vec<Vec<bool>> = tilings
            .iter()
            .map(|tiling| {
                let mut filled = vec![false; tiling.cells];
                for cell in &tiling.cell_of {
                    filled[*cell] = true;
                }
                filled
            })
            .collect();
        let mut relations: Vec<Relation> = Vec::new();
        for (start, filled) in starts.iter().zip(&filled) {
            let empty = (0..filled.len()).filter(|cell| !filled[*cell]);
            relations.extend(empty.map(|cell| vec![(start + cell, 1.0)]));
        }
        let has_empty = !relations.is_empty();

        // From the finest to the coarsest, each is bound to the coarsest of those that refine it.
        let count = |tiling: usize| filled[tiling].iter().filter(|filled| **filled).count();
        let mut order: Vec<usize> = (0..tilings.len()).collect();
        order.sort_by_key(|&tiling| (std::cmp::Reverse(count(tiling)), tiling));
        let mut parents: Vec<Option<usize>> = vec![None; starts[tilings.len()]];
        let mut refined = vec![false; tilings.len()];
        let mut is_tree = true;
        let mut finest: Vec<usize> = Vec::new();
        for (place, &tiling) in order.iter().enumerate() {
            let finer = order[..place].iter().rev().find_map(|&finer| {
                nested(&tilings[finer], &tilings[tiling]).map(|into| (finer, into))
            });
            let Some((finer, into)) = finer else {
                finest.push(tiling);
                continue;
            };
            is_tree &= !std::mem::replace(&mut refined[finer], true);
            let mut rows: Vec<Relation> = (0..tilings[tiling].cells)
                .map(|cell| vec![(starts[tiling] + cell, 1.0)])
                .collect();
            for (child, parent) in into.iter().enumerate() {
                if let Some(parent) = parent {
                    rows[*parent].push((starts[finer] + child, -1.0));
                    parents[starts[finer] + child] = Some(starts[tiling] + parent);
                }
            }
            // A cell without atoms has its relation already.
            relations.extend(rows.into_iter().filter(|row| row.len() > 1));
        }
        let mut across = Vec::new();
        for (place, &left) in finest.iter().enumerate() {
            for &right in &finest[..place] {
                across.extend(joint(
                    (&tilings[left], starts[left]),
                    (&tilings[right], starts[right]),
                ));
            }
        }
        is_tree &= across.is_empty() && !has_empty;
        relations.extend(if finest.len() > 2 {
            independent(across)
        } else {
            across
        });
        Ok(Lattice {
            tilings,
            starts,
            relations,
            parents: is_tree.then_some(parents),
        })
    }

    /// Cells of all tilings.
    pub fn cells(&self) -> usize {
        self.starts[self.tilings.len()]
    }

    /// The tilings.
    pub fn tilings(&self) -> &[Tiling] {
        &self.tilings
    }

    /// Where the cells of a tiling lie.
    pub fn range(&self, tiling: usize) -> Range<usize> {
        self.starts[tiling]..self.starts[tiling + 1]
    }

    /// How many equalities there are between its cells.
    pub fn relation_count(&self) -> usize {
        self.relations.len()
    }

    /// The equalities between its cells.
    pub(crate) fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// Of each cell the one it is part of, where the cells are trees and nothing else relates them.
    pub(crate) fn parents(&self) -> Option<&[Option<usize>]> {
        self.parents.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiling(cell_of: &[usize]) -> Tiling {
        let cells = cell_of.iter().max().map_or(0, |cell| cell + 1);
        Tiling::try_new(cell_of.to_vec(), cells).expect("a tiling")
    }

    fn lattice(tilings: &[&[usize]]) -> Lattice {
        Lattice::try_new(tilings.iter().map(|t| tiling(t)).collect()).expect("a lattice")
    }

    #[test]
    fn a_chain_is_a_tree_of_sums() {
        let chain = lattice(&[&[0, 0, 0, 0], &[0, 0, 1, 1], &[0, 1, 2, 3]]);
        let expected: [Relation; 3] = [
            vec![(1, 1.0), (3, -1.0), (4, -1.0)],
            vec![(2, 1.0), (5, -1.0), (6, -1.0)],
            vec![(0, 1.0), (1, -1.0), (2, -1.0)],
        ];
        assert_eq!(chain.relations(), expected);
        let parents = [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)];
        assert_eq!(chain.parents(), Some(&parents[..]));
    }

    #[test]
    fn tilings_that_do_not_nest_are_equal_where_they_cover_the_same() {
        // Atoms 0 to 2 are linked by overlap, atom 3 is alone in both.
        let two = lattice(&[&[0, 0, 1, 2], &[0, 1, 1, 2]]);
        assert!(two.parents().is_none());
        let mut found = two.relations().to_vec();
        for row in &mut found {
            row.sort_by_key(|(cell, _)| *cell);
        }
        found.sort_by_key(|row| row[0].0);
        let sign = found[0][0].1;
        let expected: [Relation; 2] = [
            vec![(0, sign), (1, sign), (3, -sign), (4, -sign)],
            vec![(2, sign), (5, -sign)],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cell_that_can_hold_nobody_is_zero_and_one_measured_twice_is_one() {
        let gap = Tiling::try_new(vec![0, 2], 3).expect("a tiling");
        let lattice = Lattice::try_new(vec![gap]).expect("a lattice");
        assert_eq!(lattice.relations(), [vec![(1, 1.0)]]);
        let twice = Lattice::try_new(vec![Tiling::each(2), Tiling::each(2)]).expect("a lattice");
        let expected = [vec![(2, 1.0), (0, -1.0)], vec![(3, 1.0), (1, -1.0)]];
        assert_eq!(twice.relations(), expected);
    }

    #[test]
    fn margins_of_a_product_agree_on_what_they_share() {
        // Areas by sex, areas by age, sex by age: pairs share 3, 2 and 2 sums; of these 7, all three share the total twice.
        let (area, sex, age) = (3, 2, 2);
        let tilings = vec![
            Tiling::each(area)
                .times(&Tiling::each(sex))
                .times(&Tiling::all(age)),
            Tiling::each(area)
                .times(&Tiling::all(sex))
                .times(&Tiling::each(age)),
            Tiling::all(area)
                .times(&Tiling::each(sex))
                .times(&Tiling::each(age)),
        ];
        let lattice = Lattice::try_new(tilings).expect("a lattice");
        // 16 cells, of which a three-way table without three-way interaction leaves 1+2+1+1+2+2+1 = 10 free.
        assert_eq!(lattice.relations().len(), 16 - 10);
    }

    #[test]
    fn what_is_no_lattice_is_refused() {
        assert!(matches!(
            Tiling::try_new(vec![0, 3], 3),
            Err(InvalidLattice::NoSuchCell {
                atom: 1,
                cell: 3,
                cells: 3
            })
        ));
        let odd = vec![Tiling::each(2), Tiling::each(3)];
        assert!(matches!(
            Lattice::try_new(odd),
            Err(InvalidLattice::OtherAtoms { tiling: 1, .. })
        ));
        assert!(Lattice::try_new(Vec::new()).is_err());
    }
}
