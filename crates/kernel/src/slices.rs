//! From the cells of the one pass to the slices of an answer: coarser levels are sums over areas.

use crate::aggregate::Totals;
use crate::plan::Plan;
use geography::{Level, MicroArea, Partition};
use query::{AggregateQuery, SliceOf};

/// The cells of the answer, slice by slice.
///
/// Every area of a level asked is a union of areas of the pass (`Plan::level`), so a unit is counted in one of each.
pub(crate) fn slices(query: &AggregateQuery, plan: &Plan<'_>, totals: &Totals) -> Vec<i64> {
    let mut cells = vec![0; query.cells()];
    for slice in query.slices() {
        let into = &mut cells[slice.cells];
        match slice.of {
            SliceOf::Level(level) => {
                for (area, of_area) in totals.cells.chunks_exact(plan.per_area).enumerate() {
                    let start = coarser(plan.areas, plan.level, area, level) * plan.per_area;
                    for (sum, value) in into[start..].iter_mut().zip(of_area) {
                        *sum += value;
                    }
                }
            }
            SliceOf::CutOff => into.fill(totals.cut_off),
        }
    }
    cells
}

/// The area of `level` that holds an area of the pass.
fn coarser(areas: &Partition, pass: Level, area: usize, level: Level) -> usize {
    match (pass, level) {
        _ if pass == level => area,
        (_, Level::City) => 0,
        (Level::MicroArea, _) => usize::from(areas.area_of(MicroArea(area as u16), level)),
        // Plan::level is the micro-areas where neighbourhoods and municipi are both asked.
        (_, _) => unreachable!("a level that the pass does not refine"),
    }
}
