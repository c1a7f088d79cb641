//! The one pass: each unit adds at most Linf to each of at most L0 cells, by area, group and period.
//! Order of bounding: filter, add up per (unit, cell), clamp the sum, keep L0 cells, add up over units.

use crate::exact::Exact;
use crate::person::AsOf;
use crate::plain::Plain;
use crate::plan::{Place, Plan};
use crate::sampling::{Draws, choose};
use crate::slices::slices;
use query::{AggregateQuery, Measure};
use snapshot::{Home, HouseholdOf, PersonRow, Snapshot};
use std::num::NonZero;
use std::ops::Range;
use std::thread;
use taxonomy::Membership;
use taxonomy::model::Quantity;

/// Most threads of one answer; an answer must not take a whole office computer.
const MAX_THREADS: usize = 8;

/// The bounded aggregate of `query` over `snapshot`, cells in the order of the query's slices.
///
/// # Guarantee
/// Let S and S' be snapshots of registers that differ in one person's rows, under one key and edition
/// label. Then each slice's cells differ by at most its sensitivity in `price(query)` in Euclidean distance. For a slice
/// of a level:
///
/// - Every person's contribution is a vector with at most L0 non-zero cells, each in 1..=Linf. It is a
///   function of that person's own rows, the key, the label and, only where the query reads households, the
///   rows of the at most M kept members of their household.
/// - A query that reads no household: one such vector is added or removed.
/// - A query that reads households: people beyond the M kept members of their household contribute
///   nothing, so before and after at most M people of the one household concerned contribute, and the vectors of all other
///   people are the same. The difference of two sums x and y of at most M such vectors each satisfies
///   |x - y|^2 <= |x|^2 + |y|^2 <= 2 M^2 L0 Linf^2, because neither has a negative cell.
///   Were the people beyond M counted as 'household unknown', a displaced member would come on top, and
///   the distance could reach (M^2 + (M + 1)^2) L0 Linf^2.
/// - A query that counts households: a household's contribution is a function of its kept members' rows, the key and
///   the label, with at most L0 cells of 1. A person belongs to at most one household, so one vector x
///   becomes another, y, and |x - y|^2 <= 2 L0.
///
/// A unit lives in one area of the pass and so in one area of every level, and its cells there are the same.
///
/// The slice of what was cut off is a sum over units of 0..=K each: what a unit would have added beyond its L0 cells and
/// Linf in each, up to K. It is a function of the same things as the unit's cells.
///
/// Of a unit's more than L0 own cells, L0 are drawn without replacement. The draws come from keyed hashes: of the unit's
/// pseudonym, and of the edition and the keys of target, service and period that are asked. They are places in the order of
/// period, target and service, so that each of a person's cells is as likely to be kept as any other.
/// A household draws by its first kept member's pseudonym.
pub fn aggregate(query: &AggregateQuery, snapshot: &Snapshot) -> Exact<Vec<i64>> {
    let threads = thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, MAX_THREADS);
    aggregate_with_threads(query, snapshot, threads)
}

/// [`aggregate`] over so many threads. The result is the same for every number.
pub fn aggregate_with_threads(
    query: &AggregateQuery,
    snapshot: &Snapshot,
    threads: usize,
) -> Exact<Vec<i64>> {
    let plan = Plan::new(query, snapshot);
    let plain = Plain::new(&plan);
    let units = match plan.measure {
        Measure::Households => snapshot.household_count(),
        _ => snapshot.person_count(),
    };
    let share = units.div_ceil(threads.max(1)).max(1);
    let part = &|units: Range<usize>| match &plain {
        Some(plain) => plain.pass(units),
        None => plan.pass(units),
    };
    let totals = thread::scope(|scope| {
        // This thread works too.
        let workers: Vec<_> = (share..units)
            .step_by(share)
            .map(|first| scope.spawn(move || part(first..(first + share).min(units))))
            .collect();
        let mut totals = part(0..share.min(units));
        for worker in workers {
            // Unwrap safety: a worker only adds integers that cannot overflow (see `pass`), at indices
            // below the number of cells; were it to panic, no answer may be given.
            totals.add(&worker.join().expect("a worker of the kernel"));
        }
        totals
    });
    Exact::new(slices(query, &plan, &totals))
}

