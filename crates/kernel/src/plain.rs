//! The pass for plain questions: everybody counts, by area, service and period only.
//! It reads few columns, a block of people at a time, and takes no branch that a single event decides.
//!
//! Three steps for each block. Every event becomes one of its person's own cells, or adds to one. Own cells beyond L0 are
//! dropped by rank. The others are clamped and added up. The result is that of [`Plan::pass`], cell by cell: the same
//! tests hold both against the reference.

use crate::aggregate::Totals;
use crate::own_cells::{BLOCK, Block, FEW, OwnCells};
use crate::plan::Plan;
use crate::rank::rank;
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
    plan: &'a Plan<'a>,
    pub(crate) columns: Columns<'a>,
    /// For each service, the first of its own cells; [`NOT_COUNTED`] where it does not count.
    pub(crate) of_service: Box<[u32; 256]>,
    /// For each month, its period; [`NOT_COUNTED`] outside the span.
    pub(crate) of_month: Box<[u32; MONTHS]>,
    /// For each folded home, the first cell of its area.
    of_home: Box<[u32; HOMES]>,
    /// Own cells that one person can have: services times periods. Areas are as far apart as that.
    pub(crate) reach: usize,
    /// Whether two events of one person can fall into one own cell.
    merges: bool,
}

impl<'a> Plain<'a> {
    /// The plan as a plain question, where it is one.
    pub(crate) fn new(plan: &'a Plan<'a>) -> Option<Plain<'a>> {
        if !plan.is_plain() {
            return None;
        }
        let periods = plan.periods.len();
        let reach = plan.slot_count * periods;
        let mut of_service = Box::new([NOT_COUNTED; 256]);
        for (first, slot) in of_service.iter_mut().zip(&plan.slots) {
            if let Some(slot) = slot {
                *first = u32::from(*slot) * periods as u32;
            }
        }
        let mut of_month = Box::new([NOT_COUNTED; MONTHS]);
        for (index, period) in (0..).zip(&plan.periods) {
            for month in period.months() {
                of_month[usize::from(month) % MONTHS] = index;
            }
        }
        let mut of_home = Box::new([0; HOMES]);
        let areas = plan.areas;
        for home in Snapshot::stored_homes() {
            let area = Snapshot::home(home).area(areas, plan.level);
            of_home[place_of_home(home)] = u32::from(area) * reach as u32;
        }
        let services = plan.slots.iter().flatten().count();
        Some(Plain {
            plan,
            columns: plan.snapshot.columns(),
            of_service,
            of_month,
            of_home,
            reach,
            merges: plan.months_per_period > 1 || plan.slot_count < services,
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
        let mut cut_off = 0;
        let mut cells = vec![C::default(); self.plan.cells];
        let mut block = Block::new(self.reach);
        for first in people.clone().step_by(BLOCK) {
            let people = first..people.end.min(first + BLOCK);
            let few = self.merges && self.reach <= FEW;
            match (self.merges, few) {
                (false, _) => self.own_cells::<WEIGHTED, V>(&people, values, &mut block),
                (true, true) => self.few_own_cells::<WEIGHTED, V>(&people, values, &mut block),
                (true, false) => self.merged_own_cells::<WEIGHTED, V>(&people, values, &mut block),
            }
            let (block, cells) = (&mut block, &mut cells);
            cut_off += match (few, self.plan.keep) {
                (true, 1) => self.add_up::<true, WEIGHTED, 1, C>(people, block, cells),
                (true, 2) => self.add_up::<true, WEIGHTED, 2, C>(people, block, cells),
                (true, 3) => self.add_up::<true, WEIGHTED, 3, C>(people, block, cells),
                (true, 4) => self.add_up::<true, WEIGHTED, 4, C>(people, block, cells),
                (true, _) => self.add_up::<true, WEIGHTED, 0, C>(people, block, cells),
                (false, 1) => self.add_up::<false, WEIGHTED, 1, C>(people, block, cells),
                (false, 2) => self.add_up::<false, WEIGHTED, 2, C>(people, block, cells),
                (false, 3) => self.add_up::<false, WEIGHTED, 3, C>(people, block, cells),
                (false, 4) => self.add_up::<false, WEIGHTED, 4, C>(people, block, cells),
                (false, _) => self.add_up::<false, WEIGHTED, 0, C>(people, block, cells),
            };
        }
        (cells, cut_off)
    }

    /// Adds up at most L0 own cells of each person of a block; returns what the bounds cut off, if that is asked. `KEEP` is
    /// L0, or 0 where it is more than four.
    ///
    /// People with equally many own cells are taken together, so that the processor foresees how often each loop turns.
    #[inline(never)]
    fn add_up<const IS_FEW: bool, const WEIGHTED: bool, const KEEP: usize, C: Cell>(
        &self,
        people: Range<usize>,
        block: &mut Block,
        cells: &mut [C],
    ) -> i64 {
        let mut cut_off = 0;
        let at_most = self.plan.cut_off.map(|bound| u64::from(bound.at_most));
        let keep = if KEEP > 0 { KEEP } else { self.plan.keep };
        let most = u64::from(self.plan.per_cell);
        let words = &self.columns.words[people.clone()];
        let homes = &self.columns.homes[people.clone()];
        let tags = self.plan.tags.as_slice();
        block.for_each::<IS_FEW, WEIGHTED>(
            self.reach,
            people.len(),
            |person, cells_of, keys, sorted| {
                let OwnCells { own, sums } = cells_of;
                let first = self.of_home[place_of_home(homes[person])] as usize;
                let area = &mut cells[first..][..self.reach];
                let value = |at: usize| if WEIGHTED { sums[at].min(most) } else { 1 };
                if let Some(at_most) = at_most
                    && !WEIGHTED
                {
                    cut_off += own.len().saturating_sub(keep).min(at_most as usize) as i64;
                }
                let mut added = 0;
                if own.len() <= keep {
                    for at in 0..own.len() {
                        area[own[at] as usize].add(value(at));
                        added += value(at);
                    }
                } else {
                    for at in 0..own.len() {
                        // Nothing is no own cell: it comes after all others, and adds nothing.
                        let nothing = WEIGHTED && sums[at] == 0;
                        let key = key(words[person], tags[own[at] as usize], own[at]);
                        keys[at] = key | all_ones_if(nothing);
                    }
                    let last = if own.len() == keep + 1 {
                        // All but the highest.
                        let highest = keys.iter().fold(0, |most, key| most.max(*key));
                        highest.wrapping_sub(1)
                    } else if KEEP > 0 {
                        let lowest = lowest::<KEEP>(keys);
                        if !WEIGHTED {
                            for key in lowest {
                                area[(key & OWN) as usize].add(1);
                            }
                            return;
                        }
                        lowest[KEEP - 1]
                    } else {
                        sorted.copy_from_slice(keys);
                        *sorted.select_nth_unstable(keep - 1).1
                    };
                    for at in 0..own.len() {
                        let value = value(at) & all_ones_if(keys[at] <= last);
                        area[own[at] as usize].add(value);
                        added += value;
                    }
                }
                if let Some(at_most) = at_most
                    && WEIGHTED
                {
                    let all: u64 = sums.iter().sum();
                    cut_off += (all - added).min(at_most) as i64;
                }
            },
        );
        cut_off
    }
}

/// A mask instead of a branch, which the processor could not foresee.
#[inline]
fn all_ones_if(condition: bool) -> u64 {
    u64::from(condition).wrapping_neg()
}

/// A cell, as narrow as it can be: many of them are all over the memory.
trait Cell: Copy + Default {
    /// Adds to it. No cell overflows; see [`Plan::pass`].
    fn add(&mut self, value: u64);
}

impl Cell for u32 {
    #[inline]
    fn add(&mut self, value: u64) {
        *self = self.wrapping_add(value as u32);
    }
}

impl Cell for i64 {
    #[inline]
    fn add(&mut self, value: u64) {
        *self = self.wrapping_add(value as i64);
    }
}

/// Bits of a key that hold the own cell. There are at most `query::MAX_CELLS`, 2^20.
const OWN: u64 = (1 << 24) - 1;

/// Ranks own cells; of equal ranks the lower cell comes first, as in [`Plan::pass`].
#[inline]
fn key(word: u64, tag: u64, own: u32) -> u64 {
    rank(word, tag) << 24 | u64::from(own)
}

/// The `K` lowest of at least as many keys, ascending.
#[inline]
fn lowest<const K: usize>(keys: &[u64]) -> [u64; K] {
    let mut lowest = [u64::MAX; K];
    for key in keys {
        let mut rest = *key;
        for place in &mut lowest {
            (*place, rest) = ((*place).min(rest), (*place).max(rest));
        }
    }
    lowest
}

/// Where a stored home stands in a table: its number and, beyond those, its mark that it is a municipio.
fn place_of_home(home: u16) -> usize {
    usize::from(home & 0xff) | usize::from(home >> 15) << 8
}
