//! The pass for plain questions: everybody counts, by area, service and period only.
//! It reads few columns, a block of people at a time, and in its usual ways takes no branch that an event or a person decides.
//!
//! Three steps for each block. Every event becomes one of its person's own cells, or adds to one. Of own cells beyond L0,
//! as many are drawn. These are clamped and added up. The result is that of [`Plan::pass`], cell by cell: the same
//! tests hold both against the reference.

use crate::add_up::{Cell, MANY, Sum};
use crate::aggregate::Totals;
use crate::own_cells::{BLOCK, Block, FEW, FEWEST, STRIDE, Sets, WIDE};
use crate::plan::Plan;
use query::Measure;
use snapshot::{Columns, Snapshot};
use std::ops::Range;
use taxonomy::model::Quantity;

/// Of an event that is not counted: beyond every own cell, also when added to another.
const NOT_COUNTED: u32 = 1 << 30;
/// A month, counted from January 1900, is below this.
pub(crate) const MONTHS: usize = 1 << 12;
/// Stored homes, folded by [`place_of_home`], are below this.
const HOMES: usize = 1 << 9;

/// A plain question.
pub(crate) struct Plain<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) columns: Columns<'a>,
    /// For each service, the first of its own cells; [`NOT_COUNTED`] where it does not count.
    pub(crate) of_service: Box<[u32; 256]>,
    /// For each month, what its period adds to that; [`NOT_COUNTED`] outside the span.
    pub(crate) of_month: Box<[u32; MONTHS]>,
    /// For each folded home, the first cell of its area.
    of_home: Box<[u32; HOMES]>,
    /// Own cells that one person can have: services times periods. Areas are as far apart as that.
    pub(crate) reach: usize,
    ways: Ways,
    /// Where own cells are numbered in their order, period by period: which cell of an area each of them is.
    pub(crate) cells: [u32; WIDE],
    /// For the fewest own cells: each set as a list.
    sets: Sets,
}

/// How events become own cells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// One by one, in their order.
    Apart,
    /// Bits for at most [`FEWEST`].
    Fewest,
    /// Bits for at most [`FEW`].
    Few,
    /// Merged one by one, and brought into their order where it matters.
    Many,
}

