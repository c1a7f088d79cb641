//! From events to own cells: for a block of people, which cells each of them falls into, and with what sum.
//! No branch depends on a single event, so that the processor never has to guess.

use crate::plain::{MONTHS, Plain};
use crate::sampling::DRAWS_OF_A_WORD;
use std::ops::Range;

/// People of one block: what is known of their events stays in the processor's nearest memory.
pub(crate) const BLOCK: usize = 64;
/// Most own cells whose presence fits into one integer, beside a place for what does not count.
pub(crate) const FEW: usize = 63;
/// Most own cells of which every set stands in a table.
pub(crate) const FEWEST: usize = 12;
/// Sums of one person, where there are the fewest.
pub(crate) const STRIDE: usize = 16;
/// Sums of one person, where there are few.
pub(crate) const WIDE: usize = 64;
/// Places behind the last own cell that are read, and count for nothing; as many as the largest L0 of a table.
const BEHIND: usize = DRAWS_OF_A_WORD as usize;

/// Own cells of a block of people.
pub(crate) struct Block {
    /// For each event, whether it is its person's last.
    is_last: Vec<bool>,
    /// For each event, how many own cells there are up to it.
    so_far: Vec<u32>,
    /// Own cells, person by person.
    pub(crate) own: Vec<u32>,
    /// What events add to each own cell.
    pub(crate) sums: Vec<u64>,
    /// 0, then for each person where the own cells end.
    pub(crate) ends: [u32; BLOCK + 1],
    /// For the fewest own cells: for each person, out of [`Sets`].
    pub(crate) sets: [u64; BLOCK],
    /// Where there are few own cells: for each person, a bit for each one present.
    present: [u64; BLOCK],
    /// Where there are few own cells: for each person, what events add to each.
    sums_of_few: Vec<u64>,
    /// For each own cell, one more than the place where it stood last in `own`.
    seen: Vec<u32>,
    /// For sorting the own cells of one person.
    sorted: Vec<(u32, u32, u64)>,
}

/// All sets of the fewest own cells, each as the list of its members: four bits for each, then [`NO_CELL`], and their number in
/// the highest four.
pub(crate) struct Sets(Vec<u64>);

/// In a list of [`Sets`]: none. What events add to it stays 0.
pub(crate) const NO_CELL: usize = STRIDE - 1;

impl Sets {
    pub(crate) fn new(reach: usize) -> Sets {
        let members = |set: u32| (0..FEWEST as u64).filter(move |own| set >> own & 1 == 1);
        let list = |set: u32| {
            let listed = members(set).chain(std::iter::repeat(NO_CELL as u64));
            let listed = (0..).zip(listed).take(15);
            listed.fold(u64::from(set.count_ones()) << 60, |list, (place, own)| {
                list | own << (4 * place)
            })
        };
        Sets((0..1u32 << reach.min(FEWEST)).map(list).collect())
    }
}

impl Block {
    pub(crate) fn new(reach: usize) -> Block {
        let stride = if reach <= FEWEST {
            STRIDE
        } else if reach <= FEW {
            WIDE
        } else {
            0
        };
        Block {
            is_last: Vec::new(),
            so_far: Vec::new(),
            own: Vec::new(),
            sums: Vec::new(),
            ends: [0; BLOCK + 1],
            sets: [0; BLOCK],
            present: [0; BLOCK],
            sums_of_few: vec![0; BLOCK * stride],
            seen: vec![0; reach + 1],
            sorted: Vec::new(),
        }
    }

    /// Room for so many events, and as many own cells.
    fn reserve(&mut self, events: usize) {
        let room = self.is_last.len().max(events + 1);
        self.is_last.resize(room, false);
        self.so_far.resize(room, 0);
        self.own.resize(room + BEHIND, 0);
        self.sums.resize(room + BEHIND, 0);
    }

    /// Where the own cells of a person of the block are listed.
    #[inline]
    pub(crate) fn cells_of(&self, person: usize) -> Range<usize> {
        self.ends[person] as usize..self.ends[person + 1] as usize
    }

    /// Own cells of a person of the block and what events add to each, where they are listed.
    pub(crate) fn listed(&self, person: usize) -> impl Iterator<Item = (u32, u64)> {
        let cells = self.cells_of(person);
        let sums = self.sums[cells.clone()].iter();
        self.own[cells].iter().copied().zip(sums.copied())
    }

    /// What events add to the own cells of a person of the block, where there are the fewest.
    #[inline]
    pub(crate) fn sums_of_set(&self, person: usize) -> &[u64; STRIDE] {
        let sums = self.sums_of_few[person * STRIDE..].first_chunk();
        // Unwrap safety: a block of the fewest has room for the sums of each person.
        sums.expect("sums of a person")
    }

    /// Looks up the sets of own cells that are kept as bits.
    pub(crate) fn look_up(&mut self, sets: &Sets, people: usize) {
        for (set, present) in self.sets[..people].iter_mut().zip(&self.present) {
            *set = sets.0[*present as usize & (sets.0.len() - 1)];
        }
    }

