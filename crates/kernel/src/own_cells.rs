//! From events to own cells: for a block of people, which cells each of them falls into, and with what sum.
//! No branch here depends on a single event, so that the processor never has to guess.

use crate::plain::{MONTHS, Plain};
use std::ops::Range;

/// People of one block: what is known of their events stays in the processor's nearest memory.
pub(crate) const BLOCK: usize = 256;
/// Most own cells whose presence fits into one integer.
pub(crate) const FEW: usize = 64;
/// Groups of people by how many own cells they have; the last one holds all who have more.
const GROUPS: usize = 16;

/// Own cells of a block of people.
pub(crate) struct Block {
    /// For each event, whether it is its person's last.
    is_last: Vec<bool>,
    /// For each event, how many own cells there are up to it.
    so_far: Vec<u32>,
    /// Own cells, person by person; one place more than events.
    own: Vec<u32>,
    /// What events add to each own cell.
    sums: Vec<u64>,
    /// For each person, where the own cells end.
    ends: Vec<u32>,
    /// Where there are few own cells: for each person, a bit for each one present.
    present: Vec<u64>,
    /// Where there are few own cells: for each person, what events add to each.
    sums_of_few: Vec<u64>,
    /// For each own cell, one more than the place where it stood last in `own`.
    seen: Vec<u32>,
    /// People in the order of how many own cells they have.
    by_count: Vec<u16>,
    /// For the keys of one person's own cells.
    pub(crate) keys: Vec<u64>,
    /// For a copy of the keys.
    pub(crate) sorted: Vec<u64>,
}

/// The own cells of one person, and what events add to each.
pub(crate) struct OwnCells<'a> {
    pub(crate) own: &'a [u32],
    pub(crate) sums: &'a [u64],
}

impl Block {
    pub(crate) fn new(reach: usize) -> Block {
        let few = if reach <= FEW { reach } else { 0 };
        Block {
            is_last: Vec::new(),
            so_far: Vec::new(),
            own: vec![0; FEW],
            sums: vec![0; FEW],
            // One more than people, for what is written after the last one.
            ends: vec![0; BLOCK + 1],
            present: vec![0; BLOCK + 1],
            sums_of_few: vec![0; (BLOCK + 1) * few],
            seen: vec![0; reach + 1],
            by_count: vec![0; BLOCK],
            keys: vec![0; FEW],
            sorted: vec![0; FEW],
        }
    }

    /// Room for so many events.
    fn reserve(&mut self, events: usize) {
        let room = self.own.len().max(events + 1);
        self.is_last.resize(room, false);
        self.so_far.resize(room, 0);
        self.own.resize(room, 0);
        self.sums.resize(room, 0);
        self.keys.resize(room, 0);
        self.sorted.resize(room, 0);
    }

    /// People in the order of how many own cells they have, so that loops over them turn equally often, with the own cells of each.
    pub(crate) fn for_each<const MERGES_FEW: bool, const WEIGHTED: bool>(
        &mut self,
        reach: usize,
        people: usize,
        mut each: impl FnMut(usize, OwnCells<'_>, &mut [u64], &mut [u64]),
    ) {
        for index in 0..people {
            let person = usize::from(self.by_count[index]);
            if MERGES_FEW {
                let (mut present, mut count) = (self.present[person], 0);
                let sums = if WEIGHTED {
                    &self.sums_of_few[person * reach..][..reach]
                } else {
                    &[]
                };
                while present != 0 {
                    let own = present.trailing_zeros();
                    present &= present - 1;
                    self.own[count] = own;
                    if WEIGHTED {
                        self.sums[count] = sums[own as usize];
                    }
                    count += 1;
                }
                let own = OwnCells {
                    own: &self.own[..count],
                    sums: &self.sums[..count],
                };
                each(
                    person,
                    own,
                    &mut self.keys[..count],
                    &mut self.sorted[..count],
                );
            } else {
                let start = person.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
                let cells = start..self.ends[person] as usize;
                let count = cells.len();
                let own = OwnCells {
                    own: &self.own[cells.clone()],
                    sums: &self.sums[cells],
                };
                each(
                    person,
                    own,
                    &mut self.keys[..count],
                    &mut self.sorted[..count],
                );
            }
        }
    }

    /// Sorts people by how many own cells they have.
    fn group(&mut self, people: usize, count: impl Fn(&Block, usize) -> usize) {
        let mut places = [0u16; GROUPS + 1];
        let mut groups = [0u8; BLOCK];
        for (person, group) in groups[..people].iter_mut().enumerate() {
            *group = count(self, person).min(GROUPS - 1) as u8;
            places[usize::from(*group) + 1] += 1;
        }
        for group in 1..places.len() {
            places[group] += places[group - 1];
        }
        for (person, group) in (0..).zip(&groups[..people]) {
            let place = &mut places[usize::from(*group)];
            self.by_count[usize::from(*place)] = person;
            *place += 1;
        }
    }

    fn group_by_ends(&mut self, people: usize) {
        self.group(people, |block, person| {
            let start = person.checked_sub(1).map_or(0, |before| block.ends[before]);
            (block.ends[person] - start) as usize
        });
    }
}

/// The events of a block of people.
struct Events<'a, V> {
    /// Where each person's events end, counted from the block's first.
    ends: &'a [u32],
    from: usize,
    months: &'a [u16],
    services: &'a [u8],
    values: &'a [V],
}

