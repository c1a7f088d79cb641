//! The last two steps of the pass for plain questions: of more than L0 own cells, as many are drawn; those kept are
//! clamped and added up.

use crate::own_cells::{BLOCK, Block, NO_CELL, STRIDE};
use crate::plain::Plain;
use crate::sampling::{Choices, Draws, Places, TOO_MANY, choose, place};
use std::ops::Range;

/// In place of an L0 of more than four.
pub(crate) const MANY: usize = 0;

/// A cell, as narrow as it can be: many of them are all over the memory.
pub(crate) trait Cell: Copy + Default + Into<i64> {
    /// Adds to it. No cell overflows; see `Plan::pass`.
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

/// What people's own cells add up to.
pub(crate) struct Sum<'a, C, const KEEP: usize, const WEIGHTED: bool> {
    plain: &'a Plain<'a>,
    choices: Choices<KEEP>,
    cells: Vec<C>,
    cut_off: i64,
    /// For the own cells of one person.
    own: Vec<(u32, u64)>,
}

impl<'a, C: Cell, const KEEP: usize, const WEIGHTED: bool> Sum<'a, C, KEEP, WEIGHTED> {
    pub(crate) fn new(plain: &'a Plain<'a>) -> Self {
        Sum {
            plain,
            // Not looked at where L0 is more than four.
            choices: Choices::new(),
            cells: vec![C::default(); plain.plan.cells],
            cut_off: 0,
            own: Vec::new(),
        }
    }

    /// Cells, and what the bounds cut off.
    pub(crate) fn into_totals(self) -> (Vec<C>, i64) {
        (self.cells, self.cut_off)
    }

    /// Adds up at most L0 own cells of each person of a block, out of sets. Additions wrap where they cannot overflow.
    #[inline(never)]
    pub(crate) fn add_up_sets(&mut self, people: Range<usize>, block: &Block) {
        let counts: [u32; BLOCK] = std::array::from_fn(|person| (block.sets[person] >> 60) as u32);
        let mut kept = [0; BLOCK];
        self.draw(&people, &counts, &mut kept);
        let plain = self.plain;
        let homes = &plain.columns.homes[people.clone()];
        let most = u64::from(plain.plan.per_cell);
        let mut added = [0u64; BLOCK];
        for (person, home) in homes.iter().enumerate().take(BLOCK) {
            let (set, kept) = (block.sets[person], kept[person]);
            let first = plain.first_cell(*home);
            let own_at = |place: usize| (set >> (4 * place % 64)) as usize % STRIDE;
            if kept == TOO_MANY {
                let sums = block.sums_of_set(person);
                let own = (0..counts[person] as usize).map(own_at);
                let own = own.map(|own| (plain.cells[own], sums[own]));
                added[person] = self.add_one_by_one(people.start + person, own);
                continue;
            }
            for nth in 0..KEEP {
                // No cell has sum 0, and stands for the first of the area.
                let own = own_at(place(kept, nth));
                let value = match WEIGHTED {
                    true => block.sums_of_set(person)[own].min(most),
                    false => u64::from(own != NO_CELL),
                };
                let cell = plain.cells[own] as usize;
                self.cells[first.wrapping_add(cell)].add(value);
                if WEIGHTED {
                    added[person] = added[person].wrapping_add(value);
                }
            }
        }
        let all = |person: usize| block.sums_of_set(person)[..plain.reach].iter().sum();
        self.cut_off(people.len(), &counts, &added, all);
    }