/// Sums over units.
pub(crate) struct Totals {
    /// Cells of the pass.
    pub(crate) cells: Vec<i64>,
    /// What the bounds cut off.
    pub(crate) cut_off: i64,
}

impl Totals {
    fn new(plan: &Plan<'_>) -> Totals {
        Totals {
            cells: vec![0; plan.cells],
            cut_off: 0,
        }
    }

    fn add(&mut self, other: &Totals) {
        for (cell, value) in self.cells.iter_mut().zip(&other.cells) {
            *cell += value;
        }
        self.cut_off += other.cut_off;
    }
}

/// One cell of one unit, before the choice of L0 of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct OwnCell {
    /// Where it stands among all that the unit could have.
    order: usize,
    index: usize,
    value: u32,
}

/// What one person did in one period, for one place of the service axis.
#[derive(Clone, Copy, Default)]
struct Use {
    events: u32,
    quantity: u64,
}

/// Space a worker reuses from unit to unit.
struct Scratch {
    own: Vec<OwnCell>,
    /// What the bound on each cell cut off the unit's.
    cut_off: u64,
    uses: Vec<Use>,
    firsts: Vec<u16>,
    /// Which of the query's predicates hold.
    membership: Membership,
}

impl<'a> Plan<'a> {
    /// The cells of some units, added up.
    ///
    /// Each unit adds at most 10^8 (`query::MAX_QUANTITY`) to a cell and there are fewer than 2^32 of them, so
    /// no cell reaches 2^59 and no sum overflows.
    fn pass(&self, units: Range<usize>) -> Totals {
        let mut totals = Totals::new(self);
        let mut scratch = Scratch {
            own: Vec::new(),
            cut_off: 0,
            uses: vec![Use::default(); self.slot_count],
            firsts: vec![u16::MAX; self.slot_count],
            membership: Membership::default(),
        };
        for unit in units {
            scratch.own.clear();
            scratch.cut_off = 0;
            let word = if self.measure == Measure::Households {
                self.household_cells(unit as u32, &mut scratch)
            } else {
                let person = self.snapshot.person(unit);
                if self.reads_household && person.household == HouseholdOf::Beyond {
                    continue;
                }
                self.person_cells(person, person.home, &mut scratch);
                person.word
            };
            let own = &mut scratch.own;
            if own.len() > self.keep {
                choose(own, self.keep, Draws::new(word, self.seed));
                let dropped = own.drain(self.keep..).map(|cell| u64::from(cell.value));
                scratch.cut_off += dropped.sum::<u64>();
            }
            for cell in own.iter() {
                totals.cells[cell.index] += i64::from(cell.value);
            }
            if let Some(bound) = self.cut_off {
                totals.cut_off += scratch.cut_off.min(bound.at_most.into()) as i64;
            }
        }
        totals
    }

    /// A household counts wherever at least one of its kept members does. Its home is that of its first member with a
    /// known home, and unknown where the address of any of them is protected: they live together. Returns its word.
    fn household_cells(&self, household: u32, scratch: &mut Scratch) -> u64 {
        let members = self.snapshot.household_members(household);
        let Some(first) = members.first() else {
            return 0;
        };
        let person = |place: &u32| self.snapshot.person(*place as usize);
        let unknown = Home::MicroArea(self.areas.unknown());
        let protected = members.iter().any(|place| person(place).protected);
        let home = (members.iter().filter(|_| !protected)).map(|place| person(place).home);
        let home = home.into_iter().find(|home| *home != unknown);
        for place in members {
            self.person_cells(person(place), home.unwrap_or(unknown), scratch);
        }
        scratch.own.sort_unstable();
        scratch.own.dedup();
        person(first).word
    }