impl<'a> Plain<'a> {
    /// The plan as a plain question, where it is one.
    pub(crate) fn new(plan: &'a Plan<'a>) -> Option<Plain<'a>> {
        if !plan.is_plain() {
            return None;
        }
        let periods = plan.periods.len();
        let reach = plan.slot_count * periods;
        let services = || plan.slots.iter().flatten();
        // Events of a person are sorted by month and then by service.
        let apart = plan.months_per_period == 1 && services().is_sorted_by(|one, next| one < next);
        let ways = if apart {
            Ways::Apart
        } else if reach <= FEWEST {
            Ways::Fewest
        } else if reach <= FEW {
            Ways::Few
        } else {
            Ways::Many
        };
        // Bits stand in the order of own cells, which is that of time; elsewhere an own cell is a cell of its area.
        let (each_service, each_period) = match ways {
            Ways::Fewest | Ways::Few => (1, plan.slot_count),
            Ways::Apart | Ways::Many => (periods, 1),
        };
        let mut of_service = Box::new([NOT_COUNTED; 256]);
        for (first, slot) in of_service.iter_mut().zip(&plan.slots) {
            if let Some(slot) = slot {
                *first = u32::from(*slot) * each_service as u32;
            }
        }
        let mut of_month = Box::new([NOT_COUNTED; MONTHS]);
        for (index, period) in (0..).zip(&plan.periods) {
            for month in period.months() {
                of_month[usize::from(month) % MONTHS] = index * each_period as u32;
            }
        }
        let mut of_home = Box::new([0; HOMES]);
        let areas = plan.areas;
        for home in Snapshot::stored_homes() {
            let area = Snapshot::home(home).area(areas, plan.level);
            of_home[place_of_home(home)] = u32::from(area) * reach as u32;
        }
        let mut cells = [0; WIDE];
        for (own, cell) in cells.iter_mut().enumerate().take(reach) {
            *cell = ((own % plan.slot_count) * periods + own / plan.slot_count) as u32;
        }
        Some(Plain {
            plan,
            columns: plan.snapshot.columns(),
            of_service,
            of_month,
            of_home,
            reach,
            ways,
            cells,
            sets: Sets::new(if ways == Ways::Fewest { reach } else { 0 }),
        })
    }

    /// The cells of some people, added up. No sum overflows; see [`Plan::pass`].
    pub(crate) fn pass(&self, people: Range<usize>) -> Totals {
        let columns = self.columns;
        match self.plan.measure {
            Measure::Events => self.pass_over(people, columns.counts),
            Measure::Sum(Quantity::Amount) => self.pass_over(people, columns.cents),
            Measure::Sum(Quantity::Duration) => self.pass_over(people, columns.minutes),
            // What an event adds does not matter: one person is one, by the bound.
            _ => self.pass_over(people, columns.counts),
        }
    }

    fn pass_over<V: Copy + Into<u64>>(&self, people: Range<usize>, values: &[V]) -> Totals {
        if self.plan.measure.is_weighted() {
            let (cells, cut_off) = self.blocks::<true, V, i64>(people, values);
            Totals { cells, cut_off }
        } else {
            // At most one for each person, of whom there are fewer than 2^32.
            let (cells, cut_off) = self.blocks::<false, V, u32>(people, values);
            let cells = cells.into_iter().map(i64::from).collect();
            Totals { cells, cut_off }
        }
    }

    fn blocks<const WEIGHTED: bool, V: Copy + Into<u64>, C: Cell>(
        &self,
        people: Range<usize>,
        values: &[V],
    ) -> (Vec<C>, i64) {
        match self.plan.keep {
            1 => self.blocks_of::<1, WEIGHTED, V, C>(people, values),
            2 => self.blocks_of::<2, WEIGHTED, V, C>(people, values),
            3 => self.blocks_of::<3, WEIGHTED, V, C>(people, values),
            4 => self.blocks_of::<4, WEIGHTED, V, C>(people, values),
            _ => self.blocks_of::<MANY, WEIGHTED, V, C>(people, values),
        }
    }

    /// `KEEP` is L0, or [`MANY`].
    fn blocks_of<const KEEP: usize, const WEIGHTED: bool, V: Copy + Into<u64>, C: Cell>(
        &self,
        people: Range<usize>,
        values: &[V],
    ) -> (Vec<C>, i64) {
        let mut block = Block::new(self.reach);
        let mut sum = Sum::<C, KEEP, WEIGHTED>::new(self);
        for first in people.clone().step_by(BLOCK) {
            let people = first..people.end.min(first + BLOCK);
            match self.ways {
                Ways::Apart => self.own_cells::<WEIGHTED, V>(&people, values, &mut block),
                Ways::Fewest => {
                    self.few_own_cells::<STRIDE, WEIGHTED, V>(&people, values, &mut block);
                }
                Ways::Few => self.few_own_cells::<WIDE, WEIGHTED, V>(&people, values, &mut block),
                Ways::Many => self.merged_own_cells::<WEIGHTED, V>(&people, values, &mut block),
            }
            match self.ways {
                Ways::Fewest if KEEP != MANY => {
                    block.look_up(&self.sets, people.len());
                    sum.add_up_sets(people, &block);
                    continue;
                }
                Ways::Fewest => {
                    block.list_few(people.len(), (self.reach, STRIDE), WEIGHTED, &self.cells)
                }
                Ways::Few => {
                    block.list_few(people.len(), (self.reach, WIDE), WEIGHTED, &self.cells)
                }
                Ways::Apart => {}
                Ways::Many => {
                    let (slots, periods) =
                        (self.plan.slot_count as u32, self.plan.periods.len() as u32);
                    let order = |own: u32| own % periods * slots + own / periods;
                    block.sort_listed(people.len(), self.plan.keep, order);
                }
            }
            if KEEP == MANY {
                sum.add_up_many(people, &block);
            } else {
                sum.add_up_listed(people, &block);
            }
        }
        sum.into_totals()
    }

    /// The first cell of the area where somebody lives.
    #[inline]
    pub(crate) fn first_cell(&self, home: u16) -> usize {
        self.of_home[place_of_home(home)] as usize
    }
}

/// Where a stored home stands in a table: its number and, beyond those, its mark that it is a municipio.
fn place_of_home(home: u16) -> usize {
    usize::from(home & 0xff) | usize::from(home >> 15) << 8
}