    /// The same out of lists.
    #[inline(never)]
    pub(crate) fn add_up_listed(&mut self, people: Range<usize>, block: &Block) {
        let counts: [u32; BLOCK] =
            std::array::from_fn(|person| block.ends[person + 1].wrapping_sub(block.ends[person]));
        let mut kept = [0; BLOCK];
        self.draw(&people, &counts, &mut kept);
        let plain = self.plain;
        let homes = &plain.columns.homes[people.clone()];
        let most = u64::from(plain.plan.per_cell);
        let mut added = [0u64; BLOCK];
        for (person, home) in homes.iter().enumerate().take(BLOCK) {
            let (count, kept) = (counts[person], kept[person]);
            let first = plain.first_cell(*home);
            if kept == TOO_MANY {
                added[person] = self.add_one_by_one(people.start + person, block.listed(person));
                continue;
            }
            let start = block.ends[person] as usize;
            for nth in 0..KEEP {
                let at = start.wrapping_add(place(kept, nth));
                // A place behind the person's last stands for the first cell of the area, to which nothing is added.
                let counted = all_ones_if((nth as u32) < count);
                let own = u64::from(block.own[at]) & counted;
                let value = match WEIGHTED {
                    true => block.sums[at].min(most) & counted,
                    false => 1 & counted,
                };
                self.cells[first.wrapping_add(own as usize)].add(value);
                if WEIGHTED {
                    added[person] = added[person].wrapping_add(value);
                }
            }
        }
        let all = |person: usize| block.sums[block.cells_of(person)].iter().sum();
        self.cut_off(people.len(), &counts, &added, all);
    }

    /// The same where L0 is more than four.
    #[inline(never)]
    pub(crate) fn add_up_many(&mut self, people: Range<usize>, block: &Block) {
        let (mut counts, mut added) = ([0; BLOCK], [0; BLOCK]);
        for (person, place) in people.clone().enumerate() {
            counts[person] = block.cells_of(person).len() as u32;
            added[person] = self.add_one_by_one(place, block.listed(person));
        }
        let all = |person: usize| block.sums[block.cells_of(person)].iter().sum();
        self.cut_off(people.len(), &counts, &added, all);
    }

    /// Adds up own cells of the person at `place`, of all of them and their sums; returns what was added.
    fn add_one_by_one(&mut self, place: usize, own: impl Iterator<Item = (u32, u64)>) -> u64 {
        let (plain, plan) = (self.plain, self.plain.plan);
        let first = plain.first_cell(plain.columns.homes[place]);
        self.own.clear();
        self.own.extend(own);
        let draws = Draws::new(plain.columns.words[place], plan.seed);
        choose(&mut self.own, plan.keep, draws);
        let mut added = 0;
        for (own, sum) in self.own.iter().take(plan.keep) {
            let value = if WEIGHTED {
                (*sum).min(plan.per_cell.into())
            } else {
                1
            };
            self.cells[first + *own as usize].add(value);
            added += value;
        }
        added
    }

    /// Which places of the own cells of each person are kept.
    #[inline(never)]
    fn draw(&self, people: &Range<usize>, counts: &[u32; BLOCK], kept: &mut [Places; BLOCK]) {
        let words = &self.plain.columns.words[people.clone()];
        let seed = self.plain.plan.seed;
        for ((word, count), kept) in words.iter().zip(counts).zip(kept) {
            *kept = self.choices.places(*count, *word, seed);
        }
    }

    /// Adds up what the bounds cut off, if that is asked. `added` is read where there are weights only.
    #[inline]
    fn cut_off(
        &mut self,
        people: usize,
        counts: &[u32; BLOCK],
        added: &[u64; BLOCK],
        all: impl Fn(usize) -> u64,
    ) {
        let plan = self.plain.plan;
        let Some(bound) = plan.cut_off else {
            return;
        };
        for person in 0..people {
            let lost = match WEIGHTED {
                true => all(person) - added[person],
                false => u64::from(counts[person]).saturating_sub(plan.keep as u64),
            };
            self.cut_off += lost.min(bound.at_most.into()) as i64;
        }
    }
}

/// A mask instead of a branch, which the processor could not foresee.
#[inline]
fn all_ones_if(condition: bool) -> u64 {
    u64::from(condition).wrapping_neg()
}