    /// Lists own cells that are kept as bits.
    #[inline(never)]
    pub(crate) fn list_few(
        &mut self,
        people: usize,
        (reach, stride): (usize, usize),
        weighted: bool,
        cells: &[u32; WIDE],
    ) {
        let mut count = 0;
        for person in 0..people {
            let mut present = self.present[person] & !(u64::MAX << reach);
            while present != 0 {
                let own = present.trailing_zeros();
                present &= present - 1;
                self.own[count] = cells[own as usize];
                if weighted {
                    self.sums[count] = self.sums_of_few[person * stride + own as usize];
                }
                count += 1;
            }
            self.ends[person + 1] = count as u32;
        }
    }

    /// Brings the listed own cells of those who have more than `keep` into their order.
    #[inline(never)]
    pub(crate) fn sort_listed(&mut self, people: usize, keep: usize, order: impl Fn(u32) -> u32) {
        for person in 0..people {
            let cells = self.cells_of(person);
            if cells.len() <= keep {
                continue;
            }
            self.sorted.clear();
            let own = self.own[cells.clone()]
                .iter()
                .zip(&self.sums[cells.clone()]);
            (self.sorted).extend(own.map(|(own, sum)| (order(*own), *own, *sum)));
            self.sorted.sort_unstable();
            for (place, (_, own, sum)) in cells.zip(&self.sorted) {
                (self.own[place], self.sums[place]) = (*own, *sum);
            }
        }
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
    /// most 2^32 times that. An event that adds nothing to a sum makes no own cell.
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
            let value = values[event].into();
            own_cells[count] = own;
            if WEIGHTED {
                sums[count] = value;
            }
            let counted = self.counts::<WEIGHTED>(own, value);
            count = count.wrapping_add(usize::from(counted));
            so_far[event] = count as u32;
        }
        for (end, last) in block.ends[1..].iter_mut().zip(events.ends) {
            // Everybody in a snapshot has an event.
            *end = so_far[*last as usize - events.from - 1];
        }
    }

    /// The same as bits where events of one person can fall into one own cell, of which there are at most [`FEW`].
    #[inline(never)]
    pub(crate) fn few_own_cells<const STRIDE: usize, const WEIGHTED: bool, V: Copy + Into<u64>>(
        &self,
        people: &Range<usize>,
        values: &[V],
        block: &mut Block,
    ) {
        let events = self.events(people, values);
        let length = events.months.len();
        block.reserve(length);
        mark_last(&events, &mut block.is_last);
        if WEIGHTED {
            block.sums_of_few[..people.len() * STRIDE].fill(0);
        }
        let present = &mut block.present;
        let sums = &mut block.sums_of_few[..BLOCK * STRIDE];
        // The person, and a bit for each own cell so far.
        let (mut person, mut bits) = (0usize, 0u64);
        let each = events.months.iter().zip(events.services).zip(events.values);
        for (((month, service), value), is_last) in each.zip(&block.is_last) {
            // What does not count is put behind the own cells, where nobody looks.
            let own = (self.own_cell(*month, *service) as usize).min(self.reach) % STRIDE;
            let value = (*value).into();
            bits |= u64::from(!WEIGHTED | (value > 0)) << own;
            present[person % BLOCK] = bits;
            if WEIGHTED {
                let place = person.wrapping_mul(STRIDE) | own;
                sums[place] = sums[place].wrapping_add(value);
            }
            person = person.wrapping_add(usize::from(*is_last));
            bits &= u64::from(*is_last).wrapping_sub(1);
        }
    }

    /// The same as a list where there can be more.
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
        let (ends, seen) = (&mut block.ends[1..], &mut block.seen[..=self.reach]);
        seen.fill(0);
        // The person, where their own cells begin, and how many own cells there are.
        let (mut person, mut begin, mut count) = (0usize, 0usize, 0usize);
        for event in 0..length {
            let own = self.own_cell(events.months[event], services[event]);
            let value = values[event].into();
            let counted = self.counts::<WEIGHTED>(own, value);
            // One more than the place of this own cell, if it is this person's.
            let seen = &mut seen[(own as usize).min(self.reach)];
            let known = counted & (*seen as usize > begin);
            let at = if known {
                (*seen as usize).wrapping_sub(1)
            } else {
                count
            };
            // What is not counted leaves no trace.
            *seen = if counted {
                (at as u32).wrapping_add(1)
            } else {
                *seen
            };
            own_cells[at] = own;
            if WEIGHTED {
                let sum = if known { sums[at] } else { 0 };
                sums[at] = sum.wrapping_add(value);
            }
            count = count.wrapping_add(usize::from(counted & !known));
            ends[person % BLOCK] = count as u32;
            person = person.wrapping_add(usize::from(is_last[event]));
            begin = if is_last[event] { count } else { begin };
        }
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

    /// Whether an event counts in its own cell.
    #[inline]
    fn counts<const WEIGHTED: bool>(&self, own: u32, value: u64) -> bool {
        ((own as usize) < self.reach) & (!WEIGHTED | (value > 0))
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