impl<'a> Plain<'a> {
    fn events<'v, V>(&self, people: &Range<usize>, values: &'v [V]) -> Events<'v, V>
    where
        'a: 'v,
    {
        let starts = &self.columns.event_starts[people.start..=people.end];
        let (from, to) = (starts[0] as usize, starts[people.len()] as usize);
        Events {
            ends: &starts[1..],
            from,
            months: &self.columns.months[from..to],
            services: &self.columns.services[from..to],
            values: &values[from..to],
        }
    }

    /// Makes the own cells of people out of their events, where no two events of one person fall into one.
    ///
    /// Here and below, additions wrap where they cannot overflow: places are at most the number of events, and sums at
    /// most 2^32 times that.
    #[inline(never)]
    pub(crate) fn own_cells<const WEIGHTED: bool, V: Copy + Into<u64>>(
        &self,
        people: &Range<usize>,
        values: &[V],
        block: &mut Block,
    ) {
        let events = self.events(people, values);
        let length = events.months.len();
        block.reserve(length);
        let (own_cells, sums) = (&mut block.own[..=length], &mut block.sums[..=length]);
        let so_far = &mut block.so_far[..length];
        let (services, values) = (&events.services[..length], &events.values[..length]);
        let mut count = 0usize;
        for event in 0..length {
            let own = self.own_cell(events.months[event], services[event]);
            own_cells[count] = own;
            if WEIGHTED {
                sums[count] = values[event].into();
            }
            count = count.wrapping_add(usize::from((own as usize) < self.reach));
            so_far[event] = count as u32;
        }
        for (end, last) in block.ends.iter_mut().zip(events.ends) {
            // Everybody in a snapshot has an event.
            *end = so_far[*last as usize - events.from - 1];
        }
        block.group_by_ends(people.len());
    }

    /// The same where events of one person can fall into one own cell, of which there are at most [`FEW`].
    #[inline(never)]
    pub(crate) fn few_own_cells<const WEIGHTED: bool, V: Copy + Into<u64>>(
        &self,
        people: &Range<usize>,
        values: &[V],
        block: &mut Block,
    ) {
        let events = self.events(people, values);
        let length = events.months.len();
        block.reserve(length);
        mark_last(&events, &mut block.is_last);
        let is_last = &block.is_last[..length];
        let (services, values) = (&events.services[..length], &events.values[..length]);
        if WEIGHTED {
            block.sums_of_few.fill(0);
        }
        let (present, sums) = (&mut block.present[..], &mut block.sums_of_few[..]);
        // The person, and a bit for each own cell so far.
        let (mut person, mut bits) = (0usize, 0u64);
        for event in 0..length {
            let own = self.own_cell(events.months[event], services[event]);
            let counted = (own as usize) < self.reach;
            bits |= u64::from(counted) << (own % FEW as u32);
            present[person] = bits;
            if WEIGHTED {
                let place = person.wrapping_mul(self.reach);
                let place = place.wrapping_add(if counted { own as usize } else { 0 });
                let value = if counted { values[event].into() } else { 0 };
                sums[place] = sums[place].wrapping_add(value);
            }
            person = person.wrapping_add(usize::from(is_last[event]));
            bits &= u64::from(is_last[event]).wrapping_sub(1);
        }
        block.group(people.len(), |block, person| {
            block.present[person].count_ones() as usize
        });
    }

    /// The same where there can be more.
    #[inline(never)]
    pub(crate) fn merged_own_cells<const WEIGHTED: bool, V: Copy + Into<u64>>(
        &self,
        people: &Range<usize>,
        values: &[V],
        block: &mut Block,
    ) {
        let events = self.events(people, values);
        let length = events.months.len();
        block.reserve(length);
        mark_last(&events, &mut block.is_last);
        let is_last = &block.is_last[..length];
        let (own_cells, sums) = (&mut block.own[..=length], &mut block.sums[..=length]);
        let (services, values) = (&events.services[..length], &events.values[..length]);
        let (ends, seen) = (&mut block.ends[..], &mut block.seen[..=self.reach]);
        seen.fill(0);
        // The person, where their own cells begin, and how many own cells there are.
        let (mut person, mut begin, mut count) = (0usize, 0usize, 0usize);
        for event in 0..length {
            let own = self.own_cell(events.months[event], services[event]);
            let counted = (own as usize) < self.reach;
            // One more than the place of this own cell, if it is this person's.
            let seen = &mut seen[(own as usize).min(self.reach)];
            let known = counted & (*seen as usize > begin);
            let at = if known {
                (*seen as usize).wrapping_sub(1)
            } else {
                count
            };
            *seen = (at as u32).wrapping_add(1);
            own_cells[at] = own;
            if WEIGHTED {
                let sum = if known { sums[at] } else { 0 };
                sums[at] = sum.wrapping_add(values[event].into());
            }
            count = count.wrapping_add(usize::from(counted & !known));
            ends[person] = count as u32;
            person = person.wrapping_add(usize::from(is_last[event]));
            begin = if is_last[event] { count } else { begin };
        }
        block.group_by_ends(people.len());
    }

    /// The own cell of an event, beyond the reach where it does not count.
    #[inline]
    fn own_cell(&self, month: u16, service: u8) -> u32 {
        let (service, period) = (
            self.of_service[usize::from(service)],
            self.of_month[usize::from(month) % MONTHS],
        );
        service.wrapping_add(period)
    }
}

/// Marks each person's last event.
fn mark_last<V>(events: &Events<'_, V>, is_last: &mut [bool]) {
    let is_last = &mut is_last[..events.months.len()];
    is_last.fill(false);
    for end in events.ends {
        // Everybody in a snapshot has an event, so that each of these is another one.
        is_last[*end as usize - events.from - 1] = true;
    }
}
