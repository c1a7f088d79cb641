//! A sparse L D L' factor of a symmetric matrix that is positive definite, or would be were no measurement exact. Rows are
//! eliminated in the order of least degree, which leaves trees without fill.

use std::collections::BTreeMap;

/// A pivot below this part of its diagonal is rounding: its row says nothing that earlier rows do not say, which
/// happens only among exact measurements.
const ROUNDING: f64 = 1e-12;

#[derive(Clone, Debug)]
pub(super) struct Factor {
    /// Rows in the order of their elimination.
    order: Vec<usize>,
    /// Of each row eliminated its column below the diagonal of L.
    columns: Vec<Vec<(usize, f64)>>,
    /// One over the pivot, zero where there is none.
    inverse: Vec<f64>,
}

impl Factor {
    /// Of a matrix given by all entries of its rows.
    pub(super) fn new(mut rows: Vec<BTreeMap<usize, f64>>) -> Factor {
        let size = rows.len();
        let mut factor = Factor {
            order: Vec::with_capacity(size),
            columns: vec![Vec::new(); size],
            inverse: vec![0.0; size],
        };
        let diagonal: Vec<f64> = (0..size)
            .map(|row| *rows[row].get(&row).unwrap_or(&0.0))
            .collect();
        let mut degrees: std::collections::BTreeSet<(usize, usize)> = rows
            .iter()
            .enumerate()
            .map(|(row, entries)| (entries.len(), row))
            .collect();
        while let Some((_, pivot)) = degrees.pop_first() {
            let mut entries = std::mem::take(&mut rows[pivot]);
            let value = entries.remove(&pivot).unwrap_or(0.0);
            let usable = value > ROUNDING * diagonal[pivot];
            factor.inverse[pivot] = if usable { 1.0 / value } else { 0.0 };
            let column: Vec<(usize, f64)> = (entries.iter())
                .map(|(row, entry)| (*row, entry * factor.inverse[pivot]))
                .collect();
            for (row, part) in &column {
                degrees.remove(&(rows[*row].len(), *row));
                rows[*row].remove(&pivot);
                if usable {
                    for (other, entry) in &entries {
                        *rows[*row].entry(*other).or_insert(0.0) -= part * entry;
                    }
                }
                degrees.insert((rows[*row].len(), *row));
            }
            factor.columns[pivot] = column;
            factor.order.push(pivot);
        }
        factor
    }

    /// Replaces b by the solution of A x = b, with zero for rows that say nothing.
    pub(super) fn solve(&self, b: &mut [f64]) {
        for &pivot in &self.order {
            let value = b[pivot];
            for (row, part) in &self.columns[pivot] {
                b[*row] -= part * value;
            }
        }
        for &pivot in self.order.iter().rev() {
            let below: f64 = self.columns[pivot]
                .iter()
                .map(|(row, part)| part * b[*row])
                .sum();
            b[pivot] = b[pivot] * self.inverse[pivot] - below;
        }
    }
}