    /// Adds the cells one person fills, of or for the unit that lives at `home`, in their order.
    fn person_cells(&self, person: PersonRow<'a>, home: Home, scratch: &mut Scratch) {
        let (Some(first), Some(last)) = (self.periods.first(), self.periods.last()) else {
            return;
        };
        let (first, last) = (first.first.index(), last.last.index());
        let mut at = person.months.partition_point(|month| *month < first);
        if self.measure == Measure::FirstTime {
            self.note_firsts(person, &mut scratch.firsts);
        }
        while let Some(next) = person.months.get(at).filter(|month| **month <= last) {
            let period = usize::from((next - first) / self.months_per_period);
            let end = self.periods[period].last.index();
            let length = person.months[at..].partition_point(|month| *month <= end);
            let events = at..at + length;
            at += length;
            self.note_uses(person, events.clone(), &mut scratch.uses);
            let as_of = AsOf::new(self.snapshot, person, &self.periods[period], events);
            self.period_cells(&as_of, period, home, scratch);
        }
    }

    /// Adds up what a person did in one period by place of the service axis.
    fn note_uses(&self, person: PersonRow<'_>, events: Range<usize>, uses: &mut [Use]) {
        uses.fill(Use::default());
        for at in events {
            let count = u32::from(person.counts[at]);
            let Some(Some(slot)) = self.slots.get(usize::from(person.services[at])) else {
                continue;
            };
            let used = &mut uses[usize::from(*slot)];
            used.events = used.events.saturating_add(count);
            match self.measure.quantity() {
                Some(Quantity::Amount) => used.quantity += u64::from(person.cents[at]),
                Some(Quantity::Duration) => used.quantity += u64::from(person.minutes[at]),
                None => {}
            }
        }
    }

    /// The month of a person's first counted event on record, by place of the service axis.
    fn note_firsts(&self, person: PersonRow<'_>, firsts: &mut [u16]) {
        firsts.fill(u16::MAX);
        for event in person.events() {
            if let Some(Some(slot)) = self.slots.get(usize::from(event.service)) {
                let first = &mut firsts[usize::from(*slot)];
                *first = event.month.min(*first);
            }
        }
    }

    /// The cells of one person in one period.
    fn period_cells(&self, as_of: &AsOf<'_>, period: usize, home: Home, scratch: &mut Scratch) {
        if scratch.uses.iter().all(|used| used.events == 0) {
            return;
        }
        self.predicates.evaluate(as_of, &mut scratch.membership);
        if !self.passes_filter(&scratch.membership) {
            return;
        }
        let area = usize::from(home.area(self.areas, self.level));
        let start = self.periods[period].first.index();
        for target in 0..self.target_count() {
            if !self.in_target(target, &scratch.membership) {
                continue;
            }
            for (slot, used) in scratch.uses.iter().enumerate() {
                let mut bin = 0;
                let unbounded = match self.measure {
                    _ if used.events == 0 => 0,
                    Measure::Persons | Measure::Households => 1,
                    Measure::FirstTime => u64::from(scratch.firsts[slot] >= start),
                    Measure::Events => u64::from(used.events),
                    Measure::Sum(_) => used.quantity,
                    Measure::Bins(_) => {
                        bin = self
                            .edges
                            .partition_point(|edge| u64::from(*edge) <= used.quantity);
                        1
                    }
                };
                if unbounded == 0 {
                    continue;
                }
                let value = unbounded.min(self.per_cell.into()) as u32;
                scratch.cut_off += unbounded - u64::from(value);
                let place = Place {
                    area,
                    target,
                    slot,
                    bin,
                    period,
                };
                scratch.own.push(OwnCell {
                    order: self.order(place),
                    index: self.index(place, as_of),
                    value,
                });
            }
        }
    }
}
