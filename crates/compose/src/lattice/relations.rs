//! Equalities between the cells of two tilings, and which of many follow from the others.

use super::{Relation, Tiling};
use std::collections::BTreeMap;

/// Of each cell of `finer` the cell of `coarser` that holds it, `None` for cells without atoms; nothing where a cell of
/// `finer` reaches into two.
pub(super) fn nested(finer: &Tiling, coarser: &Tiling) -> Option<Vec<Option<usize>>> {
    let mut into = vec![None; finer.cells];
    for (fine, coarse) in finer.cell_of.iter().zip(&coarser.cell_of) {
        if into[*fine].is_some_and(|known| known != *coarse) {
            return None;
        }
        into[*fine] = Some(*coarse);
    }
    Some(into)
}

/// For each set of atoms that is a union of cells of both, and of no smaller such set: their cells add up to the same.
pub(super) fn joint(left: (&Tiling, usize), right: (&Tiling, usize)) -> Vec<Relation> {
    let ((left, left_start), (right, right_start)) = (left, right);
    // Union-find over the cells of both.
    let mut root: Vec<usize> = (0..left.cells + right.cells).collect();
    fn find(root: &mut [usize], mut at: usize) -> usize {
        while root[at] != at {
            root[at] = root[root[at]];
            at = root[at];
        }
        at
    }
    let mut filled = vec![false; root.len()];
    for (l, r) in left.cell_of.iter().zip(&right.cell_of) {
        let (a, b) = (*l, left.cells + *r);
        (filled[a], filled[b]) = (true, true);
        let (a, b) = (find(&mut root, a), find(&mut root, b));
        root[a.max(b)] = a.min(b);
    }
    let mut rows: BTreeMap<usize, Relation> = BTreeMap::new();
    for at in (0..root.len()).filter(|at| filled[*at]) {
        let entry = if at < left.cells {
            (left_start + at, 1.0)
        } else {
            (right_start + at - left.cells, -1.0)
        };
        rows.entry(find(&mut root, at)).or_default().push(entry);
    }
    rows.into_values().collect()
}

/// Those of the relations that do not follow from earlier ones, by elimination: entries stay small whole numbers in the
/// lattices of practice, and what is left of a dependent row is rounding.
pub(super) fn independent(relations: Vec<Relation>) -> Vec<Relation> {
    const ROUNDING: f64 = 1e-9;
    let mut reduced: BTreeMap<usize, BTreeMap<usize, f64>> = BTreeMap::new();
    let mut kept = Vec::new();
    for relation in relations {
        let mut row: BTreeMap<usize, f64> = relation.iter().copied().collect();
        let mut from = 0;
        while let Some((&at, &weight)) = row.range(from..).next() {
            from = at + 1;
            let Some(pivot) = reduced.get(&at) else {
                continue;
            };
            for (cell, other) in pivot {
                let entry = row.entry(*cell).or_insert(0.0);
                *entry -= weight * other;
                if entry.abs() < ROUNDING {
                    row.remove(cell);
                }
            }
        }
        let Some((&first, &scale)) = row.iter().next() else {
            continue;
        };
        for weight in row.values_mut() {
            *weight /= scale;
        }
        reduced.insert(first, row);
        kept.push(relation);
    }
    kept
}
